"""Long lists are written by a job: with the rights of who asked, for who asked, for a day; and can be stopped."""

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.cache import cache
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from conftest import Town
from gongzhi.base import clock, listing, progress
from gongzhi.base.models import Progress
from gongzhi.desk import actions, jobs, rules, views
from gongzhi.desk import export as exporting
from gongzhi.desk.models import Export, exports_folder
from gongzhi.desk.tests import matters
from gongzhi.desk.tests.matters import client
from gongzhi.notify.models import Notice
from gongzhi.org.models import Appointment

LIST = "/desk/export/?view=dispatching"


@pytest.fixture(autouse=True)
def _two_are_many(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.GONGZHI_HOME = tmp_path
    monkeypatch.setattr(views, "EXPORT_SHORT", 2)
    monkeypatch.setattr(listing, "STEP", 1)
    cache.clear()
    yield


@pytest.fixture
def three(town: Town) -> Town:
    for words in ("暖气不热了", "暖气漏水", "供暖太差"):
        matters.accepted(town, words=words)
    return town


def asked(town: Town, name: str = "street") -> Export:
    answer = client(town, name).post(LIST)
    assert answer.status_code == 302 and answer["Location"] == "/desk/exports/"
    return Export.objects.get(person=town.people[name])


def files() -> list[str]:
    return sorted(path.name for path in exports_folder().glob("*"))


def verbs() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT verb FROM log_event WHERE verb LIKE 'list.%%' ORDER BY id")
        return [verb for (verb,) in cursor.fetchall()]


def test_a_short_list_comes_at_once(town: Town) -> None:
    matters.accepted(town)
    answer = client(town, "street").get(LIST)
    assert answer["Content-Disposition"].startswith("attachment") and not Export.objects.exists()


def test_a_long_list_is_asked_for_and_nothing_begins_by_looking(three: Town) -> None:
    page = client(three, "street").get(LIST).content.decode()
    assert "生成 Excel 文件" in page and "3 件" in page and "24 小时后删除" in page
    assert not Export.objects.exists() and verbs() == []


def test_a_long_list_is_written_by_a_job_and_its_person_is_told(three: Town) -> None:
    export, street = asked(three), client(three, "street")
    assert ProcrastinateJob.objects.get().args == {"export_id": export.pk}
    page = street.get("/desk/exports/").content.decode()
    assert "0 / 3" in page and "停止" in page and "hx-trigger" in page
    assert street.get(f"/desk/exports/{export.pk}/file/").status_code == 404
    jobs.write_export(export.pk)
    row = Progress.objects.get()
    assert (row.state, row.done, row.total) == ("done", 3, 3)
    answer = street.get(f"/desk/exports/{export.pk}/file/")
    sheet = ZipFile(BytesIO(b"".join(answer.streaming_content))).read("xl/worksheets/sheet1.xml").decode()
    assert "张派单" in sheet and "请勿外传" in sheet and "暖气漏水" in sheet and "13800001111" not in sheet
    notice = Notice.objects.get(person=three.people["street"], about_kind="export")
    assert "共 3 件" in notice.words and street.get(f"/inbox/{notice.pk}/")["Location"] == "/desk/exports/"
    assert verbs() == ["list.ask", "list.export"]
    jobs.write_export(export.pk)  # a job that is given to another worker after its end
    assert verbs() == ["list.ask", "list.export"] and files() == [f"{export.pk}.xlsx"]


def test_the_file_is_nobody_else_s(three: Town) -> None:
    export = asked(three)
    jobs.write_export(export.pk)
    for name in ("street_leader", "district", "admin", "chief"):
        other = client(three, name)
        assert other.get(f"/desk/exports/{export.pk}/file/").status_code == 404
        assert other.post(f"/desk/exports/{export.pk}/stop/").status_code == 404
        assert f"/desk/exports/{export.pk}/" not in other.get("/desk/exports/").content.decode()


def test_the_file_holds_what_its_person_may_see_when_it_is_written(three: Town) -> None:
    export = asked(three)
    Appointment.objects.filter(person=three.people["street"]).update(to_date=clock.today() - timedelta(days=1))
    jobs.write_export(export.pk)
    export.refresh_from_db()
    assert export.rows == 0 and "暖气" not in ZipFile(export.path).read("xl/worksheets/sheet1.xml").decode()
    assert client(three, "street").get(f"/desk/exports/{export.pk}/file/").status_code == 403


def test_a_complaint_is_in_no_file_of_the_unit_it_is_about(three: Town) -> None:
    matters.complained(three)
    export = asked(three)
    jobs.write_export(export.pk)
    assert "服务态度" not in ZipFile(export.path).read("xl/worksheets/sheet1.xml").decode()


def test_the_button_pressed_twice_is_one_job(three: Town) -> None:
    asked(three)
    client(three, "street").post(LIST)
    assert Export.objects.count() == ProcrastinateJob.objects.count() == 1
    assert "一次生成一份" in client(three, "street").get(LIST).content.decode()


def test_what_is_stopped_while_it_is_written_leaves_nothing(three: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    export, step = asked(three), progress.step

    def stopped_meanwhile(row: Progress, done: int, total: int | None = None) -> bool:
        if done == 2:
            assert client(three, "street").post(f"/desk/exports/{export.pk}/stop/").status_code == 302
        assert done < 3, "the next step already ends it"
        return step(row, done, total)

    monkeypatch.setattr(progress, "step", stopped_meanwhile)
    jobs.write_export(export.pk)
    assert Progress.objects.get().state == "stopped" and files() == []
    assert not Notice.objects.filter(about_kind="export").exists() and verbs() == ["list.ask", "list.stop"]
    assert "已停止" in client(three, "street").get("/desk/exports/").content.decode()
    jobs.write_export(export.pk)
    assert files() == []


def test_what_is_stopped_at_the_last_moment_is_not_handed_over(three: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    export, write = asked(three), exporting.write

    def write_then_stop(*args: Any) -> int:
        n = write(*args)
        client(three, "street").post(f"/desk/exports/{export.pk}/stop/")
        return n

    monkeypatch.setattr(exporting, "write", write_then_stop)
    jobs.write_export(export.pk)
    export.refresh_from_db()
    assert export.ready_at is None and files() == [] and verbs() == ["list.ask", "list.stop"]


def test_what_fails_is_said_and_leaves_nothing(three: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    export = asked(three)
    monkeypatch.setattr(exporting, "write", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        jobs.write_export(export.pk)
    assert Progress.objects.get().state == "failed" and files() == []
    assert "出错了" in client(three, "street").get("/desk/exports/").content.decode()
    assert "生成 Excel 文件" in client(three, "street").get(LIST).content.decode(), "and may be asked for again"


def test_after_a_day_the_file_is_gone(three: Town) -> None:
    export = asked(three)
    jobs.write_export(export.pk)
    with clock.at(clock.now() + rules.EXPORT_KEPT - timedelta(minutes=1)):
        assert actions.forget_exports() == 0
        assert client(three, "street").get(f"/desk/exports/{export.pk}/file/").status_code == 200
    with clock.at(clock.now() + rules.EXPORT_KEPT + timedelta(minutes=1)):
        assert client(three, "street").get(f"/desk/exports/{export.pk}/file/").status_code == 404
        jobs.forget_exports(0)
    assert not Export.objects.exists() and not Progress.objects.exists() and files() == []


def test_the_administrator_may_stop_it_too(three: Town) -> None:
    export = asked(three)
    admin = client(three, "admin")
    assert "导出清单" in admin.get("/setup/work/").content.decode()
    admin.post(f"/setup/work/{export.progress_id}/stop/")
    jobs.write_export(export.pk)
    assert files() == [] and "/resume/" not in admin.get("/setup/work/").content.decode()
