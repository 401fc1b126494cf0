"""The doors of the home page, my grid worker, what is near, and feedback. No sign-in."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from gongzhi.base import clock, limits, links
from gongzhi.base.access import access
from gongzhi.base.errors import Refused
from gongzhi.flow.actors import reporter
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.portal import actions, browser, forms, queries
from gongzhi.portal.models import Feedback
from gongzhi.requests import queries as requests
from gongzhi.requests import rules


@access("public")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the doors that exist, my last matter in a sentence, and my grid worker."""
    mine = browser.own_matters(request)
    last = queries.progress(mine[0], reporter(mine[0].pk)) if mine else None
    return render(request, "portal/home.html", {"last": last, "n_mine": len(mine), "spot": browser.own_spot(request)})


@access("public")
@require_http_methods(["GET", "POST"])
def worker(request: HttpRequest) -> HttpResponse:
    """Find my grid, its worker and the work phone; a POST remembers the place or forgets it."""
    if request.method == "POST":
        place_id = forms.read_id(request.POST.get("place"))
        if area := requests.area_of(place_id):
            return render(request, "portal/worker.html", {
                "q": "", "area": area, "found": _within(area.id), "spot": browser.own_spot(request)})
        response = redirect("portal:worker")
        if place_id:
            browser.put(response, browser.PLACE, place_id)
        else:
            response.delete_cookie(browser.PLACE)
        return response
    q = request.GET.get("q", "").strip()[:120]
    found = places.search(q, kinds=("compound", "grid", "community")) if q else None
    return render(request, "portal/worker.html", {"q": q, "found": found, "spot": browser.own_spot(request)})


def _within(place_id: int) -> list[places.Hit]:
    """List what lies in a community, to choose one's own compound or grid of."""
    nodes = places.inside(place_id, ("compound", "grid"), limit=40)
    return [places.Hit(n.id, n.kind, n.name, index.words(n.path[:-1]), n.code, n.lon, n.lat, n.path, False)
            for n in nodes]


@access("public")
@require_GET
def nearby(request: HttpRequest) -> HttpResponse:
    """List open matters near my place, by kind and distance alone."""
    spot = requests.spot_of(forms.read_id(request.GET.get("place")) or 0) or browser.own_spot(request)
    rows = queries.nearby(spot) if spot else []
    return render(request, "portal/nearby.html", {
        "spot": spot, "rows": rows, "states": rules.PUBLIC_STATES, "icons": queries.ICONS})


@access("public")
@require_http_methods(["GET", "POST"])
def feedback(request: HttpRequest) -> HttpResponse:
    """Take what somebody says about this system itself."""
    given = {name: request.POST.get(name, "").replace("\x00", "").strip() for name in ("words", "phone")}
    page, faults = (request.POST.get("from") or request.GET.get("from", ""))[:200], {}
    page = links.redacted(page)  # the administrator reads it
    sent = request.GET.get("sent") == "1"
    if request.method == "POST":
        if not limits.allow("feedback", limits.address(request), per_minute=3, burst=6):
            return render(request, "429.html", status=429)
        faults = _feedback_faults(given)
        if not faults:
            actions.give_feedback(given["words"], page=page, phone=given["phone"])
            return redirect(reverse("portal:feedback") + "?sent=1")
    return render(request, "portal/feedback.html", {"given": given, "faults": faults, "page": page, "sent": sent},
                  status=422 if faults else 200)


def _feedback_faults(given: dict[str, str]) -> dict[str, str]:
    faults = {}
    if not 2 <= len(given["words"]) <= 2000:
        faults["words"] = _("请写 2 到 2000 个字。")
    if given["phone"]:
        try:
            given["phone"] = forms.read_phone(given["phone"])
        except Refused as fault:
            faults["phone"] = fault.sentence
    return faults


@access("post", "admin")
@require_GET
def feedback_list(request: HttpRequest) -> HttpResponse:
    """List what people said about the system, newest first."""
    before = forms.read_id(request.GET.get("before"))
    rows = Feedback.objects.order_by("-id").filter(**({"pk__lt": before} if before else {}))[:51]
    return render(request, "portal/feedback_list.html", {"rows": rows[:50], "more": len(rows) > 50})


@access("demo")
@require_GET
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component once."""
    now = clock.now()
    times = {"late": now - timedelta(minutes=40), "soon": now + timedelta(minutes=15),
             "fine": now + timedelta(hours=7), "began": now - timedelta(hours=3)}
    return render(request, "styleguide.html", {"times": times})
