"""The portal as a resident meets it, through HTTP, against a real database."""

import io
import logging
import re
from pathlib import Path

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from conftest import MONDAY, Town
from gongzhi.base import clock, codes, files, limits
from gongzhi.base.tests.test_sweep import VOICE
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import reporter
from gongzhi.flow.models import Case
from gongzhi.notify.models import Notice
from gongzhi.places import index
from gongzhi.places.models import Place
from gongzhi.portal import queries
from gongzhi.portal.models import Feedback
from gongzhi.requests import actions as requests
from gongzhi.requests import classify
from gongzhi.requests import queries as matters
from gongzhi.requests.models import Category, Message, Rating, Request, Supporter
from gongzhi.site.logs import Line


@pytest.fixture(autouse=True)
def _monday() -> object:
    limits._buckets.clear()
    with clock.at(MONDAY):
        yield


def photo(colour: str = "red") -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "JPEG")
    out.name = "photo.jpg"
    out.seek(0)
    return out


def typed(town: Town, **more: object) -> dict:
    lon, lat = town.point("west-south-1")
    words = "家里暖气不热，只有 15 度"
    return {"key": "k1", "words": words, "lon": lon, "lat": lat, "phone": "138 0000 1111", "send": "1", **more}


def reported(client: Client, town: Town, **more: object) -> Request:
    answer = client.post("/r/new", typed(town, **more))
    assert answer.status_code == 302, answer.content.decode()
    return Request.objects.select_related("case").latest("case_id")


def link(request: Request, name: str = "track", *args: object) -> str:
    return reverse(f"portal:{name}", args=[request.case.code, request.secret, *args])


def accepted(town: Town, request: Request) -> Case:
    lon, lat = town.point("west-south-1")
    flow.act(request.pk, "accept", by=town.actor("operator"), form={"category": "900401", "place": f"{lon},{lat}"})
    return flow.act(request.pk, "dispatch", by=town.actor("street"), form={"lead": town.units["housing"].pk})


def finished(town: Town, request: Request) -> Case:
    accepted(town, request)
    for name, form in [("sign", {}), ("contact", {"contact_note": "约好下午"}),
                       ("finish", {"result": "修好", "reply": "已更换阀门，室温 20 度。"})]:
        flow.act(request.pk, name, by=town.actor("department"), form=form)
    task = request.case.tasks.get(kind="approval", done_at=None)
    return flow.act(request.pk, "agree", by=town.actor("department_leader"), task_id=task.pk)


def test_a_report_gets_a_code_a_holder_and_a_deadline_with_its_rule(client: Client, town: Town) -> None:
    request = reported(client, town, address="12 号楼")
    text = client.get(link(request, "done")).content.decode()
    assert codes.show_code(request.case.code) in text
    assert "区接诉即办中心" in text and "最晚答复" in text and "24 小时" in text and "12 号楼" in text


def test_the_compound_stands_before_the_address_and_once(client: Client, town: Town) -> None:
    grid = town.places["west-south-1"]
    compound = Place.objects.create(parent=grid, kind="compound", name="祥和花园", lon=grid.lon, lat=grid.lat)
    Place.objects.filter(pk=compound.pk).update(path=[*grid.path, compound.pk])
    index.reload()
    for n, address in enumerate(("3号楼1单元201", "祥和花园 3号楼1单元201")):
        request = reported(client, town, key=f"k{n}", address=address, compound=compound.pk)
        for name in ("track", "done", "slip"):
            assert "<dd>祥和花园 3号楼1单元201 · " in (page := client.get(link(request, name)).content.decode()) \
                or '<p class="muted">祥和花园 3号楼1单元201 · ' in page, name
        staff = Client()
        staff.force_login(town.people["operator"])
        assert "祥和花园 3号楼1单元201</b>" in staff.get(f"/desk/cases/{request.case.code}/").content.decode()
        assert "祥和花园 3号楼1单元201 · " in staff.get("/desk/").content.decode()


def test_words_voice_or_photo_one_is_enough(client: Client, town: Town) -> None:
    request = reported(client, town, words="", photos=[photo()])
    assert request.case.attachments.get().kind == "photo"
    page = client.get(link(request)).content.decode()
    address = re.search(r'src="(/r/[^"]+/files/\d+)"', page)
    assert address and client.get(address[1])["Content-Type"] == "image/jpeg"


def test_nothing_at_all_is_refused_in_words_and_opens_nothing(client: Client, town: Town) -> None:
    answer = client.post("/r/new", typed(town, words=""))
    assert answer.status_code == 422 and "至少要有一样" in answer.content.decode()
    assert not Case.objects.exists()


@pytest.mark.parametrize(("more", "sentence"), [
    ({"phone": "138 0471 55"}, "手机号要 11 位，您填了 9 位"),
    ({"phone": "一三八"}, "不能有字母或汉字"),
    ({"lon": "1", "lat": "1"}, "不在本区范围内"),
    ({"lon": "", "lat": ""}, "请说明地点"),
    ({"words": "多" * 20000}, "最多 5000 个字"),
])
def test_what_is_wrong_is_said_and_the_typed_is_kept(client: Client, town: Town, more: dict, sentence: str) -> None:
    answer = client.post("/r/new", typed(town, address="12 号楼 2 单元", **more))
    text = answer.content.decode()
    assert answer.status_code == 422 and sentence in text and "12 号楼 2 单元" in text
    assert text.count("autofocus") == 1
    assert not Case.objects.exists()


def test_a_photo_survives_a_mistake_in_another_field(client: Client, town: Town) -> None:
    answer = client.post("/r/new", typed(town, phone="12", photos=[photo()]))
    token = re.search(r'name="kept_photos" value="([^"]+)"', answer.content.decode())
    assert token and client.get(reverse("portal:kept", args=[token[1]])).status_code == 200
    request = reported(client, town, kept_photos=token[1])
    assert request.case.attachments.count() == 1


def test_of_where_a_photo_was_taken_only_about_where_is_offered_and_nothing_is_kept(client: Client, town: Town) -> None:
    """rights 4.1: the position of the device is thrown away after placing, a photo's like the phone's own."""
    lon, lat = (round(x, 3) + 0.000321 for x in town.point("west-south-1"))
    exif, out = Image.Exif(), io.BytesIO()
    parts = [(int(x), int(x * 60) % 60, x * 3600 % 60) for x in (lat, lon)]
    exif[0x8825] = {1: "N", 2: parts[0], 3: "E", 4: parts[1]}
    Image.new("RGB", (40, 30), "red").save(out, "JPEG", exif=exif)
    taken = SimpleUploadedFile("photo.jpg", out.getvalue())
    text = client.post("/r/new", typed(town, lon="", lat="", photos=[taken])).content.decode()
    offered = [float(x) for x in re.findall(r'name="(?:lon|lat)" value="([^"]+)"', text)]
    assert "照片大约是在这里拍的" in text and offered == [round(lon, 3), round(lat, 3)]
    token = re.search(r'name="kept_photos" value="([^"]+)"', text)
    assert token
    kept = reported(client, town, kept_photos=token[1]).case.attachments.get()
    with Image.open(files.path_of(kept.file.sha256)) as stored:
        assert not stored.getexif()


def test_a_text_file_called_jpg_is_named_and_the_rest_is_kept(client: Client, town: Town) -> None:
    fake = io.BytesIO(b"not a photo")
    fake.name = "cat.jpg"
    answer = client.post("/r/new", typed(town, photos=[fake]))
    assert answer.status_code == 422
    assert "cat.jpg：这个文件不是能打开的照片" in answer.content.decode() and "15 度" in answer.content.decode()


def test_script_and_emoji_are_shown_as_typed(client: Client, town: Town) -> None:
    request = reported(client, town, words="<script>alert(1)</script> 😀 暖气不热")
    text = client.get(link(request)).content.decode()
    assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text and "😀" in text


def test_the_same_form_sent_twice_opens_one_case(client: Client, town: Town) -> None:
    first, second = client.post("/r/new", typed(town)), client.post("/r/new", typed(town))
    assert first["Location"] == second["Location"] and Case.objects.count() == 1


def test_a_qr_code_of_a_place_settles_the_place(client: Client, town: Town) -> None:
    text = client.get("/r/new", {"place": town.places["west-south-1"].code}).content.decode()
    assert "西南社区第1网格" in text and "王网格员" in text and 'value="qr"' in text


def test_the_poster_of_a_place_leads_to_its_form(client: Client, town: Town) -> None:
    text = client.get(reverse("portal:poster", args=[town.places["west-south-1"].code])).content.decode()
    assert "西南社区第1网格" in text and "<svg" in text and "12345" in text
    assert client.get(reverse("portal:poster", args=["NOSUCH"])).status_code == 404


def test_an_unknown_qr_code_says_so_and_goes_on(client: Client, town: Town) -> None:
    answer = client.get("/r/new", {"place": "NOSUCH"})
    assert answer.status_code == 200 and "没有认出这个二维码" in answer.content.decode()


def test_a_place_can_be_found_by_words_without_a_script(client: Client, town: Town) -> None:
    answer = client.post("/r/new", typed(town, lon="", lat="", q="西南社区", find="1"))
    text = answer.content.decode()
    assert answer.status_code == 200 and f'value="{town.places["west-south"].pk}"' in text and "15 度" in text
    request = reported(client, town, lon="", lat="", place=town.places["west-south-1"].pk)
    assert request.case.place_id == town.places["west-south-1"].pk


def test_a_community_is_no_place_to_go_to_and_no_compound_is_made_up(client: Client, town: Town) -> None:
    grid = town.places["west-south-1"]
    near = Place.objects.create(parent=grid, kind="compound", name="电力西区", lon=grid.lon, lat=grid.lat)
    Place.objects.filter(pk=near.pk).update(path=[*grid.path, near.pk])
    index.reload()
    community = town.places["west-south"].pk
    text = client.get("/r/place", {"place": community}).content.decode()
    assert "范围太大" in text and "电力西区" in text and 'name="lon"' not in text and "王网格员" not in text
    answer = client.post("/r/new", typed(town, place=community))
    assert answer.status_code == 422 and "范围太大" in answer.content.decode() and not Case.objects.exists()
    answer = client.post("/r/new", typed(town, lon="", lat="", q="西南社区", place=town.places["west"].pk))
    assert answer.status_code == 422 and not Case.objects.exists()
    text = client.get("/r/place", {"place": grid.pk}).content.decode()
    assert "电力西区" not in text and 'name="compound" value="0"' in text
    assert reported(client, town, compound="0", key="k2").compound_id is None
    assert reported(client, town, key="k3").compound_id == near.pk  # a point was shown: what stands there is meant


def test_the_worker_of_a_community_is_asked_for_by_grid(client: Client, town: Town) -> None:
    answer = client.post("/worker/", {"place": town.places["west-south"].pk})
    text = answer.content.decode()
    assert answer.status_code == 200 and "各有各的网格员" in text and "王网格员" not in text
    assert f'value="{town.places["west-south-1"].pk}"' in text


def test_the_place_fragment_names_grid_community_and_worker(client: Client, town: Town) -> None:
    lon, lat = town.point("west-south-1")
    text = client.get("/r/place", {"lon": lon, "lat": lat}).content.decode()
    assert "西南社区" in text and "西南社区第1网格" in text and "王网格员" in text
    assert "不在本区范围内" in client.get("/r/place", {"lon": 1, "lat": 1}).content.decode()


def test_me_too_joins_an_open_matter_once_and_shows_nobodys_words(client: Client, town: Town) -> None:
    request = reported(client, town)
    accepted(town, request)
    lon, lat = town.point("west-south-1")
    stranger = Client()
    assert "我也遇到" in stranger.get("/r/place", {"lon": lon, "lat": lat}).content.decode()
    address = reverse("portal:join", args=[request.case.code])
    asked = stranger.post(address, {"words": "我家也不热"}).content.decode()
    assert "您已写的话不会提交" in asked and not Supporter.objects.exists()
    for _again in range(2):
        answer = stranger.post(address, {"sure": "1"})
    text = stranger.get(answer["Location"]).content.decode()
    assert codes.show_code(request.case.code) in text and f'{answer["Location"]}</a>' in text
    assert "供暖不热" in text and "15 度" not in text and Supporter.objects.count() == 1
    stranger.post(answer["Location"], {"phone": "13900002222"})
    assert bytes(Supporter.objects.get().phone)


def test_what_was_answered_is_not_offered_for_joining(client: Client, town: Town) -> None:
    request = reported(client, town)
    finished(town, request)
    lon, lat = town.point("west-south-1")
    assert "我也遇到" not in client.get("/r/place", {"lon": lon, "lat": lat}).content.decode()
    assert client.post(reverse("portal:join", args=[request.case.code]), {"sure": "1"}).status_code == 409


def test_a_private_kind_is_neither_near_nor_joinable(client: Client, town: Town) -> None:
    request = reported(client, town, words="楼上太吵")
    lon, lat = town.point("west-south-1")
    form = {"category": "900101", "place": f"{lon},{lat}"}
    flow.act(request.pk, "accept", by=town.actor("operator"), form=form)
    assert "我也遇到" not in client.get("/r/place", {"lon": lon, "lat": lat}).content.decode()
    assert client.post(reverse("portal:join", args=[request.case.code]), {"sure": "1"}).status_code == 404


def test_joining_what_was_finished_meanwhile_is_answered_in_words(client: Client, town: Town) -> None:
    request = reported(client, town)
    finished(town, request)
    answer = client.post(reverse("portal:join", args=[request.case.code]), {"sure": "1"})
    assert answer.status_code == 409 and "刚刚办完" in answer.content.decode()
    flow.act(request.pk, "rate", by=reporter(request.pk), form={"solved": "solved", "satisfied": "5"})
    answer = client.post(reverse("portal:join", args=[request.case.code]), {"sure": "1"})
    assert answer.status_code == 409 and "刚刚办完" in answer.content.decode() and not Supporter.objects.exists()


def test_the_position_of_a_phone_is_not_kept(client: Client, town: Town) -> None:
    """rights 4.1."""
    lon, lat = town.point("west-south-1")
    here = {"lon": f"{lon + 0.001234:.6f}", "lat": f"{lat + 0.001234:.6f}"}
    text = client.get("/r/place", {**here, "device": "1"}).content.decode()
    assert here["lon"] not in text and f'value="{round(lon + 0.001234, 3)}"' in text
    assert here["lon"] in client.get("/r/place", here).content.decode()  # a pin put by hand is exact
    case = reported(client, town, **here, device="1").case
    assert (case.lon, case.lat) == (round(lon + 0.001234, 3), round(lat + 0.001234, 3))


def by_tail(request: Request, browser: Client | None = None) -> str:
    """Come by code and last four digits; give the address of the page."""
    answer = (browser or Client()).post("/r/", {"code": codes.show_code(request.case.code), "tail": "1111"})
    assert answer.status_code == 302
    return str(answer["Location"])


def test_code_and_last_four_digits_show_the_matter_and_never_its_secret(client: Client, town: Town) -> None:
    """rights 4.4: whoever handles a matter may know both."""
    request, stranger = reported(client, town), Client()
    accepted(town, request)
    address = by_tail(request, stranger)
    answer = stranger.get(address)
    text = answer.content.decode()
    assert "派给区住建局" in text and "催一下" in text and "只有 15 度" in text and "要用链接" in text
    assert stranger.post(address + "act/urge").status_code == 302
    assert stranger.post(address + "act/comment", {"note": "下午在家"}).status_code == 302
    assert stranger.post(address + "say", {"message": "15 点以后"}).status_code == 302
    again = stranger.get(address).content.decode()
    assert "下午在家" in again and "15 点以后" in again
    for shown in (text, again, address, str(stranger.cookies), stranger.get("/").content.decode()):
        assert request.secret not in shown


def test_nobody_rates_or_withdraws_by_code_and_last_four_digits(client: Client, town: Town) -> None:
    """rights 4.4: the rating is given by the link, which the handlers never have."""
    request = reported(client, town)
    address = by_tail(request)
    assert "撤回…" not in client.get(address).content.decode()
    assert client.post(address + "act/withdraw").status_code == 404
    finished(town, request)
    text = client.get(address).content.decode()
    assert "待您评价" in text and 'id="rate"' not in text and "要用链接" in text and 'href="#rate"' not in text
    for name in ("rate", "redo", "hard", "pressed"):
        assert client.post(address + "act/" + name, {"solved": "solved", "satisfied": "5"}).status_code == 404
        assert client.post(address + name, {"solved": "solved", "satisfied": "5"}).status_code == 404
    client.post(link(request, "rate"), {"solved": "partly", "satisfied": "3"})
    assert "部分解决" not in client.get(address).content.decode() and not Rating.objects.filter(satisfied=5).exists()


def test_of_a_complaint_code_and_last_four_digits_show_no_word_of_the_reporter(client: Client, town: Town) -> None:
    request = reported(client, town, words="投诉社区干事王某态度恶劣", photos=[photo()], address="3 号楼 201")
    address = by_tail(request)
    client.post(address + "act/comment", {"note": "王某昨天又骂人"})
    client.post(link(request, "say"), {"message": "我就住楼下"})
    text = client.get(address).content.decode()
    for words in ("王某", "楼下", "201", "/files/"):
        assert words not in text
    assert "王某态度恶劣" in client.get(link(request)).content.decode()
    file = request.case.attachments.get()
    assert client.get(address + f"files/{file.pk}").status_code == 404
    assert client.get(link(request, "file", file.pk)).status_code == 200


def test_the_door_of_code_and_digits_closes_after_an_hour(
    client: Client, town: Town, monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = reported(client, town)
    address = by_tail(request)
    assert Client().get(address[:-3] + "x/").status_code == 404
    later = signing.time.time() + 3601
    monkeypatch.setattr(signing.time, "time", lambda: later)
    answer = client.get(address)
    assert answer.status_code == 410 and "再输一次" in answer.content.decode()


def test_the_link_is_texted_again_three_times_a_day_with_one_answer(client: Client, town: Town) -> None:
    request = reported(client, town)
    address = by_tail(request)
    said = set()
    for _try in range(5):
        said.add(client.post(address + "resend", follow=True).content.decode().count("一天最多发 3 次"))
    texts = Notice.objects.filter(template="request.again")
    assert said == {1} and texts.count() == 3
    assert all(link(request) in notice.words and notice.number == "13800001111" for notice in texts)


def test_the_secret_of_a_link_goes_neither_into_feedback_nor_into_logs(client: Client, town: Town) -> None:
    request = reported(client, town)
    address = link(request)
    assert f"from={address}" not in client.get(address).content.decode()
    client.post("/feedback/", {"words": "字太小", "from": address})
    assert Feedback.objects.get().page == "/r/…/"
    wrote = Line().format(logging.makeLogRecord({"msg": "Not Found: %s", "args": (address + "x",), "path": address}))
    assert request.secret not in wrote and "Not Found" in wrote
    with_me = reverse("portal:joined", args=[request.case.code, "y" * 22])
    assert "y" * 22 not in Line().format(logging.makeLogRecord({"msg": with_me}))


def test_five_wrong_tries_lock_the_code_and_say_the_same_before(client: Client, town: Town) -> None:
    request, stranger = reported(client, town), Client()
    wrong = stranger.post("/r/", {"code": "1234567897", "tail": "1111"}).content.decode()
    for _try in range(5):
        answer = stranger.post("/r/", {"code": request.case.code, "tail": "9999"})
    assert "编号或后四位不对" in wrong and "编号或后四位不对" in answer.content.decode()
    locked = stranger.post("/r/", {"code": request.case.code, "tail": "1111"})
    assert locked.status_code == 429 and "锁定 1 小时" in locked.content.decode()


def test_a_tampered_link_is_not_found(client: Client, town: Town) -> None:
    request = reported(client, town)
    assert client.get(f"/r/{request.case.code}/{'x' * 22}/").status_code == 404
    assert client.get(f"/r/1234567897/{request.secret}/").status_code == 404


def test_the_page_is_like_a_parcel(client: Client, town: Town) -> None:
    request = reported(client, town)
    accepted(town, request)
    flow.act(request.pk, "sign", by=town.actor("department"))
    text = client.get(link(request)).content.decode()
    for words in ("办理中", "平台已受理，归为“供暖不热”", "派给区住建局", "区住建局已签收", "还剩", "现在由", "催一下"):
        assert words in text
    assert "待派单" not in text and "dispatching" not in text


def test_urging_is_answered_at_once_with_who_was_told_and_once_a_day(client: Client, town: Town) -> None:
    request = reported(client, town)
    accepted(town, request)
    answer = client.post(link(request, "act", "urge"), follow=True)
    text = answer.content.decode()
    assert "已提醒区住建局" in text and "今天已经催过" in text
    assert client.post(link(request, "act", "urge")).status_code == 409


def test_withdrawing_works_before_dispatch_only(client: Client, town: Town) -> None:
    request = reported(client, town)
    client.post(link(request, "act", "withdraw"))
    assert Case.objects.get(pk=request.pk).stage == "withdrawn"
    other = reported(client, town, key="k2")
    accepted(town, other)
    assert client.post(link(other, "act", "withdraw")).status_code == 409
    assert Case.objects.get(pk=other.pk).stage == "handling"


def test_messages_go_both_ways(client: Client, town: Town) -> None:
    from gongzhi.requests import actions as requests

    request = reported(client, town)
    case = accepted(town, request)
    client.post(link(request, "say"), {"message": "15 点以后在家"})
    requests.say(case, "好，师傅 15 点到", by=town.actor("department"))
    text = client.get(link(request)).content.decode()
    assert "15 点以后在家" in text and "师傅 15 点到" in text and "区住建局" in text
    assert client.post(link(request, "say"), {"message": " "}).status_code == 422
    assert Message.objects.count() == 2


def test_something_can_be_added(client: Client, town: Town) -> None:
    request = reported(client, town)
    accepted(town, request)
    client.post(link(request, "act", "comment"), {"note": "现在只有 12 度了", "photos": [photo("blue")]})
    client.post(link(request, "act", "comment"), {"note": "", "photos": [photo("green")]})
    text = client.get(link(request)).content.decode()
    assert "现在只有 12 度了" in text and "您补充了照片" in text


def test_whoever_is_asked_to_rate_reads_of_nobody_who_still_works_on_it(client: Client, town: Town) -> None:
    request = reported(client, town)
    finished(town, request)
    Case.objects.filter(pk=request.pk).update(stage="calling")
    request.case.tasks.filter(done_at=None).update(stage="calling", kind="work", unit=town.units["centre"])
    page = client.get(link(request)).content.decode()
    assert "待您评价" in page and "现在由" not in page


def test_a_rating_needs_both_answers_and_has_no_default(client: Client, town: Town) -> None:
    request = reported(client, town)
    finished(town, request)
    page = client.get(link(request)).content.decode()
    assert page.index("请您评价") < page.index("已更换阀门") < page.index('id="rate"')  # what is rated is read first
    assert not re.search(r'name="(solved|satisfied)"[^>]*checked', page)
    answer = client.post(link(request, "rate"), {"solved": "solved"})
    assert answer.status_code == 422 and "满意吗" in answer.content.decode() and not Rating.objects.exists()


def test_solved_is_rated_and_may_be_changed_for_a_week(client: Client, town: Town) -> None:
    request = reported(client, town)
    finished(town, request)
    client.post(link(request, "rate"), {"solved": "solved", "satisfied": "5", "said": "谢谢"})
    assert Case.objects.get(pk=request.pk).stage == "archived"
    client.post(link(request, "rate"), {"solved": "partly", "satisfied": "3", "said": "又凉了"})
    rating = Rating.objects.get()
    assert (rating.first_satisfied, rating.satisfied, rating.solved) == (5, 3, "partly")
    client.post(link(request, "pressed"))


def test_unsolved_is_done_again_and_asks_what_is_not_solved(client: Client, town: Town) -> None:
    request = reported(client, town)
    finished(town, request)
    refused = client.post(link(request, "rate"), {"solved": "unsolved", "satisfied": "1"})
    assert refused.status_code == 422 and "哪里没解决" in refused.content.decode()
    client.post(link(request, "rate"), {"solved": "unsolved", "satisfied": "1", "said": "还是只有 15 度"})
    case = Case.objects.get(pk=request.pk)
    assert case.stage == "handling" and case.fields["public"] == "redoing"
    assert "正在重办" in client.get(link(request)).content.decode()


def test_the_elder_mode_is_remembered_and_has_three_levels(client: Client, town: Town) -> None:
    request = reported(client, town)
    finished(town, request)
    assert client.get(link(request)).content.decode().count('name="satisfied"') == 5
    client.post("/switch/elder/", {"next": "/"})
    assert client.get(link(request)).content.decode().count('name="satisfied"') == 3
    home = client.get("/").content.decode()
    assert 'class="elder"' in home and "说一件事" in home
    assert all(f'href="{to}"' in home for to in ("tel:119", "tel:120", "tel:110", "tel:12345", "/nearby/"))


def test_home_knows_my_last_matter_and_my_grid_worker(client: Client, town: Town) -> None:
    assert "我反映的" not in client.get("/").content.decode()
    reported(client, town)
    text = client.get("/").content.decode()
    assert "我反映的" in text and "15 度" in text and "王网格员" in text
    assert "15 度" not in Client().get("/").content.decode()


def test_my_grid_worker_is_found_by_place_and_kept_here_alone(client: Client, town: Town) -> None:
    assert "西南社区第1网格" in client.get("/worker/", {"q": "西南社区第1网格"}).content.decode()
    client.post("/worker/", {"place": town.places["west-south-1"].pk})
    text = client.get("/worker/").content.decode()
    assert "王网格员" in text and "000-0000-0000" in text
    client.post("/worker/")
    assert "王网格员" not in client.get("/worker/").content.decode()


def test_the_paper_slip_has_code_deadline_and_a_qr_code(client: Client, town: Town) -> None:
    request = reported(client, town)
    text = client.get(link(request, "slip")).content.decode()
    assert codes.show_code(request.case.code) in text and "<svg" in text and "style=" not in text


def test_nearby_shows_kind_and_distance_alone(client: Client, town: Town) -> None:
    request = reported(client, town)
    accepted(town, request)
    text = client.get("/nearby/", {"place": town.places["west-south-1"].pk}).content.decode()
    assert "供暖不热" in text and "15 度" not in text


def test_feedback_is_kept_and_read_by_the_administrator(client: Client, town: Town) -> None:
    assert client.post("/feedback/", {"words": ""}).status_code == 422
    client.post("/feedback/", {"words": "字太小", "from": "/r/new"})
    client.force_login(town.people["admin"])
    assert "字太小" in client.get("/feedback/all/").content.decode()
    client.force_login(town.people["street"])
    assert client.get("/feedback/all/").status_code == 403


def test_a_complaint_tells_its_reporter_who_opened_the_original(client: Client, town: Town) -> None:
    from gongzhi.requests import actions as requests

    request = reported(client, town, words="投诉社区干事态度恶劣")
    requests.open_guarded(request.case, "original", "核实情况需要", by=town.actor("reviewer"))
    assert "核实情况需要" in client.get(link(request)).content.decode()


def test_a_page_says_the_same_in_english_without_chinese_controls(client: Client, town: Town) -> None:
    client.post("/switch/language/", {"to": "en", "next": "/"})
    assert '<html lang="en"' in client.get("/").content.decode()


def test_every_icon_of_the_trail_is_in_the_sprite() -> None:
    sprite = (Path(__file__).parents[2] / "site/static/vendor/icons.svg").read_text()
    assert all(f'id="{name}"' in sprite for name in {*queries.LINE_ICONS.values(), *queries.ICONS.values()})


def hidden(page: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]*)"', page)


def test_going_back_from_me_too_brings_everything_that_was_typed_along(client: Client, town: Town) -> None:
    request = reported(client, town)
    accepted(town, request)
    voice = io.BytesIO(VOICE)
    voice.name = "voice.webm"
    mine = typed(town, key="k9", words="我家也不热", address="3 号楼", photos=[photo()], voice=voice)
    page = client.post(reverse("portal:join", args=[request.case.code]), mine).content.decode()
    form = page[page.index(f'action="{reverse("portal:new")}"'):]
    names = ("key", "words", "address", "phone", "lon", "lat", "compound", "kept_photos", "kept_voice", "back")
    answer = client.post("/r/new", {name: hidden(form, name)[0] for name in names})
    page = answer.content.decode()
    assert answer.status_code == 200 and 'class="wrong"' not in page and 'data-step="2"' in page
    assert "我家也不热" in page and "3 号楼" in page and hidden(page, "key") == ["k9"] and "王网格员" in page
    (played,) = hidden(page, "kept_voice")
    assert client.get(reverse("portal:kept", args=[played]))["Content-Type"].startswith("audio/")
    again = {name: hidden(form, name)[0] for name in names if name != "back"} | {"shown": hidden(page, "shown")}
    assert reported(client, town, **again).case.attachments.count() == 2


def test_near_by_stands_what_the_words_mean_and_all_where_they_mean_nothing(client: Client, town: Town) -> None:
    accepted(town, reported(client, town))
    lon, lat = town.point("west-south-1")
    at = {"lon": lon, "lat": lat, "compound": "0"}
    assert "只列和您说的差不多的" in client.post("/r/place", {**at, "words": "暖气坏了"}).content.decode()
    for other in ("垃圾没人收", "楼下广场舞的音响太吵"):
        assert "我也遇到" not in client.post("/r/place", {**at, "words": other}).content.decode()
    page = client.post("/r/place", {**at, "words": " "}).content.decode()
    assert "我也遇到" in page and "您没有写字" in page


def test_what_is_open_near_by_is_seen_before_anything_is_sent(client: Client, town: Town) -> None:
    first = reported(client, town)
    accepted(town, first)
    alone = typed(town, key="k2", words="暖气片一点也不热", address="3 号楼")
    answer = client.post("/r/new", alone)  # without a script all was written at once, and nobody had shown it
    page = answer.content.decode()
    assert answer.status_code == 200 and "还没有提交" in page and 'data-step="2"' in page and "3 号楼" in page
    assert hidden(page, "shown") == [first.case.code] and Case.objects.count() == 1
    assert client.post("/r/new", {**alone, "shown": first.case.code}).status_code == 302 and Case.objects.count() == 2
    assert client.post("/r/new", typed(town, key="k3", words="垃圾没人收")).status_code == 302
    assert client.post("/r/new", typed(town, key="k4", words="", photos=[photo()])).status_code == 302


def test_few_places_are_offered_and_whoever_asks_for_more_is_told_how(client: Client, town: Town) -> None:
    page = client.get("/r/search", {"q": "社区"}).content.decode()
    assert page.count('name="place"') == 4 and "多写几个字" not in page and "网格" not in re.sub(r"<small>.*?</small>", "", page)
    page = client.get("/r/search", {"q": "网格"}).content.decode()
    assert page.count('name="place"') == 4 and "多写几个字" in page


@pytest.mark.parametrize(("source", "told"), [
    ("默认值，无来源", "本区默认时限"), ("默认值，参考别处的样本", "本区默认时限"), ("", "本区默认时限"),
    ("《内蒙古自治区物业管理条例》", "《内蒙古自治区物业管理条例》"),
])
def test_the_rule_of_a_deadline_is_told_in_plain_words(client: Client, town: Town, source: str, told: str) -> None:
    Category.objects.filter(code="900401").update(limit_source=source)
    classify.forget()
    request = reported(client, town)
    accepted(town, request)
    supporter = requests.join(request.case, device="d")
    pages = [client.get(link(request, name)).content.decode() for name in ("done", "slip", "track")]
    pages.append(client.get(reverse("portal:joined", args=[request.case.code, supporter.secret])).content.decode())
    for page in pages:
        assert f"按 24 小时的办理时限，依据：{told}" in page
        assert not any(words in page for words in ("默认值", "无来源", "样本"))
    assert matters.slip(request.case).rule == f"按 24 小时的办理时限，依据：{told}"


def test_a_dispatch_that_was_taken_back_stands_in_the_trail_and_the_next_one_above_it(client: Client, town: Town) -> None:
    request = reported(client, town)
    accepted(town, request)
    flow.act(request.pk, "take_back", by=town.actor("street"))
    page = client.get(link(request)).content.decode()
    assert "撤回派单，另选办理单位" in page and "正在派单" in page and "现在由西街街道办事处办理" in page
    flow.act(request.pk, "dispatch", by=town.actor("street"), form={"lead": town.units["parks"].pk})
    page = client.get(link(request)).content.decode()
    told = [page.index(words) for words in ("派给区城管局", "撤回派单，另选办理单位", "派给区住建局")]
    assert told == sorted(told) and "现在由区城管局办理" in page


def test_what_is_not_solved_must_be_said_and_the_label_says_so(client: Client, town: Town) -> None:
    request = reported(client, town)
    finished(town, request)
    page = client.get(link(request)).content.decode()
    assert "选“未解决”的必填，其他可以不填" in page and "哪里没解决？" in page
    answer = client.post(link(request, "rate"), {"solved": "unsolved", "satisfied": "1"})
    page = answer.content.decode()
    assert answer.status_code == 422 and 'aria-invalid="true" aria-describedby="f-said-e "' in page
    assert re.search(r'id="f-said"[^>]*autofocus', page) and len(re.findall(r'value="(?:unsolved|1)" checked', page)) == 2
    answer = client.post(link(request, "rate"), {"solved": "partly", "said": "还差一间"})
    page = answer.content.decode()
    assert answer.status_code == 422 and "还差一间</textarea>" in page and 'value="partly" checked' in page
    assert re.search(r'name="satisfied"[^>]*autofocus', page) and page.count("autofocus") == 1


def test_whoever_follows_a_matter_that_is_answered_sees_no_clock(client: Client, town: Town) -> None:
    request = reported(client, town)
    accepted(town, request)
    supporter = requests.join(request.case, device="d")
    address = reverse("portal:joined", args=[request.case.code, supporter.secret])
    assert "timeleft" in client.get(address).content.decode()
    for name, form in [("sign", {}), ("contact", {"contact_note": "约好"}), ("finish", {"result": "修好", "reply": "已换"})]:
        flow.act(request.pk, name, by=town.actor("department"), form=form)
    flow.act(request.pk, "agree", by=town.actor("department_leader"),
             task_id=request.case.tasks.get(kind="approval", done_at=None).pk)
    page = client.get(address).content.decode()
    assert "已办完" in page and "timeleft" not in page
