"""Reading requests: what is near, what was before at the same place, which unit fits, who called from this number."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Reverse
from django.utils.translation import gettext as _

from gongzhi.base import chinese, clock, codes, crypto
from gongzhi.flow import queries as flow
from gongzhi.flow import roles
from gongzhi.flow.models import Attachment, Case, Entry, Task
from gongzhi.org import queries as org
from gongzhi.org.models import Person, Unit
from gongzhi.org.rules import Standing
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.index import Node
from gongzhi.requests import access, defaults, likeness, rules
from gongzhi.requests.models import Answer, CatalogueLine, Category, Request
from gongzhi.requests.rules import Suggestion

FINE = ("grid", "compound", "building")  # kinds of place that say where a matter is; a community only says about where
CHANGE_DAYS = 7  # how long a rating may be changed (default, no source)
LOOKED_AT = 60  # open matters near a point that are compared
LOOKED_BACK = 300  # matters of a grid among which the same kind is looked for: two years' worth in the seeds' cities


@dataclass(frozen=True)
class Spot:
    """A point of the city as people need it: grid in words, compound, who works there."""

    lon: float
    lat: float
    grid_id: int
    path: tuple[int, ...]
    words: str
    compound: str = ""
    compound_id: int | None = None
    worker: Person | None = None


def spot(lon: float, lat: float, compound: Node | None = None, *, look_around: bool = True) -> Spot | None:
    """Say what a point is; None outside the city. `look_around`: the compound next to it is meant, if none is known."""
    found = index.locate(lon, lat)
    if found is None:
        return None
    near_by = compound or (places.nearest_compound(lon, lat, 150) if look_around else None)
    return Spot(
        round(lon, 6), round(lat, 6), found.place_id, found.path, index.words(found.path),
        near_by.name if near_by else "", near_by.id if near_by else None, org.grid_worker(found.place_id),
    )


def spot_of_device(lon: float, lat: float) -> Spot | None:
    """Say about where a device is, not where exactly: its position is thrown away after placing (rights 4.1).

    The compound next to it; else the point to about a hundred metres, as long as that is in the same grid; else the
    middle of the grid. Who wants it exact puts the pin by hand.
    """
    found = index.locate(lon, lat)
    grid = index.node(found.place_id) if found else None
    if found is None or grid is None:
        return None
    near_by = places.nearest_compound(lon, lat, 150)
    if near_by and near_by.lon is not None and near_by.lat is not None:
        return spot(near_by.lon, near_by.lat, near_by)
    return spot(*_about(lon, lat, grid), look_around=False)


def _about(lon: float, lat: float, grid: Node) -> tuple[float, float]:
    """Give a point to about a hundred metres, as long as that is in the same grid; else the middle of the grid."""
    about = (round(lon, 3), round(lat, 3))
    there = index.locate(*about)
    if there is None or there.place_id != grid.id:
        about = (grid.lon or about[0], grid.lat or about[1])
    return about


def about(request: Request) -> tuple[float, float] | None:
    """Say about where a matter is, (lon, lat) as anybody may know it: its compound, else to about a hundred metres."""
    case = request.case
    compound = index.node(request.compound_id) if request.compound_id else None
    if compound and compound.lon is not None and compound.lat is not None:
        return compound.lon, compound.lat
    grid = index.node(case.place_id)
    return None if case.lon is None or case.lat is None or grid is None else _about(case.lon, case.lat, grid)


def spot_of(place_id: int) -> Spot | None:
    """Say what a place of the tree is; None of a community and above: its middle is nobody's address.

    A grid is itself and no compound, since the one next to its middle would be made up.
    """
    node = places.node(place_id)
    if node is None or node.kind not in FINE or node.lon is None or node.lat is None:
        return None
    return spot(node.lon, node.lat, node if node.kind == "compound" else None, look_around=node.kind == "building")


def area_of(place_id: int | None) -> Node | None:
    """Give a place too wide to be a spot: a finer one in it is asked for, not guessed."""
    node = places.node(place_id) if place_id else None
    return node if node is not None and node.kind not in FINE else None


def where(case: Case) -> str:
    """Say where a case lies, street, community and grid; or that it concerns no particular place."""
    if case.lon is None and case.fields.get("unplaced"):
        area = index.words(case.path) or index.name_of(case.place_id)
        return _("{area}，具体地点待定").format(area=area)
    return index.words(case.path) if case.lon is not None else _("不涉及具体地点")


def whereabouts(request: Request, *, reads: bool = False) -> str:
    """Say where a matter is as well as it is known: compound, what was said of the spot, grid."""
    return " · ".join(filter(None, [exactly(request, reads=reads), where(request.case)]))


def exactly(request: Request, *, reads: bool = False) -> str:
    """Say where in its grid a matter is: compound and what was said of the spot; "" where neither is known.

    What was said of the spot are the reporter's own words: of a complaint they are for who `reads` the original alone.
    """
    address = "" if request.is_guarded and not reads else request.address
    return rules.spot_words(index.name_of(request.compound_id), address)


def near(lon: float, lat: float, metres: float, *, place_path: Iterable[int] = ()) -> QuerySet[Request]:
    """List the open requests within some metres of a point."""
    dlat = metres / 111_320
    dlon = dlat / max(math.cos(math.radians(lat)), 0.01)
    return Request.objects.select_related("case", "category", "suggested").filter(
        case__closed_at=None, case__place__in=_places_around(lon, lat, dlon, dlat),
        case__lon__range=(lon - dlon, lon + dlon), case__lat__range=(lat - dlat, lat + dlat),
    )


def _places_around(lon: float, lat: float, dlon: float, dlat: float) -> list[int]:
    """The grids the corners of a small square lie in: an index on place keeps the search short."""

    corners = [(lon, lat), *((lon + x * dlon, lat + y * dlat) for x in (-1, 1) for y in (-1, 1))]
    return list({found.place_id for c in corners if (found := index.locate(*c))})


def open_to_all(rows: QuerySet[Request]) -> QuerySet[Request]:
    """Keep the matters of which anybody may know kind, state and about where: accepted, and none that is kept private.

    Complaints, tip-offs, matters about units, and kinds such as noise or asking for help are left out (rights 4.2,
    4.14). What was written in them nobody sees.
    """
    return rows.exclude(kind__in=rules.GUARDED).filter(
        case__private=False, case__about_units=[], category__private=False)


@dataclass(frozen=True)
class Nearby:
    """What a reporter may see of open matters near by; `by_words`: those his words seem to mean, else all."""

    rows: list[dict[str, Any]]
    by_words: bool


def nearby_for_public(lon: float, lat: float, words: str = "") -> Nearby:
    """Say what a reporter may see of open matters within 50 m: category and time, never words, never private kinds.

    Where something was written, what is not like it is left out too.
    """
    found = open_to_all(near(lon, lat, rules.NEARBY_METRES)).annotate(n=Count("case__supporters"))
    given = _said_at(lon, lat, words)
    open_now = [
        r for r in found.order_by("-case__opened_at")[:LOOKED_AT]
        if metres_to(r.case, lon, lat) <= rules.NEARBY_METRES and r.case.fields.get("public") not in rules.ANSWERED
        and (not words.strip() or likeness.alike(given, said_in(r)))
    ]
    return Nearby([_public_row(r, lon, lat) for r in open_now[:5]], bool(words.strip()))


def _public_row(request: Any, lon: float, lat: float) -> dict[str, Any]:
    """Give a matter as anybody may see it; `n`: how many joined."""
    return {
        "code": request.case.code, "category": request.category.name, "category_code": request.category.code,
        "opened_at": request.case.opened_at, "metres": metres_to(request.case, lon, lat),
        "supporters": rules.supporters_words(request.n), "state": request.case.fields.get("public", "received"),
    }


def _said_at(lon: float, lat: float, words: str, kind: Category | None = None) -> likeness.Said:
    """Read words about a point, without the names of the places it lies in."""
    found = index.locate(lon, lat)
    compound = places.nearest_compound(lon, lat, 150)
    return likeness.said(words, kind, places=[
        index.words(found.path) if found else "", compound.name if compound else ""])


def said_in(request: Request, words: str | None = None) -> likeness.Said:
    """Read a request to compare it: its words (or those the reader may have), its kind, not the names of its places."""
    return likeness.said(request.words if words is None else words, request.category or request.suggested, places=[
        index.words(request.case.path), index.name_of(request.compound_id)])


def metres_to(case: Case, lon: float, lat: float) -> int:
    """Measure how far a case that has a point is from another."""
    assert case.lon is not None and case.lat is not None
    return round(places.distance_m(lon, lat, case.lon, case.lat))


def twins(
    standing: Standing, *, lon: float, lat: float, words: str, kind: Category | None = None, phone: str = "", limit: int = 5,
) -> list[Request]:
    """List open requests a clerk should look at before registering another: alike and near by, or of the same caller.

    `kind`: what is meant, where somebody said so.
    """
    allowed = Request.objects.select_related("case__place", "category", "suggested").filter(
        case__in=flow.visible_to(standing).filter(closed_at=None, lon__isnull=False))
    own = list(allowed.filter(phone_index=crypto.blind(phone)).order_by("-case__opened_at")[:limit]) if phone else []
    close = near(lon, lat, 100).filter(case__in=flow.visible_to(standing)).order_by("-case__opened_at")[:LOOKED_AT]
    tokens = chinese.bigrams(words)[:12]
    open_words = allowed if standing.holds("operator") else allowed.exclude(kind__in=rules.GUARDED)
    told = _lately(open_words, lon, lat).filter(tokens__overlap=tokens).order_by("-case__opened_at")[:200]
    given = _said_at(lon, lat, words, kind)
    read = {r: said_in(r, words_for(standing, r)) for r in [*own, *close, *told]}
    found = [r for r, said in read.items() if r in own or likeness.alike(given, said)]
    return sorted(found, key=lambda r: -len(given.tokens & read[r].tokens))[:limit]


def words_for(standing: Standing, request: Request) -> str:
    """Give what may be compared: the original of a complaint only to those who take it in (rights 4.1)."""
    return request.summary if request.is_guarded and not standing.holds("operator") else request.words


def _lately(rows: QuerySet[Request], lon: float, lat: float) -> QuerySet[Request]:
    """Keep the last month of the same community, or three days of everywhere while no place is known."""
    found = index.locate(lon, lat)
    if found is None or len(found.path) < 2:
        return rows.filter(case__opened_at__gte=clock.now() - timedelta(days=3))
    month_ago = clock.now() - timedelta(days=30)
    grids = [node.id for node in index.current().children.get(found.path[-2], []) if node.kind == "grid"]
    return rows.filter(case__place__in=grids, case__opened_at__gte=month_ago)


def of_caller(standing: Standing, phone: str) -> QuerySet[Request]:
    """List a caller's requests, newest first: for the clerk on the line alone (rights 4.3); logged by the door."""
    cases = Case.objects.filter(flow.not_recused(standing))
    return Request.objects.select_related("case__place", "category").filter(
        phone_index=crypto.blind(phone), case__in=cases).order_by("-case__opened_at")


def answers(words: str, limit: int = 4) -> list[Answer]:
    """Find entries of the knowledge base that fit the words, the best first."""
    tokens = chinese.bigrams(words)
    if not tokens:
        return []
    found = Answer.objects.filter(Q(tokens__overlap=tokens), active=True)[:100]
    scored = [(sum(3 for k in a.keywords if k in words) + len(set(tokens) & set(a.tokens)), a) for a in found]
    scored.sort(key=lambda pair: (-pair[0], pair[1].pk))
    least = max(2, scored[0][0] / 2) if scored else 0  # 怎么办 alone is said of everything
    return [a for score, a in scored[:limit] if score >= least]


Reason = tuple[str, str]  # source, words
Veto = Callable[[Case, Category, Iterable[Unit]], set[int]]
vetoes: list[Veto] = []  # of rooms above: which units a matter must not be handed to as lead


class Ranking:
    """Units that might lead, each with why and how much that weighs; a recused one is never among them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.found: dict[int, tuple[Unit, list[Reason], float]] = {}

    def add(self, unit: Unit | None, source: str, words: str, weight: float) -> None:
        if unit is None or set(unit.path) & set(self.case.about_units):
            return
        _unit, reasons, score = self.found.get(unit.pk, (unit, [], 0.0))
        self.found[unit.pk] = (unit, [*reasons, (source, words)], score + weight)

    def best(self, limit: int, category: Category | None = None) -> list[Suggestion]:
        units = [unit for unit, _reasons, _score in self.found.values()]
        out = {u for veto in vetoes for u in veto(self.case, category, units)} if category else set()
        left = [row for pk, row in self.found.items() if pk not in out]
        ranked = sorted(left, key=lambda row: (-row[2], row[0].pk))[:limit]
        total = sum(score for _u, _r, score in ranked) or 1
        return [Suggestion(u.pk, u.name, tuple(r), round(score / total, 2)) for u, r, score in ranked]


def said(answer: Answer) -> str:
    """Write an entry of the knowledge base as it is told: words, source and date."""
    return _("{words}（来源：{source}，{date}）").format(
        words=answer.words, source=answer.source, date=answer.source_date.isoformat())


def suggest_units(case: Case, category: Category | None, limit: int = 3) -> list[Suggestion]:
    """Suggest who should lead, each with its reasons, sources first: the dispatcher decides.

    1. The dispatch catalogue's line for the category. 2. Who finished the same kind at the same place last.
    3. 部件 先属主后属地, 事件 先属地后属主 (常熟): facilities go to their owner first, events to the place.
    """
    ranking = Ranking(case)
    if category is None:
        ranking.add(org.governing("community", case.path), "属地", "未定类别，先派属地社区", 1)
        return ranking.best(limit)
    for line in lines_for(category, case.path):
        ranking.add(line.lead, "派单目录", f"第 {line.number} 项：{line.text}", 3)
    for n, before in enumerate(same_place(case, category)):
        ranking.add(before.unit, before.where, before.words(last=n == 0), 2 if n == 0 else 1)
    _by_rule(case, category, ranking)
    return ranking.best(limit, category)


def suggest_helpers(case: Case, category: Category | None) -> list[Unit]:
    """Suggest who should help: whom the lines of the dispatch catalogue for the category name; never a recused unit."""
    lines = list(lines_for(category, case.path)) if category else []
    named = Unit.objects.filter(pk__in=CatalogueLine.helpers.through.objects.filter(
        catalogueline__in=lines).values("unit"), active_to=None)
    return list(named.exclude(path__overlap=case.about_units).order_by("id")) if lines else []


def _by_rule(case: Case, category: Category, ranking: Ranking) -> None:
    """Add the owner and the community of the place; of an owner nobody can name, say that the place finds out."""
    company, unclear = outside_handler(category, case)
    department = Unit.objects.filter(key=category.owner_key, active_to=None).first() if category.owner_key else None
    owner, place = company or department, org.governing("community", case.path)
    name = owner.short_name if owner else ""
    if category.kind == "event":
        ranking.add(place, "事件先属地", "发生地社区先到现场", 1.5)
        ranking.add(owner, "后属主", f"{category.name}归{name}主管", 1)
    elif unclear:
        ranking.add(place, "属地兜底", unclear, 2)
        ranking.add(department, "主管", f"{category.name}归{name}主管", 1)
    elif category.kind == "part":
        # More than the place can have with what was before (2.5): history does not undo the order of the rule.
        ranking.add(owner, "部件先属主", f"{category.name}归{name}管养", 3)
        ranking.add(place, "后属地", "属主不明时由属地兜底", 0.5)
    else:
        ranking.add(owner, "属主", f"{category.name}由{name}负责", 1.5)
        ranking.add(place, "属地", "居民生活事项由属地社区协调", 1)


def outside_handler(category: Category, case: Case) -> tuple[Unit | None, str]:
    """Find the company that acts first here: the compound's own, else the one of the smallest area that holds the place.

    Where several serve the same area it is none of them, and why: one picked by chance would be wrong more often than
    right. A company without an area serves everywhere.
    """
    if not category.outside_key:
        return None, ""
    units = list(Unit.objects.filter(kind="outside", active_to=None, key__startswith=category.outside_key).order_by("id"))
    compound = case.request.compound if hasattr(case, "request") else None
    if compound and (key := compound.attrs.get(category.outside_key)):
        return next((u for u in units if u.key == key), None), ""
    around = [*case.path, *(compound.path if compound else [])]
    here = [u for u in units if u.place_id is None or u.place_id in around]
    depth = {u.pk: -1 if u.place_id is None else around.index(u.place_id) for u in here}
    nearest = [u for u in here if depth[u.pk] == max(depth.values())]
    if len(nearest) > 1:
        return None, f"这里有 {len(nearest)} 家可能的属主，没有登记是哪一家，由属地先核实"
    return (nearest[0], "") if nearest else (None, "没有登记这里的属主，由属地先核实" if units else "")


def lines_for(category: Category, path: Iterable[int] = ()) -> QuerySet[CatalogueLine]:
    """List the lines of the dispatch catalogue in force for a category, or for the one above it.

    `path`: of the place, where it is known: the catalogue of another district says nothing here.
    """
    today = clock.today()
    lines = CatalogueLine.objects.select_related("lead").filter(
        Q(valid_to=None) | Q(valid_to__gte=today), valid_from__lte=today)
    if here := list(path):
        lines = lines.filter(Q(version=None) | Q(version__place__in=here))
    own = lines.filter(category=category)
    return own if own.exists() else lines.filter(category=category.parent_id)


def before_here(case: Case) -> QuerySet[Case]:
    """List what came before in the grid of a case, within a year and LOOKED_BACK matters: an index knows these."""
    since = clock.now() - timedelta(days=365)
    rows = Case.objects.filter(place_id=case.place_id, opened_at__gte=since).exclude(pk=case.pk)
    return Case.objects.filter(pk__in=rows.order_by("-opened_at").values("pk")[:LOOKED_BACK])


@dataclass(frozen=True)
class Before:
    """Who finished the same kind at the same place: the last time in how many days, and how often within a year."""

    unit: Unit
    where: str
    days: int
    n: int

    def words(self, *, last: bool) -> str:
        if not last:
            return f"一年内办结过 {self.n} 件同类事项"
        more = f"；一年内另办结 {self.n - 1} 件" if self.n > 1 else ""
        return f"上次同类事项由其办结，用了 {self.days} 天{more}"


def same_place(case: Case, category: Category, limit: int = 2) -> list[Before]:
    """Tell who finished the same kind in the same compound, else in the same grid: who did so last stands first.

    Counted until the unit had finished, not until somebody rated it.
    """
    finished = Entry.objects.filter(case=OuterRef("pk"), action="finish", state="done").order_by("-id").values("at")[:1]
    past = list(Case.objects.filter(
        pk__in=before_here(case), request__category=category, closed_at__isnull=False, about_units=[],
        outcome__in=["rate", "called", "unrated", "archive"],
    ).annotate(finished_at=Subquery(finished)).exclude(finished_at=None).order_by("-finished_at").values_list(
        "fields__lead", "request__compound", "opened_at", "finished_at"))
    compound = case.request.compound_id if hasattr(case, "request") else None
    own = [row for row in past if compound and row[1] == compound]
    found: dict[int, tuple[int, int]] = {}
    for lead, _compound, opened_at, finished_at in own or past:
        days, n = found.get(lead, (max((finished_at - opened_at).days, 1), 0))
        found[lead] = days, n + 1
    units = {u.pk: u for u in Unit.objects.filter(pk__in=list(found)[:limit], active_to=None)} if found else {}
    where = "同一小区" if own else "同一网格"
    return [Before(units[lead], where, days, n) for lead, (days, n) in list(found.items())[:limit] if lead in units]


def search(standing: Standing, text: str) -> QuerySet[Case]:
    """Find visible cases by code, last digits of a code, the number another house gave them, or words.

    Nobody searches the originals of complaints, but for the intake desk those that it has yet to read: finding one by
    its words is reading them without a purpose.
    """
    visible = flow.visible_to(standing)
    theirs = visible.filter(request__their_number=text.strip().upper()[:60]) if text.strip() else visible.none()
    if any(c.isdigit() for c in text) and theirs.exists():
        return theirs
    if code := codes.read_code(text):
        return visible.filter(code=code)
    if text.isdecimal() and 4 <= len(text) <= 9:
        return visible.alias(tail=Reverse("code")).filter(tail__startswith=text[::-1])
    tokens = chinese.bigrams(text)
    if not tokens:
        return visible.none()
    of_words = Q(tokens__contains=tokens)
    closed = Q(kind__in=rules.GUARDED)
    if standing.holds("operator"):
        closed &= ~Q(case__stage="receiving")
    of_words &= ~closed
    hits = Request.objects.filter(of_words | Q(tokens__contains=rules.summary_tokens(tokens)))
    return visible.filter(pk__in=hits.values("pk"))


def entries_for(standing: Standing | None, case: Case, *, with_files: bool = True) -> list[Entry]:
    """List what was said and done, oldest first: to the reporter (None) the public part, to staff every act.

    Of an act stand in `values` only the words this reader may have, whatever page or API shows them.
    """
    entries = case.entries.select_related("unit").order_by("id")
    if with_files:
        entries = entries.prefetch_related("attachments__file")
    if standing is None:
        return list(entries.filter(public=True, state="done"))
    found, reads = list(entries), reads_original(standing, case)
    hidden = OF_REPORTER | (OF_RATING if case.closed_at is None and handles(standing, case) else set())
    if not reads:
        hidden |= {"said"}  # as the caller said it
    own = {e.action for e in found if e.unit_id in standing.units}
    for entry in found:
        shown = _words_are_for(entry, standing, reads) or entry.action.rpartition(".")[0] in own
        entry.values = {k: v for k, v in entry.values.items() if k not in hidden} if shown else {}
    return found


OF_REPORTER = {"words", "voice", "phone", "place", "hide_reporter"}
OF_RATING = {"solved", "satisfied", "said"}  # closed to handlers until it is final: rights 4.4
TO_HANDLERS = ("dispatch", "designate", "redispatch", "call_in", "rule", "override")  # what dispatchers write is for handlers


def reads_original(standing: Standing, case: Case) -> bool:
    """Say whether what the reporter wrote is open to a reader: of a complaint as long as the original is (rights 4.1)."""
    return not case.request.is_guarded or access.may_see_originals(standing, case)


def _words_are_for(entry: Entry, standing: Standing, reads: bool) -> bool:
    """Say whether the words of an act are for a reader: an outside handler has text and place, and its own acts."""
    if entry.actor == "reporter" and not reads:
        return False
    if standing.is_outside:
        return entry.unit_id in standing.units or entry.action in TO_HANDLERS
    return True


def warning_of(approval: Task) -> str:
    """Warn whoever is asked to agree to a reply that says nothing of what was done; "" where it does."""
    asked = Entry.objects.filter(pk=(approval.asks or {}).get("entry") or 0).first()
    return defaults.warning(defaults.empty_in(asked.values)) if asked else ""


def handles(standing: Standing, case: Case) -> bool:
    """Say whether a person is of a unit that handles a case or ever did, or of one below it."""
    return bool(roles.handled(case, flow.definition(case.version_id)) & standing.lineage)


def may_change(case: Case) -> bool:
    """Say whether a rating may still be changed: for some days after the archive."""
    return case.closed_at is not None and clock.now() - case.closed_at < timedelta(days=CHANGE_DAYS)


def originals(standing: Standing | None, case: Case) -> QuerySet[Attachment]:
    """List the reporter's own photos and recordings, none where the original is closed to the reader."""
    files = case.attachments.filter(original=True).select_related("file")
    return files if standing is None or access.may_see_originals(standing, case) else files.none()


def rings(case: Case, tasks: Iterable[Task] | None = None) -> tuple[str, datetime | None] | None:
    """Say who must ring the reporter, whose number is kept from those at work, and by when.

    `tasks`: the open ones, where the caller has read them already.
    """
    found = case.tasks.filter(done_at=None).select_related("unit").order_by("pk") if tasks is None else tasks
    return next(((t.unit.short_name, t.due_at) for t in found if t.kind == "duty" and t.unit), None)


TAKES_IN = ("dispatching", "handling", "hard")  # where a matter may take another in: it has been read, not yet answered


def followed(case: Case) -> Case:
    """Give the case in which a merged one goes on (and that one's, and so on), or the case itself."""
    seen = {case.pk}
    while case.stage == "merged":
        found = Case.objects.filter(code=case.fields.get("same_case", "")).exclude(pk__in=seen).first()
        if found is None:
            break
        seen.add(found.pk)
        case = found
    return case


def merged_into(case: Case) -> QuerySet[Request]:
    """List the requests that are handled together with a case, in the order they came."""
    return Request.objects.filter(case__merge__into=case).select_related("case", "category").order_by(
        "case__merge__merged_at", "pk")


def whole(request: Request) -> Request:
    """Give the request a part was split from, whose code and link its reporter has; or the request itself."""
    if request.case.parent_id is None:
        return request
    return Request.objects.select_related("case").filter(pk=request.case.parent_id).first() or request


def parts(case: Case) -> QuerySet[Request]:
    """List what was split from a case, in order."""
    return Request.objects.filter(case__parent=case).select_related("case", "category").order_by("pk")


def public_state(case: Case) -> str:
    """Give the state a reporter sees, one of six; of a merged matter, that of the one it goes on in."""
    other = followed(case)
    return follower_state(other) if other.pk != case.pk else str(case.fields.get("public", "received"))


def follower_state(case: Case) -> str:
    """Give the state somebody sees who follows another's matter, and is not the one who is asked to rate it."""
    state = str(case.fields.get("public", "received"))
    return "done" if state == "to_rate" else state


def precedents(standing: Standing, category: Category, limit: int = 5) -> QuerySet[Entry]:
    """List rulings on who is responsible for a category, the newest first, as far as the person may see their cases."""
    rulings = Entry.objects.filter(
        action__in=["rule", "appeal.agree", "appeal.refuse"], case__request__category=category)
    return rulings.filter(case__in=flow.visible_to(standing)).select_related("case", "unit").order_by("-id")[:limit]


@dataclass(frozen=True)
class Slip:
    """What a person without a phone takes home: code, who has it, by when and by which rule."""

    code: str
    title: str
    where: str
    holder: str
    opened_at: datetime
    due_at: datetime | None
    rule: str
    state: str


def slip(case: Case) -> Slip:
    """Say of a case what its paper slip says; never the link, which only the reporter may hold (rights 4.4)."""
    desks = case.tasks.filter(done_at=None, kind="work", unit__isnull=False).order_by("pk").select_related("unit")
    holders = list(dict.fromkeys(t.unit.name for t in desks if t.unit))[:2]
    request = case.request
    return Slip(
        case.code, case.title, whereabouts(request, reads=True), "、".join(holders), case.opened_at, case.due_at,
        rules.time_limit(case.standard, case.standard_source), str(rules.PUBLIC_STATES[case.fields.get("public", "received")]),
    )
