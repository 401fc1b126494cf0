"""The grid worker's phone: next thing, report, handle, my grid. No position is kept, no check-in (rights 4.12)."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gongzhi.base import clock, files
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Moved, Refused
from gongzhi.field import forms, queries, rules
from gongzhi.flow import access as doors
from gongzhi.flow import actions as flow
from gongzhi.flow import offers, registry
from gongzhi.flow import queries as flow_queries
from gongzhi.flow.actors import Actor
from gongzhi.flow.actors import person as acting
from gongzhi.flow.models import Case, Entry
from gongzhi.flow.offers import Offer
from gongzhi.org.rules import Standing
from gongzhi.requests import access as request_doors
from gongzhi.requests import actions
from gongzhi.requests import forms as act_forms
from gongzhi.requests import queries as requests
from gongzhi.requests.rules import PUBLIC_STATES

# Today, lists ---------------------------------------------------------------------------------------------------------


@access("post", *rules.POSTS)
@never_cache
@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """Show the next thing to do, three numbers, my list, and a colleague's phone."""
    standing = _standing(request)
    rows = [queries.row(t) for t in queries.tasks(standing, "todo")[:8]]
    step = queries.next_step(rows[0].task, _actor(request)) if rows else None
    return render(request, "field/today.html", {
        "rows": rows, "step": step, "n": queries.counts(standing), "lists": rules.LISTS, "now": clock.now(),
        "colleagues": queries.colleagues(standing), "toast": _said(request)})


@access("post", *rules.POSTS)
@never_cache
@require_GET
def my_list(request: HttpRequest) -> HttpResponse:
    """List my tasks, or what I reported; the address says which."""
    standing, chosen = _standing(request), request.GET.get("list", "todo")
    chosen = chosen if chosen in rules.LISTS else "todo"
    context = {"chosen": chosen, "lists": rules.LISTS, "n": queries.counts(standing)}
    if chosen == "mine":
        before = _number(request.GET.get("before"))
        mine = list(queries.reported(standing).filter(**({"pk__lt": before} if before else {}))[: rules.PAGE + 1])
        onward = f"?list=mine&before={mine[rules.PAGE - 1].pk}" if len(mine) > rules.PAGE else ""
        states = {r.pk: str(PUBLIC_STATES[requests.public_state(r.case)]) for r in mine}
        return render(request, "field/mine.html", {
            **context, "rows": mine[: rules.PAGE], "states": states, "onward": onward})
    found = list(queries.after(queries.tasks(standing, chosen), request.GET.get("after", ""))[: rules.PAGE + 1])
    more = {"list": chosen, "after": queries.cursor(found[rules.PAGE - 1])} if len(found) > rules.PAGE else {}
    return render(request, "field/list.html", {
        **context, "rows": [queries.row(t) for t in found[: rules.PAGE]],
        "onward": "?" + urlencode(more) if more else ""})


@access("post", *rules.POSTS)
@require_GET
def grid(request: HttpRequest) -> HttpResponse:
    """Show my grids: compounds, and the 1+1+1+N with their work phones."""
    return render(request, "field/grid.html", {"grids": queries.grids(_standing(request))})


# Report ---------------------------------------------------------------------------------------------------------------


@access("post", *rules.POSTS)
@require_http_methods(["GET", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """Report what was found, or what a resident said; solve it here and now where that is possible."""
    if request.method == "GET":
        return _form(request, forms.Find(who=forms.RESIDENT if request.GET.get("for") == "resident" else forms.OWN))
    find = forms.read(request, by=_actor(request))
    where = forms.spot(find)
    if "find" in request.POST:
        return _form(request, find, where=where)
    forms.check(find, where)
    if find.faults or where is None:
        return _form(request, find, where=where, status=422)
    find.photos = [f.read() for f in request.FILES.getlist("photos")]
    try:
        receipt = _send(request, find, forms.report(find, where))
    except Faults as fault:
        find.faults.update(fault.faults)
    except Refused as fault:
        find.faults[fault.field or "solved"] = fault.sentence
    else:
        return redirect("field:reported", receipt.code)
    return _form(request, find, where=where, status=422)


def _send(request: HttpRequest, find: forms.Find, given: actions.Report) -> actions.Receipt:
    if not find.solves:
        return actions.report(given, by=_actor(request))
    return actions.take_call(given, forms.act(find), by=_actor(request), files=[a for a, _kept in find.after])


def _form(request: HttpRequest, find: forms.Find, *, where: requests.Spot | None = None,
          status: int = 200) -> HttpResponse:
    """Draw the form; photos and a recording that came with it are taken in: nobody climbs the stairs again for them."""
    uploads = request.FILES.getlist("photos")
    for upload in uploads:
        upload.seek(0)
    tokens, wrong = act_forms.keep_photos(uploads)
    find.kept = [*find.kept, *tokens][: act_forms.N_FILES]
    if wrong:
        find.faults["photos"] = wrong
    if find.voice is not None:
        try:
            find.kept_voice = act_forms.keep(files.store_voice(find.voice))
        except Refused as fault:
            find.faults["voice"] = fault.sentence
    return render(request, "field/report.html", {
        "find": find, "spot": where, "found": forms.found(find), "compounds": queries.compounds(_standing(request)),
        "kinds": queries.kinds(find.category), "categories": act_forms.categories(), "q": find.q,
        "first": next(iter(find.faults), ""), "centre": _centre(request)}, status=status)


def _centre(request: HttpRequest) -> dict[str, float]:
    own = queries.own_grids(_standing(request))
    return {"lon": own[0].lon or 0.0, "lat": own[0].lat or 0.0} if own else {"lon": 111.68, "lat": 40.85}


@access("post", *rules.POSTS)
@require_GET
def place(request: HttpRequest) -> HttpResponse:
    """Say what a point or a chosen place is. The position of the phone is used once and kept nowhere."""
    find = forms.Find(point=request.GET.get("point", "")[:40], device=bool(request.GET.get("device")),
                      place_id=_number(request.GET.get("place")))
    return render(request, "field/_place.html", {"spot": forms.spot(find), "asked": True})


@access("post", *rules.POSTS)
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Find places by what was typed."""
    find = forms.Find(q=request.GET.get("q", "").strip()[:120])
    return render(request, "field/_found.html", {"found": forms.found(find), "q": find.q})


@access("post", *rules.POSTS)
@require_GET
def kept(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show a photo, or play a recording, that waits for its form."""
    stored = act_forms.kept_file(token)
    if stored is None:
        raise Http404
    return FileResponse(files.path_of(stored.pk).open("rb"), content_type=stored.media_type)


@access("post", *rules.POSTS)
@require_GET
def reported(request: HttpRequest, code: str) -> HttpResponse:
    """Say what became of a report: its code, who has it, by when and by which rule."""
    case = _reported(request, code)
    return render(request, "field/reported.html", {"slip": requests.slip(case), "case": case})


@access("post", *rules.POSTS)
@require_GET
def slip(request: HttpRequest, code: str) -> HttpResponse:
    """Print the slip for the resident it was taken down for."""
    return render(request, "paper_slip.html", {"slip": requests.slip(_reported(request, code)), "now": clock.now()})


def _reported(request: HttpRequest, code: str) -> Case:
    """Get a case this person reported; a complaint about his own unit goes on without him."""
    found = queries.reported(_standing(request)).filter(case__code=code).first()
    if found is None:
        raise Http404
    return found.case


# One case -------------------------------------------------------------------------------------------------------------


@access("post", *rules.POSTS)
@never_cache
@require_GET
def case(request: HttpRequest, code: str) -> HttpResponse:
    """Show a case with its next step open."""
    found = doors.case(_standing(request), code)
    return _sheet(request, found, toast=_said(request))


def _sheet(request: HttpRequest, found: Case, *, do: str = "", data: QueryDict | None = None,
           faults: dict[str, str] | None = None, said: str = "", status: int = 200,
           files: dict[str, list[act_forms.Kept]] | None = None, **more: Any) -> HttpResponse:
    """Draw a case; the form that came back is open, with what was typed in it."""
    seen = queries.sheet(_standing(request), _actor(request), found)
    do = do or next((o.name for o in seen.offers if not o.refused and not o.is_verb), "")
    drawn = []
    for offer in seen.offers:
        mine = offer.name == do
        typed = (data, faults, None, files) if mine else ()
        fields = act_forms.bound_fields(offer, found, *typed)
        drawn.append((offer, fields, mine))
    lost = [] if data is None or any(mine for _o, _f, mine in drawn) else _typed(data)
    return render(request, "field/case.html", {
        "s": seen, "case": found, "drawn": drawn, "said": said, "lost": lost, "toast": "", "purpose_fault": "",
        "purpose": _("联系诉求人，核实情况"), **more}, status=status)


def _typed(data: QueryDict) -> list[str]:
    """Keep the words of a form whose act is gone, so that they can be copied."""
    kinds = {name: spec.kind for name, spec in registry.fields.items()}
    return [str(data[name]) for name in data if kinds.get(name) in ("text", "line") and data[name]]


@access("post", *rules.POSTS)
@require_POST
def act(request: HttpRequest, code: str, name: str) -> HttpResponse:
    """Take an action: the same acts and the same refusals as on the desk."""
    found = doors.case(_standing(request), code)
    actor = _actor(request)
    offer = _offer(found, actor, name, _number(request.POST.get("task")))
    given = act_forms.read(request, offer, by=actor) if offer else act_forms.Given()
    again: dict[str, Any] = {"do": name, "data": request.POST, "files": given.kept}
    try:
        if offer is None:
            raise Moved(_(flow.GONE))
        given.check()
        flow.act(found.pk, name, by=actor, form=given.values, task_id=offer.task_id,
                 stage=request.POST.get("stage", "")[:24], files=given.attachments)
    except Faults as fault:
        return _sheet(request, found, faults=fault.faults, status=422, **again)
    except Moved as gone:
        found.refresh_from_db()
        return _sheet(request, found, said=gone.sentence, status=409, **again)
    except Refused as fault:
        blamed = {fault.field: fault.sentence} if fault.field else {}
        return _sheet(request, found, said="" if blamed else fault.sentence, faults=blamed, status=422, **again)
    mine = flow_queries.queue(_standing(request)).filter(case=found.pk).exists()
    target = reverse("field:case", args=[found.code]) if mine else reverse("field:today")
    return redirect(f"{target}?did={name}&code={found.code}")


def _offer(case: Case, actor: Actor, name: str, task_id: int | None) -> Offer | None:
    fitting = [o for o in offers.available(case, actor) if o.name == name]
    return next((o for o in fitting if task_id is None or o.task_id == task_id), None)


@access("post", *rules.POSTS)
@require_POST
def phone(request: HttpRequest, code: str) -> HttpResponse:
    """Open the reporter's number with a purpose; it is logged and the reporter can see it."""
    found = doors.case(_standing(request), code)
    if not request_doors.may_ask_phone(_standing(request), found):
        raise PermissionDenied
    try:
        actions.open_guarded(found, "phone", request.POST.get("purpose", ""), by=_actor(request))
    except Faults as fault:
        return _sheet(request, found, status=422, purpose_fault=fault.faults["purpose"],
                      purpose=request.POST.get("purpose", ""))
    return redirect(reverse("field:case", args=[found.code]) + "#phone")


@access("post", *rules.POSTS)
@cache_control(private=True, max_age=1800)
@require_GET
def file(request: HttpRequest, attachment_id: int) -> HttpResponseBase:
    """Serve a photo or recording to those who may see it."""
    found = request_doors.attachment(_standing(request), attachment_id)
    path = files.path_of(found.file_id)
    if not path.exists():
        raise Http404
    return FileResponse(path.open("rb"), content_type=found.file.media_type)


# Common ---------------------------------------------------------------------------------------------------------------


def _standing(request: HttpRequest) -> Standing:
    return request.standing  # type: ignore[attr-defined, no-any-return]


def _actor(request: HttpRequest) -> Actor:
    return acting(_standing(request))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 18 else None


def _said(request: HttpRequest) -> dict[str, str] | None:
    """Say what was just done, only if the log of the case has it from this person a moment ago."""
    name, code = request.GET.get("did", ""), request.GET.get("code", "")
    mine = Entry.objects.filter(case__code=code, action=name, actor=_actor(request).line)
    entry = mine.select_related("case").order_by("-id").first()
    if not name or entry is None:
        return None
    process = flow_queries.definition(entry.case.version_id)
    titles = {a.name: a.title for _s, a in process.all_actions()} | {v.name: v.title for v in process.verbs.values()}
    words = _("“{title}”已提交，等审核") if entry.state == "asked" else _("“{title}”已提交")
    return {"text": words.format(title=_(titles.get(name, name))), "draft": f"field-{code}-{name}"}
