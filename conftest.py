"""The small cast every room's tests use: one district, two streets, made-up units and people, real clocks and rules.

The district is a 0.04° square cut into two streets (west, east), each of two communities (south, north), each of two
grids. zhang dispatches for the west street; li leads its south community; wang works its first grid; and so on.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pytest
import shapely
from hypothesis import HealthCheck, settings

from gongzhi.base import calendar, clock
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.actors import person as acting
from gongzhi.org import queries as org
from gongzhi.org.models import Appointment, Person, Post, Unit
from gongzhi.places import index
from gongzhi.places.models import Place, PlaceCode, TreeVersion
from gongzhi.requests.models import Answer, CatalogueLine, Category
from gongzhi.site.testing import django_db_setup, forget_the_last_test, truncate_as_owner

__all__ = ["django_db_setup", "forget_the_last_test", "truncate_as_owner"]  # fixtures: a conftest outranks the plugin they replace

settings.register_profile("gongzhi", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no timed assertions
settings.load_profile("gongzhi")

LON, LAT, SIDE = 111.70, 40.82, 0.04
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=clock.CHINA)
PASSWORD = "gongzhi-demo"


@dataclass
class Town:
    """The cast: places, units and people by short names."""

    places: dict[str, Place] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        return acting(org.standing(self.people[name]))

    def point(self, grid: str) -> tuple[float, float]:
        place = self.places[grid]
        assert place.lon is not None and place.lat is not None
        return place.lon, place.lat

    def place(self, key: str, kind: str, name: str, parent: str | None, box: tuple[float, ...], code: str) -> None:
        shape = shapely.box(*box)
        row = Place.objects.create(
            parent=self.places[parent] if parent else None, kind=kind, name=name, code=code, outline=shape.wkb,
            lon=shape.centroid.x, lat=shape.centroid.y, made_up=True, valid_from=date(2020, 1, 1),
        )
        row.path = [*(self.places[parent].path if parent else []), row.pk]
        row.save()
        PlaceCode.objects.create(place=row, system="grid" if kind == "grid" else "nbs", code=code,
                                 valid_from=date(2020, 1, 1), source="made up for tests")
        self.places[key] = row

    def unit(self, key: str, kind: str, level: str, name: str, parent: str | None, place: str | None,
             line: str = "government", role: str = "") -> None:
        row = Unit.objects.create(
            kind=kind, level=level, name=name, short_name=name, parent=self.units[parent] if parent else None,
            place=self.places[place] if place else None, line=line, key=role or key,
        )
        row.path = [*(self.units[parent].path if parent else []), row.pk]
        row.save()
        self.units[key] = row

    def person(self, name: str, shown: str, *posts: tuple[str, str]) -> None:
        person = Person(username=name, name=shown, work_phone="000-0000-0000", made_up=True)
        person.password = _hashed()
        person.save()
        for unit, post in posts:
            held, _ = Post.objects.get_or_create(unit=self.units[unit], name=post, place=None)
            Appointment.objects.create(post=held, person=person, from_date=date(2020, 1, 1))
        self.people[name] = person


_password: list[str] = []


def _hashed() -> str:
    """Hash the cast's password once: scrypt is slow on purpose."""
    from django.contrib.auth.hashers import make_password

    if not _password:
        _password.append(make_password(PASSWORD))
    return _password[0]


@pytest.fixture
def town(db: None) -> Town:
    """Build the cast's town; the office calendar of the default hours; the process published."""
    return build_town()


def build_town() -> Town:
    made = Town()
    _places(made)
    _units(made)
    _people(made)
    _tables(made)
    TreeVersion.objects.update_or_create(pk=1, defaults={"number": 1})
    index.reload()
    calendar.seed()
    flow.publish((Path(__file__).parent / "processes" / "request.toml").read_text())
    return made


def _places(t: Town) -> None:
    box = (LON, LAT, LON + SIDE, LAT + SIDE)
    t.place("district", "district", "试验区", None, box, "990101")
    half, quarter = SIDE / 2, SIDE / 4
    for i, street in enumerate(("west", "east")):
        x = LON + i * half
        t.place(street, "street", f"{'西东'[i]}街街道", "district", (x, LAT, x + half, LAT + SIDE), f"99010100{i + 1}")
        for j, part in enumerate(("south", "north")):
            y, key = LAT + j * half, f"{street}-{part}"
            code = f"99010100{i + 1}00{j + 1}"
            t.place(key, "community", f"{'西东'[i]}{'南北'[j]}社区", street, (x, y, x + half, y + half), code)
            for k in range(2):
                t.place(f"{key}-{k + 1}", "grid", f"{'西东'[i]}{'南北'[j]}社区第{k + 1}网格", key,
                        (x + k * quarter, y, x + (k + 1) * quarter, y + half), f"{code}00{k + 1}")


def _units(t: Town) -> None:
    t.unit("government", "district", "district", "试验区人民政府", None, "district")
    t.unit("centre", "centre", "district", "区接诉即办中心", "government", "district")
    t.unit("housing", "department", "district", "区住建局", "government", "district")
    t.unit("heating-section", "section", "", "供热科", "housing", "district")
    t.unit("parks", "department", "district", "区城管局", "government", "district")
    t.unit("heating", "outside", "", "暖阳供热公司", None, None, "outside")
    for street in ("west", "east"):
        t.unit(street, "street", "street", t.places[street].name + "办事处", "government", street)
        t.unit(f"{street}-party", "street", "street", t.places[street].name + "党工委", "government", street, "party")
        for part in ("south", "north"):
            key = f"{street}-{part}"
            t.unit(key, "community", "community", t.places[key].name + "居委会", street, key, "service")
            for k in (1, 2):
                t.unit(f"{key}-{k}", "grid", "grid", t.places[f"{key}-{k}"].name, key, f"{key}-{k}", "service")


def _people(t: Town) -> None:
    t.person("admin", "管理员", ("centre", "admin"))
    t.person("operator", "坐席甲", ("centre", "operator"))
    t.person("operator2", "坐席乙", ("centre", "operator"))
    t.person("district", "区派单员", ("centre", "dispatcher"))
    t.person("reviewer", "审核员", ("centre", "reviewer"))
    t.person("checker", "核查员", ("centre", "checker"))
    t.person("chief", "中心主任", ("centre", "leader"))
    t.person("street", "张派单", ("west", "dispatcher"))
    t.person("street_leader", "街道主任", ("west", "leader"))
    t.person("east", "东街派单", ("east", "dispatcher"))
    t.person("east_leader", "东街主任", ("east", "leader"))
    t.person("community", "李书记", ("west-south", "leader"))
    t.person("community_worker", "社区干事", ("west-south", "handler"))
    t.person("north", "北社区书记", ("west-north", "leader"))
    t.person("grid", "王网格员", ("west-south-1", "gridworker"))
    t.person("department", "住建联络员", ("housing", "liaison"))
    t.person("department_leader", "住建局长", ("housing", "leader"))
    t.person("section", "供热科员", ("heating-section", "handler"))
    t.person("section_leader", "供热科长", ("heating-section", "leader"))
    t.person("parks", "城管联络员", ("parks", "liaison"))
    t.person("parks_leader", "城管局长", ("parks", "leader"))
    t.person("heating", "供热公司调度", ("heating", "liaison"))
    t.person("heating_leader", "供热公司经理", ("heating", "leader"))


def _tables(t: Town) -> None:
    rows = [
        ("200102", "暴露垃圾", "event", ["垃圾"], "4h", "photo", "parks", ""),
        ("900401", "供暖不热", "matter", ["暖气", "供暖", "不热"], "24h calendar", "none", "housing", "heating"),
        ("900101", "噪声扰民", "matter", ["噪声", "太吵"], "5d", "none", "parks", ""),
        ("900501", "工作作风", "matter", ["态度", "作风"], "5d", "none", "", ""),
    ]
    for code, name, kind, words, limit, evidence, owner, outside in rows:
        t.categories[code] = Category.objects.create(
            code=code, name=name, kind=kind, keywords=words, limit=limit, limit_source="made up for tests",
            evidence=evidence, owner_key=owner, outside_key=outside, private=code == "900101", source="made up",
        )
    CatalogueLine.objects.create(number="41", category=t.categories["900401"], lead=t.units["housing"],
                                 text="供热质量监管", source="made up", valid_from=date(2020, 1, 1))
    Answer.objects.create(title="居住证怎么办", words="带身份证到社区办理。", keywords=["居住证"], tokens=["居住", "住证"],
                          source="made up", source_date=date(2026, 1, 1))
