"""请假和顶岗: who is away, who stands in; entered by oneself, one's leader or an administrator."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from gongzhi.base import clock
from gongzhi.base.access import access
from gongzhi.base.errors import Refused
from gongzhi.desk import views
from gongzhi.org import actions, forms
from gongzhi.org import queries as org
from gongzhi.org.models import Leave, Person
from gongzhi.org.rules import Standing

LED_SHOWN = 200  # of the people somebody leads


@access("staff")
@never_cache
@require_http_methods(["GET", "POST"])
def leave(request: HttpRequest) -> HttpResponse:
    """Show who is away and who stands in, of oneself or of somebody one leads; enter a leave."""
    standing = _standing(request)
    whom = _whom(request, standing)
    if request.method == "GET":
        return _page(request, whom)
    try:
        actions.enter_leave(whom, from_date=forms.day(request.POST, "from_date"), to_date=forms.day(request.POST, "to_date"),
                            stand_in=forms.colleague(request.POST, "stand_in"), by=standing)
    except Refused as fault:
        return _page(request, whom, fault=fault, typed=request.POST.dict(), status=422)
    request.session[views.TOAST] = {"text": _("已登记，到期自己结束。")}
    return redirect(_address(standing, whom))


@access("staff")
@require_POST
def end(request: HttpRequest, leave_id: int) -> HttpResponse:
    """End a leave earlier."""
    standing = _standing(request)
    row = Leave.objects.select_related("person").filter(pk=leave_id).first()
    if row is None or not actions.may_enter_leave(row.person, standing):
        raise Http404
    try:
        actions.end_leave(row, last_day=forms.day(request.POST, "last_day"), by=standing)
    except Refused as fault:
        return _page(request, row.person, fault=fault, ended=row.pk, typed=request.POST.dict(), status=422)
    request.session[views.TOAST] = {"text": _("已提前结束。")}
    return redirect(_address(standing, row.person))


def _whom(request: HttpRequest, standing: Standing) -> Person:
    """Find whom the page is about: oneself, or somebody whose leave one may enter."""
    asked = request.GET.get("person", "")
    person_id = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else standing.person_id
    found = get_object_or_404(Person, pk=person_id, is_active=True)
    if not actions.may_enter_leave(found, standing):
        raise PermissionDenied
    return found


def _page(request: HttpRequest, whom: Person, *, status: int = 200, **context: Any) -> HttpResponse:
    standing = _standing(request)
    units = [held.unit_id for held in org.standing(whom).with_posts_of(None).held]
    beside = org.current().filter(post__unit__in=units, person__is_active=True).exclude(person=whom)
    colleagues = {row.person.pk: row.person for row in beside.select_related("person").order_by("person__name")[:60]}
    values = {
        "whom": whom, "own": whom.pk == standing.person_id, "rows": org.leaves(whom.pk), "today": clock.today(),
        "colleagues": list(colleagues.values()), "led": list(org.led_by(standing)[:LED_SHOWN]), "typed": {}, "fault": None,
        "ended": 0, **views.shell(request, at="leave")}
    return render(request, "desk/leave.html", {**values, **context}, status=status)


def _address(standing: Standing, whom: Person) -> str:
    own = whom.pk == standing.person_id
    return reverse("desk:leave") + ("" if own else f"?person={whom.pk}")


def _standing(request: HttpRequest) -> Standing:
    return request.standing  # type: ignore[attr-defined, no-any-return]
