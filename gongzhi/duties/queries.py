"""Reading the four lists: which version is in force where, what it says of a matter, what was departed from."""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _

from gongzhi.base import clock
from gongzhi.duties import rules
from gongzhi.duties.models import (
    CommunityLine,
    CommunityVersion,
    Departure,
    Ground,
    PowersLine,
    PowersVersion,
    StreetLine,
    StreetVersion,
)
from gongzhi.duties.rules import Quoted, Verdict
from gongzhi.flow import queries as flow
from gongzhi.flow.models import Case, Task
from gongzhi.org.models import Unit
from gongzhi.org.rules import Standing
from gongzhi.requests import defaults
from gongzhi.requests import queries as requests
from gongzhi.requests.models import CatalogueLine, CatalogueVersion, Category, ListVersion

VERSIONS: dict[str, type[ListVersion]] = {
    "catalogue": CatalogueVersion, "powers": PowersVersion, "street": StreetVersion, "community": CommunityVersion}
LINES: dict[str, type[Any]] = {
    "catalogue": CatalogueLine, "powers": PowersLine, "street": StreetLine, "community": CommunityLine}

_KEPT_FOR = 5.0  # seconds
_kept: dict[tuple[str, date], tuple[float, list[Any] | None]] = {}
BOUND = ("section", "grid", *rules.BODIES)  # kinds of unit that may be a street's or a community's

# Versions -------------------------------------------------------------------------------------------------------------


def every(name: str) -> QuerySet[Any]:
    """List all versions of a list; each list has a model of its own."""
    rows: QuerySet[Any] = VERSIONS[name]._default_manager.all()
    return rows


def in_force(name: str, day: date | None = None) -> QuerySet[Any]:
    """List the versions of a list that are in force on a day (today), of whatever place."""
    day = day or clock.today()
    return every(name).filter(Q(valid_to=None) | Q(valid_to__gte=day), valid_from__lte=day)


def today(name: str) -> list[Any]:
    """Give the versions of a list in force today, up to some seconds old: every dispatch and every queue asks."""
    day = clock.today()
    at, found = _kept.get((name, day), (0.0, None))
    if found is None or time.monotonic() - at > _KEPT_FOR:
        found = list(in_force(name, day).select_related("place"))
        _kept[name, day] = time.monotonic(), found
    return found


def forget() -> None:
    """Look anew which versions are in force (after that changed, and between tests)."""
    _kept.clear()


def any_in_force() -> bool:
    """Say whether there is a list by which anything may be refused."""
    return any(today(name) for name in rules.BODIES)


def version_for(name: str, path: Sequence[int]) -> ListVersion | None:
    """Find the version in force for a place: its own, else that of the smallest area around it that has one."""
    around = list(path)
    return max((v for v in today(name) if v.place_id in around),
               key=lambda v: (around.index(v.place_id), v.valid_from), default=None)


def versions(name: str) -> QuerySet[Any]:
    """List all versions of a list with `n_lines`, what is being prepared first, then the newest."""
    rows: QuerySet[Any] = every(name).select_related("place", "made_by").annotate(n_lines=Count("lines"))
    return rows.order_by(F("valid_from").desc(nulls_first=True), "-pk")


def draft(name: str) -> ListVersion | None:
    """Find the version of a list that is being prepared, the newest where there are several."""
    found: ListVersion | None = every(name).filter(valid_from=None).order_by("-pk").first()
    return found


def lines(name: str, version: ListVersion) -> QuerySet[Any]:
    """List the lines of a version in their order."""
    return _lines(name).filter(version=version).order_by("pk")


def _lines(name: str) -> QuerySet[Any]:
    related = ("version", "lead", "category") if name == "catalogue" else ("version", "lead")
    rows: QuerySet[Any] = LINES[name]._default_manager.select_related(*related)
    return rows


def line(name: str, line_id: int) -> Any | None:
    """Find a line of any version, in force or not."""
    return _lines(name).filter(pk=line_id).first()


def codes_of(name: str, one: Any) -> list[str]:
    """Give the categories a line speaks of, by code."""
    return [one.category.code] if name == "catalogue" else list(one.categories)


def helper_ids(name: str, some: Sequence[Any]) -> dict[int, list[int]]:
    """Give the helpers of lines: {line: [unit]}."""
    if name != "catalogue":
        return {one.pk: list(one.helper_ids) for one in some}
    found: dict[int, list[int]] = {one.pk: [] for one in some}
    through = CatalogueLine.helpers.through.objects.filter(catalogueline__in=list(found)).order_by("pk")
    for line_id, unit_id in through.values_list("catalogueline_id", "unit_id"):
        found[line_id].append(unit_id)
    return found


def quote(name: str, some: Sequence[Any]) -> list[Quoted]:
    """Quote lines of one list, whatever version they are of."""
    helpers, day = helper_ids(name, some), clock.today()
    wanted = {unit for ids in helpers.values() for unit in ids}
    names = dict(Unit.objects.filter(pk__in=wanted).values_list("pk", "short_name")) if wanted else {}
    return [_quoted(name, one, [names[u] for u in helpers[one.pk] if u in names], day) for one in some]


def _quoted(name: str, one: Any, helpers: list[str], day: date) -> Quoted:
    version = one.version
    first, last = (version.valid_from, version.valid_to) if version else (one.valid_from, one.valid_to)
    document = document_of(version) if version else ""
    return Quoted(
        of_list=name, version=version.name if version else "", document=document, number=one.number, text=one.text,
        part=getattr(one, "part", ""), lead=one.lead.short_name if one.lead else "", helpers=tuple(helpers),
        task=getattr(one, "task", ""), basis=one.source if name == "catalogue" else one.basis, line_id=one.pk,
        in_force=rules.state(first, last, day) == "in_force",
    )


def document_of(version: ListVersion) -> str:
    """Say by which document a version stands."""
    return "，".join(filter(None, [version.source, version.source_date.isoformat() if version.source_date else ""]))


def described(name: str, some: Sequence[Any]) -> dict[str, dict[str, str]]:
    """Put lines in words to compare two versions: {number: {title of a field: words}}, the words of the line first."""
    names = categories_in({code for one in some for code in codes_of(name, one)})
    found: dict[str, dict[str, str]] = {}
    for one, quoted in zip(some, quote(name, some), strict=True):
        part = rules.PARTS.get(name, {}).get(quoted.part, "")
        codes = "、".join(names.get(code, code) for code in codes_of(name, one))
        words = {_("事项"): quoted.text, _("分类"): str(part), _("类别"): codes, _("主办单位"): quoted.lead,
                 _("协办单位"): "、".join(quoted.helpers), _("本单位做什么"): quoted.task, _("依据"): quoted.basis,
                 _("关键词"): "、".join(one.keywords)}
        number = quoted.number
        if number in found:  # a catalogue has a line for each category of one number
            number = f"{number} · {codes}"
        found[number] = {title: said for title, said in words.items() if said}
    return found


def categories_in(codes: Iterable[str]) -> dict[str, str]:
    """Give the names of categories by code."""
    return dict(Category.objects.filter(code__in=set(codes)).values_list("code", "name"))


# What a list says of a matter -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What one list says of a category in a place: which version is in force, and its lines about it, perhaps none."""

    of_list: str
    version: ListVersion
    lines: list[Any] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Say whether the list shuts it out of its body."""
        return self.of_list in rules.CLOSED and rules.closed([one.part for one in self.lines], self.of_list)

    @property
    def quoted(self) -> list[Quoted]:
        return quote(self.of_list, self.lines)


class Lists:
    """The lists in force today and what they say of some categories, read once for however many units are asked about."""

    def __init__(self, categories: Collection[Category], names: Iterable[str] = rules.BODIES) -> None:
        self.codes = {c.pk: [c.code, *([c.parent.code] if c.parent else [])] for c in categories}
        self.versions = {name: today(name) for name in names} if categories else {}
        wanted = sorted({code for codes in self.codes.values() for code in codes})
        self.lines: dict[tuple[str, int], list[Any]] = {}
        for name, some in self.versions.items():
            found = _lines(name).filter(version__in=[v.pk for v in some], categories__overlap=wanted) if some else []
            for one in sorted(found, key=lambda one: one.pk):
                self.lines.setdefault((name, one.version_id), []).append(one)

    def said(self, name: str, path: Sequence[int], category: Category) -> Said | None:
        """Say what a list has about a category in a place; None where none is in force there.

        Lines that name the category itself speak of it; where there are none, those of the heading it stands under.
        """
        version = version_for(name, path) if name in self.versions else None
        if version is None:
            return None
        codes = self.codes[category.pk]
        found = [one for one in self.lines.get((name, version.pk), []) if set(codes) & set(one.categories)]
        own = [one for one in found if codes[0] in one.categories]
        return Said(name, version, own or found)


def said(name: str, path: Sequence[int], category: Category) -> Said | None:
    """Say what a list has about a category in a place; None where none is in force there."""
    return Lists([category], [name]).said(name, path, category)


def catalogue_lines(category: Category, path: Iterable[int]) -> list[Any]:
    """List the lines of the dispatch catalogue in force for a category."""
    return list(requests.lines_for(category, path).select_related("lead", "version", "category"))


def unversioned() -> QuerySet[CatalogueLine]:
    """List the lines of a dispatch catalogue that came before versions were kept, those in force today."""
    day = clock.today()
    return CatalogueLine.objects.filter(Q(valid_to=None) | Q(valid_to__gte=day), version=None, valid_from__lte=day)


# Whom a matter must not be handed to ----------------------------------------------------------------------------------


class Bodies:
    """Streets and communities as the lists know them."""

    def __init__(self, lists: Lists, units: Sequence[Unit]) -> None:
        self.lists = lists
        ids = {above for unit in units for above in unit.path} - {u.pk for u in units}
        rows = Unit.objects.filter(pk__in=ids, kind__in=rules.BODIES).select_related("place") if ids else []
        self.known: dict[int, Unit] = {u.pk: u for u in [*rows, *units]}

    def of(self, unit: Unit, kind: str) -> Unit | None:
        """Find the street or the community a unit is, or belongs to."""
        above = (self.known.get(pk) for pk in reversed(unit.path))
        return next((u for u in above if u and u.kind == kind), None)

    def said(self, unit: Unit, kind: str, category: Category) -> Said | None:
        """Say what the list of the street or community of a unit has about a category."""
        body = self.of(unit, kind)
        return self.lists.said(kind, body.place.path, category) if body and body.place else None

    def verdict(self, unit: Unit, category: Category, *, leads: bool) -> Verdict | None:
        """Say why a list keeps a category from a unit; None where none does.

        What the street gave up binds all below it. Whether the matter is on a list at all is asked of the list of the
        lowest body the unit belongs to that has one in force.
        """
        of_street, of_community = (self.said(unit, kind, category) for kind in rules.BODIES)
        for shut in (of_community, of_street):
            if shut and shut.closed:
                return _because("closed", shut, unit, category)
        own = of_community or of_street
        if own is None:
            return None
        if not own.lines:
            return _because("absent", own, unit, category) if must(f"off_{own.of_list}_list") else None
        only_helps = own.of_list == "community" and all(one.part == "assisting" for one in own.lines)
        if leads and only_helps and must("assisting_community_helps"):
            return _because("helps", own, unit, category)
        return None


def _because(kind: str, own: Said, unit: Unit, category: Category) -> Verdict:
    quoted = quote(own.of_list, own.lines[:1])
    return Verdict(kind, own.of_list, own.version.name, document_of(own.version), unit.short_name, category.name,
                   quoted[0] if quoted else None)


def must(name: str) -> bool:
    """Say whether a rule of the lists is held here (a default the city may change)."""
    return defaults.yes(name)


def verdicts(category: Category | None, units: Iterable[Unit], *, leads: bool = False) -> dict[int, Verdict]:
    """Say of units why a list keeps a category from them; who is not named may be handed it."""
    if category is None or not any_in_force():
        return {}
    some = [u for u in units if u.kind in BOUND]
    bodies = Bodies(Lists([category]), some)
    found = {unit.pk: bodies.verdict(unit, category, leads=leads) for unit in some}
    return {pk: verdict for pk, verdict in found.items() if verdict}


def refusable(tasks: Iterable[Task]) -> set[int]:
    """Choose, of tasks of several cases, those whose unit's list plainly does not have the matter."""
    if not any_in_force():
        return set()
    some = [t for t in tasks if t.kind == "work" and t.unit and t.unit.kind in BOUND and t.case.request.category]
    lists = Lists({t.case.request.category for t in some if t.case.request.category})
    bodies = Bodies(lists, [t.unit for t in some if t.unit])
    return {t.pk for t in some if t.unit and t.case.request.category and bodies.verdict(
        t.unit, t.case.request.category, leads=t.role == "lead")}


def local(case: Case) -> list[Unit]:
    """List the streets and communities of the place of a case, to ask whether a list stands in the way there."""
    rows = Unit.objects.filter(kind__in=rules.BODIES, place_id__in=case.path, active_to=None)
    return list(rows.select_related("place"))


@dataclass(frozen=True)
class Told:
    """What a list says to whoever hands a matter on: its lines, or that there are none, and whom it must not go to."""

    title: str
    quoted: list[Quoted]
    none: str = ""
    stop: str = ""


def told(case: Case, category: Category) -> list[Told]:
    """Say of each list what it has about a case; a list that is in force nowhere here says nothing."""
    lines = catalogue_lines(category, case.path)
    found = [Told(str(rules.LISTS["catalogue"]), quote("catalogue", lines),
                  "" if lines else _("派单目录里没有“{category}”，由您判断派给谁。").format(category=category.name))]
    lists, here = Lists([category], ("powers", *rules.BODIES)), local(case)
    bodies = Bodies(lists, here)
    for name in ("powers", *rules.BODIES):
        own = lists.said(name, case.path, category)
        if own is None:
            continue
        body = next((u for u in here if u.kind == name), None)
        verdict = bodies.verdict(body, category, leads=True) if body else None
        none = "" if own.lines else _("《{list}》{version}里没有“{category}”。").format(
            list=rules.LISTS[name], version=own.version.name, category=category.name)
        found.append(Told(str(rules.LISTS[name]), own.quoted, none, _stop(name, verdict)))
    return found


def _stop(name: str, verdict: Verdict | None) -> str:
    """Say in a word whom a list stops it from going to."""
    if verdict is None:
        return ""
    if verdict.kind == "helps":
        return _("社区只协办")
    return _("不派给街道") if name == "street" else _("不派给社区")


# What a matter was handed on by ---------------------------------------------------------------------------------------


def grounds(case: Case) -> list[tuple[Any, list[Quoted]]]:
    """List by which lines a case was handed on, the last time first: (act, lines as they stood)."""
    rows = list(Ground.objects.filter(case=case).select_related("entry__unit").order_by("-entry_id", "pk"))
    quoted: dict[int, list[Quoted]] = {}
    entries = {row.entry_id: row.entry for row in rows}
    for name in rules.LISTS:
        of = {getattr(row, f"{name}_id"): row for row in rows if getattr(row, f"{name}_id")}
        some = list(_lines(name).filter(pk__in=of)) if of else []
        words = {one.line_id: one for one in quote(name, some)}
        for row in rows:
            if (pk := getattr(row, f"{name}_id")) in words:
                quoted.setdefault(row.entry_id, []).append(words[pk])
    return [(entries[pk], quoted[pk]) for pk in entries if pk in quoted]


# Departures -----------------------------------------------------------------------------------------------------------


def departures(standing: Standing, **narrowed: Any) -> QuerySet[Departure]:
    """List what went past the lists, of the cases a person may see: those about his own units are not among them."""
    rows = Departure.objects.filter(case__in=flow.visible_to(standing), **narrowed)
    return rows.select_related("case", "unit", "sender", "entry").order_by("-at", "-pk")


def months(standing: Standing, limit: int = 12) -> list[date]:
    """List the months of which there is something to report, the newest first."""
    found = departures(standing).order_by().values_list("month", flat=True).distinct()
    return sorted(found, reverse=True)[:limit]


@dataclass(frozen=True)
class Tally:
    """How often something went past a list in a month: to or by which unit, from which sender."""

    unit_id: int
    unit: str
    sender_id: int | None
    sender: str
    kind: str
    n: int


def tally(standing: Standing, month: date) -> list[Tally]:
    """Count the departures of a month by kind, sender and unit, the most first."""
    rows = departures(standing, month=month).order_by().values(
        "kind", "unit_id", "unit__short_name", "sender_id", "sender__short_name").annotate(n=Count("pk"))
    found = [Tally(r["unit_id"], r["unit__short_name"], r["sender_id"], r["sender__short_name"] or "", r["kind"], r["n"])
             for r in rows]
    return sorted(found, key=lambda t: (t.kind, -t.n, t.unit, t.sender))
