from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gongzhi.base import worktime
from gongzhi.base.clock import CHINA
from gongzhi.base.worktime import Calendar, after, always, due, due_after_hold, elapsed, parse_duration, point

OFFICE = [(weekday, *span) for weekday in range(5) for span in ((time(9), time(12)), (time(14), time(18)))]
# New Year 2026: the first to the third off, Sunday the fourth worked in exchange (State Council notice for 2026).
NEW_YEAR = [(date(2026, 1, 1), False), (date(2026, 1, 2), False), (date(2026, 1, 3), False), (date(2026, 1, 4), True)]
CALENDAR = Calendar.of(OFFICE, NEW_YEAR)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-03-02 09:30", "2h", "2026-03-02 11:30"),
        ("2026-03-02 11:30", "2h", "2026-03-02 15:30"),  # over lunch
        ("2026-03-02 10:00", "2h", "2026-03-02 12:00"),  # at the closing, not after lunch
        ("2026-03-06 17:30", "2h", "2026-03-09 10:30"),  # over a weekend
        ("2026-03-07 03:00", "30m", "2026-03-09 09:30"),  # from a weekend
        ("2025-12-31 17:30", "1h", "2026-01-04 09:30"),  # over a holiday into a make-up Sunday
        ("2026-03-06 17:30", "24h calendar", "2026-03-07 17:30"),
        ("2026-03-06 17:30", "5d calendar", "2026-03-11 17:30"),
    ],
)
def test_a_duration_ends(start, duration, end):
    assert due(at(start), duration, CALENDAR) == at(end)


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-03-02 09:00", "5d", "2026-03-09 18:00"),  # Monday is not counted: Tue Wed Thu Fri Mon
        ("2026-03-02 23:59", "5d", "2026-03-09 18:00"),  # whatever the hour
        ("2026-03-07 10:00", "1d", "2026-03-09 18:00"),  # from a Saturday the first workday is Monday
        ("2025-12-31 10:00", "1d", "2026-01-04 18:00"),  # the make-up Sunday is a workday
    ],
)
def test_civil_code_201_the_day_of_the_start_is_not_counted(start, duration, end):
    assert due(at(start), duration, CALENDAR) == at(end)


def test_it_runs_day_and_night_in_an_emergency():
    assert due(at("2026-01-01 23:00"), "2h", always()) == at("2026-01-02 01:00")
    assert worktime.clock_of("24h calendar", CALENDAR) is always()
    assert worktime.clock_of("24h", CALENDAR) is CALENDAR


def test_other_zones_are_read_as_chinas_time():
    assert due(datetime(2026, 3, 2, 1, 30, tzinfo=UTC), "2h", CALENDAR) == at("2026-03-02 11:30")
    assert elapsed(datetime(2026, 3, 2, 1, tzinfo=UTC), at("2026-03-02 10:00"), CALENDAR) == timedelta(hours=1)


def test_a_place_may_have_hours_of_its_own_on_a_day():
    fair = CALENDAR.but({date(2026, 3, 3): (), date(2026, 3, 7): ((time(20), time()),)})
    assert due(at("2026-03-02 17:30"), "1h", fair) == at("2026-03-04 09:30")
    assert due(at("2026-03-06 17:30"), "2h", fair) == at("2026-03-07 21:30")
    assert due(at("2026-03-06 10:00"), "1d", fair) == at("2026-03-08 00:00")
    assert CALENDAR.is_workday(date(2026, 3, 3))


def test_a_share_of_the_time_is_counted_in_working_time():
    start, end = at("2026-03-02 09:00"), at("2026-03-03 12:00")
    assert point(start, end, 80, CALENDAR) == at("2026-03-02 18:00") + timedelta(hours=16)
    assert point(start, end, 100, CALENDAR) == end
    assert point(start, end, 200, CALENDAR) == at("2026-03-04 17:00")


def test_a_hold_stops_the_clock():
    assert due_after_hold(at("2026-03-03 11:00"), at("2026-03-02 16:00"), at("2026-03-05 09:00"), CALENDAR) == at(
        "2026-03-05 15:00"
    )
    late = at("2026-03-02 10:00")
    assert due_after_hold(late, at("2026-03-02 16:00"), at("2026-03-05 09:00"), CALENDAR) == late


def test_an_empty_calendar_is_refused_in_a_sentence():
    for hours in ([], [(7, time(9), time(12))]):
        with pytest.raises(ValueError, match="一天办公时间也没有"):
            Calendar.of(hours)


def test_hours_that_run_backwards_are_refused():
    with pytest.raises(ValueError, match="晚于"):
        Calendar.of([(0, time(12), time(9))])


@pytest.mark.parametrize(
    "text", ["", "2", "h", "0h", "-1d", "1.5h", "2 h", "2w", "5d  calendar", "5d Calendar", "9999d"]
)
def test_what_is_no_duration_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="“"):
        parse_duration(text)


def test_a_duration_is_said_as_people_do():
    said = [parse_duration(text).words() for text in ("30m", "2h", "5d", "24h calendar", "5d calendar")]
    assert said == ["30 分钟（工作时间）", "2 个工作小时", "5 个工作日", "24 小时", "5 个自然日"]


def test_a_time_without_a_zone_is_a_mistake():
    with pytest.raises(ValueError, match="aware"):
        due(datetime(2026, 3, 2, 9), "2h", CALENDAR)  # noqa: DTZ001


times = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(CHINA))  # noqa: DTZ001
minutes = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))
spans = st.tuples(minutes, minutes).filter(lambda span: span[0] != span[1]).map(sorted)
rows = st.lists(st.tuples(st.integers(0, 6), spans).map(lambda row: (row[0], *row[1])), min_size=1, max_size=12)
days = st.lists(st.tuples(st.dates(date(2024, 12, 1), date(2028, 3, 31)), st.booleans()), max_size=30)
calendars = st.builds(Calendar.of, rows, days)
hours = st.builds(worktime.Duration, st.integers(1, 500), st.sampled_from("mh"))
workdays = st.builds(worktime.Duration, st.integers(1, 60), st.just("d"))
anytime = st.builds(worktime.Duration, st.integers(1, 60), st.sampled_from("mhd"), st.just(True))


@settings(max_examples=50)
@given(calendars, times, times, hours | workdays | anytime)
def test_a_later_start_is_never_due_earlier(calendar, one, other, duration):
    first, second = sorted((one, other))
    assert due(first, duration, calendar) <= due(second, duration, calendar)


@settings(max_examples=50)
@given(calendars, times, hours)
def test_what_has_elapsed_when_it_is_due_is_the_duration(calendar, start, duration):
    end = due(start, duration, calendar)
    assert end > start
    assert elapsed(start, end, calendar) == duration.length
    assert after(start, elapsed(start, end, calendar), calendar) == end


@settings(max_examples=50)
@given(calendars, times, workdays)
def test_workdays_between_start_and_due_are_as_many_as_said(calendar, start, duration):
    end = due(start, duration, calendar)
    last = end.date() if end.time() != time() else end.date() - timedelta(days=1)
    between = (start.date() + timedelta(n) for n in range(1, (last - start.date()).days + 1))
    assert sum(calendar.is_workday(day) for day in between) == duration.n
    assert calendar.is_workday(last)


@settings(max_examples=50)
@given(calendars, times, times, times)
def test_elapsed_time_adds_up(calendar, a, b, c):
    assert elapsed(a, b, calendar) + elapsed(b, c, calendar) == elapsed(a, c, calendar)
    assert (elapsed(a, b, calendar) >= timedelta()) == (a <= b) or elapsed(a, b, calendar) == timedelta()


@settings(max_examples=50)
@given(calendars, times, hours, st.integers(0, 400), st.integers(0, 400))
def test_a_hold_leaves_what_was_left(calendar, start, duration, before, length):
    end = due(start, duration, calendar)
    held_from = start + timedelta(hours=before)
    held_to = held_from + timedelta(hours=length)
    left = elapsed(held_from, end, calendar)
    moved = due_after_hold(end, held_from, held_to, calendar)
    assert moved >= end
    if left > timedelta() and length:
        assert elapsed(held_to, moved, calendar) == left


@settings(max_examples=50)
@given(calendars, times, hours | workdays, st.integers(1, 300))
def test_points_of_a_ladder_come_in_order(calendar, start, duration, percent):
    end = due(start, duration, calendar)
    moment = point(start, end, percent, calendar)
    assert (moment <= end) if percent <= 100 else (moment >= end)
