"""What somebody can do now: the buttons, the same for page and API, refused ones with their reason."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from django.utils.translation import gettext as _

from gongzhi.base import clock, worktime
from gongzhi.flow import queries, registry, roles
from gongzhi.flow.actors import Actor
from gongzhi.flow.definition import Action, Approve, Field, Process, Stage, Verb
from gongzhi.flow.models import Case, Task

AGREE = Verb("agree", "同意", (), form=(Field("opinion"),))
REFUSE = Verb("refuse", "不同意", (), form=(Field("reason", required=True),))
ON_HOLD = {"resume", "supervise", "support", "comment", "attach", "watch", "urge"}


@dataclass(frozen=True)
class Offer:
    """One button: what it is called, what it asks for, and why it cannot be pressed now ("" if it can)."""

    name: str
    title: str
    form: tuple[Field, ...]
    role: str
    is_verb: bool = False
    refused: str = ""
    task_id: int | None = None
    approve: Approve | None = None
    to: str = ""


def available(case: Case, actor: Actor, task: Task | None = None, tasks: list[Task] | None = None) -> list[Offer]:
    """List what an actor can do with a case, or on one task of it, in the order of the process file.

    `tasks`: the open ones by id, where the caller has read them already.
    """
    process = queries.definition(case.version_id)
    if case.closed_at or set(case.about_units) & actor.standing.lineage:
        return []
    if task is not None and task.done_at:
        return []
    if task is not None and task.kind == "approval":
        return list(_approvals([task], process, actor, case))
    if tasks is None:
        tasks = list(case.tasks.filter(done_at=None).prefetch_related("expectations").order_by("pk"))
    approvals = [t for t in tasks if t.kind == "approval"]
    has = {t.role for t in tasks if t.kind != "approval" and _at(t, case, actor)}
    plays = cache(lambda name: name in has or roles.may_act_as(roles.role_of(name, process), case, actor))  # asked once
    offers = [*_actions(process, case, actor, task, tasks, plays), *_verbs(process, case, actor, approvals, plays)]
    if task is None:
        offers += _approvals(approvals, process, actor, case)
    return offers


def _approvals(tasks: Iterable[Task], process: Process, actor: Actor, case: Case) -> Iterator[Offer]:
    for task in tasks:
        if roles.sits(roles.Seat(task.unit_id, task.post), actor) and (task.asks or {}).get("by") != actor.line:
            refused = approval_refusal(case, process, task, actor)
            for verb in (AGREE, REFUSE):
                yield Offer(verb.name, _(verb.title), verb.form, task.role, True, refused, task_id=task.pk)


def approval_refusal(case: Case, process: Process, task: Task, actor: Actor) -> str:
    """Say why somebody at the desk of an approval cannot decide it; "" if he can."""
    asks = task.asks or {}
    if asks.get("by") == actor.line:
        return _("不能审核自己提出的申请。")
    if case.held_at:
        return _("已挂起，恢复办理后才能操作。")
    if roles.conflict(asks.get("role", ""), case, actor, process):
        return _("您所在单位参与了这件事的办理，应当回避。")
    return ""


def _actions(process: Process, case: Case, actor: Actor, task: Task | None, tasks: list[Task],
             plays: Callable[[str], bool]) -> Iterator[Offer]:
    stage = process.stages[case.stage]
    work = [task] if task else [t for t in tasks if t.kind != "approval" and t.stage == stage.name]
    for action in stage.actions.values():
        role = next(filter(plays, action.by), None)
        if role is None or (actor.kind != "system" and not action.by_people) or hidden(process, case, action, actor):
            continue
        own = _own(work, case, action, actor)
        if own is None and needs_task(stage, action, role):
            continue
        if own and action.name in stage.expects and _is_done(own, action.name, stage, tasks):
            continue
        yield Offer(
            action.name, _(action.title), action.form, role, task_id=own.pk if own else None, approve=action.approve,
            refused=refusal(process, case, stage, action, role, actor, tasks),
            to=action.to or (stage.then if action.each else ""),
        )


def needs_task(stage: Stage, action: Action, role: str) -> bool:
    """Say whether an action is taken only on a task of one's own: its part of the whole, or what is expected of it."""
    return action.each or (action.name in stage.expects and role in stage.tasks)


def own_task(case: Case, stage: Stage, action: Action, actor: Actor, task: Task | None = None) -> Task | None:
    """Find the open task on which an actor takes an action: the one named, else his first with a role of the action."""
    tasks = case.tasks.filter(done_at=None, stage=stage.name).exclude(kind="approval")
    return _own([task] if task else tasks.prefetch_related("expectations").order_by("pk"), case, action, actor)


def _own(tasks: Iterable[Task], case: Case, action: Action, actor: Actor) -> Task | None:
    """Choose among an actor's tasks the one that still expects the action; a duty is for nothing else."""
    mine = [t for t in tasks if t.role in action.by and _at(t, case, actor)]
    waiting = next((t for t in mine if any(e.name == action.name and not e.met_at for e in t.expectations.all())), None)
    return waiting or next((t for t in mine if t.kind != "duty"), None)


def _at(task: Task, case: Case, actor: Actor) -> bool:
    if task.unit_id is None:
        return actor.kind == "reporter" and actor.case_id == case.pk
    return actor.kind == "system" or roles.sits(roles.Seat(task.unit_id, task.post), actor)


def _is_done(own: Task, name: str, stage: Stage, tasks: Iterable[Task]) -> bool:
    """Say whether what is expected in a stage was done: by whom it is expected of, a section or the lead above it.

    A section of which it is not expected need not do again what its lead has done already.
    """
    asked = [e for e in own.expectations.all() if e.name == name]
    if not asked and own.role != stage.tasks[0]:
        asked = [e for t in tasks if t.role == stage.tasks[0] for e in t.expectations.all() if e.name == name]
    return any(e.met_at for e in asked)


def hidden(process: Process, case: Case, action: Action, actor: Actor) -> bool:
    """Say whether an action is not shown at all: its group is used up, or not yet, or an early condition refuses."""
    if any(used(limit.name, case) >= limit.max for limit in process.limits_on(case.stage, action.name)):
        return True
    before = process.limits_before(case.stage, action.name)
    if before and not any(used(limit.name, case) >= limit.max for limit in before):
        return True
    rules = (registry.conditions[name] for name in action.when if name in registry.conditions)
    return any(rule.early and rule.check(case, actor, {}) for rule in rules)


def used(limit: str, case: Case) -> int:
    """Count how often the actions of a limit were taken, in the case or in this visit of the stage."""
    return int(case.counts.get(f"limit:{limit}", 0)) + int(case.counts.get(f"visit:{limit}", 0))


def refusal(process: Process, case: Case, stage: Stage, action: Action, role: str, actor: Actor,
            tasks: list[Task] | None = None) -> str:
    """Say why a shown action cannot be taken now; "" if it can. `tasks`: the open ones, where the caller has them."""
    if case.held_at and actor.kind not in ("system", "elsewhere"):
        return _("已挂起，恢复办理后才能操作。")
    if any(flag in case.flags for flag in action.unless):
        return _("已指定承办，不能再退回。")
    if roles.conflict(role, case, actor, process):
        return _("您所在单位参与了这件事的办理，应当回避。")
    if action.approve and _is_asked(case, action.name, tasks):
        return _("已提交，等待审核。")
    if action.to or action.each:
        target = process.stages[action.to or stage.then]
        if stage.children == "before_leaving" and target.name != stage.name and _open_children(case):
            return _("还有未办完的下级事项。")
    return ""


def _is_asked(case: Case, name: str, tasks: list[Task] | None) -> bool:
    if tasks is None:
        tasks = list(case.tasks.filter(done_at=None, kind="approval"))
    return any(t.kind == "approval" and (t.asks or {}).get("action") == name for t in tasks)


def _open_children(case: Case) -> bool:
    """Say whether a child case is open; one of the same process is no child but a part, and goes its own way."""
    return case.children.filter(closed_at=None).exclude(version__key=case.version.key).exists()


def _verbs(process: Process, case: Case, actor: Actor, approvals: list[Task],
           plays: Callable[[str], bool]) -> Iterator[Offer]:
    for name in process.verbs:
        verb = process.verb_in(name, case.stage)
        if verb is None or (name == "hold") == bool(case.held_at) and name in ("hold", "resume"):
            continue
        role = next(filter(plays, verb.by), None)
        if role is None or not_theirs(role, actor):
            continue
        if not (name == "watch" and set(case.unit_ids) & actor.standing.units):
            yield Offer(name, _(verb.title), verb.form, role, True, verb_refusal(verb, case, approvals),
                        approve=verb.approve)


def not_theirs(role: str | None, actor: Actor) -> bool:
    """Say whether a verb is not the actor's: what the public does (我也遇到) is for neither staff nor the reporter."""
    return role is None or (role == "anyone" and actor.kind != "anyone")


def verb_refusal(verb: Verb, case: Case, approvals: list[Task] | None = None) -> str:
    """Say why a verb cannot be used now; "" if it can. `approvals`: the open ones, where the caller has them."""
    if case.held_at and verb.name not in ON_HOLD:
        return _("已挂起，恢复办理后才能操作。")
    if verb.name == "resume" and not case.held_at:
        return _("没有挂起，不需要恢复。")
    if verb.limit and verb.per == "case" and int(case.counts.get(f"verb:{verb.name}", 0)) >= verb.limit:
        return _("{title}的次数已经用完。").format(title=_(verb.title))
    if verb.approve and _is_asked(case, verb.name, approvals):
        return _("已提交，等待审核。")
    return _too_soon(verb, case) if verb.every else ""


def _too_soon(verb: Verb, case: Case) -> str:
    last = case.entries.filter(action=verb.name).order_by("-id").first()
    next_at = last.at + worktime.parse_duration(verb.every).length if last else clock.now()
    if clock.now() >= next_at:
        return ""
    return _("今天已经催过，{at} 以后可以再催。").format(at=clock.local(next_at).strftime("%m月%d日 %H:%M"))
