"""Rights 4.11: where those who handle a matter may not ring its reporter, the hotline must, by the same clock.

And where the centre itself leads: who decides, rings and checks then sits one level up.
"""

from datetime import timedelta

import pytest

from conftest import Town
from gongzhi.base import clock, files
from gongzhi.desk import queries as desk
from gongzhi.desk.rules import Filter
from gongzhi.flow import offers
from gongzhi.flow.models import Attachment, Task
from gongzhi.requests import access
from gongzhi.requests.tests.walking import MANNERS, NOISE, PAPER, Walk

LANDLINE = "04711234567"
GOOD = {"solved": "solved", "satisfied": "5"}


def complaint(town: Town, about: str = "", lead: str = "housing", by: str = "street", **more: str) -> Walk:
    walk = Walk(town, "社区干事态度恶劣，我要投诉", **more)
    unit = {"about_unit": walk.unit(about)} if about else {}
    walk.accepted(MANNERS, kind="complain", summary="反映作风问题", **unit)
    walk.does(by, "dispatch", lead=walk.unit(lead))
    return walk


def hidden(town: Town) -> Walk:
    walk = Walk(town).accepted(NOISE, hide_reporter="1")
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    return walk


def outside(town: Town, **more: str) -> Walk:
    return Walk(town, **more).dispatched("heating", category=NOISE)


def duties(walk: Walk) -> list[tuple[str, str]]:
    open_ones = walk.case.tasks.filter(kind="duty", done_at=None).select_related("unit")
    return [(t.unit.name if t.unit else "", t.post) for t in open_ones]


def one_above(town: Town) -> None:
    """Give the district's government posts of its own, above those of its centre."""
    for post in ("operator", "dispatcher", "reviewer", "checker"):
        town.person(f"above_{post}", f"区政府{post}", ("government", post))


# The first contact ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [complaint, hidden, outside])
def test_whom_the_number_is_kept_from_the_hotline_must_ring_for_within_the_same_time(town: Town, kept: object) -> None:
    walk: Walk = kept(town)  # type: ignore[operator]
    assert duties(walk) == [("区接诉即办中心", "operator")]
    assert walk.task("operator").due_at == walk.now + timedelta(hours=24)
    standing = walk.actor("operator").standing
    with clock.at(walk.now):
        (row,) = desk.page(standing, Filter(view="contacting")).rows
        assert (row.code, row.stage, row.due_at) == (walk.case.code, "登记联系", walk.task("operator").due_at)
        assert desk.counts(standing)["contacting"] == 1 and access.may_ask_phone(standing, walk.case)
    walk.does("operator", "contact", task=walk.task("operator"), contact_note="已说明由谁办理")
    assert walk.last("contact")["in_time"] is True and not duties(walk)
    with clock.at(walk.now):
        assert desk.page(standing, Filter(view="contacting")).rows == []
    walk.wait(days=3)
    assert "contact" not in {m["expected"] for m in walk.all("missed")}


def test_the_duty_is_reminded_of_and_missed_like_any_other(town: Town) -> None:
    walk = complaint(town)
    walk.news()
    walk.wait(hours=20)
    reminded = [n for n in walk.news() if n.title == "快到期了"]
    assert {n.person_id for n in reminded} == {town.people["operator"].pk, town.people["operator2"].pk}
    walk.wait(hours=5)
    (missed,) = [m for m in walk.all("missed") if m["expected"] == "contact"]
    assert missed["unit"] == walk.unit("centre")
    told = {n.person_id for n in walk.news() if n.title == "没有按时登记联系"}
    assert told == {town.people["chief"].pk}, "the head of the centre, not the unit that leads"
    walk.does("operator", "contact", contact_note="已联系")
    assert walk.last("contact")["in_time"] is False and not duties(walk)


def test_no_number_no_duty_and_none_where_the_lead_may_ring_itself(town: Town) -> None:
    assert duties(complaint(town, phone="")) == [] == duties(outside(town, phone=""))
    assert duties(Walk(town).dispatched(category=NOISE)) == []


def test_another_lead_who_may_ring_frees_the_hotline(town: Town) -> None:
    walk = outside(town)
    walk.does("street", "redispatch", lead=walk.unit("housing"), reason="由住建局办")
    assert not duties(walk) and "contact" in walk.offers("department")


def test_a_redo_is_rung_about_again(town: Town) -> None:
    walk = complaint(town)
    walk.does("operator", "contact", contact_note="已联系")
    walk.finished().does("reporter", "redo", solved="unsolved", satisfied="2", reason="没有改")
    assert duties(walk) == [("区接诉即办中心", "operator")]


def test_on_hold_the_time_for_the_call_stands_still_and_more_time_for_the_work_moves_it_not(town: Town) -> None:
    walk = outside(town)
    due = walk.task("operator").due_at
    assert due
    walk.does("heating", "extend", reason="等配件", days=3)
    walk.decides("street", "agree")
    assert walk.task("operator").due_at == due
    walk.does("street", "hold", reason="业主外出", until=(walk.now + timedelta(days=2)).isoformat())
    walk.decides("street_leader", "agree")
    walk.wait(days=2)
    assert walk.task("operator").due_at == due + timedelta(days=2)


def test_the_people_a_complaint_is_about_never_get_the_duty(town: Town) -> None:
    one_above(town)
    about_community = complaint(town, "west-south")
    assert duties(about_community) == [("区接诉即办中心", "operator")]
    about_centre = complaint(town, "centre", by="above_dispatcher")
    assert duties(about_centre) == [("试验区人民政府", "operator")]
    assert about_centre.cannot("operator", "contact", contact_note="已联系") == "没有找到这件事。"
    assert not desk.tasks(about_centre.actor("operator").standing, Filter()).filter(case=about_centre.case).exists()
    about_centre.does("above_operator", "contact", contact_note="已联系")
    assert not duties(about_centre)


def test_the_centre_that_leads_a_complaint_rings_by_its_own_operators(town: Town) -> None:
    walk = complaint(town, lead="centre")
    assert duties(walk) == [("区接诉即办中心", "operator")]
    with clock.at(walk.now):
        offered = offers.available(walk.case, walk.actor("operator"))
    assert [o.task_id for o in offered if o.name == "contact"] == [walk.task("operator").pk]
    walk.does("operator", "contact", contact_note="已联系")
    assert not duties(walk) and walk.last("contact")["in_time"] is True


# The answer -----------------------------------------------------------------------------------------------------------


def test_who_gets_no_text_is_told_the_answer_by_phone_at_once(town: Town) -> None:
    walk = Walk(town, phone=LANDLINE).confirming(category=NOISE)
    walk.wait(minutes=1)
    assert walk.stage == "calling" and walk.desks() == {("caller_back", "区接诉即办中心")}
    walk.does("operator", "called", **GOOD)
    assert walk.stage == "archived"


def test_who_has_no_link_is_told_at_once_where_those_who_handled_it_may_not_ring(town: Town) -> None:
    walk = complaint(town, by="street", channel="phone").finished()
    walk.wait(minutes=1)
    assert walk.stage == "calling"
    followed = complaint(town).finished()  # reported by the page: its link tells
    followed.wait(minutes=1)
    assert followed.stage == "confirming" and followed.case.due_at
    followed.wait(until=followed.case.due_at)
    assert followed.stage == "calling", "who did not rate is rung from the deadline on, whoever handled it"
    plain = Walk(town, channel="phone").confirming(category=NOISE)
    plain.wait(minutes=1)
    assert plain.stage == "confirming"


def test_what_is_explained_is_told_too(town: Town) -> None:
    walk = Walk(town, phone=LANDLINE).dispatched(category=NOISE)
    for _ in range(3):
        walk.finished()
        walk.wait(minutes=1)
        walk.does("operator", "redo", solved="unsolved", satisfied="2", reason="还是吵")
    walk.finished()
    walk.wait(minutes=1)
    walk.does("operator", "hard", solved="unsolved", satisfied="2", reason="还是吵")
    paper = Attachment(file=files.store_document(PAPER), kind="document", name="a.pdf")
    walk.does("chief", "explain", explanation="依法不能解决，原因如下。", files=[paper])
    walk.decides("reviewer", "agree")
    walk.wait(minutes=1)
    assert walk.stage == "calling"


# Where the centre leads -----------------------------------------------------------------------------------------------


def twice_refused(town: Town) -> Walk:
    """A request the centre leads, whose two returns were refused."""
    walk = Walk(town).dispatched("centre", category=NOISE)
    for _ in range(2):
        walk.does("district", "return", return_code="not_mine", reason="不属于中心职责")
        walk.decides(who_decides(walk), "refuse", reason="属于中心职责")
    return walk


def who_decides(walk: Walk) -> str:
    asked: Task = walk.asked
    held = {"leader": "mayor", "reviewer": "above_reviewer", "dispatcher": "above_dispatcher"}
    return held[asked.post] if asked.unit_id == walk.unit("government") else "street"


def test_where_the_centre_leads_an_objection_is_decided_above_it(town: Town) -> None:
    town.person("mayor", "区长", ("government", "leader"))
    walk = twice_refused(town)
    walk.does("district", "appeal", return_code="not_mine", reason="不属于中心职责")
    assert (walk.asked.unit_id, walk.asked.post) == (walk.unit("government"), "leader")
    assert walk.cannot("reviewer", "agree", task=walk.asked)
    walk.decides("mayor", "agree", opinion="确有争议")
    assert walk.stage == "hard"


def test_a_reviewer_of_the_government_is_asked_before_its_leader(town: Town) -> None:
    town.person("mayor", "区长", ("government", "leader"))
    one_above(town)
    walk = twice_refused(town)
    walk.does("district", "appeal", return_code="not_mine", reason="不属于中心职责")
    assert (walk.asked.unit_id, walk.asked.post) == (walk.unit("government"), "reviewer")
    walk.decides("above_reviewer", "agree")
    other = Walk(town).dispatched(category=NOISE)
    assert other.case.tasks.get(role="lead").unit_id == other.unit("housing")
    other.does("department", "extend", reason="等配件", days=3)
    assert other.asked.unit_id == other.unit("west"), "of others the usual desk decides"


def test_where_the_centre_leads_the_call_back_and_the_check_are_not_its_own(town: Town) -> None:
    one_above(town)
    walk = Walk(town).dispatched("centre", category=NOISE)
    walk.finished("district", "chief")
    assert walk.case.due_at
    walk.wait(until=walk.case.due_at)
    assert walk.desks() == {("caller_back", "试验区人民政府")}
    assert walk.cannot("operator", "called", **GOOD)
    assert "called" in walk.offers("above_operator")
    walk.does("above_operator", "called", **GOOD)
    assert walk.stage == "archived"
    unreachable = Walk(town, phone="").dispatched("centre", category=NOISE)
    unreachable.finished("district", "chief")
    assert unreachable.case.due_at
    unreachable.wait(until=unreachable.case.due_at)
    assert unreachable.desks() == {("checker", "试验区人民政府")}
    unreachable.does("above_checker", "archive", checked="fixed", note="已核实")
