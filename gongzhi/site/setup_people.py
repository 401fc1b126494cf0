"""设置 of people: who they are, their posts, what they may see and why, and how they leave."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gongzhi.base import clock, codes
from gongzhi.base.access import access
from gongzhi.base.errors import Refused
from gongzhi.flow import queries as flow
from gongzhi.flow import reasons
from gongzhi.flow.actors import person as acting
from gongzhi.org import actions as org_actions
from gongzhi.org import forms
from gongzhi.org import queries as org
from gongzhi.org import rules as org_rules
from gongzhi.org.models import Appointment, FirstSignIn, Person, Unit
from gongzhi.org.rules import Standing
from gongzhi.places.models import Place
from gongzhi.site import actions, queries
from gongzhi.site.setup_page import SEEN_BY, attempt, cut, draw, read_date, whole


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
                n_words=org.without_password().count(), total=rows.count())


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
        request, "person", person=found, leaves=org.leaves(found.pk), why=_why(request, standing),
        doors=_doors(standing), surfaces=_surfaces(), appointments=rows, now=now, titles=org_rules.POSTS,
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


# Why ------------------------------------------------------------------------------------------------------------------


def _why(request: HttpRequest, standing: Standing) -> dict[str, Any] | None:
    """Answer why a person sees a matter or opens a page.

    A matter that who asks may not see is answered like one that does not exist: else the answer would say that
    somebody complains of one's own unit (rights 4.2, 4.16).
    """
    asked = request.GET.get("why", "").replace("\x00", "").strip()[:200]
    if not asked:
        return None
    if asked.startswith(("/", "http://", "https://")):
        path = urlsplit(asked).path
        door = queries.door_at(path, standing)
        return {"asked": path, "door": door, "found": door is not None}
    asker: Standing = request.standing  # type: ignore[attr-defined]
    case = flow.visible_to(asker).filter(code=codes.read_code(asked) or "-").first()
    if case is None:
        return {"asked": asked, "found": False}
    seen, grounds = reasons.why(case, standing)
    return {"asked": codes.show_code(case.code), "found": True, "case": case, "seen": seen, "grounds": grounds}


def _surfaces() -> dict[str, str]:
    return {"desk": _("工作台"), "field": _("网格员端"), "boards": _("看板"), "setup": _("设置"), "api": _("接口"),
            "open311": _("Open311 接口"), "": _("居民端和其他")}


def _doors(standing: Standing) -> dict[str, list[queries.Door]]:
    """Group the addresses that posts open by surface."""
    found: dict[str, list[queries.Door]] = {name: [] for name in _surfaces()}
    for door in queries.doors(standing):
        if door.access.kind in ("staff", "post"):
            name = door.path.split("/")[1]
            found[name if name in found else ""].append(door)
    return {name: rows for name, rows in found.items() if rows}


# First sign-in --------------------------------------------------------------------------------------------------------


@access("post", "admin")
@never_cache
@require_http_methods(["GET", "POST"])
def words(request: HttpRequest) -> HttpResponse:
    """Show who has no password yet; make each a word and print them, which is done once."""
    unit = Unit.objects.filter(pk=whole(request.GET.get("unit"))).first()
    rows = org.without_password(unit.pk if unit else 0)
    if request.method == "GET":
        waiting = set(FirstSignIn.objects.filter(expires_at__gt=clock.now()).values_list("person", flat=True))
        return draw(request, "words", unit=unit, page=cut(rows, request), total=rows.count(), waiting=waiting)
    return _slips(request, list(rows))


@access("post", "admin")
@never_cache
@require_POST
def word(request: HttpRequest, person_id: int) -> HttpResponse:
    """Make one person a new word, whose password is lost; the old one ends."""
    return _slips(request, [get_object_or_404(Person, pk=person_id, is_active=True)])


def _slips(request: HttpRequest, people: list[Person]) -> HttpResponse:
    made = org_actions.give_words(people, by=request.user.pk)
    held: dict[int, str] = {}
    for row in org.current().filter(person__in=people).select_related("post__unit").order_by("-id"):
        held[row.person_id] = row.post.unit.short_name
    return draw(request, "slips", made=made, held=held, address=request.build_absolute_uri(reverse("site:sign_in")),
                until=clock.today() + org_rules.WORD_LASTS)


# Leaving --------------------------------------------------------------------------------------------------------------


@access("post", "admin")
@never_cache
@require_http_methods(["GET", "POST"])
def leaving(request: HttpRequest, person_id: int) -> HttpResponse:
    """Show what a person leaves behind and to whom it can go, and let the person go."""
    found = get_object_or_404(Person, pk=person_id)
    standing: Standing = request.standing  # type: ignore[attr-defined]
    if request.method == "GET" or not found.is_active:
        return _leaving(request, found, standing)
    try:
        heir = forms.colleague(request.POST, "heir")
        if heir is None and "heir" in request.POST.dict().values():
            raise Refused(_("请写接手的人，或给每件任务选好交给谁。"), "heir")
        to = {whole(key[5:]): _heir(request, key, heir) for key in request.POST if key.startswith("task-")}
        actions.let_go(found, last_day=read_date(request, "last_day"), to=to, views_to=heir, by=acting(standing))
    except Refused as fault:
        return _leaving(request, found, standing, fault=fault, typed=request.POST.dict(), status=422)
    messages.success(request, _("已办离职：任职、登录和令牌都已结束。"))
    return redirect("setup:person", person_id)


def _heir(request: HttpRequest, key: str, heir: Person | None) -> Person | None:
    """Read to whom one task goes: to whom all goes, to its desk, or to one of those who sit there."""
    chosen = request.POST.get(key, "")
    return heir if chosen == "heir" else Person.objects.filter(pk=whole(chosen)).first()


def _leaving(request: HttpRequest, found: Person, standing: Standing, **context: Any) -> HttpResponse:
    return draw(request, "leaving", person=found, left=queries.left_by(found, standing), titles=org_rules.POSTS, **context)
