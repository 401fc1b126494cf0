"""Every write of the lists: a version is prepared, its lines come from a sheet, it is put in force from a day on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.base import chinese, clock
from gongzhi.base.errors import Faults, Refused
from gongzhi.duties import queries, rules
from gongzhi.log import actions as log
from gongzhi.places.models import Place
from gongzhi.requests.models import CatalogueLine, Category, ListVersion


@dataclass(frozen=True)
class NewLine:
    """A line to be added to a version that is being prepared. `categories`: codes; a line of the catalogue has one."""

    number: str
    text: str
    categories: tuple[str, ...] = ()
    lead_id: int | None = None
    helpers: tuple[int, ...] = ()
    part: str = ""
    task: str = ""
    keywords: tuple[str, ...] = ()
    basis: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def prepare(name: str, *, title: str, place: Place, source: str = "", source_date: date | None = None,
            by: int | None) -> ListVersion:
    """Begin a new version of a list; raise Faults by field."""
    version = queries.VERSIONS[name](place=place, made_by_id=by)
    _write(version, title, place, source, source_date)
    _log("prepare", name, version, by)
    return version


@transaction.atomic
def describe(name: str, version: ListVersion, *, title: str, place: Place, source: str, source_date: date | None,
             by: int | None) -> ListVersion:
    """Say anew what a version is that has not been in force; raise Faults by field."""
    _write(_held(name, version), title, place, source, source_date)
    _log("describe", name, version, by)
    return version


def _write(version: ListVersion, title: str, place: Place, source: str, source_date: date | None) -> None:
    title, source = (words.replace("\x00", "").strip() for words in (title, source))
    faults = {}
    if not title or len(title) > 80:
        faults["title"] = _("请写版本的名称或编号，最多 {n} 个字。").format(n=80)
    if len(source) > 160:
        faults["source"] = _("{title}最多 {n} 个字，现在是 {m} 个字。").format(title=_("依据的文件"), n=160, m=len(source))
    if source_date and source_date > clock.today():
        faults["source_date"] = _("文件的日期不能晚于今天。")
    if place.kind not in ("city", "district", "street"):
        faults["place"] = _("请选这一版管到哪里：区、市或街道。")
    if faults:
        raise Faults(faults)
    version.name, version.place, version.source, version.source_date = title, place, source, source_date
    version.save()


def _held(name: str, version: ListVersion) -> ListVersion:
    """Lock a version that is being prepared; refuse one that has been in force."""
    found = queries.every(name).select_for_update().get(pk=version.pk)
    if found.valid_from is not None:
        raise Refused(_("施行过的版本不能再改，请另做一版。"))
    version.valid_from, version.valid_to = found.valid_from, found.valid_to
    return version


@transaction.atomic
def add_lines(name: str, version: ListVersion, some: Sequence[NewLine], *, by: int | None) -> int:
    """Add lines to a version that is being prepared; return how many."""
    _held(name, version)
    if name == "catalogue":
        _add_catalogue(version, some)
    else:
        model = queries.LINES[name]
        model._default_manager.bulk_create([_line(name, version, line) for line in some])
    _log("lines", name, version, by, n=len(some))
    return len(some)


def _line(name: str, version: ListVersion, line: NewLine) -> Any:
    more = {"part": line.part, "task": line.task} if name in rules.PARTS else {}
    return queries.LINES[name](
        version=version, number=line.number, text=line.text, categories=list(line.categories), basis=line.basis,
        keywords=list(line.keywords), lead_id=line.lead_id, helper_ids=list(line.helpers),
        tokens=chinese.bigrams(f"{line.text} {' '.join(line.keywords)} {line.task}"), **more)


def _add_catalogue(version: ListVersion, some: Sequence[NewLine]) -> None:
    categories = {c.code: c for c in Category.objects.filter(code__in={line.categories[0] for line in some})}
    made = CatalogueLine.objects.bulk_create([
        CatalogueLine(
            version_id=version.pk, number=line.number, category=categories[line.categories[0]], lead_id=line.lead_id or 0,
            text=line.text, keywords=list(line.keywords), source=line.basis, valid_from=version.valid_from,
            valid_to=version.valid_to,
            tokens=chinese.bigrams(f"{categories[line.categories[0]].name} {line.text} {' '.join(line.keywords)}"))
        for line in some])
    through = CatalogueLine.helpers.through
    through.objects.bulk_create([
        through(catalogueline_id=row.pk, unit_id=unit) for row, line in zip(made, some, strict=True) for unit in line.helpers])


@transaction.atomic
def drop(name: str, version: ListVersion, *, by: int | None) -> None:
    """Throw away a version that was never in force, with its lines."""
    _held(name, version)
    _log("drop", name, version, by)
    queries.every(name).filter(pk=version.pk).delete()


@transaction.atomic
def put_in_force(name: str, version: ListVersion, *, from_date: date | None, by: int | None) -> ListVersion:
    """Put a version in force from a day on; the one before it ends the day before. Raise Refused with the field.

    The first list of a place may be entered after its day; what replaces another counts from today on at the earliest,
    for what was dispatched meanwhile was dispatched under the other.
    """
    Place.objects.select_for_update().get(pk=version.place_id)
    _held(name, version)
    if from_date is None:
        raise Refused(_("请选择日期。"), "from_date")
    if not version.source or not version.source_date:
        raise Refused(_("先写明依据的文件和日期，再施行。"), "source")
    if not queries.lines(name, version).exists():
        raise Refused(_("这一版还没有条目，先导入再施行。"))
    earlier = _standing(name, version, "in_force")
    if earlier and from_date < clock.today():
        raise Refused(_("替换施行中的版本，最早从今天起。"), "from_date")
    if coming := _standing(name, version, "coming"):
        raise Refused(_("{name}定于 {day} 施行，先停用它，再施行别的。").format(
            name=coming[0].name, day=coming[0].valid_from.isoformat()), "from_date")
    for other in earlier:
        _keep_days(name, other, other.valid_from, rules.last_before(from_date))
    _keep_days(name, version, from_date, None)
    if name == "catalogue":  # what came before versions were kept
        queries.unversioned().update(valid_to=rules.last_before(from_date))
    _log("in_force", name, version, by, from_date=from_date.isoformat())
    return version


def _standing(name: str, version: ListVersion, state: str) -> list[Any]:
    """List the versions for the place of one that stand in a state today."""
    found = queries.every(name).filter(place=version.place_id, valid_from__isnull=False)
    return [v for v in found if rules.state(v.valid_from, v.valid_to, clock.today()) == state]


@transaction.atomic
def end(name: str, version: ListVersion, *, by: int | None) -> ListVersion:
    """Take a version out of force from today on: nothing is refused by it any more, its lines stay readable.

    One whose day has not come is called off: it is being prepared again, and what it would have ended goes on.
    """
    found: ListVersion = queries.every(name).select_for_update().get(pk=version.pk)
    state = rules.state(found.valid_from, found.valid_to, clock.today())
    if state == "in_force":
        _keep_days(name, found, found.valid_from, rules.last_before(clock.today()))
    elif state == "coming" and found.valid_from:
        until = rules.last_before(found.valid_from)
        for other in queries.every(name).filter(place=found.place_id, valid_to=until):
            _keep_days(name, other, other.valid_from, None)
        if name == "catalogue":
            CatalogueLine.objects.filter(version=None, valid_to=until).update(valid_to=None)
        _keep_days(name, found, None, None)
    else:
        raise Refused(_("这一版没有在施行。"))
    _log("end", name, found, by)
    return found


def _keep_days(name: str, version: Any, first: date | None, last: date | None) -> None:
    version.valid_from, version.valid_to = first, last
    version.save(update_fields=["valid_from", "valid_to"])
    queries.forget()
    transaction.on_commit(queries.forget)
    if name == "catalogue":
        CatalogueLine.objects.filter(version=version.pk).update(valid_from=first, valid_to=last)


def _log(verb: str, name: str, version: ListVersion, by: int | None, **data: Any) -> None:
    log.append(f"duties.{verb}", actor=log.actor(by), subject=(f"list.{name}", version.pk),
               data={"place": version.place_id, **data})


@transaction.atomic
def note_export(month: date, n: int, *, by: int | None) -> None:
    """Write down who took a month's report out of the house."""
    log.append("duties.export", actor=log.actor(by), subject=("list.departures", None),
               data={"month": month.isoformat(), "n": n})
