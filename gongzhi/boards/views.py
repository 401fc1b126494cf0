"""Boards: of a place and of a unit, the list behind every number, grids for the map, days for the chart."""

import json
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from gongzhi.base import clock
from gongzhi.base.access import access
from gongzhi.boards import access as boards_access
from gongzhi.boards import export, queries, rules
from gongzhi.boards.queries import Period, Scope, View
from gongzhi.org.models import Unit
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.models import Place

PAGE = 50
DAYS = {"today": 0, "7d": 6, "30d": 29, "90d": 89, "year": 364}
DEFAULT = "30d"
EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)  # days an address may name: the calendar of the database ends
SCARCE = 20  # one open matter in so many may lie off the map
BELOW = {"city": "district", "district": "street", "street": "community", "community": "grid"}
STEPS_OF = 16  # open matters of the busiest grid that the plain steps 1, 2, 4, 8 are made for


@access("staff")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Begin with the board of the highest place, or the unit, of who asks."""
    own = boards_access.own(request.standing)  # type: ignore[attr-defined]
    if own is None:
        raise Http404
    query = request.GET.urlencode()
    return redirect(reverse(f"boards:{own[0]}", args=[own[1]]) + (f"?{query}" if query else ""))


@access("staff")
@require_GET
def place(request: HttpRequest, scope_id: int) -> HttpResponse:
    """Show the board of a place."""
    scope = _scope(request, "place", scope_id)
    below = [n for n in index.current().children.get(scope.id, []) if n.kind != "compound"]
    mine = request.standing.places  # type: ignore[attr-defined]
    crumbs = [(reverse("boards:place", args=[n.id]), n.name) for n in places.breadcrumbs(scope.path[:-1])
              if mine & set(n.path)]
    found = Place.objects.only("lon", "lat", "outline").get(pk=scope.id)
    view = _view(request, scope)
    n = queries.by_grid(view, "open")
    held, boxes = _held(n), places.boxes(BELOW.get(scope.level, "grid"), scope.id)
    shown = _on_map(boxes, held)
    off_map = [(index.name_of(i), held[i], _address(_below(view, i, index.name_of(i)), "_list", m="open"))
               for i in boxes if i not in shown]
    return _board(request, scope, [(n.id, n.name) for n in below], crumbs, ramp=_ramp(n), off_map=off_map,
                  bounds=_corners([boxes[i] for i in shown]) if shown else places.bounds(found),
                  centre=(found.lon, found.lat) if found.lon is not None else None, zoom=11)


Box = tuple[float, float, float, float]  # west, south, east, north


def _held(grids: dict[int, int]) -> Counter[int]:
    """Count by every place what its grids hold."""
    held = Counter[int]()
    for node, n in [(index.node(grid), n) for grid, n in grids.items()]:
        held.update(dict.fromkeys(node.path if node else (), n))
    return held


def _on_map(boxes: dict[int, Box], held: Counter[int]) -> list[int]:
    """Choose which parts of a place its map shows whole: a district may be mountains for nine tenths.

    A part stays off where the map is twice as close without it and hardly any open matter lies there.
    """
    shown, off, total = list(boxes), 0, sum(held[i] for i in boxes)
    while len(shown) > 1:
        far = min(shown, key=lambda i: _area([boxes[j] for j in shown if j != i]))
        rest = [i for i in shown if i != far]
        off += held[far]
        if 2 * _area([boxes[i] for i in rest]) >= _area([boxes[i] for i in shown]) or off * SCARCE > total or not total:
            break
        shown = rest
    return shown


def _area(boxes: list[Box]) -> float:
    (west, south), (east, north) = _corners(boxes)
    return (east - west) * (north - south)


def _corners(boxes: list[Box]) -> list[list[float]]:
    west, south, east, north = zip(*boxes, strict=True)
    return [[min(west), min(south)], [max(east), max(north)]]


@access("staff")
@require_GET
def unit(request: HttpRequest, scope_id: int) -> HttpResponse:
    """Show the board of a unit."""
    scope = _scope(request, "unit", scope_id)
    below = Unit.objects.filter(parent=scope.id, active_to=None).order_by("id").values_list("pk", "short_name")
    rows = queries.listed(_view(request, scope), "overdue")
    return _board(request, scope, list(below), [], urgent=list(
        queries.rows_of(rows, request.standing).order_by("due", "case_id")[:12]))  # type: ignore[attr-defined]


def _board(request: HttpRequest, scope: Scope, below: list[tuple[int, str]], crumbs: list[tuple[str, str]],
           **more: Any) -> HttpResponse:
    view = _view(request, scope)
    n, now, overdue = queries.counts(view), queries.now_counts(view), queries.overdue(view)
    staff = View(scope, view.standing, view.period, "staff")
    staff_n, staff_rates = queries.counts(staff), queries.rates(queries.counts(staff), _in_period(queries.overdue(staff)))
    rates = queries.rates(n, _in_period(overdue))
    wall = request.GET.get("wall") == "1"
    return render(request, "boards/board.html", {
        "scope": scope, "view": view, "n": n, "now": now, "rates": rates,
        "score": queries.score(rates), "rules": rules, "staff": staff_n,
        "staff_rates": [r for r in staff_rates if r["rate"].name == "on_time"], "bands": _bands(view, below, overdue),
        "crumbs": crumbs, "periods": _periods(), "wall": wall, "dark": wall,
        "oldest": overdue[0].due if overdue else None, "read_at": queries.lag(), "link": _links(view, wall),
        "trend": _days(view), "tags": _tags(view, overdue) if scope.kind == "place" else "[]",
        "other": _address(view, wall=not wall), **more,
    })


def _scope(request: HttpRequest, kind: str, scope_id: int) -> Scope:
    """Get the place or unit of an address, if its board is open to who asks."""
    door = {"place": boards_access.place, "unit": boards_access.unit}[kind]
    return door(request.standing, scope_id)  # type: ignore[attr-defined]


def _in_period(overdue: list[queries.Overdue]) -> int:
    return sum(one.in_period for one in overdue)


def _view(request: HttpRequest, scope: Scope) -> View:
    origin = request.GET.get("origin", "resident")
    standing = request.standing  # type: ignore[attr-defined]
    return View(scope, standing, _period(request), origin if origin in queries.ORIGINS else "resident")


def _period(request: HttpRequest) -> Period:
    """Read the period of the address: a name, or two days; anything else is the default."""
    today, name = clock.today(), request.GET.get("period", DEFAULT)
    try:
        first, last = (date.fromisoformat(request.GET[k]) for k in ("from", "to"))
        if EARLIEST <= first <= last <= LATEST:
            return Period("", first, last)
    except (KeyError, ValueError):
        pass
    name = name if name in DAYS else DEFAULT
    return Period(name, today - timedelta(days=DAYS[name]), today)


def _periods() -> list[tuple[str, str]]:
    return [("today", _("今天")), ("7d", _("近 7 天")), ("30d", _("近 30 天")), ("90d", _("近 90 天")),
            ("year", _("近一年"))]


def _address(view: View, kind: str = "", wall: bool = False, **query: Any) -> str:
    """Give an address of this board's own: itself, or with `kind` its list."""
    period = {"period": view.period.name} if view.period.name else {
        "from": view.period.first.isoformat(), "to": view.period.last.isoformat()}
    query = {**period, **({"origin": view.origin} if view.origin != "resident" else {}), **query}
    if wall:
        query["wall"] = 1
    return reverse(f"boards:{view.scope.kind}{kind}", args=[view.scope.id]) + "?" + urlencode(query)


def _links(view: View, wall: bool) -> Any:
    """Give templates a function: link("on_time"), link(period="7d"), link("late", origin="staff")."""
    return lambda measure="", **query: _address(
        view, "_list" if measure else "", wall=wall and not measure, **({"m": measure} if measure else {}), **query)


def _bands(view: View, below: list[tuple[int, str]],
           overdue: list[queries.Overdue]) -> list[tuple[rules.Band | None, list[dict[str, Any]]]]:
    """Group what lies directly below by on-time rate; in a band by name, never by rank."""
    n, late = queries.counts_of(view, [i for i, _n in below]), Counter(i for o in overdue if o.in_period for i in o.path)
    groups: dict[rules.Band | None, list[dict[str, Any]]] = {band: [] for band in (*rules.BANDS, None)}
    for scope_id, name in below:
        part, whole = n[scope_id]["on_time"], n[scope_id]["finished"] + late[scope_id]
        child = _below(view, scope_id, name)
        groups[rules.band(part, whole)].append({
            "name": name, "part": part, "whole": whole, "opened": n[scope_id]["opened"], "href": _address(child),
            "part_href": _address(child, "_list", m="on_time"), "whole_href": _address(child, "_list", m="on_time_base"),
        })
    return [(band, rows) for band, rows in groups.items() if rows and (band or any(r["opened"] for r in rows))]


def _below(view: View, scope_id: int, name: str) -> View:
    """Look at a part of a scope in the same way."""
    return replace(view, scope=Scope(view.scope.kind, scope_id, name, (), ""))


@dataclass(frozen=True)
class OfDay:
    """What a day brought, and where its numbers lead."""

    date: date
    opened: int
    finished: int
    view: View

    def href(self, measure: str) -> str:
        return _address(self.view, "_list", m=measure)


def _days(view: View) -> list[OfDay]:
    return [OfDay(d, opened, finished, replace(view, period=Period("", d, d)))
            for d, opened, finished in queries.trend(view)]


def _tags(view: View, overdue: list[queries.Overdue]) -> str:
    """Mark the grids with overdue matters on the map: [[lon, lat, "late", words, address], …] as JSON."""
    nodes = [(index.node(grid), n) for grid, n in Counter(o.grid for o in overdue).most_common(60)]
    return json.dumps([
        [g.lon, g.lat, "late", str(n), _address(_below(view, g.id, g.name), "_list", m="overdue")]
        for g, n in nodes if g and g.lon is not None
    ], ensure_ascii=False)


# Lists ----------------------------------------------------------------------------------------------------------------


@access("staff")
@require_GET
def listing(request: HttpRequest, kind: str, scope_id: int) -> HttpResponseBase:
    """List the requests a number of a board counts."""
    scope = _scope(request, kind, scope_id)
    view, measure = _view(request, scope), request.GET.get("m", "opened")
    titles = {**rules.MEASURES, **rules.NOW, "overdue_in": rules.NOW["overdue"],
              "on_time_base": _("已办结和超期未办结")}
    if measure not in titles:
        raise Http404
    if request.GET.get("file") == "xlsx":
        return _sheet(view, measure, str(titles[measure]))
    found = queries.listed(view, measure)
    rows, after = queries.rows_of(found, view.standing), _after(request.GET.get("after", ""))
    if after:
        rows = rows.filter(opened_at__lt=after[0]) | rows.filter(opened_at=after[0], case_id__lt=after[1])
    page = list(rows[: PAGE + 1])
    last = page[PAGE - 1] if len(page) > PAGE else None
    key = f"{last.opened_at.timestamp()}_{last.pk}" if last else ""
    units = dict(Unit.objects.filter(pk__in={f.lead for f in page if f.lead}).values_list("pk", "short_name"))
    return render(request, "boards/list.html", {
        "scope": scope, "view": view, "title": titles[measure], "rows": page[:PAGE], "total": found.count(),
        "units": units, "by_moment": measure in rules.NOW, "back": _address(view), "apart": rules.APART,
        "next": _address(view, "_list", m=measure, after=key) if key else "",
        "first": _address(view, "_list", m=measure) if after else "",
        "sheet": _address(view, "_list", m=measure, file="xlsx"),
    })


def _sheet(view: View, measure: str, title: str) -> HttpResponseBase:
    """Hand the list out as an Excel file, marked with who took it and when, with a line of the log."""
    out = tempfile.TemporaryFile()  # noqa: SIM115 (the answer that streams it closes it)
    export.note(export.write(out, view, measure, title), view, measure)
    out.seek(0)
    name = f"{view.scope.name}-{title}-{clock.local(clock.now()):%Y%m%d-%H%M}.xlsx"
    return FileResponse(out, as_attachment=True, filename=name, content_type=(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))


def _after(text: str) -> tuple[Any, int] | None:
    moment, _sep, number = text.partition("_")
    try:
        return datetime.fromtimestamp(float(moment), clock.CHINA), int(number)
    except (ValueError, OverflowError, OSError):
        return None


# Map and chart --------------------------------------------------------------------------------------------------------


@access("staff")
@require_GET
def grids(request: HttpRequest, scope_id: int) -> JsonResponse:
    """Give the grids under a place with the blue step of their open or overdue matters, and the borders above them."""
    scope = _scope(request, "place", scope_id)
    measure = "overdue" if request.GET.get("colour") == "late" else "open"
    view = _view(request, scope)
    n = queries.by_grid(view, measure)
    ramp, drawn, below = _ramp(n), places.outlines("grid", scope.id)["features"], BELOW.get(scope.level, "grid")
    borders = _borders(below, scope.id, _held(queries.by_grid(view, "open"))) if below != "grid" else []
    cells = [{**f, "properties": {**f["properties"], "n": n.get(f["id"], 0), "step": _step(n.get(f["id"], 0), ramp)}}
             for f in drawn]
    return JsonResponse({"type": "FeatureCollection", "features": cells + borders})


def _borders(kind: str, under: int, held: Counter[int]) -> list[dict[str, Any]]:
    """Give the outlines of what lies below without names, and a point with the name of each that the map shows whole."""
    lines = [{**f, "properties": {**f["properties"], "name": ""}} for f in places.outlines(kind, under)["features"]]
    shown = [n for n in map(index.node, _on_map(places.boxes(kind, under), held)) if n and n.lon is not None]
    names = [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [n.lon, n.lat]}, "properties": {"name": n.name}}
             for n in shown]
    return lines + names


def _ramp(n: dict[int, int]) -> tuple[int, int, int, int]:
    """Choose from how many on each of the upper four steps of blue begins: 1, 2, 4, 8, or wider for busier grids."""
    wide = -(-max(n.values(), default=0) // STEPS_OF) or 1
    return 1, 2 * wide, 4 * wide, 8 * wide


def _step(n: int, ramp: tuple[int, ...]) -> int:
    return 1 + sum(n >= start for start in ramp)


@access("staff")
@require_GET
def trend(request: HttpRequest, kind: str, scope_id: int) -> JsonResponse:
    """Give the days of a board's chart."""
    scope = _scope(request, kind, scope_id)
    days = _days(_view(request, scope))
    return JsonResponse({
        "labels": [f"{d.date.month}-{d.date.day}" for d in days],
        "series": [
            {"name": _("收到"), "type": "line", "state": "intime", "data": [d.opened for d in days],
             "hrefs": [d.href("opened") for d in days]},
            {"name": _("其中已办结"), "type": "line", "state": "done", "data": [d.finished for d in days],
             "hrefs": [d.href("finished") for d in days]},
        ],
    })
