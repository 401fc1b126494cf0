"""Reading: where an order lies, which of our categories is meant, what waits and what went wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from gongzhi.base import clock
from gongzhi.flow import queries as flow
from gongzhi.hotline import rules
from gongzhi.hotline.models import Arrival, CategoryMap, Order, Outgoing, Source
from gongzhi.org.rules import Standing
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.index import Found
from gongzhi.requests.models import Category

PAGE = 30
CENTRE = ("district", "city")  # levels whose dispatchers are the centre's
TO_LOOK_AT = ("parked", "refused", "faulty", "gone")


# Where and what -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Placed:
    """Where an order lies: a point, or else the area as far as it is known."""

    lon: float | None = None
    lat: float | None = None
    compound_id: int | None = None
    area: Found | None = None

    @property
    def certain(self) -> bool:
        return self.lon is not None


def placed(source: Source, address: str, lon: float | None = None, lat: float | None = None) -> Placed:
    """Place an order: by its position, by the one compound or grid its address names, else by community or street.

    A place that merely resembles what is written is none: it may be at the other end of the city. Of an order that
    names nothing the source's own area is all that is known; an operator finds the point.
    """
    if lon is not None and lat is not None and index.locate(lon, lat):
        return Placed(lon, lat)
    fine = _named(source, address, ("compound", "grid"))
    if len(fine) == 1 and fine[0].lon is not None and fine[0].lat is not None and index.locate(fine[0].lon, fine[0].lat):
        return Placed(fine[0].lon, fine[0].lat, fine[0].id if fine[0].kind == "compound" else None)
    for kinds in (("community",), ("street",)):
        wide = _named(source, address, kinds)
        if len(wide) == 1:
            return Placed(area=Found(wide[0].id, wide[0].path))
    return Placed(area=Found(source.area_id, tuple(source.area.path)))


def _named(source: Source, address: str, kinds: tuple[str, ...]) -> list[places.Hit]:
    """List the places of a source's area whose whole name stands in an address."""
    found = places.search(address, within=source.area_id, kinds=kinds) if address else []
    return [hit for hit in found if hit.name in address]


def mapped(source: Source, code: str, name: str) -> Category | None:
    """Find which of our categories a source means by a code or name of its own."""
    for theirs in filter(None, (code, name)):
        row = CategoryMap.objects.select_related("category").filter(source=source, theirs=theirs).first()
        if row and row.category:
            return row.category
    return None


def ours_called(name: str) -> Category | None:
    """Find the one category of ours that has just this name."""
    found = list(Category.objects.filter(name=name, active=True).exclude(limit="")[:2]) if name else []
    return found[0] if len(found) == 1 else None


def sources() -> QuerySet[Source]:
    return Source.objects.select_related("area").order_by("title", "id")


def by_key(key: str) -> Source | None:
    """Find a hotline that may send us orders now."""
    return Source.objects.select_related("area").filter(key=key[:24], active=True).first()


def of_cases(ids: Iterable[int]) -> QuerySet[Order]:
    """List the orders that are, go on in, or were certain cases."""
    wanted = list(ids)
    return Order.objects.filter(Q(case__in=wanted) | Q(goes_on_in__in=wanted) | Q(former__overlap=wanted)).select_related("source")


def known_numbers(source: Source, numbers: Iterable[str]) -> dict[str, str]:
    """Say which numbers of a source are here already, and as what code: {number: code}."""
    rows = Order.objects.filter(source=source, number__in=list(numbers))
    return dict(rows.values_list("number", "case__code"))


# Lists ----------------------------------------------------------------------------------------------------------------


def of_centre(standing: Standing) -> bool:
    """Say whether a person is of the centre that takes orders in, not of a street."""
    return any(h.post in ("operator", "admin") or (h.post == "dispatcher" and h.unit_level in CENTRE) for h in standing.held)


def orders(standing: Standing, *, q: str = "", state: str = "", source: int = 0) -> QuerySet[Order]:
    """List the orders whose cases a person may see, the newest first."""
    rows = Order.objects.filter(case__in=flow.visible_to(standing)).select_related("case", "goes_on_in", "source")
    rows = rows.filter(number__startswith=rules.number(q) or "-") if q else rows
    rows = rows.filter(state=state) if state else rows
    return (rows.filter(source=source) if source else rows).order_by("-taken_at", "-id")


def outgoing(standing: Standing, *, state: str = "", source: int = 0, q: str = "") -> QuerySet[Outgoing]:
    """List what went or goes out of orders whose cases a person may see, the newest first."""
    rows = Outgoing.objects.filter(order__case__in=flow.visible_to(standing)).select_related("order__case", "source")
    rows = rows.filter(state=state) if state else rows
    rows = rows.filter(order__number=rules.number(q)) if q else rows
    return (rows.filter(source=source) if source else rows).order_by("-id")


def arrivals(standing: Standing, *, state: str = "", source: int = 0, q: str = "") -> QuerySet[Arrival]:
    """List the messages somebody should look at, the newest first; those of an order as far as its case may be seen."""
    seen = Q(order=None) | Q(order__case__in=flow.visible_to(standing))
    rows = Arrival.objects.filter(seen, state__in=[state] if state in TO_LOOK_AT else TO_LOOK_AT)
    rows = rows.filter(number=rules.number(q)) if q else rows
    return (rows.filter(source=source) if source else rows).select_related("order__case", "source").order_by("-id")


@dataclass(frozen=True)
class Page:
    """A page by id; `next` is the id the following page begins after, 0 at the end."""

    rows: list[Any]
    next: int


def page(rows: QuerySet[Any], before: int) -> Page:
    """Cut a page of what is listed newest first."""
    found = list((rows.filter(pk__lt=before) if before else rows)[: PAGE + 1])
    return Page(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else 0)


def page_of_orders(rows: QuerySet[Order], after: str) -> tuple[list[Order], str]:
    """Cut a page of orders by the moment they were taken in and their id."""
    at, _sep, last = after.partition("~")
    if last.isascii() and last.isdecimal() and len(last) < 19:
        try:
            moment = datetime.fromisoformat(at)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=clock.CHINA)
            rows = rows.filter(Q(taken_at__lt=moment) | Q(taken_at=moment, pk__lt=int(last)), taken_at__lte=moment)
        except ValueError:
            pass
    found = list(rows[: PAGE + 1])
    more = f"{found[PAGE - 1].taken_at.isoformat()}~{found[PAGE - 1].pk}" if len(found) > PAGE else ""
    return found[:PAGE], more


def to_do(standing: Standing) -> dict[str, int]:
    """Count what somebody must look at: {"failed", "waiting", "kept", "arrivals", "unmapped"}."""
    visible = Outgoing.objects.filter(order__case__in=flow.visible_to(standing), state__in=["failed", "waiting", "kept"])
    counted = dict(visible.order_by().values_list("state").annotate(n=Count("pk")))
    return {"failed": 0, "waiting": 0, "kept": 0, **counted, "arrivals": arrivals(standing).order_by().count(),
            "unmapped": CategoryMap.objects.filter(category=None).count()}


def categories(source: int = 0, *, unmapped: bool = False) -> QuerySet[CategoryMap]:
    """List what sources call their categories, those nobody has mapped first, the most frequent before others."""
    rows = CategoryMap.objects.select_related("source", "category")
    rows = rows.filter(category=None) if unmapped else rows
    rows = rows.filter(source=source) if source else rows
    return rows.order_by(F("category").asc(nulls_first=True), "-n", "pk")


# What goes out --------------------------------------------------------------------------------------------------------


def next_to_send(but: Iterable[int] = ()) -> QuerySet[Outgoing]:
    """List what may be sent now: of one order the earlier message first, so that the hotline reads it in order.

    `but`: sources that are down.
    """
    earlier = Outgoing.objects.filter(order=OuterRef("order"), state=Outgoing.WAITING, pk__lt=OuterRef("pk"))
    due = Outgoing.objects.filter(~Exists(earlier), state=Outgoing.WAITING, try_at__lte=clock.now(),
                                  source__active=True).exclude(source__url="").exclude(source__in=list(but))
    return due.order_by("try_at", "pk")


def answers(source: Source) -> QuerySet[Outgoing]:
    """List the answers of a source that go into a sheet, oldest first."""
    rows = Outgoing.objects.filter(source=source, event__in=rules.ANSWERS)
    return rows.select_related("order__case").order_by("made_at", "pk")


def answers_of(source: Source, day: date) -> QuerySet[Outgoing]:
    """List the answers of one day."""
    start = datetime(day.year, day.month, day.day, tzinfo=clock.CHINA)
    return answers(source).filter(made_at__gte=start, made_at__lt=start + timedelta(days=1))


def answers_new(source: Source) -> QuerySet[Outgoing]:
    """List the answers that were neither sent nor handed over."""
    return answers(source).filter(state__in=[Outgoing.KEPT, Outgoing.WAITING, Outgoing.FAILED])
