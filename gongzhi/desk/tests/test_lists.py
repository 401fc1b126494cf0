from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.desk import queries
from gongzhi.desk.models import SavedView
from gongzhi.desk.rules import PAGE, Filter
from gongzhi.desk.tests import matters
from gongzhi.desk.tests.matters import client
from gongzhi.flow import actions as flow
from gongzhi.flow.queries import current_version
from gongzhi.org import queries as org


@pytest.fixture(autouse=True)
def _no_remembered_counts() -> None:
    cache.clear()


def standing(town: Town, name: str) -> org.Standing:
    return org.standing(town.people[name])


def codes(town: Town, name: str, **filters: str) -> list[str]:
    return [r.code for r in queries.page(standing(town, name), Filter(**filters)).rows]


def test_a_report_waits_on_the_clerks_desk_and_nowhere_else(town: Town) -> None:
    case = matters.reported(town)
    assert codes(town, "operator", view="receiving") == [case.code]
    assert codes(town, "street") == codes(town, "community") == codes(town, "department") == []


def test_what_is_due_first_stands_first_and_what_is_late_is_counted(town: Town) -> None:
    with clock.at(MONDAY):
        old = matters.accepted(town)
    with clock.at(MONDAY + timedelta(minutes=20)):
        new = matters.accepted(town)
        assert codes(town, "street", view="dispatching") == [old.code, new.code]
    with clock.at(MONDAY + timedelta(minutes=40)):
        assert queries.counts(standing(town, "street"))["late"] == 1
        assert codes(town, "street", view="late") == [old.code]
        assert codes(town, "street", view="today") == [new.code]


def test_a_matter_late_as_a_whole_shows_that_clock_whatever_its_step_has_left(town: Town) -> None:
    with clock.at(MONDAY):
        case = matters.finished(town)
    with clock.at(MONDAY + timedelta(hours=20)):
        case.tasks.filter(kind="approval").update(due_at=MONDAY + timedelta(hours=40))
        row, = queries.page(standing(town, "department_leader"), Filter(view="reviewing")).rows
        assert row.clock == "" and row.due_at == MONDAY + timedelta(hours=40)
    with clock.at(MONDAY + timedelta(hours=25)):
        leader = standing(town, "department_leader")
        for view in ("reviewing", "late"):
            rows = queries.page(leader, Filter(view=view)).rows
            assert {(r.clock, r.due_at, r.since) for r in rows} == {("整件", case.due_at, case.opened_at)}
        assert queries.counts(leader)["late"] == len(rows)
        browser = client(town, "department_leader")
        for address in (f"/desk/cases/{case.code}/", f"/desk/cases/{case.code}/preview/"):
            page = browser.get(address).content.decode()
            assert "超期 1 小时" in page.replace("超期 60 分钟", "超期 1 小时") and "整件" in page


def test_a_matter_that_waits_for_its_reporter_is_not_late(town: Town) -> None:
    with clock.at(MONDAY):
        case = matters.finished(town)
        approval = case.tasks.get(kind="approval", done_at=None)
        flow.act(case.pk, "agree", by=town.actor("department_leader"), task_id=approval.pk)
    with clock.at(MONDAY + timedelta(hours=25)):
        case.refresh_from_db()
        assert case.stage == "confirming" and not queries.is_late(case)
        assert codes(town, "street", view="overdue") == []


def test_who_oversees_a_place_sees_what_is_late_in_it_beside_his_own(town: Town) -> None:
    with clock.at(MONDAY):
        case = matters.dispatched(town)
    with clock.at(MONDAY + timedelta(hours=25)):
        who = standing(town, "street")
        found = queries.counts(who)
        assert (found["late"], found["overdue"]) == (0, 1)
        assert codes(town, "street", view="late") == [] and codes(town, "street", view="overdue") == [case.code]
        assert queries.total(who, Filter(view="overdue")) == 1
        assert codes(town, "district", view="overdue") == [case.code] and codes(town, "east", view="overdue") == []
        page = client(town, "street").get("/desk/?view=overdue").content.decode()
        assert "我的超期" in page and "辖区超期" in page
        assert "辖区超期" not in client(town, "department").get("/desk/").content.decode()


def test_each_row_says_for_which_of_several_posts_it_is(town: Town) -> None:
    town.person("both", "两岗书记", ("west", "dispatcher"), ("west-south", "leader"))
    to_dispatch, to_sign = matters.accepted(town), matters.dispatched(town, "west-south")
    hats = {r.code: r.hat for r in queries.page(standing(town, "both"), Filter()).rows}
    assert hats == {to_dispatch.code: "西街街道办事处 派单员", to_sign.code: "西南社区居委会 负责人"}
    page = client(town, "both").get("/desk/").content.decode()
    assert all(f"· {hat}</span>" in page for hat in hats.values())
    for who in ("street", "community"):  # who holds one post needs no such mark
        assert {r.hat for r in queries.page(standing(town, who), Filter()).rows} == {""}
        assert "派单员</span>" not in client(town, who).get("/desk/").content.decode()


def test_an_order_waits_to_be_signed_then_is_being_handled(town: Town) -> None:
    case = matters.dispatched(town)
    assert codes(town, "department", view="signing") == [case.code]
    assert queries.page(standing(town, "department"), Filter(view="signing")).rows[0].clock == "签收"
    flow.act(case.pk, "sign", by=town.actor("department"))
    assert codes(town, "department", view="signing") == []
    assert codes(town, "department", view="handling") == [case.code]


def test_an_approval_waits_on_the_leaders_desk(town: Town) -> None:
    case = matters.finished(town)
    row, = queries.page(standing(town, "department_leader"), Filter(view="reviewing")).rows
    assert row.code == case.code and row.stage == "待审核：办结"


def test_the_counts_on_the_left_are_the_lengths_of_the_lists(town: Town) -> None:
    for words in ("暖气不热了", "暖气漏水", "供暖太差"):
        matters.accepted(town, words=words)
    matters.dispatched(town)
    for name in ("operator", "street", "department", "district", "community"):
        cache.clear()
        who = standing(town, name)
        for view, n in queries.counts(who).items():
            assert n == len(queries.page(who, Filter(view=view)).rows), (name, view)


def test_a_complaint_is_invisible_to_the_unit_it_is_about(town: Town) -> None:
    case = matters.complained(town)
    for name in ("street", "street_leader", "community", "grid"):
        for view in ("todo", "all", "supervised", "mine", "done", "late"):
            assert codes(town, name, view=view) == []
        assert queries.counts(standing(town, name))["all"] == 0
        assert queries.search(standing(town, name), "服务态度") == []
        page = client(town, name)
        assert page.get(f"/desk/cases/{case.code}/").status_code == 404
        assert "服务态度" not in page.get("/desk/search/", {"q": case.code}).content.decode()
        assert sheet(page.get("/desk/export/?view=all")).count("服务态度") == 0
    assert codes(town, "district", view="dispatching") == [case.code]


def test_pages_go_by_key_and_lose_nothing(town: Town) -> None:
    with clock.at(MONDAY):
        made = {matters.reported(town, words=f"第{i}件，暖气不热").code for i in range(PAGE + 5)}
    who = standing(town, "operator")
    for chosen in (Filter(), Filter(sort="opened"), Filter(view="all"), Filter(view="all", sort="due")):
        who = standing(town, "operator")
        first = queries.page(who, chosen)
        rest = queries.page(who, Filter.read_query(chosen.but(after=first.next)))
        assert len(first.rows) == PAGE and not rest.next
        assert {r.code for r in first.rows + rest.rows} == made


def test_a_task_without_a_deadline_stands_last_on_whatever_page(town: Town) -> None:
    with clock.at(MONDAY):
        free = matters.reported(town)
        free.tasks.update(due_at=None)
        for i in range(PAGE):
            matters.reported(town, words=f"第{i}件，暖气不热")
    who = standing(town, "operator")
    first = queries.page(who, Filter())
    assert free.code not in [r.code for r in first.rows]
    assert [r.code for r in queries.page(who, Filter(after=first.next)).rows] == [free.code]


@pytest.mark.parametrize("after", ["x", "~", "2026~5", "~9", "2026-01-01T00:00:00+08:00~", "9" * 30])
def test_a_broken_key_is_no_fault(town: Town, after: str) -> None:
    assert client(town, "operator").get("/desk/", {"after": after}).status_code == 200


def test_filters_stand_in_the_address_and_narrow_the_list(town: Town) -> None:
    heat = matters.accepted(town)
    noise = matters.accepted(town, "900101", words="夜里太吵，噪声不断", grid="west-north-1")
    south = str(town.places["west-south"].pk)
    for filters, wanted in (
        ({"category": "900401"}, [heat.code]), ({"place": south}, [heat.code]), ({"q": "噪声"}, [noise.code]),
        ({"origin": "staff"}, []), ({"origin": "resident", "category": "900101"}, [noise.code]),
        ({"stage": "handling"}, []), ({"flag": "urgent"}, []), ({"since": "2020-01-01", "q": "暖气"}, [heat.code]),
    ):
        assert codes(town, "street", **filters) == wanted, filters
        assert queries.total(standing(town, "street"), Filter(**filters)) == len(wanted)


def test_an_address_with_nonsense_shows_a_list(town: Town) -> None:
    page = client(town, "street")
    bad = {"view": "x", "place": "1 or 1=1", "unit": "²", "since": "9999-99-99", "until": "9999-12-31", "flag": "{}",
           "q": "%"}
    assert page.get("/desk/", bad).status_code == 200


def test_a_saved_view_is_ones_own(town: Town) -> None:
    page = client(town, "street")
    page.post("/desk/views/", {"title": "供暖", "query": "?view=all&category=9004&next=//evil"})
    view = SavedView.objects.get()
    assert view.query == "?view=all&category=9004"
    assert "供暖" in page.get("/desk/").content.decode()
    client(town, "department").post(f"/desk/views/{view.pk}/drop/")
    assert SavedView.objects.exists()
    page.post(f"/desk/views/{view.pk}/drop/")
    assert not SavedView.objects.exists()


def test_an_export_holds_the_list_says_who_took_it_and_is_written_down(town: Town) -> None:
    case = matters.accepted(town)
    answer = client(town, "street").get("/desk/export/?view=dispatching")
    text = sheet(answer)
    assert "张派单" in text and "暖气不热" in text and case.code[:3] in text and "13800001111" not in text
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, data->>'n' FROM log_event WHERE verb = 'list.export'")
        assert cursor.fetchall() == [(f"person:{town.people['street'].pk}", "1")]


def sheet(answer: object) -> str:
    book = ZipFile(BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    return book.read("xl/worksheets/sheet1.xml").decode()


def test_the_clerk_alone_searches_by_the_end_of_a_number_and_it_is_written_down(town: Town) -> None:
    case = matters.accepted(town)
    assert case.code in client(town, "operator").get("/desk/search/?q=1111").content.decode().replace(" ", "")
    assert case.code not in client(town, "street").get("/desk/search/?q=1111").content.decode().replace(" ", "")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM log_event WHERE verb = 'person.search'")
        assert cursor.fetchone() == (1,)


def test_search_goes_straight_to_a_code(town: Town) -> None:
    case = matters.accepted(town)
    assert client(town, "street").get("/desk/search/", {"q": case.code})["Location"] == f"/desk/cases/{case.code}/"


@pytest.mark.parametrize("name", ["operator", "street", "district", "department", "community", "chief"])
@pytest.mark.parametrize("view", ["todo", "all", "done", "reviewing"])
def test_a_list_takes_few_queries_however_long_it_is(town: Town, name: str, view: str, settings: Any) -> None:
    settings.GONGZHI_DEMO = False  # how far the demo's reports are is asked in a demo only
    for _i in range(4):
        matters.dispatched(town)
        matters.accepted(town)
    page = client(town, name)
    page.get("/desk/")
    cache.delete_many([f"desk-{kept}:{town.people[name].pk}" for kept in ("todo", "long")])
    current_version("request")  # remembered for seconds: not part of what a list costs
    with CaptureQueriesContext(connection) as seen:
        assert page.get("/desk/", {"view": view}).status_code == 200
    assert len(seen) <= 16, "\n".join(q["sql"][:120] for q in seen)
