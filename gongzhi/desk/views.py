"""The doors of the desk: lists, cases, acts, files. A case that is not the reader's is the same 404 as none."""

import tempfile
from datetime import datetime
from functools import partial
from typing import IO, Any
from urllib.parse import quote, urlsplit

import segno
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from markupsafe import Markup

from gongzhi.base import clock, codes, files, html
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Moved, Refused
from gongzhi.desk import access as doors
from gongzhi.desk import actions, acts, dossier, later, queries, undo
from gongzhi.desk import export as exporting
from gongzhi.desk.rules import DUE, EXPORT_LIMIT, EXPORT_SHORT, FLAGS, LATER, PAGE, SORTS, STATES, Filter
from gongzhi.duties import queries as duties
from gongzhi.flow import access as flow_access
from gongzhi.flow import actions as flow
from gongzhi.flow import actors, deadlines
from gongzhi.flow import queries as flow_queries
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.notify import actions as notify
from gongzhi.org.rules import Standing
from gongzhi.requests import access as requests_access
from gongzhi.requests import actions as requests
from gongzhi.requests import defaults, forms, rules
from gongzhi.requests import queries as requests_queries
from gongzhi.requests.models import Category

TOAST = "desk_toast"


# Lists ----------------------------------------------------------------------------------------------------------------


@access("staff")
@never_cache
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Show one list of the desk: what is late on top, its filters in the address."""
    standing = _standing(request)
    chosen = Filter.read(request.GET)
    page = queries.page(standing, chosen)
    return render(request, "desk/queue.html", {
        **shell(request, chosen), "chosen": chosen, "page": page, "total": queries.total(standing, chosen),
        "counted_to": queries.COUNTED_TO, "said": queries.said(chosen), "stages": queries.stages(),
        "categories": queries.categories(), "places": queries.places(standing), "channels": rules.CHANNELS,
        "flags": FLAGS, "due": DUE, "states": STATES, "sorts": SORTS,
    })


@access("staff")
@never_cache
@require_GET
def urgent(request: HttpRequest) -> HttpResponse:
    """Say how many urgent matters lie in one's queue, and which came last: asked by the page every minute."""
    n, newest = queries.urgent(_standing(request))
    return render(request, "desk/_urgent.html", {"n": n, "newest": newest})


@access("staff")
@never_cache
@require_http_methods(["GET", "POST"])
def export(request: HttpRequest) -> HttpResponseBase:
    """Hand a list out as an Excel file, with a line that says who took it; a long one is asked for and left to a job."""
    standing, chosen = _standing(request), Filter.read(request.GET)
    n = queries.size(standing, chosen)
    if n > EXPORT_SHORT:
        if request.method == "POST":
            actions.ask_export(chosen, n, by=_actor(request))
            return redirect("desk:exports")
        return render(request, "desk/exports.html", {
            **shell(request), "chosen": chosen, "n": n, "said": queries.said(chosen), "most": EXPORT_LIMIT,
            "exports": queries.exports(standing)})
    out = tempfile.TemporaryFile()  # noqa: SIM115 (the answer that streams it closes it)
    actions.note_export(exporting.write(out, standing, chosen), chosen.view, sorted(chosen.narrowed), by=_actor(request))
    out.seek(0)
    return _sheet(out, chosen.of.title, clock.now())


def _sheet(out: IO[bytes], title: object, at: datetime) -> FileResponse:
    return FileResponse(out, as_attachment=True, filename=f"{title}-{clock.local(at):%Y%m%d-%H%M}.xlsx", content_type=(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))


@access("staff")
@never_cache
@require_GET
def exports(request: HttpRequest) -> HttpResponse:
    """Show the long lists one asked for: how far they are, and the files; asked by the page itself, only these."""
    rows = list(queries.exports(_standing(request)))
    if request.headers.get("HX-Request"):
        return render(request, "desk/_exports.html", {"exports": rows})
    return render(request, "desk/exports.html", {**shell(request), "chosen": None, "exports": rows})


@access("staff")
@require_POST
def stop_export(request: HttpRequest, export_id: int) -> HttpResponse:
    """Stop writing a list."""
    try:
        actions.stop_export(doors.export(_standing(request), export_id), by=_actor(request))
        _say(request, _("已停止。"))
    except Refused as refusal:
        _say(request, refusal.sentence, state="late")
    return redirect("desk:exports")


@access("staff")
@never_cache
@require_GET
def export_file(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """Hand out a list that a job has written, to nobody but who asked for it."""
    found = doors.export(_standing(request), export_id)
    if found.ready_at is None or not found.path.exists():
        raise Http404
    return _sheet(found.path.open("rb"), found.title, found.ready_at)


@access("staff")
@never_cache
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Find cases by code or words; the clerk also by the end of a caller's number, which is written down."""
    standing, q = _standing(request), request.GET.get("q", "").replace("\x00", "").strip()[:100]
    if (code := codes.read_code(q)) and queries.cases(standing, Filter(view="all", state="open", q=code)).exists():
        return redirect("desk:case", code)
    rows = queries.search(standing, q) if q else []
    callers = None
    if queries.is_tail(standing, q):
        callers = queries.by_tail(standing, q)
        actions.note_tail_search(len(callers), by=_actor(request))
    return render(request, "desk/search.html", {**shell(request), "q": q, "rows_found": rows, "callers": callers,
                                                "rows_max": PAGE})


@access("staff")
@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the present filters under a name."""
    query = request.POST.get("query", "")
    try:
        view = actions.save_view(request.POST.get("title", ""), query, by=_actor(request),
                                 shared=request.POST.get("shared") == "1")
    except Faults as faults:
        _say(request, next(iter(faults.faults.values())), state="late")
        return redirect(reverse("desk:queue") + Filter.read_query(query).query)
    _say(request, _("已保存视图“{title}”").format(title=view.title))
    return redirect(reverse("desk:queue") + view.query)


@access("staff")
@require_POST
def drop_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Forget a saved view."""
    actions.drop_view(view_id, by=_actor(request))
    return redirect("desk:queue")


# One case -------------------------------------------------------------------------------------------------------------


@access("staff")
@never_cache
@require_GET
def case(request: HttpRequest, code: str) -> HttpResponse:
    """Show a case; `?do=ACTION` opens the form of an act in place."""
    found = flow_access.case(_standing(request), code)
    notify.read(_standing(request).person_id or 0, ("case", found.pk))
    return _case_page(request, found, request.GET.get("do", ""), _number(request.GET.get("task")))


def _case_page(request: HttpRequest, found: Case, do: str = "", task_id: int | None = None, *, status: int = 200,
               data: QueryDict | None = None, faults: dict[str, str] | None = None, said: str = "",
               files: dict[str, list[forms.Kept]] | None = None, **more: Any) -> HttpResponse:
    standing, actor = _standing(request), _actor(request)
    seen = dossier.read(standing, actor, found)
    act = acts.panel(seen, do, task_id, data=data, faults=faults, files=files, said=said)
    kept = acts.typed(data) if data is not None and act is None else []
    rows = acts.buttons(seen)
    context = {**shell(request), "d": seen, "case": found, "act": act, "kept": kept, "said": said,
               "buttons": rows, "off_list": acts.off_list(seen, rows), "back": _back(request), "printed_at": clock.now(),
               "rule_words": dossier.rule_words(found), "masked_kind": dossier.kind_words(seen.request),
               "channels": rules.CHANNELS, "opened_phone": "", "purpose_fault": "",
               "later_of": later.of_case(standing, found), "later_choices": LATER, "later_fault": "",
               "later_words": later.until_words,
               "may_change": seen.rating and requests_queries.may_change(found), "solved": rules.SOLVED,
               "satisfaction": rules.SATISFACTION, "rerated": {}, "rerate_fault": "", **more}
    return render(request, "desk/case.html", context, status=status)


@access("staff")
@never_cache
@require_GET
def preview(request: HttpRequest, code: str) -> HttpResponse:
    """Show the short form of a case beside the list."""
    standing = _standing(request)
    found = flow_access.case(standing, code)
    seen = dossier.read(standing, _actor(request), found)
    top = acts.buttons(seen)
    suggested = dossier.suggestions(found, seen.request)[:1] if any(b.asks("lead") for b in top) else []
    return render(request, "desk/_preview.html", {
        "d": seen, "case": found, "buttons": top, "off_list": acts.off_list(seen, top),
        "suggested": suggested, "rule_words": dossier.rule_words(found),
        "back": _back(request)})


@access("staff")
@require_POST
def act(request: HttpRequest, code: str, name: str) -> HttpResponse:
    """Take an action on a case; what is wrong is said at the field, what moved on is said, what was typed is kept."""
    standing, actor = _standing(request), _actor(request)
    found = flow_access.case(standing, code)
    task_id, stage = _number(request.POST.get("task")), request.POST.get("stage", "")[:24]
    offer = acts.find(found, actor, name, task_id)
    given = forms.read(request, offer, by=actor) if offer else forms.Given()
    again = partial(_case_page, request, found, name, task_id, data=request.POST, files=given.kept)
    if name == "take_back":
        undo.drop(request, found)
    try:
        if offer is None:
            raise Moved(_(flow.GONE))
        given.check()
        moved = flow.act(found.pk, name, by=actor, form=given.values, task_id=offer.task_id, stage=stage,
                         files=given.attachments)
    except Faults as faults:
        return again(status=422, faults=faults.faults)
    except Moved as gone:
        found.refresh_from_db()
        return again(status=409, said=gone.sentence)
    except Refused as refusal:
        blamed = {refusal.field: refusal.sentence} if refusal.field else {}
        return again(status=422, faults=blamed, said="" if blamed else refusal.sentence)
    queries.forget_counts(standing)
    actions.wake(moved, by=actor)
    acts.praise(request, moved, offer, actor)
    return redirect(_after(request, standing, moved))


def _after(request: HttpRequest, standing: Standing, moved: Case) -> str:
    """Go on with the case while there is something to do on it, else back to the list."""
    still = flow_queries.visible_to(standing).filter(pk=moved.pk).exists()
    own = still and any(queries.sits(t, standing) for t in dossier.open_tasks(moved))
    back = _back(request)
    if own or (still and not back):
        return reverse("desk:case", args=[moved.code]) + (f"?back={quote(back)}" if back else "")
    return back or reverse("desk:queue")


@access("staff")
@never_cache
@require_POST
def open_guarded(request: HttpRequest, code: str, what: str) -> HttpResponse:
    """Open a caller's number or the original of a complaint: with a purpose, a log line, shown once."""
    standing = _standing(request)
    found = flow_access.case(standing, code)
    may = {"phone": requests_access.may_ask_phone, "original": requests_access.may_ask_original}.get(what)
    if may is None or not may(standing, found):
        raise PermissionDenied
    again = partial(_case_page, request, found, request.POST.get("do", ""), _number(request.POST.get("task")))
    try:
        requests.open_guarded(found, what, request.POST.get("purpose", ""), by=_actor(request))
    except Faults as faults:
        return again(status=422, purpose_fault=faults.faults["purpose"], purpose_of=what)
    if what == "original":
        return redirect("desk:case", found.code)
    return again(opened_phone=dossier.full_phone(found))


@access("staff")
@require_POST
def say(request: HttpRequest, code: str) -> HttpResponse:
    """Write to the reporter."""
    standing = _standing(request)
    found = flow_access.case(standing, code)
    seen = dossier.read(standing, _actor(request), found)
    if not seen.may_say:
        raise PermissionDenied
    try:
        requests.say(found, request.POST.get("words", ""), by=_actor(request))
    except Faults as faults:
        typed = request.POST.get("words", "")
        return _case_page(request, found, status=422, say_fault=faults.faults["words"], typed=typed)
    _say(request, _("已发给诉求人"), draft=f"say-{found.code}")
    return redirect(reverse("desk:case", args=[found.code]) + "#messages")


@access("post", "operator")
@require_POST
def rerate(request: HttpRequest, code: str) -> HttpResponse:
    """Change a rating for a reporter who asks for it by phone or at the window; he is told."""
    found = flow_access.case(_standing(request), code)
    given = {name: request.POST.get(name, "").strip() for name in ("solved", "satisfied", "said")}
    level = _number(given["satisfied"]) or 0
    try:
        requests.change_rating(found, solved=given["solved"], satisfied=level, said=given["said"], by=_actor(request))
    except Faults as faults:
        return _case_page(request, found, status=422, rerated=given, rerate_fault=faults.faults["satisfied"])
    except Refused as refusal:
        return _case_page(request, found, status=409, said=refusal.sentence)
    _say(request, _("已代记改评价，诉求人留过手机的会收到短信"))
    return redirect("desk:case", found.code)


@access("post", "operator")
@require_POST
def pressed(request: HttpRequest, code: str) -> HttpResponse:
    """Pass on what a reporter says by phone: somebody asked him to change his rating."""
    found = flow_access.case(_standing(request), code)
    try:
        requests.press_reported(found, by=_actor(request))
    except Refused as refusal:
        return _case_page(request, found, status=409, said=refusal.sentence)
    _say(request, _("已告诉上一级督办人员，办理单位看不到。"))
    return redirect("desk:case", found.code)


@access("staff")
@require_GET
def units(request: HttpRequest, code: str) -> HttpResponse:
    """Search units and lines of the dispatch catalogue, as choices of the dispatch form."""
    found = flow_access.case(_standing(request), code)
    helps = request.GET.get("for") == "helpers"
    q = request.GET.get("helper_q" if helps else "unit_q", "").replace("\x00", "").strip()[:40]
    lead, known = request.GET.get("lead", ""), request.GET.get("known", "").split(",")
    hits, is_lead = acts.search_units(found, q) if q else [], False
    if helps:
        leads = lead or str(found.fields.get("lead"))
        is_lead = any(str(unit.pk) == leads for unit, _words in hits)
        hits = [hit for hit in hits if str(hit[0].pk) != leads]
    elif lead and lead not in known:
        hits = acts.with_chosen(hits, lead)
    stops = acts.kept_from(found, [unit for unit, _words in hits], leads=not helps) if request.GET.get("do") != "override" else {}
    return render(request, "desk/_units.html", {"q": q, "found": hits, "lead": lead, "helps": helps, "is_lead": is_lead,
                                                "stops": stops})


@access("staff")
@never_cache
@require_GET
def twins(request: HttpRequest, code: str) -> HttpResponse:
    """Show what may be the same matter; looked for after the page is there, because words are many."""
    standing = _standing(request)
    case = flow_access.case(standing, code)
    merges = case.stage == "dispatching" and standing.holds("dispatcher")
    return render(request, "desk/_twins.html", {"found": dossier.twins(standing, case), "case": case, "merges": merges})


@access("staff")
@never_cache
@require_GET
def grounds(request: HttpRequest, code: str) -> HttpResponse:
    """Show by which lines of the lists a case was handed on; after the page is there, because it is not needed at once."""
    found = flow_access.case(_standing(request), code)
    return render(request, "desk/_grounds.html", {"grounds": duties.grounds(found)})


@access("staff")
@require_GET
def standard(request: HttpRequest) -> HttpResponse:
    """Show when a category is a matter, by when it must be done, when it counts as done, and who says so."""
    found = Category.objects.filter(code=request.GET.get("category", "")[:10], active=True).first()
    return render(request, "desk/_standard.html", {"of": found})


@access("post", "operator")
@require_GET
def answers(request: HttpRequest, code: str) -> HttpResponse:
    """Search the knowledge base for an answer to one case; what its words ask for where nothing is searched."""
    case = flow_access.case(_standing(request), code)
    return render(request, "desk/_answers.html", {
        "found": forms.answers_for(case, "", request.GET.get("kq", "").strip()[:60])})


@access("staff")
@require_POST
def phrases(request: HttpRequest) -> HttpResponse:
    """Warn about phrases of a reply that say nothing of what was done."""
    return render(request, "desk/_phrases.html", {"said": defaults.warning(defaults.empty_in(request.POST))})


@access("staff")
@never_cache
@require_GET
def ticket(request: HttpRequest, code: str) -> HttpResponse:
    """Print a case on one page, with its deadline and the rule that made it (条例 art. 13)."""
    standing = _standing(request)
    found = flow_access.case(standing, code)
    seen = dossier.read(standing, _actor(request), found)
    link = settings.BASE_URL + reverse("desk:case", args=[found.code])
    code_svg = segno.make(link, micro=False, error="m").svg_inline(scale=3, border=0, svgclass=None, lineclass=None)
    stage = seen.process.stages[found.stage]
    return render(request, "desk/ticket.html", {
        "d": seen, "case": found, "qr": Markup(code_svg), "link": link, "rule_words": dossier.rule_words(found),
        "masked_kind": dossier.kind_words(seen.request), "stage_words": deadlines.rule_words(stage.deadline, found),
        "printed_at": clock.now()})


@access("staff")
@cache_control(private=True, max_age=1800)
@require_GET
def file(request: HttpRequest, attachment_id: int) -> HttpResponseBase:
    """Serve a photo, recording or document to those who may see it."""
    found = doors.file(_standing(request), attachment_id)
    path = files.path_of(found.file_id)
    if not path.exists():
        raise Http404
    response = FileResponse(path.open("rb"), content_type=found.file.media_type)
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    return response


# Common ---------------------------------------------------------------------------------------------------------------


def _standing(request: HttpRequest) -> Standing:
    return request.standing  # type: ignore[attr-defined, no-any-return]


def _actor(request: HttpRequest) -> Actor:
    return actors.person(_standing(request))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 18 else None


def _back(request: HttpRequest) -> str:
    """Read the list a person came from; an address of elsewhere is no list."""
    back = request.POST.get("back") or request.GET.get("back") or ""
    ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and urlsplit(back).path == reverse("desk:queue")
    return back[:500] if ours else ""


def _say(request: HttpRequest, text: str, *, draft: str = "", state: str = "") -> None:
    request.session[TOAST] = {"text": text, "draft": draft, "state": state}


def shell(request: HttpRequest, chosen: Filter | None = None, *, at: str = "") -> dict[str, Any]:
    """Give what every page of the desk shows: the left side, and what was just done."""
    return {"side": side(request, chosen, at=at), "toast": request.session.pop(TOAST, None)}


def side(request: HttpRequest, chosen: Filter | None = None, *, at: str = "") -> dict[str, Any]:
    """Give the left side: menu (`at`: its present page), lists with counts, saved views."""
    standing = _standing(request)
    found = queries.counts(standing)
    address = reverse("desk:queue")
    views = [
        {"href": f"{address}?view={v.key}", "icon": v.icon, "title": v.title, "n": found.get(v.key, 0),
         "many": found.get(v.key, 0) > queries.COUNTED_TO,
         "state": v.state if found.get(v.key) else "", "current": bool(chosen and chosen.view == v.key)}
        for v in queries.shown(standing, found)
    ]
    found_at = request.resolver_match
    at = at or (found_at.view_name if found_at else "")
    return {"views": views, "menu": _menu(standing, chosen, at), "n_todo": found.get("todo", 0),
            "saved": queries.saved(standing)}


def _menu(standing: Standing, chosen: Filter | None, at: str) -> list[dict[str, Any]]:
    todo = bool(chosen and chosen.view == "todo" and not chosen.narrowed)
    items = [{"href": reverse("desk:queue"), "icon": "inbox", "title": _("待办"), "current": todo}]
    if standing.holds("operator") and (intake := html.url_or_none("desk:intake")):
        items.append({"href": intake, "icon": "phone-call", "title": _("接听登记"), "current": at == "intake"})
    centre = any(h.post in ("operator", "admin") or h.unit_kind == "centre" for h in standing.held)
    if centre and standing.holds("operator", "dispatcher", "admin") and (hotline := html.url_or_none("hotline:orders")):
        items.append({"href": hotline, "icon": "phone", "title": _("市热线")})
    if standing.holds("operator", "leader", "admin"):
        items.append({"href": reverse("desk:knowledge"), "icon": "book", "title": _("知识库"),
                      "current": at == "knowledge"})
    for name, icon, title in (("duties:whose", "list-search", _("这是谁的职责")),
                              ("duties:report", "hand-stop", _("清单外派单"))):
        if not standing.is_outside:
            items.append({"href": reverse(name), "icon": icon, "title": title, "current": at == name})
    if standing.held and not standing.is_outside:
        items += [{"href": reverse("desk:handovers"), "icon": "history", "title": _("交接班"), "current": at == "handovers"},
                  {"href": reverse("desk:snippets"), "icon": "message", "title": _("常用语"), "current": at == "snippets"}]
    on_the_grid = standing.holds("gridworker", "gridmanager", "gridhead", "gridpart")
    if on_the_grid and (today := html.url_or_none("field:today")):
        items.append({"href": today, "icon": "walk", "title": _("网格员端")})
    items.append({"href": reverse("desk:leave"), "icon": "calendar", "title": _("请假顶岗"), "current": at == "leave"})
    if standing.holds("admin") and (setup := html.url_or_none("site:setup")):
        items.append({"href": setup, "icon": "settings", "title": _("设置")})
    return items
