"""What a resident may read: a place and who looks after it, and how a matter stands, like a parcel."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from gongzhi.base import html
from gongzhi.flow import offers
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case, Entry, Task
from gongzhi.org.models import Unit
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.requests import queries as requests
from gongzhi.requests import rules, splitting
from gongzhi.requests.models import Message, Opening, Rating, Request

ICONS = {
    "received": "inbox", "dispatching": "send", "handling": "tool", "to_rate": "star", "done": "circle-check-f",
    "redoing": "refresh",
}


# Places ---------------------------------------------------------------------------------------------------------------


def around(lon: float, lat: float, metres: float = 600) -> dict[str, Any]:
    """Give the polygons about a point: its grid marked, the grids of its community, compounds and buildings near by."""
    found = index.locate(lon, lat)
    if found is None:
        return {"type": "FeatureCollection", "features": []}
    features = [_marked(f, "grid", found.place_id) for f in places.outlines("grid", found.path[-2])["features"]]
    for kind in ("compound", "building"):
        features += [_marked(f, kind) for f in places.outlines(kind, found.path[-2])["features"]]
    return {"type": "FeatureCollection", "features": features}


def _marked(feature: dict[str, Any], kind: str, now: int | None = None) -> dict[str, Any]:
    return {**feature, "properties": {**feature["properties"], "kind": kind, "now": feature["id"] == now}}


def nearby(spot: requests.Spot, metres: float = 500) -> list[dict[str, Any]]:
    """List open matters near a point by kind, state and distance alone: the public rows of `nearby_for_public`."""
    found = requests.open_to_all(requests.near(spot.lon, spot.lat, metres))
    rows = [
        {"name": r.category.name, "state": r.case.fields.get("public", "received"), "opened_at": r.case.opened_at,
         "metres": round(requests.metres_to(r.case, spot.lon, spot.lat), -1),
         "compound": index.name_of(r.compound_id)}
        for r in found.order_by("-case__opened_at")[:60] if r.category
    ]
    return sorted((r for r in rows if r["metres"] <= metres), key=lambda r: r["metres"])[:20]


# Progress -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of the trail: what happened, when, the words meant for the reporter, and files."""

    icon: str
    title: str
    at: datetime
    words: str = ""
    state: str = "done"
    files: list[Attachment] = field(default_factory=list)
    own: bool = False  # what the reporter said
    answers: bool = False  # it is the answer that is rated


@dataclass(frozen=True)
class Part:
    """One part of a message that was several matters: how it stands, and its page."""

    request: Request
    state: str
    words: str
    icon: str
    here: bool


@dataclass(frozen=True)
class Progress:
    """How a matter stands for the one who reported it."""

    case: Case
    request: Request
    state: str
    state_words: str
    icon: str
    chip: str
    where: str
    holder: str
    rule: str
    rings: tuple[str, datetime | None] | None
    lines: list[Line]
    answer: Line | None  # the last one
    messages: list[Message]
    openings: list[Opening]
    rating: Rating | None
    can: dict[str, offers.Offer]
    may_change_rating: bool
    part: str  # which part of how many it is, "" where it is whole
    parts: list["Part"]  # all of a split matter


def progress(request: Request, reporter: Actor) -> Progress:
    """Put together what the tracking page shows."""
    case = request.case
    state, lines = requests.public_state(case), list(trail(request))[::-1]
    rating = Rating.objects.filter(case=case).first()
    return Progress(
        case=case, request=request, state=state, state_words=str(rules.PUBLIC_STATES[state]), icon=ICONS[state],
        chip="done" if case.closed_at else "wait" if case.held_at else "due" if state == "to_rate" else "intime",
        where=requests.whereabouts(request, reads=True),
        holder=holder(requests.followed(case)), rings=requests.rings(case),
        rule=rules.time_limit(case.standard, case.standard_source), lines=lines,
        answer=next((line for line in lines if line.answers), None),
        messages=list(case.messages.select_related("unit").order_by("at")),
        openings=list(case.openings.order_by("-at")), rating=rating,
        can={o.name: o for o in offers.available(case, reporter) if not o.refused or o.name == "urge"},
        may_change_rating=bool(rating and requests.may_change(case)), part=splitting.of_part(case), parts=_parts(request),
    )


def _parts(request: Request) -> list[Part]:
    """List the parts of a split matter, the one with its reporter's code first; none of what is whole."""
    whole = requests.whole(request)
    others = list(requests.parts(whole.case))
    states = [(one, requests.public_state(one.case)) for one in [whole, *others]] if others else []
    return [Part(one, state, str(rules.PUBLIC_STATES[state]), ICONS[state], one.pk == request.pk) for one, state in states]


BY_TAIL = ("urge", "comment", "attach")  # what code and last four digits are enough for


def without_link(page: Progress) -> Progress:
    """Leave out what only the link opens: rating, redo and withdrawal, and of a complaint what the reporter wrote."""
    can = {name: offer for name, offer in page.can.items() if name in BY_TAIL}
    page = replace(page, can=can, rating=None, may_change_rating=False, parts=[])
    if not page.request.is_guarded:
        return page
    case = copy(page.case)  # shown, never saved
    case.title = str(rules.KINDS[page.request.kind])
    lines = [replace(line, words="", files=[]) if line.own else line for line in page.lines]
    return replace(page, case=case, where=requests.where(page.case), lines=lines, messages=[])


def holder(case: Case) -> str:
    """Name who has a matter now: the unit that leads, or the desk it lies on; "" while the reporter is asked."""
    if case.closed_at:
        return ""
    if case.fields.get("lead") and case.stage == "handling":
        return _names([case.fields["lead"]])
    return _names(_desks(case))


def _desks(case: Case) -> list[int]:
    tasks = Task.objects.filter(case=case, done_at=None, kind="work", unit__isnull=False).order_by("pk")
    return [int(u) for u in dict.fromkeys(tasks.values_list("unit_id", flat=True))][:2]


def told(case: Case) -> str:
    """Name who is told when the reporter urges: everybody on whose desk the matter lies."""
    return _names(_desks(requests.followed(case)))


def _names(ids: list[int]) -> str:
    units = dict(Unit.objects.filter(pk__in=ids).values_list("pk", "name"))
    return "、".join(units[i] for i in ids if i in units)


def trail(request: Request) -> Iterator[Line]:
    """Tell what happened, oldest first: who and when always, words only where they were meant for the reporter."""
    case = request.case
    yield Line("user", _("您提交了反映"), case.opened_at, request.words, files=list(requests.originals(None, case)),
               own=True)
    entries = case.entries.filter(state="done").select_related("unit").prefetch_related("attachments__file")
    for entry in entries.order_by("id"):
        if line := _line(entry, request):
            yield line


WORDS_IN = ("reply", "answer", "told", "explanation", "note", "reason", "said", "time_told")
DECLINED = ("emergency", "legal", "repeat", "secret", "outside", "unlawful", "give_back")
# Acts that give a line; everything else is inner business of the units.
LINE_ICONS = {
    "accept": "check", "dispatch": "send", "designate": "send", "redispatch": "send", "rule": "send",
    "override": "send", "take_back": "arrow-back-up",
    "sign": "clipboard-check", "contact": "phone", "interim": "tool", "finish": "tool",
    "answer": "messages",
    "explain": "file-description", "extend": "history", "hold": "player-pause", "resume": "player-play",
    "redo": "refresh", "fail": "refresh", "hard": "arrow-up", "rate": "star", "called": "phone", "no_answer": "phone",
    "heard": "phone", "unheard": "archive", "called_off": "arrow-back-up",
    "unrated": "archive", "archive": "archive", "merge": "git-merge", "answered": "tool",
    "take_apart": "arrow-back-up", "set_free": "arrow-back-up", "split": "send", "withdraw": "arrow-back-up",
    "urge": "bell-ringing", "comment": "plus", "attach": "photo", **dict.fromkeys(DECLINED, "info-circle"),
}
OWN = ("comment", "attach", "urge", "withdraw")  # shown only where the reporter did it


def _line(entry: Entry, request: Request) -> Line | None:
    """Say one act in the resident's words, or nothing."""
    if entry.action not in LINE_ICONS or (entry.action in OWN and entry.actor != "reporter"):
        return None
    said = next((str(entry.values[name]) for name in WORDS_IN if entry.values.get(name)), "")
    for_reporter = entry.public or entry.action in OWN
    words = _due_words(request.case) if entry.action == "accept" else said if for_reporter else ""
    files = list(entry.attachments.all()) if for_reporter else []
    return Line(LINE_ICONS[entry.action], _line_title(entry, request), entry.at, words, files=files,
                state="wait" if entry.action in DECLINED else "done", own=entry.actor == "reporter",
                answers=entry.action in ("finish", "explain", "answered") and bool(words))


def _line_title(entry: Entry, request: Request) -> str:
    unit, values = entry.unit.name if entry.unit else "", entry.values
    if entry.action in DECLINED:
        return _("未受理，原因如下")
    if "lead" in values:
        return _("派给%(unit)s") % {"unit": _names([values["lead"]])}
    titles = {
        "accept": _("平台已受理，归为“%(name)s”") % {"name": request.category.name if request.category else ""},
        "take_back": _("撤回派单，另选办理单位"),
        "sign": _("%(unit)s已签收") % {"unit": unit},
        "contact": _("%(unit)s已联系您") % {"unit": unit},
        "interim": _("%(unit)s说明进展") % {"unit": unit},
        "finish": _("%(unit)s办完并答复") % {"unit": unit},
        "answer": _("当场答复"),
        "explain": _("%(unit)s书面说明") % {"unit": unit},
        "extend": _("延长 %(n)s 个工作日") % {"n": values.get("days", "")},
        "hold": _("暂停办理"),
        "resume": _("恢复办理"),
        "redo": _("没有解决，重新办理"),
        "hard": _("没有解决，转上一级办理"),
        "fail": _("现场核查没有解决，重新办理"),
        "rate": _("您已评价"),
        "called": _("已电话回访"),
        "heard": _("市热线已回访"),
        "unheard": _("未评价，已归档"),
        "called_off": _("市热线撤单"),
        "no_answer": _("回访电话未接通"),
        "unrated": _("未评价，已归档"),
        "archive": _("已归档"),
        "merge": _("与同一件事合并办理"),
        "answered": _("%(unit)s办完并答复") % {"unit": unit},
        "take_apart": _("改为单独办理"),
        "set_free": _("改为单独办理"),
        "split": _("反映了几件事，分开办理"),
        "withdraw": _("您撤回了"),
        "urge": _("您催了一次"),
        "comment": _("您补充说明"),
        "attach": _("您补充了照片"),
    }
    return titles[entry.action]


def _due_words(case: Case) -> str:
    first = case.first_due_at or case.due_at
    return _("最晚 %(time)s 前答复您") % {"time": html.when(first)} if first else ""
