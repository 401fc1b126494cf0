"""Reading long work, whose city this is, what somebody who leaves leaves behind, and which doors his posts open."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import Resolver404, URLResolver, get_resolver, resolve

from gongzhi.base import clock, progress
from gongzhi.base.access import Access
from gongzhi.base.models import Progress
from gongzhi.desk.models import SavedView
from gongzhi.flow import handing
from gongzhi.flow import queries as flow
from gongzhi.flow.models import Case, Task
from gongzhi.org import queries as org
from gongzhi.org.models import Appointment, Leave, Person, Token
from gongzhi.org.rules import Held, Standing
from gongzhi.places.models import Place

POURING = "demo-reports"  # the row of demo/living.py
SHOWN = 100


def works() -> QuerySet[Progress]:
    """List long work, what began last first."""
    return Progress.objects.order_by("-started_at", "-id")[:SHOWN]


def pouring() -> Progress | None:
    """Find the demo's reports while they are being lived; None outside a demo."""
    return progress.running(POURING) if settings.GONGZHI_DEMO else None


def made_by_no_demo() -> bool:
    """Tell whether places are there without the made-up people that every demo has: a real city, begun or at work."""
    return Place.objects.exists() and not Person.objects.filter(made_up=True).exists()


def due_from(day: date, asker: Standing) -> int:
    """Count the open matters whose deadline comes on a day or later, as far as who asks may know of them."""
    from_day = datetime.combine(day, time.min, clock.CHINA)
    return Case.objects.filter(flow.not_recused(asker), closed_at=None, due_at__gte=from_day).count()


# Who leaves -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Left:
    """What a person leaves behind, as far as who asks may know of it (rights 4.2)."""

    tasks: list[tuple[Task, list[Person]]]  # with who else sits at the desk
    posts: list[tuple[Appointment, bool, int]]  # whether it will be vacant, what lies on its desk
    stands_in: list[Leave]
    n_views: int
    n_tokens: int


def left_by(person: Person, asker: Standing) -> Left:
    """List what a person leaves behind."""
    visible = flow.visible_to(asker).filter(tasks__in=handing.named_to(person.pk)).values("pk")
    tasks = [(t, handing.candidates(t, person.pk)) for t in handing.named_to(person.pk).filter(case__in=visible)]
    held = org.current(person.appointments.all()).select_related("post__unit", "post__place").order_by("id")
    posts = [(a, not _others(a), handing.on_desk(a.post.unit_id, a.post.name, asker)) for a in held]
    return Left(tasks, posts, [row for row in org.leaves(person.pk) if row.stand_in_id == person.pk],
                SavedView.objects.filter(person=person).count(),
                Token.objects.filter(person=person, revoked_at=None).count())


def _others(appointment: Appointment) -> bool:
    return org.holders(appointment.post.unit_id, appointment.post.name).exclude(pk=appointment.person_id).exists()


# Doors ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Door:
    """An address, who may, and by which of somebody's posts he may; None where he may not."""

    path: str
    access: Access
    open: bool
    held: Held | None = None


def doors(standing: Standing) -> list[Door]:
    """List every address with whether a person's posts open it."""
    return [_door("/" + path, rule, standing) for path, rule in _all_doors()]


def door_at(path: str, standing: Standing) -> Door | None:
    """Say whether a person's posts open the page at an address; None where there is no page."""
    try:
        view = resolve(path.split("?")[0]).func
    except Resolver404:
        return None
    return _door(path, view.access, standing)  # type: ignore[attr-defined]


def _door(path: str, rule: Access, standing: Standing) -> Door:
    if rule.kind in ("public", "demo", "token"):
        return Door(path, rule, rule.kind != "demo" or settings.GONGZHI_DEMO)
    by = next((h for h in standing.held if not rule.posts or h.post in rule.posts), None)
    return Door(path, rule, by is not None, by)


@lru_cache(maxsize=1)
def _all_doors() -> list[tuple[str, Access]]:
    return sorted(_walk(get_resolver().url_patterns, ""), key=lambda door: door[0])


def _walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, Access]]:
    for each in patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, path)
        else:
            yield path, each.callback.access
