"""Four lists of who does what, never one: what each may say of a matter, and what follows for whom it is handed to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

LISTS: dict[str, str | Promise] = {
    "catalogue": _("派单目录"), "powers": _("部门权责清单"), "street": _("街道履职事项清单"),
    "community": _("社区工作事项清单"),
}
# What each list is for, in one line.
SAYS: dict[str, str | Promise] = {
    "catalogue": _("诉求派给谁主办、谁协办"), "powers": _("部门依法有哪些职权、负哪些责任"),
    "street": _("街道自己做什么、配合做什么、什么已由上级收回"),
    "community": _("社区依法做什么、协助做什么、什么不得交给社区"),
}
STREET_PARTS: dict[str, str | Promise] = {
    "basic": _("基本履职"), "assisting": _("配合履职"), "taken_back": _("上级收回"),
}
COMMUNITY_PARTS: dict[str, str | Promise] = {
    "lawful": _("依法履行"), "assisting": _("协助"), "negative": _("负面（不得交社区）"),
}
PARTS: dict[str, dict[str, str | Promise]] = {"street": STREET_PARTS, "community": COMMUNITY_PARTS}
CLOSED = {"street": "taken_back", "community": "negative"}  # what the body of a list must not be handed
BODIES = ("street", "community")  # kinds of unit that have a list of their own
HANDED = ("dispatch", "designate", "redispatch", "rule", "override", "call_in", "assign")  # acts by which a matter is handed on
GIVEN_BACK = ("refuse_off_list", "refuse_off_list_helper", "refuse_off_list_inner")
OVERRIDDEN, REFUSED = "override", "refused"
DEPARTURES: dict[str, str | Promise] = {OVERRIDDEN: _("超清单派单"), REFUSED: _("拒单（不在清单）")}
SHOWN = 60  # words of a line that a refusal quotes

# In force -------------------------------------------------------------------------------------------------------------

STATES: dict[str, tuple[str, str | Promise]] = {
    "draft": ("wait", _("准备中")), "coming": ("intime", _("待施行")), "in_force": ("done", _("施行中")),
    "over": ("wait", _("已停用")),
}


def state(valid_from: date | None, valid_to: date | None, day: date) -> str:
    """Say how a version stands on a day."""
    if valid_from is None:
        return "draft"
    if valid_to is not None and valid_to < max(day, valid_from):
        return "over"
    return "coming" if valid_from > day else "in_force"


def last_before(day: date) -> date:
    """Give the last day of what is replaced from a day on."""
    return day - timedelta(days=1)


# What a list says of a matter -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quoted:
    """A line of a list as it is quoted: which list, which version by which document, number, words, who leads, why."""

    of_list: str
    version: str
    document: str
    number: str
    text: str
    part: str = ""
    lead: str = ""
    helpers: tuple[str, ...] = ()
    task: str = ""  # what the street or the community does of what another leads
    basis: str = ""
    line_id: int | None = None
    in_force: bool = True

    @property
    def title(self) -> str:
        """Say which list it is, and which part of it."""
        return " · ".join(str(words) for words in (LISTS[self.of_list], PARTS.get(self.of_list, {}).get(self.part, "")) if words)

    @property
    def where(self) -> str:
        """Say list, version and number: 《社区工作事项清单》2026版第 3 项."""
        return say("《{list}》{version}第 {n} 项").format(list=LISTS[self.of_list], version=self.version, n=self.number)

    @property
    def short(self) -> str:
        """Give the words of the line, cut where they are long."""
        return self.text if len(self.text) <= SHOWN else self.text[: SHOWN - 1] + "…"

    @property
    def led(self) -> str:
        """Say who leads and who helps."""
        lead = say("主办：{unit}").format(unit=self.lead) if self.lead else ""
        helpers = say("协办：{units}").format(units="、".join(self.helpers)) if self.helpers else ""
        return "；".join(filter(None, [lead, helpers]))


@dataclass(frozen=True)
class Verdict:
    """Why a list keeps a matter from a unit. `kind`: closed (上级收回, 负面), absent, or helps (may help, not lead)."""

    kind: str
    of_list: str
    version: str
    document: str
    unit: str
    category: str
    line: Quoted | None = None
    version_id: int | None = None

    @property
    def sentence(self) -> str:
        """Say at the field why it is not handed there: list, number, words."""
        if self.kind == "absent" or self.line is None:
            return say("《{list}》{version}里没有“{category}”，清单以外的事项不能派给{unit}。"
                       "请派给主管部门；确需派给的，由负责人“超清单派单”。").format(
                list=LISTS[self.of_list], version=self.version, category=self.category, unit=self.unit)
        words = {"where": self.line.where, "text": self.line.short, "unit": self.unit}
        if self.kind == "helps":
            return say("{where}“{text}”是社区协助事项，{unit}只能协办，不能主办。").format(**words)
        if self.of_list == "community":
            return say("{where}“{text}”列在负面清单，不得交给{unit}。").format(**words)
        taken = say("由{lead}承担，").format(lead=self.line.lead) if self.line.lead else ""
        return say("{where}“{text}”已由上级收回，{taken}不能派给{unit}。").format(taken=taken, **words)

    @property
    def basis(self) -> str:
        """Say on what list, version, number and document it stands."""
        document = say("（依据：{document}）").format(document=self.document) if self.document else ""
        if self.line is None:
            return say("《{list}》{version}没有这一项（不在清单）").format(
                list=LISTS[self.of_list], version=self.version) + document
        return f"{self.line.where}“{self.line.short}”" + document

    @property
    def formal(self) -> str:
        """Write the sentence by which a unit gives back what its list does not have."""
        why = say("不在本单位的清单里") if self.kind == "absent" else say("已由上级收回，不由街道办理") \
            if self.of_list == "street" else say("列在不得交给社区的事项里") if self.kind == "closed" \
            else say("是社区协助事项，不能由社区主办")
        whose = say("请派给{lead}。").format(lead=self.line.lead) if self.line and self.line.lead else say("请派给有职责的部门。")
        return say("“{category}”{why}，{unit}依清单退回，不再办理。依据：{basis}。{whose}").format(
            category=self.category, why=why, unit=self.unit, basis=self.basis, whose=whose)


def closed(parts: Sequence[str], name: str) -> bool:
    """Say whether a list shuts a matter out of its body: some lines speak of it, and every one of them does."""
    return bool(parts) and all(part == CLOSED[name] for part in parts)


# Finding a line by plain words ----------------------------------------------------------------------------------------

WHOLE, KEYWORD, CATEGORY = 6.0, 3.0, 8.0  # how much more than two characters in common say (default, no source)


def score(words: str, tokens: Iterable[str], line: Mapping[str, Any], guessed: Mapping[str, float]) -> float:
    """Say how well a line fits plain words: characters in common, its key words among them, the category they suggest.

    `line`: text, tokens, keywords, categories. A pair of characters counts the same in a long line and in a short one.
    """
    common = len(set(tokens) & set(line["tokens"]))
    keywords = sum(KEYWORD for keyword in set(line["keywords"]) if keyword and keyword in words)
    whole = WHOLE if len(words) > 1 and words in line["text"] else 0.0
    sure = max((guessed.get(code, 0.0) for code in line["categories"]), default=0.0)
    return common + keywords + whole + CATEGORY * sure


# Two versions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """What became of a line between two versions; `fields`: what was, what is, of a line that stayed under its number."""

    number: str
    kind: str  # added, removed, changed
    text: str
    fields: tuple[tuple[str, str, str], ...] = ()


CHANGES: dict[str, tuple[str, str | Promise]] = {
    "added": ("done", _("新增")), "removed": ("late", _("删去")), "changed": ("due", _("改动")),
}


def changes(before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> list[Change]:
    """Compare two versions, lines by number: {number: {title of a field: words}}, the first field being its text."""
    found = []
    for number in dict.fromkeys([*after, *before]):
        was, now = before.get(number), after.get(number)
        if was is None or now is None:
            kind, line = ("added", now) if was is None else ("removed", was)
            found.append(Change(number, kind, next(iter((line or {}).values()), "")))
        elif was != now:
            rows = [(name, was.get(name, ""), now.get(name, "")) for name in dict.fromkeys([*was, *now])]
            found.append(Change(number, "changed", next(iter(now.values()), ""), tuple(r for r in rows if r[1] != r[2])))
    return found
