"""设置 of the working calendar: office hours, public holidays and make-up days, each with its source."""

from datetime import date, time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from gongzhi.base import calendar, clock
from gongzhi.base.access import access
from gongzhi.base.errors import Refused
from gongzhi.base.models import CalendarDay, OfficeHours
from gongzhi.org.rules import Standing
from gongzhi.site import actions, health, queries
from gongzhi.site.setup_page import SEEN_BY, draw, read_date, whole

WEEKDAYS = range(7)


@access("post", *SEEN_BY)
@require_GET
def days(request: HttpRequest) -> HttpResponse:
    """Show the calendar of a year."""
    return _page(request, whole(request.GET.get("year")))


def _page(request: HttpRequest, year: int, **context: Any) -> HttpResponse:
    this = clock.today().year
    year = year if this - 10 <= year <= this + 2 else this
    hours = list(OfficeHours.objects.all())
    written = {n: " ".join(f"{h.opens:%H:%M}-{h.closes:%H:%M}" for h in hours if h.weekday == n) for n in WEEKDAYS}
    if not hours:
        written |= {n: " ".join(f"{a:%H:%M}-{b:%H:%M}" for a, b in calendar.HOURS) for n in range(5)}
    names = (_("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日"))
    rows = CalendarDay.objects.filter(date__year=year).order_by("date")
    return draw(request, "calendar", year=year, years=range(this - 1, this + 3), rows=rows, names=names, written=written,
                source=hours[0].source if hours else "", known=health.parts()["calendar"], next_year=this + 1, **context)


@access("post", "admin")
@require_POST
def day(request: HttpRequest) -> HttpResponse:
    """Say of one day whether the office is open, or that it is as its weekday says."""
    posted, kind = request.POST, request.POST.get("kind", "")
    try:
        at = read_date(request, "date")
        actions.set_day(at, working={"work": True, "rest": False}.get(kind), name=posted.get("name", ""),
                        source=posted.get("source", ""), by=request.user.pk)
    except Refused as fault:
        return _page(request, whole(posted.get("date", "")[:4]), fault=fault, typed=posted.dict(), status=422)
    return _done(request, at, at.year)


@access("post", "admin")
@require_POST
def hours(request: HttpRequest) -> HttpResponse:
    """Write the office hours of the week."""
    try:
        spans = {n: read_spans(request.POST.get(f"day-{n}", ""), f"day-{n}") for n in WEEKDAYS}
        actions.set_hours(spans, source=request.POST.get("source", ""), by=request.user.pk)
    except Refused as fault:
        return _page(request, 0, fault=fault, typed=request.POST.dict(), status=422)
    return _done(request, clock.today(), clock.today().year)


def _done(request: HttpRequest, at: date, year: int) -> HttpResponse:
    """Say what holds from now on, and which deadlines stay as they were reckoned."""
    standing: Standing = request.standing  # type: ignore[attr-defined]
    n = queries.due_from(at, standing)
    said = _("已保存，新算的时限用新日历。到期在这以后的 {n} 件在办事项不重算，仍是原来的到期时间。")
    messages.success(request, said.format(n=f"{n:,}"))
    return redirect(reverse("setup:calendar", query={"year": year}))


def read_spans(text: str, field: str) -> list[tuple[time, time]]:
    """Read office hours as they are written: 09:00-12:00 14:00-18:00."""
    found: list[tuple[time, time]] = []
    for span in text.replace("\x00", "").replace("：", ":").replace("，", " ").replace("—", "-").replace("–", "-").split():
        try:
            opens, closes = (time.fromisoformat(part.zfill(5)) for part in span.split("-"))
        except ValueError as fault:
            raise Refused(_("请写成 09:00-12:00 14:00-18:00 这样，不办公就空着。"), field) from fault
        if opens >= closes or (found and opens < found[-1][1]):
            raise Refused(_("时段要从早到晚，不能重叠。"), field)
        found.append((opens, closes))
    return found
