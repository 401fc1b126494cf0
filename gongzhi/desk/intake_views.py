"""Taking a call: one keyboard form, answered while it is typed, ended lawfully, with a slip for who has no phone."""

import uuid
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gongzhi.base import calendar, clock, html, worktime
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Refused
from gongzhi.desk import intake_forms as forms
from gongzhi.desk.views import shell
from gongzhi.flow import access as doors
from gongzhi.flow.actors import Actor
from gongzhi.flow.actors import person as acting
from gongzhi.flow.models import Case
from gongzhi.org import queries as org
from gongzhi.org.models import Unit
from gongzhi.places import queries as places
from gongzhi.requests import actions, defaults, queries, rules
from gongzhi.requests.forms import categories
from gongzhi.requests.models import Request

SLIP_HOURS = 24  # how long the clerk who took a call may print its slip (default, no source)
CALLS_DAYS = 90


@access("post", "operator")
@require_http_methods(["GET", "POST"])
def intake(request: HttpRequest) -> HttpResponse:
    """Take a call; what is wrong is said next to its field and nothing that was typed is lost."""
    if request.method == "GET":
        return _page(request, forms.Call(phone=request.GET.get("phone", "")[:20]))
    call = forms.read(request.POST)
    seen = forms.look(call)
    spot = None if call.is_placeless else seen.spot
    forms.check(call, spot, seen.area)
    if not call.faults:
        try:
            receipt = actions.take_call(forms.report(call, spot), forms.form_of_act(call, spot), by=_actor(request))
            return redirect("desk:intake_done", receipt.code)
        except Faults as fault:
            forms.blame(call, fault.faults)
        except Refused as fault:
            forms.blame(call, {fault.field: fault.sentence})
    return _page(request, call, seen, status=422)


def _actor(request: HttpRequest) -> Actor:
    return acting(request.standing)  # type: ignore[attr-defined]


def _page(request: HttpRequest, call: forms.Call, seen: forms.Look | None = None, status: int = 200) -> HttpResponse:
    about_q = request.POST.get("about_q", "").strip()[:40]
    about = list(Unit.objects.filter(pk=int(call.about_unit))) if call.about_unit.isdecimal() else org.search(about_q)
    context = {
        **_beside(request, call, seen or forms.look(call)), "ends": list(forms.drawn(call)), "kinds": rules.KINDS,
        "categories": categories(), "channels": {c: rules.CHANNELS[c] for c in forms.CHANNELS},
        "units": about, "about_q": about_q,
        "centre": places.centre(), "first": next(iter(call.faults), ""),
    }
    return render(request, "desk/intake.html", {**shell(request, at="intake"), **context}, status=status)


def _beside(request: HttpRequest, call: forms.Call, seen: forms.Look) -> dict[str, Any]:
    """Collect what appears beside the form: twins, answers, and what can be told to the caller."""
    lon, lat = (seen.spot.lon, seen.spot.lat) if seen.spot else (0.0, 0.0)
    chosen = seen.category if call.other or call.category != call.guessed else None
    twins = queries.twins(request.standing, lon=lon, lat=lat, words=call.words, kind=chosen) if call.words else []  # type: ignore[attr-defined]
    return {
        "call": call, "seen": seen, "too_wide": forms.too_wide(seen.area) if seen.area else "",
        "twins": twins, "states": rules.PUBLIC_STATES,
        "answers": [(a, queries.said(a)) for a in queries.answers(call.words)],
        "kind_guess": defaults.kind_of(call.words) if call.words else "", "kind_titles": rules.KINDS,
        **_promise(seen),
    }


def _promise(seen: forms.Look) -> dict[str, Any]:
    """Say by when and by which rule the category would be done, and who would probably lead."""
    if seen.category is None:
        return {"due_at": None, "rule": "", "suggestions": []}
    due_at, suggestions = worktime.due(clock.now(), seen.category.limit, calendar.load()), []
    if seen.spot:
        case = Case(about_units=[], path=list(seen.spot.path), place_id=seen.spot.grid_id)
        Request(case=case, compound_id=seen.spot.compound_id)  # whose property and heating companies act first
        suggestions = queries.suggest_units(case, seen.category, 2)
    rule = rules.time_limit(seen.category.limit, seen.category.limit_source)
    return {"due_at": due_at, "rule": rule, "suggestions": suggestions}


@access("post", "operator")
@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Answer a half typed form: place, categories, twins, answers. Nothing is written."""
    call = forms.read(request.POST)
    return render(request, "desk/intake_look.html", _beside(request, call, forms.look(call)))


@access("post", "operator")
@require_POST
def caller(request: HttpRequest) -> HttpResponse:
    """Look up what this number reported before; the number comes back masked and the look-up is logged."""
    phone, found, wrong = request.POST.get("phone", "")[:40], [], ""
    try:
        since = clock.now() - timedelta(days=CALLS_DAYS)
        found = actions.look_up(phone, since=since, by=_actor(request))
    except Faults as fault:
        wrong = fault.faults["phone"]
    return render(request, "desk/intake_caller.html", {
        "found": found, "wrong": wrong, "shown": html.mask_phone(phone), "days": CALLS_DAYS,
        "states": rules.PUBLIC_STATES})


@access("post", "operator")
@require_GET
def units(request: HttpRequest) -> HttpResponse:
    """Find the unit that is complained of."""
    q = request.GET.get("about_q", "").strip()[:40]
    return render(request, "desk/intake_units.html", {"units": org.search(q), "about_q": q, "chosen": ""})


@access("post", "operator")
@require_POST
def join(request: HttpRequest, code: str) -> HttpResponse:
    """Say 我也遇到 for the caller: the number, if given, is told of progress and shown to nobody."""
    case = doors.case(request.standing, code)  # type: ignore[attr-defined]
    call = forms.read(request.POST)
    if case.closed_at or case.request.is_guarded or case.about_units:
        call.faults["twin"] = _("这件事不能并入，请照常登记。")
        return _page(request, call, status=409)
    try:
        actions.join(case, device=call.phone or uuid.uuid4().hex, phone=call.phone)
    except Faults as fault:
        forms.blame(call, fault.faults)
        return _page(request, call, status=422)
    return redirect(reverse("desk:intake_joined", args=[case.code]) + ("?sms=1" if call.phone else ""))


@access("post", "operator")
@require_GET
def joined(request: HttpRequest, code: str) -> HttpResponse:
    """Tell what was joined, and what to tell the caller."""
    case = doors.case(request.standing, code)  # type: ignore[attr-defined]
    return render(request, "desk/intake_done.html", {
        **shell(request, at="intake"), "slip": queries.slip(case), "case": case, "joined": True,
        "has_phone": request.GET.get("sms") == "1"})


@access("post", "operator")
@require_GET
def done(request: HttpRequest, code: str) -> HttpResponse:
    """Say what was registered: the code to read out, who has it, by when and by which rule."""
    case = _taken(request, code)
    asked = case.tasks.filter(kind="approval", done_at=None).exists()
    return render(request, "desk/intake_done.html", {
        **shell(request, at="intake"), "slip": queries.slip(case), "case": case, "joined": False, "asked": asked,
        "has_phone": bool(case.request.phone)})


@access("post", "operator")
@require_GET
def slip(request: HttpRequest, code: str) -> HttpResponse:
    """Print the paper slip of a call just taken."""
    return render(request, "paper_slip.html", {"slip": queries.slip(_taken(request, code)), "now": clock.now()})


def _taken(request: HttpRequest, code: str) -> Case:
    """Get a case this clerk has just taken in; later, and for everybody else, the case page is the door."""
    since = clock.now() - timedelta(hours=SLIP_HOURS)
    mine = Request.objects.select_related("case__version").filter(
        case__code=code, case__opened_by=request.user.pk, case__opened_at__gte=since)
    found = mine.first()
    if found is None:
        raise Http404
    return found.case
