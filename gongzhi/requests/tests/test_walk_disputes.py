"""Returning, ruling, designating; more time, holding, urging, supervising, withdrawing, merging."""

from datetime import timedelta

from conftest import Town
from gongzhi.base import clock
from gongzhi.requests import queries
from gongzhi.requests.models import Category
from gongzhi.requests.tests.walking import COLD, NOISE, Walk

RETURN = {"return_code": "not_mine", "reason": "不属于我局职责"}


def returned(walk: Walk, who: str = "department", decision: str = "agree") -> None:
    walk.does(who, "return", **RETURN)
    walk.decides("street", decision, **({"reason": "属于你局职责"} if decision == "refuse" else {}))


def twice_returned(town: Town) -> Walk:
    """A request whose two returns are used up: one granted, one refused."""
    walk = Walk(town).dispatched(category=NOISE)
    returned(walk)
    walk.does("street", "dispatch", lead=walk.unit("parks"))
    returned(walk, "parks", "refuse")
    return walk


def test_a_return_needs_a_reason_by_code_and_the_dispatchers_yes(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    assert walk.cannot("department", "return", reason="不归我们管")
    assert walk.cannot("department", "return", return_code="nonsense", reason="不归我们管")
    assert walk.cannot("heating", "return", **RETURN)
    walk.does("department", "return", **RETURN)
    assert walk.stage == "handling" and walk.asked.unit_id == walk.unit("west")
    walk.decides("street", "agree")
    assert walk.stage == "dispatching" and walk.last("return")["return_code"] == "not_mine"
    assert walk.case.due_at == walk.now + timedelta(days=7, hours=9)


def test_the_third_return_is_an_objection_and_granted_it_is_hard_one_level_up(town: Town) -> None:
    walk = twice_returned(town)
    assert "return" not in walk.offers("parks") and "appeal" in walk.offers("parks")
    assert walk.cannot("parks", "return", **RETURN)
    walk.does("parks", "appeal", **RETURN)
    assert (walk.asked.unit_id, walk.asked.post) == (walk.unit("centre"), "reviewer")
    assert walk.cannot("street", "agree", task=walk.asked)
    assert walk.case.level == "street"
    walk.decides("reviewer", "agree", opinion="确有争议")
    assert (walk.stage, walk.case.level) == ("hard", "district")
    assert walk.desks() == {("chief", "区接诉即办中心")}
    assert walk.cannot("street_leader", "rule", lead=walk.unit("parks"), ruling="由城管局办")
    walk.does("chief", "rule", lead=walk.unit("parks"), ruling="由城管局办")
    assert walk.stage == "handling" and "designated" in walk.case.flags
    assert walk.cannot("parks", "return", **RETURN) and walk.cannot("parks", "appeal", **RETURN)


def test_a_refused_objection_stands(town: Town) -> None:
    walk = twice_returned(town)
    walk.does("parks", "appeal", **RETURN)
    walk.decides("reviewer", "refuse", reason="三定方案写明由城管局办")
    assert (walk.stage, walk.case.level) == ("handling", "street")
    assert walk.cannot("parks", "appeal", **RETURN) and walk.cannot("parks", "return", **RETURN)


def test_rulings_are_kept_as_precedents(town: Town) -> None:
    walk = twice_returned(town)
    walk.does("parks", "appeal", **RETURN)
    walk.decides("reviewer", "agree", opinion="确有争议")
    walk.does("chief", "rule", lead=walk.unit("parks"), ruling="广场舞噪声由城管局牵头")
    category = Category.objects.get(code=NOISE)
    found = queries.precedents(walk.actor("district").standing, category)
    assert [e.action for e in found] == ["rule", "appeal.agree"]
    assert found[0].values["ruling"] == "广场舞噪声由城管局牵头"
    assert found[0].actor == walk.actor("chief").line
    assert not queries.precedents(walk.actor("north").standing, category)


def test_a_return_nobody_answers_is_refused_and_counts(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    walk.does("department", "return", **RETURN)
    walk.wait(days=1)
    assert walk.stage == "handling" and walk.lines().count("return.refuse") == 1
    assert walk.case.counts["limit:returns"] == 1


def test_a_designated_unit_cannot_return(town: Town) -> None:
    walk = Walk(town).accepted(NOISE)
    assert walk.cannot("street", "designate", lead=walk.unit("parks"), reason="职责清楚")
    walk.does("street_leader", "designate", lead=walk.unit("parks"), reason="职责清楚")
    assert "指定" in walk.cannot("parks", "return", **RETURN)


def test_an_extension_is_asked_agreed_told_and_keeps_the_first_deadline(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    first, promised, task_first = walk.case.due_at, walk.case.first_due_at, walk.task("lead").due_at
    assert first and task_first
    assert "最多延期 5 个工作日" in walk.cannot("department", "extend", reason="等配件", days=6)
    walk.does("department", "extend", reason="等配件", days=3)
    assert walk.case.due_at == first
    assert not queries.entries_for(None, walk.case)
    walk.decides("street", "agree")
    case = walk.case
    assert case.due_at and case.due_at > first and case.first_due_at == promised
    assert walk.task("lead").due_at == task_first + timedelta(days=3) and walk.task("lead").first_due_at == task_first
    (shown,) = queries.entries_for(None, case)
    assert shown.values == {"reason": "等配件", "days": 3}
    assert "用完" in walk.cannot("department", "extend", reason="再等", days=1)


def test_a_hold_stops_the_clocks_and_resuming_gives_back_what_was_left(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    due, promised = walk.case.due_at, walk.case.first_due_at
    assert due
    walk.wait(hours=1)
    until = walk.now + timedelta(days=2)
    assert walk.cannot("department", "hold", reason="等业主", until=until.isoformat())
    assert "30 个工作日" in walk.cannot("street", "hold", reason="等", until=(walk.now + timedelta(days=90)).isoformat())
    walk.does("street", "hold", reason="业主外出", until=until.isoformat())
    assert not walk.case.held_at
    walk.decides("street_leader", "agree")
    assert "挂起" in walk.cannot("department", "sign")
    assert walk.cannot("street", "hold", reason="再挂", until=until.isoformat())
    walk.wait(hours=40)
    assert "missed" not in walk.lines() and "remind" not in walk.lines()
    walk.does("reporter", "comment", note="我周三回来")
    walk.wait(until=until + timedelta(seconds=1))
    assert walk.case.held_at is None and walk.last("resume")
    assert walk.case.due_at == due + timedelta(days=2) and walk.case.first_due_at == promised
    assert walk.case.expectations.get(name="sign").due_at == until + timedelta(hours=1)
    walk.does("department", "sign")
    assert walk.cannot("street", "resume")


def test_nothing_is_decided_while_a_case_is_on_hold(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    walk.does("department", "finish", result="好了", reply="好了")
    walk.does("street", "hold", reason="等业主", until=(walk.now + timedelta(days=1)).isoformat())
    walk.does("street_leader", "agree", task=walk.case.tasks.get(kind="approval", asks__action="hold"))
    assert "挂起" in walk.cannot("department_leader", "agree", task=walk.asked)
    walk.wait(hours=20)
    assert walk.asked
    walk.does("street", "resume")
    walk.decides("department_leader", "agree")
    assert walk.stage == "confirming"


def test_a_reporter_urges_once_a_day(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    walk.does("reporter", "urge")
    assert "今天已经催过，03月03日 09:00" in walk.cannot("reporter", "urge")
    assert walk.cannot("department", "urge")
    walk.wait(days=1)
    walk.does("reporter", "urge")
    assert walk.case.counts["verb:urge"] == 2


def test_supervision_is_a_mark_by_street_leaders_and_the_district(town: Town) -> None:
    walk = Walk(town).dispatched()
    for who in ("street", "department", "community", "east_leader"):
        assert walk.cannot(who, "supervise", reason="影响大")
    walk.does("street_leader", "supervise", reason="影响大")
    walk.does("district", "supervise", reason="影响大")
    assert walk.case.flags == ["supervised"]


def test_a_reporter_withdraws_before_dispatch_only(town: Town) -> None:
    walk = Walk(town)
    walk.does("reporter", "withdraw")
    assert (walk.stage, walk.case.outcome, walk.case.fields["public"]) == ("withdrawn", "withdraw", "done")
    assert not walk.case.tasks.filter(done_at=None).exists()
    other = Walk(town).accepted()
    other.does("reporter", "withdraw")
    third = Walk(town).dispatched()
    assert third.cannot("reporter", "withdraw") and third.cannot("operator", "withdraw")


def test_a_dispatcher_sends_a_wrong_acceptance_back(town: Town) -> None:
    walk = Walk(town).accepted(NOISE)
    walk.does("street", "send_back", reason="类别不对")
    assert walk.stage == "receiving" and walk.case.private
    walk.accepted(COLD)
    assert walk.case.standard == "24h calendar"


def test_a_merged_report_follows_the_other_one(town: Town) -> None:
    walk, twin = Walk(town).dispatched(), Walk(town, phone="13800002222").accepted()
    assert twin.cannot("street", "merge", same_case="0000000000")
    twin.does("street", "merge", same_case=walk.case.code)
    assert (twin.stage, twin.case.closed_at) == ("merged", None)
    assert queries.followed(twin.case) == walk.case and queries.public_state(twin.case) == "handling"
    assert walk.case.supporters.count() == 1
    walk.finished()
    assert queries.public_state(walk.case) == "to_rate" and queries.public_state(twin.case) == "to_rate"


def test_a_case_that_is_closed_or_out_of_sight_is_not_merged_into(town: Town) -> None:
    done = Walk(town)
    done.does("operator", "answer", answer="已说明", kind="consult")
    hidden = Walk(town, grid="east-south-1").accepted()
    twin = Walk(town).accepted()
    for code in (done.case.code, hidden.case.code):
        assert "不存在或已经办结" in twin.cannot("street", "merge", same_case=code)


def test_the_clock_of_a_step_is_that_of_its_own_rule(town: Town) -> None:
    walk = Walk(town).accepted()  # 24 h by the calendar
    task = walk.task("dispatcher")
    assert task.due_at == walk.now + timedelta(minutes=30)
    evening = walk.now.replace(hour=17, minute=50)
    late = Walk(town, now=evening).accepted()  # 30 working minutes: ten today, twenty tomorrow
    assert late.task("dispatcher").due_at == evening.replace(hour=9, minute=20) + timedelta(days=1)
    receiving = Walk(town, now=evening).task("operator")
    assert receiving.due_at == evening.replace(hour=10, minute=50) + timedelta(days=1)
    assert receiving.ladder[0] == evening.replace(hour=10, minute=26) + timedelta(days=1)  # 80 % of two working hours
    assert clock.local(receiving.ladder[1]) == receiving.due_at
