"""Several matters at once: dispatched, signed for, merged. Each on its own: what is refused is said, the others go."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from django.http import HttpRequest
from django.utils.translation import gettext as _

from gongzhi.base import codes
from gongzhi.base.errors import Faults, Refused
from gongzhi.desk import acts, dossier, queries, undo
from gongzhi.desk.rules import BATCH
from gongzhi.flow import actions
from gongzhi.flow import queries as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.org.rules import Standing
from gongzhi.requests import queries as requests
from gongzhi.requests.models import Request
from gongzhi.requests.rules import Suggestion

MISSING = "没有找到这件事。"


@dataclass(frozen=True)
class Told:
    """What came of one matter: what was done, or the sentence why not; how it is taken back."""

    code: str
    title: str
    done: str = ""
    said: str = ""
    undo: str = ""


@dataclass(frozen=True)
class Batched:
    """One of several matters to dispatch together: who is suggested, by when; whom somebody chose, why it did not go."""

    case: Case
    suggestions: list[Suggestion]
    due_at: datetime | None
    place: str
    chosen: str = ""
    said: str = ""


@dataclass
class Merging:
    """Several matters on their way to being one: those that were picked, what else may be the same, which one stays."""

    picked: list[Request]
    alike: list[Request] = field(default_factory=list)
    keep: str = ""


def wanted(codes_given: Iterable[str]) -> list[str]:
    """Read the codes that were picked, each once, as many as a page has."""
    return list(dict.fromkeys(code for code in codes_given if code.isascii() and code.isdecimal() and len(code) < 13))[:BATCH]


def found(standing: Standing, picked: list[str]) -> tuple[list[Case], list[Told]]:
    """Find the picked matters one may see, what is due first standing first; say of the others that there are none."""
    rows = flow.visible_to(standing).filter(code__in=picked).select_related("request__category", "request__suggested")
    cases = list(rows.order_by("due_at", "id"))
    seen = {case.code for case in cases}
    return cases, [Told(code, codes.show_code(code), said=_(MISSING)) for code in picked if code not in seen]


def tried(case: Case, done: str, work: Callable[[], object]) -> Told:
    """Do one, and say what came of it."""
    try:
        work()
    except Refused as refusal:
        return Told(case.code, case.title, said=refusal.sentence)
    except Faults as faults:
        return Told(case.code, case.title, said="；".join(faults.faults.values()))
    return Told(case.code, case.title, done=done)


# Dispatching ----------------------------------------------------------------------------------------------------------


def batch(cases: list[Case], actor: Actor) -> tuple[list[Batched], list[Told]]:
    """Prepare matters for being dispatched together; say of those that cannot be why."""
    rows, told = [], []
    for case in cases:
        offer = acts.find(case, actor, "dispatch", None)
        if offer is None:
            told.append(Told(case.code, case.title, said=_("这件事现在不由您派单：{stage}。").format(
                stage=queries.stage_title(case))))
            continue
        due_at = dossier.dispatch_due(case, flow.definition(case.version_id), offer.to)
        rows.append(Batched(case, dossier.suggestions(case, case.request), due_at, queries.lies(case)))
    return rows, told


def dispatch_all(rows: list[Batched], request: HttpRequest, by: Actor) -> tuple[list[Told], list[Batched]]:
    """Dispatch each to the unit chosen for it; return what came of each, and those that stay with what was chosen."""
    told, left = [], []
    for row in rows:
        code = codes.show_code(row.case.code)
        lead = request.POST.get(f"lead-{row.case.code}", "")
        if not lead:
            left.append(replace(row, chosen="", said=_("您选了先不派。")))
            continue
        unit = next((s.unit_name for s in row.suggestions if str(s.unit_id) == lead), "")
        moved: list[Case] = []

        def go(row: Batched = row, lead: str = lead, moved: list[Case] = moved) -> None:
            moved.append(actions.act(row.case.pk, "dispatch", by=by, form={"lead": lead}, stage=row.case.stage))

        one = tried(row.case, _("已派给{unit}").format(unit=unit), go)
        if one.said:
            left.append(replace(row, chosen=lead, said=one.said))
        else:
            one = replace(one, undo=undo.keep(request, moved[0], _("{code} 已派给{unit}").format(code=code, unit=unit)))
        told.append(one)
    return told, left


# Signing --------------------------------------------------------------------------------------------------------------


def sign_all(cases: list[Case], by: Actor) -> list[Told]:
    """Sign for each matter that lies on one's desk, for every part one has in it."""
    return [tried(case, _("已签收"), partial(_sign, case, by)) for case in cases]


def _sign(case: Case, by: Actor) -> None:
    offer = acts.find(case, by, "sign", None)
    if offer is None:
        raise Refused(_("没有等您签收的：已经签收过，或者已经不在您单位。"))
    signed: set[int | None] = set()
    while offer and offer.task_id not in signed:
        signed.add(offer.task_id)
        actions.act(case.pk, "sign", by=by, task_id=offer.task_id, stage=case.stage)
        offer = acts.find(case, by, "sign", None)


# Merging --------------------------------------------------------------------------------------------------------------


def merging(standing: Standing, cases: list[Case], keep: str = "") -> Merging:
    """Put together what is to be one matter: the picked, and what is suggested as the same; the oldest stays at first."""
    picked = [requests_of(case) for case in cases]
    seen = {r.pk for r in picked}
    alike: dict[int, Request] = {}
    for request in picked:
        alike |= {r.pk: r for r in dossier.twins(standing, request.case) if r.pk not in seen}
    stays = [r for r in [*picked, *alike.values()] if r.case.stage in requests.TAKES_IN]
    ahead = sorted(stays, key=lambda r: (r.case.stage == "dispatching", r.case.opened_at, r.pk))
    codes_there = {r.case.code for r in stays}
    return Merging(picked, list(alike.values()), keep if keep in codes_there else ahead[0].case.code if ahead else "")


def requests_of(case: Case) -> Request:
    """Give the request of a case with the case at hand."""
    request: Request = case.request
    request.case = case
    return request


def merge_all(cases: list[Case], keep: str, by: Actor) -> list[Told]:
    """Merge each into the one that stays."""
    done = _("已并入 {code}，诉求人会收到短信").format(code=codes.show_code(keep))
    return [tried(case, done, partial(_merge, case, keep, by)) for case in cases if case.code != keep]


def _merge(case: Case, keep: str, by: Actor) -> None:
    if acts.find(case, by, "merge", None) is None:
        raise Refused(_("这件事现在不能并单：{stage}。只有待派单的可以并入别的事项。").format(stage=queries.stage_title(case)))
    actions.act(case.pk, "merge", by=by, form={"same_case": keep}, stage=case.stage)
