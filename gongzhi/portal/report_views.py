"""The doors of reporting: the form, where it is, and 我也遇到."""

import secrets
from typing import Any

import segno
from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from markupsafe import Markup

from gongzhi.base import files, limits
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.index import Node
from gongzhi.portal import browser, forms, queries
from gongzhi.requests import actions as requests
from gongzhi.requests import forms as acts
from gongzhi.requests import queries as matters
from gongzhi.requests import rules
from gongzhi.requests.models import Supporter

ANYONE = Actor("anyone")
FOUND = 4  # places to choose from: more push what was chosen off a phone's screen


@access("public")
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Take a report; what is wrong is said next to its field, and nothing that was typed or sent is lost."""
    if request.method == "GET":
        return _begin(request)
    if not limits.allow("report", limits.address(request), per_minute=30, burst=60):
        return render(request, "429.html", status=429)
    form = forms.read_report(request)
    spot = _settle(form)
    if request.POST.get("back"):  # from the question whether to join another matter
        form.faults.clear()
        return _again(request, form, spot, step=2)
    if request.POST.get("find"):
        return _again(request, form, spot, found=_search(form.q), step=2)
    found: list[places.Hit] | None = None
    if spot is None and (area := matters.area_of(form.place_id)):
        form.faults.setdefault("place", _too_wide(area))
    elif spot is None:
        found = _search(form.q)
        form.faults.setdefault("place", _(_OUTSIDE) if form.lon is not None else _no_place(found))
    if form.faults or spot is None:
        return _again(request, form, spot, found=found)
    if _unseen(request, form, spot):
        return _again(request, form, spot, step=2, look=True)
    try:
        receipt = requests.report(_report(form, spot), by=ANYONE)
    except Faults as faults:
        form.faults.update(faults.faults)
    except Refused as fault:
        form.faults[fault.field or "words"] = fault.sentence
    else:
        response = redirect("portal:done", receipt.code, receipt.secret)
        browser.remember(request, response, receipt.code, receipt.secret)
        browser.put(response, browser.PLACE, spot.compound_id or spot.grid_id)
        return response
    return _again(request, form, spot)


def _unseen(request: HttpRequest, form: forms.Report, spot: matters.Spot) -> bool:
    """Say whether something like it is open close by that the reporter was not shown before sending."""
    near_by = _twins(spot, form.words)
    rows = near_by.rows if near_by and near_by.by_words else []
    return bool({row["code"] for row in rows} - set(request.POST.getlist("shown")))


def _begin(request: HttpRequest) -> HttpResponse:
    form, spot, unknown = forms.Report(), None, ""
    if code := request.GET.get("place", ""):
        found = places.by_code(code)
        spot = matters.spot_of(found.pk) if found else None
        form.place_id = found.pk if found else None
        form.channel = "qr" if found else "portal"
        unknown = "" if found else _("没有认出这个二维码，请搜一下地点。")
    if unknown:
        form.faults["place"] = unknown
    return _show(request, form, spot, step=1)


def _settle(form: forms.Report) -> matters.Spot | None:
    """Find the place of a report: a chosen one, a point, or the only one its search words mean.

    A community or a district that was chosen is none, whatever was settled before. A compound of 0 was settled as
    none (a grid was chosen), so none is looked for beside the point.
    """
    if form.place_id and (spot := matters.spot_of(form.place_id)):
        return spot
    if matters.area_of(form.place_id):
        return None
    if form.lon is not None and form.lat is not None and form.device:
        return matters.spot_of_device(form.lon, form.lat)
    if form.lon is not None and form.lat is not None:
        node = index.node(form.compound_id) if form.compound_id else None
        return matters.spot(form.lon, form.lat, node, look_around=form.compound_id != 0)
    found = _search(form.q) or []
    form.place_id = found[0].id if len(found) == 1 else None
    return matters.spot_of(found[0].id) if len(found) == 1 else None


def _too_wide(area: Node) -> str:
    return _("“%(name)s”范围太大，请再选小区、路口，或在地图上点一下。") % {"name": area.name}


def _no_place(found: list[places.Hit] | None) -> str:
    return _("请在下面选一个地点。") if found else _("请说明地点：搜小区名，或在地图上点。")


def _report(form: forms.Report, spot: matters.Spot) -> requests.Report:
    return requests.Report(
        lon=spot.lon, lat=spot.lat, words=form.words, photos=forms.all_photos(form), voice=forms.the_voice(form),
        address=form.address, compound_id=spot.compound_id, phone=form.phone, channel=form.channel,
        submitted_key=form.key,
    )


def _again(request: HttpRequest, form: forms.Report, spot: matters.Spot | None, *,
           found: list[places.Hit] | None = None, step: int = 0, look: bool = False) -> HttpResponse:
    """Send the form back with everything in it; about where a photo was taken is offered where no place was given."""
    forms.keep_files(form)
    if spot is None and form.photo_position and (spot := matters.spot_of_device(*form.photo_position)):
        form.faults["place"] = _("照片大约是在这里拍的，请看是不是这里，再提交。")
    return _show(request, form, spot, found=found, step=step or form.step, status=422 if form.faults else 200, look=look)


def _show(request: HttpRequest, form: forms.Report, spot: matters.Spot | None, *, step: int,
          found: list[places.Hit] | None = None, status: int = 200, look: bool = False) -> HttpResponse:
    """Draw the form; `look`: it was about to be sent, but something like it is open close by."""
    return render(request, "portal/new.html", {
        "form": form, "look": look, "most": FOUND, "spot": spot, "found": found, "q": form.q, "step": step,
        "centre": places.centre(),
        "twins": _twins(spot, form.words), "states": rules.PUBLIC_STATES,
        **_wide(None if spot else matters.area_of(form.place_id)),
    }, status=status)


def _wide(area: Node | None) -> dict[str, Any]:
    """Say that a place is too wide, and offer the compounds in it, or else its grids, while they are few."""
    finer = (places.inside(area.id) or places.inside(area.id, ("grid",))) if area else []
    return {"area": area, "too_wide": _too_wide(area) if area else "",
            "finer": [(n, index.words(n.path[:-1])) for n in finer]}


def _twins(spot: matters.Spot | None, words: str) -> matters.Nearby | None:
    return matters.nearby_for_public(spot.lon, spot.lat, words[:forms.WORDS]) if spot else None


@access("public")
@require_GET
def kept(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show a photo, or play a recording, that waits for its form."""
    stored = acts.kept_file(token)
    if stored is None:
        raise Http404
    return FileResponse(files.path_of(stored.pk).open("rb"), content_type=stored.media_type)


@access("public")
@require_POST
def join(request: HttpRequest, code: str) -> HttpResponse:
    """Say 我也遇到 on an open matter near by, once it was confirmed: one browser counts once."""
    if not limits.allow("join", limits.address(request), per_minute=6, burst=10):
        return render(request, "429.html", status=429)
    case, form = _joinable(code), forms.read_report(request)
    forms.keep_files(form)
    over = case.closed_at is not None or matters.public_state(case) in rules.ANSWERED
    context = {"case": case, "category": case.request.category, "over": over, "form": form, "spot": _settle(form)}
    if over or request.POST.get("sure") != "1":
        return render(request, "portal/join.html", context, status=409 if over else 200)
    device = browser.get(request, browser.DEVICE, "") or secrets.token_urlsafe(16)
    try:
        supporter = requests.join(case, device=device)
    except Refused:  # it was finished this very moment
        return render(request, "portal/join.html", {**context, "over": True}, status=409)
    response = redirect("portal:joined", case.code, supporter.secret)
    browser.put(response, browser.DEVICE, device)
    return response


def _joinable(code: str) -> Case:
    """Get a matter of a kind that is shown near by, open or just finished; the same 404 for all others and none."""
    found = Case.objects.filter(code=code, private=False, about_units=[], request__category__private=False)
    case = found.exclude(request__kind__in=rules.GUARDED).select_related("request__category").first()
    if case is None:
        raise Http404
    return case


@access("public")
@require_http_methods(["GET", "POST"])
def joined(request: HttpRequest, code: str, secret: str) -> HttpResponse:
    """Follow a matter I joined: its state and nobody's words. A POST leaves a phone number to be told on."""
    supporter = get_supporter(code, secret)
    case, error = supporter.case, ""
    if request.method == "POST":
        try:
            phone = forms.read_phone(request.POST.get("phone", "").strip())
            requests.leave_phone(supporter, phone)
            return redirect("portal:joined", code, secret)
        except Refused as fault:
            error = fault.sentence
    state = matters.follower_state(matters.followed(case))
    return render(request, "portal/joined.html", {
        "case": case, "holder": queries.holder(case), "state": rules.PUBLIC_STATES[state],
        "answered": state in rules.ANSWERED, "rule": rules.time_limit(case.standard, case.standard_source),
        "error": error, "phone": request.POST.get("phone", ""), "has_phone": bool(supporter.phone),
        "category": case.request.category,
        "link": settings.BASE_URL + reverse("portal:joined", args=[code, secret]),
    }, status=422 if error else 200)


def get_supporter(code: str, secret: str) -> Supporter:
    """Get one 我也遇到 by the secret of its link, or 404."""
    rows = Supporter.objects.select_related("case__request__category").filter(case__code=code)
    found = next((s for s in rows if secrets.compare_digest(s.secret, secret)), None)
    if found is None:
        raise Http404
    return found


# Places ---------------------------------------------------------------------------------------------------------------


@access("public")
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Find places by what was typed, as choices of the report form."""
    q = request.GET.get("q", "").strip()[:120]
    return render(request, "portal/_found.html", {"found": _search(q), "q": q, "most": FOUND})


def _search(q: str) -> list[places.Hit] | None:
    """Find places, one more than is shown; None where nothing was asked. Grids mean nothing to who did not ask for one."""
    kinds = tuple(kind for kind in places.SEARCHED if kind != "grid" or "网格" in q)
    return places.search(q, kinds=kinds, limit=FOUND + 1) if q else None


@access("public")
@require_http_methods(["GET", "POST"])
def place(request: HttpRequest) -> HttpResponse:
    """Say what a point or place is: grid, community, worker, and what of the same kind is open close by.

    Nothing of it is kept; the words come in a POST, since addresses are written into logs.
    """
    asked = request.POST if request.method == "POST" else request.GET
    form = forms.Report(
        words=request.POST.get("words", ""), lon=forms.read_number(asked.get("lon")), lat=forms.read_number(asked.get("lat")),
        place_id=forms.read_id(asked.get("place")), compound_id=forms.read_id(asked.get("compound")),
        device=asked.get("device") == "1")
    spot = _settle(form)
    return render(request, "portal/_place.html", {
        "spot": spot, "twins": _twins(spot, form.words), "states": rules.PUBLIC_STATES, "outside": _OUTSIDE,
        **_wide(matters.area_of(form.place_id))})


_OUTSIDE = "这个地点不在本区范围内，请换一个地点，或打热线电话。"


@access("public")
@require_GET
def poster(request: HttpRequest, code: str) -> HttpResponse:
    """Print the QR code of a compound or other place, to hang in the yard: scanning it settles the place."""
    found = places.by_code(code)
    if found is None:
        raise Http404
    address = settings.BASE_URL + reverse("portal:new", query={"place": code})
    drawn = segno.make(address, error="q").svg_inline(scale=8, border=2)
    return render(request, "portal/poster.html", {"place": found, "where": index.words(found.path), "qr": Markup(drawn)})


@access("public")
@require_GET
@cache_control(public=True, max_age=600)
def near(request: HttpRequest) -> JsonResponse:
    """Give the polygons about a point, for maps."""
    lon, lat = forms.read_number(request.GET.get("lon")), forms.read_number(request.GET.get("lat"))
    if lon is None or lat is None:
        return JsonResponse({"detail": _("缺少经纬度。")}, status=400)
    return JsonResponse(queries.around(lon, lat))
