"""The working calendar by hand and from a sheet: with its source, used at once, nothing reckoned again."""

from datetime import date, time
from html import unescape

import pytest

from gongzhi.base import calendar, clock
from gongzhi.base.imports import importers
from gongzhi.base.models import CalendarDay, OfficeHours
from gongzhi.base.sheets import Row
from gongzhi.desk.tests import matters
from gongzhi.site import setup_calendar
from gongzhi.site.actions import Refused

pytestmark = pytest.mark.django_db
DAY = {"date": "2027-01-04", "kind": "rest", "name": "元旦", "source": "放假通知"}


@pytest.fixture
def admin(town):
    return matters.client(town, "admin")


def test_a_day_is_set_changed_and_taken_out_and_used_at_once(town, admin):
    monday = date(2027, 1, 4)
    assert calendar.load().is_workday(monday)
    assert admin.post("/setup/calendar/day/", DAY).status_code == 302
    assert not calendar.load().is_workday(monday)
    assert "放假通知" in admin.get("/setup/calendar/?year=2027").content.decode()
    assert admin.post("/setup/calendar/day/", {**DAY, "kind": "plain"}).status_code == 302
    assert calendar.load().is_workday(monday) and not CalendarDay.objects.filter(date=monday).exists()


@pytest.mark.parametrize("wrong", [{"date": "never"}, {"name": " "}, {"source": ""}])
def test_a_day_without_date_name_or_source_is_refused_and_stays_typed(town, admin, wrong):
    answer = admin.post("/setup/calendar/day/", {**DAY, **wrong})
    assert answer.status_code == 422 and 'aria-invalid="true"' in answer.content.decode()
    assert not CalendarDay.objects.filter(date=date(2027, 1, 4)).exists()


def test_it_is_said_how_many_open_deadlines_are_not_reckoned_again(town, admin):
    case = matters.dispatched(town)
    before = case.due_at
    answer = admin.post("/setup/calendar/day/", {**DAY, "date": clock.today().isoformat()}, follow=True)
    assert "1 件在办事项不重算" in unescape(answer.content.decode())
    case.refresh_from_db()
    assert case.due_at == before


def test_the_hours_of_the_week_are_written_and_wrong_ones_refused(town, admin):
    good = {"day-0": "9:00-12:00 13:30-17:30", "day-5": "09:00–12:00", "source": "区政府通告"}
    assert admin.post("/setup/calendar/hours/", good).status_code == 302
    kept = list(OfficeHours.objects.values_list("weekday", "opens", "closes"))
    assert kept == [(0, time(9), time(12)), (0, time(13, 30), time(17, 30)), (5, time(9), time(12))]
    for wrong in ({"day-0": "9-12-13"}, {"day-0": "12:00-09:00"}, {"day-0": "09:00-12:00 11:00-13:00"},
                  {"day-0": "", "day-5": ""}, {"source": ""}):
        assert admin.post("/setup/calendar/hours/", {**good, **wrong}).status_code == 422, wrong
    assert OfficeHours.objects.count() == 3
    with pytest.raises(Refused):
        setup_calendar.read_spans("25:00-26:00", "day-0")


def test_days_come_from_a_sheet_and_the_same_sheet_changes_nothing(town):
    taken = importers["calendar"]
    row = Row(2, {"date": date(2027, 1, 1), "working": False, "name": "元旦", "source": "通知"})
    assert list(taken.check([row], 0)) == [] and taken.take([row], town.people["admin"].pk) == 1
    assert [f.kind for f in taken.check([row], 0)] == ["same"]
    assert [f.kind for f in taken.check([row, Row(3, {**row.values, "name": "x"})], 0)] == ["same", "fault"]


def test_next_year_missing_is_warned_of_and_only_the_administrator_writes(town, admin):
    CalendarDay.objects.filter(date__year=clock.today().year + 1).delete()
    assert f"{clock.today().year + 1} 年的节假日还没有" in admin.get("/setup/calendar/").content.decode()
    assert matters.client(town, "street").post("/setup/calendar/day/", DAY).status_code == 403
