"""Rate limits on public forms: a small token bucket in each web process, enough to stop a flood from one address.

What must hold across processes (locks after wrong tries) is in attempts.py.
"""

import time
from collections import OrderedDict

from django.conf import settings
from django.http import HttpRequest

_buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
_KEPT = 20_000


def allow(name: str, who: str, *, per_minute: float, burst: int) -> bool:
    """Take one token from the bucket of `who` for `name`; say whether there was one."""
    now = time.monotonic()
    tokens, then = _buckets.pop((name, who), (float(burst), now))
    tokens = min(float(burst), tokens + (now - then) * per_minute / 60)
    _buckets[name, who] = (tokens - 1 if tokens >= 1 else tokens, now)
    if len(_buckets) > _KEPT:
        _buckets.popitem(last=False)
    return tokens >= 1


def address(request: HttpRequest) -> str:
    """Tell the caller's address, past as many proxies as are ours."""
    hops = settings.PROXY_HOPS
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return forwarded[-hops] if hops and len(forwarded) >= hops else str(request.META.get("REMOTE_ADDR", ""))


def forget() -> None:
    """Fill every bucket."""
    _buckets.clear()
