"""How a case moves: tasks closed and opened, deadlines computed, people's desks filled. Called by actions alone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from gongzhi.base import calendar, clock, worktime
from gongzhi.base.errors import Refused
from gongzhi.base.worktime import Calendar
from gongzhi.flow import actors, deadlines, registry, roles
from gongzhi.flow.definition import Action, Process, Stage
from gongzhi.flow.models import Case, Expectation, Task
from gongzhi.flow.roles import Seat
from gongzhi.org.models import Unit
from gongzhi.org.rules import LEVELS

REMINDED = 80  # percent of its time after which an approval or a duty is reminded of, as every stage is (default, no source)


def enter(case: Case, process: Process, action: Action | None, name: str) -> list[Task]:
    """Bring a case into a stage: level, public state, tasks with their clocks. Return the tasks opened."""
    stage = process.stages[name]
    case.stage, case.entered_at = name, clock.now()
    case.counts = {k: n for k, n in case.counts.items() if not k.startswith("visit:")}
    # What staff found, nobody has to be kept from; what ended unread stays with those who read it.
    case.private = case.origin != "staff" and (stage.private or (stage.is_end and case.private))
    _show(case, stage, action)
    if stage.raise_:
        rise(case)
    if stage.is_end:
        case.closed_at, case.outcome = clock.now(), action.name if action else ""
        case.next_at = None
        return []
    case.next_at = None if stage.waits or case.next_step >= len(case.ladder) else case.ladder[case.next_step]
    for watcher in stage.watch:
        _take_part(case, roles.seats(process.roles[watcher], case))
    opened = open_tasks(case, process, stage)
    if not opened:
        raise Refused(_("没有能接手这一步的岗位，请先补上人。"))
    return [*opened, *_duties(case, process, stage, opened)]


def _show(case: Case, stage: Stage, action: Action | None) -> None:
    """Keep 正在重办 while a redone case is handled again; it ends when the reporter is asked or the case is closed."""
    said = action.public if action else ""
    redoing = case.fields.get("public") == "redoing" and stage.public in ("handling", "dispatching", "received")
    case.fields["public"] = said or ("redoing" if redoing else stage.public or case.fields.get("public", "received"))


def rise(case: Case) -> None:
    """Lift a case one level; the highest keeps it."""
    at = LEVELS.index(case.level)
    case.level = LEVELS[min(at + 1, LEVELS.index("district"))] if case.level != "city" else "city"


def open_tasks(case: Case, process: Process, stage: Stage, *, anew: Iterable[int] | None = None) -> list[Task]:
    """Open the tasks a stage lacks: one for every desk its roles mean. The first carries the stage's ladder,
    a section that of its inner deadline.

    `anew`: units asked just now, in a case that stays in the stage; who else has finished there is not asked again.
    """
    tasks = case.tasks.filter(kind__in=("work", "reporter"))
    there = Q(done_at=None)
    if anew is not None:
        there |= Q(stage=stage.name, opened_at__gte=case.entered_at) & ~Q(unit__in=list(anew))
    standing = {(t.role, t.unit_id, t.post) for t in tasks.filter(there)}
    due_at = deadlines.of_stage(process, stage, case, case.entered_at)
    opened = []
    for role in stage.tasks:
        for seat in roles.working(process.roles[role], case, process):
            if (role, seat.unit_id, seat.post) not in standing:
                opened.append(_open(case, process, stage, role, seat, due_at))
    if opened and not standing:
        deadlines.carry(opened[0], stage, case)
        opened[0].save(update_fields=["ladder", "next_at", "next_step"])
    _take_part(case, [Seat(t.unit_id, t.post) for t in opened])
    return opened


def _open(case: Case, process: Process, stage: Stage, role: str, seat: Seat, due_at: datetime | None) -> Task:
    inner = _inner_due(case) if role == "handler" else None
    if inner:
        due_at = min(filter(None, [due_at, inner]))
    task = Task.objects.create(
        case=case, stage=stage.name, role=role, unit_id=seat.unit_id, post=seat.post, opened_at=clock.now(),
        due_at=due_at, first_due_at=due_at, kind="work" if seat.unit_id else "reporter",
    )
    if inner and due_at and "assign" in process.verbs:
        deadlines.carry_inner(task, process.verbs["assign"].late, stage, case)
        task.save(update_fields=["ladder", "next_at", "next_step"])
    _expect(task, stage)
    return task


def _inner_due(case: Case) -> datetime | None:
    """Give the inner deadline a unit set its section, unless it is that of an earlier round and has passed."""
    at = datetime.fromisoformat(case.fields["inner_due"]) if case.fields.get("inner_due") else None
    return at if at and at > clock.now() else None


def _expect(task: Task, stage: Stage) -> None:
    """Start the clocks inside a stage for those who may do what is expected."""
    rules = {name: rule for name, rule in stage.expects.items() if _is_expected(task, stage, name)}
    Expectation.objects.bulk_create([
        Expectation(task=task, case_id=task.case_id, name=name,
                    due_at=worktime.due(task.opened_at, rule, calendar.load()))
        for name, rule in rules.items()
    ])


def _is_expected(task: Task, stage: Stage, name: str) -> bool:
    """Say whether something is expected of a task: its role may do it, and so may somebody of its unit in this case."""
    action = stage.actions.get(name)
    if action is None or task.role not in stage.expects_of.get(name, action.by) or task.role not in action.by:
        return False
    return _may_be_done(action, task.case, task.unit, task.post)


def _may_be_done(action: Action, case: Case, unit: Unit | None, post: str) -> bool:
    """Say whether the early conditions of an action let somebody at a desk."""
    rules = [registry.conditions[when] for when in action.when if when in registry.conditions]
    early = [rule for rule in rules if rule.early]
    somebody = actors.of_unit(unit, post) if early and unit else actors.SYSTEM
    return not any(rule.check(case, somebody, {}) for rule in early)


def _duties(case: Case, process: Process, stage: Stage, opened: list[Task]) -> list[Task]:
    """Open a task for what is expected of none of those at work, on the desk it falls to: whoever may do it must."""
    if not stage.expects_else:
        return []
    kept = set(Expectation.objects.filter(task__in=opened).values_list("name", flat=True))
    duties = [
        _duty(case, stage, name, role, seat)
        for name, role in stage.expects_else.items() if name not in kept
        for seat in roles.working(process.roles[role], case, process)
        if _may_be_done(stage.actions[name], case, Unit.objects.filter(pk=seat.unit_id or 0).first(), seat.post)
    ]
    _take_part(case, [Seat(t.unit_id, t.post) for t in duties])
    return duties


def _duty(case: Case, stage: Stage, name: str, role: str, seat: Seat) -> Task:
    now, rule = clock.now(), stage.expects[name]
    due_at = worktime.due(now, rule, calendar.load())
    task = Task(case=case, kind="duty", stage=stage.name, role=role, unit_id=seat.unit_id, post=seat.post, opened_at=now,
                due_at=due_at, first_due_at=due_at)
    deadlines.set_ladder(task, [worktime.point(now, due_at, REMINDED, worktime.clock_of(rule, calendar.load()))])
    task.save()
    Expectation.objects.create(task=task, case=case, name=name, due_at=due_at)
    return task


def _take_part(case: Case, seats: Iterable[Seat]) -> None:
    case.unit_ids = list(dict.fromkeys([*case.unit_ids, *(s.unit_id for s in seats if s.unit_id)]))


def close_tasks(case: Case, outcome: str, by: int | None, *, only: Iterable[int] | None = None) -> list[int]:
    """Finish open tasks (all, or only some and what was asked about them); return their ids. Their clocks stop."""
    tasks = case.tasks.filter(done_at=None)
    if only is not None:
        some = list(only)
        tasks = tasks.filter(Q(pk__in=some) | Q(kind="approval", asks__task__in=some))
    ids = sorted(tasks.values_list("pk", flat=True))
    Task.objects.filter(pk__in=ids).update(done_at=clock.now(), done_by=by, outcome=outcome, next_at=None)
    return ids


def pass_ladder_on(case: Case, closed: list[int]) -> None:
    """Give the ladder of a finished task to another that goes on in the same stage; a section's is its own."""
    carrier = Task.objects.filter(pk__in=closed, kind="work").exclude(ladder=[]).exclude(role="handler").order_by("pk").first()
    going_on = case.tasks.filter(done_at=None, stage=case.stage, kind="work", ladder=[]).exclude(role="handler")
    heir = going_on.order_by("pk").first()
    if carrier and heir and carrier.stage == case.stage:
        deadlines.set_ladder(heir, list(carrier.ladder), step=carrier.next_step)
        heir.save(update_fields=["ladder", "next_at", "next_step"])


def joined(case: Case, stage: Stage, action: Action, finished: Task) -> bool:
    """Say whether the finished tasks are enough for the stage to end; a helper's action never ends it for the lead."""
    if stage.join == "any":
        return True
    if stage.join == "all":
        return not case.tasks.filter(done_at=None, stage=stage.name, kind="work").exists()
    first = stage.tasks[0]
    inside = finished.unit is not None and case.fields.get(first) in finished.unit.path
    return first in action.by and (finished.role == first or inside)


def task_lines(tasks: Iterable[Task]) -> list[dict[str, Any]]:
    """Say for the log which tasks were opened."""
    return [
        {"id": t.pk, "role": t.role, "unit": t.unit_id, "post": t.post, "kind": t.kind,
         "due": t.due_at.isoformat() if t.due_at else None}
        for t in tasks
    ]


def bind(case: Case, process: Process, was: datetime | None) -> None:
    """Bring the tasks of a stage to another deadline of the whole: those it had cut short, and those it now does."""
    stage = process.stages[case.stage]
    due_at = deadlines.of_stage(process, stage, case, case.entered_at)
    for task in case.tasks.filter(done_at=None, stage=case.stage, kind="work").exclude(role="handler"):
        if due_at is None or task.due_at is None or (task.due_at != was and task.due_at <= due_at):
            continue
        task.due_at = due_at
        if task.ladder:
            times = deadlines.ladder(stage.late, stage.deadline, case, task.opened_at, due_at)
            deadlines.set_ladder(task, times, step=task.next_step)
            task.next_at = None if case.held_at else task.next_at
        task.save(update_fields=["due_at", "ladder", "next_at", "next_step"])


def _hours(task: Task, stage: Stage, of_stage: Calendar) -> Calendar:
    """Give the hours by which the deadline of a task runs."""
    if task.kind == "approval":
        return calendar.load()
    return worktime.clock_of(stage.expects[task.expectations.get().name], calendar.load()) if task.kind == "duty" else of_stage


def shift(case: Case, process: Process, held_from: datetime, held_to: datetime) -> None:
    """Move every running deadline of a case by the time it was on hold, each by its own clock.

    One given from outside stays where it is: whoever gave it has not waited.
    """

    def moved(at: datetime, clock_of: Calendar) -> datetime:
        return worktime.due_after_hold(at, held_from, held_to, clock_of) if at > held_from else at

    def cut(at: datetime, clock_of: Calendar, due_at: datetime | None) -> datetime:
        later = moved(at, clock_of)
        return deadlines.within(case, later, held_to) if due_at and at <= due_at else later

    stage = process.stages[case.stage]
    of_case, of_stage = deadlines.clock_of(process.deadline, case), deadlines.clock_of(stage.deadline, case)
    ours, was = deadlines.own(case), case.due_at
    deadlines.settle(case, moved(ours, of_case) if ours else None)
    deadlines.set_ladder(case, [cut(t, of_case, was) for t in case.ladder], step=case.next_step)
    for task in case.tasks.filter(done_at=None):
        hours = _hours(task, stage, of_stage)
        was = task.due_at
        task.due_at = cut(was, hours, was) if was else None
        deadlines.set_ladder(task, [cut(t, hours, was) for t in task.ladder], step=task.next_step)
        task.save()
    for expected in case.expectations.filter(met_at=None, missed_at=None, task__done_at=None):
        expected.due_at = moved(expected.due_at, worktime.clock_of(stage.expects[expected.name], calendar.load()))
        expected.save(update_fields=["due_at"])
