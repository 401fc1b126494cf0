"""Rate limits on public forms: a small token bucket in each web process, enough to stop a flood from one address.

What must hold across processes (locks after wrong tries) is in attempts.py.
"""

import time
from collections import OrderedDict

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
