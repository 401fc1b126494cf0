"""The acts on a case page: which buttons stand there, the form that opens in place, what is said afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from gongzhi.base import codes, html
from gongzhi.desk import dossier, phrases, queries, timeline, undo
from gongzhi.desk.dossier import Dossier
from gongzhi.duties import queries as duties
from gongzhi.duties import search as duty_search
from gongzhi.duties.queries import Told
from gongzhi.duties.rules import GIVEN_BACK, Quoted
from gongzhi.flow import offers, registry
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case, Entry
from gongzhi.flow.offers import Offer
from gongzhi.org.models import Unit
from gongzhi.requests import forms, rules
from gongzhi.requests import queries as requests
from gongzhi.requests.forms import HANDLING, BoundField, Kept
from gongzhi.requests.rules import Suggestion

SHOWN = 4  # buttons in a row; the others stand behind 更多
OFF_LIST = {"refuse_off_list": "lead", "refuse_off_list_helper": "helpers", "refuse_off_list_inner": "section"}
KEYS = ("accept", "dispatch", "sign", "contact", "finish", "assign", "called", "checked", "rule")  # what d does, in this order
STEPS = ("agree", "refuse", "assign")  # verbs that are steps of the work itself
FINAL = {"unrated": _("归档以后不能再改，确定没有接通、不再回访？")}
CAREFUL = ("return", "appeal", "refuse", "excuse", "send_back", "hold", "hard", "merge", "take_back", "withdraw",
           "give_back")
DECLINES = tuple(rules.DECLINES)
ICONS = timeline.ICONS | {"agree": "check", "refuse": "x", "legal": "x", "repeat": "x", "secret": "x", "outside": "x",
                         "unlawful": "x", "withdraw": "x"}


@dataclass(frozen=True)
class Button:
    """One act as it stands on the page: a link to its form, or a button that does it at once."""

    offer: Offer
    icon: str
    href: str
    url: str
    at_once: bool
    confirm: str
    group: str  # main, more, decline, quiet
    key: str
    title: str

    def asks(self, name: str) -> bool:
        """Say whether the form of the act has a field."""
        return not self.offer.refused and any(f.name == name for f in self.offer.form)


def buttons(seen: Dossier) -> list[Button]:
    """List what a person can do now, the next step first; what is not allowed stands last, with its reason."""
    ranked = sorted(seen.offers, key=lambda o: _rank(o))
    found, key, n = [], "d", 0
    for offer in ranked:
        group = _group(offer)
        if group == "main":
            n += 1
            group = "main" if n <= SHOWN else "more"
        usable = not offer.refused
        found.append(_button(seen, offer, group, key if usable else ""))
        key = "" if usable else key
    return found


def _rank(offer: Offer) -> tuple[bool, bool, int, bool]:
    approving = offer.name in ("agree", "refuse")
    first = KEYS.index(offer.name) if offer.name in KEYS else len(KEYS)
    aside = offer.is_verb and offer.name not in STEPS
    return bool(offer.refused), aside, 0 if approving else first, offer.name in CAREFUL


def _group(offer: Offer) -> str:
    if offer.name in DECLINES:
        return "decline"
    return "quiet" if offer.is_verb and offer.name not in STEPS else "main"


def _button(seen: Dossier, offer: Offer, group: str, key: str) -> Button:
    case, title = seen.case, offer.title
    if offer.name in ("agree", "refuse"):
        asked = next((t.asks or {} for t in seen.tasks if t.pk == offer.task_id), {})
        title = f"{title}{queries.action_title(case, asked.get('action'))}"
    page = reverse("desk:case", args=[case.code])
    query = {"do": offer.name, **({"task": str(offer.task_id)} if offer.task_id else {})}
    return Button(
        offer, ICONS.get(offer.name, "clipboard-check"), page + "?" + urlencode(query) + "#act",
        reverse("desk:act", args=[case.code, offer.name]), not offer.form, FINAL.get(offer.name, ""), group, key, title)


@dataclass
class Panel:
    """The form of an act, open on the page."""

    offer: Offer
    fields: list[BoundField]
    url: str
    button: str
    said: str
    stage: str
    draft: str
    suggestions: list[Suggestion] = field(default_factory=list)
    due_at: datetime | None = None
    returns_left: int | None = None
    returns_most: int = 0
    last_answer: str = ""
    precedents: list[tuple[Entry, str]] = field(default_factory=list)
    asked: tuple[str, list[tuple[str, str]], list[Attachment]] | None = None
    empty: str = ""  # a warning about the reply a reviewer is asked to agree to
    other: Button | None = None
    lists: list[Told] = field(default_factory=list)  # what the lists of who does what say of it
    kept_from: dict[str, str] = field(default_factory=dict)  # units that a list keeps it from, with the sentence
    snippets: list[tuple[str, str]] = field(default_factory=list)  # phrases that fit, filled in: (title, words)

    @property
    def writes(self) -> bool:
        """Say whether words are written."""
        return any(f.kind in ("text", "replies") for f in self.fields)

    @property
    def dispatches(self) -> bool:
        return any(f.name == "lead" for f in self.fields)

    def rest(self) -> list[BoundField]:
        return [f for f in self.fields if f.name != "lead"]

    @property
    def lead(self) -> BoundField:
        return next(f for f in self.fields if f.name == "lead")


def find(case: Case, actor: Actor, name: str, task_id: int | None) -> Offer | None:
    """Find the offer a form was made for, if it still stands."""
    found = [o for o in offers.available(case, actor) if o.name == name and not o.refused]
    same = next((o for o in found if o.task_id == task_id), None)
    return same or (found[0] if found and name not in ("agree", "refuse") else None)


def panel(seen: Dossier, name: str, task_id: int | None, *, data: QueryDict | None = None,
          faults: Mapping[str, str] | None = None, files: Mapping[str, list[Kept]] | None = None,
          said: str = "") -> Panel | None:
    """Open the form of an act; None where no act is asked for or it is not (or no longer) the person's."""
    mine = [o for o in seen.offers if o.name == name and not o.refused]
    offer = next((o for o in mine if o.task_id == task_id), mine[0] if mine else None)
    if offer is None:
        return None
    case = seen.case
    leads = any(f.name == "lead" for f in offer.form)
    suggested = dossier.suggestions(case, seen.request) if leads else None
    fields = forms.bound_fields(offer, case, data, faults, suggested, files)
    made = Panel(offer, fields, reverse("desk:act", args=[case.code, name]), offer.title, said, case.stage,
                 f"act-{case.code}-{name}", suggested or [])
    if made.dispatches:
        _prepare_dispatch(made, seen)
    if made.writes:
        made.snippets = phrases.for_case(seen.standing, case)
    if name in ("return", "appeal", "rule"):
        made.precedents = dossier.precedents(seen.standing, seen.request)
    if name in ("agree", "refuse"):
        _prepare_decision(made, seen)
    return made


def _prepare_dispatch(made: Panel, seen: Dossier) -> None:
    made.due_at = dossier.dispatch_due(seen.case, seen.process, made.offer.to)
    limit = seen.process.limits.get("returns")
    made.returns_left = limit.max - offers.used("returns", seen.case) if limit else None
    made.returns_most = limit.max if limit else 0
    made.last_answer = dossier.last_answer(seen.same)
    if made.due_at:
        words = _("派出，{at}前办结") if made.offer.name in ("dispatch", "designate", "override") else _("{what}，{at}前办结")
        made.button = words.format(what=made.offer.title, at=html.when(made.due_at))
    _ask_the_lists(made, seen)
    if not made.lead.value and made.suggestions and made.offer.name != "override":
        lead = str(made.suggestions[0].unit_id)
        made.fields = [replace(f, value=lead) if f.name == "lead" else f for f in made.fields]


def _ask_the_lists(made: Panel, seen: Dossier) -> None:
    """Quote what the lists say, and mark the units they keep it from; for a leader who goes past them, mark none."""
    category = seen.request.category
    if category is None:
        return
    made.lists = duties.told(seen.case, category)
    if made.offer.name == "override":
        here = duties.local(seen.case)
        stopped = duties.verdicts(category, here, leads=True)
        made.suggestions = [Suggestion(u.pk, u.name, ((_("清单"), stopped[u.pk].sentence),), 0) for u in here if u.pk in stopped
                            and not set(u.path) & set(seen.case.about_units)]
    else:
        ids = [int(value) for value, _title in made.lead.choices]
        units = Unit.objects.filter(pk__in=ids, kind__in=duties.BOUND).select_related("place")
        made.kept_from = {str(pk): v.sentence for pk, v in duties.verdicts(category, units, leads=True).items()}


@dataclass(frozen=True)
class OffList:
    """That a unit was handed what its list does not have: the act by which it gives it back, and the line quoted."""

    button: Button
    sentence: str
    line: Quoted | None


def off_list(seen: Dossier, some: list[Button]) -> OffList | None:
    """Find whether a person's unit may give a case back by its list."""
    button = next((b for b in some if b.offer.name in GIVEN_BACK and not b.offer.refused), None)
    task = next((t for t in seen.tasks if button and t.pk == button.offer.task_id), None)
    unit = task.unit if task else Unit.objects.filter(pk=seen.case.fields.get(OFF_LIST[button.offer.name]) or 0).first() \
        if button and button.offer.name != "refuse_off_list_helper" else None
    if button is None or unit is None:
        return None
    verdict = duties.verdicts(seen.request.category, [unit], leads=button.offer.name == "refuse_off_list").get(unit.pk)
    return OffList(button, verdict.basis, verdict.line) if verdict else None


def _prepare_decision(made: Panel, seen: Dossier) -> None:
    task = next((t for t in seen.tasks if t.pk == made.offer.task_id), None)
    if task is None:
        return
    made.asked = dossier.asked(task, seen.case, seen.units)
    made.empty = requests.warning_of(task)
    made.button = f"{made.offer.title}{made.asked[0]}"
    if (task.asks or {}).get("action") in ("return", "appeal", "excuse"):
        made.precedents = dossier.precedents(seen.standing, seen.request)
    others = (b for b in buttons(seen) if b.offer.task_id == task.pk and b.offer.name != made.offer.name)
    made.other = next(others, None)


def typed(data: QueryDict) -> list[tuple[str, str]]:
    """List what was typed into a form whose act is gone, so that nothing is lost."""
    rows = []
    for name in data:
        spec, text = registry.fields.get(name), str(data[name])
        if spec and spec.kind in ("line", "text") and text.strip():
            rows.append((str(spec.title), text))
    return rows


def search_units(case: Case, q: str) -> list[tuple[Unit, str]]:
    """Find units by name or pinyin, and by what the four lists say, the line quoted; never recused ones."""
    allowed = Unit.objects.filter(active_to=None, kind__in=HANDLING).exclude(path__overlap=case.about_units)
    letters = Q(pinyin__startswith=q.lower()) | Q(pinyin__contains=" " + q.lower())
    named = allowed.filter(Q(name__icontains=q) | Q(short_name__icontains=q) | letters)
    found = {u.pk: (u, "") for u in named.order_by("id")[:8]}
    for unit, line in duty_search.units(q, case.path):
        if unit.active_to is None and not set(unit.path) & set(case.about_units):
            words = _("{list}第 {n} 项：{text}").format(list=line.title, n=line.number, text=line.text)
            found[unit.pk] = (unit, found.get(unit.pk, (unit, ""))[1] or words)
    return list(found.values())[:10]


def kept_from(case: Case, units: list[Unit], *, leads: bool) -> dict[int, str]:
    """Say of found units why a list keeps the case from them."""
    found = duties.verdicts(case.request.category, units, leads=leads)
    return {pk: verdict.sentence for pk, verdict in found.items()}


def with_chosen(hits: list[tuple[Unit, str]], lead: str) -> list[tuple[Unit, str]]:
    """Keep the unit chosen before among the hits of a search: what is not shown is not sent."""
    if not lead.isdecimal() or len(lead) > 18 or any(str(unit.pk) == lead for unit, _words in hits):
        return hits
    return [*((unit, _("已选")) for unit in Unit.objects.filter(pk=int(lead), active_to=None)), *hits]


def praise(request: HttpRequest, case: Case, offer: Offer, actor: Actor) -> None:
    """Say what was done; a dispatch can be taken back for a minute."""
    code = codes.show_code(case.code)
    text = _("{code} 已{what}").format(code=code, what=offer.title.removesuffix("…"))
    if offer.approve:
        text = _("{code} 已提交{what}，等待审核").format(code=code, what=offer.title)
    lead = case.fields.get("lead")
    if any(f.name == "lead" for f in offer.form) and lead:
        name = Unit.objects.filter(pk=lead).values_list("short_name", flat=True).first()
        text = _("{code} 已派给{unit}").format(code=code, unit=name)
        if find(case, actor, "take_back", None):
            undo.keep(request, case, text)
            text = ""  # stands there with the undo, on every page until the minute is over
    request.session["desk_toast"] = {"text": text, "draft": f"act-{case.code}-{offer.name}", "state": ""}
