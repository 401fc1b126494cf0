"""The doors of following a matter: by its link, or by code and last four digits. The link's secret opens one matter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import segno
from django.conf import settings
from django.core import signing
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from markupsafe import Markup

from gongzhi.base import clock, files, limits
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import reporter
from gongzhi.flow.models import Attachment, Case
from gongzhi.portal import browser, forms, queries
from gongzhi.requests import access as doors
from gongzhi.requests import actions as requests
from gongzhi.requests import rules
from gongzhi.requests.models import Rating, Request

SEEN, SEEN_FOR = "portal.seen", 3600  # seconds the door by code and last four digits stays open (default, no source)


@access("public")
@require_http_methods(["GET", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """Show a matter by code and the last four digits of the phone number left; five wrong tries lock the code."""
    mine = browser.own_matters(request)
    if request.method == "GET":
        return render(request, "portal/find.html", {"error": "", "code": request.GET.get("code", ""), "mine": mine,
                                                    "states": rules.PUBLIC_STATES})
    if not limits.allow("find", limits.address(request), per_minute=10, burst=20):
        return render(request, "429.html", status=429)
    typed = request.POST.get("code", "")[:40]
    try:
        found = doors.by_tail(typed, request.POST.get("tail", "")[:20])
    except Refused as fault:
        return render(request, "portal/find.html", {"error": fault.sentence, "code": typed, "mine": mine,
                                                    "states": rules.PUBLIC_STATES},
                      status=429 if fault.code == "locked" else 422)
    return redirect("portal:tail_track", signing.dumps(found.case.code, salt=SEEN))


# Two doors ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Door:
    """How somebody came to a matter: by its link, or by code and last four digits, which others may know (rights 4.4).

    The link opens all that a reporter may do. The other door shows the state and takes what harms nobody; its address
    holds a token for an hour and never the secret, so that no rating can be given through it.
    """

    keys: tuple[str, ...]
    by_link: bool

    def address(self, name: str, *more: Any) -> str:
        """Give the address of a page of the matter behind this door."""
        return reverse(f"portal:{name}" if self.by_link else f"portal:tail_{name}", args=[*self.keys, *more])


def _by_link(code: str, secret: str) -> tuple[Request, Door]:
    return doors.by_secret(code, secret), Door((code, secret), True)


def _by_token(token: str) -> tuple[Request, Door]:
    """Get the matter a token opens; raise Refused where it is too old, 404 where it is none of ours."""
    try:
        code = signing.loads(token, salt=SEEN, max_age=SEEN_FOR)
    except signing.SignatureExpired as fault:
        raise Refused(_("已过 1 小时，请再输一次编号和后四位。"), code="old") from fault
    except signing.BadSignature as fault:
        raise Http404 from fault
    found = Request.objects.select_related("case__version", "case__place", "category").filter(case__code=code).first()
    if found is None:
        raise Http404
    return found, Door((token,), False)


Page = Callable[..., HttpResponseBase]


def _with_token(page: Page) -> Page:
    """Ask for code and digits again where the token of an address is too old."""

    @wraps(page)
    def door(request: HttpRequest, token: str, **more: Any) -> HttpResponseBase:
        try:
            found, door = _by_token(token)
        except Refused as fault:
            return render(request, "portal/find.html", {
                "error": fault.sentence, "code": "", "mine": browser.own_matters(request),
                "states": rules.PUBLIC_STATES}, status=410)
        return page(request, found, door, **more)

    return door


@access("public")
@require_GET
def track(request: HttpRequest, code: str, secret: str) -> HttpResponse:
    """Show how a matter stands, like a parcel."""
    found, door = _by_link(code, secret)
    response = _page(request, found, door, toast=_said(request.GET.get("did", ""), found.case))
    browser.remember(request, response, code, secret)
    return response


@access("public")
@require_GET
@_with_token
def tail_track(request: HttpRequest, found: Request, door: Door) -> HttpResponse:
    """Show the same to who gave code and last four digits, without what only the link opens."""
    return _page(request, found, door, toast=_said(request.GET.get("did", ""), found.case))


def _page(request: HttpRequest, found: Request, door: Door, *, status: int = 200, **more: Any) -> HttpResponse:
    elder = request.COOKIES.get("elder") == "1"
    levels = rules.ELDER_LEVELS if elder else tuple(rules.SATISFACTION)
    page = queries.progress(found, reporter(found.pk))
    context = {
        "p": page if door.by_link else queries.without_link(page), "door": door,
        "link": _link(found) if door.by_link else "", "levels": levels,
        "satisfaction": rules.SATISFACTION, "solved": rules.SOLVED, "given": {}, "faults": {}, "toast": "", **more,
    }
    return render(request, "portal/track.html", context, status=status)


def _link(found: Request) -> str:
    return settings.BASE_URL + reverse("portal:track", args=[found.case.code, found.secret])


@access("public")
@require_POST
@_with_token
def tail_resend(request: HttpRequest, found: Request, door: Door) -> HttpResponse:
    """Send the link once more to the phone that was left; the answer is the same whatever comes of it."""
    if not limits.allow("find", limits.address(request), per_minute=10, burst=20):
        return render(request, "429.html", status=429)
    requests.resend_link(found)
    return redirect(door.address("track") + "?did=resend")


@access("public")
@require_GET
def done(request: HttpRequest, code: str, secret: str) -> HttpResponse:
    """Answer a report: its code, who has it, by when and by which rule, how to follow."""
    found = doors.by_secret(code, secret)
    return render(request, "portal/done.html", {"p": queries.progress(found, reporter(found.pk)), "link": _link(found)})


@access("public")
@require_GET
def slip(request: HttpRequest, code: str, secret: str) -> HttpResponse:
    """Print the same on paper, with a QR code, for somebody without a phone."""
    found = doors.by_secret(code, secret)
    drawn = segno.make(_link(found), error="m").svg_inline(scale=4, border=2)
    p = queries.progress(found, reporter(found.pk))
    return render(request, "portal/slip.html", {"p": p, "link": _link(found), "qr": Markup(drawn), "now": clock.now()})


@access("public")
@require_GET
def file(request: HttpRequest, code: str, secret: str, file_id: int) -> HttpResponseBase:
    """Show a file of my matter: what I sent, and what was answered to me."""
    return _file(*_by_link(code, secret), file_id)


@access("public")
@require_GET
@_with_token
def tail_file(request: HttpRequest, found: Request, door: Door, file_id: int) -> HttpResponseBase:
    """Show a file to who gave code and last four digits; of a complaint only what was answered."""
    return _file(found, door, file_id)


def _file(found: Request, door: Door, file_id: int) -> HttpResponseBase:
    attachment = Attachment.objects.select_related("file", "entry").filter(pk=file_id, case=found.pk).first()
    if attachment is None:
        raise Http404
    entry = attachment.entry
    own = attachment.original or bool(entry and entry.actor == "reporter")
    if not own and not (entry and entry.public):
        raise Http404
    if own and found.is_guarded and not door.by_link:
        raise Http404
    response = FileResponse(files.path_of(attachment.file_id).open("rb"), content_type=attachment.file.media_type)
    response["Cache-Control"] = "private, max-age=86400"
    return response


@access("public")
@require_POST
def say(request: HttpRequest, code: str, secret: str) -> HttpResponse:
    """Write to those who handle my matter."""
    return _say(request, *_by_link(code, secret))


@access("public")
@require_POST
@_with_token
def tail_say(request: HttpRequest, found: Request, door: Door) -> HttpResponse:
    """Write to those who handle my matter, by code and last four digits."""
    return _say(request, found, door)


def _say(request: HttpRequest, found: Request, door: Door) -> HttpResponse:
    words = request.POST.get("message", "")
    fault = "" if limits.allow("say", found.case.code, per_minute=3, burst=6) else _("发得太快了，请等一分钟。")
    try:
        if not fault:
            requests.say(found.case, words, by=reporter(found.pk))
    except Faults as faults:
        fault = faults.faults["words"]
    if fault:
        return _page(request, found, door, status=422, given={"message": words}, faults={"message": fault})
    return redirect(door.address("track") + "#messages")


@access("public")
@require_POST
def act(request: HttpRequest, code: str, secret: str, name: str) -> HttpResponse:
    """Urge, withdraw, or add something to my matter."""
    return _act(request, *_by_link(code, secret), name)


@access("public")
@require_POST
@_with_token
def tail_act(request: HttpRequest, found: Request, door: Door, name: str) -> HttpResponse:
    """Urge or add something, by code and last four digits; what ends or rates a matter needs its link."""
    if name not in queries.BY_TAIL:
        raise Http404
    return _act(request, found, door, name)


def _act(request: HttpRequest, found: Request, door: Door, name: str) -> HttpResponse:
    form = {"note": request.POST.get("note", "")}
    try:
        photos = [Attachment(file=files.store_photo(f.read()).stored, kind="photo", name=str(f.name)[:120])
                  for f in request.FILES.getlist("photos")[:forms.PHOTOS]]
        if name == "comment" and photos and not form["note"].strip():
            name = "attach"
        flow.act(found.pk, name, by=reporter(found.pk), form=form, files=photos)
    except Faults as faults:
        return _page(request, found, door, status=422, given=form, faults=faults.faults)
    except Refused as fault:
        return _page(request, found, door, status=409, given=form, faults={fault.field or name: fault.sentence})
    return redirect(door.address("track") + f"?did={name}")


def _said(did: str, case: Case) -> str:
    """Say what was just done; only what did happen has a sentence."""
    sentences = {
        "urge": _("已催办，已提醒%(units)s。") % {"units": queries.told(case) or _("接诉即办中心")},
        "withdraw": _("已撤回，不再办理。"),
        "comment": _("已补充，办理的人会看到。"),
        "attach": _("照片已补充，办理的人会看到。"),
        "pressed": _("已告诉上一级督办人员，办理单位看不到。"),
        "resend": _("如果留过手机号，链接会发到那部手机上，一天最多发 3 次。"),
    }
    return sentences.get(did, "")


@access("public")
@require_POST
def rate(request: HttpRequest, code: str, secret: str) -> HttpResponse:
    """Say whether it is solved and how satisfied I am; unsolved starts it again. A rating may be changed for a week."""
    found, door = _by_link(code, secret)
    given = {name: request.POST.get(name, "").strip() for name in ("solved", "satisfied", "said")}
    page = queries.progress(found, reporter(found.pk))
    faults = _rating_faults(given, page)
    if faults:
        return _page(request, found, door, status=422, given=given, faults=faults)
    try:
        _give_rating(found, page, given)
    except Faults as wrong:
        return _page(request, found, door, status=422, given=given, faults=wrong.faults)
    except Refused as fault:
        return _page(request, found, door, status=409, given=given, faults={"solved": fault.sentence})
    return redirect("portal:track", code, secret)


def _rating_faults(given: dict[str, str], page: queries.Progress) -> dict[str, str]:
    faults = {}
    if given["solved"] not in rules.SOLVED:
        faults["solved"] = _("请选一项：解决了吗？")
    if given["satisfied"] not in {str(n) for n in rules.SATISFACTION}:
        faults["satisfied"] = _("请选一项：满意吗？")
    if given["solved"] == "unsolved" and not given["said"] and not page.may_change_rating:
        faults["said"] = _("请写一句哪里没解决，好让他们重办。")
    return faults


def _give_rating(found: Request, page: queries.Progress, given: dict[str, str]) -> None:
    by = reporter(found.pk)
    if page.may_change_rating:
        requests.change_rating(
            found.case, solved=given["solved"], satisfied=int(given["satisfied"]), said=given["said"], by=by)
        return
    again = next((name for name in ("redo", "hard") if name in page.can), "")
    if given["solved"] == "unsolved" and again:
        flow.act(found.pk, again, by=by, form={**given, "reason": given["said"]})
    else:
        flow.act(found.pk, "rate", by=by, form=given)


@access("public")
@require_POST
def pressed(request: HttpRequest, code: str, secret: str) -> HttpResponse:
    """Report that somebody asked me to change my rating; only the supervising level learns of it."""
    found = doors.by_secret(code, secret)
    if not Rating.objects.filter(case=found.pk).exists():
        raise Http404
    requests.press_reported(found.case, by=reporter(found.pk))
    return redirect(reverse("portal:track", args=[code, secret]) + "?did=pressed")
