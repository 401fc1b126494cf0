"""Reading one case for its page: where it stands, what is known, what happened, who has it, and who may read what."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q
from django.utils.translation import gettext as _

from gongzhi.base import clock, crypto, html, worktime
from gongzhi.desk import queries, timeline, waiting
from gongzhi.flow import deadlines, offers
from gongzhi.flow import queries as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.definition import Process, Stage
from gongzhi.flow.models import Attachment, Case, Entry, Task
from gongzhi.flow.offers import Offer
from gongzhi.log import queries as log
from gongzhi.log.queries import Line as Event
from gongzhi.org import queries as org
from gongzhi.org.models import Unit
from gongzhi.org.rules import POSTS, Standing
from gongzhi.requests import access as doors
from gongzhi.requests import queries as requests
from gongzhi.requests import splitting
from gongzhi.requests.models import Message, Rating, Request
from gongzhi.requests.rules import KINDS, Suggestion, mask_name, supporters_words


@dataclass(frozen=True)
class Kin:
    """The matters one belongs together with: (case, whether the reader may open it)."""

    into: tuple[Case, bool] | None = None  # the one it was merged into
    merged: tuple[tuple[Case, bool], ...] = ()
    parts: tuple[tuple[Case, bool], ...] = ()  # all parts of a split matter, the first with the old code
    part: str = ""


@dataclass
class Dossier:
    """All that one person sees of one case."""

    case: Case
    request: Request
    standing: Standing
    process: Process
    offers: list[Offer]
    tasks: list[Task]
    rail: list[tuple[str, str]]
    rail_now: int
    marks: list[tuple[str, str, str]]
    text: str
    text_is_summary: bool
    originals: list[Attachment]
    may_ask_original: bool
    phone: str
    caller: str
    may_ask_phone: bool
    hotline: tuple[str, datetime | None] | None  # which desk must ring the reporter instead of those at work, by when
    lines: list[timeline.Line]
    people: list[tuple[str, str, str]]
    same: list[Case]
    messages: list[Message] | None
    may_say: bool
    rating: Rating | None  # of one the person may change for the reporter
    place: str
    where: str
    n_supporters: str
    units: dict[int, Unit]
    kin: "Kin"
    waits: list[waiting.Wait]  # whom else than the reader it waits for

    @property
    def task(self) -> Task | None:
        """The task of this person whose clock the head of the page shows."""
        own = [t for t in self.tasks if queries.sits(t, self.standing)]
        return own[0] if own else next((t for t in self.tasks if t.kind == "work"), None)

    @property
    def contacted(self) -> timeline.Line | None:
        """Give the record that the reporter was contacted since the case came to where it is, the last one."""
        return next((line for line in self.lines if line.verb == "contact" and line.at >= self.case.entered_at), None)

    @property
    def mine(self) -> bool:
        """Say whether something of it lies on a desk of the reader's."""
        return any(queries.sits(t, self.standing) for t in self.tasks)

    @property
    def seeks_twins(self) -> bool:
        return seeks_twins(self.standing, self.case)

    @property
    def of_whole(self) -> bool:
        """Say whether the clock shown is the whole's: nobody works on it now, or the whole is late already."""
        return self.task is None or queries.is_late(self.case)

    @property
    def due_at(self) -> datetime | None:
        return self.case.due_at if self.of_whole or self.task is None else self.task.due_at

    @property
    def since(self) -> datetime:
        return self.case.opened_at if self.of_whole or self.task is None else self.task.opened_at

    @property
    def state(self) -> str:
        if self.case.closed_at:
            return "done"
        return html.timeleft(self.due_at, self.since, bool(self.case.held_at)).state


def read(standing: Standing, actor: Actor, case: Case) -> Dossier:
    """Put together what a person sees of a case."""
    request = Request.objects.select_related("category__parent", "suggested", "compound").get(pk=case.pk)
    request.case, case.request = case, request
    process = flow.definition(case.version_id)
    waiting_on = open_tasks(case)
    tasks = sorted((t for t in waiting_on if t.unit_id), key=lambda t: (t.kind, t.pk))
    events, entries = log.of_subject("case", case.pk), requests.entries_for(standing, case, with_files=False)
    files = _files(case, entries)
    units = _units(case, entries)
    outside = standing.is_outside
    reads = requests.reads_original(standing, case)
    files_out, n_supporters = not doors.may_see_originals(standing, case), case.supporters.count()
    rail, rail_now = _rail(process, case, events)
    return Dossier(
        case=case, request=request, standing=standing, process=process, tasks=tasks,
        offers=offers.available(case, actor, tasks=waiting_on), rail=rail, rail_now=rail_now,
        marks=queries.marks(case), units=units,
        text=request.words if reads else request.summary,
        text_is_summary=not reads,
        originals=[] if files_out else [f for f in files if timeline.is_original(f)],
        may_ask_original=not reads and doors.may_ask_original(standing, case),
        phone=html.mask_phone(crypto.open_sealed(request.phone)), caller=mask_name(crypto.open_sealed(request.caller_name)),
        may_ask_phone=doors.may_ask_phone(standing, case),
        hotline=requests.rings(case, waiting_on),
        lines=list(timeline.read(case, standing, events, entries, units, files_out))[::-1],
        people=_people(case, tasks, units, outside), same=same_place(standing, case, request),
        messages=_messages(standing, case, request),
        may_say=not outside and not case.closed_at and may_converse(standing, request) and _has_part(standing, case),
        rating=Rating.objects.filter(case=case).first() if doors.may_speak_for(standing, case) else None,
        place=requests.exactly(request, reads=reads) or queries.lies(case),
        where=requests.where(case), n_supporters=supporters_words(n_supporters),
        # whatever was merged into it counts as a supporter, and what was split says so: most cases ask nothing more
        kin=kin(standing, case) if n_supporters or case.stage == "merged" or case.fields.get("part") else Kin(),
        waits=waiting.of_tasks(waiting_on, standing) if not case.closed_at else [],
    )


def kin(standing: Standing, case: Case) -> Kin:
    """Find what a case was merged with or split from; what complains of the reader's own is not there for him."""
    root = case.parent_id or case.pk
    near = Q(merge__into=case) | Q(parent=root)
    near |= Q(pk=case.parent_id) if case.parent_id else Q()
    near |= Q(merges__case=case) if case.stage == "merged" else Q()
    rows = Case.objects.filter(near, flow.not_recused(standing)).annotate(goes_into=F("merge__into"))
    found: dict[int, Case] = {c.pk: c for c in rows.distinct().order_by("opened_at", "pk")}
    if not found:
        return Kin()
    found[case.pk] = case
    open_to = set(flow.visible_to(standing).filter(pk__in=found).values_list("pk", flat=True))
    told = {pk: (c, pk in open_to) for pk, c in found.items()}
    parts = sorted(pk for pk, c in found.items() if pk == root or c.parent_id == root)
    into = case.fields.get("same_case") if case.stage == "merged" else ""
    return Kin(
        next((one for one in told.values() if one[0].code == into), None),
        tuple(told[pk] for pk, c in found.items() if getattr(c, "goes_into", None) == case.pk),
        tuple(told[pk] for pk in parts) if len(parts) > 1 else (), splitting.of_part(case))


def open_tasks(case: Case) -> list[Task]:
    """List the open tasks of a case with the first clock inside each that has not been met."""
    rows = list(case.tasks.filter(done_at=None).select_related("unit").prefetch_related("expectations").order_by("id"))
    for task in rows:
        task.case = case
        unmet = sorted((e for e in task.expectations.all() if e.met_at is None), key=lambda e: e.due_at)
        task.expected = unmet[0].name if unmet else None  # type: ignore[attr-defined]
        task.expected_at = unmet[0].due_at if unmet else None  # type: ignore[attr-defined]
    return rows


def may_converse(standing: Standing, request: Request) -> bool:
    """Say whether a person reads the messages: of complaints the hotline passes on what is said (rights 4.1)."""
    return not standing.is_outside and (
        not request.is_guarded or doors.may_ask_original(standing, request.case))


def _has_part(standing: Standing, case: Case) -> bool:
    return standing.holds("operator") or bool(set(case.unit_ids) & standing.units)


def _files(case: Case, entries: list[Entry]) -> list[Attachment]:
    by_id = {e.pk: e for e in entries}
    found = list(case.attachments.select_related("file").order_by("id"))
    for entry in entries:
        entry.files = []  # type: ignore[attr-defined]
    for file in found:
        if file.entry_id in by_id:
            file.entry = by_id[file.entry_id]
            file.entry.files.append(file)  # type: ignore[attr-defined]
    return found


def _units(case: Case, entries: list[Entry]) -> dict[int, Unit]:
    wanted: set[int] = set(case.unit_ids) | set(case.about_units)
    for values in [case.fields, *(e.values for e in entries)]:
        for name in timeline.ABOUT_UNITS:
            wanted |= set(timeline.ids_in(values.get(name)))
    return {u.pk: u for u in Unit.objects.filter(pk__in=wanted)}


# Where it stands ------------------------------------------------------------------------------------------------------


def _rail(process: Process, case: Case, events: list[Event]) -> tuple[list[tuple[str, str]], int]:
    """Say the stages as a line: those it passed with the time, the present one, those to come with their limits."""
    line = _main_line(process)
    now = process.stages[case.stage]
    if now.name not in line:
        line = _with(line, now, process)
    at = line.index(now.name)
    entered = {e.data["to"]: e.at for e in events if e.data.get("to")}
    rail = []
    for i, name in enumerate(line):
        stage = process.stages[name]
        passed = html.when(entered[name]) if name in entered else ""
        small = passed if i <= at else deadlines.rule_words(stage.deadline, case)
        rail.append((short(stage), _("现在") if i == at and not case.closed_at else small))
    return rail, len(line) if case.closed_at else at


def _main_line(process: Process) -> list[str]:
    """Follow the first way on from the start to an end: the way most cases go."""
    line, name = [], process.start
    while name and name not in line:
        line.append(name)
        stage = process.stages[name]
        name = stage.then or next((a.to for a in stage.actions.values() if a.to and a.to not in line), "")
    return line


def _with(line: list[str], now: Stage, process: Process) -> list[str]:
    """Put a stage off the main line where its like stands: 待回访 for 待评价, an end after what was passed."""
    if now.is_end:
        return [*line[:1], now.name]
    like = [n for n in line if process.stages[n].public == now.public]
    return [now.name if n == like[-1] else n for n in line] if like else [*line, now.name]


def short(stage: Stage) -> str:
    """Say a stage without the words that say it waits: 受理, 派单, 办理, 评价."""
    return _(stage.title).removeprefix("待").removeprefix("已").removesuffix("中")


def dispatch_due(case: Case, process: Process, to: str) -> datetime | None:
    """Say by when a unit must be done that gets the case now: the case's own deadline while it lies ahead."""
    stage = process.stages[to] if to else process.stages[case.stage]
    return deadlines.of_stage(process, stage, case, clock.now())


# People, places, likes ------------------------------------------------------------------------------------------------


def _people(case: Case, tasks: list[Task], units: dict[int, Unit], outside: bool) -> list[tuple[str, str, str]]:
    """Say who has the case: (kind of mark, name, parts), each unit once."""
    parts: dict[str, list[str]] = {}
    for name, part in (("lead", _("主办")), ("helpers", _("协办")), ("section", _("二级承办"))):
        for unit in timeline.ids_in(case.fields.get(name)):
            if unit in units:
                parts.setdefault(units[unit].name, []).append(part)
    for task in tasks:
        part = _("审核") if task.kind == "approval" else _("代为联系") if task.kind == "duty" else POSTS.get(task.post, "")
        said = _("{part}，现在").format(part=_(part)) if part else _("现在")
        parts.setdefault(task.unit.name if task.unit else "", []).append(said)
    rows = [("unit", name, "，".join(dict.fromkeys(said))) for name, said in parts.items()]
    worker = None if outside else org.grid_worker(case.place_id)
    if worker is not None:
        rows.append(("worker", worker.name, " ".join(filter(None, [_("网格员"), worker.work_phone]))))
    return rows


def same_place(standing: Standing, case: Case, request: Request) -> list[Case]:
    """List what was reported of the same kind in the same grid within a year, the newest first."""
    category = request.category or request.suggested
    if category is None or case.lon is None:
        return []
    rows = flow.visible_to(standing).filter(pk__in=requests.before_here(case), request__category=category)
    return list(rows.order_by("-opened_at")[:3])


def seeks_twins(standing: Standing, case: Case) -> bool:
    """Say whether a person is asked whether this matter was reported before: those who take in and dispatch."""
    return case.stage in ("receiving", "dispatching") and standing.holds("operator", "dispatcher")


def twins(standing: Standing, case: Case) -> list[Request]:
    """Suggest what may be the same matter."""
    if not seeks_twins(standing, case) or case.lon is None or case.lat is None:
        return []
    request: Request = case.request
    found = requests.twins(standing, lon=case.lon, lat=case.lat, words=requests.words_for(standing, request),
                           kind=request.category or request.suggested)
    return [r for r in found if r.pk != case.pk][:4]


def _messages(standing: Standing, case: Case, request: Request) -> list[Message] | None:
    if not may_converse(standing, request):
        return None
    return list(case.messages.select_related("person", "unit").order_by("-at")[:30])


def precedents(standing: Standing, request: Request) -> list[tuple[Entry, str]]:
    """List how objections of the same kind were ruled on, the newest first, each with what was ruled."""
    if request.category is None:
        return []
    rows = requests.precedents(standing, request.category)
    return [(e, _verdict(e)) for e in rows if e.case_id != request.pk]


def _verdict(entry: Entry) -> str:
    base, _dot, step = entry.action.partition(".")
    title = queries.action_title(entry.case, base)
    return f"{title} · {_('同意') if step == 'agree' else _('不同意')}" if step else title


def asked(task: Task, case: Case, units: dict[int, Unit]) -> tuple[str, list[tuple[str, str]], list[Attachment]]:
    """Say what an approval is asked for: its title, the words of the asking, its files."""
    entry = Entry.objects.filter(pk=(task.asks or {}).get("entry") or 0).first()
    if entry is None:
        return "", [], []
    missing = {u for n in timeline.ABOUT_UNITS for u in timeline.ids_in(entry.values.get(n))} - units.keys()
    units.update({u.pk: u for u in Unit.objects.filter(pk__in=missing)} if missing else {})
    files = list(entry.attachments.select_related("file"))
    return queries.action_title(case, entry.action), timeline.body_of(entry, case, units), files


def suggestions(case: Case, request: Request) -> list[Suggestion]:
    """Suggest who should lead, best first."""
    return requests.suggest_units(case, request.category or request.suggested)


def last_answer(same: list[Case]) -> str:
    """Tell what was answered the last time at the same place."""
    closed = next((c for c in same if c.closed_at), None)
    entry = closed and closed.entries.filter(action="finish", state="done").order_by("-id").first()
    return str(entry.values.get("reply", "")) if entry else ""


def kind_words(request: Request) -> str:
    return str(KINDS.get(request.kind, request.kind))


def rule_words(case: Case) -> str:
    """Say the rule that made the case's deadline."""
    return worktime.parse_duration(case.standard).words()


def full_phone(case: Case) -> str:
    """Give a caller's number in full; the door has written down who asked and what for."""
    return crypto.open_sealed(case.request.phone)
