"""What requests add to processes: form fields, conditions, and what is kept with an act."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gongzhi.base import chinese, clock, codes, crypto
from gongzhi.base.errors import Refused
from gongzhi.flow import actions as flow
from gongzhi.flow import offers, queries, roles
from gongzhi.flow.actors import Actor, of_unit
from gongzhi.flow.definition import Process
from gongzhi.flow.models import Case, Entry
from gongzhi.flow.registry import FormField, Values, cleaner, condition, demand, form_field, keeps
from gongzhi.org.models import Unit
from gongzhi.places import index
from gongzhi.requests import access, defaults, merging, rules, splitting  # (these two bring fields and keepers)
from gongzhi.requests.models import Answer, Category, Rating

REGISTERED = (merging, splitting)
_own_words = lazy(defaults.text, str)  # the city's own, as they stand when they are shown

# Fields ---------------------------------------------------------------------------------------------------------------

form_field("words", _("反映的内容"), "text", max_length=5000)
form_field("voice", _("录音"), "files")
form_field("photos", _("照片"), "files")
form_field("place", _("地点"), "place", help=_("与原来不同时在地图上改"))
form_field("phone", _("联系电话"), "line", max_length=20)
form_field("kind", _("诉求类型"), "choice", choices=tuple(rules.KINDS.items()))
form_field("category", _("类别"), "category")
form_field("summary", _("摘要"), "text", max_length=500,
           help=_("投诉举报必填：承办单位只看摘要，看不到原文、录音和照片"))
form_field("hide_reporter", _("为诉求人保密"), "yes")
form_field("about_unit", _("被投诉单位"), "unit", clears=True, help=_("该单位及其下级看不到这件事，并至少提高一级办理"))
form_field("knowledge", _("知识库条目"), "answer")
form_field("answer", _("当场答复"), "text", max_length=10_000, to_resident=True)
form_field("emergency_line", _("转接"), "choice", choices=tuple(rules.EMERGENCY_LINES.items()))
form_field("time_told", _("转接说明"), "line", max_length=200, to_resident=True)
form_field("legal_channel", _("法定途径"), "choice", choices=tuple(rules.LEGAL_CHANNELS.items()))
form_field("channel", _("可走的渠道"), "line", max_length=200)
form_field("told", _("告知内容"), "text", to_resident=True)
form_field("same_case", _("同一事项的编号"), "case")
form_field("lead", _("主办单位"), "unit")
form_field("helpers", _("协办单位"), "units")
form_field("note", _("说明"), "text")
form_field("reason", _("理由"), "text", max_length=500)
form_field("opinion", _("审核意见"), "text", max_length=500)
form_field("return_code", _("退单原因"), "choice",
           choices=tuple((code, _own_words(f"return_{code}")) for code in rules.RETURN_CODES))
form_field("section", _("科室、社区或网格"), "section")
form_field("inner_due", _("内部期限"), "moment")
form_field("contact_note", _("联系情况"), "text", help=_("什么时间、怎么联系的、对方怎么说"))
form_field("result", _("办理结果"), "text")
form_field("reply", _("答复内容"), "text", max_length=10_000, to_resident=True,
           help=_("发给诉求人的话：查到什么、做了什么、什么时候做到"))
form_field("evidence", _("办结材料"), "files")
form_field("days", _("延长几个工作日"), "number")
form_field("until", _("挂起到"), "moment")
form_field("solved", _("解决了吗"), "choice", choices=tuple(rules.SOLVED.items()))
form_field("satisfied", _("满意吗"), "choice", choices=tuple((str(n), t) for n, t in rules.SATISFACTION.items()))
form_field("said", _("想说的话"), "text", max_length=1000)
form_field("attempt", _("拨打情况"), "line", max_length=200)
form_field("checked", _("核查结果"), "choice",
           choices=(("fixed", _("问题已不存在")), ("unclear", _("无法核实")), ("partly", _("部分解决"))))
form_field("explanation", _("书面说明"), "text", max_length=10_000, to_resident=True)
form_field("ruling", _("裁定理由"), "text")
form_field("on_behalf", _("代诉求人"), "yes", help=_("诉求人打电话或到窗口说的，由您代记"))


@cleaner("category")
def _category(spec: FormField, raw: Any, case: Case) -> str:
    found = Category.objects.filter(code=str(raw), active=True).exclude(limit="").first()
    if found is None:
        raise ValueError(_("没有这个类别，请从列表里选。"))
    return found.code


@cleaner("answer")
def _answer(spec: FormField, raw: Any, case: Case) -> int:
    found = Answer.objects.filter(pk=int(raw), active=True).first() if str(raw).isdecimal() else None
    if found is None:
        raise ValueError(_("知识库里没有这一条，请重新选。"))
    return found.pk


@cleaner("case")
def _case(spec: FormField, raw: Any, case: Case) -> str:
    """Take what can be a code; whether there is such a case is asked by a condition that knows who asks."""
    code = codes.read_code(str(raw))
    if not code or code == case.code:
        raise ValueError(_("编号不对，请检查。"))
    return code


@cleaner("place")
def _place(spec: FormField, raw: Any, case: Case) -> list[float]:
    try:
        lon, lat = (float(x) for x in (raw.split(",") if isinstance(raw, str) else raw))
    except (TypeError, ValueError):
        raise ValueError(_("地点不对，请在地图上点选。")) from None
    if index.locate(lon, lat) is None:
        raise ValueError(_("这个地点不在本区范围内。"))
    return [lon, lat]


# Conditions -----------------------------------------------------------------------------------------------------------


@condition()
def something_is_said(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Words, voice or a photo, one is enough: 条例 art. 8."""
    return None if form.get("words") or form.get("voice") or form.get("photos") else str(
        _("请写几句话、说一段话或拍张照片，有一样就行。"))


@condition()
def a_complaint_has_a_summary(case: Case, by: Actor, form: Mapping[str, Any]) -> str | Refused | None:
    """Handlers of a complaint read the clerk's summary, never the original: rights 4.1."""
    guarded = form.get("kind", case.request.kind) in rules.GUARDED or form.get("about_unit")
    missing = guarded and not form.get("summary")
    return Refused(str(_("投诉、举报要写摘要：承办单位只看摘要。")), "summary") if missing else None


@condition()
def a_question(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Only a question ends with an answer at once; what asks for work is dispatched: 条例 art. 11."""
    kind = form.get("kind", case.request.kind)
    return None if kind == "consult" else str(_("只有咨询可以当场答复；求助、投诉、举报、建议要受理派单。"))


@condition(early=True)
def found_by_the_worker(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    return None if case.origin == "staff" else str(_("只有网格员自己发现的问题可以自办。"))


@condition()
def not_to_a_recused_unit(case: Case, by: Actor, form: Mapping[str, Any]) -> str | Refused | None:
    """Never hand a complaint to the unit it is about, or one below it: rights 4.2."""
    recused = next((u for u in _named(form) if roles.is_recused(u, case)), None)
    return Refused(str(_("不能派给被投诉的单位或它的下级。")), _field_of(recused, form)) if recused else None


@condition()
def somebody_works_there(case: Case, by: Actor, form: Mapping[str, Any]) -> str | Refused | None:
    """Nothing is handed to a unit in which nobody could take it up."""
    empty = next((u for u in _named(form) if not roles.somebody_may(u.pk, "", case)), None)
    return Refused(str(_("{unit}现在没有人在岗，派过去没有人办；请先补上人，或派给别的单位。")).format(
        unit=empty.name), _field_of(empty, form)) if empty else None


def _named(form: Mapping[str, Any]) -> QuerySet[Unit]:
    return Unit.objects.filter(pk__in=[u for u in [form.get("lead"), *(form.get("helpers") or [])] if u])


def _field_of(unit: Unit, form: Mapping[str, Any]) -> str:
    """Say in which field of a dispatch a unit was named."""
    return "lead" if unit.pk == form.get("lead") else "helpers"


@condition(early=True)
def may_call_the_reporter(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Who may see the number calls; whom the number is kept from is not expected to: the hotline does it for him."""
    if not can_call(case):
        return str(_("没有留电话，无法联系。"))
    return None if access.may_ask_phone(by.standing, case) else str(_("为诉求人保密，由热线坐席联系。"))


@condition()
def the_same_matter_is_known(case: Case, by: Actor, form: Mapping[str, Any]) -> str | Refused | None:
    """Tell of a case one may see; one that recuses the asker answers like none at all."""
    known = queries.visible_to(by.standing).filter(code=form.get("same_case", "")).exists()
    return None if known else Refused(str(_("没有找到这个编号的事项。")), "same_case")


@condition()
def evidence_as_the_category_asks(case: Case, by: Actor, form: Mapping[str, Any]) -> str | Refused | None:
    """Photo, document, call record or none, by category; nothing is demanded that the matter does not need."""
    wanted = case.request.category.evidence if case.request.category else "none"
    kinds = {f.kind for f in form.get("_files", [])}
    if wanted in ("photo", "document") and wanted not in kinds:
        return Refused(str(_("这类事项办结要附照片。") if wanted == "photo"
                           else _("这类事项办结要附文件（PDF、Word 或 Excel），照片不算。")), "evidence")
    may_call = can_call(case) and access.may_ask_phone(by.standing, case)  # a record is not asked of whom no number is shown
    if wanted == "call" and may_call and not case.entries.filter(action="contact").exists():
        return str(_("这类事项办结前要先记录联系诉求人的情况。"))
    return None


@condition(early=True)
def dispatched_just_now(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    young = clock.now() - case.entered_at <= timedelta(seconds=rules.UNDO_SECONDS) and _was_dispatched(case)
    signed = case.expectations.filter(name="sign", task__done_at=None).exclude(met_at=None).exists()
    return None if young and not signed else str(_("派出已超过 60 秒或对方已签收，不能撤回，可以改派。"))


def _was_dispatched(case: Case) -> bool:
    """Say whether a case is where it is because somebody was given the lead, not because it must be done again."""
    ways = {a.name for _stage, a in queries.definition(case.version_id).all_actions() if a.to == case.stage}
    last = case.entries.filter(action__in=ways, state="done").order_by("-id").first()
    return last is not None and "lead" in last.values


@condition()
def unsolved_is_done_again(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Do not archive what is still unsolved while it can be done again."""
    if form.get("solved") != "unsolved":
        return None
    process = queries.definition(case.version_id)
    redo = process.stages[case.stage].actions.get("redo")
    if redo is None or offers.hidden(process, case, redo, by):
        return None
    return str(_("还没有解决的，请选“{again}”，写明哪里没解决。")).format(again=gettext(redo.title))


@condition()
def the_hotline_asks_itself(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Of what staff wrote down for somebody else a sample is not rated by its link: the hotline asks (rights 4.5)."""
    sampled = case.request.on_behalf_of and defaults.is_sampled(case.pk)
    return str(_("这件事是工作人员代录的，抽中了回访：热线会打电话请您本人评价。")) if sampled else None


@condition(early=True)
def a_resident_reported(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Nobody rates what he found himself: staff's own finds are checked on site instead (rights 4.5)."""
    return None if case.origin != "staff" else str(_("工作人员发现的问题不评价，由现场核查确认。"))


@condition()
def only_a_call_tells(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Ring at once whoever would not hear the answer else: rights 4.11.

    No text reaches the number; or whoever has no link had it handled by those who may not ring.
    """
    if case.request.they_ask:
        return "the house it came from tells and asks"
    number = crypto.open_sealed(case.request.phone)
    deaf = number and not rules.MOBILE.fullmatch(number)
    no_link = number and case.request.channel not in rules.ONLINE and kept_from_lead(case)
    return None if deaf or no_link else "told by text"


def kept_from_lead(case: Case) -> bool:
    """Say whether the number is not shown to the unit that leads."""
    lead = Unit.objects.filter(pk=case.fields.get("lead") or 0).first()
    return lead is not None and not access.may_ask_phone(of_unit(lead).standing, case)


@condition()
def needs_a_check(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Check on site where nobody can be called, and a sample of the others; never everything."""
    if case.request.they_ask:
        return "the house it came from asks"
    return None if not can_call(case) or defaults.is_sampled(case.pk) else "not needed"


@condition()
def we_ask(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Call back only where the house that sent the matter does not do so itself."""
    return str(_("由转来的热线自己回访。")) if case.request.they_ask else None


@condition(early=True)
def they_ask(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    """Take another house's word for what the reporter said only where it is the one that asks."""
    return None if case.request.they_ask else str(_("这件事由本中心回访。"))


@condition(early=True)
def sent_by_another_house(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    return None if case.request.their_number else str(_("只有市热线转来的工单可以退回。"))


@condition(early=True)
def can_be_called(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    return None if can_call(case) else str(_("没有留电话，无法回访。"))


@condition(early=True)
def cannot_be_called(case: Case, by: Actor, form: Mapping[str, Any]) -> str | None:
    return str(_("留了电话的要回访。")) if can_call(case) else None


def can_call(case: Case) -> bool:
    """Say whether somebody left a number to call back."""
    return bool(case.request.phone)


# Asked of the file ----------------------------------------------------------------------------------------------------


@demand("request")
def a_start_the_intake_can_write(process: Process) -> Iterator[tuple[tuple[str, ...], str]]:
    """Refuse what intake, one statement for speed, would pass over in the stage a request begins in."""
    stage = process.stages.get(process.start)
    if stage is None:
        return
    unheard = {"expects": stage.expects, "watch": stage.watch, "opens": stage.opens, "raise": stage.raise_}
    for key in [key for key, given in unheard.items() if given]:
        yield ("stages", stage.name, key), f"诉求从“{stage.title}”开始，这个阶段不能写 {key}：登记时不会照办。"
    roles_there = [process.roles[name].kind for name in stage.tasks if name in process.roles]
    if roles_there != ["post"]:
        yield ("stages", stage.name, "tasks"), f"诉求从“{stage.title}”开始，这个阶段只能有一个岗位（post:…）的 task。"


# Kept with an act -----------------------------------------------------------------------------------------------------


@keeps("request.accept")
def _accepted(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Settle what it is and where; the deadline may move with the category once, and what was promised stays known."""
    request, was_guarded, promised = case.request, case.request.is_guarded, case.due_at
    again = case.entries.filter(action="accept", state="done").exclude(pk=entry.pk).exists()
    category = Category.objects.get(code=values["category"])
    request.category, request.kind = category, values.get("kind", request.kind)
    if values.get("about_unit") and not request.is_guarded:
        request.kind = "complain"  # whatever it was called: it is about a unit
    request.summary = values.get("summary", "")
    own = [t for t in request.tokens if not t.startswith(rules.OF_SUMMARY)]
    request.tokens = own + rules.summary_tokens(chinese.bigrams(request.summary))
    request.save(update_fields=["category", "kind", "summary", "tokens"])
    case.urgent = category.urgent
    secret = bool(values.get("hide_reporter") or case.fields.get("asked_secrecy"))  # asked elsewhere, it is kept here
    case.fields = {**case.fields, "hide_reporter": secret}
    if request.is_guarded:
        case.title = rules.title(request.summary)
    elif was_guarded:
        case.title = rules.title(request.words) or case.title
    if values.get("place"):
        move(case, *values["place"])
    flow.set_standard(case, category.limit, category.limit_source, may_lengthen=not again)
    added: Values = {"promised": promised.isoformat()} if promised and promised != case.due_at else {}
    if "about_unit" in values:
        flow.set_about(case, [values["about_unit"]] if values["about_unit"] else [])
        added |= {} if values["about_unit"] else {"about_nobody": True}
    return {"kind": request.kind, "about_units": case.about_units, **added}


ENDS_HERE = ["answer", "give_back", *rules.DECLINES]


@keeps(*(f"request.{name}" for name in ENDS_HERE), *(f"request.{name}.ask" for name in ENDS_HERE))
def _ended_here(case: Case, values: Values, by: Actor, entry: Entry) -> None:
    """Take the reporter's words out of the title of a complaint that nobody wrote a summary of (rights 4.1).

    Before a reviewer reads it, and also where nobody knew it for a complaint until the desk said so.
    """
    request = case.request
    if values.get("kind", request.kind) != request.kind:
        request.kind = values["kind"]
        request.save(update_fields=["kind"])
    if request.is_guarded:
        case.title = str(rules.KINDS[request.kind])


def move(case: Case, lon: float, lat: float) -> None:
    """Put a case at another point of the city."""
    found = index.locate(lon, lat)
    assert found is not None
    case.lon, case.lat, case.place_id, case.path = lon, lat, found.place_id, list(found.path)
    case.fields = {name: value for name, value in case.fields.items() if name != "unplaced"}


@keeps("request.solve_here")
def _solved_here(case: Case, values: Values, by: Actor, entry: Entry) -> None:
    case.request.category = Category.objects.get(code=values["category"])
    case.request.save(update_fields=["category"])


@keeps("request.take_back")
def _taken_back(case: Case, values: Values, by: Actor, entry: Entry) -> None:
    """Take a unit that had it by mistake for a minute out of it again."""
    mistaken = {case.fields.get("lead"), *(case.fields.get("helpers") or [])}
    case.unit_ids = [u for u in case.unit_ids if u not in mistaken]
    case.fields = {**case.fields, "lead": None, "helpers": [], "section": None}


@keeps("request.urge", "request.withdraw")
def _for_the_reporter(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Record that staff did for a resident what he asked for by phone or at the window (rights 4.11)."""
    if by.kind != "person":
        return {}
    entry.values = {**entry.values, "on_behalf": True}
    entry.save(update_fields=["values"])
    return {"on_behalf": True}


@keeps("request.rate", "request.called", "request.heard")
def _rated(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Keep the final answer beside the first, which may have been that it had to be done again."""
    satisfied = int(values["satisfied"]) if values.get("satisfied") else None
    first = _first_answer(case) or {"solved": values["solved"], "satisfied": satisfied}
    Rating.objects.create(
        case=case, solved=values["solved"], satisfied=satisfied, said=values.get("said", ""), rated_at=clock.now(),
        by="reporter" if by.kind == "reporter" else "callback",
        first_solved=first["solved"], first_satisfied=first["satisfied"],
    )
    return {"first_solved": first["solved"], "first_satisfied": first["satisfied"]}


def _first_answer(case: Case) -> Values | None:
    """Find what was first said of the result, if it was said with a redo."""
    asked = case.entries.filter(action__in=["redo", "hard"], values__has_key="solved").order_by("id").first()
    if asked is None:
        return None
    satisfied = asked.values.get("satisfied")
    return {"solved": asked.values["solved"], "satisfied": int(satisfied) if satisfied else None}


@keeps("request.finish", "request.answer", "request.emergency", "request.legal", "request.repeat", "request.secret",
       "request.outside", "request.unlawful", "request.give_back", "request.explain", "request.solve_here", "request.interim",
       "request.extend", "request.hold", "request.resume")
def _tell_reporter(case: Case, values: Values, by: Actor, entry: Entry) -> None:
    """Let the reporter see what was answered, and why something takes longer."""
    entry.public = True
    entry.save(update_fields=["public"])
