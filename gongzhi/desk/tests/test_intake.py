"""The phone clerk: a call becomes a matter, an answer, a lawful refusal or a 我也遇到, and leaves a slip."""

import json
import re

import pytest
from django.db import connection
from django.test import Client

from conftest import Town
from gongzhi.base.errors import Faults
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case, Entry
from gongzhi.org import actions as org
from gongzhi.places import index
from gongzhi.places.models import Place
from gongzhi.requests import actions
from gongzhi.requests.models import Answer, Request, Supporter

PHONE = "13800001234"


def lines(verb: str) -> list[tuple[str, dict]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, data::text FROM log_event WHERE verb = %s ORDER BY id", [verb])
        return [(actor, json.loads(data)) for actor, data in cursor.fetchall()]


@pytest.fixture
def clerk(client: Client, town: Town) -> Client:
    client.force_login(town.people["operator"])
    return client


@pytest.fixture
def compound(town: Town) -> Place:
    grid = town.places["west-south-1"]
    made = Place.objects.create(parent=grid, kind="compound", name="团结小区", lon=grid.lon, lat=grid.lat,
                                tokens=["团结", "结小", "小区"], pinyin="tuanjiexiaoqu tjxq")
    made.path = [*grid.path, made.pk]
    made.save()
    index.reload()
    return made


def call(town: Town, **more: str) -> dict[str, str]:
    lon, lat = town.point("west-south-1")
    return {"key": "k1", "words": "3 号楼暖气不热", "point": f"{lon},{lat}", "category": "900401", "guessed": "900401",
            "kind": "help", "end": "accept", "phone": PHONE, "channel": "phone", **more}


def send(clerk: Client, form: dict[str, str]) -> Case:
    answer = clerk.post("/desk/intake/", form)
    assert answer.status_code == 302, re.findall(r'class="wrong"[^>]*>.*?</svg>(.*?)</p>', answer.content.decode())
    return Case.objects.get(code=answer["Location"].rstrip("/").rsplit("/", 1)[-1])


def test_a_call_is_registered_and_accepted_in_one_go(clerk: Client, town: Town) -> None:
    case = send(clerk, call(town, name="刘女士", on_behalf="1"))
    assert case.stage == "dispatching" and case.request.category.code == "900401"
    assert case.request.channel == "phone" and case.request.on_behalf_of and case.origin == "resident"
    page = clerk.get(f"/desk/intake/done/{case.code}/").content.decode()
    assert case.code[:3] in page and "西街街道办事处" in page


def test_the_same_form_twice_opens_one_case(clerk: Client, town: Town) -> None:
    assert send(clerk, call(town)).pk == send(clerk, call(town)).pk
    assert Case.objects.count() == 1


def test_what_appears_while_it_is_typed(clerk: Client, town: Town, compound: Place) -> None:
    lon, lat = town.point("west-south-1")
    actions.report(actions.Report(lon, lat, words="团结小区暖气不热好几天"), by=Actor("anyone"))
    page = clerk.post("/desk/intake/look/", {"words": "团结小区暖气不热，居住证顺便问一下", "q": ""}).content.decode()
    assert "王网格员" in page and "西南社区第1网格" in page  # place: its compound is named in the words
    assert "供暖不热" in page and "24 小时" in page and "区住建局" in page  # category, its limit, who would lead
    assert "居住证怎么办" in page and "2026-01-01" in page  # knowledge base with date
    assert "可能重复" in page and "/desk/intake/join/" in page
    assert lines("person.lookup") == []


def test_what_the_clerk_chose_stays_chosen_while_words_change(clerk: Client, town: Town, compound: Place) -> None:
    typed = {"words": "暖气不热，垃圾也没人收", "category": "200102", "guessed": "900401", "q": "团结",
             "found_for": "团结", "place": str(town.places["west-south-1"].pk)}
    page = clerk.post("/desk/intake/look/", typed).content.decode()
    assert re.search(r'value="200102" id="category-200102" checked', page)
    assert f'data-lon="{compound.lon:.6f}"'[:14] in page


def test_the_map_has_a_pin_only_where_there_is_a_place(clerk: Client, town: Town, compound: Place) -> None:
    assert 'data-pin="none"' in clerk.get("/desk/intake/").content.decode()
    settled = clerk.post("/desk/intake/", {"words": "漏水", "q": "团结小区"}).content.decode()
    assert 'data-pin' not in settled and 'data-spot="place"' in settled
    wide = {"words": "漏水", "q": "西南", "found_for": "西南", "place": str(town.places["west-south"].pk)}
    page = clerk.post("/desk/intake/", wide).content.decode()
    assert 'data-pin="none"' in page and 'data-spot="area"' in page


def test_a_building_is_a_place_too(clerk: Client, town: Town, compound: Place) -> None:
    building = Place.objects.create(parent=compound, kind="building", name="3 号楼", lon=compound.lon, lat=compound.lat)
    building.path = [*compound.path, building.pk]
    building.save()
    typed = {"words": "漏水", "q": "3 号楼", "found_for": "3 号楼", "place": str(building.pk)}
    for address, form in (("/desk/intake/look/", typed), ("/r/place", {"place": str(building.pk)})):
        page = (clerk.get if address == "/r/place" else clerk.post)(address, form).content.decode()
        assert "团结小区" in page and "西南社区第1网格" in page and "王网格员" in page, address


def test_a_community_alone_is_asked_further_and_never_made_a_compound(
        clerk: Client, town: Town, compound: Place) -> None:
    town.places["west-south"].tokens = ["西南", "南社", "社区"]
    town.places["west-south"].save()
    wide = call(town, point="", q="西南社区", found_for="西南社区", place=str(town.places["west-south"].pk))
    for form in (wide, {**wide, "place": "", "found_for": ""}):
        page = clerk.post("/desk/intake/look/", form).content.decode()
        assert "“西南社区”范围太大" in page and "已定位" not in page
        assert clerk.post("/desk/intake/", form).status_code == 422 and not Case.objects.exists()
    grid = {**wide, "q": "1格", "found_for": "1格", "place": str(town.places["west-south-1"].pk)}
    assert send(clerk, grid).request.compound_id is None
    pinned = {**wide, "key": "k2", "point": call(town)["point"]}
    assert send(clerk, pinned).request.compound_id == compound.pk


def test_new_place_words_ask_anew(clerk: Client, town: Town, compound: Place) -> None:
    other = town.places["east-north-1"]
    typed = {"words": "漏水", "q": "团结小区 3 号楼", "found_for": "东北", "place": str(other.pk)}
    page = clerk.post("/desk/intake/look/", typed).content.decode()
    assert f'value="{compound.pk}" checked' in page and "东街街道" not in page


def test_a_caller_is_looked_up_by_number_masked_and_logged(clerk: Client, town: Town) -> None:
    case = send(clerk, call(town))
    page = clerk.post("/desk/intake/caller/", {"phone": "138 0000 1234"}).content.decode()
    assert case.code in page and PHONE not in page
    assert lines("person.lookup") == [(f"person:{town.people['operator'].pk}", {"n": 1, "cases": [case.pk]})]


def test_a_wrong_number_is_told_and_not_logged(clerk: Client) -> None:
    assert "电话号码不对" in clerk.post("/desk/intake/caller/", {"phone": "abc"}).content.decode()
    assert not lines("person.lookup")


@pytest.mark.parametrize("who", ["street", "community", "department", "grid", "district"])
def test_nobody_but_an_operator_takes_calls_or_looks_numbers_up(client: Client, town: Town, who: str) -> None:
    client.force_login(town.people[who])
    assert client.get("/desk/intake/").status_code == 403
    assert client.post("/desk/intake/caller/", {"phone": PHONE}).status_code == 403


def test_a_question_is_answered_at_once_from_the_knowledge_base_with_source_and_date(clerk: Client, town: Town) -> None:
    answer = Answer.objects.get()
    form = call(town, words="居住证怎么办理", end="answer", category="", **{"answer-knowledge": str(answer.pk)})
    case = send(clerk, {**form, "point": "", "no_place": "1", "kind": "consult"})
    assert case.stage == "answered" and case.closed_at
    entry = Entry.objects.get(case=case, action="answer")
    assert entry.values["knowledge"] == answer.pk and "2026-01-01" in entry.values["answer"] and entry.public


def test_the_six_lawful_branches_stand_with_their_texts(clerk: Client) -> None:
    page = clerk.get("/desk/intake/").content.decode()
    for end in ("emergency", "legal", "repeat", "secret", "outside", "unlawful"):
        assert f'name="end" value="{end}"' in page
    assert "应由 ____ 处理" in page and "依法应当通过____途径解决" in page


def test_article_11_emergency_is_passed_on_and_ends(clerk: Client, town: Town) -> None:
    told = "您反映的情况紧急，应由 119 处理。我们已即时转接，请保持电话畅通。"
    case = send(clerk, call(town, end="emergency", **{"emergency-emergency_line": "119", "emergency-time_told": told}))
    assert case.stage == "declined"


def test_article_11_other_branches_wait_for_a_reviewer(clerk: Client, town: Town) -> None:
    case = send(clerk, call(town, end="legal", **{"legal-legal_channel": "court", "legal-told": "应当通过诉讼解决。"}))
    assert case.stage == "receiving" and case.tasks.filter(kind="approval", done_at=None).exists()
    assert "审核员" in clerk.get(f"/desk/intake/done/{case.code}/").content.decode()


def test_the_words_of_a_complaint_that_ends_at_the_phone_stay_there(clerk: Client, town: Town) -> None:
    told = {"legal-legal_channel": "court", "legal-told": "应当通过诉讼解决。"}
    case = send(clerk, call(town, words="我是赵六，投诉居委会", kind="complain", end="legal", **told))
    task = case.tasks.get(kind="approval", done_at=None)
    flow.act(case.pk, "agree", by=town.actor("reviewer"), form={}, task_id=task.pk)
    case.refresh_from_db()
    assert case.stage == "declined" and case.title == "投诉"


def test_a_gap_in_a_text_is_not_read_to_a_caller(clerk: Client, town: Town) -> None:
    page = clerk.post("/desk/intake/", call(town, end="outside", **{
        "outside-channel": "物业", "outside-told": "可以通过____解决"}))
    assert page.status_code == 422 and "请把空白处" in page.content.decode()
    assert not Case.objects.exists()


def test_a_complaint_needs_a_summary_and_names_the_unit(clerk: Client, town: Town) -> None:
    unit = town.units["west-south"]
    form = call(town, words="西南社区居委会态度恶劣", kind="complain", category="900501", about_unit=str(unit.pk))
    page = clerk.post("/desk/intake/", form)
    assert page.status_code == 422 and "投诉、举报要写摘要" in page.content.decode()
    assert f'value="{unit.pk}" checked' in page.content.decode()  # what was chosen is kept
    case = send(clerk, {**form, "summary": "反映社区办事态度"})
    assert case.about_units == [unit.pk] and case.title == "反映社区办事态度" and case.level == "street"


def test_a_complaint_the_words_tell_is_not_taken_for_a_call_for_help(clerk: Client, town: Town) -> None:
    page = clerk.post("/desk/intake/", call(town, words="我要投诉物业态度恶劣", kind=""))
    assert page.status_code == 422 and re.search(r'name="kind" value="complain" checked', page.content.decode())


def test_units_are_found_by_name(clerk: Client, town: Town) -> None:
    assert "区住建局" in clerk.get("/desk/intake/units/?about_q=住建").content.decode()
    assert "没有找到" in clerk.get("/desk/intake/units/?about_q=不存在").content.decode()


def test_a_caller_joins_a_twin(clerk: Client, town: Town) -> None:
    case = send(clerk, call(town))
    answer = clerk.post(f"/desk/intake/join/{case.code}/", call(town, phone="13900005678"))
    assert answer.status_code == 302 and Supporter.objects.get().case_id == case.pk
    assert "已并入" in clerk.get(answer["Location"]).content.decode()


def test_nobody_joins_a_complaint(clerk: Client, town: Town) -> None:
    case = send(clerk, call(town, kind="complain", summary="办事态度", category="900501"))
    page = clerk.post(f"/desk/intake/join/{case.code}/", call(town, words="还记着的话"))
    assert page.status_code == 409 and "还记着的话" in page.content.decode() and not Supporter.objects.exists()


def test_the_slip_says_who_has_it_by_when_and_by_which_rule_and_holds_no_link(clerk: Client, town: Town) -> None:
    case = send(clerk, call(town))
    page = clerk.get(f"/desk/intake/slip/{case.code}/").content.decode()
    assert "西街街道办事处" in page and "made up for tests" in page and "12345" in page
    assert case.request.secret not in page


def test_another_clerk_prints_no_slip_of_mine(clerk: Client, town: Town) -> None:
    case = send(clerk, call(town))
    clerk.force_login(town.people["operator2"])
    assert clerk.get(f"/desk/intake/slip/{case.code}/").status_code == 404


@pytest.mark.parametrize(("wrong", "sentence"), [
    ({"words": ""}, "请记下来电人说的事"), ({"point": ""}, "请问清地点"), ({"point": "116.4,39.9"}, "请问清地点"),
    ({"category": "", "words": "说不清的事"}, "请选类别"), ({"phone": "138abc"}, "电话号码不对"),
    ({"words": "长" * 5001}, "最多写 5000 个字"), ({"name": "长" * 41}, "称呼最多 40 个字"),
    ({"end": "answer"}, "请填写当场答复"), ({"end": "legal"}, "请填写法定途径"),
])
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
        clerk: Client, town: Town, wrong: dict[str, str], sentence: str) -> None:
    page = clerk.post("/desk/intake/", call(town, summary="", **wrong))
    assert page.status_code == 422 and sentence in page.content.decode()
    assert (wrong.get("words", "3 号楼暖气不热") or PHONE) in page.content.decode()
    assert not Case.objects.exists() and not Request.objects.exists()


def test_script_tags_and_emoji_are_words_like_others(clerk: Client, town: Town) -> None:
    case = send(clerk, call(town, words="<script>alert(1)</script>😀 暖气不热", q="<b>3 号楼</b>"))
    page = clerk.get(f"/desk/intake/slip/{case.code}/").content.decode()
    assert "<script>alert" not in page and "&lt;b&gt;" in page


def test_the_knowledge_base_is_read_by_all_and_written_by_leaders(client: Client, town: Town) -> None:
    client.force_login(town.people["street"])
    assert "居住证怎么办" in client.get("/desk/knowledge/?q=居住证").content.decode()
    assert client.get("/desk/knowledge/new/").status_code == 403
    client.force_login(town.people["chief"])
    given = {"title": "停电找谁", "words": "先打 95598。", "keywords": "停电，没电", "source": "供电公司",
             "source_date": "2026-02-01", "active": "1"}
    wrong = client.post("/desk/knowledge/new/", {**given, "source": "", "source_date": "去年"})
    assert wrong.status_code == 422 and "请填写来源" in wrong.content.decode() and "停电找谁" in wrong.content.decode()
    assert client.post("/desk/knowledge/new/", given).status_code == 302
    made = Answer.objects.get(title="停电找谁")
    assert made.keywords == ["停电", "没电"] and len(lines("knowledge.write")) == 1
    client.post(f"/desk/knowledge/{made.pk}/", {**given, "words": "先打 95598，再打 12345。"})
    assert "再打" in client.get("/desk/knowledge/").content.decode()


NOWHERE = "不涉及具体地点"


def test_a_question_about_no_place_is_shown_as_one_and_pinned_nowhere(clerk: Client, town: Town) -> None:
    form = call(town, words="居住证怎么办理", end="answer", kind="consult", point="", no_place="1")
    case = send(clerk, {**form, "answer-answer": "带身份证到社区办理。"})
    assert (case.lon, case.lat) == (None, None) and case.place == town.places["district"]
    pages = [f"/desk/cases/{case.code}/", f"/desk/cases/{case.code}/ticket/", f"/desk/cases/{case.code}/preview/",
             "/desk/?view=all&state=closed", f"/desk/intake/done/{case.code}/", f"/r/{case.code}/{case.request.secret}/",
             f"/r/{case.code}/{case.request.secret}/slip"]
    for address in pages:
        page = clerk.get(address).content.decode()
        assert NOWHERE in page and "data-map" not in page and "社区第" not in page, address
    token = org.issue_token(name="clerk", person=town.people["operator"], by=None)
    got = clerk.get(f"/api/v1/cases/{case.code}", headers={"Authorization": f"Bearer {token}"}).json()
    assert (got["place"], got["lon"]) == (NOWHERE, None)


def test_a_matter_of_no_place_is_nobodys_twin_and_gets_a_place_before_it_is_dispatched(clerk: Client, town: Town) -> None:
    told = {"legal-legal_channel": "court", "legal-told": "应当通过诉讼解决。"}
    case = send(clerk, call(town, words="家里暖气不热想打官司", end="legal", point="", no_place="1", **told))
    page = clerk.post("/desk/intake/look/", call(town, words="家里暖气不热想打官司")).content.decode()
    assert case.code not in page
    task = case.tasks.get(kind="approval", done_at=None)
    flow.act(case.pk, "refuse", by=town.actor("reviewer"), form={"reason": "请受理"}, task_id=task.pk)
    assert 'data-map="pick"' in clerk.get(f"/desk/cases/{case.code}/?do=accept").content.decode()
    lon, lat = town.point("west-south-1")
    form = {"category": "900401", "kind": "help"}
    assert clerk.post(f"/desk/cases/{case.code}/act/accept/", form).status_code == 422
    clerk.post(f"/desk/cases/{case.code}/act/accept/", {**form, "place": f"{lon},{lat}"})
    case.refresh_from_db()
    assert case.stage == "dispatching" and case.place == town.places["west-south-1"]


def test_only_a_clerk_may_leave_the_place_out(town: Town) -> None:
    with pytest.raises(Faults) as wrong:
        actions.report(actions.Report(None, None, words="咨询"), by=Actor("anyone"))
    assert "place" in wrong.value.faults


def test_a_joined_caller_is_told_what_is_true_of_the_number_left(clerk: Client, town: Town) -> None:
    case = send(clerk, call(town))
    with_phone = clerk.post(f"/desk/intake/join/{case.code}/", call(town, key="k2", phone="13900002222"), follow=True)
    page = with_phone.content.decode()
    assert "有进展会发短信" in page and "凭编号和电话后四位可以查" not in page
    page = clerk.post(f"/desk/intake/join/{case.code}/", call(town, key="k3", phone=""), follow=True).content.decode()
    assert "没有留号码" in page and "短信里的链接" not in page and "后四位可以查" not in page
    silent = send(clerk, call(town, key="k4", phone=""))
    assert "没有留号码" in clerk.get(f"/desk/intake/done/{silent.code}/").content.decode()
    assert "凭编号和电话后四位可以查" in clerk.get(f"/desk/intake/done/{case.code}/").content.decode()


def test_the_compound_says_whose_company_is_suggested_while_somebody_calls(
        clerk: Client, town: Town, compound: Place) -> None:
    town.unit("heating-2", "outside", "", "第二供热", None, None, "outside")
    Place.objects.filter(pk=compound.pk).update(attrs={"heating": "heating-2"})
    page = clerk.post("/desk/intake/look/", {"words": "团结小区暖气不热", "q": ""}).content.decode()
    assert "第二供热" in page


def test_a_question_answered_at_once_needs_no_place_and_no_tick(clerk: Client, town: Town) -> None:
    said = {"answer-answer": "带身份证到社区办理。"}
    case = send(clerk, call(town, words="请问居住证怎么办", end="answer", kind="", point="", **said))
    assert case.outcome == "answer" and case.lon is None
