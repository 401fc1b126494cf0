"""What goes back to a hotline: the log turned into messages, each written once, in the order things happened."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from gongzhi.base import clock, crypto
from gongzhi.flow.models import Case, Entry
from gongzhi.hotline import queries, rules
from gongzhi.hotline.models import Order, Outgoing
from gongzhi.log.projections import projection
from gongzhi.log.queries import Line
from gongzhi.org.models import Unit
from gongzhi.requests.models import Rating
from gongzhi.requests.rules import DECLINES

PREFIX = "request."
PLAIN = {"accept": "accepted", "sign": "signed", "interim": "interim", "extend.ask": "extension_asked",
         "extend.refuse": "extension_refused", "extend": "extended", "hold": "held", "resume": "resumed",
         "redo": "redone", "fail": "redone", "hard": "redone", "merge": "merged", "answer": "answered",
         "give_back": "returned", **dict.fromkeys(DECLINES, "refused"),
         **dict.fromkeys(("dispatch", "designate", "redispatch", "rule"), "dispatched")}
WORDS = ("reply", "explanation", "answer", "told", "note", "reason")  # of what was filled in, what a hotline is told
BY_TO = {"confirming": "replied", "withdrawn": "withdrawn", "archived": "ended", "self_solved": "ended"}


@projection("hotline.outbox", tables=[])
def write(lines: list[Line]) -> None:
    """Write the messages that lines about orders' cases give rise to."""
    about = [x for x in lines if x.subject_kind == "case" and x.verb.startswith(PREFIX) and event_of(x)]
    orders: dict[int, list[Order]] = defaultdict(list)
    ids = {x.subject_id for x in about if x.subject_id}
    for order in queries.of_cases(ids) if ids else []:
        for case_id in {order.case_id, order.goes_on_in_id, *order.former}:
            if case_id in ids:
                orders[case_id].append(order)
    if not orders:
        return
    cases = Case.objects.in_bulk(list(orders))
    for line in about:
        for order in orders.get(line.subject_id or 0, []):
            _write(line, cases[line.subject_id or 0], order)


def event_of(line: Line) -> str:
    """Say what a line of the log is to a hotline; "" if nothing."""
    verb, to = line.verb.removeprefix(PREFIX), line.data.get("to", "")
    if to in BY_TO and line.data.get("from") != to:
        moved = BY_TO[to]
        return moved if moved != "replied" or verb in ("finish", "explain") else ""
    return PLAIN.get(verb, "")


def _write(line: Line, case: Case, order: Order) -> None:
    event, number = event_of(line), order.number
    facts = {"number": number, "seq": line.id, "event": event, "at": clock.local(line.at).isoformat(timespec="seconds"),
             "code": case.code, **_said(line, case, event)}
    row = Outgoing(key=f"{line.id}:{order.pk}", source=order.source, order=order, event=event, seq=line.id, made_at=line.at,
                   state=Outgoing.WAITING if order.source.url else Outgoing.KEPT)
    facts["id"] = str(row.sent_as)
    row.facts = crypto.seal(rules.dump(facts))
    Outgoing.objects.bulk_create([row], ignore_conflicts=True)
    if line.subject_id != order.now.pk:
        return  # of what it was before
    state = "ended" if event in rules.ENDS else "answered" if event == "replied" else "open" if event == "redone" else ""
    if state and state != order.state:
        order.state = state
        Order.objects.filter(pk=order.pk).update(state=state)


def _said(line: Line, case: Case, event: str) -> dict[str, Any]:
    """Say the words of an act, who has it, and by when: what the reporter may know, and nothing of any person."""
    entry = Entry.objects.select_related("unit").filter(pk=line.data.get("entry") or 0).first()
    values = entry.values if entry else {}
    words = next((str(values[name]) for name in WORDS if values.get(name)), "")
    more: dict[str, Any] = {}
    if filler := FILLED.get(event):
        more = filler(line, case, values)
    lead = Unit.objects.filter(pk=line.data.get("lead") or case.fields.get("lead") or 0).values_list("name", flat=True).first()
    unit = entry.unit.name if entry and entry.unit and event in ("signed", "interim") else lead or ""
    return {"unit": unit, "words": words, "due_at": line.data.get("due", ""), **more}


def _merged(line: Line, case: Case, values: dict[str, Any]) -> dict[str, Any]:
    """Say where it goes on, and what was answered there already."""
    target = Case.objects.filter(code=values.get("same_case", "")).first()
    done = target and target.entries.filter(action__in=["finish", "explain"], state="done").order_by("-id").first()
    reply = next((str(done.values[name]) for name in ("reply", "explanation") if done.values.get(name)), "") if done else ""
    return {"words": f"与同一件事（{target.code}）合并办理。{reply}" if target else reply, "unit": ""}


def _ended(line: Line, case: Case, values: dict[str, Any]) -> dict[str, Any]:
    """Say what the reporter said of it to us; what the hotline asked itself it knows."""
    rating = Rating.objects.filter(case=case).first()
    if rating is None or line.actor.startswith("key:"):
        return {"words": ""}
    return {"words": "", "solved": rating.solved, "satisfied": rating.satisfied}


def _extension(line: Line, case: Case, values: dict[str, Any]) -> dict[str, Any]:
    days = values.get("days")
    return {"words": "，".join(filter(None, [f"延长 {days} 个工作日" if days else "", str(values.get("reason", ""))]))}


FILLED: dict[str, Callable[[Line, Case, dict[str, Any]], dict[str, Any]]] = {
    "merged": _merged, "ended": _ended, "extension_asked": _extension, "extended": _extension,
    "dispatched": lambda line, case, values: {"words": ""}, "accepted": lambda line, case, values: {"words": ""},
    "redone": lambda line, case, values: {"words": ""},
}
