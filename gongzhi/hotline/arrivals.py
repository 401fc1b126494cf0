"""Taking in what a hotline sends: each message once, in whatever order and however often it comes.

Messages of one number wait for each other (a lock by number); a message for an order that is not here yet is parked and
applied when the order comes; of messages about the same thing an older one never undoes a newer one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from gongzhi.base import clock, crypto
from gongzhi.base.errors import Faults, Moved, Refused
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor, reporter
from gongzhi.flow.models import Case
from gongzhi.hotline import forms, queries, rules
from gongzhi.hotline.models import Arrival, CategoryMap, Order, Source
from gongzhi.hotline.rules import Message, Told
from gongzhi.log import actions as log
from gongzhi.places.index import Found
from gongzhi.requests import actions as requests
from gongzhi.requests.models import Category
from gongzhi.requests.rules import GUARDED, Theirs

ASKED = ("confirming", "calling", "checking")  # stages in which a reply is judged
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 12345))"


def actor(source: Source) -> Actor:
    """Act as a hotline: on what it sent us alone, and the log names it."""
    return Actor("elsewhere", key=source.title)


def receive(source: Source, given: Mapping[str, str], *, by: Actor | None = None) -> Told:
    """Take in one message of texts by our names; say what became of it. The same message again changes nothing.

    `by`: who brings it in by a sheet; the hotline itself where it came over the wire.
    """
    with translation.override("zh-hans"):  # what is said stands in the city's records, whoever brings it in
        try:
            message = forms.message(given)
        except Faults as faults:
            return _faulty(source, given, faults, by)
        return _received(source, message, given, by)


def _received(source: Source, message: Message, given: Mapping[str, str], by: Actor | None) -> Told:
    with transaction.atomic():
        _lock(source, message.number)
        arrival, is_new = _arrival(source, message, given, by)
        if not is_new:
            code = arrival.order.now.code if arrival.order else ""
            return Told(arrival.state, arrival.said, code, again=True)
        told = _apply(source, arrival, message, by or actor(source))
        if told.state == "applied" and message.kind == "order":
            _unpark(source, message.number)
        return told


def _lock(source: Source, number: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [f"{source.pk}:{number}"])


def _arrival(source: Source, message: Message, given: Mapping[str, str], by: Actor | None) -> tuple[Arrival, bool]:
    """Write a message down under its own id, or find it; one whose content was wrong may come again, mended."""
    row = Arrival(source=source, message_id=message.id, number=message.number, kind=message.kind, seq=message.seq,
                  raw=crypto.seal(rules.dump(given)), by_sheet=by is not None, at=clock.now(), state="")
    Arrival.objects.bulk_create([row], ignore_conflicts=True)
    found = Arrival.objects.select_related("order__case", "order__goes_on_in").get(source=source, message_id=message.id)
    if found.state == "faulty":
        found.number, found.kind, found.seq, found.raw, found.state = row.number, row.kind, row.seq, row.raw, ""
    return found, found.state == ""


def _faulty(source: Source, given: Mapping[str, str], faults: Faults, by: Actor | None) -> Told:
    """Keep what could not be read, so that somebody sees it: nothing that a resident said is lost for a wrong digit."""
    said = "；".join(faults.faults.values())[:300]
    if message_id := given.get("id", "")[:80]:
        Arrival.objects.bulk_create([Arrival(
            source=source, message_id=message_id, number=rules.number(given.get("number", "")), state="faulty", said=said,
            raw=crypto.seal(rules.dump(given)), by_sheet=by is not None, at=clock.now())], ignore_conflicts=True)
    return Told("faulty", said, faults=faults.faults)


def _apply(source: Source, arrival: Arrival, message: Message, by: Actor) -> Told:
    """Do what a message says, or park it; note what became of it."""
    order = Order.objects.select_related("case", "goes_on_in", "source").filter(source=source, number=message.number).first()
    if order is None and message.kind != "order":
        told = Told("parked", _("工单还没有到，到了再办。"))
    elif order is not None and _is_old(order, message):
        told = Told("old", _("比已处理的消息旧，未采用。"), order.now.code)
    else:
        try:
            if order is not None:
                _note(order, message)
            with transaction.atomic():
                order, told = _do(source, order, message, by)
        except (Refused, Faults) as refusal:
            told = Told("refused", str(refusal)[:300], order.now.code if order else "")
    arrival.order, arrival.state, arrival.said = order, told.state, told.said
    arrival.save()
    subject = ("order", order.pk) if order else ("hotline", source.pk)
    log.append("hotline.arrival", actor=by.line, subject=subject, places=order.case.path if order else (),
               data={"arrival": arrival.pk, "kind": message.kind, "state": told.state, "case": order.case_id if order else None})
    return told


def _is_old(order: Order, message: Message) -> bool:
    """Say whether a newer message about the same thing was applied already."""
    group = rules.GROUPS.get(message.kind)
    return group is not None and message.seq is not None and message.seq <= order.seqs.get(group, -1)


def _note(order: Order, message: Message) -> None:
    """Keep of a message what is a fact of theirs, whether or not it can be done as it says."""
    if message.kind == "urge":
        order.n_urged += 1
    if message.kind == "result":
        order.result_solved, order.result_satisfied, order.result_at = message.solved, message.satisfied, clock.now()
    order.save(update_fields=["n_urged", "result_solved", "result_satisfied", "result_at"])


def _do(source: Source, order: Order | None, message: Message, by: Actor) -> tuple[Order, Told]:
    if order is None:
        order = _take(source, message, by)
        told = Told("applied", _("已收下。"), order.case.code)
    else:
        told = replace(HANDLERS[message.kind](order, message, by), code=order.now.code)
    if message.seq is not None and (group := rules.GROUPS.get(message.kind)):
        order.seqs = {**order.seqs, group: message.seq}
    order.save()
    return order, told


def _unpark(source: Source, number: str) -> None:
    """Apply what came before its order did, in the order it was sent."""
    waiting = Arrival.objects.filter(source=source, number=number, state="parked")
    for arrival in sorted(waiting, key=lambda a: (a.seq is None, a.seq or 0, a.pk)):
        if arrival.raw:
            _apply(source, arrival, forms.message(json.loads(crypto.open_sealed(arrival.raw))), actor(source))


# A new order ----------------------------------------------------------------------------------------------------------


def _take(source: Source, message: Message, by: Actor) -> Order:
    """Open the case of an order, with category, place and kind as far as they are certain."""
    category = _category(source, message)
    placed = queries.placed(source, message.address, message.lon, message.lat)
    theirs = Theirs(message.number, message.due_at, _rule(source) if message.due_at else "", source.asks, message.secret)
    receipt = requests.report(requests.Report(
        placed.lon, placed.lat, words=message.words, address=message.address, compound_id=placed.compound_id,
        phone=message.phone, name=message.name, kind=message.about, channel="hotline", suggested=category, theirs=theirs,
        area=placed.area), by=by)
    order = Order.objects.create(
        source=source, number=message.number, case_id=receipt.case_id, category_code=message.category_code,
        category_name=message.category_name, received_at=message.received_at, due_at=message.due_at)
    if source.direct and category and placed.certain:
        _straight_on(order, category, placed)
    return order


def _rule(source: Source) -> str:
    return f"{source.title}交办的时限"


def _straight_on(order: Order, category: Category, placed: queries.Placed) -> None:
    """Accept an order of which all is certain, so that it is on the street's desk at once; a complaint somebody reads."""
    case: Case = order.case
    if case.request.kind in GUARDED:
        return
    form = {"category": category.code, "place": [placed.lon, placed.lat], "kind": case.request.kind}
    try:
        with transaction.atomic():
            flow.act(case.pk, "accept", by=actor(order.source), form=form)
    except (Refused, Faults):
        return  # an operator will see why


def _category(source: Source, message: Message) -> Category | None:
    """Find our category for theirs, and count what came, so that somebody maps what nobody has."""
    theirs = message.category_code or message.category_name
    if not theirs:
        return None
    row, new = CategoryMap.objects.get_or_create(source=source, theirs=theirs, defaults={
        "title": message.category_name, "category": queries.ours_called(message.category_name)})
    row.n, row.last_at = row.n + 1, clock.now()
    row.title = message.category_name or row.title
    row.save(update_fields=["n", "last_at", "title"])
    known = row.category if row.category and row.category.active else None
    return known or queries.mapped(source, "", message.category_name)


# Further messages -----------------------------------------------------------------------------------------------------


def _order(order: Order, message: Message, by: Actor) -> Told:
    """Take an order that is here already: its deadline may be another, its words may say more; nothing is opened twice."""
    changed = False
    if message.due_at and message.due_at != order.due_at and not order.now.closed_at:
        changed = _bind(order, message) or changed
    said = order.case.request.words
    if message.words and message.words != said and not order.now.closed_at:
        requests.say(order.now, message.words[:1000], by=reporter(order.now.pk))
        changed = True
    return Told("applied", _("工单早已收到，已按新内容更新。")) if changed else Told("known", _("工单早已收到。"))


def _bind(order: Order, message: Message) -> bool:
    """Set the hotline's deadline; a case that others share takes only an earlier one."""
    assert message.due_at is not None
    case, order.due_at = order.now, message.due_at
    if case.pk != order.case_id and case.bound_at and case.bound_at <= message.due_at:
        return False
    flow.set_bound(case.pk, message.due_at, _rule(order.source), by=actor(order.source))
    return True


def _due(order: Order, message: Message, by: Actor) -> Told:
    if message.due_at is None:
        raise Refused(_("请给出新的办结时限。"))
    _bind(order, message)
    return Told("applied", _("时限已更新。"))


def _urge(order: Order, message: Message, by: Actor) -> Told:
    flow.act(order.now.pk, "urge", by=actor(order.source))
    return Told("applied", _("已催办。"))


def _more(order: Order, message: Message, by: Actor) -> Told:
    requests.say(order.now, (message.words or message.reason)[:1000], by=reporter(order.now.pk))
    return Told("applied", _("补充已转给办理人员。"))


def _cancel(order: Order, message: Message, by: Actor) -> Told:
    """End what is not answered yet; a case that others share goes on for them."""
    if order.goes_on_in_id:
        order.state = "ended"
        return Told("applied", _("已撤单；同一件事还有别人反映，继续办理。"))
    if order.now.closed_at:
        raise Refused(_("已经办结，不能撤单。"))
    if order.now.stage in ASKED:
        raise Refused(_("已经答复，不能撤单。"))
    flow.act(order.case_id, "called_off", by=actor(order.source), form={"reason": message.reason})
    order.state = "ended"
    return Told("applied", _("已撤单。"))


def _redo(order: Order, message: Message, by: Actor) -> Told:
    """Have it done again: the same case while it is open, else a further one under the same number."""
    order.n_rejected += 1
    order.state = "open"
    if order.now.closed_at:
        _once_more(order, message, by)
        return Told("applied", _("已重新立件办理。"))
    if message.due_at:
        _bind(order, message)
    if order.now.stage not in ASKED:
        flow.act(order.now.pk, "urge", by=actor(order.source))
        return Told("applied", _("还在办理，已按催办处理。"))
    _again(order, message)
    return Told("applied", _("已退回重办。"))


def _again(order: Order, message: Message) -> None:
    """Send a case back to whoever handled it; where that was done often enough, one level up."""
    form = {"solved": "unsolved", "satisfied": str(message.satisfied or ""),
            "reason": message.reason or message.words[:500] or _("市热线退回重办。")}
    try:
        with transaction.atomic():
            flow.act(order.now.pk, "redo", by=actor(order.source), form=form)
    except Moved:
        raise
    except Refused:
        flow.act(order.now.pk, "hard", by=actor(order.source), form=form)


def _once_more(order: Order, message: Message, by: Actor) -> None:
    """Open a further case for an order whose case is closed; the order stays one and remembers both."""
    case = order.now
    old = case.request
    words = "\n".join(filter(None, [old.words, _("（市热线发回重办）{reason}").format(reason=message.reason)]))
    theirs = Theirs(order.number, message.due_at, _rule(order.source) if message.due_at else "", order.source.asks,
                    bool(case.fields.get("hide_reporter")))
    receipt = requests.report(requests.Report(
        case.lon, case.lat, words=words[:requests.WORDS_LIMIT], address=old.address, compound_id=old.compound_id,
        phone=crypto.open_sealed(old.phone), name=crypto.open_sealed(old.caller_name), kind=old.kind, channel="hotline",
        suggested=old.category or old.suggested, theirs=theirs,
        area=None if case.lon is not None else Found(case.place_id, tuple(case.path))), by=by)
    order.former = [*order.former, case.pk]
    order.case_id, order.goes_on_in, order.due_at = receipt.case_id, None, message.due_at
    order.case = Case.objects.get(pk=receipt.case_id)


def _result(order: Order, message: Message, by: Actor) -> Told:
    """Take what the hotline recorded when it called back as the rating, where it is the one that asks."""
    case = order.now
    if case.closed_at or not case.request.they_ask:
        return Told("applied", _("回访结果已记下，不改本区的评价。"))
    if case.stage not in ("confirming", "calling"):
        raise Refused(_("还没有答复，不能记回访结果。"))
    if not message.solved:
        flow.act(case.pk, "unheard", by=actor(order.source), form={"attempt": message.reason[:200]})
        return Told("applied", _("没有回访到，按未评价归档。"))
    if message.solved == "unsolved":
        order.n_rejected += 1
        order.state = "open"
        if message.due_at:
            _bind(order, message)
        _again(order, message)
        return Told("applied", _("回访未解决，已退回重办。"))
    form = {"solved": message.solved, "satisfied": str(message.satisfied or ""), "said": message.reason}
    flow.act(case.pk, "heard", by=actor(order.source), form=form)
    return Told("applied", _("回访结果已记为评价。"))


HANDLERS: dict[str, Callable[[Order, Message, Actor], Told]] = {
    "order": _order, "urge": _urge, "more": _more, "due": _due, "cancel": _cancel, "redo": _redo, "reject": _redo,
    "result": _result,
}
