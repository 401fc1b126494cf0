"""Checking a name and a password, the same for the page and the API: wrong tries lock, the demo's password stays there."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from gongzhi.base import attempts, clock, limits
from gongzhi.log import actions as log
from gongzhi.org.actions import DEMO_PASSWORD
from gongzhi.org.models import FirstSignIn, Person
from gongzhi.org.rules import word_digest

TRIES, LOCK = 5, timedelta(minutes=15)
# Of one address; an office behind one may sign in of a morning, a flood of costly checks may not (default, no source).
PER_MINUTE, BURST = 30, 60


def check(request: HttpRequest, username: str, password: str) -> tuple[Person | None, str]:
    """Return the person, or None and the sentence to show. Five wrong tries lock a name for a quarter of an hour."""
    key = f"sign-in:{username.lower()}"[:120]
    if password == DEMO_PASSWORD and not settings.GONGZHI_DEMO:
        return None, _("演示密码只在演示中有效。")
    if not attempts.begin(key, limit=TRIES, lock=LOCK):
        return None, _("输错次数太多，请 15 分钟后再试。")
    person = authenticate(request, username=username, password=password)
    with transaction.atomic():
        if not isinstance(person, Person):
            return None, _("用户名或密码不对。")
        attempts.succeeded(key)
        log.append("person.sign_in", actor=f"person:{person.pk}", subject=("person", person.pk))
    return person, ""


def by_word(username: str, word: str) -> FirstSignIn | None:
    """Find who signs in for the first time, with the word he was given; it is too long to be found by trying."""
    rows = FirstSignIn.objects.filter(person__username=username, person__is_active=True, expires_at__gt=clock.now())
    return rows.filter(digest=word_digest(word)).select_related("person").first()


def too_many(request: HttpRequest) -> bool:
    """Count a try to sign in; say whether its address has made too many for now."""
    return not limits.allow("sign-in", limits.address(request), per_minute=PER_MINUTE, burst=BURST)
