"""A small square city for tests: one district, two streets, four communities, sixteen grids of about 1 km."""

from types import SimpleNamespace

from shapely.geometry import box

from gongzhi.places import actions
from gongzhi.places.actions import NewPlace

WEST, SOUTH, SIDE = 111.60, 40.80, 0.01  # degrees


def make() -> SimpleNamespace:
    """Add the city; lists `streets`, `communities` (west, then east within a street), `grids`, `compounds`."""
    district = NewPlace("district", "新城区", codes={"nbs": "150102000000"}, outline=_box(0, 0, 4, 4))
    rows, streets, communities, grids, compounds = [district], [], [], [], []
    for s, name in enumerate(("海拉尔东路街道", "锡林路街道")):
        outline = _box(0, 2 * s, 4, 2 * s + 2)
        street = NewPlace("street", name, district, {"nbs": f"15010200{s + 1}000"}, outline=outline)
        streets.append(street)
        for c, title in enumerate(("水岸社区", "丁香社区") if s == 0 else ("迎宾社区", "光华社区")):
            code = f"15010200{s + 1}00{c + 1}"
            west, south = 2 * c, 2 * s
            outline = _box(west, south, west + 2, south + 2)
            community = NewPlace("community", title, street, {"nbs": code}, outline=outline)
            communities.append(community)
            for g in range(4):
                x, y = west + g % 2, south + g // 2
                grids.append(NewPlace("grid", f"第{'一二三四'[g]}网格", community, {"grid": f"{code}00{g + 1}"},
                                      outline=_box(x, y, x + 1, y + 1), made_up=True))
    for n, name in enumerate(("水岸小区", "丁香花园")):
        compounds.append(NewPlace("compound", name, grids[4 * n], {"qr": f"XC-000{n + 1}"},
                                  lon=WEST + SIDE * (2 * n + 0.5), lat=SOUTH + SIDE / 2))
    rows += streets + communities + grids + compounds
    made = dict(zip(map(id, rows), actions.add_places(rows, by=None, source="测试"), strict=True))
    pick = lambda new: [made[id(n)] for n in new]
    return SimpleNamespace(district=made[id(district)], streets=pick(streets), communities=pick(communities),
                           grids=pick(grids), compounds=pick(compounds))


def inside(grid: object) -> tuple[float, float]:
    """Give a point inside a grid."""
    return grid.lon, grid.lat  # type: ignore[attr-defined]


def _box(west: float, south: float, east: float, north: float) -> object:
    at = lambda start, n: round(start + n * SIDE, 6)
    return box(at(WEST, west), at(SOUTH, south), at(WEST, east), at(SOUTH, north))
