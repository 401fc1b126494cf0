"""When stages, cases and ladders of late steps come due, in working time."""

from collections.abc import Iterable
from datetime import datetime

from gongzhi.base import calendar, clock, worktime
from gongzhi.base.worktime import Calendar
from gongzhi.flow.definition import Deadline, Late, Process, Stage
from gongzhi.flow.models import Case, Task

NEVER = datetime(9990, 1, 1, tzinfo=clock.CHINA)


def due(deadline: Deadline, case: Case, start: datetime) -> datetime | None:
    """Compute when something that began at `start` is due; None where nothing limits it."""
    rule = deadline.rule_for(str(case.fields.get(deadline.by, "")))
    if not rule:
        return None
    if rule == "case":
        return max(case.due_at, start) if case.due_at else None
    if rule.startswith("on:"):
        value = case.fields.get(rule[3:])
        return datetime.fromisoformat(value) if value else None
    begun = case.opened_at if deadline.since == "open" else start
    return worktime.due(begun, case.standard if rule == "standard" else rule, calendar.load())


def of_stage(process: Process, stage: Stage, case: Case, start: datetime) -> datetime | None:
    """Compute when a stage is due: not after the whole, while that lies ahead.

    What is done again, after its reporter was asked once, keeps the stage's own deadline, unless one was given from
    outside for it; so does what is late already.
    """
    at, whole = due(stage.deadline, case, start), case.due_at
    if at is None or whole is None or stage.waits:
        return at
    at = within(case, at, start)
    if not start < whole < at:
        return at
    asked = [s.name for s in process.stages.values() if s.waits]
    return at if case.pk and case.tasks.filter(stage__in=asked).exists() else whole


def own(case: Case) -> datetime | None:
    """Give the deadline a case has by our own standard, whatever was given from outside."""
    return case.own_due_at if case.bound_at else case.due_at


def settle(case: Case, ours: datetime | None) -> None:
    """Let the earlier count of a case's own deadline and one given from outside; both stay known."""
    case.own_due_at = ours if case.bound_at else None
    case.due_at = min((at for at in (ours, case.bound_at) if at), default=None)


def within(case: Case, at: datetime, start: datetime) -> datetime:
    """Bring a moment forward to the deadline given from outside, while that lies ahead of `start`."""
    return case.bound_at if case.bound_at and start < case.bound_at < at else at


def ladder(
    steps: Iterable[Late], deadline: Deadline, case: Case, start: datetime, due_at: datetime | None
) -> list[datetime]:
    """Compute when each step comes, shares of a deadline by the clock of its rule; never where there is no deadline."""
    return [_step(step, deadline, case, start, due_at) for step in steps]


def _step(step: Late, deadline: Deadline, case: Case, start: datetime, due_at: datetime | None) -> datetime:
    if step.percent is not None:
        if due_at and due_at <= start and step.percent > 100:  # it came late from outside: what comes later is measured by ours
            due_at = own(case) or due_at
        return worktime.point(start, due_at, step.percent, clock_of(deadline, case)) if due_at else NEVER
    if step.on_field:
        return datetime.fromisoformat(case.fields[step.on_field])
    return worktime.due(start, step.at, calendar.load())


def duration(deadline: Deadline, case: Case) -> str:
    """Give the duration a deadline means in a case, "" where it is a date or none; that of `case` is the case's own."""
    rule = deadline.rule_for(str(case.fields.get(deadline.by, "")))
    return case.standard if rule in ("standard", "case") else "" if rule.startswith("on:") else rule


def clock_of(deadline: Deadline, case: Case) -> Calendar:
    """Give the hours by which a deadline runs: the office's, or day and night."""
    rule = duration(deadline, case)
    return worktime.clock_of(rule, calendar.load()) if rule else calendar.load()


def set_ladder(holder: Case | Task, times: list[datetime], *, step: int = 0) -> None:
    """Give a case or task its ladder from a step on; steps must not go backwards in time."""
    for i in range(1, len(times)):
        times[i] = max(times[i], times[i - 1])
    holder.ladder, holder.next_step = times, step
    holder.next_at = times[step] if step < len(times) else None


def rule_words(deadline: Deadline, case: Case) -> str:
    """Say the rule that made a deadline: 2 个工作小时, 5 个工作日."""
    rule = deadline.rule_for(str(case.fields.get(deadline.by, "")))
    text = "" if rule == "case" else duration(deadline, case)
    return worktime.parse_duration(text).words() if text else ""


def start_case(process: Process, case: Case) -> None:
    """Set the case's own deadline and ladder from its standard."""
    settle(case, due(process.deadline, case, case.opened_at))
    case.first_due_at = case.due_at
    set_ladder(case, ladder(process.late, process.deadline, case, case.opened_at, case.due_at))


def carry(task: Task, stage: Stage, case: Case) -> None:
    """Let a task carry the ladder of its stage."""
    set_ladder(task, ladder(stage.late, stage.deadline, case, task.opened_at, task.due_at))


def carry_inner(task: Task, steps: tuple[Late, ...], stage: Stage, case: Case) -> None:
    """Let the task of a section carry the ladder of its inner deadline."""
    set_ladder(task, ladder(steps, stage.deadline, case, task.opened_at, task.due_at))
