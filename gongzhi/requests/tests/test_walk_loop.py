from datetime import datetime, timedelta

import pytest

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.flow import actions as flow
from gongzhi.flow import offers
from gongzhi.flow.models import ProcessVersion
from gongzhi.requests import forms
from gongzhi.requests.tests.walking import COLD, NOISE, RUBBISH, Walk


def test_a_report_walks_from_the_phone_to_a_rating(town: Town) -> None:
    walk = Walk(town)
    assert walk.stage == "receiving" and walk.case.fields["public"] == "received"
    assert walk.offers("operator")[0] == "accept"
    walk.accepted()
    assert walk.case.fields["public"] == "dispatching" and walk.desks() == {("dispatcher", "西街街道办事处")}
    walk.does("street", "dispatch", lead=walk.unit("housing"), helpers=[walk.unit("heating")])
    assert walk.desks() == {("lead", "区住建局"), ("helpers", "暖阳供热公司")}
    walk.does("department", "sign")
    walk.does("department", "contact", contact_note="约好下午上门")
    walk.assigned()
    walk.does("section", "finish", result="修好阀门", reply="已更换阀门，室温 20 度。")
    assert (walk.asked.unit_id, walk.asked.post) == (walk.unit("housing"), "leader")
    walk.decides("department_leader", "agree", opinion="同意")
    assert walk.stage == "confirming" and walk.case.fields["public"] == "to_rate"
    assert walk.desks() == {("reporter", "")}
    walk.does("reporter", "rate", solved="solved", satisfied="5", said="谢谢")
    case = walk.case
    assert (case.stage, case.outcome, case.fields["public"]) == ("archived", "rate", "done")
    assert case.closed_at and not case.tasks.filter(done_at=None).exists()
    assert (case.rating.solved, case.rating.satisfied, case.rating.by) == ("solved", 5, "reporter")
    assert walk.lines() == ["open", "accept", "dispatch", "sign", "contact", "assign", "finish.ask", "finish", "rate"]


def test_the_category_sets_the_deadline_and_who_is_reported_to_hears_its_rule(town: Town) -> None:
    walk = Walk(town).accepted(NOISE)
    assert walk.case.due_at == walk.now + timedelta(days=7, hours=9)  # five workdays: next Monday's closing at 18:00
    assert walk.case.first_due_at == walk.now + timedelta(days=1), "what the slip promised stays known"


def test_signing_and_contacting_are_expected_and_missing_them_is_noticed(town: Town) -> None:
    walk = Walk(town).dispatched("housing", "parks", category=NOISE)
    assert {(e.task.role, e.name) for e in walk.case.expectations.select_related("task")} == {
        ("lead", "sign"), ("lead", "contact"), ("helpers", "sign")}
    walk.wait(hours=1)
    walk.does("department", "sign")
    walk.wait(hours=3)  # the office sleeps from 12 to 14: two working hours end at 11
    assert [m for m in walk.lines() if m == "missed"] == ["missed"]
    assert walk.last("missed")["expected"] == "sign" and walk.last("missed")["unit"] == walk.unit("parks")
    walk.does("parks", "sign")  # late, but done
    assert walk.last("sign")["in_time"] is False
    walk.wait(hours=20)
    assert walk.last("missed")["expected"] == "contact"
    walk.wait(days=3)
    assert walk.lines().count("missed") == 2


def test_a_section_has_an_inner_deadline_before_that_of_the_unit(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    early, late = walk.now + timedelta(days=1), walk.now + timedelta(days=30)
    section = walk.unit("heating-section")
    assert "早于" in walk.cannot("department", "assign", section=section, inner_due=late.isoformat())
    assert "本单位下面" in walk.cannot("department", "assign", section=walk.unit("parks"))
    walk.does("department", "assign", section=section, inner_due=early.isoformat())
    assert walk.task("handler").due_at == early < walk.task("lead").due_at
    assert walk.cannot("parks", "assign", section=section)


def test_the_inner_deadline_suggested_is_earlier_than_that_of_the_unit(town: Town) -> None:
    walk = Walk(town).dispatched()
    with clock.at(walk.now):
        offer, = (o for o in offers.available(walk.case, walk.actor("department")) if o.name == "assign")
        suggested = next(f.value for f in forms.bound_fields(offer, walk.case) if f.name == "inner_due")
    due_at = walk.task("lead").due_at
    assert walk.now < datetime.fromisoformat(suggested).replace(tzinfo=clock.CHINA) < due_at
    section = walk.unit("heating-section")
    assert "早于" in walk.cannot("department", "assign", section=section, inner_due=due_at.isoformat())
    walk.does("department", "assign", section=section, inner_due=suggested)
    assert walk.task("handler").due_at < due_at


def test_a_step_is_never_due_after_the_whole_while_that_lies_ahead(town: Town) -> None:
    walk = Walk(town)
    walk.wait(minutes=40)
    walk.dispatched()
    assert walk.task("lead").due_at == walk.case.due_at == MONDAY + timedelta(days=1)
    walk.wait(days=2)
    walk.does("street", "redispatch", lead=walk.unit("parks"), reason="派错了")
    assert walk.task("lead").due_at == walk.now + timedelta(days=1)  # late as a whole: the step has its own time


def test_a_new_inner_dispatch_takes_the_work_from_the_first(town: Town) -> None:
    walk = Walk(town).dispatched("west")
    walk.assigned("west-south", "street").assigned("west-north", "street")
    assert walk.task("handler").unit_id == walk.unit("west-north")
    assert walk.cannot("community_worker", "finish", result="好了", reply="好了")


def test_a_reply_is_reviewed_by_the_leader_never_by_the_asker_and_silence_refuses(town: Town) -> None:
    walk = Walk(town).dispatched()
    walk.does("department", "finish", result="换了", reply="换了阀门")
    assert "等待审核" in walk.cannot("department", "finish", result="换了", reply="换了阀门")
    assert walk.cannot("department", "agree", task=walk.asked) and walk.cannot("parks_leader", "agree", task=walk.asked)
    walk.decides("department_leader", "refuse", reason="没写室温")
    assert walk.stage == "handling" and walk.case.entries.get(action="finish").state == "refused"
    walk.does("department", "finish", result="换了", reply="室温 20 度")
    walk.wait(hours=5, minutes=59)
    assert walk.case.tasks.filter(kind="approval", done_at=None).exists()
    walk.wait(minutes=2)  # four working hours, two of them slept at noon
    assert not walk.case.tasks.filter(kind="approval", done_at=None).exists()
    assert walk.stage == "handling" and walk.lines()[-1] == "finish.refuse"


def test_a_leader_does_not_review_his_own_reply_it_goes_one_up_or_cannot_be_given(town: Town) -> None:
    walk = Walk(town).dispatched("west-south")
    walk.does("community", "finish", result="好了", reply="好了")
    assert walk.asked.unit_id == walk.unit("west")
    walk.decides("street_leader", "agree")
    other = Walk(town).dispatched()
    assert "没有能审核的人" in other.cannot("department_leader", "finish", result="好了", reply="好了")


def test_the_evidence_is_what_the_category_asks_and_no_more(town: Town) -> None:
    walk = Walk(town, "路边暴露垃圾").dispatched("west-south", category=RUBBISH)
    assert "照片" in walk.cannot("community_worker", "finish", result="清了", reply="清了")
    town.categories["200102"].evidence = "document"
    town.categories["200102"].save()
    assert "PDF、Word 或 Excel），照片不算" in walk.cannot("community_worker", "finish", result="清了", reply="清了")
    other = Walk(town).dispatched()
    other.does("department", "finish", result="好了", reply="好了")
    assert other.asked


def test_helpers_finish_their_own_part_and_never_end_the_stage(town: Town) -> None:
    walk = Walk(town).dispatched("west", "west-south", "parks")
    walk.does("community_worker", "help_done", result="看过了")
    assert walk.stage == "handling"
    walk.does("parks", "excuse", return_code="not_mine", reason="不归我们管")
    walk.decides("district", "agree")  # the street handles it itself
    assert walk.desks() == {("lead", "西街街道办事处")}
    walk.does("street", "call_in", helpers=[walk.unit("heating")])
    assert ("helpers", "暖阳供热公司") in walk.desks()
    walk.does("street", "finish", result="好了", reply="好了")
    walk.decides("street_leader", "agree")
    assert walk.stage == "confirming" and not walk.case.tasks.filter(done_at=None, role="helpers").exists()


@pytest.mark.parametrize("who", ["street", "east", "community", "grid", "parks", "checker", "section"])
def test_only_the_unit_asked_signs(town: Town, who: str) -> None:
    walk = Walk(town).dispatched()
    assert walk.cannot(who, "sign")


def test_somebody_elses_task_id_does_not_help(town: Town) -> None:
    walk, other = Walk(town).dispatched(), Walk(town).dispatched("parks")
    assert walk.cannot("department", "sign", task=other.task("lead"))
    assert other.cannot("department", "sign", task=other.task("lead"))
    assert other.cannot("department", "finish", task=other.task("lead"), result="好了", reply="好了")


def test_a_dispatch_is_taken_back_within_sixty_seconds_unless_it_was_signed(town: Town) -> None:
    walk = Walk(town).dispatched()
    walk.wait(seconds=50)
    walk.does("street", "take_back")
    assert walk.stage == "dispatching" and walk.unit("housing") not in walk.case.unit_ids
    assert walk.case.fields["lead"] is None
    walk.does("street", "dispatch", lead=walk.unit("parks"))
    walk.wait(seconds=61)
    assert walk.cannot("street", "take_back")
    walk.does("street", "redispatch", lead=walk.unit("housing"), reason="派错了")
    walk.does("department", "sign")
    assert walk.cannot("street", "take_back")


def test_the_district_sees_what_a_street_has_to_dispatch(town: Town) -> None:
    walk = Walk(town).accepted()
    assert walk.unit("centre") in walk.case.unit_ids


def test_an_act_on_a_case_that_moved_on_says_so(town: Town) -> None:
    walk = Walk(town).confirming()
    assert "处理过" in walk.cannot("department", "sign")
    walk.does("reporter", "rate", solved="solved", satisfied="4")
    assert "处理过" in walk.cannot("reporter", "rate", solved="solved", satisfied="4")
    assert walk.offers("reporter") == walk.offers("operator") == []


def test_a_reporter_has_his_own_buttons_only(town: Town) -> None:
    walk = Walk(town)
    assert walk.offers("reporter") == ["urge", "withdraw", "comment", "attach"]
    walk.confirming()
    assert walk.offers("reporter") == ["rate", "redo", "comment", "attach"]
    assert "support" not in walk.offers("operator")


def test_a_request_in_another_process_version_keeps_the_one_it_began_with(town: Town) -> None:
    walk = Walk(town)
    text = ProcessVersion.objects.get().text
    newer = flow.publish(text.replace('title    = "待受理"', 'title    = "等受理"'))
    assert newer.version == 2 and flow.publish(newer.text).pk == newer.pk
    assert walk.case.version.version == 1 and Walk(town).case.version.version == 2
    walk.accepted(COLD)
