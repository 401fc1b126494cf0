"""The inbox, the demo's SMS, and the administrator's page of messages."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from gongzhi.base import crypto, html
from gongzhi.base.access import access
from gongzhi.base.errors import Refused
from gongzhi.notify import actions, channels, queries, registry, rules
from gongzhi.notify.models import Notice
from gongzhi.org.rules import Standing


def states() -> dict[str, tuple[str, str]]:
    """Say the states of a message: {state: (mark, words)}."""
    return {
        Notice.WAITING: ("intime", _("待发送")),
        Notice.FAILED: ("late", _("发送失败")),
        Notice.KEPT: ("wait", _("未发送")),
        Notice.SENT: ("done", _("已发送")),
        queries.SHOWN: ("wait", _("只在演示页")),
    }


@access("staff")
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    """Show a person what happened in the matters of the person's posts, a line for each matter, what is unread first."""
    given = {name: request.GET.get(name, "").strip()[:60] for name in ("show", "q", "after", "before")}
    given["show"] = given["show"] if given["show"] in queries.VIEWS else ""
    standing = _standing(request)
    return render(request, "notify/inbox.html", {
        "page": queries.threads(standing, **given), "show": given["show"], "q": given["q"],
        "unread": queries.unread(standing)})


@access("staff")
@require_GET
def open_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Go to what a notice is about; it counts as read."""
    notice = queries.inbox(_standing(request)).filter(pk=notice_id).first()
    if notice is None:
        raise Http404
    actions.read(_me(request), (notice.about_kind, notice.about_id))
    page = registry.pages.get(notice.about_kind) or reverse("notify:inbox")
    return redirect(f"/desk/cases/{notice.code}/" if notice.code else str(page))


@access("staff")
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark the whole inbox as read."""
    actions.read(_me(request))
    return redirect("notify:inbox")


@access("demo")
@require_GET
def demo_sms(request: HttpRequest) -> HttpResponse:
    """Show what the demo would have sent, each with its length."""
    tail = request.GET.get("tail", "").strip()[:20]
    page = _page(request, queries.demo_sms(tail))
    rows = [_as_sms(notice) for notice in page.rows]
    return render(request, "notify/demo_sms.html", {"page": page, "rows": rows, "tail": tail})


def _as_sms(notice: Notice) -> dict[str, Any]:
    text = rules.sms(notice.words)
    return {"at": notice.made_at, "to": _to(notice), "pieces": rules.pieces(text), "length": len(text),
            "parts": rules.sms_parts(text)}  # fmt: skip


@access("post", "admin")
@require_GET
def deliveries(request: HttpRequest) -> HttpResponse:
    """Show what went out, what waits for its next try and what failed.

    Titles only: a resident's message holds the link by which the resident rates, and that is nobody else's. Of a
    resident's message neither the number nor the code is shown: together they open the matter.
    """
    channel, state = request.GET.get("channel", ""), request.GET.get("state", "")
    page = _page(request, queries.deliveries(_standing(request), channel, state if state in states() else ""))
    return render(request, "notify/deliveries.html", {
        "page": page, "said": messages.get_messages(request), "channel": channel, "state": state,
        "states": states(), "unsent": queries.unsent(channel),
        "rows": [{"notice": notice, "state": queries.state_of(notice), "to": _whom(notice), "title": _titled(notice)}
                 for notice in page.rows],
        "channels": {name: found.TITLE for name, found in channels.found().items() if name != "inbox"},
    })  # fmt: skip


def _whom(notice: Notice) -> str:
    return _to(notice) if notice.person or not notice.phone else _("居民的手机")


def _titled(notice: Notice) -> str:
    return notice.title if notice.person or not notice.code else notice.title.replace(notice.code, "").strip()


def _to(notice: Notice) -> str:
    if notice.person:
        return notice.person.name
    if not notice.phone:
        return _("号码已删除") if notice.recipient.startswith("phone:") else notice.recipient
    try:
        return html.mask_phone(notice.number)
    except crypto.Damaged:
        return _("号码无法解开")


@access("post", "admin")
@require_POST
def resend(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Send one message again."""
    try:
        actions.resend(notice_id, by=_me(request))
        messages.success(request, _("马上重发。"))
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return _back(request)


@access("post", "admin")
@require_POST
def resend_all(request: HttpRequest) -> HttpResponse:
    """Send everything again that a channel failed to."""
    try:
        n = actions.resend_all(request.POST.get("channel", ""), by=_me(request))
        messages.success(request, ngettext("马上重发 %(n)s 条。", "马上重发 %(n)s 条。", n) % {"n": n})
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return _back(request)


def _standing(request: HttpRequest) -> Standing:
    return request.standing  # type: ignore[attr-defined, no-any-return]


def _me(request: HttpRequest) -> int:
    return int(_standing(request).person_id or 0)


def _back(request: HttpRequest) -> HttpResponse:
    query = {name: value for name in ("channel", "state") if (value := request.POST.get(name, ""))}
    return redirect(reverse("notify:deliveries", query=query))


def _page(request: HttpRequest, rows: Any) -> queries.Page:
    keys = {name: _number(request.GET.get(name, "")) for name in ("before", "after")}
    return queries.page(rows, **keys)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None
