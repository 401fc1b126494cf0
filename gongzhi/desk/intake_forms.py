"""The phone clerk's form: what was typed while somebody was on the line, where it is, and how it ends."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from gongzhi.flow import queries as flow
from gongzhi.flow import registry
from gongzhi.flow.definition import Action
from gongzhi.flow.forms import GAP
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.index import Node
from gongzhi.places.queries import Hit
from gongzhi.requests import actions, classify, defaults, queries, rules
from gongzhi.requests.classify import Guess
from gongzhi.requests.forms import BoundField
from gongzhi.requests.intake import KEY
from gongzhi.requests.models import Answer, Category
from gongzhi.requests.queries import Spot

CHANNELS = ("phone", "window")
GUARDED = ("complain", "tip_off")


@dataclass
class Call:
    """The form as it stands. `found_for` are the place words a chosen place was found for; `guessed` what we ticked."""

    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    words: str = ""
    name: str = ""
    phone: str = ""
    channel: str = "phone"
    on_behalf: bool = False
    q: str = ""
    found_for: str = ""
    place_id: int | None = None
    point: str = ""
    no_place: bool = False
    category: str = ""
    guessed: str = ""
    other: str = ""
    kind: str = ""
    summary: str = ""
    hide_reporter: bool = False
    about_unit: str = ""
    end: str = "accept"
    ends: dict[str, str] = field(default_factory=dict)  # the fields of the other ends, named "end-field"
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def is_guarded(self) -> bool:
        return self.kind in GUARDED

    @property
    def is_placeless(self) -> bool:
        """Whether it concerns no particular place, said or left out: what goes on to be dispatched lies somewhere."""
        return self.end != "accept" and (self.no_place or not (self.q or self.point or self.place_id))


@dataclass
class Look:
    """What the words and the place say by themselves, shown beside the form while it is typed."""

    found: list[Hit] | None = None
    spot: Spot | None = None
    area: Node | None = None  # what was chosen or said is too wide to be a spot
    guesses: list[Guess] = field(default_factory=list)
    category: Category | None = None


def read(post: QueryDict) -> Call:
    """Read a posted form, whole or half typed."""

    def text(name: str, most: int = 6000) -> str:
        return str(post.get(name, "")).replace("\x00", "").strip()[:most]

    place, end, channel = text("place", 20), text("end", 24), text("channel", 10)
    return Call(
        key=text("key", 40) or uuid.uuid4().hex, words=text("words", 20_000), name=text("name"),
        phone=text("phone", 40),
        channel=channel if channel in CHANNELS else "phone", on_behalf=bool(text("on_behalf")), q=text("q", 400),
        found_for=text("found_for", 400), place_id=int(place) if place.isdecimal() else None, point=text("point", 40),
        no_place=bool(text("no_place")), category=text("category", 10), guessed=text("guessed", 10),
        other=text("other", 10), kind=text("kind", 10), summary=text("summary"), about_unit=text("about_unit", 20),
        hide_reporter=bool(text("hide_reporter")), end=end if end in endings() else "accept",
        ends={name: text(name) for name in post if "-" in name},
    )


def endings() -> dict[str, Action]:
    """Give the ends a call can come to: accept, answer at once, the lawful branches; as the process file has them.

    What is for matters of another house is none of them.
    """
    process = flow.definition(flow.current_version(KEY))
    stage = process.stages[process.start]
    return {a.name: a for a in stage.actions.values() if "operator" in a.by and a.to != stage.name
            and "sent_by_another_house" not in a.when}


# While it is typed ----------------------------------------------------------------------------------------------------


def look(call: Call) -> Look:
    """Settle place and category as far as the words go; what the clerk chose stays chosen."""
    seen = Look(found=find(call), guesses=classify.guess(call.words, 4))
    seen.spot = _spot(call, seen.found)
    seen.area = None if seen.spot else queries.area_of(call.place_id)
    if not call.other and call.category in ("", call.guessed):
        call.category = call.guessed = seen.guesses[0].code if seen.guesses else ""
    code = call.other or call.category
    seen.category = Category.objects.filter(code=code, active=True).exclude(limit="").first() if code else None
    return seen


def find(call: Call) -> list[Hit] | None:
    """Find places that fit the place words, else compounds named in what was said; None where nothing was asked."""
    if call.q:
        return places.search(call.q, limit=6)
    named = places.search(call.words[:120], kinds=("compound",), limit=4) if call.words else []
    return [hit for hit in named if hit.name in call.words] or None


def _spot(call: Call, found: list[Hit] | None) -> Spot | None:
    """Take the pin, else the place chosen for these words, else the first whose whole name was said."""
    if point := _point(call.point):
        return queries.spot(*point)
    if call.place_id and call.found_for == call.q:
        return queries.spot_of(call.place_id)
    said = call.q or call.words
    sure = [hit for hit in found or [] if hit.name in said]
    if not sure and len(found or []) == 1:
        sure = list(found or [])
    call.place_id = sure[0].id if sure else None
    return queries.spot_of(sure[0].id) if sure else None


def _point(text: str) -> tuple[float, float] | None:
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        return None
    return (lon, lat) if index.locate(lon, lat) else None


# Sending it -----------------------------------------------------------------------------------------------------------


def check(call: Call, spot: Spot | None, area: Node | None = None) -> None:
    """Say what is missing, next to its field; a kind nobody chose is read from the words."""
    call.kind = call.kind or _kind(call)
    if not call.words:
        call.faults["words"] = _("请记下来电人说的事。")
    elif len(call.words) > actions.WORDS_LIMIT:
        call.faults["words"] = _("最多写 {n} 个字，现在是 {m} 个字。").format(n=actions.WORDS_LIMIT, m=len(call.words))
    if spot is None and not call.is_placeless:
        ask = _("请选一个地点。") if call.q else _("请问清地点：小区、路口、门牌都行。")
        call.faults["place"] = too_wide(area) if area else ask
    if call.end == "accept":
        if not (call.other or call.category):
            call.faults["category"] = _("请选类别，可以从“全部类别”里找。")
        if call.is_guarded and not call.summary:
            call.faults["summary"] = _("投诉、举报要写摘要：承办单位只看摘要。")
    for name, value in ending_form(call).items():
        if GAP in str(value):
            call.faults[f"{call.end}-{name}"] = _("请把空白处（____）补上。")


def _kind(call: Call) -> str:
    """Read the kind from the words; what the clerk answers at once is a question, unless it sounds like a complaint."""
    kind = defaults.kind_of(call.words)
    return "consult" if call.end == "answer" and kind not in GUARDED else kind


def too_wide(area: Node) -> str:
    """Say that a community or district is not yet a place somebody can go to."""
    return _("“%(name)s”范围太大，请问清小区、路口，或在地图上点一下。") % {"name": area.name}


def ending_form(call: Call) -> dict[str, Any]:
    """Give the form of the chosen end but accept, as the process asks for it."""
    if call.end == "accept":
        return {}
    given = {f.name: call.ends.get(f"{call.end}-{f.name}", "") for f in endings()[call.end].form} | {"kind": call.kind}
    if call.end == "answer" and given.get("knowledge") and not given["answer"]:
        chosen = Answer.objects.filter(pk=int(given["knowledge"]), active=True).first() \
            if given["knowledge"].isdecimal() else None
        given["answer"] = queries.said(chosen) if chosen else ""
    return given


def form_of_act(call: Call, spot: Spot | None) -> dict[str, Any]:
    """Give what `requests.actions.take_call` hands to the process."""
    if call.end != "accept" or spot is None:
        return {"action": call.end, **ending_form(call)}
    guarded = {"summary": call.summary, "hide_reporter": "1" if call.hide_reporter else "",
               "about_unit": call.about_unit} if call.is_guarded else {}
    return {"category": call.other or call.category, "place": [spot.lon, spot.lat], "kind": call.kind, **guarded}


def report(call: Call, spot: Spot | None) -> actions.Report:
    """Give what was said as a report."""
    return actions.Report(
        spot.lon if spot else None, spot.lat if spot else None, words=call.words, address=call.q if spot else "",
        compound_id=spot.compound_id if spot else None, name=call.name, phone=call.phone, kind=call.kind,
        channel=call.channel, on_behalf=call.on_behalf, submitted_key=call.key,
    )


def blame(call: Call, faults: dict[str, str]) -> None:
    """Put what the process refused next to the fields of this form."""
    here = {"address": "place", "q": "place"}
    own = {f.name for f in endings()[call.end].form} if call.end != "accept" else set()
    for name, sentence in faults.items():
        call.faults[f"{call.end}-{name}" if name in own else here.get(name, name or "words")] = sentence


# Drawing it -----------------------------------------------------------------------------------------------------------


def drawn(call: Call) -> Iterator[tuple[str, str, bool, list[BoundField]]]:
    """Give each end with its title, whether a reviewer must agree, and its fields as they are drawn."""
    for name, action in endings().items():
        fields = [_field(call, name, f.name, f.required) for f in action.form if f.name not in ("knowledge", "kind")]
        yield name, _(action.title), action.approve is not None, [] if name == "accept" else fields


def _field(call: Call, end: str, name: str, required: bool) -> BoundField:
    spec, own = registry.fields[name], f"{end}-{name}"
    value = call.ends.get(own)
    if value is None:
        value = defaults.decline_text(end) if name in ("told", "time_told") and end in rules.DECLINES else ""
    return BoundField(
        own, str(spec.title), spec.kind, required, str(spec.help), [(v, str(t)) for v, t in spec.choices], value,
        call.faults.get(own, ""), spec.max_length,
    )
