from datetime import date, datetime, time

import pytest

from gongzhi.base import calendar, worktime
from gongzhi.base.clock import CHINA
from gongzhi.base.models import CalendarDay, OfficeHours

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh():
    calendar.forget()
    yield
    calendar.forget()


def test_seeding_knows_national_day_and_its_make_up_workday_and_names_its_source():
    assert calendar.seed([2026]) > 20
    office = calendar.load()
    assert not office.is_workday(date(2026, 10, 1)) and office.is_workday(date(2026, 10, 10))
    assert CalendarDay.objects.get(date=date(2026, 10, 1)).name == "国庆节"
    assert "chinesecalendar" in CalendarDay.objects.get(date=date(2026, 10, 1)).source


def test_seeding_twice_adds_nothing_and_keeps_what_the_city_decided():
    calendar.seed([2026])
    CalendarDay.objects.filter(date=date(2026, 10, 1)).update(is_working=True, source="本市决定")
    OfficeHours.objects.filter(weekday=4).update(opens=time(8))
    assert calendar.seed([2026]) == 0
    assert calendar.load().is_workday(date(2026, 10, 1))
    assert OfficeHours.objects.count() == 10


def test_without_rows_the_default_hours_hold():
    monday = datetime(2026, 11, 23, 17, 0, tzinfo=CHINA)
    assert worktime.due(monday, "2h", calendar.load()) == datetime(2026, 11, 24, 10, 0, tzinfo=CHINA)


def test_the_calendar_is_kept_while_the_tables_do_not_change_and_made_anew_when_they_do(monkeypatch):
    calendar.seed([2026])
    monkeypatch.setattr(calendar, "READ_EVERY", 0.0)
    first = calendar.load()
    assert calendar.load() is first
    CalendarDay.objects.create(date=date(2026, 11, 23), is_working=False, name="停电", source="x")
    assert not calendar.load().is_workday(date(2026, 11, 23))
