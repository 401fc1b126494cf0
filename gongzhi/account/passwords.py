"""Checking a name and a password, the same for the page and the API: wrong tries lock, the demo's password stays there."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from gongzhi.base import attempts, limits
from gongzhi.log import actions as log
from gongzhi.org.models import Person

TRIES, LOCK = 5, timedelta(minutes=15)
# Of one address; an office behind one may sign in of a morning, a flood of costly checks may not (default, no source).
PER_MINUTE, BURST = 30, 60
DEMO_PASSWORD = "gongzhi-demo"
KNOWN, KNOWN_FOR = "known", timedelta(days=180)  # the cookie of a browser its person signed in with


def check(request: HttpRequest, username: str, password: str) -> tuple[Person | None, str]:
    """Return the person, or None and the sentence to show. Five wrong tries lock a name for a quarter of an hour.

    A browser in which the person has signed in before has a lock of its own: who locks a name from elsewhere does not
    lock its person out.
    """
    known = _known(request, username)
    key = known or lock_key(username)
    if password == DEMO_PASSWORD and not settings.GONGZHI_DEMO:
        return None, _("演示密码只在演示中有效。")
    if not attempts.begin(key, limit=TRIES, lock=LOCK):
        return None, _("输错次数太多，请 15 分钟后再试；急用请找安全管理员解锁，登记过通行密钥的可以直接用它登录。")
    person = authenticate(request, username=username, password=password)
    if not isinstance(person, Person):
        _note_lock(username, key)
        return None, _("用户名或密码不对。")
    attempts.succeeded(key)
    return person, ""


def lock_key(username: str) -> str:
    """Name the lock of a user name."""
    return f"sign-in:{username.lower()}"[:120]


@transaction.atomic
def _note_lock(username: str, key: str) -> None:
    """Write down that wrong tries have locked somebody's name, once for each lock; of names nobody has nothing is kept."""
    person = Person.objects.filter(username=username).first()
    if person and attempts.locked_until(key):
        log.append("person.locked", actor="system", subject=("person", person.pk))


def too_many(request: HttpRequest) -> bool:
    """Count a try to sign in; say whether its address has made too many for now."""
    return not limits.allow("sign-in", limits.address(request), per_minute=PER_MINUTE, burst=BURST)


def known_cookie(person: Person) -> str:
    """Make what a browser keeps of a person who signed in with it."""
    return signing.dumps([person.username.lower(), secrets.token_hex(8)], salt=KNOWN)


def _known(request: HttpRequest, username: str) -> str:
    """Name the lock of a browser that this name has signed in with before; "" of any other."""
    try:
        name, mark = signing.loads(request.COOKIES.get(KNOWN, ""), salt=KNOWN, max_age=KNOWN_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return f"{lock_key(username)[:80]}:{mark}" if name == username.lower() else ""
