"""What the verbs common to all processes do to a case. Called by actions alone."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from gongzhi.base import calendar, clock, worktime
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import deadlines, moving
from gongzhi.flow.actors import Actor
from gongzhi.flow.definition import Action, Process, Verb
from gongzhi.flow.models import Case, Task

Values = dict[str, Any]
Effect = Callable[[Case, Process, Verb, Actor, Values], Values]  # returns what the log says besides


def check(verb: Verb, case: Case, values: Mapping[str, Any]) -> None:
    """Refuse a verb whose form asks for more than the process allows."""
    if verb.name == "assign" and values.get("inner_due"):
        task = _stage_task(case)
        due_at = task.due_at if task else None
        if due_at and due_at > clock.now() and datetime.fromisoformat(values["inner_due"]) >= due_at:
            raise Faults({"inner_due": _("内部期限要早于这一步的到期时间。")})
    if verb.name == "extend" and (task := _stage_task(case)) and task.due_at and task.due_at <= clock.now():
        raise Refused(_("这一步已经超期，不能再申请延期。"))
    if not verb.max:
        return
    most = worktime.parse_duration(verb.max)
    if verb.name == "extend" and values["days"] > most.n:
        raise Faults({"days": _("最多延期 {most}。").format(most=most.words())})
    if verb.name == "hold" and datetime.fromisoformat(values["until"]) > worktime.due(
            clock.now(), most, calendar.load()):
        raise Faults({"until": _("最多挂起 {most}。").format(most=most.words())})


def _stage_task(case: Case) -> Task | None:
    return case.tasks.filter(done_at=None, stage=case.stage, kind="work").order_by("pk").first()


def _assign(case: Case, process: Process, verb: Verb, by: Actor, values: Values) -> Values:
    former = case.tasks.filter(done_at=None, role="handler", stage=case.stage)
    closed = moving.close_tasks(case, "reassigned", by.person_id, only=former.values_list("pk", flat=True))
    case.fields = {**case.fields, "section": values["section"], "inner_due": values.get("inner_due")}
    opened = moving.open_tasks(case, process, process.stages[case.stage], anew=[values["section"]])
    moving.pass_ladder_on(case, closed)
    return {"closed": closed, "opened": moving.task_lines(opened)}


def _extend(case: Case, process: Process, verb: Verb, by: Actor, values: Values) -> Values:
    """Move the deadlines of the case and of this stage; the first ones are kept."""
    rule, office = f"{values['days']}d", calendar.load()
    stage = process.stages[case.stage]
    asked = case.entries.filter(action=verb.name).order_by("-id").first()
    was = case.due_at
    if case.due_at and asked and case.due_at > asked.at:  # what was late as a whole before it was asked stays late
        ours = deadlines.own(case)
        deadlines.settle(case, worktime.due(ours, rule, office) if ours else None)
        times = deadlines.ladder(process.late, process.deadline, case, case.opened_at, case.due_at)
        deadlines.set_ladder(case, times, step=case.next_step)
    for task in case.tasks.filter(done_at=None, stage=case.stage, kind__in=("work", "reporter")):
        if task.due_at is None:
            continue
        task.due_at = deadlines.within(case, worktime.due(task.due_at, rule, office), clock.now())
        if task.ladder:
            steps = process.verbs["assign"].late if task.role == "handler" else stage.late
            times = deadlines.ladder(steps, stage.deadline, case, task.opened_at, task.due_at)
            deadlines.set_ladder(task, times, step=task.next_step)
        task.save()
    return {"due": case.due_at.isoformat() if case.due_at else None, "was": was.isoformat() if was else None}


def _hold(case: Case, process: Process, verb: Verb, by: Actor, values: Values) -> Values:
    case.held_at, case.held_until = clock.now(), datetime.fromisoformat(values["until"])
    case.next_at = None
    case.tasks.filter(done_at=None).update(next_at=None)
    return {}


def _resume(case: Case, process: Process, verb: Verb, by: Actor, values: Values) -> Values:
    assert case.held_at is not None
    held_at, case.held_at, case.held_until = case.held_at, None, None
    moving.shift(case, process, held_at, clock.now())
    return {"held_from": held_at.isoformat()}


def _supervise(case: Case, process: Process, verb: Verb, by: Actor, values: Values) -> Values:
    case.flags = list(dict.fromkeys([*case.flags, "supervised"]))
    return {}


def _withdraw(case: Case, process: Process, verb: Verb, by: Actor, values: Values) -> Values:
    came_from = case.stage
    closed = moving.close_tasks(case, "withdrawn", by.person_id)
    action = Action("withdraw", verb.title, ())
    moving.enter(case, process, action, verb.to)
    return {"from": came_from, "to": verb.to, "closed": closed}


def _watch(case: Case, process: Process, verb: Verb, by: Actor, values: Values) -> Values:
    case.unit_ids = list(dict.fromkeys([*case.unit_ids, *sorted(by.standing.units)]))
    return {}


EFFECTS: dict[str, Effect] = {
    "assign": _assign, "extend": _extend, "hold": _hold, "resume": _resume, "supervise": _supervise,
    "withdraw": _withdraw, "watch": _watch,
}
