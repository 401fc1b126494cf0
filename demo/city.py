"""Build the made-up small city: real names, codes and outline; everything inside invented, the same for one seed."""

from __future__ import annotations

import csv
import math
import random
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from shapely import LineString, Polygon

from demo import geometry, homes, people

HERE = Path(__file__).parent
DISTRICT = "150102"
BUSY_STREET = "150102001"  # 海拉尔东路街道: most town communities, so the fixed sign-ins live there
APPOINTED = date(2025, 3, 1)
# Where the streets lie to each other, roughly as in the real town: x = west to east, y = north to south.
STREETS = (
    "x",
    (
        "y",
        ("x", "150102008", "150102400"),
        ("x", "150102401", "150102001"),
        ("x", "150102002", ("y", "150102005", "150102003"), "150102004"),
    ),
    ("y", "150102402", ("x", "150102007", "150102006"), "150102403"),
)
VILLAGE_STREETS = ("150102008", "150102101", "150102403")  # north and west, north-east, south-east


@dataclass(frozen=True)
class Place:
    code: str
    kind: str  # district, street, community, grid
    name: str
    parent: str  # code, "" for the district
    polygon: Polygon  # WGS-84 degrees
    lon: float
    lat: float
    made_up: bool  # the outline, not the name
    attrs: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Compound:
    code: str  # grid code and two digits; also what its QR code carries
    name: str
    grid: str
    polygon: Polygon
    lon: float
    lat: float
    style: str  # old, mid, tower
    built_year: int
    n_homes: int
    address: str
    property: str  # unit key, "" where nobody manages it
    heating: str  # unit key


@dataclass(frozen=True)
class Building:
    code: str  # compound code, or grid code and "00", and two digits
    name: str
    compound: str  # "" for buildings outside compounds
    grid: str
    polygon: Polygon
    floors: int
    height: float  # metres
    n_homes: int


@dataclass(frozen=True)
class Unit:
    key: str
    name: str
    short_name: str
    kind: str  # district, centre, department, section, street, community, grid, outside
    line: str  # government, party, service, outside
    level: str  # district, street, community, grid, "" for outside handlers
    parent: str  # key, "" for roots
    place: str  # code
    phone: str = ""


@dataclass(frozen=True)
class Person:
    username: str
    name: str
    work_phone: str


@dataclass(frozen=True)
class Appointment:
    username: str
    unit: str
    post: str
    from_date: date = APPOINTED


@dataclass(frozen=True)
class SignIn:
    """A name that signs in with the demo's password, and what can be done under it."""

    username: str
    does: str


@dataclass(frozen=True)
class Category:
    code: str
    name: str
    parent: str
    kind: str
    level: str
    keywords: tuple[str, ...]
    handle_limit: str
    limit_source: str
    staged_limits: str
    open_condition: str
    close_condition: str
    evidence: str
    owner: str  # department key
    outside: str  # kind of outside handler (属主), or ""
    urgency: str  # normal, urgent, hard
    never_public: bool
    source: str


@dataclass(frozen=True)
class CatalogueLine:
    number: str
    category: str
    lead: str
    helpers: tuple[str, ...]
    text: str
    source: str


@dataclass(frozen=True)
class Answer:
    title: str
    words: str
    keywords: tuple[str, ...]
    category: str
    source: str
    date: date


@dataclass(frozen=True)
class Road:
    name: str
    is_main: bool
    line: LineString


@dataclass(frozen=True)
class City:
    places: tuple[Place, ...]  # parents before children
    outline_simple: tuple[Polygon, ...]  # of the streets, for small maps, in the order of places of kind street
    compounds: tuple[Compound, ...]
    buildings: tuple[Building, ...]
    roads: tuple[Road, ...]
    units: tuple[Unit, ...]  # parents before children
    people: tuple[Person, ...]
    appointments: tuple[Appointment, ...]
    sign_ins: tuple[SignIn, ...]
    categories: tuple[Category, ...]  # parents before children
    catalogue: tuple[CatalogueLine, ...]
    answers: tuple[Answer, ...]


def build(seed: int = 1) -> City:
    """Build the whole city; the same seed gives the same city."""
    land = _Land(seed)
    staff = _Staff(seed, land)
    return City(
        places=tuple(land.places),
        outline_simple=tuple(geometry.simplified([p.polygon for p in land.of("street")], 0.0008)),
        compounds=tuple(land.compounds), buildings=tuple(land.buildings), roads=tuple(land.roads),
        units=tuple(staff.units), people=tuple(staff.people.values()), appointments=tuple(staff.appointments),
        sign_ins=SIGN_INS, categories=tuple(read_categories()), catalogue=tuple(read_catalogue()),
        answers=tuple(read_answers()),
    )


# --- tables ------------------------------------------------------------------------------------------------------


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split("|")))


def read_categories() -> Iterator[Category]:
    for row in _rows("categories.csv"):
        row["keywords"] = _list(row["keywords"])
        row["never_public"] = row["never_public"] == "1"
        yield Category(**row)


def read_catalogue() -> Iterator[CatalogueLine]:
    for row in _rows("catalogue.csv"):
        row["helpers"] = _list(row["helpers"])
        yield CatalogueLine(**row)


def read_answers() -> Iterator[Answer]:
    for row in tomllib.loads((HERE / "knowledge.toml").read_text(encoding="utf-8"))["answer"]:
        yield Answer(**{**row, "keywords": tuple(row["keywords"])})


# --- land --------------------------------------------------------------------------------------------------------


def short_community(name: str) -> str:
    return name.replace("社区居委会", "社区").replace("村委会", "村")


class _Land:
    """Names and codes laid over the cut outline."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"land {seed}")
        self.facts = list(_rows("facts/divisions.csv"))
        self.name = {r["code"]: r["name"] for r in self.facts}
        villages = [r["code"] for r in self.facts if r["name"].endswith("村委会")]
        self.cells, roads = geometry.cut(seed, geometry.read_outline(DISTRICT), len(villages))
        self.roads = [Road(r.name, r.is_main, r.line) for r in roads]
        self.community = self._deal_communities(villages)  # cell index -> community code
        self.places: list[Place] = []
        self.grid_cell: dict[str, geometry.Cell] = {}
        self.compounds: list[Compound] = []
        self.buildings: list[Building] = []
        self._lay()

    def of(self, kind: str) -> list[Place]:
        return [p for p in self.places if p.kind == kind]

    def _deal_communities(self, villages: list[str]) -> list[str]:
        cells = self.cells
        town = [n for n, c in enumerate(cells) if c.block]
        towners = [r for r in self.facts if r["level"] == "community" and r["code"] not in villages]
        per_street = Counter(r["parent"] for r in towners)
        blocks = defaultdict(list)
        for n in town:
            blocks[cells[n].block].append(n)

        street_of = geometry.deal_tree(
            sorted(blocks), lambda b: self._middle(blocks[b]), lambda b: len(blocks[b]), STREETS, per_street.__getitem__
        )
        labels: list[str] = [""] * len(cells)
        for block, street in street_of.items():
            for n in blocks[block]:
                labels[n] = street
        self._deal_villages(villages, labels)
        near = [c.neighbours for c in cells]
        geometry.connect(labels, near)
        for street in per_street:
            mine = [n for n in town if labels[n] == street]
            shares = [(r["code"], 1.0) for r in towners if r["parent"] == street]
            for n, code in geometry.deal(mine, lambda n: (cells[n].x, cells[n].y), shares).items():
                labels[n] = code
        self._connect_within_streets(labels, near)
        return labels

    def _middle(self, cells: list[int]) -> tuple[float, float]:
        return sum(self.cells[n].x for n in cells) / len(cells), sum(self.cells[n].y for n in cells) / len(cells)

    def _deal_villages(self, villages: list[str], labels: list[str]) -> None:
        """Give each patch of village land a name: south-east to 东河, the west to 成吉思汗大街, the rest to 保合少."""
        lands = defaultdict(list)
        for n, c in enumerate(self.cells):
            if not c.block:
                lands[c.village].append(n)
        spot = {v: self._middle(ns) for v, ns in lands.items()}
        north, east, south = ([v for v in villages if v.startswith(s)] for s in VILLAGE_STREETS)
        near = {v: {self.cells[m].village for n in ns for m in self.cells[n].neighbours} for v, ns in lands.items()}
        left, dealt = set(lands), {}
        for names, corner in ((south, (8000, -1500)), (north, (-4000, 5500)), (east, (0, 0))):
            mine = _grow(left, near, spot, corner, len(names))
            dealt |= geometry.deal(mine, spot.__getitem__, [(code, 1.0) for code in names])
            left -= set(mine)
        for v, ns in lands.items():
            for n in ns:
                labels[n] = dealt[v]

    @staticmethod
    def _connect_within_streets(labels: list[str], near: list[dict[int, float]]) -> None:
        inside = [{m: d for m, d in near[n].items() if labels[m][:9] == labels[n][:9]} for n in range(len(labels))]
        geometry.connect(labels, inside)

    def _lay(self) -> None:
        by_community = defaultdict(list)
        for n, code in enumerate(self.community):
            by_community[code].append(self.cells[n])
        grids: list[Place] = []
        for code in sorted(by_community):
            for serial, cell in enumerate(geometry.reading_order(by_community[code]), 1):
                grids.append(self._grid(code, serial, cell))
        communities = [
            self._union(code, "community", code[:9], [g for g in grids if g.parent == code])
            for code in sorted(by_community)
        ]
        streets = [
            self._union(r["code"], "street", DISTRICT, [c for c in communities if c.parent == r["code"]])
            for r in self.facts if r["level"] == "street"
        ]
        district = self._union(DISTRICT, "district", "", streets)
        self.places = [district, *streets, *communities, *grids]

    def _union(self, code: str, kind: str, parent: str, parts: list[Place]) -> Place:
        polygon = geometry.dissolve([p.polygon for p in parts])
        lon, lat = geometry.label_point(polygon)
        attrs = {"n_homes": sum(p.attrs["n_homes"] for p in parts), "area_m2": round(geometry.area_m2(polygon))}
        name = short_community(self.name[code]) if kind == "community" else self.name[code]
        return Place(code, kind, name, parent, polygon, lon, lat, kind != "district", attrs)

    def _grid(self, community: str, serial: int, cell: geometry.Cell) -> Place:
        code = f"{community}{serial:03d}"
        self.grid_cell[code] = cell
        kind, n_homes = self._fill(code, community, cell)
        lon, lat = geometry.label_point(cell.polygon)
        name = f"{short_community(self.name[community])}第{serial}网格"
        attrs = {"grid_type": kind, "n_homes": n_homes, "area_m2": round(geometry.area_m2(cell.polygon))}
        return Place(code, "grid", name, community, cell.polygon, lon, lat, True, attrs)

    def _fill(self, grid: str, community: str, cell: geometry.Cell) -> tuple[str, int]:
        """Put a compound and buildings on a grid; return its type and its homes."""
        if not cell.block:
            lot = homes.hamlet(self.rng, geometry.to_metres(cell.polygon))
            self._add_buildings(grid, "", f"{grid}00", lot.buildings)
            return "基础网格", self.rng.randint(70, 260)
        business = community.endswith("498")
        lot = homes.lot(self.rng, geometry.to_metres(cell.polygon), business)
        if lot.style in ("business", "park"):
            self._add_buildings(grid, "", f"{grid}00", lot.buildings)
            return "专属网格", sum(b.n_homes for b in lot.buildings)
        code, n_homes = f"{grid}01", sum(b.n_homes for b in lot.buildings)
        if not lot.buildings:
            return "基础网格", self.rng.randint(40, 120)
        yard = geometry.rounded(geometry.to_degrees(lot.yard))
        lon, lat = geometry.label_point(yard)
        name = homes.compound_name(self.rng, lot.style, {c.name for c in self.compounds})
        road = min(self.roads, key=lambda r: r.line.distance(yard))
        managed = lot.style != "old" or self.rng.random() < 0.45
        self.compounds.append(Compound(
            code, name, grid, yard, lon, lat, lot.style, homes.built_year(self.rng, lot.style), n_homes,
            f"{road.name}{self.rng.randint(1, 190)}号", f"property-{self.rng.randint(1, 10)}" if managed else "",
            "heating-1" if cell.x > -600 else "heating-2",
        ))
        self._add_buildings(grid, code, code, lot.buildings)
        return "基础网格", n_homes

    def _add_buildings(self, grid: str, compound: str, prefix: str, built: list[homes.Built]) -> None:
        for n, b in enumerate(built, 1):
            polygon = geometry.rounded(geometry.to_degrees(b.polygon))
            name = b.name or f"{n}号楼"
            self.buildings.append(
                Building(f"{prefix}{n:02d}", name, compound, grid, polygon, b.floors, b.height, b.n_homes)
            )


def _grow(free: set, near: dict, spot: dict, corner: tuple[float, float], n: int) -> list:
    """Take n free patches that hang together, from a corner outward."""
    def far(v: int) -> float:
        return math.dist(spot[v], corner)

    taken = [min(sorted(free), key=far)]
    while len(taken) < n:
        edge = {m for v in taken for m in near[v]} & free - set(taken)
        taken.append(min(sorted(edge or free - set(taken)), key=far))
    return taken


# --- units and people --------------------------------------------------------------------------------------------

SIGN_INS = (
    SignIn("operator", "坐席员: takes calls, answers at once, calls back"),
    SignIn("district", "区级派单员: dispatches for the whole district, rules on returns"),
    SignIn("department", "部门: signs for a task, contacts the caller, has it handled, reviews the reply"),
    SignIn("section", "科室: handles what its department passes on"),
    SignIn("street", "街道派单员: the same for one street and its communities"),
    SignIn("community", "社区: handles what happens in one community"),
    SignIn("grid", "网格员: next thing, report and handle, on the phone at /field/"),
    SignIn("admin", "管理员: units, people, categories, health"),
    SignIn("security", "安全管理员: unlocks, resets second factors, ends sessions"),
    SignIn("auditor", "审计员: reads who did what, changes nothing"),
)


class _Staff:
    """Units on both lines, and the made-up people in their posts."""

    def __init__(self, seed: int, land: _Land) -> None:
        self.rng = random.Random(f"people {seed}")
        self.units: list[Unit] = []
        self.people: dict[str, Person] = {}
        self.appointments: list[Appointment] = []
        self._district()
        self._departments()
        self._outside()
        for street in land.of("street"):
            self._street(street, first=street.code == BUSY_STREET)
        first = next(p.code for p in land.of("community") if p.parent == BUSY_STREET)
        workers = {}
        for community in land.of("community"):
            workers[community.code] = self._community(community, first=community.code == first)
        for grid in land.of("grid"):
            self._grid(grid, workers[grid.parent], first=grid.code == first + "001")

    def unit(self, key: str, name: str, short: str, kind: str, line: str, level: str, parent: str, place: str) -> str:
        phone = people.work_phone(len(self.units) + 1)
        self.units.append(Unit(key, name, short, kind, line, level, parent, place, phone))
        return key

    def hire(self, unit: str, *posts: str, username: str = "") -> str:
        """Put a new person into one or more posts of a unit; return the user name."""
        before = sum((a.unit, a.post) == (unit, posts[0]) for a in self.appointments[-40:])
        username = username or f"{unit}.{posts[0]}{before + 1}"
        self.people[username] = Person(username, people.name(self.rng), people.work_phone(100_000 + len(self.people)))
        self.appoint(username, unit, *posts)
        return username

    def appoint(self, username: str, unit: str, *posts: str) -> None:
        self.appointments += [Appointment(username, unit, post) for post in posts]

    def _district(self) -> None:
        self.unit("district", "新城区人民政府", "区政府", "district", "government", "district", "", DISTRICT)
        self.unit("district-party", "中共新城区委员会", "区委", "district", "party", "district", "", DISTRICT)
        self.hire("district", "leader")
        self.hire("district", "auditor", username="auditor")
        self.hire("district", "security", username="security")
        self.hire("district-party", "leader")
        name = "新城区接诉即办中心"
        self.unit("centre", name, "区接诉即办中心", "centre", "government", "district", "district", DISTRICT)
        self.hire("centre", "leader")
        self.hire("centre", "operator", username="operator")
        self.hire("centre", "dispatcher", username="district")
        for post, n in (("operator", 7), ("dispatcher", 2), ("reviewer", 2), ("checker", 3)):
            for _ in range(n):
                self.hire("centre", post)

    def _departments(self) -> None:
        for row in _rows("departments.csv"):
            key = row["key"]
            parent = "district-party" if row["name"].startswith("中共") else "district"
            self.unit(key, row["name"], row["short_name"], "department", "government", "district", parent, DISTRICT)
            self.hire(key, "leader")
            if key == "housing":
                self.hire(key, "liaison", "leader", username="department")
            self.hire(key, "liaison")
            if key == "services":
                self.hire(key, "admin", username="admin")
            for n, name in enumerate(_list(row["sections"]), 1):
                long = row["short_name"] + name
                section = self.unit(f"{key}-{n}", long, name, "section", "government", "district", key, DISTRICT)
                self.hire(section, "leader")
                if name == "物业管理科":
                    self.hire(section, "handler", username="section")
                self.hire(section, "handler")
                self.hire(section, "handler")

    def _outside(self) -> None:
        for row in _rows("handlers.csv"):
            key = self.unit(row["key"], row["name"], row["short_name"], "outside", "outside", "", "", DISTRICT)
            for post in ("leader", "liaison", "handler", "handler"):
                self.hire(key, post)

    def _street(self, place: Place, first: bool) -> None:
        committee, office, party = {
            "道": ("工作委员会", "办事处", "党工委"),
            "镇": ("委员会", "人民政府", "党委"),
            "区": ("工作委员会", "管理委员会", "党工委"),
        }[place.name[-1]]
        key, name = f"street-{place.code}", place.name
        self.unit(key, name + office, name, "street", "service", "street", "district", place.code)
        long = f"中共{name}{committee}"
        self.unit(f"{key}-party", long, name + party, "street", "party", "street", "district-party", place.code)
        self.hire(f"{key}-party", "leader")
        self.hire(key, "leader")
        if first:
            self.hire(key, "dispatcher", username="street")
        for post, n in (("dispatcher", 2), ("liaison", 1), ("handler", 4)):
            for _ in range(n):
                self.hire(key, post)

    def _community(self, place: Place, first: bool) -> list[str]:
        """Staff a community; return its workers, who also manage its grids."""
        office, committee, party = "居民委员会", "委员会", "党委"
        if place.name[-1] == "村":
            office, committee, party = "民委员会", "总支部委员会", "党总支"
        key, street, name = f"community-{place.code}", f"street-{place.parent}", place.name
        self.unit(key, name + office, name, "community", "service", "community", street, place.code)
        long = f"中共{name}{committee}"
        self.unit(f"{key}-party", long, name + party, "community", "party", "community", f"{street}-party", place.code)
        secretary = self.hire(key, "leader", username="community" if first else "")
        self.appoint(secretary, f"{key}-party", "leader")
        return [self.hire(key, "handler") for _ in range(self.rng.randint(4, 6))]

    def _grid(self, place: Place, workers: list[str], first: bool) -> None:
        key, community = f"grid-{place.code}", f"community-{place.parent}"
        self.unit(key, place.name, place.name, "grid", "service", "grid", community, place.code)
        branch = f"{place.name}党支部"
        self.unit(f"{key}-party", branch, branch, "grid", "party", "grid", f"{community}-party", place.code)
        head = self.hire(key, "gridhead", "leader")
        self.appoint(head, f"{key}-party", "leader")
        self.appoint(workers[int(place.code[-3:]) % len(workers)], key, "gridmanager")
        self.hire(key, "gridworker", username="grid" if first else "")
        for _ in range(self.rng.choice((1, 1, 2, 2, 3))):
            self.hire(key, "gridpart")
