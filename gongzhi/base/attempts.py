"""Locks after wrong tries: a tracking code, a sign-in. Kept in the database, so that every process sees them."""

from datetime import timedelta

from gongzhi.base import clock
from gongzhi.base.models import Attempts


def locked(key: str) -> bool:
    """Say whether a key is locked now."""
    return Attempts.objects.filter(key=key, locked_until__gt=clock.now()).exists()


def failed(key: str, *, limit: int, lock: timedelta) -> bool:
    """Count a wrong try; lock the key at the limit. Say whether it is locked now."""
    now = clock.now()
    row, _ = Attempts.objects.select_for_update().get_or_create(key=key, defaults={"since": now})
    if now - row.since > lock:
        row.n, row.since = 0, now
    row.n += 1
    if row.n >= limit:
        row.n, row.locked_until = 0, now + lock
    row.save()
    return row.locked_until is not None and row.locked_until > now


def succeeded(key: str) -> None:
    """Forget the wrong tries of a key."""
    Attempts.objects.filter(key=key).delete()
