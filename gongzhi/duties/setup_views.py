"""The four lists in 设置: their versions, what is in one, what changed between two, from when one is in force."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from gongzhi.base import clock
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Refused
from gongzhi.duties import actions, imports, queries, rules
from gongzhi.places.models import Place
from gongzhi.requests.models import ListVersion

SEEN_BY = ("admin", "auditor")
PAGE = 50


def _list(name: str) -> str:
    if name not in rules.LISTS:
        raise Http404
    return name


def _version(name: str, version_id: int) -> ListVersion:
    found: ListVersion | None = queries.every(_list(name)).select_related("place").filter(pk=version_id).first()
    if found is None:
        raise Http404
    return found


def _may_write(request: HttpRequest) -> bool:
    return bool(request.standing.holds("admin"))  # type: ignore[attr-defined]


def _page(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    said = [str(m) for m in messages.get_messages(request)]
    return render(request, f"duties/{template}.html", {
        "may_write": _may_write(request), "said": said, "lists": rules.LISTS, "says": rules.SAYS, "states": rules.STATES,
        "faults": {}, "typed": {}, "fault": None, "today": clock.today(), **context}, status=status)


def _days(request: HttpRequest, field: str) -> date | None:
    try:
        return date.fromisoformat(request.POST.get(field, "").strip())
    except ValueError:
        return None


def _places() -> list[tuple[int, str]]:
    rows = Place.objects.filter(kind__in=("city", "district", "street"), valid_to=None).order_by("pk")
    order = {"city": 0, "district": 1, "street": 2}
    return [(p.pk, p.name) for p in sorted(rows.only("pk", "name", "kind"), key=lambda p: order[p.kind])]


def _place(request: HttpRequest) -> Place:
    """Read which place a version is for; what is none is refused by the action."""
    given = request.POST.get("place", "")
    found = Place.objects.filter(pk=int(given)).first() if given.isascii() and given.isdecimal() and len(given) < 19 else None
    if found is None:
        raise Faults({"place": _("请选这一版管到哪里：区、市或街道。")})
    return found


def _state(version: ListVersion) -> str:
    return rules.state(version.valid_from, version.valid_to, clock.today())


@access("post", *SEEN_BY)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the four lists: which version of each is in force where, and what is being prepared."""
    rows = []
    for name in rules.LISTS:
        some = [(v, _state(v)) for v in queries.versions(name)[:PAGE]]
        shown = [(v, state) for v, state in some if state != "over"]
        rows.append((name, shown, queries.unversioned().count() if name == "catalogue" else 0))
    return _page(request, "home", rows=rows, keys=imports.KEYS)


@access("post", *SEEN_BY)
@never_cache
@require_GET
def versions(request: HttpRequest, list_name: str) -> HttpResponse:
    """List the versions of a list."""
    return _versions(request, _list(list_name))


@access("post", "admin")
@require_POST
def prepare(request: HttpRequest, list_name: str) -> HttpResponse:
    """Begin a new version of a list."""
    name = _list(list_name)
    try:
        made = actions.prepare(name, title=request.POST.get("title", ""), place=_place(request),
                               source=request.POST.get("source", ""), source_date=_days(request, "source_date"),
                               by=request.user.pk)
    except Faults as wrong:
        return _versions(request, name, status=422, faults=wrong.faults, typed=request.POST.dict())
    messages.success(request, _("已新建，现在导入条目。"))
    return redirect("duties:version", name, made.pk)


def _versions(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    rows = [(v, _state(v)) for v in queries.versions(name)[:200]]
    return _page(request, "versions", name=name, rows=rows, places=_places(), key=imports.KEYS[name],
                 n_unversioned=queries.unversioned().count() if name == "catalogue" else 0, **context)


@access("post", *SEEN_BY)
@never_cache
@require_GET
def version(request: HttpRequest, list_name: str, version_id: int) -> HttpResponse:
    """Show a version and its lines, by words and by part."""
    return _one(request, list_name, _version(list_name, version_id))


@access("post", "admin")
@require_POST
def describe(request: HttpRequest, list_name: str, version_id: int) -> HttpResponse:
    """Say anew what a version is that is being prepared."""
    found = _version(list_name, version_id)
    try:
        actions.describe(list_name, found, title=request.POST.get("title", ""), place=_place(request),
                         source=request.POST.get("source", ""), source_date=_days(request, "source_date"),
                         by=request.user.pk)
    except Faults as wrong:
        return _one(request, list_name, _version(list_name, version_id), status=422, faults=wrong.faults,
                    typed=request.POST.dict())
    except Refused as fault:
        return _one(request, list_name, _version(list_name, version_id), status=422, fault=fault)
    messages.success(request, _("已保存。"))
    return redirect("duties:version", list_name, version_id)


def _one(request: HttpRequest, name: str, found: ListVersion, **context: Any) -> HttpResponse:
    q, part, after = (request.GET.get(k, "").replace("\x00", "").strip()[:60] for k in ("q", "part", "after"))
    rows = queries.lines(name, found)
    total = rows.count()
    if q:
        rows = rows.filter(Q(text__icontains=q) | Q(number=q) | Q(lead__name__contains=q) | Q(lead__short_name__contains=q))
    if part in rules.PARTS.get(name, {}):
        rows = rows.filter(part=part)
    n_found = rows.count()
    at = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0
    shown = list(rows.filter(pk__gt=at)[: PAGE + 1])
    query = request.GET.copy()
    query["after"] = str(shown[PAGE - 1].pk) if len(shown) > PAGE else ""
    shown = shown[:PAGE]
    names = queries.categories_in({code for one in shown for code in queries.codes_of(name, one)})
    lines = [(quoted, [names.get(code, code) for code in queries.codes_of(name, one)])
             for one, quoted in zip(shown, queries.quote(name, shown), strict=True)]
    others = [v for v in queries.versions(name)[:20] if v.pk != found.pk]
    return _page(request, "version", name=name, version=found, state=_state(found), lines=lines, total=total,
                 n_found=n_found, q=q, part=part, parts=rules.PARTS.get(name, {}), places=_places(),
                 key=imports.KEYS[name], others=others, onward=f"?{query.urlencode()}" if query["after"] else "", **context)


def _act(request: HttpRequest, name: str, version_id: int, act: Callable[[ListVersion], Any], said: str,
         back: str = "") -> HttpResponse:
    """Do an act with a version, or draw its page again with the refusal."""
    found = _version(name, version_id)
    try:
        act(found)
    except Refused as fault:
        return _one(request, name, _version(name, version_id), status=422, fault=fault, typed=request.POST.dict())
    messages.success(request, said)
    return redirect(back or reverse("duties:version", args=[name, version_id]))


@access("post", "admin")
@require_POST
def in_force(request: HttpRequest, list_name: str, version_id: int) -> HttpResponse:
    """Put a version in force from a day on."""
    day = _days(request, "from_date")
    return _act(request, list_name, version_id, lambda v: actions.put_in_force(list_name, v, from_date=day, by=request.user.pk),
                _("已定，到日子自动施行；原来的版本到前一天为止。"))


@access("post", "admin")
@require_POST
def end(request: HttpRequest, list_name: str, version_id: int) -> HttpResponse:
    """Take a version out of force from today on."""
    return _act(request, list_name, version_id, lambda v: actions.end(list_name, v, by=request.user.pk),
                _("已停用，派单不再按它判断。"))


@access("post", "admin")
@require_POST
def drop(request: HttpRequest, list_name: str, version_id: int) -> HttpResponse:
    """Throw away a version that was never in force."""
    return _act(request, list_name, version_id, lambda v: actions.drop(list_name, v, by=request.user.pk), _("已删掉。"),
                reverse("duties:versions", args=[_list(list_name)]))


@access("post", *SEEN_BY)
@require_GET
def compare(request: HttpRequest, list_name: str, version_id: int, other_id: int) -> HttpResponse:
    """Show what changed from another version to this one."""
    found, other = _version(list_name, version_id), _version(list_name, other_id)
    before, after = (queries.described(list_name, list(queries.lines(list_name, v))) for v in (other, found))
    return _page(request, "compare", name=list_name, version=found, other=other, changes=rules.changes(before, after),
                 kinds=rules.CHANGES)
