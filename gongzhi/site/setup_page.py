"""What the pages of 设置 share: the left side, a page with what was said, lists cut by key, acts tried and refused."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from gongzhi.account import queries as account
from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.org.rules import Standing

PAGE = 50
SEEN_BY = ("admin", "auditor")


def menu(path: str, standing: Standing) -> list[dict[str, Any]]:
    """Give the left side of 设置 as far as a person may go, with the page at an address, or the one above it, as present."""
    builds = standing.holds(*SEEN_BY)
    items = [("setup:home", "settings", _("概况")), ("setup:places", "map-2", _("地点")),
             ("setup:units", "building-bank", _("单位")), ("setup:people", "users", _("人员")),
             ("duties:home", "list-check", _("四张清单")), ("imports:home", "file-spreadsheet", _("导入")),
             ("setup:calendar", "calendar", _("工作日历")),
             ("setup:defaults", "clipboard-list", _("默认值")), ("setup:works", "hourglass-high", _("长任务")),
             ("notify:deliveries", "send", _("消息发送"))] if builds else []
    if standing.holds("security") or (standing.holds("admin") and not account.keepers()):
        items.append(("account:people", "key", _("账号安全")))
    if standing.holds("auditor"):
        items.append(("setup:audit", "list-check", _("审计")))
    home = reverse("setup:home")
    rows = [{"href": reverse(name), "icon": icon, "title": title} for name, icon, title in items]
    return [{**row, "current": path == home if row["href"] == home else path.startswith(row["href"])} for row in rows]


def draw(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    """Draw a page of 设置."""
    may_write = request.standing.holds("admin")  # type: ignore[attr-defined]
    said = [str(m) for m in messages.get_messages(request)]
    values = {"may_write": may_write, "said": said, "fault": None, "typed": {}, "today": clock.today()}
    return render(request, f"setup/{template}.html", {**values, **context}, status=status)


def cut(rows: QuerySet[Any], request: HttpRequest) -> dict[str, Any]:
    """Cut a page by id: {"rows", "next", "previous"}, the last two the query strings of its neighbours or ""."""
    after, before = whole(request.GET.get("after")), whole(request.GET.get("before"))
    if before:
        found = list(rows.filter(pk__lt=before).order_by("-pk")[: PAGE + 1])
        more, shown = len(found) > PAGE, found[:PAGE][::-1]
        return {"rows": shown, "next": _query(request, after=shown[-1].pk) if shown else "",
                "previous": _query(request, before=shown[0].pk) if more else ""}
    found = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
    shown = found[:PAGE]
    return {"rows": shown, "next": _query(request, after=shown[-1].pk) if len(found) > PAGE else "",
            "previous": _query(request, before=shown[0].pk) if after and shown else ""}


def whole(text: str | None) -> int:
    """Read a whole number of an address; 0 where it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _query(request: HttpRequest, **change: Any) -> str:
    query = request.GET.copy()
    for key in ("after", "before"):
        query.pop(key, None)
    query.update({k: str(v) for k, v in change.items()})
    return "?" + query.urlencode()


def read_date(request: HttpRequest, field: str) -> date:
    """Read a day of a form."""
    try:
        return date.fromisoformat(request.POST.get(field, ""))
    except ValueError as fault:
        raise Refused(_("请选择日期。"), field) from fault


def attempt(request: HttpRequest, act: Callable[[], Model | None], said: str, back: str,
         again: Callable[..., HttpResponse]) -> HttpResponse:
    """Do an act and go back to its page, or draw the page again with the refusal and what was typed."""
    try:
        act()
    except Refused as fault:
        return again(status=422, fault=fault, typed=request.POST.dict())
    messages.success(request, said)
    return redirect(back)
