"""Places in memory: which grid a point lies in, and the names of the tree, without asking the database.

Each process loads the tree once, and again when TreeVersion rose. A snapshot never changes after it was made, so
threads may read it while the next one is being built.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from django.db.models import Q
from numpy.typing import ArrayLike, NDArray

from gongzhi.base import clock
from gongzhi.places import rules
from gongzhi.places.models import Place, TreeVersion

CHECKED_EVERY = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Node:
    """A place without its outline."""

    id: int
    parent_id: int | None
    kind: str
    name: str
    code: str
    path: tuple[int, ...]
    lon: float | None
    lat: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """The grid a point lies in; `path` are the ids from the root down to it."""

    place_id: int
    path: tuple[int, ...]


class Snapshot:
    """The tree as of one version: nodes by id, and the outlines of grids in a search tree."""

    def __init__(self, version: int, nodes: Iterable[Node], outlines: Iterable[tuple[int, Any]]) -> None:
        self.version = version
        self.nodes = {n.id: n for n in nodes}
        self.children: dict[int | None, list[Node]] = {}
        for node in self.nodes.values():
            self.children.setdefault(node.parent_id, []).append(node)
        rows = sorted((i, wkb) for i, wkb in outlines)
        self.ids = np.array([i for i, _ in rows], dtype=np.int64)
        self.found = [Found(i, self.nodes[i].path) for i, _ in rows]
        self.outlines = shapely.from_wkb([bytes(wkb) for _, wkb in rows])
        self.tree = shapely.STRtree(self.outlines)
        self.compounds = [n for n in self.nodes.values() if n.kind == "compound" and n.lon is not None]
        self.compound_points = np.array([(n.lon, n.lat) for n in self.compounds], dtype=float).reshape(-1, 2)
        self._warm()

    def _warm(self) -> None:
        """Let GEOS build its lazy indexes now, before several threads would at once."""
        shapely.prepare(self.outlines)
        if len(self.outlines):
            middle = shapely.point_on_surface(self.outlines)
            shapely.intersects_xy(self.outlines, shapely.get_x(middle), shapely.get_y(middle))
        self.tree.query(shapely.Point(0, 0))

    def locate(self, lon: float, lat: float) -> Found | None:
        """Find the grid of a point; a point on a common edge belongs to the grid with the lower id."""
        if not rules.check_point(lon, lat):
            return None
        hits = self.tree.query(shapely.Point(lon, lat), predicate="intersects")
        return self.found[int(min(hits))] if len(hits) else None

    def nearest_compound(self, lon: float, lat: float) -> Node | None:
        """Find the compound whose point is nearest, however far; over a city, degrees scaled to metres will do."""
        if not self.compounds or not rules.check_point(lon, lat):
            return None
        east, north = (self.compound_points - (lon, lat)).T
        return self.compounds[int(np.argmin((east * np.cos(np.radians(lat))) ** 2 + north**2))]

    def locate_many(self, lons: ArrayLike, lats: ArrayLike) -> NDArray[np.int64]:
        """Find the grid ids of many points, 0 where a point is outside."""
        x, y = np.asarray(lons, dtype=float), np.asarray(lats, dtype=float)
        result = np.zeros(len(x), dtype=np.int64)
        points = shapely.points(x, y)
        points[~(np.isfinite(x) & np.isfinite(y))] = None
        point, outline = self.tree.query(points)
        hit = shapely.intersects_xy(self.outlines[outline], x[point], y[point])
        point, outline = point[hit], outline[hit]
        order = np.argsort(-outline, kind="stable")  # written last: the lower id
        result[point[order]] = self.ids[outline[order]]
        return result


_lock = threading.Lock()
_current: Snapshot | None = None
_checked = 0.0


def current() -> Snapshot:
    """Give the snapshot in force, at most five seconds behind the database."""
    global _checked
    snapshot, now = _current, time.monotonic()
    if snapshot is not None and now - _checked < CHECKED_EVERY:
        return snapshot
    with _lock:
        if _current is None or time.monotonic() - _checked >= CHECKED_EVERY:
            version = _version()
            if _current is None or _current.version != version:
                _load(version)
            _checked = time.monotonic()
        assert _current is not None
        return _current


def reload() -> Snapshot:
    """Load the tree again whatever its version says."""
    global _checked
    with _lock:
        _load(_version())
        _checked = time.monotonic()
        assert _current is not None
        return _current


def look_again() -> None:
    """Ask the database for the version at the next call: this process has just changed the tree."""
    global _checked
    _checked = -CHECKED_EVERY


def _version() -> int:
    return TreeVersion.objects.order_by("-number").values_list("number", flat=True).first() or 0


def _load(version: int) -> None:
    global _current
    standing = Place.objects.filter(Q(valid_to=None) | Q(valid_to__gte=clock.today()))
    rows = standing.filter(kind__in=rules.IN_MEMORY).order_by("id").values_list(
        "id", "parent_id", "kind", "name", "code", "path", "lon", "lat")
    nodes = [Node(i, parent, kind, name, code, tuple(path), lon, lat)
             for i, parent, kind, name, code, path, lon, lat in rows.iterator()]
    grids = standing.filter(kind="grid", outline__isnull=False).values_list("id", "outline")
    _current = Snapshot(version, nodes, list(grids))


def locate(lon: float, lat: float) -> Found | None:
    """Find the grid a point (WGS-84 degrees) lies in; None outside the city."""
    return current().locate(lon, lat)


def locate_many(lons: ArrayLike, lats: ArrayLike) -> NDArray[np.int64]:
    """Find the grid ids of many points, 0 where a point is outside."""
    return current().locate_many(lons, lats)


def node(place_id: int) -> Node | None:
    """Give a place of the tree down to compounds; None for buildings and unknown ids."""
    return current().nodes.get(place_id)


def name_of(place_id: int | None) -> str:
    """Give a place's name, "" for an unknown id."""
    return names([place_id]).get(place_id, "") if place_id else ""


def names(ids: Iterable[int | None]) -> dict[int, str]:
    """Give the names of places; only buildings and closed places are asked of the database."""
    nodes = current().nodes
    wanted = {i for i in ids if i}
    found = {i: nodes[i].name for i in wanted if i in nodes}
    if missing := wanted - found.keys():
        found.update(Place.objects.filter(pk__in=missing).values_list("pk", "name"))
    return found


def words(path: Iterable[int], *, after: str = "district") -> str:
    """Say a path as an address: 海拉尔东路街道 · 水岸社区 · 第三网格, from below the kind `after`."""
    nodes = [n for n in (node(i) for i in path) if n]
    low = list(rules.KINDS).index(after)
    return " · ".join(n.name for n in nodes if list(rules.KINDS).index(n.kind) > low)
