"""The doors of working in bulk: dispatching, signing for and merging several matters at once."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from gongzhi.base import codes
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Refused
from gongzhi.desk import actions, bulk, later, queries
from gongzhi.desk.rules import AWAITS
from gongzhi.desk.views import _actor, _back, _case_page, _say, _standing, shell
from gongzhi.flow import access as flow_access


@access("post", "dispatcher")
@never_cache
@require_http_methods(["GET", "POST"])
def batch(request: HttpRequest) -> HttpResponse:
    """Dispatch several matters at once, each to its suggested unit unless another is chosen."""
    standing, actor = _standing(request), _actor(request)
    given = request.POST if request.method == "POST" else request.GET
    cases, missing = bulk.found(standing, bulk.wanted(given.getlist("case")))
    rows, refused = bulk.batch(cases, actor)
    told = [*refused, *missing]
    if request.method == "POST":
        done, rows = bulk.dispatch_all(rows, request, actor)
        told = [*done, *told]
        queries.forget_counts(standing)
    return render(request, "desk/batch.html", {
        **shell(request), "rows": rows, "told": told, "sent": request.method == "POST"})


@access("staff")
@require_POST
def sign(request: HttpRequest) -> HttpResponse:
    """Sign for several matters on one's own desk at once."""
    standing = _standing(request)
    cases, missing = bulk.found(standing, bulk.wanted(request.POST.getlist("case")))
    told = [*bulk.sign_all(cases, _actor(request)), *missing]
    queries.forget_counts(standing)
    return render(request, "desk/told.html", {
        **shell(request), "title": _("批量签收"), "told": told, "back": _back(request), "view": "signing"})


@access("post", "dispatcher")
@never_cache
@require_http_methods(["GET", "POST"])
def merge(request: HttpRequest) -> HttpResponse:
    """Merge several matters into one: choose which stays, see what else may be the same, then what came of each."""
    standing, actor = _standing(request), _actor(request)
    given = request.POST if request.method == "POST" else request.GET
    cases, missing = bulk.found(standing, bulk.wanted(given.getlist("case")))
    keep = request.POST.get("keep", "")
    if request.method == "POST" and keep.isdecimal() and any(c.code != keep for c in cases):
        told = [*bulk.merge_all(cases, keep, actor), *missing]
        queries.forget_counts(standing)
        return render(request, "desk/told.html", {
            **shell(request), "title": _("并单"), "told": told, "back": "", "view": "dispatching", "keep": keep})
    said = _("请选两件以上：一件留下，其他并入它。") if request.method == "POST" else ""
    return render(request, "desk/merge.html", {
        **shell(request), "of": bulk.merging(standing, cases, keep), "missing": missing, "said": said,
    }, status=422 if said else 200)


@access("staff")
@require_POST
def snooze(request: HttpRequest, code: str) -> HttpResponse:
    """Put a matter off until a time or an answer, or have it back."""
    standing, actor = _standing(request), _actor(request)
    case = flow_access.case(standing, code)
    when = request.POST.get("when", "")[:10]
    back = _back(request) or reverse("desk:case", args=[case.code])
    if when == "now":
        actions.wake(case, by=actor)
        _say(request, _("{code} 已回到待办").format(code=codes.show_code(case.code)))
    else:
        awaits = when if when in AWAITS else ""
        try:
            row = actions.snooze(case, when, request.POST.get("until", "")[:40], awaits, by=actor)
        except Refused as refusal:
            return _case_page(request, case, status=422, said=refusal.sentence)
        except Faults as faults:
            return _case_page(request, case, status=422, later_fault=faults.faults["until"])
        _say(request, _("{code} 稍后再看：{words}").format(code=codes.show_code(case.code), words=later.until_words(row)))
    queries.forget_counts(standing)
    return redirect(back)
