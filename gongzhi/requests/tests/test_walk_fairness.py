"""Who is kept from what, who decides about whom, and which clocks run: the holes a careful reader found."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from conftest import Town
from gongzhi.base import clock
from gongzhi.flow import checks, registry
from gongzhi.flow.definition import Faulty
from gongzhi.org.models import Appointment, Post
from gongzhi.requests import actions as requests
from gongzhi.requests import queries as matters
from gongzhi.requests import rules
from gongzhi.requests.models import Rating
from gongzhi.requests.tests.walking import COLD, MANNERS, NOISE, RUBBISH, Walk

RETURN = {"return_code": "not_mine", "reason": "不属于我局职责"}
UNSOLVED = {"solved": "unsolved", "satisfied": "2", "reason": "还是不热"}
GOOD = {"solved": "solved", "satisfied": "5"}
FILE = Path(__file__).parents[3] / "processes" / "request.toml"


def also_holds(town: Town, who: str, unit: str, post: str = "handler") -> None:
    row, _ = Post.objects.get_or_create(unit=town.units[unit], name=post, place=None)
    Appointment.objects.create(post=row, person=town.people[who], from_date=date(2020, 1, 1))


def expected(walk: Walk) -> set[tuple[str, str]]:
    return {(e.task.role, e.name) for e in walk.case.expectations.select_related("task")}


# Who has handled ------------------------------------------------------------------------------------------------------


def test_a_unit_that_once_led_reads_no_rating_and_enters_no_call_back(town: Town) -> None:
    also_holds(town, "operator2", "housing")
    walk = Walk(town).dispatched()
    walk.does("street", "redispatch", lead=walk.unit("parks"), reason="派错了")
    walk.finished("parks", "parks_leader").does("reporter", "redo", **UNSOLVED)
    for who in ("department", "section", "parks"):
        (redo,) = [e for e in matters.entries_for(walk.actor(who).standing, walk.case) if e.action == "redo"]
        assert redo.values == {"reason": "还是不热"}, who
    walk.finished("parks", "parks_leader")
    assert walk.case.due_at
    walk.wait(until=walk.case.due_at)
    assert "回避" in walk.cannot("operator2", "called", **GOOD)
    walk.does("operator", "called", **GOOD)


def test_a_unit_the_case_was_taken_back_from_within_its_minute_never_handled_it(town: Town) -> None:
    walk = Walk(town).dispatched()
    walk.does("street", "take_back")
    assert not matters.handles(walk.actor("department").standing, walk.case)


def test_a_designation_goes_with_the_unit_it_was_said_to(town: Town) -> None:
    walk = Walk(town).accepted(NOISE)
    walk.does("street_leader", "designate", lead=walk.unit("parks"), reason="职责清楚")
    assert walk.case.flags == ["designated"]
    walk.does("street", "take_back")
    assert walk.case.flags == []
    walk.does("street_leader", "designate", lead=walk.unit("parks"), reason="职责清楚")
    walk.does("street", "redispatch", lead=walk.unit("housing"), reason="派错了")
    assert walk.case.flags == []
    walk.does("department", "return", **RETURN)


def test_a_redo_is_not_taken_back_within_its_minute(town: Town) -> None:
    walk = Walk(town).confirming()
    walk.does("reporter", "redo", **UNSOLVED)
    assert walk.cannot("street", "take_back") and "take_back" not in walk.offers("street")


def test_nothing_is_handed_to_a_unit_in_which_nobody_works(town: Town) -> None:
    town.unit("empty", "department", "district", "区档案局", "government", "district")
    town.unit("empty-section", "section", "", "档案科", "housing", "district")
    walk = Walk(town).accepted()
    assert "区档案局现在没有人在岗" in walk.cannot("street", "dispatch", lead=walk.unit("empty"))
    assert "没有人在岗" in walk.cannot("street", "dispatch", lead=walk.unit("housing"), helpers=[walk.unit("empty")])
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    assert "没有人在岗" in walk.cannot("street", "call_in", helpers=[walk.unit("empty")])
    later = (walk.now + timedelta(hours=3)).isoformat()
    assert "没有人在岗" in walk.cannot("department", "assign", section=walk.unit("empty-section"), inner_due=later)


# Who decides ----------------------------------------------------------------------------------------------------------


def test_a_street_that_leads_is_not_given_more_time_by_its_own_dispatcher(town: Town) -> None:
    also_holds(town, "community", "west", "dispatcher")
    walk = Walk(town).dispatched("west", category=NOISE)
    walk.does("street", "extend", reason="等配件", days=3)
    assert (walk.asked.unit_id, walk.asked.post) == (walk.unit("centre"), "dispatcher")
    walk.decides("district", "agree")
    until = (walk.now + timedelta(days=2)).isoformat()
    walk.does("street", "hold", reason="业主外出", until=until)
    assert walk.asked.unit_id == walk.unit("centre") and not walk.case.held_at
    walk.decides("district", "agree")
    assert walk.case.held_at


def test_a_helper_is_not_excused_by_its_own_dispatcher(town: Town) -> None:
    walk = Walk(town).dispatched("housing", "west")
    walk.does("street", "excuse", **RETURN)
    assert walk.asked.unit_id == walk.unit("centre")


def test_no_more_time_is_asked_for_once_it_has_run_out(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    assert walk.case.due_at
    walk.wait(until=walk.case.due_at + timedelta(minutes=1))
    assert "已经超期" in walk.cannot("department", "extend", reason="等配件", days=3)


def test_more_time_for_a_redo_does_not_make_a_late_case_one_in_time(town: Town) -> None:
    walk = Walk(town).confirming()
    due = walk.case.due_at
    assert due
    walk.wait(until=due - timedelta(hours=1))
    walk.does("reporter", "redo", **UNSOLVED)
    walk.wait(hours=2)
    stage_due = walk.task("lead").due_at
    assert stage_due and stage_due > walk.now > due
    walk.does("department", "extend", reason="等配件", days=3)
    walk.decides("street", "agree")
    assert walk.case.due_at == due and walk.task("lead").due_at > stage_due  # type: ignore[operator]


def test_an_objection_waits_for_a_person_and_the_head_hears_that_it_does(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    for _ in range(2):
        walk.does("department", "return", **RETURN)
        walk.decides("street", "refuse", reason="属于你局职责")
    walk.news()
    walk.does("department", "appeal", **RETURN)
    walk.wait(days=4)
    assert walk.asked and "appeal.refuse" not in walk.lines() and "limit:appeals" not in walk.case.counts
    assert "supervised" in walk.case.flags
    told = {(n.person_id, n.title) for n in walk.news()}
    reviewer, chief = town.people["reviewer"].pk, town.people["chief"].pk
    assert {(reviewer, "审核快到期了"), (reviewer, "审核已超期"), (chief, "审核已超期")} <= told
    walk.decides("reviewer", "agree", opinion="确有争议")
    assert walk.stage == "hard"


def test_whoever_is_asked_is_reminded_before_silence_decides(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    walk.does("department", "extend", reason="等配件", days=3)
    walk.news()
    walk.wait(hours=5, minutes=30)  # 9 to 12, and 14 to 14.30: three and a half of four working hours
    assert [(n.person_id, n.title) for n in walk.news() if n.title == "审核快到期了"] == [
        (town.people["street"].pk, "审核快到期了")]
    walk.wait(hours=1)
    assert walk.lines().count("extend.refuse") == 1


# Clocks ---------------------------------------------------------------------------------------------------------------


def test_a_lead_community_does_not_sign_for_its_street(town: Town) -> None:
    walk = Walk(town).dispatched("west-south", "west")
    walk.does("community", "sign")
    walk.wait(hours=6)
    assert [m["unit"] for m in walk.all("missed")] == [walk.unit("west")]


def test_who_cannot_call_is_not_expected_to(town: Town) -> None:
    assert expected(Walk(town, phone="").dispatched(category=NOISE)) == {("lead", "sign")}
    outside = Walk(town).dispatched("heating")
    assert expected(outside) == {("lead", "sign"), ("operator", "contact")}, "outside handlers have no number"
    hidden = Walk(town).accepted(NOISE, hide_reporter="1")
    hidden.does("street", "dispatch", lead=hidden.unit("housing"))
    complaint = Walk(town, "社区干事态度恶劣，我要投诉").accepted(MANNERS, summary="反映作风问题")
    complaint.does("street", "dispatch", lead=complaint.unit("housing"))
    for walk in (hidden, complaint):
        assert expected(walk) == {("lead", "sign"), ("operator", "contact")}
        assert walk.cannot("department", "contact", contact_note="已联系")


def test_the_hotline_calls_for_the_lead(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    walk.does("operator", "contact", contact_note="已联系")
    assert walk.last("contact")["in_time"] is True
    walk.wait(days=2)
    assert [m["expected"] for m in walk.all("missed")] == ["sign"]


def test_a_section_has_no_clock_of_its_own_for_a_call_the_lead_has_made(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    walk.does("department", "sign")
    walk.does("department", "contact", contact_note="已联系")
    walk.assigned().does("section", "sign")
    walk.wait(days=3)
    assert "missed" not in walk.lines()
    other = Walk(town).dispatched(category=NOISE).assigned()
    other.does("section", "contact", contact_note="已联系")
    assert other.last("contact")["in_time"] is True, "what the section does counts for its unit"


def test_a_call_is_no_evidence_for_whom_the_number_is_not_shown(town: Town) -> None:
    town.categories[COLD].evidence = "call"
    town.categories[COLD].save()
    outside = Walk(town).dispatched("heating")
    outside.does("heating", "sign")
    assert outside.cannot("heating", "contact", contact_note="已联系")
    outside.does("heating", "finish", result="已修好", reply="已修好")
    inside = Walk(town).dispatched()
    inside.does("department", "sign")
    assert "先记录联系诉求人" in inside.cannot("department", "finish", result="已修好", reply="已修好")


def test_a_call_is_no_evidence_where_there_is_no_number(town: Town) -> None:
    town.categories[COLD].evidence = "call"
    town.categories[COLD].save()
    assert "联系" in Walk(town).dispatched().cannot("department", "finish", result="好了", reply="好了")
    Walk(town, phone="").dispatched().finished()


def test_the_section_and_the_lead_are_reminded_of_an_inner_deadline(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    assert walk.cannot("department", "assign", section=walk.unit("heating-section")), "without an inner deadline"
    walk.does("department", "sign")
    walk.does("department", "contact", contact_note="已联系")
    walk.assigned(hours=31).does("section", "sign")  # until tomorrow 16:00
    walk.news()
    walk.wait(hours=32)
    assert [(m["at"], m["kind"]) for m in walk.all("remind")] == [("80%", "inner"), ("100%", "inner")]
    told = {n.person_id for n in walk.news() if n.title == "内部期限提醒"}
    assert told == {town.people[who].pk for who in ("section_leader", "department", "department_leader")}
    assert "late" not in walk.lines()
    walk.does("department", "interim", note="继续办理")
    walk.wait(until=walk.case.due_at)
    assert "late" in walk.lines(), "the ladder of the stage runs on"


def test_a_section_that_is_changed_leaves_the_stages_ladder_where_it_was(town: Town) -> None:
    walk = Walk(town).dispatched("west", "parks", category=NOISE)
    walk.assigned("west-south", "street", hours=7).assigned("west-north", "street", hours=8)
    ladders = {t.role: len(t.ladder) for t in walk.case.tasks.filter(done_at=None)}
    assert ladders == {"lead": 3, "helpers": 0, "handler": 2}


def test_every_desk_is_reminded_before_it_is_late() -> None:
    process = checks.load(FILE.read_text())
    working = [s for s in process.stages.values() if s.deadline and s.name != "confirming"]
    assert [s.late[0].at for s in working] == ["80%"] * len(working)


# What was promised ----------------------------------------------------------------------------------------------------


def test_what_was_promised_stays_known_and_a_new_date_is_told(town: Town) -> None:
    walk = Walk(town)
    promised = walk.case.due_at
    walk.news()
    walk.accepted(NOISE)
    assert walk.case.first_due_at == promised and walk.case.due_at > promised  # type: ignore[operator]
    (text,) = [n for n in walk.news() if n.title == "时限有调整"]
    assert "3月9日 18:00" in text.words
    same = Walk(town).accepted(COLD)
    assert not [n for n in same.news() if n.title == "时限有调整"]


def test_accepting_again_gives_no_more_time(town: Town) -> None:
    walk = Walk(town).accepted(COLD)
    due = walk.case.due_at
    walk.does("street", "send_back", reason="类别不对")
    walk.accepted(NOISE)
    assert walk.case.due_at == due and walk.case.standard == "24h calendar"
    walk.does("street", "send_back", reason="类别不对")
    walk.accepted(RUBBISH)
    assert walk.case.due_at < due  # type: ignore[operator]


# Ends -----------------------------------------------------------------------------------------------------------------


def test_what_is_unsolved_is_done_again_while_it_can_be(town: Town) -> None:
    walk = Walk(town).confirming()
    assert "没解决，请重办" in walk.cannot("reporter", "rate", solved="unsolved", satisfied="1")
    assert walk.case.due_at
    walk.wait(until=walk.case.due_at)
    assert "未解决重办" in walk.cannot("operator", "called", solved="unsolved", satisfied="1")
    assert walk.cannot("reporter", "rate", solved="unsolved", satisfied="1")
    for _ in range(3):
        walk.does("reporter", "redo", **UNSOLVED)
        walk.finished()
    walk.does("reporter", "rate", solved="unsolved", satisfied="1")


def test_the_link_stays_open_while_a_checker_is_on_his_way(town: Town) -> None:
    def in_checking() -> Walk:
        walk = Walk(town, phone="").confirming()
        assert walk.case.due_at
        walk.wait(until=walk.case.due_at)
        assert walk.stage == "checking"
        return walk

    walk = in_checking()
    walk.does("reporter", "rate", **GOOD)
    assert walk.case.rating.by == "reporter"
    again = in_checking()
    again.does("reporter", "redo", **UNSOLVED)
    assert again.stage == "handling" and again.case.counts["limit:redo"] == 1
    found = Walk(town, "垃圾没清", by=town.actor("grid"), channel="grid", phone="")
    found.dispatched("parks", category=COLD).finished("parks", "parks_leader")
    found.wait(until=found.case.due_at)
    assert found.cannot("reporter", "rate", **GOOD)


def test_of_what_staff_wrote_down_for_others_a_sample_is_asked_by_the_hotline(
        town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "is_sampled", lambda case_id, one_in: True)
    Walk(town).confirming().does("reporter", "rate", **GOOD)
    walk = Walk(town, by=town.actor("grid"), channel="grid", on_behalf=True).confirming()
    assert "热线会打电话" in walk.cannot("reporter", "rate", **GOOD)
    assert walk.case.due_at
    walk.wait(until=walk.case.due_at)
    walk.does("checker", "checked", checked="fixed", note="已热")
    assert walk.stage == "calling" and walk.cannot("reporter", "rate", **GOOD)
    walk.does("operator", "called", **GOOD)
    silent = Walk(town, by=town.actor("grid"), channel="grid", on_behalf=True, phone="").confirming()
    silent.wait(until=silent.case.due_at)
    assert silent.stage == "checking" and silent.cannot("reporter", "rate", **GOOD)
    silent.does("checker", "archive", checked="fixed", note="已热")
    assert Rating.objects.count() == 2


def test_only_a_question_is_answered_at_once(town: Town) -> None:
    walk = Walk(town)
    assert "只有咨询" in walk.cannot("operator", "answer", answer="已说明")
    assert "只有咨询" in walk.cannot("operator", "answer", answer="已说明", kind="complain")
    walk.does("operator", "answer", answer="已说明", kind="consult")


@pytest.mark.parametrize(("action", "form"), [
    ("outside", {"channel": "消费者协会", "told": "____"}),
    ("emergency", {"emergency_line": "110", "time_told": "请拨____"}),
    ("answer", {"kind": "consult", "answer": "请到____办理"}),
])
def test_no_resident_reads_a_text_with_a_gap(town: Town, action: str, form: dict[str, str]) -> None:
    assert "还有没填的空" in Walk(town).cannot("operator", action, **form)
    assert "还有没填的空" in Walk(town).dispatched().cannot("department", "finish", result="____", reply="____")


def test_a_wrong_unit_complained_of_is_taken_back_with_the_level_it_raised(town: Town) -> None:
    walk = Walk(town).accepted(MANNERS, summary="反映作风问题", about_unit=town.units["west"].pk)
    assert (walk.case.level, bool(walk.case.about_units)) == ("district", True)
    walk.does("district", "send_back", reason="不是投诉")
    walk.accepted(MANNERS, kind="complain", summary="反映作风问题")
    assert walk.case.about_units, "a form without the field leaves it"
    walk.does("district", "send_back", reason="不是投诉")
    walk.accepted(MANNERS, kind="help", about_unit="")
    assert (walk.case.level, walk.case.about_units) == ("street", [])
    assert walk.desks() == {("dispatcher", "西街街道办事处")}
    walk.does("street", "send_back", reason="是投诉社区")
    walk.accepted(MANNERS, summary="反映作风问题", about_unit=town.units["west-south"].pk)
    assert walk.case.level == "street" and walk.case.about_units


def test_those_who_met_it_too_follow_a_merged_case_and_do_not_hear_that_it_is_done(town: Town) -> None:
    walk, twin = Walk(town).dispatched(), Walk(town, phone="13800002222").accepted()
    with clock.at(walk.now):
        for device, phone in (("a", "13900003333"), ("b", "")):
            requests.join(twin.case, device=device, phone=phone)
        requests.join(walk.case, device="b")
    walk.news(), twin.news()
    twin.does("street", "merge", same_case=walk.case.code)
    assert sorted((n.number, n.title) for n in twin.news()) == [("13800002222", "合并办理"), ("13900003333", "合并办理")]
    assert walk.case.supporters.count() == 3  # a, b once, and who reported the twin
    walk.finished()
    told = {n.number for n in walk.news() if n.title == "有进展" and "已办完" in n.words}
    assert told == {"13900003333"}
    assert [(n.number, n.title) for n in twin.news() if n.number == "13800002222"] == [("13800002222", "请评价")]


def test_what_is_withdrawn_is_not_said_to_be_done(town: Town) -> None:
    walk = Walk(town).accepted()
    with clock.at(walk.now):
        requests.join(walk.case, device="a", phone="13900003333")
    walk.news()
    walk.does("reporter", "withdraw")
    assert ["已撤回" in n.words and "已办完" not in n.words for n in walk.news()] == [True]


# Without a phone ------------------------------------------------------------------------------------------------------


def test_rights_4_11_every_act_of_a_resident_has_a_twin_without_a_phone(town: Town) -> None:
    def by_the_clerk(**more: str) -> Walk:
        return Walk(town, by=town.actor("operator"), channel="window", **more)

    walk = by_the_clerk()  # told at the window
    walk.does("operator", "comment", note="三楼也不热", on_behalf="1")
    assert walk.case.entries.get(action="comment").values["on_behalf"] is True
    walk.dispatched()
    walk.does("operator", "urge")
    assert walk.last("urge")["on_behalf"] is True and walk.last("urge")["stage"] == "handling"
    with clock.at(walk.now):
        assert matters.slip(walk.case).code == walk.case.code
    walk.finished()
    for who in ("department", "department_leader", "street", "community"):
        assert walk.cannot(who, "called", **GOOD)
    walk.does("operator", "redo", **UNSOLVED)
    assert walk.case.fields["public"] == "redoing"
    walk.finished()
    assert "请重办" in walk.cannot("operator", "called", solved="unsolved", satisfied="1")
    walk.does("operator", "called", said="谢谢", **GOOD)
    assert (walk.case.rating.by, walk.case.entries.get(action="called").stage) == ("callback", "confirming")
    with clock.at(walk.now):
        requests.change_rating(walk.case, solved="partly", satisfied=3, said="", by=walk.actor("operator"))
        requests.press_reported(walk.case, by=walk.actor("operator"))

    with clock.at(walk.now):
        assert requests.join(by_the_clerk().case, device="13900003333", phone="13900003333").pk

    taken_back = by_the_clerk()
    taken_back.news()
    taken_back.does("operator", "withdraw")
    assert taken_back.stage == "withdrawn" and taken_back.last("withdraw")["on_behalf"] is True
    assert ["不是您要求的" in n.words for n in taken_back.news()] == [True], "nobody withdraws it behind his back"
    for who in ("street", "community", "grid"):
        assert by_the_clerk().cannot(who, "withdraw")
    asked = by_the_clerk(words="请问居住证怎么办")
    asked.does("operator", "answer", answer="带身份证到社区办理。")



# The file -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ['watch = ["district"]', "raise = true", 'expects = { accept = "1h" }'])
def test_a_file_with_a_start_that_intake_would_pass_over_is_not_published(town: Town, line: str) -> None:
    text = FILE.read_text().replace("[stages.receiving]\n", f"[stages.receiving]\n{line}\n")
    known = checks.Known(registry.fields, registry.conditions, None, registry.demands, registry.done)
    with pytest.raises(Faulty, match="登记时不会照办"):
        checks.load(text, known)


def test_a_report_is_due_to_be_read_within_the_whole(town: Town) -> None:
    town.categories[COLD].limit = "1h calendar"
    town.categories[COLD].save()
    walk = Walk(town)
    assert walk.task("operator").due_at == walk.case.due_at == walk.now + timedelta(hours=1)

