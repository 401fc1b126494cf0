"""拆单: several matters in one message. Each part is handled, answered and rated by itself; its reporter has one link."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from gongzhi.base import chinese, clock, codes
from gongzhi.base.errors import Refused
from gongzhi.flow import actions as flow
from gongzhi.flow import roles
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case, Entry
from gongzhi.flow.registry import FormField, Values, cleaner, condition, form_field, keeps
from gongzhi.log import actions as log
from gongzhi.org.models import Unit
from gongzhi.places.models import Place
from gongzhi.requests import rules
from gongzhi.requests.models import Category, Request

MOST = 6  # parts of one message (default, no source)
NAMES = ("summary", "category", "lead", "place")
KEPT_FIELDS = ("hide_reporter", "risen")  # what a part takes over from the whole

form_field("parts", _("拆成几件"), "parts", max_length=500, help=_("每件各派一个单位；不用的空着"))


def read(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Read the rows of a form: part-1-summary, part-1-category …; those without words and unit are left out."""
    rows = [{name: str(data.get(f"part-{n}-{name}", "")).strip() for name in NAMES} for n in range(1, MOST + 1)]
    while rows and not (rows[-1]["summary"] or rows[-1]["lead"]):
        rows.pop()
    return rows


def first(case: Case) -> list[dict[str, str]]:
    """Fill the form that nobody has typed in yet: the first part is what the case is now."""
    category = case.request.category
    return [{"summary": case.request.summary or ("" if case.request.is_guarded else case.title),
             "category": category.code if category else "", "lead": "", "place": ""}]


@cleaner("parts")
def _parts(spec: FormField, raw: Any, case: Case) -> list[dict[str, Any]]:
    """Check every part; say of the first that is wrong which it is and what is missing."""
    rows = [row for row in raw if isinstance(row, Mapping) and any(row.get(n) for n in ("summary", "lead"))] \
        if isinstance(raw, list | tuple) else []
    if not 2 <= len(rows) <= MOST:
        raise ValueError(str(_("至少写两件，最多 {n} 件。")).format(n=MOST))
    return [_part(spec, row, n, case) for n, row in enumerate(rows, start=1)]


def _part(spec: FormField, row: Mapping[str, Any], n: int, case: Case) -> dict[str, Any]:
    summary = str(row.get("summary", "")).replace("\x00", "").strip()
    category = Category.objects.filter(code=str(row.get("category", "")), active=True).exclude(limit="").first()
    lead, place = str(row.get("lead", "")), str(row.get("place", "") or "")
    unit = Unit.objects.filter(pk=int(lead), active_to=None).first() if lead.isdecimal() and len(lead) < 19 else None
    for wrong, sentence in (
        (not summary, _("第 {n} 件没有写摘要。")), (len(summary) > spec.max_length, _("第 {n} 件的摘要最多 500 个字。")),
        (category is None, _("第 {n} 件没有选类别。")), (unit is None, _("第 {n} 件没有选主办单位。")),
        (place and place not in {value for value, _name in places(case)}, _("第 {n} 件的地点不在这个街道。")),
    ):
        if wrong:
            raise ValueError(str(sentence).format(n=n))
    assert category and unit
    return {"summary": summary, "category": category.code, "lead": unit.pk, "place": int(place) if place else None}


def places(case: Case) -> list[tuple[str, str]]:
    """List the grids a part may lie in instead: those of the street of the whole."""
    street = Place.objects.filter(pk__in=case.path, kind="street").first()
    if street is None:
        return []
    rows = Place.objects.filter(path__contains=[street.pk], kind="grid", valid_to=None).exclude(lon=None)
    return [(str(p.pk), p.name) for p in rows.order_by("code", "id")]


@condition()
def parts_may_go_there(case: Case, by: Actor, form: Mapping[str, Any]) -> Refused | None:
    """Split what is whole, into parts for units that are not complained of and have somebody."""
    if case.parent_id or case.children.exists() or case.merges.exists():
        return Refused(str(_("拆出来的、已经拆过的、并入了别的事项的，都不能再拆。")), "parts")
    for n, part in enumerate(form.get("parts", []), start=1):
        unit = Unit.objects.get(pk=part["lead"])
        if roles.is_recused(unit, case):
            return Refused(str(_("第 {n} 件：不能派给被投诉的单位或它的下级。")).format(n=n), "parts")
        if not roles.somebody_may(unit.pk, "", case):
            return Refused(str(_("第 {n} 件：{unit}现在没有人在岗，派过去没有人办。")).format(n=n, unit=unit.name), "parts")
    return None


@keeps("request.split")
def _split(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Let the case be the first part, and open one case for each of the others, dispatched in the same moment."""
    head, *others = values["parts"]
    made = [_open(case, part, by, n) for n, part in enumerate(others, start=2)]
    _become(case, head)
    case.fields = {**case.fields, "lead": head["lead"], "helpers": [], "section": None, "inner_due": None, "part": 1}
    return {"lead": head["lead"], "category": head["category"], "n": len(made) + 1, "parts": [one.pk for one in made]}


def _become(case: Case, part: Mapping[str, Any]) -> None:
    """Narrow the case to its first part; what was promised its reporter stays known."""
    request, category = case.request, Category.objects.get(code=part["category"])
    request.category = category
    _word(case, request, part["summary"])
    request.save(update_fields=["category", "summary", "tokens"])
    case.urgent = category.urgent
    if part["place"]:
        where = Place.objects.get(pk=part["place"])
        case.lon, case.lat, case.place_id, case.path = where.lon, where.lat, where.pk, list(where.path)
    flow.set_standard(case, category.limit, category.limit_source, may_lengthen=False)


def _word(case: Case, request: Request, summary: str) -> None:
    own = [t for t in request.tokens if not t.startswith(rules.OF_SUMMARY)]
    request.summary, request.tokens = summary, own + rules.summary_tokens(chinese.bigrams(summary))
    case.title = rules.title(summary)


def _open(whole: Case, part: Mapping[str, Any], by: Actor, n: int) -> Case:
    """Open a part of a case: the reporter's original stays with it, shut where it was shut (rights 4.1)."""
    category, of = Category.objects.get(code=part["category"]), whole.request
    place = Place.objects.get(pk=part["place"] or whole.place_id)
    kept = {name: whole.fields[name] for name in KEPT_FIELDS if name in whole.fields}
    case = flow.open_case(
        "request", by=by, title=rules.title(part["summary"]), place=place, lon=place.lon if part["place"] else whole.lon,
        lat=place.lat if part["place"] else whole.lat, level=whole.level, origin=whole.origin, standard=category.limit,
        standard_source=category.limit_source, parent=whole, stage="dispatching", about_units=list(whole.about_units),
        urgent=category.urgent, fields={**kept, "part": n},
        said={"channel": of.channel, "kind": of.kind, "category": category.code, "callable": bool(of.phone),
              "about_units": whole.about_units, "hide_reporter": bool(kept.get("hide_reporter")), "parent": whole.pk})
    request = Request(
        case=case, kind=of.kind, channel=of.channel, words=of.words, address="" if part["place"] else of.address,
        compound=None if part["place"] else of.compound, category=category, secret=codes.new_secret(), phone=of.phone,
        caller_name=of.caller_name, on_behalf_of=of.on_behalf_of, tokens=of.tokens, reported_at=of.reported_at)
    _word(case, request, part["summary"])  # neither number nor last digits find it: its reporter has one code
    request.save(force_insert=True)
    Attachment.objects.bulk_create([
        Attachment(case=case, file_id=a.file_id, kind=a.kind, name=a.name, original=True, added_at=clock.now())
        for a in whole.attachments.filter(original=True)])
    flow.act(case.pk, "dispatch", by=by, form={"lead": part["lead"]})
    log.append("request.part", actor=by.line, subject=("case", whole.pk), places=whole.path, data={"case": case.pk})
    return case


def of_part(case: Case) -> str:
    """Say which part of how many a case is: 第 2 件，共 3 件; "" where it is whole."""
    root = case.parent or case
    n = root.children.count() + 1
    number = int(case.fields.get("part") or 0)
    return str(_("第 {n} 件，共 {all} 件")).format(n=number, all=n) if n > 1 and number else ""

