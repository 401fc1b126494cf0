"""Locks after wrong tries: a tracking code, a sign-in. Kept in the database, so that every process sees them."""

from datetime import datetime, timedelta

from django.db import transaction

from gongzhi.base import clock
from gongzhi.base.models import Attempts


@transaction.atomic
def begin(key: str, *, limit: int, lock: timedelta) -> bool:
    """Count a try before it is made, and say whether it may be; the last one of the limit locks the key.

    Counted first and under the row's lock: many tries at once are as many as one after the other.
    """
    now = clock.now()
    row, _ = Attempts.objects.select_for_update().get_or_create(key=key, defaults={"since": now})
    if row.locked_until and row.locked_until > now:
        return False
    if now - row.since > lock:
        row.n, row.since = 0, now
    row.n += 1
    if row.n >= limit:
        row.n, row.locked_until = 0, now + lock
    row.save()
    return True


def succeeded(key: str) -> None:
    """Forget the tries of a key: the last one was right."""
    Attempts.objects.filter(key=key).delete()


def locked_until(key: str) -> datetime | None:
    """Tell until when a key is locked; None where it is not."""
    row = Attempts.objects.filter(key=key, locked_until__gt=clock.now()).first()
    return row.locked_until if row else None
