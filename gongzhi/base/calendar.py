"""The office's calendar: the tables CalendarDay and OfficeHours decide; the chinesecalendar package only seeds them."""

import threading
import time
from collections.abc import Iterable
from datetime import time as hour
from importlib.metadata import version

import chinese_calendar
from django.db import transaction

from gongzhi.base import clock
from gongzhi.base.models import CalendarDay, OfficeHours
from gongzhi.base.worktime import Calendar

READ_EVERY = 5.0  # seconds
HOURS = [(hour(9), hour(12)), (hour(14), hour(18))]  # default, no source; the city sets its own
_lock = threading.Lock()
_rows: tuple[list[tuple[int, hour, hour]], list[tuple[object, bool]]] | None = None
_calendar: Calendar | None = None
_read = 0.0


def load() -> Calendar:
    """Give the calendar in force, at most five seconds behind the tables; the default hours where none are set."""
    if _calendar is not None and time.monotonic() - _read < READ_EVERY:
        return _calendar
    with _lock:
        return _load()


def _load() -> Calendar:
    """Read the rows; the same rows keep the same calendar with all it has laid out."""
    global _rows, _calendar, _read
    hours = list(OfficeHours.objects.order_by("weekday", "opens").values_list("weekday", "opens", "closes"))
    hours = hours or [(weekday, *span) for weekday in range(5) for span in HOURS]
    days = list(CalendarDay.objects.order_by("date").values_list("date", "is_working"))
    if _calendar is None or (hours, days) != _rows:
        _rows, _calendar = (hours, list(days)), Calendar.of(hours, days)
    _read = time.monotonic()
    return _calendar


def forget() -> None:
    """Read the tables at the next call: this process has just changed them."""
    global _calendar
    _calendar = None


@transaction.atomic
def seed(years: Iterable[int] | None = None) -> int:
    """Fill in public holidays, make-up workdays and office hours that are missing; return how many days were new.

    Days that are there stay as they are: the city's own word counts.
    """
    this = clock.today().year
    wanted = set(years or (this - 1, this, this + 1))
    source = f"chinesecalendar {version('chinesecalendar')}（国务院办公厅放假通知）"
    names = {day.value: day.chinese for day in chinese_calendar.Holiday}
    days = [
        CalendarDay(date=day, is_working=working, name=names.get(name, name), source=source)
        for table, working in ((chinese_calendar.holidays, False), (chinese_calendar.workdays, True))
        for day, name in table.items() if day.year in wanted
    ]
    before = CalendarDay.objects.count()
    CalendarDay.objects.bulk_create(days, ignore_conflicts=True)
    if not OfficeHours.objects.exists():
        OfficeHours.objects.bulk_create(
            OfficeHours(weekday=weekday, opens=opens, closes=closes, source="默认值，无来源")
            for weekday in range(5) for opens, closes in HOURS
        )
    forget()
    return CalendarDay.objects.count() - before
