"""A role word of a process file, answered by the two trees: which unit and post, and may this actor be it?"""

from collections.abc import Collection
from dataclasses import dataclass

from gongzhi.flow.actors import Actor
from gongzhi.flow.definition import Process, Role
from gongzhi.flow.models import Case, Task
from gongzhi.org import queries as org
from gongzhi.org.models import Unit
from gongzhi.org.rules import LEVELS


@dataclass(frozen=True)
class Seat:
    """A desk: a post ("" = any) in a unit, or the reporter's own (unit None)."""

    unit_id: int | None
    post: str = ""


REPORTER = Seat(None)


def seats(role: Role, case: Case, apart_from: Collection[int] = ()) -> list[Seat]:
    """List the desks a role means in a case now; a recused unit is passed over and the level above asked.

    So is, for a post, a unit that is `apart_from` some, or below one of them.
    """
    if role.kind == "field":
        return _of_field(role, case)
    if role.kind == "post":
        return [s for s in [_post(role.what, role.level, case, apart_from)] if s]
    if role.kind == "head":
        return _heads(role, case)
    if role.kind == "each":
        level = case.level if role.level == "level" else role.level
        units = Unit.objects.filter(kind=role.what, level=level, place__path__overlap=case.path, active_to=None)
        return [Seat(u.pk) for u in units.order_by("id") if not is_recused(u, case)]
    return []


def _of_field(role: Role, case: Case) -> list[Seat]:
    if role.what == "reporter":
        return [REPORTER]
    source = case.parent if role.source == "parent" else case
    value = source.fields.get(role.what) if source else None
    return [Seat(unit) for unit in (value if isinstance(value, list) else [value]) if unit]


def _post(post: str, level: str, case: Case, apart_from: Collection[int] = ()) -> Seat | None:
    start = case.level if level == "level" else level
    for each in LEVELS[LEVELS.index(start):] if start in LEVELS else ():
        for unit in org.governing_line(each, case.path, post):
            if set(unit.path) & set(apart_from):
                continue
            if not is_recused(unit, case) and (not case.about_units or somebody_may(unit.pk, post, case)):
                return Seat(unit.pk, post)
    return None


def working(role: Role, case: Case, process: Process) -> list[Seat]:
    """List the desks on which a role's tasks lie: not of a unit it is kept apart from, where another has the post."""
    return seats(role, case, kept_apart(role.name, case, process) if role.kind == "post" else ()) or seats(role, case)


def leaders_above(role: Role, case: Case, apart_from: Collection[int]) -> list[Seat]:
    """List who leads above the desks a role means, where each of those is `apart_from` some units, or below one."""
    found = []
    for seat in seats(role, case):
        unit = Unit.objects.filter(pk=seat.unit_id or 0).first()
        while unit and set(unit.path) & set(apart_from):
            unit = unit.parent
        found.append(head(unit.pk, case) if unit else None)
    return [desk for desk in found if desk]


def somebody_may(unit_id: int, post: str, case: Case, *, apart_from: int = 0) -> bool:
    """Say whether a post is held by somebody else than `apart_from` whom the case is not about, by any post of his."""
    people = org.holders(unit_id, post).exclude(pk=apart_from)
    if not case.about_units:
        return people.exists()
    return any(not set(case.about_units) & org.standing(person).lineage for person in people)


def _heads(role: Role, case: Case) -> list[Seat]:
    if role.source:
        value = case.fields.get(role.what)
        units = value if isinstance(value, list) else [value]
    else:
        found = _post(role.what, role.level, case)
        units = [found.unit_id] if found else []
    return [s for s in (head(u, case) for u in units if u) if s]


def head(unit_id: int, case: Case, *, apart_from: int = 0) -> Seat | None:
    """Find the leader of a unit, or of the nearest unit above that has one who is not recused and not `apart_from`."""
    unit: Unit | None = Unit.objects.filter(pk=unit_id).first()
    while unit:
        if not is_recused(unit, case) and somebody_may(unit.pk, "leader", case, apart_from=apart_from):
            return Seat(unit.pk, "leader")
        unit = unit.parent
    return None


def is_recused(unit: Unit, case: Case) -> bool:
    """Say whether a complaint of this case is about the unit or one above it."""
    return bool(set(unit.path) & set(case.about_units))


def may_act_as(role: Role, case: Case, actor: Actor, apart_from: Collection[int] = ()) -> bool:
    """Say whether an actor is this role in a case; at a desk that passes over the units it is `apart_from`."""
    if role.kind == "anyone":
        return True
    if {role.kind, actor.kind} & {"system", "elsewhere"}:
        return role.kind == actor.kind
    if role.kind == "field" and role.what == "reporter":
        return actor.kind == "reporter" and actor.case_id == case.pk
    if actor.kind != "person":
        return False
    if role.kind == "any":
        kinds = [h for h in actor.standing.held if h.unit_kind == role.what]
        return any(not role.level or h.place_id in case.path for h in kinds)
    post = {"post": role.what, "head": "leader"}.get(role.kind)
    if post and post not in actor.standing.posts:
        return False  # without asking the trees: most roles are not his
    return any(sits(seat, actor) for seat in seats(role, case, apart_from))


def sits(seat: Seat, actor: Actor) -> bool:
    """Say whether a person works at a desk."""
    if seat.unit_id is None:
        return False
    return (seat.unit_id, seat.post) in actor.standing.seats if seat.post else seat.unit_id in actor.standing.units


def acting_as(names: tuple[str, ...], case: Case, actor: Actor, process: Process) -> str | None:
    """Find the first of some role words an actor is, by his posts or by a task of it on his desk, or None."""
    tasks = case.tasks.filter(done_at=None, role__in=names, unit__isnull=False).exclude(kind="approval")
    has = {t.role for t in tasks if sits(Seat(t.unit_id, t.post), actor)}
    return next((n for n in names if n in has or may_act_as(role_of(n, process), case, actor)), None)


def role_of(name: str, process: Process) -> Role:
    """Look a role word up; `anyone`, `system` and `elsewhere` need no line in the file."""
    return process.roles.get(name) or Role(name, name, name)


def handled(case: Case, process: Process, *names: str) -> set[int]:
    """List the units that work on a case, or ever did, in the roles its fields name; `names`: only in these.

    What was taken back within its minute was never handled.
    """
    of_fields = [r for r in process.roles.values() if r.kind == "field" and r.what != "reporter"]
    asked = [r for r in of_fields if r.name in names or not names]
    now = {s.unit_id for role in asked for s in seats(role, case)}
    tasks = Task.objects.filter(case=case.pk, kind="work", role__in=[r.name for r in asked])
    ever = tasks.exclude(outcome="take_back").values_list("unit_id", flat=True)
    return {unit for unit in (*now, *ever) if unit}


def kept_apart(name: str, case: Case, process: Process) -> set[int]:
    """List the units nobody of whom may act in a role."""
    others = [role_of(other, process) for other in process.apart_from(name)]
    fields = [role.name for role in others if role.kind == "field" and role.what != "reporter"]
    return handled(case, process, *fields) if fields else set()


def conflict(name: str, case: Case, actor: Actor, process: Process) -> bool:
    """Say whether the actor also has a part that the process keeps apart from this role.

    Somebody below a handling unit counts as of that unit. Who merely holds the other post is free, until he has acted;
    and so is whose unit handles it itself, for then that post is another's.
    """
    if actor.kind != "person":
        return False
    if kept_apart(name, case, process) & actor.standing.lineage:
        return True
    for other in process.apart_from(name):
        role = role_of(other, process)
        if role.kind == "field" or not may_act_as(role, case, actor):
            continue
        still_his = may_act_as(role, case, actor, kept_apart(other, case, process))
        if still_his and case.entries.filter(actor=actor.line).exists():
            return True
    return False
