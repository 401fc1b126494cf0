"""The pages of the hotline for the centre: orders, what waits to go out, what went wrong, mapping, replies, sources."""

import tempfile
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import IO, Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gongzhi.base import clock, crypto, html
from gongzhi.base.access import View, access
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow.actors import Actor
from gongzhi.flow.actors import person as acting
from gongzhi.hotline import actions, queries, rules, sheets
from gongzhi.hotline.models import CategoryMap, Handover, Source
from gongzhi.org.rules import Standing
from gongzhi.places import index
from gongzhi.requests.forms import categories as our_categories
from gongzhi.requests.rules import SATISFACTION, SOLVED

STAFF = ("operator", "dispatcher", "admin")


def centre(view: View) -> View:
    """Open a page to the people of the centre alone; to a street's dispatcher it is not there."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not queries.of_centre(_standing(request)):
            raise Http404
        return view(request, *args, **kwargs)

    return access("post", *STAFF)(never_cache(guarded))


# Lists ----------------------------------------------------------------------------------------------------------------


@centre
@require_GET
def orders(request: HttpRequest) -> HttpResponse:
    """List the orders that came, the newest first."""
    q, state, source = _asked(request, rules.ORDERS)
    rows = queries.orders(_standing(request), q=q, state=state, source=source)
    found, more = queries.page_of_orders(rows, request.GET.get("after", "")[:60])
    return _page(request, "orders", rows=found, total=rows.order_by().count(), next=_onward(request, after=more) if more else "",
                 q=q, state=state, source=source, states=rules.ORDERS, solved=SOLVED, satisfaction=SATISFACTION)


@centre
@require_GET
def outgoing(request: HttpRequest) -> HttpResponse:
    """List what goes out: what waits, what was not taken, what was."""
    q, state, source = _asked(request, rules.SENDING)
    page = queries.page(queries.outgoing(_standing(request), state=state, source=source, q=q), _number(request.GET.get("before")))
    return _page(request, "outgoing", page=page, q=q, state=state, source=source, states=rules.SENDING, events=rules.EVENTS,
                 next=_onward(request, before=page.next) if page.next else "")


@centre
@require_GET
def arrivals(request: HttpRequest) -> HttpResponse:
    """List the messages that could not be done as they said."""
    q, state, source = _asked(request, queries.TO_LOOK_AT)
    page = queries.page(queries.arrivals(_standing(request), state=state, source=source, q=q), _number(request.GET.get("before")))
    states = {name: rules.STATES[name] for name in queries.TO_LOOK_AT}
    return _page(request, "arrivals", page=page, q=q, state=state, source=source, states=states, kinds=rules.KINDS,
                 next=_onward(request, before=page.next) if page.next else "")


@centre
@require_POST
def resend(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    """Send one message again."""
    found = get_object_or_404(queries.outgoing(_standing(request)), pk=outgoing_id)
    return _try(request, lambda: actions.resend(found, by=_actor(request)), "?state=" + found.state)


@centre
@require_POST
def resend_failed(request: HttpRequest, source_id: int) -> HttpResponse:
    """Send everything again that a hotline did not take."""
    found = get_object_or_404(Source, pk=source_id)
    return _try(request, lambda: actions.resend_failed(found, by=_actor(request)), "?state=failed")


# Mapping --------------------------------------------------------------------------------------------------------------


@centre
@require_GET
def categories(request: HttpRequest) -> HttpResponse:
    """List what hotlines call their categories, those nobody has mapped first."""
    return _categories(request)


def _categories(request: HttpRequest, status: int = 200, fault: str = "", at: int = 0) -> HttpResponse:
    show = "unmapped" if request.GET.get("show") == "unmapped" else ""
    source = _number(request.GET.get("source"))
    rows = queries.categories(source, unmapped=bool(show))
    start = min(_number(request.GET.get("from")), 100_000)
    found = list(rows[start : start + queries.PAGE + 1])
    more = _onward(request, **{"from": start + queries.PAGE}) if len(found) > queries.PAGE else ""
    return _page(request, "categories", status=status, rows=found[: queries.PAGE], total=rows.order_by().count(), show=show,
                 source=source, ours=[("", _("还没有对应")), *our_categories()], fault=fault, at=at, next=more)


@centre
@require_POST
def map_category(request: HttpRequest, map_id: int) -> HttpResponse:
    """Say which of our categories is meant."""
    row = get_object_or_404(CategoryMap, pk=map_id)
    try:
        actions.map_category(row, request.POST.get("category", "")[:10], by=_actor(request))
    except Faults as faults:
        return _categories(request, 422, faults.faults["category"], row.pk)
    messages.success(request, _("“{name}”已对应。").format(name=row.title or row.theirs))
    return redirect(reverse("hotline:categories") + ("?show=unmapped" if request.POST.get("show") == "unmapped" else ""))


# Replies --------------------------------------------------------------------------------------------------------------


@centre
@require_GET
def replies(request: HttpRequest) -> HttpResponse:
    """Show what answers wait to be handed over as a sheet, and the sheets that were."""
    rows = [(source, queries.answers_new(source).count()) for source in queries.sources()]
    handed = Handover.objects.select_related("source", "person").order_by("-at")[: queries.PAGE]
    return _page(request, "replies", rows=rows, handed=handed, today=clock.today())


@centre
@require_POST
def hand_over(request: HttpRequest, source_id: int) -> HttpResponseBase:
    """Hand the new answers over as a sheet."""
    source = get_object_or_404(Source, pk=source_id)
    try:
        made = actions.hand_over(source, by=_actor(request))
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return redirect("hotline:replies")
    return _sheet(source, queries.answers(source).filter(handover=made), made.at)


@centre
@require_GET
def handed_sheet(request: HttpRequest, reply_sheet_id: int) -> HttpResponseBase:
    """Give the same sheet once more."""
    made = get_object_or_404(Handover.objects.select_related("source"), pk=reply_sheet_id)
    actions.note_sheet(made.source, made.n, by=_actor(request), handover=made.pk)
    return _sheet(made.source, queries.answers(made.source).filter(handover=made), made.at)


@centre
@require_GET
def day_sheet(request: HttpRequest, source_id: int) -> HttpResponseBase:
    """Give the answers of one day as a sheet, whatever became of them."""
    source = get_object_or_404(Source, pk=source_id)
    try:
        day = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        messages.error(request, _("请选择日期。"))
        return redirect("hotline:replies")
    rows = queries.answers_of(source, day)
    actions.note_sheet(source, rows.count(), by=_actor(request), day=day.isoformat())
    return _sheet(source, rows, clock.now(), name=day.isoformat())


def _sheet(source: Source, rows: Any, at: Any, name: str = "") -> FileResponse:
    out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (the answer that streams it closes it)
    sheets.write(out, source, rows.iterator(chunk_size=500))
    out.seek(0)
    return FileResponse(out, as_attachment=True, filename=_("{source}答复-{at}.xlsx").format(
        source=source.title, at=name or f"{clock.local(at):%Y%m%d-%H%M}"),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


# Sources --------------------------------------------------------------------------------------------------------------


@centre
@require_GET
def sources(request: HttpRequest) -> HttpResponse:
    """List the hotlines that send us orders."""
    return _page(request, "sources", rows=queries.sources(), may_write=_standing(request).holds("admin"))


@access("post", "admin")
@never_cache
@require_http_methods(["GET", "POST"])
def new_source(request: HttpRequest) -> HttpResponse:
    """Connect a hotline."""
    return _edit(request, Source(asks=True))


@access("post", "admin")
@never_cache
@require_http_methods(["GET", "POST"])
def source(request: HttpRequest, source_id: int) -> HttpResponse:
    """Change how a hotline is connected."""
    return _edit(request, get_object_or_404(Source, pk=source_id))


def _edit(request: HttpRequest, found: Source) -> HttpResponse:
    new, faults = found.pk is None, {}
    given = _shown(found)
    if request.method == "POST":
        given = {name: request.POST.get(name, "") for name in given}
        try:
            kept = actions.save_source(found, given, by=_actor(request))
        except Faults as wrong:
            faults = wrong.faults
        else:
            if new:
                return _secret_page(request, kept, crypto.open_sealed(kept.secret))
            messages.success(request, _("已保存。"))
            return redirect("hotline:sources")
    areas = sorted((n for n in index.current().nodes.values() if n.kind in actions.AREAS),
                   key=lambda n: (len(n.path), n.code))
    return _page(request, "source", status=422 if faults else 200, of=found, new=new, given=given, faults=faults,
                 areas=[(n.id, n.name) for n in areas], fields_in=rules.FIELDS_IN, fields_out=rules.FIELDS_OUT,
                 events=rules.EVENTS, address=html.url("hotline:door"))


def _shown(found: Source) -> dict[str, str]:
    flags = {name: "1" if getattr(found, name) else "" for name in ("asks", "direct", "active")}
    layout = {name: rules.write_pairs(getattr(found, name).items()) for name in ("names_in", "names_out", "words_out")}
    area = found.area_id or next((n.id for n in index.current().nodes.values() if n.kind == "district"), "")
    return {"key": found.key, "title": found.title, "url": found.url, "area": str(area), **flags, **layout,
            "columns": rules.write_pairs(found.columns)}


@access("post", "admin")
@never_cache
@require_POST
def secret(request: HttpRequest, source_id: int) -> HttpResponse:
    """Give a hotline another key, shown this once."""
    found = get_object_or_404(Source, pk=source_id)
    return _secret_page(request, found, actions.new_secret(found, by=_actor(request)))


def _secret_page(request: HttpRequest, found: Source, made: str) -> HttpResponse:
    return _page(request, "secret", of=found, secret=made, address=request.build_absolute_uri(reverse("hotline:door")))


# Common ---------------------------------------------------------------------------------------------------------------


def _page(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    said = [(str(m), m.level_tag) for m in messages.get_messages(request)]
    values = {"said": said, "n": queries.to_do(_standing(request)), "all_sources": list(queries.sources()), "tab": template}
    return render(request, f"hotline/{template}.html", {**values, **context}, status=status)


def _try(request: HttpRequest, act: Callable[[], Any], query: str) -> HttpResponse:
    try:
        act()
        messages.success(request, _("马上再发。"))
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return redirect(reverse("hotline:outgoing") + query)


def _asked(request: HttpRequest, states: Any) -> tuple[str, str, int]:
    """Read what narrows a list: number, state, source; what is not known is left out."""
    q, state = request.GET.get("q", "").replace("\x00", "").strip()[:60], request.GET.get("state", "")
    return q, state if state in states else "", _number(request.GET.get("source"))


def _onward(request: HttpRequest, **change: Any) -> str:
    query = request.GET.copy()
    for name in ("after", "before", "from"):
        query.pop(name, None)
    query.update({name: str(value) for name, value in change.items()})
    return "?" + query.urlencode()


def _standing(request: HttpRequest) -> Standing:
    return request.standing  # type: ignore[attr-defined, no-any-return]


def _actor(request: HttpRequest) -> Actor:
    return acting(_standing(request))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else 0
