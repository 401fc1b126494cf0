"""What the desk shows of an order, the pages of the centre, and who sees which."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.hotline import arrivals
from gongzhi.hotline.models import Arrival, CategoryMap, Outgoing, Source
from gongzhi.hotline.tests.wires import Sent, catch_up, further, hotline, order
from gongzhi.requests.tests.walking import COLD, MANNERS, NOISE

PAGES = ("", "out/", "arrivals/", "categories/", "replies/", "sources/")


@pytest.fixture(autouse=True)
def now(town: Town) -> Any:
    with clock.at(MONDAY + timedelta(minutes=5)):
        yield


@pytest.fixture
def source(town: Town) -> Source:
    return hotline(town)


def signed_in(town: Town, who: str) -> Client:
    client = Client()
    client.force_login(town.people[who])
    return client


def read(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def test_case_row_preview_and_ticket_show_both_deadlines_and_the_number(town: Town, source: Source) -> None:
    sent = Sent(town, source).accepted(NOISE)
    client, code = signed_in(town, "street"), sent.case.code
    for address in (f"/desk/cases/{code}/", f"/desk/cases/{code}/preview/", f"/desk/cases/{code}/ticket/"):
        page = read(client, address)
        assert "SH2026030200001" in page and "热线时限" in page and "市12345热线交办的时限" in page, address
    page = read(client, f"/desk/cases/{code}/")
    assert page.count("以此为准") == 1 and "本区时限" in page and "5 个工作日" in page
    assert page.index("热线时限") < page.index("以此为准") < page.index("本区时限")  # the hotline's is the earlier one
    row = read(client, "/desk/?view=dispatching")
    assert "热线：" in row and "本区：" in row and "市12345热线交办的时限" in row and "5 个工作日" in row


def test_where_ours_is_the_earlier_one_it_counts(town: Town, source: Source) -> None:
    sent = Sent(town, source).accepted(COLD)
    page = read(signed_in(town, "street"), f"/desk/cases/{sent.case.code}/")
    assert page.index("热线时限") < page.index("本区时限") < page.index("以此为准")


def test_the_export_has_the_number_and_the_deadline_of_the_hotline(town: Town, source: Source) -> None:
    Sent(town, source).accepted(NOISE)
    answer = signed_in(town, "street").get("/desk/export/?view=all")
    rows = CalamineWorkbook.from_filelike(BytesIO(b"".join(answer.streaming_content))).get_sheet_by_index(0).to_python()
    head, line = rows[1], rows[2]
    assert line[head.index("热线工单编号")] == "SH2026030200001"
    assert str(line[head.index("热线时限")]).startswith("2026-03-04 11:00")


def test_giving_back_is_offered_for_orders_alone(town: Town, source: Source) -> None:
    from gongzhi.requests.tests.walking import Walk

    client = signed_in(town, "operator")
    assert "退回市热线" in read(client, f"/desk/cases/{Sent(town, source).case.code}/")
    assert "退回市热线" not in read(client, f"/desk/cases/{Walk(town).case.code}/")
    assert "退回市热线" not in read(client, "/desk/intake/")


def test_the_centre_has_its_pages_and_a_street_has_not(town: Town, source: Source) -> None:
    Sent(town, source).dispatched()
    arrivals.receive(source, further("urge", number="9"))
    catch_up()
    for page in PAGES:
        for who in ("operator", "district", "admin"):
            assert "市热线" in read(signed_in(town, who), f"/hotline/{page}")
        read(signed_in(town, "street"), f"/hotline/{page}", 404)
        read(signed_in(town, "department"), f"/hotline/{page}", 403)
    assert "/hotline/" in read(signed_in(town, "operator"), "/desk/")
    assert "/hotline/" not in read(signed_in(town, "street"), "/desk/")
    assert "SH2026030200001" in read(signed_in(town, "operator"), "/hotline/?q=sh20260302")
    assert "没有找到" in read(signed_in(town, "operator"), "/hotline/?q=SH9")
    assert "等工单到达" in read(signed_in(town, "operator"), "/hotline/arrivals/?state=parked")


def test_a_complaint_about_the_centre_is_nowhere_on_its_pages(town: Town, source: Source) -> None:
    """rights 4.2: orders, what goes out and what came in of it are kept from whom it is about."""
    town.person("government", "区长", ("government", "leader"), ("government", "dispatcher"))
    sent = Sent(town, source, kind="投诉", words="热线中心态度恶劣")
    sent.accepted(MANNERS, summary="反映中心作风", about_unit=town.units["centre"].pk, kind="complain")
    sent.says(further("cancel", 9))
    sent.says(further("urge", 10))
    catch_up()
    message = Outgoing.objects.filter(order=sent.order).first()
    assert message and Arrival.objects.filter(order=sent.order).exists()
    client = signed_in(town, "operator")
    for page in PAGES:
        assert sent.number not in read(client, f"/hotline/{page}"), page
    assert client.post(f"/hotline/out/{message.pk}/resend/").status_code == 404
    assert sent.case.title not in read(client, f"/desk/search/?q={sent.number}")


def test_a_handler_of_a_complaint_reads_neither_the_callers_words_nor_his_number(town: Town, source: Source) -> None:
    sent = Sent(town, source, kind="投诉", words="楼上太吵，我是 301 的张三")
    sent.accepted(NOISE, summary="反映噪声扰民", kind="complain")
    sent.does("street", "dispatch", lead=town.units["parks"].pk)
    page = read(signed_in(town, "parks"), f"/desk/cases/{sent.case.code}/")
    assert "301" not in page and "13800001111" not in page and "反映噪声扰民" in page and sent.number in page


def test_mapping_is_done_on_the_page_and_what_is_wrong_is_said_there(town: Town, source: Source) -> None:
    arrivals.receive(source, order(category_code="0999", category_name="怪事"))
    row, client = CategoryMap.objects.get(theirs="0999"), signed_in(town, "operator")
    assert "怪事" in read(client, "/hotline/categories/?show=unmapped")
    wrong = client.post(f"/hotline/categories/{row.pk}/", {"category": "nix"})
    assert wrong.status_code == 422 and "没有这个类别" in wrong.content.decode()
    assert client.post(f"/hotline/categories/{row.pk}/", {"category": NOISE}).status_code == 302
    assert "怪事" not in read(client, "/hotline/categories/?show=unmapped").replace("“怪事”已对应", "")


def test_a_source_is_connected_changed_and_given_another_key(town: Town) -> None:
    client = signed_in(town, "admin")
    given = {"title": "省热线", "key": "province", "area": str(town.places["district"].pk), "url": "https://x.cn/a", "asks": "1",
             "active": "1", "names_out": "number = gdbh\nwords = hfnr", "columns": "number = 工单号"}
    wrong = client.post("/hotline/sources/new/", {**given, "key": "省", "url": "ftp://x", "names_out": "nix = y", "title": ""})
    said = wrong.content.decode()
    assert wrong.status_code == 422 and all(words in said for words in ("nix = y", "小写字母", "https 开头", "请填名称"))
    made = client.post("/hotline/sources/new/", given)
    assert made.status_code == 200 and "密钥只显示这一次" in made.content.decode()
    source = Source.objects.get()
    assert source.names_out == {"number": "gdbh", "words": "hfnr"} and source.columns == [["number", "工单号"]]
    assert source.asks and not source.direct and source.active and bytes(source.secret)
    before = bytes(source.secret)
    assert client.post(f"/hotline/sources/{source.pk}/", {**given, "title": "省里", "direct": "1"}).status_code == 302
    assert client.post(f"/hotline/sources/{source.pk}/secret/").status_code == 200
    source.refresh_from_db()
    assert source.title == "省里" and source.direct and bytes(source.secret) != before
    assert "gdbh" in read(client, f"/hotline/sources/{source.pk}/")
    assert client.post("/hotline/sources/new/", given).status_code == 422  # the key name is taken
    assert signed_in(town, "operator").get("/hotline/sources/new/").status_code == 403


def test_an_empty_city_says_what_to_do(town: Town) -> None:
    assert "还没有连接市热线" in read(signed_in(town, "operator"), "/hotline/")


def test_a_hold_of_ours_does_not_move_the_hotlines_deadline(town: Town, source: Source) -> None:
    sent = Sent(town, source).accepted(NOISE)
    sent.does("street", "dispatch", lead=town.units["parks"].pk)
    own, bound = sent.case.own_due_at, sent.case.bound_at
    sent.does("street", "hold", reason="等天气", until=(MONDAY + timedelta(days=1)).isoformat())
    sent.decides("street_leader", "agree")
    sent.wait(days=1, hours=1)
    case = sent.case
    assert case.held_at is None and case.bound_at == bound == case.due_at and own and case.own_due_at and case.own_due_at > own
    assert case.tasks.get(role="lead", done_at=None).due_at == bound


def test_pages_ask_the_database_no_more_for_more_orders(town: Town, source: Source) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client, counted = signed_in(town, "operator"), []
    for start in (0, 10):
        for n in range(start, start + 10):
            Sent(town, source, number=f"Q{n}")
        read(client, "/hotline/")
        with CaptureQueriesContext(connection, ) as asked:
            read(client, "/hotline/")
        counted.append(len(asked))
    assert counted[0] == counted[1]
