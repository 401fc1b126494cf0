"""稍后再看 and 等谁: out of sight for a while, never past a deadline; whom a matter waits for."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.desk import actions, queries
from gongzhi.desk.rules import Filter
from gongzhi.desk.tests import matters
from gongzhi.desk.tests.matters import client
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import reporter
from gongzhi.flow.models import Case
from gongzhi.org import queries as org
from gongzhi.requests import actions as requests


def todo(town: Town, name: str = "department", view: str = "todo") -> list[str]:
    cache.clear()
    return [row.code for row in queries.page(org.standing(town.people[name]), Filter(view=view)).rows]


def signed(town: Town) -> Case:
    case = matters.dispatched(town, category="900101")  # five workdays
    flow.act(case.pk, "sign", by=town.actor("department"))
    return flow.act(case.pk, "contact", by=town.actor("department"), form={"contact_note": "约好"})


def put_off(town: Town, case: Case, when: str = "tomorrow", awaits: str = "", until: str = "") -> None:
    actions.snooze(case, when, until, awaits, by=town.actor("department"))


def test_it_leaves_every_list_but_its_own_and_comes_back_at_its_time(town: Town) -> None:
    with clock.at(MONDAY):
        case = signed(town)
        put_off(town, case)
        assert todo(town) == [] and todo(town, view="handling") == [] and todo(town, view="later") == [case.code]
        counted = queries.counts(org.standing(town.people["department"]))
        assert (counted["todo"], counted["handling"], counted["later"]) == (0, 0, 1)
        assert todo(town, "department_leader") == [case.code] and todo(town, "department_leader", "later") == []
        assert "明天" in client(town, "department").get("/desk/", {"view": "later"}).content.decode()
    with clock.at(MONDAY + timedelta(hours=24, minutes=1)):
        assert todo(town) == [case.code] and todo(town, view="later") == []
        assert "稍后看：时间到了" in client(town, "department").get("/desk/").content.decode()


def test_no_deadline_is_hidden(town: Town) -> None:
    with clock.at(MONDAY):
        case = signed(town)
        put_off(town, case, "at", until=(MONDAY + timedelta(days=20)).isoformat())
        due = Case.objects.get(pk=case.pk).due_at
    assert due
    with clock.at(MONDAY + (due - MONDAY) * 0.79):
        assert todo(town) == []
    with clock.at(MONDAY + (due - MONDAY) * 0.81):
        assert todo(town) == [case.code]
        assert "快到期，已回来" in client(town, "department").get("/desk/").content.decode()


def test_a_deadline_that_moves_nearer_wakes_it(town: Town) -> None:
    with clock.at(MONDAY):
        case = signed(town)
        put_off(town, case)
        case.tasks.filter(done_at=None).update(due_at=MONDAY + timedelta(minutes=59))
        assert todo(town) == [case.code]


@pytest.mark.parametrize("awaits", ["reporter", "approval", "helper"])
def test_an_answer_brings_it_back(town: Town, awaits: str) -> None:
    with clock.at(MONDAY):
        case = signed(town)
        flow.act(case.pk, "call_in", by=town.actor("street"), form={"helpers": [town.units["parks"].pk]})
        flow.act(case.pk, "extend", by=town.actor("department"), form={"reason": "等配件", "days": 1})
        put_off(town, case, awaits, awaits)
        assert todo(town) == []
    with clock.at(MONDAY + timedelta(minutes=5)):
        if awaits == "reporter":
            requests.say(case, "我在家", by=reporter(case.pk))
        elif awaits == "approval":
            asked = case.tasks.get(kind="approval", done_at=None)
            flow.act(case.pk, "refuse", by=town.actor("street"), form={"reason": "不急"}, task_id=asked.pk)
        else:
            flow.act(case.pk, "help_done", by=town.actor("parks"), form={"result": "清了"})
        assert todo(town) == [case.code]
        assert "有回音了" in client(town, "department").get("/desk/").content.decode()


def test_what_is_due_soon_or_not_ones_own_is_not_put_off(town: Town) -> None:
    with clock.at(MONDAY):
        case = matters.dispatched(town)
    with clock.at(MONDAY + timedelta(hours=1, minutes=30)):  # to be signed for within two hours
        answer = client(town, "department").post(f"/desk/cases/{case.code}/later/", {"when": "tomorrow"})
        assert answer.status_code == 422 and "快到期了" in answer.content.decode()
        other = client(town, "street").post(f"/desk/cases/{case.code}/later/", {"when": "tomorrow"})
        assert other.status_code == 422 and "不在您的待办里" in other.content.decode()


def test_the_page_puts_off_takes_back_and_says_what_is_wrong(town: Town) -> None:
    with clock.at(MONDAY):
        case = signed(town)
        browser = client(town, "department")
        wrong = browser.post(f"/desk/cases/{case.code}/later/", {"when": "at", "until": "gestern"})
        assert wrong.status_code == 422 and "请选一个以后的时间" in wrong.content.decode()
        assert browser.post(f"/desk/cases/{case.code}/later/", {"when": "1h"}).status_code == 302
        assert "现在就放回待办" in browser.get(f"/desk/cases/{case.code}/").content.decode()
        browser.post(f"/desk/cases/{case.code}/later/", {"when": "now"})
        assert todo(town) == [case.code]
        put_off(town, case)
        flow_page = browser.post(f"/desk/cases/{case.code}/act/interim/", {"note": "已约师傅", "stage": "handling"})
        assert flow_page.status_code == 302 and todo(town) == [case.code], "who works on it has it back"


def test_lines_and_case_say_whom_it_waits_for_and_since_when(town: Town) -> None:
    with clock.at(MONDAY):
        case = signed(town)
        flow.act(case.pk, "extend", by=town.actor("department"), form={"reason": "等配件", "days": 1})
    with clock.at(MONDAY + timedelta(hours=3)):
        for page in ("/desk/", f"/desk/cases/{case.code}/"):
            assert "等西街街道办事处审核，3 小时" in client(town, "department").get(page).content.decode()
        row = queries.page(org.standing(town.people["district"]), Filter(view="all")).rows[0]
        assert row.waits == "等西街街道办事处审核，3 小时" and row.holder == "区住建局"
    finished = matters.finished(town)
    waits = queries.page(org.standing(town.people["street"]), Filter(view="all")).rows
    assert "审核" in next(r.waits for r in waits if r.code == finished.code)
