"""Who is told what, and who never is."""

from datetime import timedelta

from pytest_django import Settings

from conftest import Town
from gongzhi.base import clock
from gongzhi.log import projections
from gongzhi.log import queries as log
from gongzhi.notify.models import Notice
from gongzhi.requests import actions as requests
from gongzhi.requests.projections import moment
from gongzhi.requests.tests.walking import NOISE, PHONE, Walk

Told = list[tuple[str, str]]


def names(walk: Walk) -> Told:
    """Tell the news; list it as (who, title) in order, phones as 'phone'."""
    people = {p.pk: name for name, p in walk.town.people.items()}
    return [(people[n.person_id] if n.person_id else "phone", n.title) for n in walk.news()]


def test_the_reporter_gets_a_receipt_with_a_link_and_the_clerks_queue_is_enough(town: Town) -> None:
    walk = Walk(town)
    (notice,) = walk.news()
    link = f"/r/{walk.receipt.code}/{walk.receipt.secret}/"
    assert notice.title == "已收到" and link in notice.words and "3月3日 09:00 前办结" in notice.words
    assert notice.made_at == walk.now and notice.number == PHONE


def test_without_a_number_nobody_is_texted(town: Town) -> None:
    assert Walk(town, phone="").news() == []


def test_the_people_of_a_new_task_are_told_and_not_the_one_who_made_it(town: Town) -> None:
    walk = Walk(town)
    walk.news()
    walk.accepted()
    assert names(walk) == [("street", "新任务：待派单")]
    walk.does("street", "dispatch", lead=walk.unit("housing"), helpers=[walk.unit("heating")])
    told = names(walk)
    assert [x for x in told if x[0].startswith("department")] == [
        ("department", "新任务：办理中"), ("department_leader", "新任务：办理中")]
    assert ("heating", "新任务") in told  # outside handlers come by the link of a text
    walk.assigned()
    assert names(walk) == [("section_leader", "新任务：办理中")]


def test_an_asking_goes_to_the_approver_and_its_answer_to_the_asker(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    walk.news()
    walk.does("department", "extend", reason="等配件", days=3)
    assert names(walk) == [("street", "请审核：申请延期")]
    walk.decides("street", "agree")
    told = walk.news()
    assert [n.title for n in told] == ["申请延期：同意", "延期"]
    assert "3月12日 18:00" in told[1].words and "等配件" in told[1].words and told[1].number == PHONE
    walk.does("department", "finish", result="好", reply="好")
    walk.news()
    walk.decides("department_leader", "refuse", reason="没写清")
    assert names(walk) == [("department", "办结：未同意")]


def test_the_link_to_rate_goes_to_the_reporters_phone_alone(town: Town) -> None:
    walk = Walk(town).dispatched()
    walk.news()
    walk.finished()
    told = walk.news()
    with_link = [n for n in told if walk.receipt.secret in n.words + str(n.values)]
    assert [(n.title, n.person_id, n.number) for n in with_link] == [("请评价", None, PHONE)]
    walk.does("reporter", "redo", solved="unsolved", reason="还是不热")
    assert ("department", "没有解决，请重办") in names(walk)
    assert not [n for n in Notice.objects.exclude(person=None) if walk.receipt.secret in n.words + str(n.values)]


def test_nobody_who_handles_it_is_told_who_reported(town: Town) -> None:
    walk = Walk(town, name="王小明").confirming()
    walk.does("reporter", "rate", solved="solved", satisfied="1", said="不好")
    walk.news()
    for notice in Notice.objects.exclude(person=None):
        for secret in (PHONE, "王小明", walk.receipt.secret, "不好"):
            assert secret not in notice.title + notice.words + str(notice.values)


def test_the_ladder_tells_the_role_words_it_names(town: Town) -> None:
    walk = Walk(town).dispatched("housing", category=NOISE)
    walk.news()
    walk.wait(days=6)
    told = names(walk)
    assert ("department_leader", "没有按时签收") in told and ("department_leader", "没有按时登记联系") in told
    assert ("department", "快到期了") in told and "已超期" not in {title for _who, title in told}
    walk.wait(days=3)
    late = {who for who, title in names(walk) if title == "已超期"}
    assert late == {"department_leader", "street", "street_leader"}


def test_urging_supervising_and_messages(town: Town) -> None:
    walk = Walk(town).dispatched()
    walk.news()
    walk.does("reporter", "urge")
    assert names(walk) == [("department", "诉求人催办"), ("department_leader", "诉求人催办")]
    walk.does("street_leader", "supervise", reason="影响大")
    assert {title for _who, title in names(walk)} == {"督办"}
    with clock.at(walk.now):
        requests.say(walk.case, "请从后门进", by=walk.actor("reporter"))
    told = walk.news()
    assert {n.title for n in told} == {"诉求人留言"} and "后门" not in str([n.words for n in told])
    with clock.at(walk.now):
        requests.say(walk.case, "好的", by=walk.actor("department"))
    assert names(walk) == [("phone", "留言")]


def test_pressing_for_a_rating_is_told_to_the_district_alone(town: Town) -> None:
    walk = Walk(town).confirming()
    walk.does("reporter", "rate", solved="solved", satisfied="5")
    walk.news()
    with clock.at(walk.now):
        requests.press_reported(walk.case, by=walk.actor("reporter"))
    assert names(walk) == [("district", "有人要求改评价")]


def test_supporters_and_merged_reporters_hear_of_progress_by_their_own_link(town: Town) -> None:
    walk = Walk(town).accepted()
    with clock.at(walk.now):
        joined = requests.join(walk.case, device="browser", phone="13900003333")
        assert requests.join(walk.case, device="browser") == joined
    twin = Walk(town, phone="13800002222").accepted()
    twin.does("street", "merge", same_case=walk.case.code)
    assert "合并办理" in {n.title for n in twin.news()}
    walk.news()
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    texts = [n for n in walk.news() if n.title == "有进展"]
    assert {n.number for n in texts} == {"13900003333", "13800002222"}
    own = {"13900003333": f"/r/with/{walk.case.code}/", "13800002222": f"/r/{twin.case.code}/{twin.receipt.secret}/"}
    assert all(own[n.number] in n.words and walk.receipt.secret not in n.words for n in texts)
    walk.finished()
    assert [n.words for n in walk.news() if n.title == "有进展"][0].count("已办完") == 1


def test_a_declined_report_is_answered(town: Town) -> None:
    walk = Walk(town)
    walk.news()
    walk.does("operator", "legal", legal_channel="court", told="请向法院起诉")
    assert names(walk) == [("reviewer", "请审核：告知法定途径")]
    walk.decides("reviewer", "agree")
    assert [title for _who, title in names(walk)] == ["有答复", "告知法定途径：同意"]


def test_the_same_line_told_again_changes_nothing(town: Town) -> None:
    walk = Walk(town).confirming()
    walk.news()
    n, walk.told = Notice.objects.count(), 0
    assert walk.news() == [] and Notice.objects.count() == n


def test_old_news_is_told_to_nobody(town: Town) -> None:
    walk = Walk(town).confirming()
    with clock.at(walk.now + timedelta(days=3)):
        projections.registry["requests.notices"].keep(log.of_subject("case", walk.id))
    assert not Notice.objects.exists()


def test_the_webhook_hears_of_every_change_and_nobodys_words(town: Town, settings: Settings) -> None:
    settings.WEBHOOK_URL = "http://127.0.0.1:9/"
    walk = Walk(town).confirming()
    told = [n for n in walk.news() if n.channel == "webhook"]
    assert [n.values["verb"].removeprefix("request.") for n in told] == walk.lines()
    assert set(told[0].values) == {"verb", "code", "stage", "at"}


def test_an_extension_tells_both_deadlines_and_its_reason_to_the_reporter_alone(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    with clock.at(walk.now):
        requests.join(walk.case, device="browser", phone="13900003333")
    first = moment(walk.case.due_at)
    walk.does("department", "extend", reason="301 王女士家等配件", days=3)
    walk.decides("street", "agree")
    walk.does("street", "hold", reason="301 王女士出门了", until="2026-03-20T09:00")
    walk.does("street_leader", "agree", task=walk.case.tasks.get(kind="approval", done_at=None))
    texts = {(n.number, n.title): n.words for n in walk.news() if n.person_id is None}
    for number in (PHONE, "13900003333"):
        assert f"原定 {first} 前" in texts[number, "延期"] and "延长到 3月12日 18:00 前" in texts[number, "延期"]
        for title in ("延期", "暂停办理"):
            assert ("王女士" in texts[number, title]) == (number == PHONE)


def test_a_message_about_a_complaint_goes_to_the_hotline_that_may_read_it(town: Town) -> None:
    walk = Walk(town, "投诉物业态度恶劣").accepted(NOISE, kind="complain", summary="反映物业服务态度")
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    walk.news()
    with clock.at(walk.now):
        requests.say(walk.case, "我还有证据", by=walk.actor("reporter"))
    assert names(walk) == [("operator", "诉求人留言"), ("operator2", "诉求人留言")]


def test_those_who_joined_hear_that_it_is_done_again(town: Town) -> None:
    walk = Walk(town).confirming()
    with clock.at(walk.now):
        requests.join(walk.case, device="browser", phone="13900003333")
    walk.news()
    walk.does("reporter", "redo", solved="unsolved", reason="还是不热")
    assert [n.words for n in walk.news() if n.title == "有进展"][0].count("正在重办") == 1


def test_what_must_be_done_is_mailed_to_who_has_an_address_and_says_nothing_of_it(
    town: Town, settings: Settings,
) -> None:
    for name in ("street", "department"):
        town.people[name].email = f"{name}@example.org"
        town.people[name].save()
    assert not [n for n in Walk(town).dispatched().news() if n.channel == "email"]  # no mail server, no mail
    settings.EMAIL_HOST = "127.0.0.1"
    walk = Walk(town, "投诉物业态度恶劣").accepted(NOISE, kind="complain", summary="反映物业服务态度")
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    walk.does("reporter", "urge")
    people = {p.pk: name for name, p in town.people.items()}
    mails = [n for n in walk.news() if n.channel == "email"]
    assert [(people[n.person_id], n.title) for n in mails] == [
        ("street", "新任务：待派单"), ("department", "新任务：办理中")]
    for mail in mails:
        assert walk.case.code in mail.words and "前" in mail.words
        assert "物业" not in mail.title + mail.words + str(mail.values)
