"""Reading what was asked and sent; an empty parameter counts as absent. What is wrong is told all at once."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from gongzhi.base import clock, crypto
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.models import Place
from gongzhi.requests import actions
from gongzhi.requests import queries as matters
from gongzhi.requests.models import Category

Values = Mapping[str, str]  # a QueryDict: the last value of each name
SPAN = timedelta(days=90)
MOST = 1000  # requests in one answer
LAST_PAGE = 10_000
DESCRIPTION = 4000  # characters
ADDRESS_OF_MEDIA = 500  # characters, default, no source
STATUSES = ("open", "closed")
HAN = re.compile("[㐀-鿿]")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: a sentence, and 404 what is not there, 403 the key, 400 anything else."""

    description: str
    status: int = 400


class Wrong(Exception):
    """What was asked or sent cannot be: one fault or several."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("；".join(f.description for f in faults))
        self.faults = list(faults)


@dataclass(frozen=True)
class Search:
    """Which requests are asked for: by their cases' numbers (`ids`, then nothing else counts), or by what they are."""

    ids: list[int] | None = None
    categories: list[int] | None = None
    since: datetime | None = None
    until: datetime | None = None
    statuses: tuple[str, ...] = STATUSES
    page: int = 1
    size: int = MOST


# Parts ----------------------------------------------------------------------------------------------------------------


def text(values: Values, name: str) -> str:
    """Give a parameter without the white space around it; "" where it is absent or empty."""
    return str(values.get(name) or "").strip()


def words(values: Values, name: str) -> list[str]:
    """Give the parts of a parameter with commas, each once."""
    return list(dict.fromkeys(filter(None, (part.strip() for part in text(values, name).split(",")))))


def check_jurisdiction(values: Values) -> None:
    """Raise Wrong for a jurisdiction other than ours, which is the host name of GONGZHI_BASE_URL; none is ours too."""
    given = text(values, "jurisdiction_id")
    if given and given.lower() != (urlsplit(settings.BASE_URL).hostname or ""):
        raise Wrong(Fault(_("没有这个 jurisdiction_id。"), 404))


def veil(what: str, pk: int) -> str:
    """Give the id under which a row is public: neither its number nor a code that opens it."""
    return crypto.veil(f"open311:{what}", pk)


def unveil(what: str, shown: str) -> int | None:
    """Read what `veil` gave; None for anything else."""
    return crypto.unveil(f"open311:{what}", shown)


def services() -> list[Category]:
    """List what can be reported: the categories in force, by code, without the headings, which have no time limit."""
    return list(Category.objects.filter(active=True).exclude(limit="").select_related("parent").order_by("code"))


def service(code: str) -> Category:
    """Find a service by its code; raise Wrong (404)."""
    found = next((c for c in services() if c.code == code), None)
    if found is None:
        raise Wrong(Fault(_("没有 service_code 为 {code} 的服务。").format(code=code[:20]), 404))
    return found


# Searching ------------------------------------------------------------------------------------------------------------


def search(values: Values) -> Search:
    """Read which requests are asked for; raise Wrong."""
    if ids := words(values, "service_request_id"):
        if len(ids) > MOST:
            raise Wrong(Fault(_("service_request_id 最多 {n} 个。").format(n=MOST)))
        return Search(ids=[pk for pk in (unveil("request", shown) for shown in ids) if pk is not None])
    faults: list[Fault] = []
    since, until = span(values, faults)
    found = Search(categories=_categories(values, faults), since=since, until=until, statuses=_statuses(values, faults),
                   page=_count(values, "page", 1, LAST_PAGE, faults), size=_count(values, "page_size", MOST, MOST, faults))
    if faults:
        raise Wrong(*faults)
    return found


def span(values: Values, faults: list[Fault]) -> tuple[datetime, datetime]:
    """Read start_date and end_date: the last 90 days, or the 90 days from or up to the one that is given."""
    now = clock.now()
    start, end = _time(values, "start_date", faults), _time(values, "end_date", faults)
    try:
        until = end or (start + SPAN if start else now)
        since = start or until - SPAN
    except OverflowError:
        faults.append(Fault(_("日期太早或太晚。")))
        return now, now
    if since > until:
        faults.append(Fault(_("start_date 要早于 end_date。")))
    elif until - since > SPAN:
        faults.append(Fault(_("start_date 和 end_date 最多相隔 {n} 天。").format(n=SPAN.days)))
    return since, until


def _time(values: Values, name: str, faults: list[Fault]) -> datetime | None:
    given = re.sub(r" (?=\d\d:?\d\d$)", "+", text(values, name))  # a plus that nobody escaped
    if not given:
        return None
    try:
        read = datetime.fromisoformat(given)
        if read.tzinfo is None:
            raise ValueError
        return read.astimezone(clock.CHINA)
    except (ValueError, OverflowError):
        faults.append(Fault(_("{name} 应是带时区的 ISO 8601 时间，如 2026-03-02T09:00:00+08:00。").format(name=name)))
        return None


def _categories(values: Values, faults: list[Fault]) -> list[int] | None:
    codes = words(values, "service_code")
    known = dict(Category.objects.filter(code__in=codes).values_list("code", "pk")) if codes else {}
    faults += [Fault(_("没有 service_code 为 {code} 的服务。").format(code=code[:20]), 404) for code in codes
               if code not in known]
    return list(known.values()) if codes else None


def _statuses(values: Values, faults: list[Fault]) -> tuple[str, ...]:
    given = words(values, "status")
    if any(word not in STATUSES for word in given):
        faults.append(Fault(_("status 只能是 open 或 closed，或两个用逗号分开。")))
    return tuple(given) or STATUSES


def _count(values: Values, name: str, default: int, most: int, faults: list[Fault]) -> int:
    given = text(values, name)
    if not given:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) < 10 and 1 <= int(given) <= most):
        faults.append(Fault(_("{name} 应是 1 到 {most} 的整数。").format(name=name, most=most)))
        return default
    return int(given)


# Reporting ------------------------------------------------------------------------------------------------------------


def report(values: Values) -> actions.Report:
    """Read a report; raise Wrong with everything that is wrong. What says who or where a device is, is thrown away."""
    faults: list[Fault] = []
    chosen = _chosen(values, faults)
    spot = _spot(values, faults)
    said = _said(values, chosen, faults)
    if faults or spot is None or chosen is None:
        raise Wrong(*faults)
    lon, lat, compound_id = spot
    return actions.Report(
        lon, lat, words=said, address=text(values, "address_string"), compound_id=compound_id, name=_name(values),
        phone=text(values, "phone"), channel="open311", suggested=chosen)


def _chosen(values: Values, faults: list[Fault]) -> Category | None:
    code = text(values, "service_code")
    if not code:
        faults.append(Fault(_("请给出 service_code。")))
        return None
    try:
        return service(code)
    except Wrong as wrong:
        faults += wrong.faults
        return None


def _spot(values: Values, faults: list[Fault]) -> tuple[float, float, int | None] | None:
    """Find the point a report is about: (lon, lat, compound or None). A position goes before an id, that before words."""
    lat, lon = text(values, "lat"), text(values, "long")
    try:
        found = _position(lon, lat) if lat or lon else _named(text(values, "address_id"), text(values, "address_string"))
    except Wrong as wrong:
        faults += wrong.faults
        return None
    return found


def _position(lon: str, lat: str) -> tuple[float, float, int | None]:
    try:
        x, y = float(lon), float(lat)
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise Wrong(Fault(_("lat 和 long 要一起给，是 WGS-84 的度数。")))
    if index.locate(x, y) is None:
        raise Wrong(Fault(_("这个地点不在本区范围内，请重新选择。")))
    return x, y, None


def _named(code: str, words: str) -> tuple[float, float, int | None]:
    """Find a place by its code, or by words that mean exactly one compound or grid."""
    hits: list[Place | places.Hit]
    if code:
        place = places.by_code(code)
        hits = [place] if place and place.kind in matters.FINE else []
        sorry = _("没有这个 address_id，或它范围太大：请给小区或网格的编码，或经纬度。")
    elif words:
        hits = [hit for hit in places.search(words, kinds=("compound", "grid")) if _means(words, hit)]
        sorry = _("按 address_string 找到多个地点，请写得更具体，或给经纬度。") if hits else _(
            "按 address_string 没有找到地点，请给经纬度。")
    else:
        hits, sorry = [], _("请给出地点：lat 和 long，或 address_id，或 address_string。")
    if len(hits) != 1 or hits[0].lon is None or hits[0].lat is None:
        raise Wrong(Fault(sorry))
    hit = hits[0]
    lon, lat, _compound = _position(str(hit.lon), str(hit.lat))
    return lon, lat, hit.id if hit.kind == "compound" else None


def _means(words: str, hit: places.Hit) -> bool:
    """Say whether words name a place, or it them; what merely resembles it may be at the other end of the city."""
    return hit.name in words or words in hit.name or words == hit.code


def _said(values: Values, chosen: Category | None, faults: list[Fault]) -> str:
    """Give the words of a report: what was said, else the service's name; the address of a picture as a line of text.

    The picture is never fetched, since a stranger would choose whom we call; it stands there as words for who handles it.
    """
    said, media = text(values, "description"), text(values, "media_url")
    if len(said) > DESCRIPTION:
        faults.append(Fault(_("description 最多 {n} 字。").format(n=DESCRIPTION)))
    if media and not _is_address(media):
        faults.append(Fault(_("media_url 应是 http 或 https 地址，最多 {n} 个字符。").format(n=ADDRESS_OF_MEDIA)))
    line = _("对方给出的图片地址（系统没有打开过）：{address}").format(address=media) if media else ""
    return "\n".join(filter(None, [said or (chosen.name if chosen else ""), line]))


def _is_address(given: str) -> bool:
    try:
        parts = urlsplit(given)
    except ValueError:
        return False
    plain = given.isascii() and given.isprintable() and " " not in given and len(given) <= ADDRESS_OF_MEDIA
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _name(values: Values) -> str:
    """Join the names as they are said: 张三, but John Smith."""
    first, last = text(values, "first_name"), text(values, "last_name")
    return last + first if HAN.search(last + first) else f"{first} {last}".strip()
