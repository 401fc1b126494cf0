"""Reading the place tree: search, codes, outlines for maps, what is nearest."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import shapely
from django.db import connection
from django.db.models import Q, QuerySet

from gongzhi.base import chinese, clock
from gongzhi.places import index
from gongzhi.places.index import Node
from gongzhi.places.models import Place, PlaceCode
from gongzhi.places.rules import distance_m

__all__ = ["breadcrumbs", "by_code", "children", "distance_m", "nearest_compound", "outlines", "search"]

SEARCHED = ("compound", "grid", "community", "street", "district")
# The very name is best; then a whole name inside the text, of the smallest place; then a name that holds the text. Only
# where there is none of these, names that share something with it: the more of the text, and the less else, the better.
BY_WORDS = """
SELECT id, kind, name, path, lon, lat, code, made_up FROM (
  SELECT *, bool_or(whole OR holds) OVER () AS meant FROM (
    SELECT p.*, position(p.name in %(text)s) > 0 AS whole, p.name LIKE %(part)s AS holds,
      cardinality(ARRAY(SELECT unnest(p.tokens) INTERSECT SELECT unnest(%(tokens)s::varchar[]))) AS hits
    FROM places_place p
    WHERE (p.tokens && %(tokens)s::varchar[] OR p.name LIKE %(part)s) AND p.kind = ANY(%(kinds)s)
      AND (p.valid_to IS NULL OR p.valid_to >= %(today)s) AND p.path @> %(within)s::bigint[]
  ) read
) found
WHERE whole OR holds OR NOT meant
ORDER BY name = %(text)s DESC, whole DESC, CASE WHEN whole THEN array_position(%(kinds)s, kind::text) END, hits DESC,
  hits::real / greatest(cardinality(tokens), 1) DESC, array_position(%(kinds)s, kind::text), pinyin, id
LIMIT %(limit)s
"""
BY_LETTERS = """
SELECT p.id, p.kind, p.name, p.path, p.lon, p.lat, p.code, p.made_up
FROM places_place p
WHERE (p.pinyin LIKE %(start)s OR p.pinyin LIKE %(initials)s OR p.code LIKE %(start)s
       OR p.id IN (SELECT c.place_id FROM places_placecode c WHERE c.valid_to IS NULL AND c.code ILIKE %(start)s))
  AND p.kind = ANY(%(kinds)s) AND (p.valid_to IS NULL OR p.valid_to >= %(today)s) AND p.path @> %(within)s::bigint[]
ORDER BY array_position(%(kinds)s, p.kind::text), p.pinyin, p.id
LIMIT %(limit)s
"""
TOLERANCE = {"city": 5e-4, "district": 2e-4, "street": 1e-4, "community": 5e-5, "grid": 2e-5}  # degrees


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that was searched for; `where` says what it lies in, `path` ends with itself."""

    id: int
    kind: str
    name: str
    where: str
    code: str
    lon: float | None
    lat: float | None
    path: tuple[int, ...]
    made_up: bool


def search(text: str, within: int | None = None, kinds: tuple[str, ...] | None = None, limit: int = 12) -> list[Hit]:
    """Find places by words of their name (also inside a longer address), by pinyin, its initials, or a code.

    Of places named one in the other the finest is meant: 新城区团结小区 is the compound, not the district it lies in.
    """
    text = " ".join(text.replace("\x00", "").split())[:120]
    if not text:
        return []
    values: dict[str, Any] = {
        "kinds": list(kinds or SEARCHED), "today": clock.today(), "within": [within] if within else [], "limit": limit,
    }
    if text.isascii():
        letters = _literal(text.lower().replace(" ", ""))
        return _hits(BY_LETTERS, {**values, "start": letters + "%", "initials": "% " + letters + "%"})
    found = _hits(BY_WORDS, {**values, "text": text, "tokens": chinese.bigrams(text), "part": f"%{_literal(text)}%"})
    named = [hit for hit in found if hit.name in text]
    wider = {place for hit in named for place in hit.path[:-1]} & {hit.id for hit in named}
    return [hit for hit in found if hit.id not in wider]


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _hits(sql: str, values: dict[str, Any]) -> list[Hit]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    return [
        Hit(i, kind, name, index.words(path[:-1]), code, lon, lat, tuple(path), made_up)
        for i, kind, name, path, lon, lat, code, made_up in rows
    ]


def standing(at: date | None = None) -> QuerySet[Place]:
    """List the places that exist on a day (today)."""
    at = at or clock.today()
    return Place.objects.filter(Q(valid_to=None) | Q(valid_to__gte=at))


def node(place_id: int) -> Node | None:
    """Give a place that exists today, a building too; only these are asked of the database."""
    if (found := index.node(place_id)) is not None:
        return found
    row = standing().filter(pk=place_id).defer("outline", "tokens").first()
    if row is None:
        return None
    return Node(row.pk, row.parent_id, row.kind, row.name, row.code, tuple(row.path), row.lon, row.lat)


def children(place_id: int | None) -> QuerySet[Place]:
    """List what lies directly under a place, or the roots; without outlines."""
    rows = standing().filter(parent=place_id).defer("outline", "tokens")
    return rows.order_by("kind", "code", "pinyin", "id")


def inside(place_id: int, kinds: tuple[str, ...] = ("compound",), limit: int = 12) -> list[Node]:
    """List the places of some kinds inside another by name; none where they are too many to choose from."""
    found = [n for n in index.current().nodes.values() if n.kind in kinds and place_id in n.path[:-1]]
    return sorted(found, key=lambda n: (kinds.index(n.kind), n.name, n.id)) if len(found) <= limit else []


def breadcrumbs(path: list[int] | tuple[int, ...]) -> list[Node]:
    """Give the places of a path from the root down, those in memory."""
    return [n for n in (index.node(i) for i in path) if n]


def by_code(code: str) -> Place | None:
    """Find the place that has a code today, in any system: a QR code first, then the official ones."""
    today = clock.today()
    rows = PlaceCode.objects.filter(
        Q(valid_to=None) | Q(valid_to__gte=today), code=code.strip()[:20], valid_from__lte=today
    ).select_related("place").defer("place__outline")
    found = min(rows, key=lambda r: (r.system != "qr", r.pk), default=None)
    return found.place if found else None


def outlines(kind: str, under: int | None = None) -> dict[str, Any]:
    """Give the outlines of a kind of place as a GeoJSON FeatureCollection, simplified without opening gaps."""
    return _outlines(index.current().version, kind, under)


@lru_cache(maxsize=256)
def _outlines(version: int, kind: str, under: int | None) -> dict[str, Any]:
    rows = standing().filter(kind=kind, outline__isnull=False).order_by("id")
    if under:
        rows = rows.filter(path__contains=[under])
    places = list(rows.only("id", "kind", "name", "code", "made_up", "outline"))
    shapes = shapely.from_wkb([bytes(p.outline or b"") for p in places])
    if len(places) and kind in TOLERANCE:
        shapes = shapely.coverage_simplify(shapes, TOLERANCE[kind])
    return {"type": "FeatureCollection", "features": [_feature(p, s) for p, s in zip(places, shapes, strict=True)]}


def _feature(place: Place, shape: Any) -> dict[str, Any]:
    geometry = shapely.geometry.mapping(shapely.set_precision(shape, 1e-6, mode="pointwise"))
    return {
        "type": "Feature", "id": place.pk, "geometry": geometry,
        "properties": {
            "id": place.pk, "kind": place.kind, "name": place.name, "code": place.code, "made_up": place.made_up,
        },
    }


def centre() -> dict[str, float]:
    """Give the point a map of the whole city starts from: the middle of where its grids are."""
    grids = [n for n in index.current().nodes.values() if n.kind == "grid" and n.lon is not None and n.lat is not None]
    if not grids:
        return {"lon": 111.68, "lat": 40.85}
    lons, lats = sorted(n.lon or 0 for n in grids), sorted(n.lat or 0 for n in grids)
    return {"lon": lons[len(lons) // 2], "lat": lats[len(lats) // 2]}


def nearest_compound(lon: float, lat: float, within_m: float = 200) -> Node | None:
    """Find the compound nearest to a point, none farther than `within_m` metres."""
    best = index.current().nearest_compound(lon, lat)
    near = best and distance_m(lon, lat, best.lon or 0, best.lat or 0) <= within_m
    return best if near else None


def boxes(kind: str, under: int) -> dict[int, tuple[float, float, float, float]]:
    """Give west, south, east and north of every place of a kind: {id: box}."""
    return {f["id"]: shapely.geometry.shape(f["geometry"]).bounds for f in outlines(kind, under)["features"]}


def bounds(place: Place) -> list[list[float]] | None:
    """Give the south-west and north-east corners of a place's outline."""
    if not place.outline:
        return None
    west, south, east, north = shapely.bounds(shapely.from_wkb(bytes(place.outline)))
    return [[float(west), float(south)], [float(east), float(north)]]
