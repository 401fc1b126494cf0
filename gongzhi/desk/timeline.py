"""What happened with a case, in order: the acts for every reader, the words only for those they are meant for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from gongzhi.base import codes, html
from gongzhi.desk import queries
from gongzhi.flow import queries as flow
from gongzhi.flow import registry
from gongzhi.flow.definition import Process
from gongzhi.flow.models import Attachment, Case, Entry
from gongzhi.log.queries import Line as Event
from gongzhi.org.models import Person, Unit
from gongzhi.org.rules import Standing
from gongzhi.requests import queries as requests
from gongzhi.requests.rules import CHANNELS

ICONS = {
    "open": "inbox", "accept": "check", "answer": "message", "dispatch": "send", "designate": "send",
    "redispatch": "send", "rule": "send", "override": "send", "send_back": "arrow-back-up", "take_back": "arrow-back-up",
    "refuse_off_list": "hand-stop", "refuse_off_list_helper": "hand-stop",
    "refuse_off_list_inner": "hand-stop", "return": "arrow-back-up", "appeal": "arrow-back-up",
    "excuse": "arrow-back-up", "merge": "git-merge",
    "merged_in": "git-merge", "answered": "circle-check", "take_apart": "arrow-back-up", "set_free": "arrow-back-up",
    "set_apart": "arrow-back-up", "split": "send", "part": "send",
    "sign": "clipboard-check", "contact": "phone", "interim": "message", "finish": "circle-check",
    "help_done": "circle-check", "call_in": "plus", "assign": "list-check", "extend": "history",
    "hold": "player-pause", "resume": "player-play", "urge": "bell-ringing", "supervise": "flag", "rate": "star",
    "rerate": "star", "redo": "refresh", "hard": "urgent", "check": "walk", "checked": "walk", "archive": "walk",
    "fail": "refresh", "call": "phone", "called": "phone", "no_answer": "phone", "unrated": "circle-check",
    "explain": "note", "solve_here": "tool", "withdraw": "x", "comment": "message", "attach": "photo",
    "remind": "bell", "late": "alert-triangle-f", "missed": "alert-triangle-f", "pressed": "alert-triangle",
    "emergency": "urgent", "watch": "bell", "handed": "user", "give_back": "arrow-back-up", "called_off": "x", "heard": "phone",
    "unheard": "circle-check", "bound": "clock",
}
STATES = {"remind": "due", "late": "late", "missed": "late", "urge": "due", "supervise": "due", "hold": "wait",
          "pressed": "late", "redo": "due", "fail": "due"}
SILENT = {"message", "support", "watch"}  # these have a place of their own on the page
FOR_OVERSEERS = {"pressed"}  # 有人要求我改评价 goes past the handlers: rights 4.4
ABOUT_UNITS = ("lead", "helpers", "section", "about_unit")


@dataclass(frozen=True)
class Line:
    """One line of the timeline: what was done, when, by whom, and the words of it this reader may see."""

    icon: str
    title: str
    at: datetime
    who: str
    body: list[tuple[str, str]] = field(default_factory=list)
    state: str = ""
    files: list[Attachment] = field(default_factory=list)
    verb: str = ""
    entry: int | None = None


def read(case: Case, standing: Standing, events: list[Event], entries: list[Entry], units: dict[int, Unit],
         files_out: bool) -> Iterator[Line]:
    """Tell what was done, oldest first: every reader the acts; `entries` hold the words that are for this reader."""
    process = flow.definition(case.version_id)
    by_id = {e.pk: e for e in entries}
    names = _names(events)
    shut = FOR_OVERSEERS if _any_for_overseers(events) and requests.handles(standing, case) else set()
    for event in events:
        verb = event.verb.removeprefix(process.key + ".")
        if verb == event.verb or verb in SILENT or verb in shut:
            continue
        entry = by_id.get(event.data.get("entry", 0))
        base, _dot, step = verb.partition(".")
        agreed = event.data.get("agreed_by")
        stood_for = event.data.get("agreed_for" if agreed else "for")
        who = _who(agreed or event.actor, names, None if agreed else entry, stood_for)
        shown = agreed and entry and _opinion(entry, entries) or entry
        body = [] if shown is None else body_of(shown, case, units)
        files = [] if entry is None or agreed or step else entry.files  # type: ignore[attr-defined]
        if standing.is_outside and entry is not None and entry.unit_id not in standing.units:
            files = []
        yield Line(
            ICONS.get(base, "clipboard-check"), _title(process, case, verb, event, units), event.at, who, body,
            "due" if step in ("ask", "refuse") else STATES.get(base, "" if event.actor == "system" else "done"),
            [f for f in files if not (files_out and is_original(f))], verb, event.data.get("entry"),
        )


def _any_for_overseers(events: list[Event]) -> bool:
    """Say whether it matters who reads: seldom, and who handles a case is asked of the database."""
    return any(event.verb.partition(".")[2] in FOR_OVERSEERS for event in events)


def _opinion(asked: Entry, entries: list[Entry]) -> Entry | None:
    return next((e for e in entries if e.action == f"{asked.action}.agree" and e.at >= asked.at), None)


def _title(process: Process, case: Case, verb: str, event: Event, units: dict[int, Unit]) -> str:
    base, _dot, step = verb.partition(".")
    action = queries.action_title(case, base)
    if step:
        return _("提出：{what}").format(what=action) if step == "ask" else _("不同意：{what}").format(what=action)
    if event.data.get("agreed_by"):
        return _("同意：{what}").format(what=action)
    if base == "open":
        return _("收到诉求，{channel}").format(channel=CHANNELS.get(event.data.get("channel", ""), _("登记")))
    if base == "missed":
        late = queries.action_title(case, event.data.get("expected"))
        return _("{what}超期").format(what=late)
    if base in ("remind", "late"):
        of_desk = {"inner": _("内部期限，已提醒"), "reminder": _("审核即将到期，已提醒"), "waiting": _("审核超期，已提醒")}
        if event.data.get("kind") in of_desk:
            return of_desk[event.data["kind"]]
        of = _("整件") if event.data.get("whole") else _(process.stages[event.data["of"]].title) \
            if event.data.get("of") in process.stages else ""
        return (_("{what}即将到期，已提醒") if base == "remind" else _("{what}超期，已提醒")).format(what=of)
    lead = units.get(event.data.get("lead", 0))
    if lead is not None:
        return _("{what}给{unit}").format(what=action, unit=lead.short_name)
    others = {"rerate": _("改评"), "pressed": _("诉求人说有人要求改评价"), "merged_in": _("并入一件"),
              "set_apart": _("拆回一件"), "part": _("拆出一件"), "handed": _("任务交接给他人"), "bound": _("热线时限改了")}
    return others.get(base, action)


def _names(events: list[Event]) -> dict[int, str]:
    lines = [a for e in events for a in (e.actor, e.data.get("agreed_by") or "")]
    ids = {int(a[7:]) for a in lines if a.startswith("person:")}
    ids |= {event.data[name] for event in events for name in ("for", "agreed_for") if event.data.get(name)}
    return dict(Person.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def _who(actor: str, names: dict[int, str], entry: Entry | None, stood_for: int | None = None) -> str:
    kind, _sep, number = actor.partition(":")
    if kind == "person":
        unit = entry.unit.short_name if entry and entry.unit else ""
        name = names.get(int(number), "")
        if stood_for:
            name = _("{name}（代{other}）").format(name=name, other=names.get(stood_for, ""))
        return " · ".join(filter(None, [name, unit]))
    known = {"system": _("系统"), "reporter": _("诉求人"), "anyone": _("诉求人")}
    return known.get(kind, _("接口 {name}").format(name=number))


def body_of(entry: Entry, case: Case, units: dict[int, Unit]) -> list[tuple[str, str]]:
    """Say what was filled in with an act, in the order of its form."""
    rows = []
    process = flow.definition(case.version_id)
    form = queries.form_of(process, entry.action)
    for name, value in sorted(entry.values.items(), key=lambda pair: form.index(pair[0]) if pair[0] in form else 99):
        spec = registry.fields.get(name)
        if spec is None or name in requests.OF_REPORTER or spec.kind == "files" or value in (None, "", []):
            continue
        if words := value_words(spec, value, units):
            rows.append((str(spec.title), words))
    return rows


def value_words(spec: registry.FormField, value: Any, units: dict[int, Unit]) -> str:
    """Say a value of a form as people do."""
    if spec.kind in ("unit", "section"):
        return units[value].name if value in units else ""
    if spec.kind == "units":
        return "、".join(units[u].name for u in value if u in units)
    if spec.kind == "choice":
        return str(dict(spec.choices).get(value, value))
    if spec.kind == "category":
        return dict(queries.categories()).get(value, str(value))
    if spec.kind == "moment":
        return html.when(datetime.fromisoformat(value))
    if spec.kind == "yes":
        return _("是") if value else ""
    if spec.kind == "replies":
        return "\n".join(f"{codes.show_code(code)}：{words}" for code, words in value.items())
    if spec.kind == "parts":
        return "\n".join(f"{n}. {part['summary']}" for n, part in enumerate(value, start=1))
    return codes.show_code(value) if spec.kind == "case" else str(value)


def is_original(file: Attachment) -> bool:
    """Say whether a file is the reporter's own: from the report, or added later."""
    return file.original or bool(file.entry and file.entry.actor == "reporter")


def ids_in(value: Any) -> Iterable[int]:
    return value if isinstance(value, list) else [value] if isinstance(value, int) else []
