"""
Working time: a deadline of "2h" runs only while the office is open, "5d" counts workdays.

Everything here is pure: a Calendar is made once from plain rows and asked often. It lays the office hours out as
sorted lists, so that every question is a bisection.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache, cached_property, lru_cache

from gongzhi.base.clock import CHINA

Spans = tuple[tuple[time, time], ...]  # (opens, closes); closes 00:00 is the midnight that ends the day

WRITTEN = re.compile(r"([1-9]\d{0,5})([mhd])( calendar)?\Z")
LONGEST = timedelta(days=3660)
NOTHING = timedelta()
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
WORKING = {"m": "分钟（工作时间）", "h": "个工作小时", "d": "个工作日"}
PASSING = {"m": "分钟", "h": "小时", "d": "个自然日"}


@dataclass(frozen=True)
class Duration:
    """`30m`, `2h`: office hours; `5d`: workdays; with ` calendar` all time counts."""

    n: int
    unit: str
    calendar: bool = False

    @property
    def length(self) -> timedelta:
        return self.n * UNITS[self.unit]

    def __str__(self) -> str:
        return f"{self.n}{self.unit}{' calendar' if self.calendar else ''}"

    def words(self) -> str:
        """Say it as people do: 2 个工作小时， 5 个工作日， 24 小时， 5 个自然日."""
        return f"{self.n} {(PASSING if self.calendar else WORKING)[self.unit]}"


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> Duration:
    """Read `30m`, `2h`, `5d`, `24h calendar`; raise ValueError with a sentence for anything else."""
    match = WRITTEN.match(text)
    if not match:
        raise ValueError(f"“{text}”不是时限。请写 30m（分钟）、2h（小时）、5d（工作日），不论上下班都算的加 calendar。")
    duration = Duration(int(match[1]), match[2], bool(match[3]))
    if duration.length > LONGEST:
        raise ValueError(f"“{text}”超过十年，请写短一些。")
    return duration


@dataclass(frozen=True)
class Calendar:
    """
    When the office is open.

    `hours` maps a weekday (0 = Monday) to its spans; `off` are days without work; `on` are make-up workdays (调休),
    which keep their weekday's hours or, having none, those of the first weekday that has; `other` gives days hours
    of their own and goes before all.
    """

    hours: Mapping[int, Spans]
    off: frozenset[date] = frozenset()
    on: frozenset[date] = frozenset()
    other: Mapping[date, Spans] = field(default_factory=dict)
    tz: tzinfo = CHINA

    def __post_init__(self) -> None:
        if not any(self.hours.get(weekday) for weekday in range(7)):
            raise ValueError("工作日历里一天办公时间也没有，无法计算时限。请先设置每周的办公时间。")
        for spans in (*self.hours.values(), *self.other.values()):
            if any(_end(closes) <= _start(opens) for opens, closes in spans):
                raise ValueError("办公时间的下班时间必须晚于上班时间。")

    @classmethod
    def of(
        cls,
        hours: Iterable[tuple[int, time, time]],
        days: Iterable[tuple[date, bool]] = (),
        tz: tzinfo = CHINA,
    ) -> Calendar:
        """Make a calendar from rows: (weekday, opens, closes) and (date, is it worked)."""
        week: dict[int, list[tuple[time, time]]] = {}
        for weekday, opens, closes in hours:
            week.setdefault(weekday, []).append((opens, closes))
        days = list(days)
        return cls(
            hours={weekday: tuple(sorted(spans)) for weekday, spans in week.items()},
            off=frozenset(day for day, worked in days if not worked),
            on=frozenset(day for day, worked in days if worked),
            tz=tz,
        )

    def but(self, other: Mapping[date, Spans]) -> Calendar:
        """Return this calendar with other hours on some days (a place's own holiday or night shift)."""
        return replace(self, other={**self.other, **other})

    def spans(self, day: date) -> Spans:
        """Return the open spans of a day, none on a day off."""
        if day in self.other:
            return self.other[day]
        usual = self.hours.get(day.weekday(), ())
        if day in self.on:
            return usual or self.makeup
        return () if day in self.off else usual

    def is_workday(self, day: date) -> bool:
        return bool(self.spans(day))

    @cached_property
    def makeup(self) -> Spans:
        return next(self.hours[weekday] for weekday in sorted(self.hours) if self.hours[weekday])

    def table(self, first: date, last: date) -> Table:
        """Return the laid-out hours from `first` to `last` or more; grow them by whole years when asked beyond."""
        known: Table | None = self.__dict__.get("laid_out")
        if known and known.first <= first and last <= known.last:
            return known
        first, last = (min(first, known.first), max(last, known.last)) if known else (first, last)
        table = Table(self, date(first.year - 1, 1, 1), date(last.year + 1, 12, 31))
        self.__dict__["laid_out"] = table  # a cache: whoever comes second lays out the same
        return table


class Table:
    """The office hours of some years as sorted lists, with the working time before and after each span."""

    def __init__(self, calendar: Calendar, first: date, last: date):
        self.first, self.last = first, last
        self.opens: list[datetime] = []
        self.closes: list[datetime] = []
        self.before: list[timedelta] = []  # working time from `first` to the opening
        self.until: list[timedelta] = []  # … and to the closing
        self.days: list[date] = []  # workdays
        self.ends: list[datetime] = []  # their last closings
        total = NOTHING
        for day in (first + timedelta(n) for n in range((last - first).days + 1)):
            midnight = datetime.combine(day, time(), calendar.tz)
            for opens, closes in _merged(calendar.spans(day)):
                self.opens.append(midnight + opens)
                self.closes.append(midnight + closes)
                self.before.append(total)
                total += closes - opens
                self.until.append(total)
            if calendar.is_workday(day):
                self.days.append(day)
                self.ends.append(self.closes[-1])

    def worked(self, moment: datetime) -> timedelta:
        """Return the working time from the start of the table to a moment."""
        n = bisect_right(self.opens, moment) - 1
        return self.before[n] + min(moment, self.closes[n]) - self.opens[n] if n >= 0 else NOTHING

    def reached(self, worked: timedelta) -> datetime | None:
        """Return the first moment with so much working time behind it, None beyond the table."""
        n = bisect_left(self.until, worked)
        return self.opens[n] + (worked - self.before[n]) if n < len(self.until) else None

    def closing(self, day: date, n: int) -> datetime | None:
        """Return the last closing of the n-th workday after a day, None beyond the table."""
        at = bisect_right(self.days, day) + n - 1
        return self.ends[at] if at < len(self.ends) else None


def always(tz: tzinfo = CHINA) -> Calendar:
    """Return the calendar that is open day and night, for emergencies and ` calendar` durations."""
    return _always(tz)


@cache
def _always(tz: tzinfo) -> Calendar:
    return Calendar({weekday: ((time(), time()),) for weekday in range(7)}, tz=tz)


def clock_of(duration: Duration | str, calendar: Calendar) -> Calendar:
    """Return the calendar by which a duration runs: the office's, or day and night."""
    return always(calendar.tz) if _read(duration).calendar else calendar


def due(start: datetime, duration: Duration | str, calendar: Calendar) -> datetime:
    """
    Return the moment at which a duration from `start` has run out.

    Workdays: the day of the start is not counted (Civil Code 201), the last ends with its last closing
    (Civil Code 203). Minutes and hours count from the moment itself.
    """
    duration = _read(duration)
    if duration.calendar:
        return _local(start, calendar) + duration.length
    if duration.unit == "d":
        return _closing(_local(start, calendar).date(), duration.n, calendar)
    return after(start, duration.length, calendar)


def after(start: datetime, worked: timedelta, calendar: Calendar) -> datetime:
    """Return the first moment at which so much working time has passed since `start`."""
    start = _local(start, calendar)
    if worked <= NOTHING:
        return start
    last = start.date() + worked
    while True:
        table = calendar.table(start.date(), last)
        moment = table.reached(table.worked(start) + worked)
        if moment:
            return moment
        last = table.last + (table.last - table.first)


def elapsed(start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """Return the working time from `start` to `end`, negative when `end` is the earlier."""
    start, end = _local(start, calendar), _local(end, calendar)
    table = calendar.table(*sorted((start.date(), end.date())))
    return table.worked(end) - table.worked(start)


def point(start: datetime, end: datetime, percent: int, calendar: Calendar) -> datetime:
    """Return the moment at which so much of the working time from `start` to `end` has passed; 200 lies beyond."""
    if percent == 100:
        return _local(end, calendar)
    whole = elapsed(start, end, calendar)
    if whole <= NOTHING:
        return _local(end, calendar)
    return after(start, whole * percent / 100, calendar)


def due_after_hold(due_at: datetime, held_from: datetime, held_to: datetime, calendar: Calendar) -> datetime:
    """Return the new due time after a hold: what was left when it began is left when it ends."""
    left = elapsed(held_from, due_at, calendar)
    if left <= NOTHING or held_to <= held_from:
        return _local(due_at, calendar)
    return after(held_to, left, calendar)


def _closing(day: date, n: int, calendar: Calendar) -> datetime:
    last = day + timedelta(n)
    while True:
        table = calendar.table(day, last)
        if moment := table.closing(day, n):
            return moment
        last = table.last + (table.last - table.first)


def _read(duration: Duration | str) -> Duration:
    return parse_duration(duration) if isinstance(duration, str) else duration


def _local(moment: datetime, calendar: Calendar) -> datetime:
    """Show a moment on the calendar's clock; a moment without a zone is a mistake of the program."""
    if moment.tzinfo is None:
        raise ValueError("working time needs aware datetimes")
    return moment if moment.tzinfo is calendar.tz else moment.astimezone(calendar.tz)


def _start(opens: time) -> timedelta:
    return timedelta(hours=opens.hour, minutes=opens.minute, seconds=opens.second)


def _end(closes: time) -> timedelta:
    return _start(closes) or timedelta(days=1)


def _merged(spans: Spans) -> list[tuple[timedelta, timedelta]]:
    """Return the spans as times from midnight, in order, those that touch or overlap joined."""
    found: list[tuple[timedelta, timedelta]] = []
    for opens, closes in sorted((_start(opens), _end(closes)) for opens, closes in spans):
        if found and opens <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], closes))
        else:
            found.append((opens, closes))
    return found
