"""The doors of the hand-over between shifts: the note that makes itself, handed on, signed for, kept."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gongzhi.base import clock
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Refused
from gongzhi.desk import actions, shift
from gongzhi.desk.models import Handover
from gongzhi.desk.views import _actor, _number, _say, _standing, shell
from gongzhi.notify import actions as notify


@access("staff")
@never_cache
@require_http_methods(["GET", "POST"])
def handovers(request: HttpRequest) -> HttpResponse:
    """Show what there is to hand over now and the notes of before; hand it to somebody."""
    standing = _standing(request)
    units = list(dict.fromkeys((h.unit_id, h.unit_name) for h in standing.held))
    unit_id = _number(request.POST.get("unit") or request.GET.get("unit")) or (units[0][0] if units else 0)
    if unit_id not in standing.units:
        raise Http404
    faults: dict[str, str] = {}
    if request.method == "POST":
        try:
            made = actions.hand_over(unit_id, _number(request.POST.get("taker")) or 0, request.POST.get("words", ""),
                                     by=_actor(request))
            _say(request, _("已交给{name}，等对方签字").format(name=made.taker.name), draft="handover")
            return redirect("desk:handover", made.pk)
        except Faults as fault:
            faults = fault.faults
    what = shift.held(standing, unit_id)
    return render(request, "desk/handovers.html", {
        **shell(request, at="handovers"), "units": units, "unit_id": unit_id, "rows": list(shift.of_units(standing)[:30]),
        "takers": [(p.pk, p.name) for p in shift.takers(standing, unit_id)], "faults": faults, "given": request.POST,
        "stages": shift.stage_lines(what), "lists": shift.shown(standing, what), "until": shift.moment(what["until"]),
        "since": shift.moment(what["since"]),
    }, status=422 if faults else 200)


@access("staff")
@never_cache
@require_GET
def handover(request: HttpRequest, handover_id: int) -> HttpResponse:
    """Show a note, to be read, signed for and printed."""
    standing = _standing(request)
    found = _of_mine(request, handover_id)
    notify.read(standing.person_id or 0, ("handover", found.pk))
    return render(request, "desk/handover.html", {
        **shell(request, at="handovers"), "of": found, "stages": shift.stage_lines(found.held),
        "lists": shift.shown(standing, found.held), "until": shift.moment(found.held["until"]),
        "since": shift.moment(found.held["since"]), "printed_at": clock.now()})


@access("staff")
@require_POST
def take_over(request: HttpRequest, handover_id: int) -> HttpResponse:
    """Sign for a note: who was named, nobody else."""
    found = _of_mine(request, handover_id)
    try:
        actions.take_over(found, by=_actor(request))
        _say(request, _("已签字接班"))
    except Refused as refusal:
        _say(request, refusal.sentence, state="late")
    return redirect("desk:handover", found.pk)


def _of_mine(request: HttpRequest, handover_id: int) -> Handover:
    found = shift.of_units(_standing(request)).filter(pk=handover_id).first()
    if found is None:
        raise Http404
    return found
