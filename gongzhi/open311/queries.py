"""What Open311 shows: services, and of requests what anybody may know (requests.queries.open_to_all), in its own words.

Who filed a request by a key reads how it stands, and its own words, whether anybody else may know of it or not.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from gongzhi.base import clock
from gongzhi.flow import queries as flow
from gongzhi.flow.models import Case, Entry
from gongzhi.log import queries as log
from gongzhi.open311 import forms
from gongzhi.org.models import Unit
from gongzhi.places import index
from gongzhi.requests import queries as matters
from gongzhi.requests import rules
from gongzhi.requests.models import Category, Request

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = "2026-11-25T00:00:00+08:00"  # when what is offered here last changed
TAKEN_BACK = "withdraw"  # how a matter ended that its reporter took back: it is nobody's business any more
READ = (  # never a phone, a name or a secret
    "category__code", "category__name", "suggested__code", "suggested__name", "compound_id", "case__place_id",
    "case__path", "case__lon", "case__lat", "case__opened_at", "case__entered_at", "case__standard",
    "case__standard_source", "case__due_at", "case__closed_at", "case__outcome", "case__stage", "case__fields",
)
READ_CASE = ("case__closed_at", "case__outcome", "case__stage", "case__fields", "case__version_id")


def time(at: datetime | None) -> str | None:
    """Write a time as ISO 8601 with the offset of China."""
    return at.astimezone(clock.CHINA).isoformat(timespec="seconds") if at else None


def discovery() -> dict[str, Any]:
    """Say what is served where, and how to get a key."""
    contact = settings.OPEN311_CONTACT or _("{city}政务热线 {hotline}").format(
        city=settings.CITY_NAME, hotline=settings.HOTLINE)
    endpoint = {
        "specification": SPECIFICATION, "url": f"{settings.BASE_URL}/open311/v2", "changeset": CHANGESET,
        "type": "test" if settings.GONGZHI_DEMO else "production", "formats": ["text/xml", "application/json"],
    }
    return {"changeset": CHANGESET, "contact": contact, "endpoints": [endpoint],
            "key_service": _("向 {contact} 申请 api_key。").format(contact=contact)}


def services() -> list[dict[str, Any]]:
    """List the services in force; none has attributes."""
    return [
        {"service_code": c.code, "service_name": c.name, "description": _describe(c), "metadata": False,
         "type": "realtime", "keywords": ", ".join(c.keywords), "group": c.parent.name if c.parent else ""}
        for c in forms.services()
    ]


def _describe(category: Category) -> str:
    when = category.opens_when or category.name
    return "；".join([when, rules.time_limit(category.limit, category.limit_source)])


def found(search: forms.Search, key: str | None) -> list[dict[str, Any]]:
    """List requests, the newest first, a page of them; by id also those that this key filed and nobody else may see."""
    rows = Request.objects.select_related("case", "category", "suggested")
    own: set[int] = set()
    kept: set[int] = set()  # of these those that are not public
    if search.ids is None:
        rows = _chosen(_public(rows), search)
    else:
        own = log.written_by(f"key:{key}", "request.open", "case", search.ids) if key else set()
        kept = own - set(_public(Request.objects.filter(pk__in=own)).values_list("pk", flat=True)) if own else set()
        rows = rows.filter(Q(pk__in=kept) | Q(pk__in=_public(Request.objects.filter(pk__in=search.ids)).values("pk")))
    start = (search.page - 1) * search.size
    read = rows.only(*READ, *(["words"] if own else [])).order_by("-case__opened_at", "-case_id")
    page = list(read[start : start + search.size])
    leads = _names(r.case.fields.get("lead") for r in page if r.pk not in kept)
    compounds = index.names(r.compound_id for r in page if r.pk not in kept)
    return [_kept(r) if r.pk in kept else _whole(r, leads, compounds, own) for r in page]


def _public(rows: Any) -> Any:
    return matters.open_to_all(rows).exclude(case__outcome=TAKEN_BACK)


def _chosen(rows: Any, search: forms.Search) -> Any:
    rows = rows.filter(case__opened_at__gte=search.since, case__opened_at__lte=search.until)
    if search.categories is not None:
        rows = rows.filter(category__in=search.categories)
    if set(search.statuses) != set(forms.STATUSES):
        rows = rows.filter(case__closed_at__isnull=search.statuses == ("open",))
    return rows


def _names(units: Iterable[int | None]) -> dict[int, str]:
    return dict(Unit.objects.filter(pk__in={u for u in units if u}).values_list("pk", "name"))


def _standing(request: Request, category: Category | None) -> dict[str, Any]:
    """Say how a request stands, in every field there is; what only some may know is empty."""
    case = request.case
    return {
        "service_request_id": forms.veil("request", case.pk), "status": _status(case), "status_notes": _notes(case),
        "service_name": category.name if category else None, "service_code": category.code if category else None,
        "description": None, "agency_responsible": None,
        "service_notice": rules.time_limit(case.standard, case.standard_source),
        "requested_datetime": time(case.opened_at), "updated_datetime": time(case.closed_at or case.entered_at),
        "expected_datetime": time(case.due_at), "address": None, "address_id": None, "zipcode": None, "lat": None,
        "long": None, "media_url": None,
    }


def _kept(request: Request) -> dict[str, Any]:
    """Give whoever filed it how a request stands, and what was sent: words and service."""
    return {**_standing(request, request.suggested), "description": request.words}


def _whole(request: Request, leads: dict[int, str], compounds: dict[int, str], own: set[int]) -> dict[str, Any]:
    """Give a request as anybody may know it: kind, state, who has it and about where. Words only to who filed it."""
    case, category = request.case, request.category
    lon, lat = matters.about(request) or (None, None)
    place = index.node(request.compound_id or 0) or index.node(case.place_id)
    address = " · ".join(filter(None, [compounds.get(request.compound_id or 0, ""), matters.where(case)]))
    return {
        **_standing(request, category), "description": request.words if request.pk in own else category and category.name,
        "agency_responsible": leads.get(case.fields.get("lead") or 0), "address": address,
        "address_id": place.code or None if place and case.lon is not None else None, "lat": lat, "long": lon,
    }


def _status(case: Case) -> str:
    return "closed" if case.closed_at else "open"


def _notes(case: Case) -> str:
    if case.stage == "merged":
        return _("已与另一件事合并办理")
    state = case.fields.get("public", "received")
    return _("已答复，等待评价") if state == "to_rate" else str(rules.PUBLIC_STATES[state])


def updates(ids: list[int]) -> list[dict[str, Any]]:
    """List what happened to public requests, oldest first: acts the reporter was told of, by name alone, and the end."""
    public = list(_public(Request.objects.filter(pk__in=ids)).select_related("case").only(*READ_CASE))
    cases = {r.pk: r.case for r in public}
    acts = Entry.objects.filter(case__in=cases, public=True, state="done").exclude(actor="reporter").order_by("at", "pk")
    told = [(e.at, "update", e.pk, e.case_id, "open", _titles(cases[e.case_id].version_id).get(e.action, e.action))
            for e in acts[: forms.MOST]]
    ended = [(case.closed_at, "end", pk, pk, "closed", _notes(case)) for pk, case in cases.items() if case.closed_at]
    return [
        {"update_id": forms.veil(what, pk), "service_request_id": forms.veil("request", case_id), "status": status,
         "description": words, "updated_datetime": time(at), "media_url": None}
        for at, what, pk, case_id, status, words in sorted([*told, *ended], key=lambda row: (row[0], row[4] == "closed"))
    ]


@lru_cache(maxsize=16)
def _titles(version_id: int) -> dict[str, str]:
    process = flow.definition(version_id)
    titles = [(a.name, a.title) for _stage, a in process.all_actions()] + [(v.name, v.title) for v in process.verbs.values()]
    return {name: str(title) for name, title in titles}
