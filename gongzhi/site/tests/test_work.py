"""Long work: who sees how far it has come, who stops it, and that it then really stops and really goes on."""

import json

import pytest
from django.db import connection
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from conftest import Town
from demo import living
from gongzhi.base import clock, progress
from gongzhi.base.models import Progress
from gongzhi.org.models import Appointment, Person, Post
from gongzhi.site import queries


def by(town: Town, name: str) -> Client:
    client = Client()
    client.force_login(town.people[name])
    return client


def lines(verb: str) -> list[tuple[str, dict[str, str]]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, data FROM log_event WHERE verb = %s ORDER BY id", [verb])
        return [(actor, json.loads(data)) for actor, data in cursor.fetchall()]


@pytest.fixture
def pouring(town: Town) -> Progress:
    assert living.begin(3300, 1)
    row = Progress.objects.get(name=queries.POURING)
    assert progress.step(row, 745)
    return row


def test_the_first_page_of_anybody_at_work_shows_how_far_the_demo_is(town: Town, pouring: Progress) -> None:
    for name in ("street", "department", "heating", "admin"):
        page = by(town, name).get("/desk/").content.decode()
        assert "演示诉求：编出来的人正在办理" in page and "745 / 3,300" in page and 'value="745" max="3300"' in page
    assert "745 / 3,300" in by(town, "admin").get("/setup/").content.decode()


def test_the_line_is_asked_for_until_it_is_over_and_then_keeps_only_its_room(town: Town, pouring: Progress) -> None:
    street = by(town, "street")
    assert "hx-trigger" in street.get("/work-line/").content.decode()
    progress.step(pouring, 3300)
    progress.end(pouring)
    assert street.get("/work-line/").content.decode().strip() == '<div class="work-line is-over"></div>'
    assert "work-line" not in street.get("/desk/").content.decode()


def test_a_stranger_and_a_city_without_made_up_people_see_no_line(town: Town, pouring: Progress, settings) -> None:
    assert "745" not in Client().get("/work-line/").content.decode()
    settings.GONGZHI_DEMO = False
    assert "745" not in by(town, "street").get("/work-line/").content.decode()
    assert "work-line" not in by(town, "street").get("/desk/").content.decode()


def test_the_administrator_stops_the_made_up_people_and_lets_them_go_on(town: Town, pouring: Progress) -> None:
    admin, who = by(town, "admin"), f"person:{town.people['admin'].pk}"
    page = admin.get("/setup/work/").content.decode()
    assert "745 / 3,300" in page and "进行中" in page and "停止" in page and "hx-trigger" in page
    assert admin.post(f"/setup/work/{pouring.pk}/stop/").status_code == 302
    assert not progress.step(pouring, 746), "the job learns it at its next step"
    assert not living.pour_a_while(3300, 1) and not living.begin(3300, 1), "nor does the next start of the demo"
    assert ProcrastinateJob.objects.count() == 0
    page = admin.get("/setup/work/").content.decode()
    assert "已停止" in page and "继续" in page and "hx-get=\"/setup/work/\"" not in page
    assert "work-line" not in page
    assert admin.post(f"/setup/work/{pouring.pk}/resume/").status_code == 302
    assert ProcrastinateJob.objects.get().args == {"total": 3300, "seed": 1}
    assert progress.step(pouring, 746)
    assert lines("work.stop") == lines("work.resume") == [(who, {"name": "demo-reports"})]


def test_what_is_over_is_not_stopped_and_what_runs_does_not_go_on_again(town: Town, pouring: Progress) -> None:
    admin = by(town, "admin")
    admin.post(f"/setup/work/{pouring.pk}/resume/")
    progress.step(pouring, 3300)
    progress.end(pouring)
    admin.post(f"/setup/work/{pouring.pk}/stop/")
    assert "已经结束了" in admin.get("/setup/work/").content.decode()
    assert Progress.objects.get().state == "done" and lines("work.stop") == lines("work.resume") == []
    assert ProcrastinateJob.objects.count() == 0


def test_an_auditor_looks_and_nobody_else_does(town: Town, pouring: Progress) -> None:
    post = Post.objects.create(unit=town.units["centre"], name="auditor")
    auditor = town.people["auditor"] = Person.objects.create(username="auditor", name="审计")
    Appointment.objects.create(post=post, person=auditor, from_date=clock.today())
    page = by(town, "auditor").get("/setup/work/").content.decode()
    assert "745 / 3,300" in page and "/stop/" not in page
    assert by(town, "auditor").post(f"/setup/work/{pouring.pk}/stop/").status_code == 403
    for name in ("street", "operator", "grid"):
        assert by(town, name).get("/setup/work/").status_code == 403
        assert by(town, name).post(f"/setup/work/{pouring.pk}/stop/").status_code == 403
    assert Progress.objects.get().state == "running"


def test_work_that_ends_short_of_its_total_has_failed(db: None) -> None:
    row = progress.begin("x", "x", total=10)
    assert row.left is None
    progress.step(row, 5)
    row.refresh_from_db()
    assert row.left is not None
    progress.end(row)
    row.refresh_from_db()
    assert row.state == "failed" and row.left is None
