"""Made-up compounds and buildings on a town grid: rows of slabs, towers, business blocks, parks, village houses."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import shapely
from shapely import Polygon, box

from demo.geometry import HEART
from demo.people import NAMES


@dataclass(frozen=True)
class Built:
    polygon: Polygon  # metres
    floors: int
    height: float
    n_homes: int = 0
    name: str = ""


@dataclass(frozen=True)
class Lot:
    style: str  # old, mid, tower, business, park, village
    yard: Polygon  # metres
    buildings: list[Built] = field(default_factory=list)


def lot(rng: random.Random, cell: Polygon, business: bool) -> Lot:
    """Choose what stands on a grid (metres) by its distance from the old town, and build it."""
    distance = cell.centroid.distance(shapely.Point(HEART))
    r = rng.random()
    if business:
        style = "business"
    elif distance < 3000:
        style = "old" if r < 0.48 else "mid" if r < 0.76 else "tower" if r < 0.86 else "business"
    elif distance < 7500:
        style = "old" if r < 0.2 else "mid" if r < 0.5 else "tower" if r < 0.84 else "business" if r < 0.94 else "park"
    else:
        style = "mid" if r < 0.3 else "tower" if r < 0.66 else "business" if r < 0.82 else "park"
    yard = cell.buffer(-13, join_style="mitre")
    yard = max(shapely.get_parts(yard), key=lambda p: p.area, default=yard)
    if yard.is_empty or yard.area < 6000:
        return Lot("park", cell)
    builders = {"old": slabs, "mid": slabs, "tower": towers, "business": offices, "park": lambda *_: []}
    return Lot(style, yard, builders[style](rng, yard, style))


def slabs(rng: random.Random, yard: Polygon, style: str) -> list[Built]:
    """Rows of slab blocks that look south, spread over the yard; at most ten."""
    x0, y0, x1, y1 = yard.bounds
    columns = 1 if x1 - x0 < 130 else 2 if x1 - x0 < 380 else 3
    rows = min(5, max(2, int((y1 - y0) / 62)), 12 // columns)
    width, pitch = (x1 - x0) / columns, (y1 - y0) / rows
    depth, floors = (12, rng.choice((5, 6, 6))) if style == "old" else (14, rng.choice((6, 7, 11)))
    out = []
    for row in range(rows):
        for column in range(columns):
            length = min(width - 22, rng.choice((52, 64, 78, 92)))
            left = x0 + column * width + (width - length) / 2 + rng.uniform(-4, 4)
            bottom = y0 + row * pitch + (pitch - depth) / 2 + rng.uniform(-3, 3)
            body = box(left, bottom, left + length, bottom + depth)
            if length > 26 and yard.contains(body) and rng.random() > 0.06:
                n_homes = round(length / 13) * 2 * floors * 4 // 5
                out.append(Built(body, floors, floors * 3.0 + 1, n_homes))
    return out


def towers(rng: random.Random, yard: Polygon, style: str) -> list[Built]:
    x0, y0, x1, y1 = yard.bounds
    columns, rows = max(1, min(3, int((x1 - x0) / 110))), max(1, min(3, int((y1 - y0) / 95)))
    floors = rng.choice((18, 18, 24, 26, 33))
    out = []
    for row in range(rows):
        for column in range(columns):
            x = x0 + (column + 0.5) * (x1 - x0) / columns + (12 if row % 2 else -12)
            y = y0 + (row + 0.5) * (y1 - y0) / rows
            body = box(x - 16, y - 9, x + 16, y + 9)
            if yard.contains(body):
                out.append(Built(body, floors, floors * 3.0 + 2, floors * 4 * 3 // 4))
    return out


def offices(rng: random.Random, yard: Polygon, style: str) -> list[Built]:
    x0, y0, x1, y1 = yard.bounds
    w, h = x1 - x0, y1 - y0
    podium = box(x0 + w * 0.12, y0 + h * 0.12, x0 + w * 0.88, y0 + h * 0.45)
    tower = box(x0 + w * 0.2, y0 + h * 0.58, x0 + w * 0.2 + 44, y0 + h * 0.58 + 36)
    out = []
    if yard.contains(podium):
        out.append(Built(podium, 5, 24.0, 0, rng.choice(("商场", "市场", "综合楼", "教学楼", "门诊楼"))))
    if yard.contains(tower):
        floors = rng.choice((16, 20, 25))
        name = rng.choice(("写字楼", "办公楼", "公寓楼"))
        out.append(Built(tower, floors, floors * 4.0, rng.choice((0, 40, 60)), name))
    return out


def hamlet(rng: random.Random, land: Polygon) -> Lot:
    """A few houses about the middle of village land."""
    centre = shapely.get_point(shapely.maximum_inscribed_circle(land, tolerance=50), 0)
    out = []
    for n in range(4):
        x, y = centre.x + (n % 2) * 34 - 30, centre.y + (n // 2) * 30 - 25
        out.append(Built(box(x, y, x + 14, y + 8), 1, 4.0, 1, f"{rng.randint(1, 160)}号院"))
    return Lot("village", land, out)


def built_year(rng: random.Random, style: str) -> int:
    low, high = {"old": (1982, 2001), "mid": (1999, 2014), "tower": (2010, 2023)}[style]
    return rng.randint(low, high)


def compound_name(rng: random.Random, style: str, taken: set[str]) -> str:
    while True:
        if style == "old":
            name = rng.choice(NAMES["old_compounds"]) + rng.choice(NAMES["old_ends"])
        else:
            part = rng.choice(("", "", "一期", "二期")) if style == "tower" else ""
            name = rng.choice(NAMES["new_compounds"]) + rng.choice(NAMES["new_ends"]) + part
        if name not in taken:
            return name
        if rng.random() < 0.2 and name + "B区" not in taken:
            return name + "B区"
