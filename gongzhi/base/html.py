"""The Jinja2 environment of all pages: how times, durations and private numbers are said, and where files are."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext, ngettext
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from gongzhi.base import clock, links

# Bare names that modules import each other by. MapLibre finds its worker beside itself, so it keeps its own name.
MODULES = {
    "maplibre-gl": "vendor/maplibre-gl.mjs",
    "echarts": "vendor/echarts.esm.min.mjs",
    **{f"gz/{name}": f"js/{name}.mjs" for name in (
        "map", "charts", "recorder", "shots", "position", "point", "draft", "toast", "hits", "picks", "snippets", "bell",
        "passkey")},
}
DUE_SOON = 0.8  # share of the time used from which a matter is shown as due soon (default, no source)


def environment(**options: Any) -> Environment:
    """Build the environment that settings.TEMPLATES names."""
    options.setdefault("trim_blocks", True)
    options.setdefault("lstrip_blocks", True)
    options.setdefault("undefined", StrictUndefined)
    env = Environment(extensions=["jinja2.ext.i18n"], **options)
    env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(
        static=cache(static) if settings.HASHED_STATIC else static,
        url=url, url_or_none=url_or_none, import_map=import_map, tiles=tiles,
    )
    env.filters.update(
        timeleft=timeleft, exact=exact, when=when, day=day, span=span, duration=duration,
        mask_phone=mask_phone, mask_name=mask_name, count=count, percent=percent, redacted=links.redacted,
    )  # fmt: skip
    return env


# Addresses


def url(name: str, *args: Any, **kwargs: Any) -> str:
    """Give the address of a named page; keywords that no address knows become its query."""
    if not args and not kwargs:
        return _fixed(name)
    query = kwargs.pop("query", None)
    return reverse(name, args=args or None, kwargs=kwargs or None, query=query)


@cache
def _fixed(name: str) -> str:
    """Remember the addresses that have no part to fill in: a page names dozens."""
    return reverse(name)


def url_or_none(name: str, *args: Any, **kwargs: Any) -> str | None:
    """Give the address of a page of a room that may not be installed."""
    try:
        return url(name, *args, **kwargs)
    except NoReverseMatch:
        return None


def tiles() -> dict[str, str]:
    """Give the base map's address and whose it is; both empty where the city has set none."""
    return {"tiles": settings.TILE_URL, "attribution": settings.TILE_ATTRIBUTION}


@cache
def import_map() -> Markup:
    """Write the import map; the only inline script of any page."""
    names = {name: static(path) for name, path in MODULES.items()}
    return Markup(json.dumps({"imports": names}, separators=(",", ":")))


@cache
def import_map_hash() -> str:
    """Give the source expression that lets the import map through the content security policy."""
    digest = hashlib.sha256(import_map().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


# Time


@dataclass(frozen=True)
class TimeLeft:
    """What to say about a deadline: state, words, the exact time, and the share of the time that is used (0–100)."""

    state: str
    words: str
    exact: str
    used: int


def timeleft(due_at: datetime | None, since: datetime | None = None, held: bool = False) -> TimeLeft:
    """Say how much time is left before a deadline that began to run at `since`."""
    if held:
        return TimeLeft("wait", gettext("已暂停"), exact(due_at) if due_at else "", 0)
    if due_at is None:
        return TimeLeft("wait", gettext("不设时限"), "", 0)
    left, used = due_at - clock.now(), _used(due_at, since)
    if left < timedelta():
        return TimeLeft("late", gettext("超期 %(span)s") % {"span": span(-left)}, exact(due_at), 100)
    state = "due" if used >= DUE_SOON * 100 else "intime"
    return TimeLeft(state, gettext("还剩 %(span)s") % {"span": span(left)}, exact(due_at), used)


def _used(due_at: datetime, since: datetime | None) -> int:
    if since is None or due_at <= since:
        return 0
    return max(0, min(100, round((clock.now() - since) / (due_at - since) * 100)))


def span(length: timedelta) -> str:
    """Say a length of time as people do: in one unit, rounded down."""
    minutes = int(length.total_seconds()) // 60
    if minutes < 60:
        return ngettext("%(n)s 分钟", "%(n)s 分钟", minutes) % {"n": minutes}
    if minutes < 48 * 60:
        return ngettext("%(n)s 小时", "%(n)s 小时", minutes // 60) % {"n": minutes // 60}
    return ngettext("%(n)s 天", "%(n)s 天", minutes // 1440) % {"n": minutes // 1440}


def duration(text: str) -> str:
    """Say a duration of a process file: 2h, 5d, 24h calendar."""
    found = re.fullmatch(r"(\d+)([mhd])( calendar)?", text.strip())
    if not found:
        return text
    number, unit, calendar = int(found[1]), found[2], bool(found[3])
    words = {
        "m": gettext("%(n)s 分钟"),
        "h": gettext("%(n)s 小时") if calendar else gettext("%(n)s 个工作小时"),
        "d": gettext("%(n)s 个自然日") if calendar else gettext("%(n)s 个工作日"),
    }
    return words[unit] % {"n": number}


def exact(at: datetime | None) -> str:
    """Write a time to the minute, for titles and slips."""
    return f"{clock.local(at):%Y-%m-%d %H:%M}" if at else ""


def when(at: datetime | None) -> str:
    """Write a time as one says it today: 今天 17:40, 昨天 09:10, 11月18日 19:02."""
    if at is None:
        return ""
    return f"{day(at)} {clock.local(at):%H:%M}"


def day(at: datetime) -> str:
    """Write a day as one says it today."""
    local, today = clock.local(at).date(), clock.today()
    near = {-1: gettext("昨天"), 0: gettext("今天"), 1: gettext("明天")}
    if (local - today).days in near:
        return near[(local - today).days]
    if local.year == today.year:
        return gettext("%(month)s月%(day)s日") % {"month": local.month, "day": local.day}
    return gettext("%(year)s年%(month)s月%(day)s日") % {"year": local.year, "month": local.month, "day": local.day}


# Numbers and private words


def mask_phone(number: str) -> str:
    """Show a phone number by its first three digits, never by its last: with the code they open a matter."""
    digits = re.sub(r"\D", "", number or "")
    shown = digits[: min(3, max(0, len(digits) - 8))]
    return shown + "*" * (len(digits) - len(shown))


def mask_name(name: str) -> str:
    """Show a name by its family name."""
    return f"{name[0]}{'*' * (len(name) - 1)}" if name else ""


def count(number: int | None) -> str:
    """Write a number with its thousands."""
    return "—" if number is None else f"{number:,}"


def percent(part: int, whole: int) -> str:
    """Write a rate; a zero denominator is no rate."""
    return f"{part / whole * 100:.1f}%" if whole else "—"
