"""The only clock in the code, so that tests and the demo can live through ninety days in a minute."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")  # one zone, no summer time since 1991
_frozen: ContextVar[datetime | None] = ContextVar("frozen", default=None)


def now() -> datetime:
    """Tell the time, aware, in China's zone; a travelled time if one is set in this context."""
    return _frozen.get() or datetime.now(CHINA)


def today() -> date:
    """Tell the date in China."""
    return now().date()


def local(moment: datetime) -> datetime:
    """Show a moment on a clock in China."""
    return moment.astimezone(CHINA)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Hold the clock at a moment inside a `with` block."""
    token = _frozen.set(moment.astimezone(CHINA))
    try:
        yield
    finally:
        _frozen.reset(token)
