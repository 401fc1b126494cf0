"""Reading for the grid worker: what to do next, my lists, my grids with their compounds and people."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _

from gongzhi.base import clock, crypto, html
from gongzhi.field import rules
from gongzhi.flow import offers
from gongzhi.flow import queries as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case, Task
from gongzhi.flow.offers import Offer
from gongzhi.org import queries as org
from gongzhi.org.models import Appointment, Unit
from gongzhi.org.rules import POSTS, Standing
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.index import Node
from gongzhi.places.models import Place
from gongzhi.requests import access, queries
from gongzhi.requests.models import Category, Request

TEAM = ("gridhead", "gridmanager", "gridworker", "gridpart")
WORDS_IN = ("reply", "result", "note", "contact_note", "reason", "answer", "told")
NEXT = ("agree", "sign", "contact", "finish", "help_done")  # what comes first on a phone, the rest as the file has it


# Lists ----------------------------------------------------------------------------------------------------------------


def tasks(standing: Standing, chosen: str) -> QuerySet[Task]:
    """List my open tasks, what is due first; `chosen` is a name of rules.LISTS."""
    rows = flow.queue(standing).select_related("case__version", "case__request__category", "case__request__compound")
    if chosen == "today":
        midnight = (clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        rows = rows.filter(due_at__lt=midnight, case__held_at=None)
    if chosen == "urged":
        rows = rows.filter(case__counts__has_key="verb:urge")
    return rows.order_by(F("due_at").asc(nulls_last=True), "pk")


def after(rows: QuerySet[Task], cursor: str) -> QuerySet[Task]:
    """Go on behind the last row shown; an address that says nothing begins anew."""
    due, _sep, last = cursor.partition("~")
    if not last.isdecimal():
        return rows
    if not due:
        return rows.filter(due_at=None, pk__gt=int(last))
    try:
        at = datetime.fromisoformat(due)
    except ValueError:
        return rows
    at = at if at.tzinfo else at.replace(tzinfo=clock.CHINA)
    return rows.filter(Q(due_at__gt=at) | Q(due_at=at, pk__gt=int(last)) | Q(due_at=None))


def cursor(task: Task) -> str:
    """Write where a page ended."""
    return f"{clock.local(task.due_at).isoformat() if task.due_at else ''}~{task.pk}"


def counts(standing: Standing) -> dict[str, int]:
    """Count my lists."""
    return {name: tasks(standing, name).count() for name in ("todo", "today", "urged")}


def reported(standing: Standing) -> QuerySet[Request]:
    """List what I reported, for myself or for residents, the newest first."""
    mine = Case.objects.filter(flow.not_recused(standing), opened_by=standing.person_id)
    return Request.objects.filter(case__in=mine).select_related("case", "category").order_by("-case_id")


@dataclass(frozen=True)
class Row:
    """One line of a list."""

    task: Task
    case: Case
    title: str
    where: str
    step: str
    urged: bool


def row(task: Task) -> Row:
    """Say a task in one line: what, where, which step."""
    case, request = task.case, task.case.request
    stage = flow.definition(case.version_id).stages[task.stage].title
    where = queries.exactly(request) or queries.where(case).rpartition(" · ")[2]
    return Row(task, case, case.title, where, _("待审核") if task.kind == "approval" else _(stage),
               "verb:urge" in case.counts)


def next_step(task: Task, actor: Actor) -> Offer | None:
    """Name the act that comes next on a task."""
    able = ranked([o for o in offers.available(task.case, actor, task) if not o.refused and o.task_id])
    return able[0] if able else None


def ranked(found: list[Offer]) -> list[Offer]:
    """Put the next step first, verbs after acts, what is refused last."""
    def rank(offer: Offer) -> tuple[bool, bool, int]:
        at = NEXT.index(offer.name) if offer.name in NEXT else len(NEXT)
        return bool(offer.refused), offer.is_verb and offer.name != "agree", at

    return sorted(found, key=rank)


# One case -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One thing that was done."""

    title: str
    at: datetime
    who: str
    words: str
    files: list[Attachment] = field(default_factory=list)


@dataclass(frozen=True)
class Sheet:
    """What a grid worker sees of a case."""

    case: Case
    request: Request
    task: Task | None
    text: str
    is_summary: bool
    where: str
    photos: list[Attachment]
    voices: list[Attachment]
    offers: list[Offer]
    lines: list[Line]
    phone: str
    masked: str
    may_ask_phone: bool
    hotline: tuple[str, datetime | None] | None  # who must ring the reporter instead of those at work, by when
    empty: str = ""  # a warning about the reply this worker is asked to agree to


def sheet(standing: Standing, actor: Actor, case: Case) -> Sheet:
    """Put together a case for the phone: what, where, until when, what can be done."""
    request = case.request
    own = flow.queue(standing).filter(case=case).order_by("kind", "pk").first()
    reads = queries.reads_original(standing, case)
    originals = list(queries.originals(standing, case))
    may_ask = access.may_ask_phone(standing, case) and bool(request.phone)
    number = crypto.open_sealed(request.phone) if may_ask else ""
    return Sheet(
        case, request, own, request.words if reads else request.summary, not reads, queries.whereabouts(request, reads=reads),
        [a for a in originals if a.kind == "photo"], [a for a in originals if a.kind == "voice"],
        ranked(offers.available(case, actor)), _lines(standing, case, reads),
        number if number and _opened(standing, case) else "", html.mask_phone(number), may_ask, queries.rings(case),
        queries.warning_of(own) if own and own.kind == "approval" else "",
    )


def _opened(standing: Standing, case: Case) -> bool:
    since = clock.now() - timedelta(minutes=rules.PHONE_MINUTES)
    return case.openings.filter(person=standing.person_id, what="phone", at__gte=since).exists()


def _lines(standing: Standing, case: Case, reads: bool) -> list[Line]:
    """Tell what was done, the newest first; of a complaint nothing the reporter wrote."""
    process = flow.definition(case.version_id)
    titles = {a.name: a.title for _s, a in process.all_actions()} | {v.name: v.title for v in process.verbs.values()}
    found = [e for e in queries.entries_for(standing, case) if reads or e.actor != "reporter"]
    sees = access.may_see_originals(standing, case)
    return [
        Line(_(titles.get(e.action.split(".")[0], e.action)), e.at, e.unit.name if e.unit else "",
             next((str(e.values[n]) for n in WORDS_IN if e.values.get(n)), ""),
             [a for a in e.attachments.all() if sees or not (a.original or e.actor == "reporter")])
        for e in reversed(found)
    ]


# Grids ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Yard:
    """A compound with what is known of it, and the companies to call."""

    name: str
    known: str
    companies: list[tuple[str, Unit]]


@dataclass(frozen=True)
class Grid:
    """A grid with its compounds, its team, and how much is open."""

    node: Node
    where: str
    compounds: list[Yard]
    team: list[tuple[str, Appointment]]
    n_open: int


def grids(standing: Standing) -> list[Grid]:
    """List my grids; who looks after a community or street sees the grids of it, twenty at most."""
    nodes = own_grids(standing)[:20]
    n_open = _n_open(standing, [n.id for n in nodes])
    return [
        Grid(n, index.words(n.path[:-1]), _yards(list(places.children(n.id).filter(kind="compound"))), team(n.id),
             n_open.get(n.id, 0))
        for n in nodes
    ]


def _yards(compounds: list[Place]) -> list[Yard]:
    wanted = {c.attrs.get(name) for c in compounds for name in rules.COMPANIES} - {None, ""}
    units = {u.key: u for u in Unit.objects.filter(key__in=wanted, active_to=None)} if wanted else {}
    kinds = rules.COMPANIES.items()
    return [
        Yard(c.name, " · ".join(_facts(c)),
             [(str(title), units[c.attrs[name]]) for name, title in kinds if c.attrs.get(name) in units])
        for c in compounds
    ]


def _facts(compound: Place) -> Iterator[str]:
    if address := compound.attrs.get("address"):
        yield str(address)
    if n := compound.attrs.get("n_homes"):
        yield _("{n} 户").format(n=n)
    if year := compound.attrs.get("built_year"):
        yield _("{year} 年建").format(year=year)


def own_grids(standing: Standing) -> list[Node]:
    """List the grids a person works for, or those of the community or street the person works for."""
    own = {h.place_id for h in standing.held if h.post in rules.POSTS}
    nodes = index.current().nodes.values()
    return sorted((n for n in nodes if n.kind == "grid" and own & set(n.path)), key=lambda n: n.code)


def _n_open(standing: Standing, grid_ids: list[int]) -> dict[int, int]:
    rows = flow.visible_to(standing).filter(closed_at=None, place__in=grid_ids)
    return dict(rows.values_list("place").annotate(n=Count("pk")).order_by())


def team(grid_id: int) -> list[tuple[str, Appointment]]:
    """List the 1+1+1+N of a grid with their work phones."""
    rows = [a for a in org.team(grid_id) if a.post.name in TEAM]
    return [(POSTS[a.post.name], a) for a in sorted(rows, key=lambda a: TEAM.index(a.post.name))]


def compounds(standing: Standing, limit: int = 6) -> list[Node]:
    """List the compounds of my grids, to be chosen at a touch."""
    own = {n.id for n in own_grids(standing)}
    found = [n for n in index.current().nodes.values() if n.kind == "compound" and own & set(n.path)]
    return sorted(found, key=lambda n: n.name)[:limit]


def colleagues(standing: Standing) -> list[tuple[str, Appointment]]:
    """List who works on the same grids, without myself."""
    own = own_grids(standing)[:1]
    return [(title, a) for n in own for title, a in team(n.id) if a.person_id != standing.person_id]


def kinds(chosen: str = "") -> list[tuple[Category, str]]:
    """List the categories shown as pictures: what staff found most in ninety days, filled up from the table."""
    since = clock.now() - timedelta(days=90)
    often = Request.objects.filter(case__origin="staff", reported_at__gte=since, category__isnull=False)
    codes = [r["category__code"] for r in often.values("category__code").annotate(n=Count("pk")).order_by("-n")[:20]]
    known = Category.objects.filter(active=True, private=False, kind__in=["part", "event"]).exclude(limit="")
    rows = sorted(known, key=lambda c: (codes.index(c.code) if c.code in codes else 99, c.kind, c.code))
    first = [c for c in rows if c.code == chosen]
    varied = _varied([r for r in rows if r.code != chosen], keep=sum(r.code in codes for r in rows if r.code != chosen))
    return [(c, rules.picture(c.name)) for c in [*first, *varied][: rules.N_KINDS]]


def _varied(rows: list[Category], *, keep: int) -> list[Category]:
    """Put the first of each picture before the others, behind the `keep` that are found often."""
    often, seen = rows[:keep], set()
    first: list[Category] = []
    rest: list[Category] = []
    for row in rows[keep:]:
        drawing = rules.picture(row.name)
        (rest if drawing in seen or drawing == rules.OTHER_ICON else first).append(row)
        seen.add(drawing)
    return [*often, *first, *rest]
