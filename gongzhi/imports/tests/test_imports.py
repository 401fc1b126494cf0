"""A sheet on its way in: matched, looked at, its good lines taken alone; stopped, killed, refused; seen by its person only."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import pytest
import xlsxwriter
from django.db import connection
from django.test import Client

from conftest import Town
from gongzhi.base import clock, imports, sheets
from gongzhi.base.errors import Refused
from gongzhi.base.imports import Importer
from gongzhi.base.models import CalendarDay
from gongzhi.base.sheets import Column, Fault, Row
from gongzhi.imports import actions, jobs
from gongzhi.imports.models import Import, Mapping

HERE = "/setup/import/"


def _check(rows: Sequence[Row], by: int) -> Iterable[Fault]:
    there = dict(CalendarDay.objects.values_list("date", "name"))
    for row in rows:
        if there.get(row["date"]) == row["name"]:
            yield Fault(row.n, "date", "已有。", "same")
        elif row["date"].weekday() > 4:
            yield Fault(row.n, "date", "是周末，请留意。", "warn")


def _take(rows: Sequence[Row], by: int) -> int:
    if any(row["name"] == "写不进" for row in rows):
        raise Refused("这一天写不进。", "name")
    for row in rows:
        CalendarDay.objects.update_or_create(date=row["date"], defaults={
            "name": row["name"], "is_working": False, "source": "测试"})
    return len(rows)


@pytest.fixture(autouse=True)
def _days(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    imports.importers["days"] = Importer(
        "days", "节假日", ("admin",), (Column("date", "日期", needed=True, parse=sheets.day), Column("name", "名称", needed=True)),
        _check, _take, "setup:home")
    monkeypatch.setattr(actions, "BATCH", 2)
    yield
    del imports.importers["days"]


def signed_in(town: Town, who: str) -> Client:
    client = Client()
    client.force_login(town.people[who])
    return client


def sheet(lines: list[list[str]], name: str = "节假日.xlsx") -> io.BytesIO:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    for i, line in enumerate(lines):
        book.get_worksheet_by_name("Sheet1") or book.add_worksheet()
        for j, cell in enumerate(line):
            book.worksheets()[0].write(i, j, cell)
    book.close()
    out.seek(0)
    out.name = name
    return out


def sent(town: Town, lines: list[list[str]]) -> Import:
    answer = signed_in(town, "admin").post(f"{HERE}days/", {"file": sheet(lines)})
    assert answer.status_code == 302, answer.content.decode()
    return Import.objects.get(pk=answer["Location"].rstrip("/").rsplit("/", 1)[1])


GOOD = [["日期", "名称"], ["2027-05-03", "甲"], ["2027-05-04", "乙"], ["2027-05-08", "丙"]]


def test_good_lines_are_taken_alone_and_each_fault_is_told_by_its_line(town: Town) -> None:
    row = sent(town, [*GOOD, ["2027-13-01", "丁"], ["2027-05-06", ""]])
    client = signed_in(town, "admin")
    page = client.get(f"{HERE}sheet/{row.pk}/").content.decode()
    assert "可以导入 3 行" in page and "有错 2 行" in page and "是周末" in page
    assert not CalendarDay.objects.filter(name__in="甲乙丙").exists()  # looked at only
    client.post(f"{HERE}sheet/{row.pk}/begin/")
    row.refresh_from_db()
    assert (row.state, row.n_taken, row.n_wrong) == ("done", 3, 2)
    assert CalendarDay.objects.filter(name__in="甲乙丙").count() == 3
    faults = client.get(f"{HERE}sheet/{row.pk}/faults/")
    table = sheets.read(faults.content, imports.importers["days"].columns)
    assert [cells[1] for _n, cells in table.rows] == ["5", "6"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT verb FROM log_event WHERE verb LIKE 'import.%%' ORDER BY id")
        assert [verb for (verb,) in cursor.fetchall()] == ["import.receive", "import.begin", "import.end"]


def test_the_same_sheet_twice_changes_nothing_and_says_so(town: Town) -> None:
    actions.begin(sent(town, GOOD), by=town.people["admin"].pk)
    row = sent(town, GOOD)
    assert (row.n_same, row.good) == (3, [])
    with pytest.raises(Refused, match="没有可以导入的行"):
        actions.begin(row, by=row.by_id)


def test_a_line_that_is_refused_when_it_is_written_leaves_the_others(town: Town) -> None:
    row = sent(town, [*GOOD, ["2027-05-05", "写不进"], ["2027-05-07", "戊"]])
    actions.begin(row, by=row.by_id)
    row.refresh_from_db()
    assert (row.state, row.n_taken) == ("done", 4) and [f[2] for f in row.faults if f[3] == "fault"] == ["这一天写不进。"]


def test_who_is_killed_between_two_batches_goes_on_and_nothing_is_written_twice(
        town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    row, batches = sent(town, [*GOOD, ["2027-05-05", "丁"], ["2027-05-07", "戊"]]), []
    real = actions._write

    def killed(importer: Importer, batch: Sequence[Row], by: int) -> list[Fault]:
        batches.append([line.n for line in batch])
        if len(batches) == 2:
            raise KeyboardInterrupt
        return real(importer, batch, by)

    monkeypatch.setattr(actions, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        actions.begin(row, by=row.by_id)
    row.refresh_from_db()
    assert (row.state, row.at, row.n_taken) == ("taking", 2, 2)
    jobs.pick_up(0)
    row.refresh_from_db()
    assert (row.state, row.n_taken) == ("done", 5) and batches == [[2, 3], [4, 5], [4, 5], [6]]
    assert actions.pick_up() == 0


def test_a_long_sheet_is_looked_at_and_written_by_a_job_and_can_be_stopped(
        town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "SHORT", 1)
    row = sent(town, GOOD)
    assert row.state == "looking" and row.progress
    client = signed_in(town, "admin")
    assert "正在检查" in client.get(f"{HERE}sheet/{row.pk}/", headers={"HX-Request": "true"}).content.decode()
    jobs.go_on(row.pk, "zh-hans")
    row.refresh_from_db()
    assert row.state == "looked" and not row.is_running
    actions.begin(row, by=row.by_id)
    row.refresh_from_db()
    assert row.state == "taking" and row.is_running
    client.post(f"{HERE}sheet/{row.pk}/drop/")
    jobs.go_on(row.pk, "zh-hans")
    row.refresh_from_db()
    assert (row.state, row.n_taken) == ("stopped", 2)  # the batch that was being written stays
    assert client.get(f"{HERE}sheet/{row.pk}/", headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_columns_with_other_names_are_chosen_once_and_remembered(town: Town) -> None:
    lines = [["哪天", "叫什么", "备注"], ["2027-05-03", "甲", ""]]
    row, client = sent(town, lines), signed_in(town, "admin")
    assert row.state == "looking" and "哪一列是什么" in client.get(f"{HERE}sheet/{row.pk}/").content.decode()
    twice = client.post(f"{HERE}sheet/{row.pk}/map/", {"c-date": "0", "c-name": "0"})
    assert twice.status_code == 422 and "这一列选了两次" in twice.content.decode()
    none = client.post(f"{HERE}sheet/{row.pk}/map/", {"c-date": "0", "c-name": ""})
    assert none.status_code == 422 and "必须选一列" in none.content.decode()
    assert client.post(f"{HERE}sheet/{row.pk}/map/", {"c-date": "0", "c-name": "1"}).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.good) == ("looked", [2]) and Mapping.objects.count() == 1
    assert sent(town, lines).good == [2]  # the next one needs no choosing


@pytest.mark.parametrize("data", [b"%PDF-1.7 something", b"\x89PNG\r\n\x1a\n\x00\x00", b""])
def test_a_file_that_is_no_sheet_is_refused_at_its_field(town: Town, data: bytes) -> None:
    file = io.BytesIO(data)
    file.name = "名册.xlsx"
    answer = signed_in(town, "admin").post(f"{HERE}days/", {"file": file})
    assert answer.status_code == 422 and 'id="f-file-e"' in answer.content.decode() and not Import.objects.exists()


def test_a_sheet_is_its_persons_and_its_kind_is_for_its_posts(town: Town) -> None:
    row = sent(town, GOOD)
    other = signed_in(town, "street")
    for address in (f"{HERE}days/", f"{HERE}days/template/", f"{HERE}sheet/{row.pk}/", f"{HERE}sheet/{row.pk}/faults/"):
        assert other.get(address).status_code == 404
    assert other.post(f"{HERE}sheet/{row.pk}/begin/").status_code == 404
    row.by = town.people["street"]
    row.save()
    assert other.get(f"{HERE}sheet/{row.pk}/").status_code == 404  # no longer of the post
    assert signed_in(town, "admin").get(f"{HERE}sheet/{row.pk}/").status_code == 404  # another's names and numbers
    assert "节假日.xlsx" in signed_in(town, "admin").get(f"{HERE}days/").content.decode()


def test_the_sheet_is_sealed_and_gone_after_its_days(town: Town) -> None:
    row = sent(town, [*GOOD, ["", "张三"]])
    assert b"PK" not in bytes(row.data)[:40]
    with clock.at(clock.now() + timedelta(days=8)):
        assert actions.forget() == 1
        row.refresh_from_db()
        assert (bytes(row.data), row.faults, row.state) == (b"", [], "stopped")
        assert "张三" not in signed_in(town, "admin").get(f"{HERE}sheet/{row.pk}/").content.decode()
        assert actions.forget() == 0


def test_a_dropped_sheet_wrote_nothing(town: Town) -> None:
    row = sent(town, GOOD)
    assert signed_in(town, "admin").post(f"{HERE}sheet/{row.pk}/drop/").status_code == 302
    row.refresh_from_db()
    assert (row.state, bytes(row.data)) == ("stopped", b"") and not CalendarDay.objects.filter(name="甲").exists()
    with pytest.raises(Refused):
        actions.begin(row, by=row.by_id)
