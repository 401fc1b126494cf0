"""Orders from a sheet: twins by number refused and named, unknown categories warned of, the good lines alone."""

import io
from typing import Any

import pytest
import xlsxwriter
from django.test import Client

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.flow.models import Case
from gongzhi.hotline.models import Order, Source
from gongzhi.hotline.tests.wires import Sent, hotline
from gongzhi.imports.models import Import
from gongzhi.requests.models import Rating

HEAD = ["工单编号", "诉求描述", "来电号码", "保密", "诉求地址", "截止时间", "问题类别", "类型"]


@pytest.fixture(autouse=True)
def now(town: Town) -> Any:
    with clock.at(MONDAY):
        yield


@pytest.fixture
def source(town: Town) -> Source:
    return hotline(town)


def brought(town: Town, lines: list[list[str]], who: str = "operator", head: list[str] | None = None) -> tuple[Client, Import]:
    """Upload a sheet as somebody; return what was made of it."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    page = book.add_worksheet()
    for i, line in enumerate([head or HEAD, *lines]):
        page.write_row(i, 0, line)
    book.close()
    out.seek(0)
    out.name = "工单.xlsx"
    client = Client()
    client.force_login(town.people[who])
    answer = client.post("/setup/import/hotline/", {"file": out})
    assert answer.status_code == 302, answer.content.decode()
    return client, Import.objects.get(pk=answer["Location"].rstrip("/").rsplit("/", 1)[1])


def line(number: str, words: str = "暖气不热", phone: str = "13800001111", due: str = "2026-03-09 18:00", category: str = "供热",
         kind: str = "求助") -> list[str]:
    return [number, words, phone, "是", "西南社区第1网格", due, category, kind]


def test_good_lines_are_taken_alone_and_each_fault_names_its_line(town: Town, source: Source) -> None:
    there = Sent(town, source)
    client, sheet = brought(town, [
        line("A-1"), line("", phone="13800001112"), line("A-3", phone="12"), line("A-4", due="后天"), line(there.number),
        line("A-1"), line("A-7", category="怪事"), line("A-8", words=""), line("A-9", kind="闲聊")])
    page = client.get(f"/setup/import/sheet/{sheet.pk}/").content.decode()
    assert f"编号 {there.number} 已经收过，是本区 {there.case.code}。" in page and "编号 A-1 和第 2 行相同。" in page
    assert "类别“怪事”还没有对应" in page and "电话号码不对" in page and "后天" in page
    assert sheet.good == [2, 8]
    client.post(f"/setup/import/sheet/{sheet.pk}/begin/")
    assert set(Order.objects.values_list("number", flat=True)) == {there.number, "A-1", "A-7"}
    case = Order.objects.get(number="A-1").case
    assert case.request.channel == "hotline" and case.fields["hide_reporter"] and case.opened_by == town.people["operator"]
    assert case.place_id == town.places["west-south-1"].pk and case.bound_at and case.request.their_number == "A-1"


def test_the_same_sheet_twice_opens_nothing_more(town: Town, source: Source) -> None:
    for _again in range(2):
        client, sheet = brought(town, [line("A-1"), line("A-2")])
        client.post(f"/setup/import/sheet/{sheet.pk}/begin/")
    assert Case.objects.count() == 2


def test_further_messages_come_by_sheet_too(town: Town, source: Source) -> None:
    sent = Sent(town, source).replied()
    head = ["工单编号", "消息种类", "解决情况", "满意情况", "说明"]
    client, sheet = brought(town, [[sent.number, "回访结果", "已解决", "满意", "修得快"], ["A-9", "催办", "", "", ""]], head=head)
    client.post(f"/setup/import/sheet/{sheet.pk}/begin/")
    assert Rating.objects.get(case=sent.case).satisfied == 4 and sent.stage == "archived"
    client, sheet = brought(town, [line("A-9")])
    client.post(f"/setup/import/sheet/{sheet.pk}/begin/")
    assert Order.objects.get(number="A-9").n_urged == 1


def test_which_hotline_must_be_said_where_there_are_several(town: Town, source: Source) -> None:
    hotline(town, "province")
    _client, sheet = brought(town, [line("A-1"), [*line("A-2"), "province"]], head=[*HEAD, "来源热线"])
    assert sheet.good == [3]


def test_only_the_centre_brings_orders_in(town: Town, source: Source) -> None:
    _client, sheet = brought(town, [line("A-1")], who="street")
    assert sheet.good == []
    _client, sheet = brought(town, [line("A-1")], who="district")
    assert sheet.good == [2]
    client = Client()
    client.force_login(town.people["department"])
    assert client.get("/setup/import/hotline/").status_code in (403, 404)
