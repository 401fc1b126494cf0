"""The grid worker's phone: next thing, lists, report, 代录, 自办, handle, my grid."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image

from conftest import Town
from gongzhi.base import clock
from gongzhi.base.tests.test_sweep import VOICE
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor, reporter
from gongzhi.flow.models import Attachment, Case
from gongzhi.org.models import Appointment, Person, Post
from gongzhi.places import index
from gongzhi.places.models import Place
from gongzhi.requests import actions
from gongzhi.requests.models import Opening


@pytest.fixture
def wang(client: Client, town: Town) -> Client:
    client.force_login(town.people["grid"])
    return client


def photo(name: str = "现场.jpg") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (80, 60), "green").save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), content_type="image/jpeg")


def find(town: Town, **more: object) -> dict[str, object]:
    lon, lat = town.point("west-south-1")
    return {"key": "f1", "words": "南门堆了垃圾", "point": f"{lon},{lat}", "who": "own", "solved": "", **more}


def sent(client: Client, form: dict[str, object]) -> Case:
    answer = client.post("/field/report/", form)
    assert answer.status_code == 302, re.findall(r'class="wrong"[^>]*>.*?</svg>(.*?)</p>', answer.content.decode())
    return Case.objects.get(code=answer["Location"].rstrip("/").rsplit("/", 1)[-1])


def on_my_desk(town: Town, words: str = "团结小区南门一堆垃圾", phone: str = "13800001234", kind: str = "help") -> Case:
    """A resident's matter that went to the community and from there to wang's grid."""
    lon, lat = town.point("west-south-1")
    given = actions.Report(lon, lat, words=words, phone=phone, kind=kind)
    case_id = actions.report(given, by=Actor("anyone")).case_id
    form = {"category": "200102", "place": [lon, lat], "kind": kind, "summary": "摘要" if kind == "complain" else ""}
    flow.act(case_id, "accept", by=town.actor("operator"), form=form)
    flow.act(case_id, "dispatch", by=town.actor("street"), form={"lead": town.units["west-south"].pk})
    flow.act(case_id, "sign", by=town.actor("community"), form={})
    inner_due = (clock.now() + timedelta(hours=1)).isoformat()
    form = {"section": town.units["west-south-1"].pk, "inner_due": inner_due}
    flow.act(case_id, "assign", by=town.actor("community"), form=form)
    return Case.objects.get(pk=case_id)


def take(client: Client, case: Case, name: str, **form: object):
    task = case.tasks.filter(role="handler", done_at=None).first()
    return client.post(f"/field/cases/{case.code}/act/{name}/",
                       {"stage": case.stage, **({"task": task.pk} if task else {}), **form})


def test_nothing_to_do_is_said(wang: Client) -> None:
    page = wang.get("/field/").content.decode()
    assert "手上的事都办完了" in page and "替居民报" in page


def test_today_begins_with_the_next_thing_and_its_step(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    page = wang.get("/field/").content.decode()
    assert "下一件" in page and case.title in page and "去签收" in page


def test_three_numbers_are_links_to_what_they_count(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    flow.act(case.pk, "urge", by=reporter(case.pk), form={})
    page = wang.get("/field/").content.decode()
    for name in ("todo", "urged"):
        assert f"/field/list/?list={name}" in page
        assert case.title in wang.get(f"/field/list/?list={name}").content.decode()
    assert "有人催" in page


def test_a_list_goes_on_behind_the_last_row(wang: Client, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gongzhi.field.rules.PAGE", 2)
    for n in range(3):
        on_my_desk(town, words=f"第 {n} 堆垃圾")
    first = wang.get("/field/list/").content.decode()
    onward = re.search(r'href="(\?list=todo[^"]+)" rel="next"', first)
    assert onward and "第 2 堆" not in first
    second = wang.get("/field/list/" + onward[1].replace("&amp;", "&")).content.decode()
    assert "第 2 堆" in second and "第 0 堆" not in second


@pytest.mark.parametrize("who", ["operator", "street", "department", "heating"])
def test_the_phone_is_for_those_who_work_in_a_grid(client: Client, town: Town, who: str) -> None:
    client.force_login(town.people[who])
    for path in ("/field/", "/field/list/", "/field/report/", "/field/grid/"):
        assert client.get(path).status_code == 403


def test_a_stranger_is_asked_to_sign_in(client: Client, town: Town) -> None:
    assert "/sign-in/" in client.get("/field/")["Location"]


def test_an_own_find_is_counted_apart_from_residents(wang: Client, town: Town) -> None:
    case = sent(wang, find(town))
    assert case.origin == "staff" and case.request.channel == "grid" and case.stage == "receiving"
    assert case.code[:3] in wang.get(f"/field/report/{case.code}/").content.decode()


def test_a_photo_and_a_kind_are_enough(wang: Client, town: Town) -> None:
    case = sent(wang, find(town, words="", category="200102", photos=[photo()]))
    assert case.request.words == "暴露垃圾" and case.request.suggested.code == "200102"
    assert Attachment.objects.get(case=case).original


def test_an_own_find_is_solved_on_the_spot_with_an_after_photo(wang: Client, town: Town) -> None:
    form = find(town, solved="1", category="200102", result="已清走", photos=[photo()], after=[photo("后.jpg")])
    case = sent(wang, form)
    assert case.stage == "self_solved" and case.origin == "staff"
    assert sorted(Attachment.objects.filter(case=case).values_list("original", flat=True)) == [False, True]


def test_a_residents_matter_is_never_solved_by_its_writer(wang: Client, town: Town) -> None:
    case = sent(wang, find(town, who="resident", solved="1", category="200102", result="清了", phone="13800001234"))
    assert case.stage == "receiving" and case.origin == "resident" and case.request.on_behalf_of


def test_a_resident_without_a_phone_gets_a_slip_without_a_link(wang: Client, town: Town) -> None:
    case = sent(wang, find(town, who="resident", name="刘大爷"))
    page = wang.get(f"/field/report/{case.code}/slip/").content.decode()
    assert case.code[:3] in page and "区接诉即办中心" in page and case.request.secret not in page
    assert "纸质回执" in wang.get(f"/field/report/{case.code}/").content.decode()


def test_only_my_own_reports_have_a_slip_here(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    assert wang.get(f"/field/report/{case.code}/slip/").status_code == 404


def test_a_point_of_another_workers_grid_cannot_be_solved_here_but_the_form_is_kept(wang: Client, town: Town) -> None:
    lon, lat = town.point("east-north-1")
    page = wang.post("/field/report/", find(town, point=f"{lon},{lat}", solved="1", category="200102", result="清了"))
    assert page.status_code == 422 and "现在不能自办" in page.content.decode() and "清了" in page.content.decode()
    assert not Case.objects.exists()


def test_photos_of_a_form_that_comes_back_are_kept(wang: Client, town: Town) -> None:
    page = wang.post("/field/report/", find(town, point="", photos=[photo()]))
    text = page.content.decode()
    token = re.search(r'name="kept" value="([^"]+)"', text)
    assert page.status_code == 422 and "请定地点" in text and token
    assert wang.get(f"/field/report/kept/{token[1]}/")["Content-Type"] == "image/jpeg"
    case = sent(wang, find(town, kept=[token[1]]))
    assert Attachment.objects.filter(case=case, original=True).count() == 1


@pytest.mark.parametrize(("wrong", "sentence"), [
    ({"words": "", "category": ""}, "有一样就行"), ({"point": "116.4,39.9"}, "不在本区范围内"),
    ({"point": "x"}, "请定地点"), ({"solved": "1", "result": ""}, "请写一句怎么解决的"),
    ({"solved": "1", "category": "", "result": "好"}, "自办要选是什么事"),
    ({"who": "resident", "phone": "1380abc"}, "电话号码不对"), ({"words": "长" * 5001}, "最多写 5000 个字"),
])
def test_what_is_wrong_is_said_and_nothing_is_written(
        wang: Client, town: Town, wrong: dict[str, str], sentence: str) -> None:
    page = wang.post("/field/report/", find(town, **wrong))
    assert page.status_code == 422 and sentence in page.content.decode()
    assert not Case.objects.exists()


def test_a_text_file_called_jpg_is_refused_in_words(wang: Client, town: Town) -> None:
    fake = SimpleUploadedFile("假.jpg", b"words", content_type="image/jpeg")
    page = wang.post("/field/report/", find(town, photos=[fake]))
    assert page.status_code == 422 and "不是能打开的照片" in page.content.decode() and not Case.objects.exists()


def test_the_same_form_twice_opens_one(wang: Client, town: Town) -> None:
    assert sent(wang, find(town)).pk == sent(wang, find(town)).pk


def test_the_position_of_the_phone_is_said_in_words_and_kept_nowhere(wang: Client, town: Town) -> None:
    lon, lat = town.point("west-south-1")
    assert "西南社区第1网格" in wang.get(f"/field/report/place/?point={lon},{lat}").content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM log_event WHERE actor = %s", [f"person:{town.people['grid'].pk}"])
        assert cursor.fetchone() == (0,)


def test_a_task_is_signed_contacted_reported_on_and_finished_on_the_phone(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    assert "签收" in wang.get(f"/field/cases/{case.code}/").content.decode()
    for name, form in (("sign", {}), ("contact", {"contact_note": "下午去"}), ("interim", {"note": "正在清"})):
        answer = take(wang, case, name, **form)
        assert answer.status_code == 302, name
    assert "已提交" in wang.get(answer["Location"]).content.decode()
    refused = take(wang, case, "finish", result="清走两车", reply="南门垃圾已清走")
    assert refused.status_code == 422 and "要附照片" in refused.content.decode()
    assert "清走两车" in refused.content.decode()  # what was typed is kept
    answer = take(wang, case, "finish", result="清走两车", reply="南门垃圾已清走", evidence=[photo()])
    assert answer.status_code == 302 and case.tasks.filter(kind="approval", done_at=None).exists()
    assert "等审核" in wang.get(answer["Location"]).content.decode()


def test_evidence_that_was_sent_stays_attached_to_a_form_that_comes_back(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    take(wang, case, "sign")
    page = take(wang, case, "finish", result="清走两车", reply="", evidence=[photo()])
    token = re.search(r'name="kept-evidence" value="([^"]+)" checked', page.content.decode())
    assert page.status_code == 422 and token
    take(wang, case, "finish", result="清走两车", reply="南门垃圾已清走", **{"kept-evidence": token[1]})
    assert case.attachments.get().name == "现场.jpg"


def test_the_after_photo_stays_attached_too(wang: Client, town: Town) -> None:
    form = find(town, solved="1", category="200102", result="")
    page = wang.post("/field/report/", {**form, "after": [photo("后.jpg")]})
    token = re.search(r'name="kept-after" value="([^"]+)" checked', page.content.decode())
    assert page.status_code == 422 and token
    case = sent(wang, {**form, "result": "已清走", "kept-after": token[1]})
    assert case.attachments.get(original=False).name == "后.jpg"


def test_missing_words_are_said_at_the_field(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    page = take(wang, case, "contact", contact_note="")
    assert page.status_code == 422 and "请填写联系情况" in page.content.decode()


def test_a_case_that_moved_on_is_told_and_the_words_are_kept(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    page = wang.post(f"/field/cases/{case.code}/act/finish/",
                     {"stage": "handling", "task": 999999, "result": "白写的话", "reply": "答复"})
    text = page.content.decode()
    assert page.status_code == 409 and "已经被处理过了" in text and "白写的话" in text


def test_a_stolen_task_of_another_unit_does_nothing(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    lead = case.tasks.get(role="lead", done_at=None)
    answer = wang.post(f"/field/cases/{case.code}/act/finish/",
                       {"stage": "handling", "task": lead.pk, "result": "x", "reply": "y"})
    assert answer.status_code == 409 and not case.entries.filter(action="finish").exists()


def test_a_number_is_opened_with_a_purpose_that_the_reporter_can_see(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    page = wang.get(f"/field/cases/{case.code}/").content.decode()
    assert "13800001234" not in page and "138********" in page
    assert wang.post(f"/field/cases/{case.code}/phone/", {"purpose": "看"}).status_code == 422
    wang.post(f"/field/cases/{case.code}/phone/", {"purpose": "联系诉求人核实"})
    assert "tel:13800001234" in wang.get(f"/field/cases/{case.code}/").content.decode()
    assert Opening.objects.get().purpose == "联系诉求人核实"
    with clock.at(clock.now() + timedelta(hours=1)):
        assert "13800001234" not in wang.get(f"/field/cases/{case.code}/").content.decode()


def test_of_a_complaint_the_worker_reads_the_summary_alone(wang: Client, town: Town) -> None:
    case = on_my_desk(town, words="原话里有我的名字赵六", kind="complain")
    page = wang.get(f"/field/cases/{case.code}/").content.decode()
    assert "赵六" not in page and "摘要" in page and "1234" not in page
    assert wang.post(f"/field/cases/{case.code}/phone/", {"purpose": "联系诉求人"}).status_code == 403


def test_a_recused_worker_does_not_see_the_case(wang: Client, town: Town) -> None:
    case = on_my_desk(town)
    Case.objects.filter(pk=case.pk).update(about_units=[town.units["west-south"].pk])
    assert wang.get(f"/field/cases/{case.code}/").status_code == 404
    assert case.title not in wang.get("/field/").content.decode()
    assert take(wang, case, "sign").status_code == 404


def test_my_grid_shows_compounds_and_the_team_with_work_phones(wang: Client, town: Town) -> None:
    grid = town.places["west-south-1"]
    made = Place.objects.create(parent=grid, kind="compound", name="团结小区", lon=grid.lon, lat=grid.lat,
                                attrs={"n_homes": 620, "heating": "heating"}, pinyin="tj tj")
    made.path = [*grid.path, made.pk]
    made.save()
    index.reload()
    mate = Person.objects.create(username="mate", name="赵兼职", work_phone="0471-555-0100")
    post = Post.objects.create(unit=town.units["west-south-1"], name="gridpart")
    Appointment.objects.create(post=post, person=mate, from_date=clock.today())
    page = wang.get("/field/grid/").content.decode()
    assert "团结小区" in page and "620 户" in page and "暖阳供热公司" in page
    assert "tel:0471-555-0100" in page and "专职网格员" in page
    assert "赵兼职" in wang.get("/field/").content.decode()
    assert "团结小区" in wang.get("/field/report/").content.decode()


def test_what_i_reported_is_listed(wang: Client, town: Town) -> None:
    case = sent(wang, find(town))
    page = wang.get("/field/list/?list=mine").content.decode()
    assert case.title in page and "已收到" in page


def test_no_page_asks_for_a_position_by_itself(wang: Client, town: Town) -> None:
    """Rights 4.12: no background position, no check-in; the phone is asked only after a touch."""
    page = wang.get("/field/report/").content.decode()
    assert "data-position" in page and "打卡" not in page and json.dumps("watchPosition") not in page


def test_a_recording_survives_a_fault_and_can_be_heard(wang: Client, town: Town) -> None:
    spoken = SimpleUploadedFile("voice.webm", VOICE, content_type="audio/webm")
    page = wang.post("/field/report/", find(town, words="", point="", voice=spoken)).content.decode()
    (token,) = re.findall(r'name="kept_voice" value="([^"]+)"', page)
    assert wang.get(f"/field/report/kept/{token}/")["Content-Type"].startswith("audio/")
    assert [a.kind for a in sent(wang, find(town, words="", kept_voice=token)).attachments.all()] == ["voice"]


def test_an_empty_reply_is_warned_about_on_the_phone_too(wang: Client, town: Town) -> None:
    page = wang.get(f"/field/cases/{on_my_desk(town).code}/").content.decode()
    assert 'hx-post="/desk/phrases/"' in page and "htmx.min.js" in page


def test_whom_the_number_is_kept_from_reads_that_the_hotline_rings(wang: Client, town: Town) -> None:
    lon, lat = town.point("west-south-1")
    told = actions.Report(lon, lat, words="社区干事态度恶劣，我要投诉", phone="13800001111")
    case_id = actions.report(told, by=Actor("anyone")).case_id
    form = {"category": "900501", "place": [lon, lat], "kind": "complain", "summary": "反映作风问题"}
    flow.act(case_id, "accept", by=town.actor("operator"), form=form)
    case = flow.act(case_id, "dispatch", by=town.actor("street"), form={"lead": town.units["west-south-1"].pk})
    page = wang.get(f"/field/cases/{case.code}/").content.decode()
    assert "由热线代为联系：区接诉即办中心" in page and "13800001111" not in page and 'id="phone"' not in page
