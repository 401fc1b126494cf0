"""Reading boards: counts from the daily counters, what is open from the open facts, and the list behind every number.

Cases that complain of a unit of the viewer's own lineage are left out of both (rights 4.2): they are few and indexed,
so they are taken off the counters one by one. What ended before it was read is counted and listed for the centre alone.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Case, Count, Exists, F, Func, OuterRef, Q, QuerySet, Value, When

from gongzhi.base import clock
from gongzhi.boards import rules
from gongzhi.boards.models import Day, Fact
from gongzhi.flow import queries as flow
from gongzhi.org.rules import Standing

ORIGINS = ("resident", "staff")
SOON = timedelta(hours=24)
SUM = """
SELECT d.scope_id, c.key, sum(c.value::int) FROM boards_day d, jsonb_each_text(d.counts) c
WHERE d.scope = %s AND d.scope_id = ANY(%s) AND d.origin = ANY(%s) AND d.date BETWEEN %s AND %s GROUP BY 1, 2
"""
GRID = Func(F("path"), template="(%(expressions)s)[cardinality(%(expressions)s)]", output_field=BigIntegerField())
BASES = {f"{rate.name}_base": rate for rate in rules.RATES if rate.overdue}  # denominators with overdue open ones


@dataclass(frozen=True)
class Scope:
    """A place or unit with all below it."""

    kind: str  # place or unit
    id: int
    name: str
    path: tuple[int, ...]
    level: str  # kind of the place or unit


@dataclass(frozen=True)
class Period:
    """From a day to a day, both included, by the day a request was opened."""

    name: str
    first: date
    last: date


@dataclass(frozen=True)
class View:
    """Whose numbers, of what, opened when, as who looks."""

    scope: Scope
    standing: Standing
    period: Period
    origin: str = "resident"

    @property
    def shelves(self) -> list[str]:
        """Name what is counted together: to the centre, which read it, also what ended unread."""
        read = self.origin == "resident" and any(h.unit_kind == "centre" for h in self.standing.held)
        return [self.origin, rules.KEPT_BACK] if read else [self.origin]


def facts(view: View) -> QuerySet[Fact]:
    """List the facts of a scope that the viewer may count, whenever opened."""
    rows = _of_shelves(view).filter(**{f"{_column(view)}__contains": [view.scope.id]})
    return rows.exclude(stage=rules.UNREAD).filter(_unbiased(view.standing))


def _of_shelves(view: View) -> QuerySet[Fact]:
    rows = Fact.objects.filter(origin=view.origin)
    return rows if rules.KEPT_BACK in view.shelves else rows.filter(unread=False)


def _unbiased(standing: Standing) -> Q:
    return ~Q(about_units__overlap=sorted(standing.lineage)) if standing.lineage else Q()


def counts(view: View) -> Counter[str]:
    """Count every measure of a scope in a period."""
    return counts_of(view, [view.scope.id])[view.scope.id]


def counts_of(view: View, scope_ids: Iterable[int]) -> dict[int, Counter[str]]:
    """Count every measure of several places or units in a period: {id: measures}."""
    ids = list(scope_ids)
    result: dict[int, Counter[str]] = {i: Counter() for i in ids}
    with connection.cursor() as cursor:
        cursor.execute(SUM, [view.scope.kind, ids, view.shelves, view.period.first, view.period.last])
        for scope_id, measure, n in cursor.fetchall():
            result[scope_id][measure] += n
    for path, measures in _hidden(view):
        for scope_id in set(path) & set(ids):
            result[scope_id].subtract(measures)
    return result


def _hidden(view: View) -> Iterable[tuple[list[int], list[str]]]:
    """Give paths and measures of what the viewer is recused from."""
    return _in_period(_recused(view), view.period).values_list(_column(view), "measures")


def _recused(view: View) -> QuerySet[Fact]:
    """List the complaints about the viewer's own lineage, by their small index."""
    rows = _of_shelves(view).filter(about_units__overlap=sorted(view.standing.lineage))
    return rows.exclude(about_units=[]) if view.standing.lineage else Fact.objects.none()


def _column(view: View) -> str:
    return "path" if view.scope.kind == "place" else "lead_path"


def is_now(name: str, now: datetime) -> Q:
    """Say which facts are open, overdue, due soon or held at this moment."""
    working = Q(closed_at=None, finished_at=None)
    return {
        "open": working,
        "overdue": working & Q(held_at=None, due__lt=now),
        "soon": working & Q(held_at=None, due__gte=now, due__lt=now + SOON),
        "held": working & Q(held_at__isnull=False),
    }[name]


def now_counts(view: View) -> dict[str, int]:
    """Count what is open, overdue, due soon and held at this moment, whenever opened."""
    now, rows = clock.now(), facts(view).filter(closed_at=None)
    return rows.aggregate(**{name: Count("pk", filter=is_now(name, now)) for name in rules.NOW})


@dataclass(frozen=True)
class Overdue:
    """What is overdue and open at this moment; `path` is of places or units, as the view's scope."""

    path: list[int]
    grid: int
    due: datetime
    in_period: bool


def overdue(view: View) -> list[Overdue]:
    """List what is overdue and open at this moment, longest first."""
    rows = facts(view).filter(is_now("overdue", clock.now())).order_by("due")
    first, after = _span(view.period)
    return [
        Overdue(path, places[-1], due, first <= opened_at < after)
        for path, places, due, opened_at in rows.values_list(_column(view), "path", "due", "opened_at")
    ]


def rates(n: Counter[str], overdue_in: int) -> list[dict[str, Any]]:
    """Work the rates out of counts and of the overdue open ones of the period.

    Each: {"rate", "part", "whole", "whole_list": the measure its denominator lists}.
    """
    return [
        {"rate": r, "part": n[r.part], "whole": n[r.whole] + (overdue_in if r.overdue else 0),
         "whole_list": f"{r.name}_base" if r.overdue else r.whole}
        for r in rules.RATES
    ]


def score(found: list[dict[str, Any]]) -> float | None:
    """Weigh the three rates of art. 32; None while one of them has no denominator."""
    by_name = {f["rate"].name: f for f in found}
    parts = [(by_name[name], weight) for name, weight in rules.WEIGHTS.items()]
    if any(not f["whole"] for f, _weight in parts):
        return None
    return sum(float(f["part"] / f["whole"] * weight) for f, weight in parts)


def listed(view: View, measure: str) -> QuerySet[Fact]:
    """List the facts a number counts; those of a moment whenever opened, unless asked for a period's."""
    rows, now = facts(view), clock.now()
    if measure in rules.NOW:
        return rows.filter(is_now(measure, now), closed_at=None)
    rows = _in_period(rows, view.period)
    if measure == "overdue_in":
        return rows.filter(is_now("overdue", now), closed_at=None)
    if measure in BASES:
        return rows.filter(Q(measures__contains=[BASES[measure].whole]) | (is_now("overdue", now) & Q(closed_at=None)))
    return rows.filter(measures__contains=[measure])


def _span(period: Period) -> tuple[datetime, datetime]:
    first, after = (datetime.combine(d, time(), clock.CHINA) for d in (period.first, period.last + timedelta(days=1)))
    return first, after


def _in_period(rows: QuerySet[Fact], period: Period) -> QuerySet[Fact]:
    first, after = _span(period)
    return rows.filter(opened_at__gte=first, opened_at__lt=after)


def by_grid(view: View, measure: str) -> dict[int, int]:
    """Count what is open or overdue now by grid."""
    rows = facts(view).filter(is_now(measure, clock.now()), closed_at=None)
    return dict(rows.annotate(grid=GRID).values_list("grid").annotate(n=Count("pk")))


def trend(view: View) -> list[tuple[date, int, int]]:
    """Count by day opened: how many came, and how many of them are finished; the last 31 days of the period."""
    first = max(view.period.first, view.period.last - timedelta(days=30))
    days = Day.objects.filter(scope=view.scope.kind, scope_id=view.scope.id, origin__in=view.shelves,
                              date__range=(first, view.period.last))
    n: Counter[tuple[date, str]] = Counter()
    for day, counted in days.values_list("date", "counts"):
        n.update({(day, measure): total for measure, total in counted.items()})
    for day, measures in _hidden_days(view):
        n.subtract({(day, m): 1 for m in measures})
    span = (view.period.last - first).days + 1
    return [(d, n[d, "opened"], n[d, "finished"]) for d in (first + timedelta(days=i) for i in range(span))]


def _hidden_days(view: View) -> Iterable[tuple[date, list[str]]]:
    rows = _recused(view).filter(**{f"{_column(view)}__contains": [view.scope.id]})
    kept = _in_period(rows, view.period).values_list("opened_at", "measures")
    return [(clock.local(opened_at).date(), measures) for opened_at, measures in kept]


def lag() -> datetime | None:
    """Tell when the counters were last brought up to date."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT read_at FROM log_cursor WHERE name = 'boards.facts'")
        row = cursor.fetchone()
    return row[0] if row else None


def rows_of(facts_page: QuerySet[Fact], standing: Standing) -> QuerySet[Fact]:
    """Order a list for its page, newest first, with what its rows show: a title only to who may see the case."""
    seen = flow.visible_to(standing).filter(pk=OuterRef("case_id"))
    title = Case(When(Exists(seen), then=F("case__title")), default=Value(""))
    return facts_page.select_related("case__place").annotate(title=title).order_by("-opened_at", "-case_id")
