import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.desk.tests import matters
from gongzhi.desk.tests.matters import client
from gongzhi.flow import actions as flow
from gongzhi.flow.models import Case
from gongzhi.requests import access as doors
from gongzhi.requests import actions as requests
from gongzhi.requests.models import Answer, CatalogueLine, Category, Opening
from gongzhi.requests.tests.walking import MANNERS, Walk

ALL = ["operator", "district", "reviewer", "checker", "chief", "street", "street_leader", "community", "north", "grid",
       "department", "department_leader", "section", "parks", "heating"]


@pytest.fixture(autouse=True)
def _no_remembered_counts() -> None:
    cache.clear()


def photo() -> bytes:
    out = BytesIO()
    Image.new("RGB", (60, 40), "grey").save(out, "JPEG")
    return out.getvalue()


def show(town: Town, name: str, case: Case, query: str = "") -> str:
    answer = client(town, name).get(f"/desk/cases/{case.code}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def act(town: Town, name: str, case: Case, action: str, follow: bool = False, **form: object):
    form.setdefault("stage", case.stage)
    return client(town, name).post(f"/desk/cases/{case.code}/act/{action}/", form, follow=follow)


def test_the_dispatcher_sees_the_form_with_the_suggested_unit_its_reasons_and_the_deadline(town: Town) -> None:
    with clock.at(MONDAY):
        page = show(town, "street", matters.accepted(town), "?do=dispatch")
    assert "派单目录" in page and "第 41 项" in page and "派出，明天 09:00前办结" in page
    assert f'name="lead" value="{town.units["housing"].pk}" checked' in page


def test_a_dispatch_can_be_taken_back_for_sixty_seconds(town: Town) -> None:
    with clock.at(MONDAY):
        case = matters.accepted(town)
        page = act(town, "street", case, "dispatch", follow=True, lead=town.units["housing"].pk).content.decode()
        assert "已派给区住建局" in page and f"/desk/cases/{case.code}/act/take_back/" in page
        case.refresh_from_db()
    with clock.at(MONDAY + timedelta(seconds=50)):
        assert act(town, "street", case, "take_back").status_code == 302
        case.refresh_from_db()
        assert case.stage == "dispatching"


def test_the_undo_stays_on_every_page_of_the_desk_until_its_minute_is_over(town: Town) -> None:
    with clock.at(MONDAY):
        first, second = matters.accepted(town), matters.accepted(town)
        browser = client(town, "street")
        for case in (first, second):
            browser.post(f"/desk/cases/{case.code}/act/dispatch/", {"lead": town.units["housing"].pk, "stage": "dispatching"})
    back = [f'action="/desk/cases/{case.code}/act/take_back/"' for case in (first, second)]
    with clock.at(MONDAY + timedelta(seconds=20)):
        for path in ("/desk/", "/desk/", "/inbox/", f"/desk/cases/{first.code}/"):
            page = browser.get(path).content.decode()
            assert 'data-toast="40" data-undo' in page and back[1] in page.split("data-undo")[1] and page.count("data-undo") == 1
        browser.post(f"/desk/cases/{second.code}/act/take_back/", {"stage": "handling"})
        page = browser.get("/desk/").content.decode()
        assert back[0] in page and back[1] not in page, "the one before can still be taken back"
        assert "data-undo" not in client(town, "district").get("/desk/").content.decode()
    with clock.at(MONDAY + timedelta(seconds=61)):
        assert "data-undo" not in browser.get("/desk/").content.decode()


def test_helpers_are_recommended_searched_and_never_the_unit_that_leads(town: Town) -> None:
    case, housing, parks = matters.accepted(town), town.units["housing"], town.units["parks"]
    CatalogueLine.objects.get(number="41").helpers.add(parks)
    browser, address = client(town, "street"), f"/desk/cases/{case.code}/"
    page = browser.get(address + "?do=dispatch").content.decode()
    picks = page[page.index('data-picks="helpers"'):page.index("</fieldset>", page.index('data-picks="helpers"'))]
    recommended = picks[:picks.index("helper_q")]
    assert f'value="{parks.pk}"' in recommended and f'value="{housing.pk}"' not in recommended and "（推荐）" not in picks
    found = browser.get(address + f"units/?for=helpers&helper_q=城管&lead={housing.pk}").content.decode()
    assert f'type="checkbox" name="helpers" value="{parks.pk}"' in found
    assert str(housing.pk) not in browser.get(address + f"units/?for=helpers&helper_q=住建&lead={housing.pk}").content.decode()
    form = {"lead": housing.pk, "stage": "dispatching"}
    refused = browser.post(address + "act/dispatch/", {**form, "helpers": [parks.pk, housing.pk]})
    again = refused.content.decode()
    assert refused.status_code == 422 and "区住建局是主办单位，不能同时协办" in again
    assert re.search(rf'name="helpers" value="{parks.pk}" checked', again), "what was chosen stands as chips"
    assert browser.post(address + "act/dispatch/", {**form, "helpers": [parks.pk]}).status_code == 302
    assert Case.objects.get(pk=case.pk).fields["helpers"] == [parks.pk]


def test_a_unit_chosen_by_a_search_stays_when_other_words_are_searched(town: Town) -> None:
    case, parks = matters.accepted(town), town.units["parks"]
    address = f"/desk/cases/{case.code}/units/?unit_q=供热&lead={parks.pk}"
    checked = f'name="lead" value="{parks.pk}" checked'
    assert checked in client(town, "street").get(address).content.decode()
    assert checked not in client(town, "street").get(f"{address}&known={parks.pk}").content.decode(), "it stands above"


def test_a_key_that_writes_asks_first(town: Town) -> None:
    case = matters.dispatched(town)
    for path in ("", "preview/"):
        page = client(town, "department").get(f"/desk/cases/{case.code}/{path}").content.decode()
        assert f'data-key="d" data-key-asks="签收：{case.title}？"' in page
    assert "data-key-asks" not in show(town, "street", matters.accepted(town)), "a form asks by itself"


def test_the_number_stands_beside_the_record_of_a_contact_and_the_form_stays_open(town: Town) -> None:
    case = matters.dispatched(town)
    flow.act(case.pk, "sign", by=town.actor("department"))
    page = show(town, "department", case, "?do=contact")
    call = page[page.index('id="call"'):page.index("</header>", page.index('id="call"'))]
    assert "登记联系" in page and "138********" in call and "tel:" not in page and 'name="do" value="contact"' in call
    browser = client(town, "department")
    form = {"purpose": "联系核实情况", "do": "contact"}
    shown = browser.post(f"/desk/cases/{case.code}/open/phone/", form).content.decode()
    assert 'href="tel:13800001111"' in shown and 'name="contact_note"' in shown
    assert Opening.objects.get().purpose == "联系核实情况"
    assert 'id="call"' not in show(town, "street", case), "who does not call sees no number"


def test_a_section_is_not_asked_to_contact_again_and_finds_the_record(town: Town) -> None:
    walk = Walk(town).dispatched()
    walk.does("department", "sign")
    walk.does("department", "contact", contact_note="约好下午三点")
    walk.does("department", "assign", section=town.units["heating-section"].pk,
              inner_due=(walk.now + timedelta(hours=2)).isoformat())
    with clock.at(walk.now):
        page = show(town, "section", walk.case)
        entry = walk.case.entries.get(action="contact")
        assert f'href="#done-{entry.pk}"' in page and f'id="done-{entry.pk}"' in page and "约好下午三点" in page
        assert "do=contact" not in page and 'data-key-asks="签收' in page


def test_handing_on_to_a_section_stands_beside_the_first_steps(town: Town) -> None:
    case = matters.dispatched(town)
    flow.act(case.pk, "sign", by=town.actor("department"))
    page = show(town, "department", case)
    head = page[page.index('class="casehead"'):page.index("</header>", page.index('class="casehead"'))]
    assert 0 < head.index("登记联系") < head.index("二级派单") < head.index('<details class="more">')


def test_a_dispatch_without_a_unit_is_told_at_the_field_and_keeps_what_was_typed(town: Town) -> None:
    answer = act(town, "street", matters.accepted(town), "dispatch", note="请先测温", lead="")
    assert answer.status_code == 422
    assert "请填写主办单位" in answer.content.decode() and "请先测温" in answer.content.decode()


def test_a_late_click_is_told_and_what_was_typed_is_kept(town: Town) -> None:
    case = matters.accepted(town)
    seen = case.stage
    flow.act(case.pk, "dispatch", by=town.actor("street"), form={"lead": town.units["housing"].pk})
    answer = act(town, "street", case, "dispatch", stage=seen, lead=town.units["parks"].pk, note="派给城管的说明")
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "已经被处理过了" in page and "派给城管的说明" in page
    assert Case.objects.get(pk=case.pk).fields["lead"] == town.units["housing"].pk


def test_the_unit_signs_contacts_finishes_and_the_leader_agrees(town: Town) -> None:
    case = matters.dispatched(town)
    assert act(town, "department", case, "sign").status_code == 302
    assert act(town, "department", case, "contact", contact_note="约好下午").status_code == 302
    assert act(town, "department", case, "finish", result="换阀门", reply="已更换阀门。").status_code == 302
    task = case.tasks.get(kind="approval", done_at=None)
    page = show(town, "department_leader", case, f"?do=agree&task={task.pk}")
    assert "已更换阀门。" in page and "同意办结" in page
    assert act(town, "department_leader", case, "agree", task=task.pk).status_code == 302
    assert Case.objects.get(pk=case.pk).stage == "confirming"


def test_evidence_need_not_be_chosen_again_after_a_fault_and_can_be_taken_off(town: Town) -> None:
    case = matters.dispatched(town, "parks", category="200102", words="垃圾成堆")
    flow.act(case.pk, "sign", by=town.actor("parks"))
    files = [SimpleUploadedFile("后照.jpg", photo(), "image/jpeg"), SimpleUploadedFile("验收.pdf", b"%PDF-1.4 x")]
    page = act(town, "parks", case, "finish", result="清走了", reply="", evidence=files)
    text = page.content.decode()
    tokens = re.findall(r'name="kept-evidence" value="([^"]+)" checked', text)
    assert page.status_code == 422 and len(tokens) == 2 and "后照.jpg" in text and "验收.pdf" in text
    given = {"result": "清走了", "reply": "已清运两车。"}
    assert act(town, "parks", case, "finish", **{**given, "kept-evidence": tokens[1:]}).status_code == 422  # no photo
    assert act(town, "parks", case, "finish", **{**given, "kept-evidence": tokens[:1]}).status_code == 302
    assert [(a.kind, a.name) for a in case.attachments.all()] == [("photo", "后照.jpg")]


def test_evidence_is_taken_with_the_act(town: Town) -> None:
    case = matters.dispatched(town, "parks", category="200102", words="垃圾成堆")
    flow.act(case.pk, "sign", by=town.actor("parks"))
    refused = act(town, "parks", case, "finish", result="清走了", reply="已清运两车。")
    page = refused.content.decode()
    field = page[page.index("<legend>办结材料"):page.index("</fieldset>", page.index("<legend>办结材料"))]
    assert refused.status_code == 422 and "要附照片" in field and "autofocus" in field and page.count("要附照片") == 1
    sent = act(town, "parks", case, "finish", result="清走了", reply="已清运两车。",
               evidence=SimpleUploadedFile("a.jpg", photo(), "image/jpeg"))
    assert sent.status_code == 302
    file = case.attachments.get()
    answer = client(town, "parks_leader").get(f"/desk/files/{file.pk}/")
    assert answer["Content-Type"] == "image/jpeg" and answer["Content-Disposition"] == "inline"
    assert "private" in answer["Cache-Control"] and answer["X-Content-Type-Options"] == "nosniff"
    assert client(town, "north").get(f"/desk/files/{file.pk}/").status_code == 404


def test_a_case_of_another_place_is_not_found(town: Town) -> None:
    case = matters.accepted(town)
    for name in ("east", "north", "parks", "heating"):
        for path in ("", "preview/", "ticket/", "twins/", "units/?unit_q=x"):
            assert client(town, name).get(f"/desk/cases/{case.code}/{path}").status_code == 404
        for path in ("act/dispatch/", "open/phone/", "say/"):
            assert client(town, name).post(f"/desk/cases/{case.code}/{path}").status_code == 404
    assert client(town, "street").get("/desk/cases/0000000000/").status_code == 404


def test_a_stranger_is_asked_to_sign_in(town: Town, client: object) -> None:
    case = matters.accepted(town)
    for path in ("/desk/", "/desk/export/", "/desk/search/", f"/desk/cases/{case.code}/"):
        assert client.get(path).status_code == 302  # type: ignore[attr-defined]


def test_the_number_is_masked_and_shown_once_with_a_purpose(town: Town) -> None:
    case = matters.dispatched(town)
    page = show(town, "department", case)
    assert "13800001111" not in page and "138********" in page and "王女士" not in page
    browser = client(town, "department")
    refused = browser.post(f"/desk/cases/{case.code}/open/phone/", {"purpose": " "})
    assert refused.status_code == 422 and "请写明查看的目的" in refused.content.decode()
    shown = browser.post(f"/desk/cases/{case.code}/open/phone/", {"purpose": "约上门时间"})
    assert "13800001111" in shown.content.decode() and Opening.objects.get().purpose == "约上门时间"
    assert "13800001111" not in browser.get(f"/desk/cases/{case.code}/").content.decode()


def test_who_need_not_call_does_not_see_the_number(town: Town) -> None:
    case = matters.dispatched(town)
    for name in ("street", "community", "grid", "district"):
        assert "138*" not in show(town, name, case)
        assert client(town, name).post(f"/desk/cases/{case.code}/open/phone/", {"purpose": "看一看"}).status_code == 403


def test_handlers_of_a_complaint_read_the_summary_and_never_the_original(town: Town) -> None:
    case = matters.accepted(town, "900501", words="社区老刘骂人，电话里还威胁", kind="complain", summary="反映工作态度",
                            photos=[photo()])
    file = case.attachments.get()
    case = flow.act(case.pk, "dispatch", by=town.actor("street"), form={"lead": town.units["parks"].pk})
    for name in ("parks", "street", "community"):
        page = show(town, name, case)
        assert "反映工作态度" in page and "老刘" not in page and f"/desk/files/{file.pk}/" not in page
        assert client(town, name).get(f"/desk/files/{file.pk}/").status_code == 404
        browser = client(town, name)
        assert browser.post(f"/desk/cases/{case.code}/open/original/", {"purpose": "想看看"}).status_code == 403
        assert "老刘" not in client(town, name).get(f"/desk/cases/{case.code}/ticket/").content.decode()
        assert "老刘" not in client(town, name).get(f"/desk/cases/{case.code}/preview/").content.decode()


def test_the_reviewer_opens_an_original_with_a_purpose_for_a_while(town: Town) -> None:
    with clock.at(MONDAY):
        case = matters.accepted(town, "900501", words="社区老刘骂人", kind="complain", summary="反映工作态度",
                                photos=[photo()])
        file = case.attachments.get()
        browser = client(town, "reviewer")
        assert browser.get(f"/desk/files/{file.pk}/").status_code == 404
        browser.post(f"/desk/cases/{case.code}/open/original/", {"purpose": "核对事实"})
        assert "老刘" in browser.get(f"/desk/cases/{case.code}/").content.decode()
        assert browser.get(f"/desk/files/{file.pk}/").status_code == 200
        assert client(town, "checker").get(f"/desk/files/{file.pk}/").status_code == 404
    with clock.at(MONDAY + doors.OPEN_FOR + timedelta(minutes=1)):
        assert browser.get(f"/desk/files/{file.pk}/").status_code == 404
        assert "老刘" not in browser.get(f"/desk/cases/{case.code}/").content.decode()


def test_an_outside_handler_sees_text_and_place_only(town: Town) -> None:
    case = matters.dispatched(town, "heating", photos=[photo()])
    page = show(town, "heating", case)
    assert matters.WORDS in page and "西南社区" in page
    for closed in ("****", "13800001111", "已留电话", "/desk/files/", "和诉求人的往来"):
        assert closed not in page
    assert client(town, "heating").get(f"/desk/files/{case.attachments.get().pk}/").status_code == 404
    assert client(town, "heating").post(f"/desk/cases/{case.code}/say/", {"words": "您好"}).status_code == 403


def test_handlers_do_not_see_a_rating_before_it_is_final(town: Town) -> None:
    case = matters.finished(town)
    task = case.tasks.get(kind="approval", done_at=None)
    flow.act(case.pk, "agree", by=town.actor("department_leader"), task_id=task.pk)
    from gongzhi.flow.actors import reporter

    flow.act(case.pk, "redo", by=reporter(case.pk), form={"solved": "unsolved", "satisfied": "1", "reason": "还是冷"})
    page = show(town, "department", case)
    assert "还是冷" in page and "非常不满意" not in page
    assert "非常不满意" in show(town, "operator", case)


def test_messages_go_both_ways(town: Town) -> None:
    from gongzhi.flow.actors import reporter

    case = matters.dispatched(town)
    requests.say(case, "什么时候来？", by=reporter(case.pk))
    browser = client(town, "department")
    assert "什么时候来？" in browser.get(f"/desk/cases/{case.code}/").content.decode()
    assert browser.post(f"/desk/cases/{case.code}/say/", {"words": "下午三点"}).status_code == 302
    assert browser.post(f"/desk/cases/{case.code}/say/", {"words": " "}).status_code == 422


def test_a_refused_act_is_shown_with_its_reason(town: Town) -> None:
    page = show(town, "department", matters.finished(town))
    assert "已提交，等待审核。" in page


def test_the_third_return_is_an_objection_and_shows_how_others_were_ruled(town: Town) -> None:
    with clock.at(MONDAY):
        old = returned_twice(town)
        flow.act(old.pk, "appeal", by=town.actor("parks"), form={"return_code": "not_mine", "reason": "不归我们管"})
        task = old.tasks.get(kind="approval", done_at=None)
        assert "不归我们管" in show(town, "reviewer", old, f"?do=refuse&task={task.pk}")
        flow.act(old.pk, "refuse", by=town.actor("reviewer"), task_id=task.pk, form={"reason": "权责清单第 3 项列明"})
        page = show(town, "parks", returned_twice(town), "?do=appeal")
    assert "权责清单第 3 项列明" in page and "派单异议 · 不同意" in page


def returned_twice(town: Town) -> Case:
    case = matters.dispatched(town, "parks")
    for _i in range(2):
        flow.act(case.pk, "return", by=town.actor("parks"), form={"return_code": "not_mine", "reason": "不归我们"})
        task = case.tasks.get(kind="approval", done_at=None)
        flow.act(case.pk, "agree", by=town.actor("street"), task_id=task.pk)
        case = flow.act(case.pk, "dispatch", by=town.actor("street"), form={"lead": town.units["parks"].pk})
    return case


def test_the_clerk_records_all_five_levels_and_none_is_chosen_for_him(town: Town) -> None:
    with clock.at(MONDAY):
        case = matters.finished(town)
        task = case.tasks.get(kind="approval", done_at=None)
        flow.act(case.pk, "agree", by=town.actor("department_leader"), task_id=task.pk)
        Case.objects.filter(pk=case.pk).update(stage="confirming")
        from gongzhi.flow.actors import SYSTEM

        case = flow.act(case.pk, "call", by=SYSTEM)
        page = show(town, "operator2", case, "?do=called")
    form = page[page.index('id="act"'):page.index("</section>", page.index('id="act"'))]
    assert all(words in form for words in ("非常满意", "基本满意", "非常不满意")) and "checked" not in form


def test_a_reply_that_says_nothing_is_warned_about(town: Town) -> None:
    answer = client(town, "department").post("/desk/phrases/", {"reply": "您好，已转相关部门，高度重视。"})
    assert "已转相关部门" in answer.content.decode() and "没有说做了什么" in answer.content.decode()
    assert "没有说" not in client(town, "department").post("/desk/phrases/", {"reply": "已换阀门"}).content.decode()


def test_whoever_is_asked_to_agree_to_an_empty_reply_is_warned(town: Town) -> None:
    with clock.at(MONDAY):
        case = matters.dispatched(town)
        form = {"result": "转了", "reply": "您好，已转相关部门，高度重视。"}
        flow.act(case.pk, "finish", by=town.actor("department"), form=form)
        task = case.tasks.get(kind="approval", done_at=None)
        page = show(town, "department_leader", case, f"?do=agree&task={task.pk}")
    assert "“已转相关部门”“高度重视”没有说做了什么" in page


def test_the_number_of_returns_stands_in_the_process_file_alone(town: Town) -> None:
    text = (Path(__file__).parents[3] / "processes/request.toml").read_text().replace(
        'of   = ["handling.return"]\nmax  = 2', 'of   = ["handling.return"]\nmax  = 4')
    flow.publish(text)
    with clock.at(MONDAY):
        case = matters.accepted(town)
        assert "最多可以退单 4 次" in show(town, "street", case, "?do=dispatch")


def test_the_knowledge_base_answers_on_the_case_page(town: Town) -> None:
    case = matters.reported(town, words="居住证怎么办理")
    page = show(town, "operator", case, "?do=answer")
    answer = Answer.objects.get()
    assert f'value="{answer.pk}" data-text="带身份证到社区办理。（来源：made up，2026-01-01）"' in page and "居住证怎么办" in page
    found = client(town, "operator").get(f"/desk/cases/{case.code}/answers/?kq=居住证").content.decode()
    assert "带身份证到社区办理" in found
    assert "没有合适的" in client(town, "operator").get(f"/desk/cases/{case.code}/answers/?kq=月球").content.decode()
    assert client(town, "street").get(f"/desk/cases/{case.code}/answers/?kq=居住证").status_code == 403
    sent = act(town, "operator", case, "answer", knowledge=str(answer.pk), answer="", kind="consult")
    assert sent.status_code == 302
    assert case.entries.get(action="answer").values["answer"] == "带身份证到社区办理。（来源：made up，2026-01-01）"


def test_the_standard_of_a_category_stands_where_it_is_chosen_and_on_the_case(town: Town) -> None:
    Category.objects.filter(code="900401").update(
        opens_when="室温低于 18 度", closes_when="测温达标", staged_limits="测温 4h; 修好 24h calendar", source="某标准第 3 条")
    case = matters.reported(town)
    words = ("室温低于 18 度", "测温达标", "测温 4 个工作小时；修好 24 小时", "某标准第 3 条")
    assert 'hx-get="/desk/standard/"' in show(town, "operator", case, "?do=accept")
    chosen = client(town, "operator").get("/desk/standard/?category=900401").content.decode()
    assert all(each in chosen for each in (*words, "made up for tests"))
    assert "facts" not in client(town, "operator").get("/desk/standard/?category=x").content.decode()
    case = matters.accepted(town)
    page = show(town, "street", case)
    assert all(each in page for each in words)
    assert "这一类的标准" in show(town, "street", case, "?do=dispatch")
    seen = client(town, "operator").post("/desk/intake/look/", {"words": "暖气不热", "category": "900401"}).content.decode()
    assert all(each in seen for each in words[:-1]) and words[-1] not in seen  # what is told to the caller
    assert "按 24 小时的办理时限，依据：made up for tests" in seen


def test_a_printed_case_says_which_one_who_printed_it_and_when(town: Town) -> None:
    with clock.at(MONDAY):
        case = matters.dispatched(town)
        line = re.search(r'<p class="print-only">(.*?)</p>', show(town, "department", case))
    code = f"{case.code[:3]} {case.code[3:6]} {case.code[6:]}"
    assert line and code in line[1] and "住建联络员 打印，内容截至 2026-03-02 09:00" in line[1]


def test_the_ticket_says_the_deadline_and_its_rule_and_not_the_reporter(town: Town) -> None:
    """条例 art. 13: the limit stands on the order."""
    case = matters.dispatched(town)
    page = client(town, "department").get(f"/desk/cases/{case.code}/ticket/").content.decode()
    assert "24 小时" in page and "made up for tests" in page and "<svg" in page
    assert "138*" not in page and "13800001111" not in page and "王女士" not in page and case.request.secret not in page


def test_units_are_found_by_name_and_by_the_lines_of_the_catalogue_but_not_recused_ones(town: Town) -> None:
    case = matters.accepted(town)
    browser = client(town, "street")
    assert "区住建局" in browser.get(f"/desk/cases/{case.code}/units/?unit_q=供热质量").content.decode()
    assert "暖阳供热公司" in browser.get(f"/desk/cases/{case.code}/units/?unit_q=供热").content.decode()
    about = matters.complained(town)
    assert "西街街道办事处" in browser.get(f"/desk/cases/{case.code}/units/?unit_q=西街").content.decode()
    found = client(town, "district").get(f"/desk/cases/{about.code}/units/?unit_q=西街").content.decode()
    assert "西街街道办事处" not in found


def test_nothing_written_is_trusted_as_markup(town: Town) -> None:
    case = matters.dispatched(town, words="<script>alert(1)</script>暖气")
    for path in ("", "preview/", "ticket/"):
        page = client(town, "department").get(f"/desk/cases/{case.code}/{path}").content.decode()
        assert "<script>alert" not in page


@pytest.mark.parametrize("name", ALL)
def test_every_page_of_a_case_opens_for_everybody_who_may_see_it(town: Town, name: str) -> None:
    made = [matters.reported(town), matters.accepted(town), matters.dispatched(town), matters.finished(town),
            matters.complained(town)]
    for case in made:
        browser = client(town, name)
        page = browser.get(f"/desk/cases/{case.code}/")
        if page.status_code == 404:
            continue
        for href in set(re.findall(r'href="(/desk/cases/\d+/\?do=[^"#]+)', page.content.decode())):
            assert browser.get(href.replace("&amp;", "&")).status_code == 200, href
        for path in ("preview/", "ticket/"):
            assert browser.get(f"/desk/cases/{case.code}/{path}").status_code == 200


@pytest.mark.parametrize(
    "name", ["operator", "street", "department", "department_leader", "district", "community", "chief"])
@pytest.mark.parametrize("stage", ["accepted", "dispatched", "finished"])
def test_a_case_takes_few_queries(town: Town, name: str, stage: str) -> None:
    case = getattr(matters, stage)(town)
    browser = client(town, name)
    if browser.get(f"/desk/cases/{case.code}/").status_code == 404:
        return
    with CaptureQueriesContext(connection) as seen:
        browser.get(f"/desk/cases/{case.code}/")
    assert len(seen) <= 30, f"{len(seen)}\n" + "\n".join(q["sql"][:150] for q in seen)


def test_the_dispatcher_is_shown_what_may_be_the_same_matter(town: Town) -> None:
    case, same, other = matters.accepted(town), matters.accepted(town), matters.accepted(town, "200102", words="垃圾成堆")
    found = client(town, "street").get(f"/desk/cases/{case.code}/twins/").content.decode()
    assert same.code in found and other.code not in found and f"/cases/{case.code}/" not in found
    assert "/desk/cases/" not in client(town, "community").get(f"/desk/cases/{case.code}/twins/").content.decode()


def test_several_matters_are_dispatched_at_once_each_to_its_suggested_unit(town: Town) -> None:
    made = [matters.accepted(town), matters.accepted(town, "200102", words="垃圾成堆")]
    other = matters.accepted(town, grid="east-south-1")
    codes = [c.code for c in (*made, other)]
    browser = client(town, "street")
    page = browser.get("/desk/batch/", {"case": [*codes, "1", "x"]}).content.decode()
    assert [f'name="lead-{c}"' in page for c in codes] == [True, True, False]
    leads = {f"lead-{made[0].code}": town.units["housing"].pk, f"lead-{made[1].code}": "",
             f"lead-{other.code}": town.units["housing"].pk}
    answer = browser.post("/desk/batch/", {"case": codes, **leads}).content.decode()
    assert "已派给区住建局" in answer and answer.count(f"/desk/cases/{made[0].code}/act/take_back/") == 2  # also where it stays
    assert [Case.objects.get(pk=c.pk).stage for c in (*made, other)] == ["handling", "dispatching", "dispatching"]
    assert client(town, "department").get("/desk/batch/").status_code == 403


def test_any_unit_can_be_named_as_complained_of_by_a_typed_search(town: Town) -> None:
    """Communities, grids and sections too; without a script the first sending lists what was found."""
    case, browser = matters.reported(town, "投诉社区干事"), client(town, "operator")
    page = browser.get(f"/desk/cases/{case.code}/?do=accept").content.decode()
    assert 'name="about_q"' in page and "/desk/intake/units/" in page and 'id="f-about_unit"' not in page
    form = {"category": "900501", "place": f"{case.lon},{case.lat}", "kind": "complain", "summary": "反映作风",
            "about_q": "西南社区", "stage": "receiving"}
    answer = browser.post(f"/desk/cases/{case.code}/act/accept/", form)
    again = answer.content.decode()
    assert answer.status_code == 422 and "反映作风" in again and 'value="西南社区"' in again
    for key in ("west-south", "west-south-1", "west-south-2"):
        assert f'name="about_unit" value="{town.units[key].pk}"' in again
    chosen = town.units["west-south-1"].pk
    assert browser.post(f"/desk/cases/{case.code}/act/accept/", {**form, "about_unit": chosen}).status_code == 302
    case.refresh_from_db()
    assert chosen in case.about_units and case.stage == "dispatching"


def test_a_matter_that_is_accepted_again_stays_about_whom_it_was(town: Town) -> None:
    """rights 4.2: a form in which nobody chose a unit anew must not let the unit complained of in."""
    walk = Walk(town, "社区干事态度恶劣").accepted(
        MANNERS, kind="complain", summary="反映社区工作作风", about_unit=town.units["west-south"].pk)
    about = walk.case.about_units
    walk.does("street", "send_back", reason="摘要不清")
    page = client(town, "operator").post(f"/desk/cases/{walk.case.code}/act/accept/", {
        "category": MANNERS, "kind": "complain", "summary": "反映社区干事作风", "stage": "receiving",
        "place": f"{walk.case.lon},{walk.case.lat}"})
    assert page.status_code == 302, page.content.decode()
    assert about and walk.case.about_units == about and walk.case.stage == "dispatching"


def test_the_clerk_changes_a_rating_for_a_caller_and_passes_on_that_he_was_pressed(town: Town) -> None:
    walk = Walk(town).confirming()
    address = f"/desk/cases/{walk.case.code}/"
    operator = client(town, "operator")
    assert "代记改评价" not in operator.get(address).content.decode()
    walk.does("reporter", "rate", solved="solved", satisfied="5")
    with clock.at(walk.now):
        assert "代记改评价" in operator.get(address).content.decode()
        wrong = operator.post(address + "rerate/", {"solved": "unsolved", "said": "又漏水了"})
        assert wrong.status_code == 422 and "又漏水了" in wrong.content.decode()
        assert operator.post(address + "rerate/", {"solved": "unsolved", "satisfied": "1"}).status_code == 302
        assert operator.post(address + "pressed/").status_code == 302
    rating = walk.case.rating
    assert (rating.solved, rating.satisfied, rating.first_satisfied) == ("unsolved", 1, 5)
    for who in ("department", "street"):
        browser = client(town, who)
        page = browser.get(address).content.decode()
        assert "代记改评价" not in page and ("要求改评价" in page) == (who == "street")  # who handles it does not learn of it
        assert browser.post(address + "pressed/").status_code == 403


@pytest.mark.parametrize(("lead", "who"), [("housing", "department"), ("heating", "heating")])
def test_the_lead_reads_that_the_hotline_rings_and_never_the_number_and_the_reporter_that_it_will(
        town: Town, lead: str, who: str) -> None:
    with clock.at(MONDAY):
        more = {} if who == "heating" else {"hide_reporter": "1"}
        case = matters.dispatched(town, lead, **more)
        for name in (who, "operator"):
            page = show(town, name, case)
            assert "由热线代为联系：区接诉即办中心，明天 09:00前" in page and "13800001111" not in page
        assert "/open/phone" not in show(town, who, case)
        followed = client(town, who).get(f"/r/{case.code}/{case.request.secret}/").content.decode()
        assert "由区接诉即办中心在明天 09:00前打电话联系您" in followed
        act(town, "operator", case, "contact", contact_note="已联系")
        assert "由热线代为联系" not in show(town, who, case)
