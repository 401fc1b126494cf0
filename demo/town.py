"""Who works where and where people live; and when a made-up report comes, and how."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from demo import pictures
from demo.city import BUSY_STREET, read_categories
from gongzhi.base import clock, files
from gongzhi.flow import actors
from gongzhi.flow.actors import Actor
from gongzhi.org import queries as org
from gongzhi.org.models import Appointment, Unit
from gongzhi.places.models import Place
from gongzhi.requests.models import Answer

DAYS = 90
FIRST = 300  # the reports that are there when the first page opens lean to the last days, so that queues are full
HOURS = [1, 0, 0, 0, 0, 1, 3, 8, 14, 18, 18, 14, 10, 10, 14, 15, 15, 14, 14, 14, 12, 9, 5, 2]  # calls by hour of day
CHANNELS = {"phone": 46, "portal": 22, "qr": 13, "grid": 11, "api": 5, "window": 3}


@dataclass(frozen=True)
class Plan:
    """When and how a report comes; everything else follows from its own random numbers."""

    n: int
    key: str
    at: datetime
    channel: str

    @classmethod
    def all(cls, n: int, seed: int) -> list[Plan]:
        return [cls.make(i, seed) for i in range(n)]

    @classmethod
    def make(cls, n: int, seed: int) -> Plan:
        rng = random.Random(f"plan {seed} {n}")
        back = rng.random() ** 2 * 9 if rng.random() < (0.45 if n < FIRST else 0.08) else rng.uniform(0, DAYS)
        day = (clock.now() - timedelta(days=back)).date()
        hour = rng.choices(range(24), HOURS)[0]
        at = datetime.combine(day, time(hour, rng.randint(0, 59), rng.randint(0, 59)), clock.CHINA)
        if at > clock.now() - timedelta(minutes=4):
            at = clock.now() - timedelta(minutes=rng.randint(4, 600))
        return cls(n, f"demo-{seed}-{n}", at, rng.choices(list(CHANNELS), list(CHANNELS.values()))[0])


class Town:
    """Who works where, and where people live: read once."""

    def __init__(self) -> None:
        self.units = {u.pk: u for u in Unit.objects.all()}
        self.by_key = {u.key: u for u in self.units.values() if u.key}
        self.children: dict[int, list[Unit]] = defaultdict(list)
        for unit in self.units.values():
            if unit.parent_id and unit.line != "party":
                self.children[unit.parent_id].append(unit)
        self.seats: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for a in org.current(Appointment.objects.all()).select_related("post").order_by("id"):
            self.seats[a.post.unit_id][a.post.name].append(a.person_id)
        self.compounds = list(Place.objects.filter(kind="compound").select_related("parent").order_by("id"))
        busy = Place.objects.get(code=BUSY_STREET.ljust(12, "0"), kind="street")
        first = Place.objects.filter(parent=busy).order_by("code").first()
        self.near_home = [c for c in self.compounds if first and first.pk in c.path]
        home = Appointment.objects.filter(person__username="grid").values_list("post__unit__place", flat=True).first()
        self.at_home = [c for c in self.near_home if c.parent_id == home] or self.near_home
        self.in_busy_street = [c for c in self.compounds if busy.pk in c.path]
        self.grids = list(Place.objects.filter(kind="grid").order_by("id"))
        self.categories = {c.code: c for c in read_categories() if c.parent}
        self.answers = list(Answer.objects.select_related("category").order_by("id"))
        self._actors: dict[int, Actor] = {}
        for n in range(pictures.VARIETY):  # beforehand: two who store the same would wait for each other
            files.store_photo(pictures.photo("problem", n))
            files.store_photo(pictures.photo("solved", n))
            files.store_document(pictures.document(n))

    def person(self, person_id: int) -> Actor:
        if person_id not in self._actors:
            self._actors[person_id] = actors.person(org.standing(org.Person.objects.get(pk=person_id)))
        return self._actors[person_id]

    def someone(self, rng: random.Random, unit_id: int, *posts: str, but: str = "") -> Actor | None:
        """Choose somebody in one of the posts of a unit (the first that is held), never `but` (an actor's line)."""
        held = self.seats[unit_id]
        for post in posts or tuple(held):
            found = [p for p in held.get(post, ()) if f"person:{p}" != but]
            if found:
                return self.person(rng.choice(found))
        return None
