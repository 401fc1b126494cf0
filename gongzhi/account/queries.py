"""Reading what people sign in with, and where they are signed in."""

from django.db.models import Q, QuerySet

from gongzhi.account import passwords
from gongzhi.account.models import RecoveryCode, SignedIn
from gongzhi.base import attempts, clock
from gongzhi.org import queries as org
from gongzhi.org.models import Person, Token

SHOWN = 20


def has_second(person: Person) -> bool:
    """Say whether a person has a second factor."""
    return person.factors.exists()


def recovery_left(person: Person) -> int:
    """Count the recovery codes that are still good."""
    return RecoveryCode.objects.filter(person=person, used_at=None).count()


def sign_ins(person: Person) -> QuerySet[SignedIn]:
    """List where a person is, and lately was, signed in, the newest first."""
    return person.sign_ins.order_by("-id")[:SHOWN]


def tokens(person: Person) -> QuerySet[Token]:
    """List a person's tokens of the API that still work."""
    return person.tokens.filter(Q(expires_at=None) | Q(expires_at__gt=clock.now()), revoked_at=None).order_by("-made_at")


def is_locked(person: Person) -> bool:
    """Say whether wrong tries have locked a person out."""
    return any(attempts.locked_until(key) for key in (passwords.lock_key(person.username), f"second:{person.pk}"))


def keepers() -> bool:
    """Say whether anybody is security administrator today: until then the system administrator stands in."""
    return org.current().filter(post__name="security", person__is_active=True).exists()
