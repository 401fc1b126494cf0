"""Reading lists: which tasks and cases a list of the desk holds, its pages by key, its true counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.core.cache import cache
from django.db import connection
from django.db.models import BigIntegerField, Count, Exists, Func, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from gongzhi.base import clock, crypto, html
from gongzhi.desk import later, rules, waiting
from gongzhi.desk.models import Export, SavedView, Snooze
from gongzhi.desk.rules import PAGE, VIEWS, Filter, View
from gongzhi.duties import queries as duties
from gongzhi.flow import queries as flow
from gongzhi.flow.definition import Process
from gongzhi.flow.models import Case, Expectation, Task
from gongzhi.org.models import Unit
from gongzhi.org.rules import POSTS, Standing
from gongzhi.places import index
from gongzhi.requests import intake
from gongzhi.requests import queries as requests
from gongzhi.requests.models import Category, Request, Supporter
from gongzhi.requests.rules import CHANNELS, supporters_words

COUNTED_FOR = 10  # seconds the counts of what is to do are remembered; a person's own acts forget them
LONG_COUNTED_FOR = 60  # the same for lists of cases …
LONG = 2_000  # … whose own pages count anew while they are shorter than this
COUNTED_TO = 10_000  # longer lists are "more than"
REDONE = "limit:redo"  # in the counts of a case: from then on the redo's own deadline counts
TAIL_DAYS = 30  # how far back a caller is searched by the last digits of a number


# Which tasks and cases ------------------------------------------------------------------------------------------------


def tasks(standing: Standing, chosen: Filter) -> QuerySet[Task]:
    """List the open tasks of a person's desks that a list holds, unordered."""
    put_off = later.asleep(standing)
    rows = flow.queue(standing).filter(_of_view(chosen.view))
    rows = rows.filter(case__in=put_off) if chosen.view == "later" else rows.exclude(case__in=put_off)
    rows = rows.filter(_narrowing(standing, chosen, "case__"))
    if chosen.stage:
        rows = rows.filter(stage=chosen.stage)
    return rows.filter(_due(chosen.due, clock.now())) if chosen.due else rows


def cases(standing: Standing, chosen: Filter) -> QuerySet[Case]:
    """List the cases a list holds of those a person may see, unordered."""
    rows = flow.visible_to(standing).filter(_narrowing(standing, chosen, ""))
    rows = rows.filter(_kept_in(chosen.view, standing))
    open_only = chosen.view == "supervised" or (chosen.view == "all" and chosen.state != "closed")
    if open_only or chosen.state:
        rows = rows.filter(closed_at__isnull=open_only or chosen.state == "open")
    if chosen.stage:
        rows = rows.filter(stage=chosen.stage)
    now = clock.now()
    if chosen.due == "late" or chosen.view == "overdue":
        rows = rows.filter(_overdue(now))
    elif chosen.due == "today":
        rows = rows.filter(due_at__gte=now, due_at__lt=_midnight(now), closed_at=None)
    return rows


def _of_view(view: str) -> Q:
    """Say which tasks a list of my desks holds."""
    work = Q(kind="work")
    unsigned = Exists(Expectation.objects.filter(task=OuterRef("pk"), name="sign", met_at=None))
    known = {
        "receiving": work & Q(stage="receiving"), "dispatching": work & Q(stage="dispatching"),
        "signing": work & Q(stage="handling") & Q(unsigned), "handling": work & Q(stage="handling") & ~Q(unsigned),
        "reviewing": Q(kind="approval"), "contacting": Q(kind="duty"), "hard": work & Q(stage="hard"),
        "calling": work & Q(stage="calling"), "checking": work & Q(stage="checking"),
    }
    if view in rules.DUE:
        return _due(view, clock.now())
    return known.get(view, Q())


def _due(due: str, now: datetime) -> Q:
    """Say which tasks are late (a clock inside the stage counts too), or due before midnight."""
    if due == "late":
        return Q(case__held_at=None) & (Q(due_at__lt=now) | _whole_late(now, "case__") | Q(Exists(_missed(now))))
    return Q(case__held_at=None, due_at__gte=now, due_at__lt=_midnight(now))


def _whole_late(now: datetime, prefix: str = "") -> Q:
    """Say which matters are late as a whole: not while the reporter is waited for, nor where a redo has its own time."""
    late = Q(**{f"{prefix}due_at__lt": now, f"{prefix}closed_at": None, f"{prefix}held_at": None})
    stages = flow.definition(flow.current_version(intake.KEY)).stages.values()
    waiting = Q(**{f"{prefix}stage__in": [s.name for s in stages if s.waits]})
    return late & ~waiting & ~Q(**{f"{prefix}counts__has_key": REDONE})


def _overdue(now: datetime) -> Q:
    """Say which matters are late as the boards count them: as a whole, or by the deadline of a redo."""
    redo = Task.objects.filter(case=OuterRef("pk"), done_at=None, kind="work", due_at__lt=now)
    redone = Q(due_at__lt=now, closed_at=None, held_at=None, counts__has_key=REDONE) & Q(Exists(redo))
    return Q(due_at__lt=now) & (_whole_late(now) | redone)  # said once more for the index of open cases by deadline


def is_late(case: Case) -> bool:
    """Say whether a matter is late as a whole, whatever its present step has left."""
    if case.closed_at or case.held_at or case.due_at is None or case.due_at >= clock.now() or REDONE in case.counts:
        return False
    stage = flow.definition(case.version_id).stages.get(case.stage)
    return stage is None or not stage.waits


def _midnight(now: datetime) -> datetime:
    return (clock.local(now) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _kept_in(view: str, standing: Standing) -> Q:
    if view == "supervised":
        return Q(flags__contains=["supervised"])
    if view == "mine":
        return Q(opened_by=standing.person_id)
    return Q(pk__in=Task.objects.filter(done_by=standing.person_id).values("case")) if view == "done" else Q()


def _narrowing(standing: Standing, chosen: Filter, prefix: str) -> Q:
    """Turn what narrows a list into a condition on its cases."""
    wanted = Q()

    def on(**lookups: Any) -> Q:
        return Q(**{prefix + name: value for name, value in lookups.items()})

    if chosen.category:
        wanted &= on(request__category__code__startswith=chosen.category)
    if chosen.place:
        wanted &= on(path__contains=[int(chosen.place)])
    if chosen.origin:
        wanted &= on(request__channel=chosen.origin) if chosen.origin in CHANNELS else on(origin=chosen.origin[:12])
    if chosen.unit:
        wanted &= on(fields__lead=int(chosen.unit))
    for name, at in (("gte", _date(chosen.since)), ("lt", _date(chosen.until, days=1))):
        wanted &= on(**{f"opened_at__{name}": at}) if at else Q()
    if chosen.q:
        found = requests.search(standing, chosen.q).values("pk")
        wanted &= Q(**{f"{prefix}pk__in" if prefix == "" else "case__in": found})
    return wanted & _flagged(chosen.flag, on)


def _date(text: str, days: int = 0) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=clock.CHINA) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None


def _flagged(flag: str, on: Any) -> Q:
    known = {
        "supervised": lambda: on(flags__contains=["supervised"]),
        "designated": lambda: on(flags__contains=["designated"]),
        "off_list": lambda: on(flags__contains=["off_list"]),
        "urgent": lambda: on(urgent=True), "held": lambda: on(held_at__isnull=False), "hard": lambda: on(stage="hard"),
        "returned": lambda: on(counts__has_key="limit:returns"),
        "redone": lambda: on(counts__has_key="limit:redo"),
        "twins": lambda: on(supporters__isnull=False),
    }
    return known[flag]() if flag else Q()


# Pages ----------------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """One line of a list."""

    code: str
    title: str
    place: str
    category: str
    stage: str
    holder: str
    hat: str
    due_at: datetime | None
    since: datetime
    held: bool
    clock: str  # which clock the time left is of: 签收, 整件, or "" for the step's own
    origin: str
    closed_at: datetime | None
    marks: list[tuple[str, str, str]] = field(default_factory=list)
    task_id: int | None = None
    case_id: int = 0
    off_list: str = ""  # the act by which the unit gives back what its list does not have
    bound_at: datetime | None = None  # the deadline from outside, where there is one, beside …
    own_due_at: datetime | None = None  # … ours, with the rule of each
    bound_source: str = ""
    own_rule: str = ""
    waits: str = ""  # for whom else, since when


@dataclass(frozen=True)
class Page:
    """A page by key; `next` is the key the following page begins after."""

    rows: list[Row]
    next: str


def page(standing: Standing, chosen: Filter) -> Page:
    """Cut the page that begins after the key of the address."""
    if chosen.of.of == "tasks":
        key = "due_at" if chosen.by_due and chosen.view != "signing" else "opened_at"
        some = _cut(_for_rows(tasks(standing, chosen)), key, chosen.after)
        rows = [_of_task(t, standing) for t in some[:PAGE]]
        _mark_refusable(rows, some[:PAGE])
    else:
        key = "due_at" if chosen.by_due else "-opened_at"
        some = _cut(cases_for_rows(cases(standing, chosen)), key, chosen.after)
        rows = rows_of(some[:PAGE])
    _say_more(rows, standing, chosen)
    more = _key_of(some[PAGE - 1], key) if len(some) > PAGE else ""
    return Page(rows, more)


def _say_more(rows: list[Row], standing: Standing, chosen: Filter) -> None:
    """Say on the lines of a page whom a matter waits for, and what has come back from being put off."""
    open_rows = [row for row in rows if row.closed_at is None]
    waits = waiting.of_cases({row.case_id for row in open_rows}, standing)
    put_off = {s.case_id: s for s in Snooze.objects.filter(person_id=standing.person_id or 0, case__in=waits)} if waits else {}
    came = later.back(standing, list(put_off)) if put_off else {}
    for row in open_rows:
        row.waits = waits[row.case_id][0].words if waits.get(row.case_id) else ""
        if row.case_id in came:
            row.marks.insert(0, (came[row.case_id], "bell-ringing", ""))
        elif chosen.view == "later" and row.case_id in put_off:
            row.marks.insert(0, (later.until_words(put_off[row.case_id]), "hourglass-high", ""))


def _cut(rows: QuerySet[Any], key: str, after: str) -> list[Any]:
    """Read one row more than a page, by key: an index finds where to begin, however far down that is.

    Rows without a time (nothing limits them) stand last, in a second piece.
    """
    name, down = key.lstrip("-"), key.startswith("-")
    ordered = rows.order_by(key, "-id" if down else "id")
    at, last = _read_key(after)
    if not last:
        return list(ordered[: PAGE + 1])
    if at is None:
        return list(ordered.filter(**{name: None, "id__gt": last})[: PAGE + 1])
    here = Q(**{name: at}) & (Q(id__lt=last) if down else Q(id__gt=last))
    bound = Q(**{f"{name}__{'lte' if down else 'gte'}": at})  # where the index begins to be read
    some = list(ordered.filter(bound, Q(**{f"{name}__{'lt' if down else 'gt'}": at}) | here)[: PAGE + 1])
    if len(some) <= PAGE and name == "due_at":
        some += list(ordered.filter(**{name: None})[: PAGE + 1 - len(some)])
    return some


def _key_of(row: Any, key: str) -> str:
    at = getattr(row, key.lstrip("-"))
    return f"{at.isoformat() if at else ''}~{row.pk}"


def _read_key(text: str) -> tuple[datetime | None, int]:
    at, _sep, last = text.partition("~")
    if not (last.isascii() and last.isdecimal()):
        return None, 0
    try:
        moment = datetime.fromisoformat(at) if at else None
    except ValueError:
        return None, 0
    return (moment.replace(tzinfo=moment.tzinfo or clock.CHINA) if moment else None), int(last)


def total(standing: Standing, chosen: Filter) -> int:
    """Count a list: from the remembered counts where nothing narrows it and counting takes long, anew else."""
    if not chosen.narrowed:
        remembered = counts(standing).get(chosen.view, 0)
        if chosen.of.of == "tasks" or remembered > LONG:
            return remembered
    rows: QuerySet[Any] = tasks(standing, chosen) if chosen.of.of == "tasks" else cases(standing, chosen)
    return rows.order_by().values("pk")[: COUNTED_TO + 1].count()


def size(standing: Standing, chosen: Filter) -> int:
    """Count what a file of a list would hold, one further than it goes."""
    rows: QuerySet[Any] = tasks(standing, chosen) if chosen.of.of == "tasks" else cases(standing, chosen)
    return rows.order_by().values("pk")[: rules.EXPORT_LIMIT + 1].count()


def exports(standing: Standing) -> QuerySet[Export]:
    """List the files a person asked for that are on their way or still kept, the newest first."""
    since = clock.now() - rules.EXPORT_KEPT
    own = Export.objects.filter(Q(ready_at=None, asked_at__gt=since) | Q(ready_at__gt=since),
                                person_id=standing.person_id or 0)
    return own.select_related("progress").order_by("-asked_at", "-id")


# Rows -----------------------------------------------------------------------------------------------------------------


# What no line of a list shows: left in the database, it need not be sent, read and made into objects for every line.
UNSHOWN = [f"request__{name}" for name in ("words", "summary", "tokens", "secret", "phone", "phone_index", "phone_tail",
                                           "caller_name", "submitted_key")]
UNSHOWN += [f"request__{category}__{name}" for category in ("category", "suggested") for name in (
    "keywords", "limit_source", "opens_when", "closes_when", "staged_limits", "source", "owner_key", "outside_key")]
UNSHOWN += ["ladder", "unit_ids", "standard_source", "entered_at", "first_due_at", "next_at", "next_step", "held_until"]


def _for_rows(rows: QuerySet[Task]) -> QuerySet[Task]:
    unmet = Expectation.objects.filter(task=OuterRef("pk"), met_at=None).order_by("due_at")
    return rows.select_related("case__request__category", "case__request__suggested", "unit").annotate(
        lead_name=lead_name("case__"),
        expected=Subquery(unmet.values("name")[:1]), expected_at=Subquery(unmet.values("due_at")[:1]),
        n_twins=_n_supporters("case"),
    ).defer("unit__path", "unit__pinyin", "ladder", *(f"case__{name}" for name in UNSHOWN))


def cases_for_rows(rows: QuerySet[Case]) -> QuerySet[Case]:
    """Add to cases what their lines in a list need."""
    holders = Task.objects.filter(case=OuterRef("pk"), done_at=None, unit__isnull=False).order_by("kind", "id")
    return rows.select_related("request__category", "request__suggested").annotate(
        lead_name=lead_name(""),
        holders=ArraySubquery(holders.values("unit__short_name")[:3]),
        n_twins=_n_supporters("pk"),
    ).defer(*UNSHOWN)


def lead_name(prefix: str) -> Subquery:
    """Name the unit that leads, as part of the row: no query per row."""
    lead = Cast(KeyTextTransform("lead", OuterRef(f"{prefix}fields")), BigIntegerField())
    return Subquery(Unit.objects.filter(pk=lead).values("short_name")[:1])


def _n_supporters(case: str) -> Subquery:
    joined = Supporter.objects.filter(case=OuterRef(case)).order_by()
    return Subquery(joined.annotate(n=Func("pk", function="count")).values("n"))  # without Count there is no GROUP BY


def _mark_refusable(rows: list[Row], some: Sequence[Any]) -> None:
    """Mark what a street or a community may give back at once, because its list plainly does not have it."""
    out = duties.refusable(t for t in some if t.stage == "handling" and "off_list" not in t.case.flags)
    for row, task in zip(rows, some, strict=True):
        row.off_list = GIVE_BACK.get(task.role, "") if task.pk in out else ""


GIVE_BACK = {"lead": "refuse_off_list", "helpers": "refuse_off_list_helper", "handler": "refuse_off_list_inner"}


def _of_task(task: Any, standing: Standing) -> Row:
    case = task.case
    row = _row(case, task.n_twins)
    row.stage = task_title(task)
    row.holder = task.lead_name if task.lead_name and task.kind == "approval" else task.unit.short_name
    row.hat = hat(task, standing)
    first = task.expected_at and (task.due_at is None or task.expected_at < task.due_at)
    row.due_at = task.expected_at if first else task.due_at
    row.clock = action_title(case, task.expected) if first else ""
    row.since, row.task_id = task.opened_at, task.pk
    if is_late(case) and task.kind != "duty":
        row.due_at, row.clock, row.since = case.due_at, _("整件"), case.opened_at
    return row


def rows_of(some: Iterable[Any]) -> list[Row]:
    """Make the lines of cases."""
    rows = []
    for case in some:
        row = _row(case, case.n_twins)
        row.holder = case.lead_name or "、".join(dict.fromkeys(case.holders[:2]))
        row.due_at = None if case.closed_at else case.due_at
        rows.append(row)
    return rows


def _row(case: Case, n_twins: int) -> Row:
    request: Request = case.request
    category = request.category or request.suggested
    return Row(
        code=case.code, title=case.title, place=lies(case) if request.is_guarded else requests.exactly(request) or lies(case),
        category=category.name if category else _("未分类"),
        stage=stage_title(case), holder="", hat="", due_at=case.due_at, since=case.opened_at, held=bool(case.held_at),
        clock="", origin=origin_words(case.origin, request.channel),
        closed_at=case.closed_at, marks=marks(case, n_twins), case_id=case.pk,
        **_both_deadlines(case),
    )


def _both_deadlines(case: Case) -> dict[str, Any]:
    """Say the deadline from outside and ours, each with its rule; the earlier counts."""
    if case.bound_at is None or case.closed_at:
        return {}
    return {"bound_at": case.bound_at, "bound_source": case.bound_source, "own_due_at": case.own_due_at,
            "own_rule": html.duration(case.standard)}


def origin_words(origin: str, channel: str) -> str:
    """Say where a matter came from; what staff found is told apart (rights 4.5)."""
    return _("工作人员发现") if origin == "staff" else str(CHANNELS.get(channel, channel))


def marks(case: Case, n_twins: int = 0) -> list[tuple[str, str, str]]:
    """List the marks of a case as (words, icon, state)."""
    found = []
    returns, redos = (int(case.counts.get(f"limit:{name}", 0)) for name in ("returns", "redo"))
    said = {
        "supervised": "supervised" in case.flags, "urgent": case.urgent, "hard": case.stage == "hard",
        "designated": "designated" in case.flags, "off_list": "off_list" in case.flags, "held": bool(case.held_at),
    }
    for name in filter(said.get, rules.FLAGS):
        found.append((str(rules.FLAGS[name]), rules.FLAG_ICONS[name], "late" if name in rules.LOUD else ""))
    if n_twins:
        found.append((_("重复 {n}").format(n=supporters_words(n_twins)), "copy", ""))
    if returns:
        found.append((_("退单 {n} 次").format(n=returns), "arrow-back-up", ""))
    if redos:
        found.append((_("重办 {n} 次").format(n=redos), "refresh", ""))
    return found


def hat(task: Task, standing: Standing) -> str:
    """Say for which of a person's several posts a task is; "" for somebody with one."""
    if len(standing.held) < 2:
        return ""
    held = next((h for h in standing.held if h.unit_id == task.unit_id and task.post in ("", h.post)), None)
    return f"{held.unit_name} {POSTS.get(held.post, held.post)}" if held else ""


def task_title(task: Task) -> str:
    """Say what is to be done on a task: 待签收, 待审核：申请退单, or the stage."""
    if task.kind == "approval":
        return _("待审核：{what}").format(what=action_title(task.case, (task.asks or {}).get("action", "")))
    if task.kind == "duty":
        return action_title(task.case, getattr(task, "expected", None))
    if getattr(task, "expected", None) == "sign":
        return _("待签收")
    return stage_title(task.case)


def stage_title(case: Case) -> str:
    """Say where a case is, in the words of its process."""
    stage = flow.definition(case.version_id).stages.get(case.stage)
    return _(stage.title) if stage else case.stage


def action_title(case: Case, name: str | None) -> str:
    """Say an action or verb in the words of a case's process."""
    process = flow.definition(case.version_id)
    for _stage, action in process.all_actions():
        if action.name == name:
            return _(action.title)
    verb = process.verbs.get(name or "")
    return _(verb.title) if verb else {"agree": _("同意"), "refuse": _("不同意")}.get(name or "", name or "")


def form_of(process: Process, name: str) -> list[str]:
    """List the fields an action or verb asks for, in their order."""
    found = next((a for _s, a in process.all_actions() if a.name == name), None) or process.verbs.get(name)
    return [f.name for f in found.form] if found else []


def lies(case: Case) -> str:
    """Name the community a case lies in, else the lowest place there is; or say that it concerns none."""
    if case.lon is None:
        return requests.where(case)
    nodes = [n for n in (index.node(i) for i in case.path) if n]
    return next((n.name for n in nodes if n.kind == "community"), nodes[-1].name if nodes else "")


# Counts, the left side ------------------------------------------------------------------------------------------------


def counts(standing: Standing) -> dict[str, int]:
    """Count every list of a person; what is to do is remembered for seconds, the long lists for a minute."""
    todo, long = f"desk-todo:{standing.person_id}", f"desk-long:{standing.person_id}"
    found = cache.get_many([todo, long])
    if todo not in found:
        found[todo] = _count_tasks(standing)
        cache.set(todo, found[todo], COUNTED_FOR)
    if long not in found:
        found[long] = _count_cases(standing)
        cache.set(long, found[long], LONG_COUNTED_FOR)
    return {**found[todo], **found[long]}


def forget_counts(standing: Standing) -> None:
    """Count what is to do anew at the next page: the person has just changed something."""
    cache.delete(f"desk-todo:{standing.person_id}")


def _count_tasks(standing: Standing) -> dict[str, int]:
    """Count the lists of a person's desks. The clocks inside a stage are counted on their own: joined, not per row."""
    put_off, now = later.asleep(standing), clock.now()
    queue = flow.queue(standing).exclude(case__in=put_off)
    work, running, past = Q(kind="work"), Q(case__held_at=None), Q(due_at__lt=now) | _whole_late(now, "case__")
    stages = ("receiving", "dispatching", "handling", "calling", "checking", "hard")
    found = queue.aggregate(
        todo=Count("pk"), reviewing=Count("pk", filter=Q(kind="approval")), contacting=Count("pk", filter=Q(kind="duty")),
        late=Count("pk", filter=running & past),
        today=Count("pk", filter=running & Q(due_at__gte=now, due_at__lt=_midnight(now))),
        **{stage: Count("pk", filter=work & Q(stage=stage)) for stage in stages},
    )
    found["later"] = flow.queue(standing).filter(case__in=put_off).count()
    found["signing"] = queue.filter(_of_view("signing")).count() if found["handling"] else 0
    if found["handling"]:
        in_time = queue.filter(running & (Q(due_at=None) | Q(due_at__gte=now))).exclude(_whole_late(now, "case__"))
        found["late"] += in_time.filter(Exists(_missed(now))).count()
    return {**found, "handling": found["handling"] - found["signing"]}


def _missed(now: datetime) -> QuerySet[Expectation]:
    return Expectation.objects.filter(task=OuterRef("pk"), met_at=None, due_at__lt=now)


def _count_cases(standing: Standing) -> dict[str, int]:
    visible = flow.visible_to(standing)
    opened = visible.filter(closed_at=None)
    lists = {"all": opened, "supervised": opened.filter(flags__contains=["supervised"])}
    lists |= {"overdue": opened.filter(_overdue(clock.now()))} if standing.places else {}
    lists |= {view: visible.filter(_kept_in(view, standing)) for view in ("mine", "done")}
    return {"overdue": 0} | _counted(lists)


def _counted(lists: dict[str, QuerySet[Case]]) -> dict[str, int]:
    """Count several lists in one statement, each as far as COUNTED_TO, and one for all that is beyond."""
    parts: list[str] = []
    values: list[Any] = []
    for rows in lists.values():
        sql, given = rows.order_by().values("pk")[: COUNTED_TO + 1].query.sql_with_params()
        parts.append(f"(SELECT count(*) FROM ({sql}) counted)")
        values += given
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        row = cursor.fetchone() or ()
    return dict(zip(lists, row, strict=True))


def urgent(standing: Standing) -> tuple[int, int]:
    """Count the urgent matters in a person's queue, and give the number of the newest task."""
    found = flow.queue(standing).filter(case__urgent=True, kind="work").aggregate(n=Count("pk"), newest=Max("pk"))
    return found["n"], found["newest"] or 0


def saved(standing: Standing) -> list[SavedView]:
    """List a person's saved views, then those that others share in his units."""
    rows = SavedView.objects.filter(Q(person_id=standing.person_id or 0) | Q(unit__in=sorted(standing.units)))
    some = list(rows.order_by("made_at")[: 2 * rules.VIEWS_KEPT])
    return [v for v in some if v.unit_id is None] + [v for v in some if v.unit_id]


def shown(standing: Standing, found: dict[str, int]) -> list[View]:
    """List the views on the left: those of the person's posts, and any that holds something."""
    hidden = ("todo",) if standing.places else ("todo", "overdue")
    views = [v for v in VIEWS.values() if v.key not in hidden]
    return [v for v in views if found.get(v.key) or "any" in v.posts or standing.holds(*v.posts)]


# Filters --------------------------------------------------------------------------------------------------------------


def stages() -> list[tuple[str, str]]:
    """List the stages a request may be in."""
    process = flow.definition(flow.current_version(intake.KEY))
    return [(s.name, _(s.title)) for s in process.stages.values()]


def categories() -> list[tuple[str, str]]:
    """List the categories, each kind after its heading; remembered for a minute."""
    rows = cache.get("desk-categories")
    if rows is None:
        found = Category.objects.filter(active=True).order_by("code").values_list("code", "name", "parent__name")
        rows = [(code, f"{parent} · {name}" if parent else name) for code, name, parent in found]
        cache.set("desk-categories", rows, 60)
    return rows  # type: ignore[no-any-return]


def places(standing: Standing) -> list[tuple[str, str]]:
    """List the streets and communities a person oversees, those of a street after it."""
    nodes = index.current()
    roots = sorted(standing.places, key=lambda i: len(nodes.nodes[i].path) if i in nodes.nodes else 0)
    found: dict[str, str] = {}

    def walk(node_id: int, depth: int) -> None:
        node = nodes.nodes.get(node_id)
        if node is None or node.kind not in ("city", "district", "street", "community", "grid") or depth > 2:
            return
        found[str(node.id)] = "　" * depth + node.name
        for child in sorted(nodes.children.get(node_id, []), key=lambda n: n.code):
            if child.kind in ("street", "community") or (child.kind == "grid" and depth == 0):
                walk(child.id, depth + 1)

    for root in roots:
        if str(root) not in found:
            walk(root, 0)
    return list(found.items())


def said(chosen: Filter) -> list[tuple[str, str]]:
    """Say each filter that is set, for the pills: [(name, words)]."""
    origins = {**CHANNELS, "resident": _("居民反映"), "staff": _("工作人员发现")}
    unit = Unit.objects.filter(pk=int(chosen.unit)).first() if chosen.unit else None
    words = {
        "stage": dict(stages()).get(chosen.stage, ""), "category": dict(categories()).get(chosen.category, ""),
        "place": index.name_of(int(chosen.place)) if chosen.place else "",
        "origin": str(origins.get(chosen.origin, "")),
        "flag": str(rules.FLAGS.get(chosen.flag, "")), "due": str(rules.DUE.get(chosen.due, "")),
        "state": str(rules.STATES.get(chosen.state, "")), "q": f"“{chosen.q}”",
        "unit": unit.short_name if unit else "",
        "since": _("{day} 起").format(day=chosen.since), "until": _("{day} 止").format(day=chosen.until),
    }
    return [(name, words[name] or value) for name, value in chosen.narrowed.items()]


# Search ---------------------------------------------------------------------------------------------------------------


def search(standing: Standing, text: str) -> list[Row]:
    """Find visible cases by code or words, the newest first."""
    found = cases_for_rows(requests.search(standing, text)).order_by("-opened_at", "-id")
    return rows_of(found[:PAGE])


def is_tail(standing: Standing, text: str) -> bool:
    """Say whether a text may be the end of a caller's number, and this person may search by it (rights 4.3)."""
    return standing.holds("operator") and len(text) == 4 and text.isascii() and text.isdecimal()


def by_tail(standing: Standing, digits: str) -> list[Row]:
    """Find recent cases of callers whose number ends in four digits: for the clerk on the line alone."""
    since = clock.now() - timedelta(days=TAIL_DAYS)
    found = Case.objects.filter(flow.not_recused(standing), opened_at__gte=since,
                                request__phone_tail=crypto.blind("tail:" + digits))
    return rows_of(cases_for_rows(found).order_by("-opened_at", "-id")[:PAGE])


sits = rules.seated
