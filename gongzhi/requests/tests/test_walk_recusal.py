"""Rights 4.1 and 4.2: a complaint is out of reach of those it is about, and its original of those who handle it."""

from datetime import date, timedelta

import pytest
from django.http import Http404
from django.test import Client
from pytest_django import Settings

from conftest import MONDAY, Town
from gongzhi.base import clock, codes, files
from gongzhi.base.errors import Refused
from gongzhi.flow import access as doors
from gongzhi.flow import queries as flow
from gongzhi.flow.models import Attachment, Case
from gongzhi.notify import actions as notify
from gongzhi.notify import channels
from gongzhi.notify import queries as inbox
from gongzhi.notify.models import Notice
from gongzhi.org.models import Appointment, Post
from gongzhi.requests import access, queries
from gongzhi.requests import actions as requests
from gongzhi.requests.tests.walking import MANNERS, Walk

WORDS = "西南社区干事态度恶劣，我要投诉"
CONCERNED = ["community", "community_worker", "grid", "department2"]
FREE = ["district", "chief", "reviewer", "operator", "street"]


@pytest.fixture
def complaint(town: Town) -> Walk:
    """A complaint about the south community, accepted; department2 works for housing and for that community too."""
    town.person("department2", "兼职员", ("housing", "liaison"), ("west-south", "handler"))
    return Walk(town, WORDS).accepted(MANNERS, kind="complain", summary="反映社区工作人员态度问题",
                                      about_unit=town.units["west-south"].pk)


def test_it_rises_at_least_one_level(town: Town) -> None:
    levels = {}
    for unit, expected in {
        "west-south-1": "street", "west-south": "street", "west": "district", "housing": "district",
        "heating-section": "district", "heating": "street",
    }.items():
        walk = Walk(town, WORDS).accepted(MANNERS, summary="反映作风问题", about_unit=town.units[unit].pk)
        levels[unit] = walk.case.level
        assert levels[unit] == expected, unit
        assert walk.case.request.kind == "complain"
    street = Walk(town, WORDS).accepted(MANNERS, summary="反映作风问题", about_unit=town.units["west"].pk)
    assert street.desks() == {("dispatcher", "区接诉即办中心")}


def test_a_complaint_nobody_free_could_take_up_is_not_accepted(town: Town) -> None:
    walk = Walk(town, WORDS)
    sentence = walk.cannot("operator", "accept", category=MANNERS, place=f"{walk.lon},{walk.lat}", kind="complain",
                           summary="反映中心", about_unit=town.units["centre"].pk)
    assert "没有能接手这一步的岗位" in sentence


def test_a_post_whose_only_holder_is_concerned_is_passed_over(town: Town) -> None:
    post = Post.objects.create(unit=town.units["west-south"], name="handler2", place=None)
    Appointment.objects.create(post=post, person=town.people["street"], from_date=date(2020, 1, 1))
    walk = Walk(town, WORDS).accepted(MANNERS, kind="complain", summary="反映社区工作人员态度问题",
                                      about_unit=town.units["west-south"].pk)
    assert walk.desks() == {("dispatcher", "区接诉即办中心")}


@pytest.mark.parametrize("who", CONCERNED)
def test_those_it_is_about_find_it_nowhere(complaint: Walk, who: str) -> None:
    standing, case = complaint.actor(who).standing, complaint.case
    complaint.does("street", "dispatch", lead=complaint.unit("housing"))
    with clock.at(complaint.now):
        assert not flow.visible_to(standing).filter(pk=case.pk).exists()
        assert not flow.queue(standing).filter(case=case).exists()
        for text in (case.code, case.code[-6:], "态度恶劣", "反映社区工作人员"):
            assert not queries.search(standing, text).exists()
        assert not queries.twins(standing, lon=complaint.lon, lat=complaint.lat, words=WORDS, phone="13800001111")
        assert not queries.of_caller(standing, "13800001111").exists()
        assert complaint.offers(who) == []
        for action in ("dispatch", "sign", "supervise", "comment", "finish"):
            assert complaint.cannot(who, action) == "没有找到这件事。"
        with pytest.raises(Http404):
            doors.case(standing, case.code)
        with pytest.raises(Http404):
            doors.task(standing, complaint.task("lead").pk)
        for act in (lambda: requests.say(case, "请撤回", by=complaint.actor(who)),
                    lambda: requests.open_guarded(case, "original", "看一下原文", by=complaint.actor(who))):
            with pytest.raises(Refused):
                act()


@pytest.mark.parametrize("who", FREE)
def test_others_of_its_place_do_see_it(complaint: Walk, who: str) -> None:
    standing = complaint.actor(who).standing
    assert flow.visible_to(standing).filter(pk=complaint.id).exists()
    assert queries.search(standing, complaint.case.code).exists()


def test_it_is_not_handed_to_those_it_is_about_nor_merged_with_what_is_not_about_them(complaint: Walk) -> None:
    for unit in ("west-south", "west-south-1"):
        assert "被投诉" in complaint.cannot("street", "dispatch", lead=complaint.unit(unit))
        assert "被投诉" in complaint.cannot("street", "dispatch", lead=complaint.unit("west"), helpers=[
            complaint.unit(unit)])
    complaint.does("street", "dispatch", lead=complaint.unit("west"))
    later = (complaint.now + timedelta(hours=3)).isoformat()
    assert "被投诉" in complaint.cannot("street", "assign", section=complaint.unit("west-south"), inner_due=later)
    assert not {s.unit_id for s in queries.suggest_units(complaint.case, None)} & {complaint.unit("west-south")}
    plain = Walk(complaint.town).accepted()
    assert "不存在或已经办结" in plain.cannot("street", "merge", same_case=complaint.case.code)


def test_they_are_told_nothing(complaint: Walk) -> None:
    complaint.does("street", "dispatch", lead=complaint.unit("housing"))
    complaint.wait(days=9)
    concerned = {complaint.town.people[who].pk for who in CONCERNED}
    told = {notice.person_id for notice in complaint.news() if notice.person_id}
    assert told and not told & concerned


def test_a_complaint_is_on_no_public_list(complaint: Walk) -> None:
    assert not queries.nearby_for_public(complaint.lon, complaint.lat).rows


def test_before_it_is_read_only_the_intake_desk_sees_a_report(town: Town) -> None:
    walk = Walk(town, WORDS)
    for who in ("community", "grid", "street", "street_leader"):
        assert not flow.visible_to(walk.actor(who).standing).filter(pk=walk.id).exists()
    assert flow.visible_to(walk.actor("operator").standing).filter(pk=walk.id).exists()


@pytest.mark.parametrize(("who", "action", "form"), [
    ("reporter", "withdraw", {}), ("operator", "answer", {"answer": "已说明", "kind": "consult"}),
    ("operator", "emergency", {"emergency_line": "110", "time_told": "已转接"}),
])
def test_a_report_that_ended_unread_stays_with_those_who_read_it(
        town: Town, who: str, action: str, form: dict[str, str]) -> None:
    walk = Walk(town, WORDS)
    walk.does(who, action, **form)
    assert walk.case.closed_at and walk.case.private
    assert not flow.visible_to(walk.actor("community").standing).filter(pk=walk.id).exists()


def test_a_complaint_needs_a_summary_and_handlers_read_nothing_else(town: Town) -> None:
    walk = Walk(town, WORDS)
    assert walk.case.request.kind == "complain"  # guessed from its words
    assert "摘要" in walk.cannot("operator", "accept", category=MANNERS, place=f"{walk.lon},{walk.lat}")
    walk.accepted(MANNERS, summary="反映工作人员态度问题").does("street", "dispatch", lead=walk.unit("housing"))
    case = walk.case
    assert case.title == "反映工作人员态度问题"
    for who in ("department", "department_leader", "street"):
        standing = walk.actor(who).standing
        assert not access.may_read_original(standing, case) and not access.may_ask_original(standing, case)
        assert not access.may_ask_phone(standing, case)
        assert not queries.search(standing, "态度恶劣").exists()


def test_the_original_is_opened_with_a_purpose_and_the_reporter_can_see_it(town: Town) -> None:
    walk = Walk(town, WORDS, voice=b"OggS" + b"\x00" * 64)
    (voice,) = walk.case.attachments.all()
    operator, department = walk.actor("operator").standing, walk.actor("department").standing
    assert access.attachment(operator, voice.pk) == voice
    walk.accepted(MANNERS, summary="反映工作人员态度问题").does("street", "dispatch", lead=walk.unit("housing"))
    with clock.at(walk.now):
        for standing in (operator, department):
            assert not queries.originals(standing, walk.case).exists()
            for door in (access.attachment, doors.attachment):
                with pytest.raises(Http404):
                    door(standing, voice.pk)
        with pytest.raises(Refused):
            requests.open_guarded(walk.case, "original", "核对事实", by=walk.actor("department"))
        opening = requests.open_guarded(walk.case, "original", "核对事实", by=walk.actor("operator"))
        assert access.attachment(operator, voice.pk) == voice
        assert queries.originals(None, walk.case).get() == voice
    assert walk.case.openings.get() == opening and opening.purpose == "核对事实"
    walk.wait(hours=2)
    with clock.at(walk.now), pytest.raises(Http404):
        access.attachment(operator, voice.pk)


def test_what_the_reporter_adds_later_is_as_guarded(town: Town) -> None:
    walk = Walk(town, WORDS).accepted(MANNERS, summary="反映工作人员态度问题")
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    voice = Attachment(file=files.store_voice(b"OggS" + b"\x01" * 64), kind="voice")
    walk.does("reporter", "attach", files=[voice])
    with pytest.raises(Http404):
        access.attachment(walk.actor("department").standing, voice.pk)


def test_an_outside_handler_has_text_and_place_only(town: Town) -> None:
    walk = Walk(town, voice=b"OggS" + b"\x00" * 64).dispatched("heating")
    (voice,) = walk.case.attachments.all()
    outside = walk.actor("heating").standing
    assert access.may_read_original(outside, walk.case) and not access.may_ask_phone(outside, walk.case)
    assert not queries.originals(outside, walk.case).exists()
    with pytest.raises(Http404):
        access.attachment(outside, voice.pk)


def test_a_number_kept_secret_is_for_the_hotline_alone(town: Town) -> None:
    walk = Walk(town).accepted(hide_reporter="1")
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    assert not access.may_ask_phone(walk.actor("department").standing, walk.case)
    open_one = Walk(town, now=MONDAY).dispatched()
    assert access.may_ask_phone(open_one.actor("department").standing, open_one.case)
    assert not access.may_ask_phone(open_one.actor("street").standing, open_one.case)


SECRET = "赵六家住 3 号楼，社区干事天天不在岗"  # no word of it gives a complaint away


def test_a_complaint_known_for_one_only_at_the_desk_loses_its_words_from_the_title(town: Town) -> None:
    walk = Walk(town, SECRET)
    assert walk.case.request.kind == "help" and walk.case.title == SECRET[:40]
    walk.accepted(MANNERS, kind="complain", summary="反映社区工作人员不在岗")
    assert walk.case.title == "反映社区工作人员不在岗"
    walk.does("street", "send_back", reason="请核对类型")
    walk.accepted(MANNERS, kind="help")
    assert walk.case.title == SECRET[:40]  # no complaint after all


@pytest.mark.parametrize(("end", "form"), [
    ("secret", {"told": "已向您说明。"}), ("emergency", {"emergency_line": "110", "time_told": "已转 110"}),
])
def test_nor_do_they_stay_where_it_ends_at_once(town: Town, end: str, form: dict[str, str]) -> None:
    walk = Walk(town, SECRET)
    walk.does("operator", end, kind="tip_off", **form)
    if end == "secret":
        walk.decides("reviewer", "agree")
    assert walk.case.closed_at and (walk.case.title, walk.case.request.kind) == ("举报", "tip_off")


def test_nor_while_a_reviewer_reads_that_it_is_declined(town: Town) -> None:
    walk = Walk(town, SECRET)
    walk.does("operator", "legal", legal_channel="discipline", told="请向纪检监察机关反映。", kind="complain")
    assert walk.stage == "receiving" and (walk.case.title, walk.case.request.kind) == ("投诉", "complain")
    assert not walk.case.entries.filter(values__icontains="赵六").exists()
    walk.decides("reviewer", "agree")
    assert walk.stage == "declined" and walk.case.title == "投诉"


def test_twins_do_not_tell_what_a_complaint_says(town: Town) -> None:
    complaint = Walk(town, SECRET).accepted(MANNERS, kind="complain", summary="反映作风问题")
    with clock.at(complaint.now):
        found = {
            who: queries.twins(town.actor(who).standing, lon=complaint.lon + 0.004, lat=complaint.lat, words=SECRET)
            for who in ("operator", "street")
        }
    assert [r.pk for r in found["operator"]] == [complaint.case.pk] and not found["street"]


def test_who_handles_a_complaint_by_another_post_does_not_open_its_original(town: Town) -> None:
    town.person("both", "双岗", ("centre", "reviewer"), ("housing", "handler"))
    walk = Walk(town, WORDS).accepted(MANNERS, summary="反映工作人员态度问题")
    assert access.may_ask_original(walk.actor("both").standing, walk.case)
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    assert not access.may_ask_original(walk.actor("both").standing, walk.case)
    with pytest.raises(Refused):
        requests.open_guarded(walk.case, "original", "核对事实", by=walk.actor("both"))


def test_of_a_hidden_reporter_handlers_have_the_words_and_neither_voice_nor_photo(town: Town) -> None:
    walk = Walk(town, voice=b"OggS" + b"\x00" * 64)
    (voice,) = walk.case.attachments.all()
    walk.accepted(hide_reporter="1").does("street", "dispatch", lead=walk.unit("housing"))
    for who in ("department", "street", "grid"):
        standing = walk.actor(who).standing
        assert access.may_read_original(standing, walk.case) and not queries.originals(standing, walk.case).exists()
        with pytest.raises(Http404):
            access.attachment(standing, voice.pk)
    assert access.attachment(walk.actor("operator").standing, voice.pk) == voice


def test_what_the_reporter_said_of_the_spot_is_part_of_the_original(town: Town) -> None:
    walk = Walk(town, WORDS, address="3 号楼 2 单元 501，我家").accepted(MANNERS, summary="反映工作人员态度问题")
    request = walk.case.request
    assert "501" not in queries.exactly(request) + queries.whereabouts(request)
    assert "501" in queries.exactly(request, reads=True)
    assert "501" in queries.exactly(Walk(town, address="501").case.request)


def test_every_page_and_the_api_give_the_same_words_of_a_complaint(town: Town) -> None:
    walk = Walk(town, WORDS).accepted(MANNERS, summary="反映工作人员态度问题")
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    walk.does("reporter", "comment", note="赵六又来了")
    walk.finished().does("reporter", "redo", solved="unsolved", satisfied="1", reason="赵六没有道歉")
    walk.finished()
    walk.wait(days=9)
    walk.does("operator", "called", solved="solved", satisfied="4", said="赵六道歉了")
    for who in ("department", "street"):
        found = queries.entries_for(walk.actor(who).standing, walk.case)
        assert "赵六" not in str([e.values for e in found]) and "已更换阀门" in str([e.values for e in found])
    with clock.at(walk.now):
        requests.open_guarded(walk.case, "original", "核对事实", by=walk.actor("operator"))
        shown = str([e.values for e in queries.entries_for(walk.actor("operator").standing, walk.case)])
    assert shown.count("赵六") == 3


def test_a_code_that_recuses_me_answers_like_one_that_does_not_exist(town: Town) -> None:
    town.person("both", "双岗", ("centre", "operator"), ("west-south", "handler"))
    complaint = Walk(town, WORDS).accepted(MANNERS, summary="反映作风问题", about_unit=town.units["west-south"].pk)
    plain, accepted, nothing = Walk(town), Walk(town).accepted(), codes.new_code()
    for code in (complaint.case.code, nothing):
        assert "不存在或已经办结" in accepted.cannot("street", "merge", same_case=code)
        assert "没有找到这个编号" in plain.cannot("both", "repeat", same_case=code, told="与前一件相同。")


def test_told_before_and_recused_since_a_notice_is_gone_from_the_inbox(town: Town) -> None:
    walk = Walk(town).dispatched("west-south")
    walk.news()
    person = town.people["community"]
    mine = Notice.objects.filter(person=person, channel="inbox")
    standing, browser = walk.actor("community").standing, Client()
    browser.force_login(person)
    assert inbox.unread(standing) == mine.count() > 0
    Case.objects.filter(pk=walk.id).update(about_units=[walk.unit("west-south")])
    assert inbox.unread(standing) == 0 and not inbox.inbox(standing).exists()
    assert walk.case.code not in browser.get("/inbox/").content.decode()
    assert browser.get(f"/inbox/{mine[0].pk}/").status_code == 404


def test_what_waits_to_be_sent_is_withheld_from_who_has_been_recused_since(
        town: Town, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.GONGZHI_DEMO, sent = False, []
    monkeypatch.setattr(channels.found()["sms"], "address", lambda notice: notice.number)
    monkeypatch.setattr(channels.found()["sms"], "send", lambda notice, to: sent.append(notice.recipient))
    walk = Walk(town, phone="").dispatched("heating")
    walk.news()
    waiting = Notice.objects.filter(channel="sms", state=Notice.WAITING)
    assert {n.person_id for n in waiting} == {town.people[who].pk for who in ("heating", "heating_leader")}
    Case.objects.filter(pk=walk.id).update(about_units=[walk.unit("heating")])
    notify.send_due("sms")
    assert sent == [] and {n.state for n in Notice.objects.filter(channel="sms")} == {Notice.KEPT}
    Case.objects.filter(pk=walk.id).update(about_units=[walk.unit("parks")])
    notify.resend_all("sms", by=town.people["admin"].pk)
    notify.send_due("sms")
    assert len(sent) == 2


def test_messages_about_what_recuses_the_administrator_are_not_listed(town: Town) -> None:
    walk = Walk(town)
    walk.news()
    assert inbox.deliveries(walk.actor("admin").standing).exists()
    Case.objects.filter(pk=walk.id).update(about_units=[walk.unit("centre")])
    assert not inbox.deliveries(walk.actor("admin").standing).exists()
