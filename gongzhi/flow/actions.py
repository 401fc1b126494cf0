"""Every write of the engine. `act` is the only way a stage changes; a refusal is one exception with one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from gongzhi.base import calendar, clock, codes, worktime
from gongzhi.base.errors import Moved, Refused
from gongzhi.flow import checks, deadlines, forms, moving, offers, queries, reader, registry, roles, verbs, versions
from gongzhi.flow.actors import SYSTEM, Actor, for_whom
from gongzhi.flow.definition import Action, Approve, Field, Process, Stage, Verb
from gongzhi.flow.models import Attachment, Case, Entry, Expectation, ProcessVersion, Task
from gongzhi.log import actions as log
from gongzhi.org import queries as org
from gongzhi.org.models import Person, Unit
from gongzhi.org.rules import LEVELS

GONE = "这件事已经被处理过了，请刷新看最新状态。"


def publish(text: str, *, by: Actor = SYSTEM) -> ProcessVersion:
    """Publish a process file as the next version, or raise Faulty; the same text again is the version that has it."""
    keys = {*ProcessVersion.objects.values_list("key", flat=True), reader.read(text).key}
    process = checks.load(text, checks.Known(registry.fields, registry.conditions, keys, registry.demands, registry.done))
    with transaction.atomic():
        last = ProcessVersion.objects.filter(key=process.key).order_by("-version").first()
        if last and last.digest == process.digest:
            return last
        version = ProcessVersion.objects.create(
            key=process.key, version=last.version + 1 if last else 1, title=process.title, text=text,
            digest=process.digest,
        )
        log.append("process.publish", actor=by.line, subject=("process", version.pk), data={"version": version.version})
    queries.forget_current()
    return version


def move_cases(key: str, *, by: Actor = SYSTEM) -> tuple[int, int]:
    """Take open cases along to the newest version of a process; return how many moved and how many stay.

    A case stays where a stage it has been in changed in who, when or where to.
    """
    newest = queries.current_version(key)
    behind = Case.objects.filter(version__key=key, closed_at=None).exclude(version=newest).order_by("pk")
    ids = list(behind.values_list("pk", flat=True))
    moved = sum(_move_case(case_id, newest, by) for case_id in ids)
    return moved, len(ids) - moved


@transaction.atomic
def _move_case(case_id: int, newest: int, by: Actor) -> bool:
    case = Case.objects.select_for_update().get(pk=case_id)
    visited = {case.stage, *case.tasks.values_list("stage", flat=True)}
    former = case.version_id
    if versions.unsafe_for(queries.definition(former), queries.definition(newest), visited):
        return False
    case.version_id = newest
    case.save(update_fields=["version"])
    log.append("process.move", actor=by.line, subject=("case", case.pk), places=case.path,
               data={"from": former, "to": newest})
    return True


@transaction.atomic
def open_case(
    key: str, *, by: Actor, title: str, place: Any, lon: float | None, lat: float | None, level: str, origin: str,
    standard: str, standard_source: str, fields: Mapping[str, Any] | None = None, parent: Case | None = None,
    stage: str = "", about_units: list[int] | None = None, urgent: bool = False, said: Mapping[str, Any] | None = None,
) -> Case:
    """Begin a case at a place (places.models.Place) by the newest version of a process, or by its parent's.

    A part of a parent of the same process begins in `stage` and counts its time from the parent's opening. `said`: what
    the line of the log says besides.
    """
    of_parent = parent and parent.version.key == key
    version = parent.version_id if parent and of_parent else queries.current_version(key)
    process, now = queries.definition(version), clock.now()
    case = Case(
        code=codes.new_code(), version_id=version, title=title[:120], stage=stage or process.start, level=level,
        origin=origin, place=place, path=list(place.path), lon=lon, lat=lat, parent=parent, opened_by_id=by.person_id,
        opened_at=parent.opened_at if parent and of_parent else now, entered_at=now, standard=standard,
        standard_source=standard_source, fields=dict(fields or {}), about_units=about_units or [], urgent=urgent,
    )
    deadlines.start_case(process, case)
    case.save()
    opened = moving.enter(case, process, None, case.stage)
    case.save()
    _log(case, process, "open", by, {"to": case.stage, "opened": moving.task_lines(opened), "origin": origin,
                                     **({"came": case.opened_at.isoformat()} if of_parent else {}), **(said or {})})
    return case


@transaction.atomic
def act(
    case_id: int, action: str, *, by: Actor, form: Mapping[str, Any] | None = None, task_id: int | None = None,
    stage: str = "", files: list[Attachment] | None = None,
) -> Case:
    """Take an action or verb on a case; raise Moved, Refused or Faults and write nothing if it may not be.

    `stage`: where the caller saw the case; if it has moved on since, Moved. `files`: unsaved attachments of this act.
    """
    case = Case.objects.select_for_update().get(pk=case_id)
    process = queries.definition(case.version_id)
    if set(case.about_units) & by.standing.lineage:
        raise Refused(_("没有找到这件事。"), code="missing")
    if case.closed_at or (stage and stage != case.stage):
        raise Moved(_(GONE))
    task = case.tasks.select_for_update().filter(pk=task_id).first() if task_id else None
    if task_id and (task is None or task.done_at):
        raise Moved(_(GONE))
    by = for_whom(by, lambda one: any(
        offer.name == action and not offer.refused for offer in offers.available(case, one, task)))
    if action in ("agree", "refuse"):
        return _decide(case, process, task, action, by, form or {})
    found = process.stages[case.stage].actions.get(action)
    if found is not None:
        return _take(case, process, found, by, dict(form or {}), task, files or [])
    verb = process.verb_in(action, case.stage)
    if verb is None:
        raise Moved(_(GONE)) if stage == "" and _known(process, action) else Refused(_("这一步没有这个操作。"))
    return _use(case, process, verb, by, dict(form or {}), files or [])


def _known(process: Process, action: str) -> bool:
    return any(action == a.name for _s, a in process.all_actions())


@dataclass(frozen=True)
class Agreed:
    """Who agreed to an act that was asked for, and the approval tasks that ended with it."""

    by: Actor
    closed: list[int]


# Actions --------------------------------------------------------------------------------------------------------------


def _take(case: Case, process: Process, action: Action, by: Actor, form: dict[str, Any], task: Task | None,
          files: list[Attachment]) -> Case:
    stage = process.stages[case.stage]
    role = roles.acting_as(action.by, case, by, process)
    if role is None or offers.hidden(process, case, action, by):
        raise Refused(_("现在不能{title}。").format(title=_(action.title)))
    if reason := offers.refusal(process, case, stage, action, role, by):
        raise Refused(reason)
    own = offers.own_task(case, stage, action, by, task)
    if own is None and offers.needs_task(stage, action, role):
        raise Refused(_("这一步没有等您办的任务。"))
    values = _filled(action, case, by, form, files)
    entry = _entry(case, action.name, by, values, own, "asked" if action.approve else "done", files)
    if action.approve:
        return _ask(case, process, action.approve, action.name, action.title, by, entry)
    return _perform(case, process, action, by, values, own, entry)


def _filled(action: Action, case: Case, by: Actor, form: dict[str, Any], files: list[Attachment]) -> dict[str, Any]:
    """Check the form, then the conditions that read it."""
    values = forms.clean(action.form, _with_files(form, action.form, files), case)
    _let(action.when, case, by, {**values, "_files": files})
    return values


def _let(conditions: tuple[str, ...], case: Case, by: Actor, form: Mapping[str, Any]) -> None:
    """Refuse where one of the conditions of an action or verb does."""
    for name in conditions:
        if reason := registry.conditions[name].check(case, by, form):
            raise reason if isinstance(reason, Refused) else Refused(reason)


def _with_files(form: dict[str, Any], fields: tuple[Field, ...], files: list[Attachment]) -> dict[str, Any]:
    """Fill the fields that ask for files with what the files are called; words written there are none."""
    wanted = [f.name for f in fields if registry.fields[f.name].kind == "files"]
    return {**form, **{name: [a.name or a.kind for a in files] for name in wanted}}


def _perform(case: Case, process: Process, action: Action, by: Actor, values: dict[str, Any], own: Task | None,
             entry: Entry, agreed: Agreed | None = None) -> Case:
    """Do what an action does: keep its values, finish tasks, move, and write the one line of the log."""
    came_from, stage, former = case.stage, process.stages[case.stage], case.fields.get("lead")
    _count(case, process, action.name)
    in_time = _meet(case, stage, action, own)
    _set_fields(case, values)
    kept = _keep(case, process, action.name, values, by, entry)
    _flag(case, process, action, former)
    closed, opened = _move(case, process, stage, action, by, values, own)
    case.save()
    data = {"from": came_from, "to": case.stage, "closed": closed, "opened": moving.task_lines(opened),
            "task": own.pk if own else None, "entry": entry.pk, "in_time": in_time,
            **forms.logged(values), **kept}
    if agreed:
        data |= {"agreed_by": agreed.by.line, "agreed_for": agreed.by.for_id,
                 "closed": [*agreed.closed, *data.get("closed", [])]}
    _log(case, process, action.name, by, data)
    return case


def _flag(case: Case, process: Process, action: Action, former: Any) -> None:
    """Set the flag of an action; one that came with a former lead goes with it."""
    if case.fields.get("lead") != former:
        gone = {a.flag for _s, a in process.all_actions() if a.flag and any(f.name == "lead" for f in a.form)}
        case.flags = [flag for flag in case.flags if flag not in gone]
    if action.flag and action.flag not in case.flags:
        case.flags = [*case.flags, action.flag]


def _meet(case: Case, stage: Stage, action: Action, own: Task | None) -> bool | None:
    """Meet what is expected of a task; say whether in time, None where nothing (more) was expected.

    What a section does counts for the lead above it, which was asked first; so does what somebody does for the lead
    who has no task of the stage, as the hotline calls for it.
    """
    if not stage.tasks or action.name not in stage.expects:
        return None
    of_lead = Q(task__role=stage.tasks[0])
    counts = of_lead if own is None else Q(task=own)
    if own and own.role == "handler" and own.unit:
        counts |= of_lead & Q(task__unit__in=own.unit.path)
    met = Expectation.objects.filter(counts, case=case, name=action.name, met_at=None, task__done_at=None)
    expected = met.order_by("due_at").first()
    if expected is None:
        return None
    met.update(met_at=clock.now())
    return clock.now() <= expected.due_at


def _keep(case: Case, process: Process, name: str, values: dict[str, Any], by: Actor, entry: Entry) -> dict[str, Any]:
    """Let rooms write what belongs to an act, in its transaction; return what they add to its line of the log."""
    added: dict[str, Any] = {}
    for keeper in registry.keepers.get(f"{process.key}.{name}", []):
        added |= keeper(case, values, by, entry) or {}
    return added


def _move(case: Case, process: Process, stage: Stage, action: Action, by: Actor, values: dict[str, Any],
          own: Task | None) -> tuple[list[int], list[Task]]:
    if action.each:
        assert own is not None
        closed = moving.close_tasks(case, action.name, by.person_id, only=[own.pk])
        if not moving.joined(case, stage, action, own):
            moving.pass_ladder_on(case, closed)
            return closed, []
        closed += moving.close_tasks(case, "joined", None)
        return closed, moving.enter(case, process, action, stage.then)
    if not action.to:
        done = moving.close_tasks(case, action.name, by.person_id, only=[own.pk]) if own and own.kind == "duty" else []
        return done, moving.open_tasks(case, process, stage, anew=values.get("helpers", []))
    closed = moving.close_tasks(case, action.name, by.person_id)
    return closed, moving.enter(case, process, action, action.to)


def _count(case: Case, process: Process, action: str) -> None:
    """Count an action against its limits. A refused asking counts too: after two the third goes to the reviewer."""
    for limit in process.limits_on(case.stage, action):
        key = f"{'visit' if limit.per == 'visit' else 'limit'}:{limit.name}"
        case.counts = {**case.counts, key: int(case.counts.get(key, 0)) + 1}


def _set_fields(case: Case, values: Mapping[str, Any]) -> None:
    """Let values whose names are role fields (lead, helpers, section) change who works on the case."""
    if "lead" in values:
        case.fields = {**case.fields, "lead": values["lead"], "helpers": [], "section": None, "inner_due": None}
    if "helpers" in values:
        added = [*(case.fields.get("helpers") or []), *values["helpers"]]
        case.fields = {**case.fields, "helpers": [h for h in dict.fromkeys(added) if h != case.fields.get("lead")]}


# Approval -------------------------------------------------------------------------------------------------------------


def _ask(case: Case, process: Process, approve: Approve, name: str, title: str, by: Actor, entry: Entry) -> Case:
    """Open a task of the approver on the same stage; the asker's clock runs on. Nobody approves his own asking."""
    asked = [
        _approval(case, approve, role, name, by, entry, desk.unit_id, desk.post)
        for role in approve.by for desk in _deciding(role, case, process) if desk.unit_id
    ]
    tasks = [t for t in asked if t]
    if not tasks:
        raise Refused(_("没有能审核的人，请先补上岗位。"))
    case.unit_ids = list(dict.fromkeys([*case.unit_ids, *(t.unit_id for t in tasks if t.unit_id)]))
    kept = _keep(case, process, f"{name}.ask", dict(entry.values), by, entry)
    case.save()
    _log(case, process, f"{name}.ask", by, {"opened": moving.task_lines(tasks), "entry": entry.pk, **kept})
    return case


def _deciding(role: str, case: Case, process: Process) -> list[roles.Seat]:
    """List the desks that decide in a role, passing over the units it is kept apart from; else the leader above those."""
    meaning, apart = roles.role_of(role, process), roles.kept_apart(role, case, process)
    return roles.seats(meaning, case, apart) or roles.leaders_above(meaning, case, apart)


def _approval(case: Case, approve: Approve, role: str, name: str, by: Actor, entry: Entry, unit_id: int,
              post: str) -> Task | None:
    """Open a task to agree or refuse; where only the asker holds the post, it goes to a leader above, or to nobody."""
    desk: roles.Seat | None = roles.Seat(unit_id, post)
    if not roles.somebody_may(unit_id, post, case, apart_from=by.person_id or 0):
        desk = roles.head(unit_id, case, apart_from=by.person_id or 0)
    if desk is None:
        return None
    due_at = worktime.due(clock.now(), approve.within, calendar.load()) if approve.within else None
    task = Task(
        case=case, kind="approval", stage=case.stage, role="approver", unit_id=desk.unit_id, post=desk.post,
        opened_at=clock.now(), due_at=due_at, first_due_at=due_at,
        asks={"action": name, "entry": entry.pk, "by": by.line, "silence": approve.silence, "role": role,
              "task": entry.task_id},
    )
    if due_at:
        remind_at = worktime.point(task.opened_at, due_at, moving.REMINDED, worktime.clock_of(approve.within, calendar.load()))
        deadlines.set_ladder(task, [remind_at, due_at])
    task.save()
    return task


def _decide(case: Case, process: Process, task: Task | None, decision: str, by: Actor, form: Mapping[str, Any]) -> Case:
    if task is None or task.kind != "approval" or task.asks is None:
        raise Refused(_("没有等您审核的事。"))
    if by.kind == "person" and not roles.sits(roles.Seat(task.unit_id, task.post), by):
        raise Refused(_("没有找到这件事。"), code="missing")
    if reason := offers.approval_refusal(case, process, task, by):
        raise Refused(reason)
    asked = Entry.objects.get(pk=task.asks["entry"])
    name = task.asks["action"]
    fields = offers.AGREE.form if decision == "agree" else offers.REFUSE.form
    values = forms.clean(fields, form, case) if by.kind == "person" else {}
    twins = case.tasks.filter(kind="approval", done_at=None, asks__entry=asked.pk).values_list("pk", flat=True)
    closed = moving.close_tasks(case, decision, by.person_id, only=list(twins))
    decided = _entry(case, f"{name}.{decision}", by, values, task, "done", [])
    if decision == "refuse":
        Entry.objects.filter(pk=asked.pk).update(state="refused")
        _count(case, process, name)
        case.save()
        _log(case, process, f"{name}.refuse", by, {"closed": closed, "entry": decided.pk, "task": task.pk})
        return case
    Entry.objects.filter(pk=asked.pk).update(state="done")
    asker, agreed = _asker(task.asks["by"], case), Agreed(by, closed)
    action = process.stages[case.stage].actions.get(name)
    if action is None:
        verb = process.verbs[name]
        return _perform_verb(case, process, verb, asker, dict(asked.values), asked, agreed)
    own = case.tasks.filter(pk=asked.task_id or 0, done_at=None).first()
    if action.each and own is None:
        raise Moved(_(GONE))
    return _perform(case, process, action, asker, dict(asked.values), own, asked, agreed)


def _asker(line: str, case: Case) -> Actor:
    kind, _sep, number = line.partition(":")
    if kind == "person":
        person = Person.objects.get(pk=int(number))
        return Actor("person", org.standing(person))
    return Actor(kind, case_id=case.pk)


# Verbs ----------------------------------------------------------------------------------------------------------------


def _use(case: Case, process: Process, verb: Verb, by: Actor, form: dict[str, Any], files: list[Attachment]) -> Case:
    role = roles.acting_as(verb.by, case, by, process)
    if offers.not_theirs(role, by) and not (by.kind == "system" and verb.name == "resume"):
        raise Refused(_("现在不能{title}。").format(title=_(verb.title)))
    if reason := offers.verb_refusal(verb, case):
        raise Refused(reason)
    values = forms.clean(verb.form, _with_files(form, verb.form, files), case) if by.kind != "system" else {}
    verbs.check(verb, case, values)
    _let(verb.when, case, by, {**values, "_files": files})
    entry = _entry(case, verb.name, by, values, None, "asked" if verb.approve else "done", files)
    if verb.approve:
        return _ask(case, process, verb.approve, verb.name, verb.title, by, entry)
    return _perform_verb(case, process, verb, by, values, entry)


def _perform_verb(case: Case, process: Process, verb: Verb, by: Actor, values: dict[str, Any], entry: Entry,
                  agreed: Agreed | None = None) -> Case:
    if verb.limit or verb.name == "urge":
        key = f"verb:{verb.name}"
        case.counts = {**case.counts, key: int(case.counts.get(key, 0)) + 1}
    kept = _keep(case, process, verb.name, values, by, entry)
    effect = verbs.EFFECTS.get(verb.name)
    more = effect(case, process, verb, by, values) if effect else {}
    case.save()
    data = {"stage": case.stage, "entry": entry.pk, **forms.logged(values), **kept, **more}
    if agreed:
        data |= {"agreed_by": agreed.by.line, "agreed_for": agreed.by.for_id,
                 "closed": [*agreed.closed, *data.get("closed", [])]}
    _log(case, process, verb.name, by, data)
    return case


# Common ---------------------------------------------------------------------------------------------------------------


def set_standard(case: Case, standard: str, source: str, *, may_lengthen: bool = True) -> None:
    """Give an open case another standard, e.g. when its category is settled; its deadline counts from the opening.

    What was promised first stays known. Where it may not give more time, a longer standard is not taken.
    """
    if (standard, source) == (case.standard, case.standard_source):
        return
    promised, due_at, former = case.first_due_at, case.due_at, (case.standard, case.standard_source)
    process = queries.definition(case.version_id)
    case.standard, case.standard_source = standard, source
    later = deadlines.due(process.deadline, case, case.opened_at)
    later = min(later, case.bound_at) if later and case.bound_at else later
    if not may_lengthen and due_at and later and later > due_at:
        case.standard, case.standard_source = former
        return
    deadlines.start_case(process, case)
    case.first_due_at = promised or case.first_due_at


@transaction.atomic
def set_bound(case_id: int, at: datetime, source: str, *, by: Actor) -> Case:
    """Give an open case a deadline from outside, or another one: the earlier of it and its own counts from now on."""
    case = Case.objects.select_for_update().get(pk=case_id)
    if case.closed_at:
        raise Moved(_(GONE))
    process, ours, was = queries.definition(case.version_id), deadlines.own(case), case.due_at
    case.bound_at, case.bound_source = at, source[:160]
    deadlines.settle(case, ours)
    times = deadlines.ladder(process.late, process.deadline, case, case.opened_at, case.due_at)
    deadlines.set_ladder(case, times, step=case.next_step)
    if case.held_at or process.stages[case.stage].waits:
        case.next_at = None
    moving.bind(case, process, was)
    case.save()
    _log(case, process, "bound", by, {"bound": at.isoformat(), "was": was.isoformat() if was else None})
    return case


def set_about(case: Case, unit_ids: list[int]) -> None:
    """Name the units a case complains about: they are taken out of it, and it rises above each of them (rights 4.2).

    The office and the party committee of one place are the same people in two lines: a complaint about one is about both.
    """
    named = Unit.objects.filter(pk__in=unit_ids)
    twin = Q(place__in=named.exclude(place=None).values("place"), kind__in=["street", "community", "grid"])
    units = list(Unit.objects.filter(Q(pk__in=unit_ids) | twin))
    case.about_units = sorted(u.pk for u in units)
    risen = int(case.fields.get("risen", 0))  # for whom it complained of before
    if risen:
        case.level = LEVELS[max(LEVELS.index(case.level) - risen, 0)]
    before = LEVELS.index(case.level)
    while case.level != "district" and any(LEVELS.index(case.level) < _lowest_above(unit) for unit in units):
        moving.rise(case)
    if risen or LEVELS.index(case.level) > before:
        case.fields = {**case.fields, "risen": LEVELS.index(case.level) - before}


def _lowest_above(unit: Unit) -> int:
    """Find the lowest level that is above a unit: of a section, that of the unit it belongs to."""
    if unit.level:
        return LEVELS.index(unit.level) + 1
    return LEVELS.index(unit.parent.level) if unit.parent and unit.parent.level else 0


def _entry(case: Case, action: str, by: Actor, values: dict[str, Any], task: Task | None, state: str,
           files: list[Attachment]) -> Entry:
    unit = by.unit_in({task.unit_id} if task and task.unit_id else set(case.unit_ids)) if by.kind == "person" else None
    entry = Entry.objects.create(
        case=case, task=task, action=action, actor=by.line, unit_id=unit, at=clock.now(), stage=case.stage,
        state=state, values=values,
    )
    for file in files:  # what a reporter adds is as guarded as what he sent first
        file.case, file.entry, file.original = case, entry, by.kind == "reporter"
        file.save()
    return entry


def _log(case: Case, process: Process, verb: str, by: Actor, data: dict[str, Any]) -> None:
    due = case.due_at.isoformat() if case.due_at else None
    log.append(
        f"{process.key}.{verb}", actor=by.line, subject=("case", case.pk), places=case.path,
        data={k: v for k, v in {"due": due, "for": by.for_id, **data}.items() if v not in (None, [], "")},
    )
