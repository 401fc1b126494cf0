"""设置: the place tree with its codes, the unit tree with posts and people, and what a person may see and why."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gongzhi.account import queries as account
from gongzhi.base import clock
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Refused
from gongzhi.base.models import Progress
from gongzhi.flow.actors import person as acting
from gongzhi.org import actions as org_actions
from gongzhi.org import queries as org
from gongzhi.org import rules as org_rules
from gongzhi.org.actions import NewPost, NewUnit
from gongzhi.org.models import Appointment, Person, Post, Unit
from gongzhi.places import actions as place_actions
from gongzhi.places import index
from gongzhi.places import queries as place_queries
from gongzhi.places import rules as place_rules
from gongzhi.places.models import Place
from gongzhi.requests import actions as requests
from gongzhi.requests import defaults, rules
from gongzhi.requests.models import Category
from gongzhi.site import actions, health, queries

PAGE = 50
UNITS_SHOWN = 12  # of those that govern a place; the others are a list of their own
SEEN_BY = ("admin", "auditor")


def menu(path: str, standing: org_rules.Standing) -> list[dict[str, Any]]:
    """Give the left side of 设置 as far as a person may go, with the page at an address, or the one above it, as present."""
    builds = standing.holds(*SEEN_BY)
    items = [("setup:home", "settings", _("概况")), ("setup:places", "map-2", _("地点")),
             ("setup:units", "building-bank", _("单位")), ("setup:people", "users", _("人员")),
             ("imports:home", "file-spreadsheet", _("导入")),
             ("setup:defaults", "clipboard-list", _("默认值")), ("setup:works", "hourglass-high", _("长任务")),
             ("notify:deliveries", "send", _("消息发送"))] if builds else []
    if standing.holds("security") or (standing.holds("admin") and not account.keepers()):
        items.append(("account:people", "key", _("账号安全")))
    if standing.holds("auditor"):
        items.append(("setup:audit", "list-check", _("审计")))
    home = reverse("setup:home")
    rows = [{"href": reverse(name), "icon": icon, "title": title} for name, icon, title in items]
    return [{**row, "current": path == home if row["href"] == home else path.startswith(row["href"])} for row in rows]


def _page(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    may_write = request.standing.holds("admin")  # type: ignore[attr-defined]
    said = [str(m) for m in messages.get_messages(request)]
    values = {"may_write": may_write, "said": said, "fault": None, "typed": {}, "today": clock.today()}
    return render(request, f"setup/{template}.html", {**values, **context}, status=status)


def _cut(rows: QuerySet[Any], request: HttpRequest) -> dict[str, Any]:
    """Cut a page by id: {"rows", "next", "previous"}, the last two the query strings of its neighbours or ""."""
    after, before = _whole(request.GET.get("after")), _whole(request.GET.get("before"))
    if before:
        found = list(rows.filter(pk__lt=before).order_by("-pk")[: PAGE + 1])
        more, shown = len(found) > PAGE, found[:PAGE][::-1]
        return {"rows": shown, "next": _query(request, after=shown[-1].pk) if shown else "",
                "previous": _query(request, before=shown[0].pk) if more else ""}
    found = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
    shown = found[:PAGE]
    return {"rows": shown, "next": _query(request, after=shown[-1].pk) if len(found) > PAGE else "",
            "previous": _query(request, before=shown[0].pk) if after and shown else ""}


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _query(request: HttpRequest, **change: Any) -> str:
    query = request.GET.copy()
    for key in ("after", "before"):
        query.pop(key, None)
    query.update({k: str(v) for k, v in change.items()})
    return "?" + query.urlencode()


def _date(request: HttpRequest, field: str) -> date:
    try:
        return date.fromisoformat(request.POST.get(field, ""))
    except ValueError as fault:
        raise Refused(_("请选择日期。"), field) from fault


def _try(request: HttpRequest, act: Callable[[], Model | None], said: str, back: str,
         again: Callable[..., HttpResponse]) -> HttpResponse:
    """Do an act and go back to its page, or draw the page again with the refusal and what was typed."""
    try:
        act()
    except Refused as fault:
        return again(status=422, fault=fault, typed=request.POST.dict())
    messages.success(request, said)
    return redirect(back)


@access("post", *SEEN_BY)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show how the machine does, what is unstaffed, and where each tree begins."""
    parts = health.parts()
    said = [(_title(name, part), bool(part["ok"])) for name, part in parts.items()]
    tiles = [
        (reverse("setup:places"), "map-2", _("地点"), place_queries.standing().count()),
        (reverse("setup:units"), "building-bank", _("单位"), Unit.objects.filter(active_to=None).count()),
        (reverse("setup:people"), "users", _("人员"), Person.objects.filter(is_active=True).count()),
        (reverse("setup:units") + "?vacant=1", "user-plus", _("空缺岗位"), org.vacancies().count()),
        (reverse("setup:people") + "?show=double", "copy", _("兼任的人"), org.double_posted().count()),
    ]
    return _page(request, "home", health=said, tiles=tiles)


def _title(name: str, part: dict[str, Any]) -> str:
    """Say a part of health in words."""
    well = {
        "migrations": _("数据库是最新的"), "era": _("数据库是本机的"), "worker": _("后台任务在运行"),
        "projections": _("统计和消息没有积压"), "partitions": _("日志分区已备好"),
        "calendar": _("工作日历已备好") if part.get("next_year_known", True) else _("工作日历已备好，明年的还没有"),
    }
    ill = {
        "migrations": _("数据库要升级：gongzhi migrate"), "era": _("这是恢复出来的数据库：先运行 gongzhi restored"),
        "worker": _("后台任务没有运行：gongzhi worker"), "projections": _("统计和消息积压了，看 /healthz"),
        "partitions": _("日志分区快用完了，看后台任务"), "calendar": _("缺节假日，时限会算错：gongzhi seed_calendar"),
    }
    return (well if part["ok"] else ill).get(name, name)


# Places


@access("post", *SEEN_BY)
@require_GET
def places(request: HttpRequest) -> HttpResponse:
    """Show the place tree, folded below the streets or open down to one place; or search it, or list one kind."""
    q, kind = (request.GET.get(k, "").replace("\x00", "").strip()[:120] for k in ("q", "kind"))
    kind = kind if kind in place_rules.KINDS else ""
    shown: dict[str, Any] = {"asked": q, "kind": kind, "kinds": place_rules.KINDS}
    if q:
        hits = place_queries.search(q, limit=PAGE, kinds=(kind,) if kind else (*place_queries.SEARCHED, "building"))
        return _page(request, "search", hits=hits, **shown)
    if kind:
        rows = place_queries.standing().filter(kind=kind).defer("outline", "tokens")
        return _page(request, "search", hits=None, page=_cut(rows, request), total=rows.count(), where=index.words, **shown)
    at = place_queries.node(_whole(request.GET.get("at")))
    return _page(request, "places", tree=index.current().children, at=at.id if at else 0,
                 open=set(at.path if at else ()), **shown)


@access("post", *SEEN_BY)
@require_GET
def place_branch(request: HttpRequest, place_id: int) -> HttpResponse:
    """Give what lies directly under a place of the tree, when it is unfolded."""
    return render(request, "setup/_branch.html", {
        "rows": index.current().children.get(place_id, []), "tree": index.current().children, "open": set(), "at": 0,
        "kinds": place_rules.KINDS})


@access("post", *SEEN_BY)
@require_GET
def place(request: HttpRequest, place_id: int) -> HttpResponse:
    """Show a place: its codes and their history, its outline, what lies under it, which units govern it."""
    return _place(request, place_id)


def _place(request: HttpRequest, place_id: int, **context: Any) -> HttpResponse:
    found = get_object_or_404(Place.objects.select_related("parent"), pk=place_id)
    under, governing = place_queries.children(found.pk), Unit.objects.filter(place=found, active_to=None)
    return _page(
        request, "place", place=found, kinds=place_rules.KINDS, systems=place_rules.SYSTEMS,
        crumbs=place_queries.breadcrumbs(found.path[:-1]), codes=found.codes.order_by("system", "-valid_from"),
        system=place_rules.SYSTEM_OF.get(found.kind, "qr"), n_under=under.count(), under=_cut(under, request),
        units=governing.exclude(parent__place=found).order_by("line", "id")[:UNITS_SHOWN], n_units=governing.count(),
        bounds=place_queries.bounds(found), **context,
    )


@access("post", *SEEN_BY)
@require_GET
def place_outlines(request: HttpRequest, place_id: int) -> JsonResponse:
    """Give the outlines of a place's children, or its own, for the map."""
    found = get_object_or_404(Place.objects.only("id", "kind", "path"), pk=place_id)
    below = place_queries.standing().filter(parent=found, outline__isnull=False).values_list("kind", flat=True).first()
    own = place_queries.outlines(found.kind, found.pk)
    drawn = place_queries.outlines(below, found.pk)["features"] if below else []
    return JsonResponse({"type": "FeatureCollection", "features": [*own["features"], *drawn]})


@access("post", "admin")
@require_POST
def place_rename(request: HttpRequest, place_id: int) -> HttpResponse:
    """Give a place another name."""
    found, name = get_object_or_404(Place, pk=place_id), request.POST.get("name", "")
    return _try(request, lambda: place_actions.rename(found, name=name, by=request.user.pk), _("名称已改。"),
                f"/setup/places/{place_id}/", lambda **more: _place(request, place_id, **more))


@access("post", "admin")
@require_POST
def place_code(request: HttpRequest, place_id: int) -> HttpResponse:
    """Give a place a code from a date on."""
    found, posted = get_object_or_404(Place, pk=place_id), request.POST

    def act() -> Model:
        return place_actions.set_code(
            found, system=posted.get("system", ""), code=posted.get("code", "").strip(),
            from_date=_date(request, "from_date"), source=posted.get("source", ""), by=request.user.pk,
        )

    return _try(request, act, _("编码已设，原编码到前一天为止。"), f"/setup/places/{place_id}/",
                lambda **more: _place(request, place_id, **more))


# Units


@access("post", *SEEN_BY)
@require_GET
def units(request: HttpRequest) -> HttpResponse:
    """List units: by words, by line, of a place, those with vacancies; without a filter the top of the tree."""
    q, line, vacant = (request.GET.get(k, "").replace("\x00", "").strip()[:120] for k in ("q", "line", "vacant"))
    rows = Unit.objects.filter(active_to=None).select_related("parent")
    if q:
        rows = rows.filter(Q(name__contains=q) | Q(pinyin__startswith=q.lower()) | Q(pinyin__contains=" " + q.lower()))
    if line in org_rules.LINES:
        rows = rows.filter(line=line)
    if vacant:
        rows = rows.filter(pk__in=org.vacancies().values("unit"))
    of_place = Place.objects.filter(pk=_whole(request.GET.get("place"))).first()
    if of_place:
        rows = rows.filter(place=of_place)
    if not (q or line or vacant or of_place):
        rows = rows.filter(parent=None)
    return _page(
        request, "units", asked=q, line=line, vacant=vacant, of_place=of_place, lines=org_rules.LINES, total=rows.count(),
        kinds=org_rules.UNIT_KINDS, page=_cut(rows, request), n_vacant=org.vacancies().count(),
    )


@access("post", *SEEN_BY)
@require_GET
def unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    """Show a unit: posts with people and vacancies, double posts, the units below on each line."""
    return _unit(request, unit_id)


def _unit(request: HttpRequest, unit_id: int, **context: Any) -> HttpResponse:
    found = get_object_or_404(Unit.objects.select_related("parent", "place"), pk=unit_id)
    above = {u.pk: u for u in Unit.objects.filter(pk__in=found.path[:-1])}
    held = org.current().filter(post__unit=found).select_related("person").order_by("id")
    rows = Unit.objects.filter(parent=found, active_to=None)
    return _page(
        request, "unit", unit=found, crumbs=[above[i] for i in found.path[:-1] if i in above],
        posts=list(org.posts(found.pk)), held=list(held), titles=org_rules.POSTS, kinds=org_rules.UNIT_KINDS,
        lines=org_rules.LINES, double=set(org.double_posted(found.pk).values_list("pk", flat=True)),
        n_under=rows.count(), under=_cut(rows, request), beside=_beside(found), **context,
    )


def _beside(found: Unit) -> list[Unit]:
    """Find the units of the other lines over the same place: the office's party committee, and the other way round."""
    if not found.place_id:
        return []
    rows = Unit.objects.filter(place=found.place_id, level=found.level, active_to=None).exclude(pk=found.pk)
    return list(rows.exclude(line=found.line).order_by("id")[:10])


@access("post", "admin")
@require_POST
def unit_rename(request: HttpRequest, unit_id: int) -> HttpResponse:
    """Give a unit another name."""
    found, name = get_object_or_404(Unit, pk=unit_id), request.POST.get("name", "")
    return _try(request, lambda: org_actions.rename_unit(found, name=name, by=request.user.pk), _("名称已改。"),
                f"/setup/units/{unit_id}/", lambda **more: _unit(request, unit_id, **more))


@access("post", "admin")
@require_POST
def unit_add(request: HttpRequest, unit_id: int) -> HttpResponse:
    """Add a unit below another, over the same place and on the same line."""
    parent = get_object_or_404(Unit.objects.select_related("place"), pk=unit_id)
    kind, name = request.POST.get("kind", ""), request.POST.get("new_name", "")

    def act() -> Model:
        new = NewUnit(kind, parent.line, name, parent=parent, place=parent.place)
        return org_actions.add_units([new], by=request.user.pk)[0]

    return _try(request, act, _("单位已增加。"), f"/setup/units/{unit_id}/",
                lambda **more: _unit(request, unit_id, **more))


@access("post", "admin")
@require_POST
def post_add(request: HttpRequest, unit_id: int) -> HttpResponse:
    """Add a post to a unit."""
    found = get_object_or_404(Unit, pk=unit_id)
    row = NewPost(found, request.POST.get("post", ""), seats=_whole(request.POST.get("seats")))
    return _try(request, lambda: org_actions.add_posts([row], by=request.user.pk)[0], _("岗位已增加。"),
                f"/setup/units/{unit_id}/", lambda **more: _unit(request, unit_id, **more))


@access("post", "admin")
@require_POST
def appoint(request: HttpRequest, unit_id: int) -> HttpResponse:
    """Put a person, named by user name, into a post of a unit from a day on."""
    post = get_object_or_404(Post.objects.select_related("unit"), pk=_whole(request.POST.get("post_id")), unit=unit_id)

    def act() -> Model:
        who = Person.objects.filter(username=request.POST.get("username", "").strip(), is_active=True).first()
        if who is None:
            raise Refused(_("没有这个用户名的在职人员。"), "username")
        return org_actions.appoint(who, post, from_date=_date(request, "from_date"), by=request.user.pk)

    return _try(request, act, _("已任职。"), f"/setup/units/{unit_id}/", lambda **more: _unit(request, unit_id, **more))


# People


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
    page = _cut(rows, request)
    held: dict[int, list[Appointment]] = {}
    for row in org.current().filter(person__in=page["rows"]).select_related("post__unit"):
        held.setdefault(row.person_id, []).append(row)
    return _page(request, "people", asked=q, show=show, page=page, held=held, titles=org_rules.POSTS,
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
    return _page(
        request, "person", person=found, appointments=rows, now=now, titles=org_rules.POSTS,
        rights=org_rules.rights(standing), places=places, lineage=lineage, standing_now=standing, **context,
    )


@access("post", "admin")
@require_POST
def end(request: HttpRequest, person_id: int, appointment_id: int) -> HttpResponse:
    """End an appointment after its last day."""
    row = get_object_or_404(Appointment, pk=appointment_id, person=person_id)

    def act() -> None:
        org_actions.end_appointment(row, to_date=_date(request, "to_date"), by=request.user.pk)

    return _try(request, act, _("任职已结束。"), f"/setup/people/{person_id}/",
                lambda **more: _person(request, person_id, **more))


# Defaults


@access("post", *SEEN_BY)
@require_GET
def all_defaults(request: HttpRequest) -> HttpResponse:
    """Show the texts and numbers a city will change, each with its source and who changed it."""
    return _defaults(request)


def _defaults(request: HttpRequest, *, at: str = "", faults: dict[str, str] | None = None, **context: Any) -> HttpResponse:
    return _page(request, "defaults", rows=defaults.all_known(), at=at, faults=faults or {}, limit_units=rules.LIMIT_UNITS,
                 n_limits=Category.objects.filter(active=True).exclude(limit="").count(), **context)


@access("post", "admin")
@require_POST
def change_default(request: HttpRequest, name: str) -> HttpResponse:
    """Say what stands instead of one of our defaults."""
    if name not in defaults.KNOWN:
        raise Http404
    value = _duration(request) if defaults.KNOWN[name].kind == "duration" else request.POST.get("value", "")
    try:
        requests.set_default(name, value, request.POST.get("source", ""),
                             by=acting(request.standing))  # type: ignore[attr-defined]
    except Faults as fault:
        return _defaults(request, at=name, faults=fault.faults, typed=request.POST.dict(), status=422)
    messages.success(request, _("已保存，马上用新的。"))
    return redirect(reverse("setup:defaults") + f"#d-{name}")


def _duration(request: HttpRequest) -> str:
    """Read a time limit typed as a number and its unit."""
    return request.POST.get("n", "").strip() + request.POST.get("unit", "")


@access("post", *SEEN_BY)
@require_GET
def limits(request: HttpRequest) -> HttpResponse:
    """List the time limits of the categories, each with its source: by words, by kind, those without a source."""
    q, kind, bare = (request.GET.get(k, "").replace("\x00", "").strip()[:60] for k in ("q", "kind", "bare"))
    rows = Category.objects.filter(active=True).exclude(limit="").select_related("parent")
    if q:
        rows = rows.filter(Q(name__contains=q) | Q(parent__name__contains=q) | Q(code__startswith=q))
    if kind in rules.CATEGORY_KINDS:
        rows = rows.filter(kind=kind)
    if bare:
        rows = rows.filter(limit_source__startswith=rules.BARE)
    return _page(request, "limits", asked=q, kind=kind, bare=bare, kinds=rules.CATEGORY_KINDS, total=rows.count(),
                 page=_cut(rows, request))


@access("post", *SEEN_BY)
@require_http_methods(["GET", "POST"])
def limit(request: HttpRequest, code: str) -> HttpResponse:
    """Show the time limit of one category, and change it: what is open keeps the limit it was given."""
    found = get_object_or_404(Category.objects.select_related("parent"), ~Q(limit=""), code=code, active=True)
    context: dict[str, Any] = {"category": found, "limit_units": rules.LIMIT_UNITS, "faults": {}}
    if request.method == "GET":
        return _page(request, "limit", **context)
    if not request.standing.holds("admin"):  # type: ignore[attr-defined]
        raise PermissionDenied
    try:
        requests.set_limit(found, _duration(request), request.POST.get("source", ""),
                           by=acting(request.standing))  # type: ignore[attr-defined]
    except Faults as fault:
        return _page(request, "limit", **{**context, "faults": fault.faults}, typed=request.POST.dict(), status=422)
    messages.success(request, _("已保存，以后受理的按新时限；已经在办的不变。"))
    return redirect("setup:limit", code)


# Long work


@access("post", *SEEN_BY)
@never_cache
@require_GET
def works(request: HttpRequest) -> HttpResponse:
    """List long work with how far it has come; the list asks for itself anew while any of it runs."""
    rows = list(queries.works())
    values: dict[str, Any] = {"works": rows, "running": any(row.state == "running" for row in rows), "goes_on": actions.GO_ON}
    if request.headers.get("HX-Request"):
        may_write = request.standing.holds("admin")  # type: ignore[attr-defined]
        return render(request, "setup/_works.html", {"may_write": may_write, **values})
    return _page(request, "works", **values)


@access("post", "admin")
@require_POST
def work_stop(request: HttpRequest, work_id: int) -> HttpResponse:
    """Stop long work."""
    return _work(request, work_id, actions.stop_work, _("已停止。"))


@access("post", "admin")
@require_POST
def work_resume(request: HttpRequest, work_id: int) -> HttpResponse:
    """Let stopped work go on."""
    return _work(request, work_id, actions.resume_work, _("已继续。"))


def _work(request: HttpRequest, work_id: int, act: Callable[..., None], said: str) -> HttpResponse:
    row = get_object_or_404(Progress, pk=work_id)
    try:
        act(row, by=request.user.pk)
        messages.success(request, said)
    except Refused as fault:
        messages.error(request, fault.sentence)
    return redirect("setup:works")
