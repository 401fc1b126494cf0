"""设置 of people: who they are, their posts, what they may see and why, and how they leave."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from gongzhi.base.access import access
from gongzhi.org import actions as org_actions
from gongzhi.org import queries as org
from gongzhi.org import rules as org_rules
from gongzhi.org.models import Appointment, Person, Unit
from gongzhi.places.models import Place
from gongzhi.site.setup_page import SEEN_BY, attempt, cut, draw, read_date


@access("post", *SEEN_BY)
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """List people: by words, those with several posts, those with none."""
    q, show = request.GET.get("q", "").replace("\x00", "").strip()[:120], request.GET.get("show", "")
    rows = Person.objects.filter(is_active=True)
    if q:
        rows = rows.filter(Q(name__contains=q) | Q(username__startswith=q))
    if show == "double":
        rows = rows.filter(pk__in=org.double_posted().values("pk"))
    elif show == "none":
        rows = rows.exclude(pk__in=org.current().values("person"))
    page = cut(rows, request)
    held: dict[int, list[Appointment]] = {}
    for row in org.current().filter(person__in=page["rows"]).select_related("post__unit"):
        held.setdefault(row.person_id, []).append(row)
    return draw(request, "people", asked=q, show=show, page=page, held=held, titles=org_rules.POSTS,
                 total=rows.count())


@access("post", *SEEN_BY)
@require_GET
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """Show a person: appointments now and before, and what this person may see and why."""
    return _person(request, person_id)


def _person(request: HttpRequest, person_id: int, **context: Any) -> HttpResponse:
    found = get_object_or_404(Person, pk=person_id)
    rows = found.appointments.select_related("post__unit", "post__place").order_by("-from_date", "-id")
    now = set(org.current(found.appointments.all()).values_list("pk", flat=True))
    standing = org.standing(found)
    places = {p.pk: p.name for p in Place.objects.filter(pk__in=[h.place_id for h in standing.held])}
    lineage = Unit.objects.filter(pk__in=standing.lineage).order_by("id")
    return draw(
        request, "person", person=found, appointments=rows, now=now, titles=org_rules.POSTS,
        rights=org_rules.rights(standing), places=places, lineage=lineage, standing_now=standing, **context,
    )


@access("post", "admin")
@require_POST
def end(request: HttpRequest, person_id: int, appointment_id: int) -> HttpResponse:
    """End an appointment after its last day."""
    row = get_object_or_404(Appointment, pk=appointment_id, person=person_id)

    def act() -> None:
        org_actions.end_appointment(row, to_date=read_date(request, "to_date"), by=request.user.pk)

    return attempt(request, act, _("任职已结束。"), f"/setup/people/{person_id}/",
                lambda **more: _person(request, person_id, **more))
