"""What the lists add to processes: who must not be handed a matter, how a leader departs from that, how it is given back."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.duties import queries, rules
from gongzhi.duties.models import Departure, Ground
from gongzhi.duties.rules import Verdict
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case, Entry, Task
from gongzhi.flow.registry import Values, condition, fills, form_field, keeps
from gongzhi.org.models import Unit
from gongzhi.requests import defaults
from gongzhi.requests import queries as requests
from gongzhi.requests.defaults import YES, Known
from gongzhi.requests.models import Category

FLAG = "off_list"  # of the file: a leader sent it past a list

form_field("off_list", _("拒单理由"), "text", max_length=1000, help=_("已按清单写好，可以补充；提交后直接退回派单的人"))

defaults.KNOWN.update({
    "off_community_list": Known(
        _("清单以外的事项不派给社区"), "yes", YES, _("《北京市接诉即办工作条例》第十七条；有社区工作事项清单施行的地方才起作用"),
        help=_("选“否”只提示、不拦；列在负面清单的一律不派")),
    "assisting_community_helps": Known(
        _("社区协助的事项，社区不作主办"), "yes", YES, _("《北京市接诉即办工作条例》第十七条"),
        help=_("选“否”可以派给社区主办")),
    "off_street_list": Known(
        _("清单以外的事项不派给街道"), "yes", YES,
        _("参照《北京市街道办事处条例》第九条、第十条；有街道履职事项清单施行的地方才起作用"),
        help=_("选“否”只提示、不拦；上级收回的一律不派")),
})

# Conditions -----------------------------------------------------------------------------------------------------------


@condition()
def allowed_by_the_lists(case: Case, by: Actor, form: Mapping[str, Any]) -> str | Refused | None:
    """Hand nothing to a street that was taken back from it, nor to a community what is not on its list: 条例 art. 17."""
    decided = _decided(case) if form.get("section") else set()
    stopped = [(unit, verdict) for unit, verdict in against(case, form) if verdict.of_list not in decided]
    return Refused(stopped[0][1].sentence, _field_of(stopped[0][0], form)) if stopped else None


def _decided(case: Case) -> set[str]:
    """Name the lists a leader has sent a case past: whom he chose may hand it on to those below."""
    lead = {"lead": case.fields.get("lead")}
    return {verdict.of_list for _unit, verdict in against(case, lead)} if FLAG in case.flags else set()


@condition()
def parts_allowed_by_the_lists(case: Case, by: Actor, form: Mapping[str, Any]) -> Refused | None:
    """Obey the lists for each matter of a message that is split, by that matter's own category."""
    if not queries.any_in_force():
        return None
    for n, part in enumerate(form.get("parts", []), start=1):
        category = Category.objects.filter(code=part["category"]).first()
        units = list(Unit.objects.filter(pk=part["lead"]).select_related("place"))
        for verdict in queries.verdicts(category, units, leads=True).values():
            return Refused(str(_("第 {n} 件：{sentence}")).format(n=n, sentence=verdict.sentence), "parts")
    return None


@condition(early=True)
def a_list_stands_in_the_way(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Offer to go past the lists only where one of them keeps the matter from the street or the community of its place."""
    found = queries.any_in_force() and queries.verdicts(category_of(case), queries.local(case), leads=True)
    return None if found else str(_("没有清单拦着，直接派单。"))


@condition()
def only_past_a_list(case: Case, by: Actor, form: Mapping[str, Any]) -> str | Refused | None:
    """Count as a departure only what is one."""
    return None if against(case, form) else Refused(str(_("清单没有拦这个单位，直接派单就行，不用超清单。")), "lead")


@condition(early=True)
def our_list_refuses_it(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Give back without asking only what a list in force plainly keeps from the unit, and no leader decided otherwise."""
    if FLAG in case.flags:
        return str(_("负责人已决定超清单派单，要退请申请退单。"))
    return None if _ours(case, by) else str(_("清单没有写明不归本单位，请申请退单。"))


def category_of(case: Case) -> Category | None:
    """Give the category of a case that is a request, once it has one."""
    return case.request.category if hasattr(case, "request") else None


def against(case: Case, form: Mapping[str, Any]) -> list[tuple[Unit, Verdict]]:
    """List the units named in a form that a list keeps the matter from, the lead first."""
    if not queries.any_in_force():
        return []
    lead = form.get("lead")
    named = [u for u in (lead, *(form.get("helpers") or []), form.get("section")) if u]
    units = {u.pk: u for u in Unit.objects.filter(pk__in=named).select_related("place")} if named else {}
    found: list[tuple[Unit, Verdict]] = []
    for some, leads in (([lead], True), (named, False)):
        asked = [units[u] for u in some if u in units]
        stopped = queries.verdicts(category_of(case), asked, leads=leads)
        found += [(units[pk], verdict) for pk, verdict in stopped.items() if pk not in {u.pk for u, _v in found}]
    return found


def _field_of(unit: Unit, form: Mapping[str, Any]) -> str:
    if unit.pk == form.get("lead"):
        return "lead"
    return "section" if unit.pk == form.get("section") else "helpers"


def _ours(case: Case, by: Actor) -> list[tuple[Unit, Verdict]]:
    """List the units of a person that work on a case although a list keeps it from them."""
    return of_units(case, by.standing.units)


def of_units(case: Case, unit_ids: Iterable[int]) -> list[tuple[Unit, Verdict]]:
    """List, of some units, those that work on a case although a list keeps it from them."""
    own = set(unit_ids)
    form = {"lead": case.fields.get("lead"), "helpers": case.fields.get("helpers"), "section": case.fields.get("section")}
    mine: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, int) and value in own}
    mine |= {"helpers": [u for u in form["helpers"] or [] if u in own]}
    return against(case, mine)


@fills("off_list")
def _formal(case: Case, task_id: int | None) -> str:
    """Write the formal sentence with its basis for the unit of a task."""
    task = Task.objects.filter(pk=task_id or 0).first()
    units = [task.unit_id] if task and task.unit_id else [case.fields.get("lead") or 0]
    return next((verdict.formal for _unit, verdict in of_units(case, units)), "")


# What a suggestion must not be ----------------------------------------------------------------------------------------


def _kept_from(case: Case, category: Category, units: Iterable[Unit]) -> set[int]:
    return set(queries.verdicts(category, units, leads=True))


requests.vetoes.append(_kept_from)

# Kept with an act -----------------------------------------------------------------------------------------------------


@keeps(*(f"request.{name}" for name in rules.HANDED))
def _quoted(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Keep by which lines a matter was handed on: the catalogue's, the departments', and those of whom it was handed to."""
    category = category_of(case)
    if category is None:
        return {}
    named = [u for u in (values.get("lead"), *(values.get("helpers") or []), values.get("section")) if u]
    rows = [Ground(case=case, entry=entry, **{name: line}) for name, line in _lines(case, category, named, whole="lead" in values)]
    Ground.objects.bulk_create(rows)
    return {"lines": {name: ids for name in rules.LISTS
                      if (ids := [pk for row in rows if (pk := getattr(row, f"{name}_id"))])}} if rows else {}


def _lines(case: Case, category: Category, named: list[int], *, whole: bool) -> list[tuple[str, Any]]:
    """List the lines that speak of a category and of those named; `whole`: the lead was, so who has the power is asked."""
    found: list[tuple[str, Any]] = []
    if whole:
        found += [("catalogue", line) for line in queries.catalogue_lines(category, case.path)]
        of_powers = queries.said("powers", case.path, category)
        found += [("powers", line) for line in (of_powers.lines if of_powers else [])]
    units = list(Unit.objects.filter(pk__in=named, kind__in=queries.BOUND).select_related("place"))
    bodies = queries.Bodies(queries.Lists([category]), units) if units else None
    for kind in rules.BODIES if bodies else ():
        of_bodies = [bodies.said(unit, kind, category) for unit in units] if bodies else []
        found += [(kind, line) for line in {one.pk: one for own in of_bodies if own for one in own.lines}.values()]
    return found


@keeps("request.override")
def _overridden(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Write down which units got a matter past their list, for the month's report."""
    stopped = against(case, values)
    _depart(rules.OVERRIDDEN, case, entry, [(unit, verdict.of_list) for unit, verdict in stopped], entry.unit_id)
    return {"past": [unit.pk for unit, _verdict in stopped]}


@keeps("request.take_back")
def _taken_back(case: Case, values: Values, by: Actor, entry: Entry) -> None:
    """Count no departure that was taken back within its minute."""
    Departure.objects.filter(case=case, kind=rules.OVERRIDDEN, at__gte=case.entered_at).delete()


@keeps(*(f"request.{name}" for name in rules.GIVEN_BACK))
def _given_back(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Write down who gave back what its list does not have, and who had sent it; a section's part is free again."""
    mine = [entry.task.unit_id] if entry.task and entry.task.unit_id else by.standing.units
    stopped = of_units(case, mine)
    for unit, verdict in stopped:
        _depart(rules.REFUSED, case, entry, [(unit, verdict.of_list)], _sender(case, unit, entry))
    if entry.action == "refuse_off_list_inner":
        case.fields = {**case.fields, "section": None, "inner_due": None}
    if entry.action == "refuse_off_list_helper":
        gone = {unit.pk for unit, _verdict in stopped}
        case.fields = {**case.fields, "helpers": [u for u in case.fields.get("helpers") or [] if u not in gone]}
    return {"refused": [unit.pk for unit, _verdict in stopped]}


def _sender(case: Case, unit: Unit, but: Entry) -> int | None:
    """Find who handed a matter to a unit: the unit of the last act that named it."""
    acts = case.entries.filter(action__in=rules.HANDED, state="done").exclude(pk=but.pk).order_by("-pk")
    for act in acts:
        named = (act.values.get("lead"), act.values.get("section"), *(act.values.get("helpers") or []))
        if unit.pk in named:
            return act.unit_id
    return None


def _depart(kind: str, case: Case, entry: Entry, units: Iterable[tuple[Unit, str]], sender: int | None) -> None:
    now = clock.now()
    month = clock.local(now).date().replace(day=1)
    Departure.objects.bulk_create([
        Departure(kind=kind, case=case, entry=entry, unit=unit, sender_id=sender, of_list=name, at=now, month=month)
        for unit, name in units])
