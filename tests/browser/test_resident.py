"""A resident with a phone, from the first tap to the rating."""

import io
import re
from typing import Any

from PIL import Image
from playwright.sync_api import expect

from conftest import Town
from gongzhi.flow import actions as flow
from gongzhi.flow.models import Case
from tests.browser.conftest import Visitor, report


def picture() -> dict[str, Any]:
    out = io.BytesIO()
    Image.new("RGB", (3000, 2000), "orange").save(out, "JPEG")
    return {"name": "heating.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def answer(town: Town, case: Case) -> None:
    """The staff's part, by the same actions their pages take."""
    place = f"{case.lon},{case.lat}"
    flow.act(case.pk, "accept", by=town.actor("operator"), form={"category": "900401", "place": place})
    flow.act(case.pk, "dispatch", by=town.actor("street"), form={"lead": town.units["housing"].pk})
    finish(town, case)


def finish(town: Town, case: Case) -> None:
    flow.act(case.pk, "sign", by=town.actor("department"))
    flow.act(case.pk, "contact", by=town.actor("department"), form={"contact_note": "约好下午"})
    done = {"result": "修好", "reply": "已更换阀门，室温 20 度。"}
    flow.act(case.pk, "finish", by=town.actor("department"), form=done)
    task = case.tasks.get(kind="approval", done_at=None)
    flow.act(case.pk, "agree", by=town.actor("department_leader"), task_id=task.pk)


def test_a_report_is_followed_found_unsolved_done_again_and_rated(town: Town, phone: Visitor) -> None:
    case = report(phone)
    page = phone.page
    assert "区接诉即办中心" in page.inner_text("main") and "最晚答复" in page.inner_text("main")
    page.click(".foot .btn-primary")
    page.click("text=催一下")
    assert "已提醒" in page.inner_text("[data-toast]")
    answer(town, case)
    page.reload()
    assert "已更换阀门" in page.inner_text("main")
    page.click("label:has-text('未解决')")
    page.click("label:has-text('非常不满意')")
    page.click("text=提交评价")
    assert "哪里没解决" in page.inner_text(".wrong")
    page.fill("[name=said]", "还是只有 15 度")
    page.click("text=提交评价")
    page.wait_for_selector("text=正在重办")
    finish(town, case)
    page.reload()
    page.click("label:has-text('已解决')")
    page.click("#rate label:has-text('非常满意')")
    page.click("text=提交评价")
    page.wait_for_selector("text=您的评价")
    case.refresh_from_db()
    assert case.stage == "archived" and case.rating.satisfied == 5


def test_voice_photo_position_and_map_make_a_report_without_a_word(town: Town, visit: Any) -> None:
    lon, lat = town.point("west-south-1")
    who = visit(390, 844, permissions=["microphone", "geolocation"], geolocation={"longitude": lon, "latitude": lat})
    page = who.go("/r/new").page
    page.click("[data-next]")
    assert "至少要有一样" in page.inner_text("[data-warn]")
    page.click("[data-record]")
    page.wait_for_selector("[data-record].is-recording")
    page.wait_for_selector("[data-words]:has-text('0:01')")
    page.click("[data-record]")
    page.wait_for_selector("[data-heard]:not([hidden])")
    page.set_input_files("[name=photos]", picture())
    page.wait_for_selector(".shots img")
    page.click("[data-next]")
    page.click("[data-position]")
    page.wait_for_selector("[data-spot]")
    page.click("[data-map-box] summary")
    page.wait_for_selector("[data-map][data-ready]")
    who.fits()
    page.click("[data-next]")
    page.click("[data-send]")
    page.wait_for_url("**/done")
    case = Case.objects.get()
    assert sorted(case.attachments.values_list("kind", flat=True)) == ["photo", "voice"]
    assert case.attachments.get(kind="photo").file.size < 100_000


def test_without_a_script_the_same_form_works(town: Town, visit: Any) -> None:
    page = visit(390, 844, java_script_enabled=False).go("/r/new").page
    page.fill("[name=words]", "楼道灯不亮")
    page.fill("[name=q]", "西南社区第1网格")
    page.click("[name=find]")
    page.check("#found input >> nth=0")
    page.click("[name=send]")
    assert "/done" in page.url and Case.objects.get().title == "楼道灯不亮"


def test_a_chosen_place_takes_the_place_of_the_list_and_is_in_sight(town: Town, phone: Visitor) -> None:
    page = phone.go("/r/new").page
    page.fill("[name=words]", "暖气不热")
    page.click("[data-next]")
    page.fill("[name=q]", "西南社区第1网格")
    page.wait_for_selector("#found input")
    page.locator("#found label").first.click()
    page.wait_for_selector("[data-spot]")
    expect(page.locator("#found")).to_be_hidden()
    expect(page.locator("#place .note")).to_be_in_viewport(ratio=1)
    phone.reads("西南社区第1网格", "王网格员")
    page.click("[data-other-place]")
    expect(page.locator("#found")).to_be_visible()
    page.fill("[name=q]", "西南社区第2网格")
    page.wait_for_selector("#found label:has-text('第2网格')")
    page.locator("#found label:has-text('第2网格')").click()
    page.wait_for_selector("#place :text('西南社区第2网格')")
    assert page.locator("#found").is_hidden()


def test_what_was_typed_survives_a_reload(town: Town, phone: Visitor) -> None:
    page = phone.go("/r/new").page
    page.fill("[name=words]", "写了一半")
    page.reload()
    expect(page.locator("[name=words]")).to_have_value("写了一半")


def test_me_too_from_the_form(town: Town, phone: Visitor, visit: Any) -> None:
    case = report(phone)
    flow.act(case.pk, "accept", by=town.actor("operator"),
             form={"category": "900401", "place": f"{case.lon},{case.lat}"})
    page = visit(390, 844).go(f"/r/new?place={town.places['west-south-1'].code}").page
    page.fill("[name=words]", "暖气也不热")
    page.click("[data-next]")
    page.click("text=我也遇到")
    page.click("button:has-text('加入')")
    page.wait_for_selector("text=您已加入这件事")
    assert case.supporters.count() == 1


def test_by_code_and_last_digits_one_follows_and_urges_and_asks_for_the_link_to_rate(
    town: Town, phone: Visitor, visit: Any,
) -> None:
    """rights 4.4: whoever handles the matter may know both; the rating needs the link."""
    case = report(phone)
    answer(town, case)
    other = visit(390, 844).go(f"/r/?code={case.code}")
    page = other.page
    page.fill("[name=tail]", "5502")
    with page.expect_navigation():
        page.click("button:has-text('查进度')")
    assert "/r/seen/" in page.url and case.request.secret not in page.url + page.content()
    other.reads("待您评价", "要用链接")
    assert page.locator("text=提交评价").count() == 0
    other.fits()
    with page.expect_navigation():
        page.click("text=把链接再发到我留的手机")
    assert "一天最多发 3 次" in page.inner_text("[data-toast]")


def test_a_recording_that_still_runs_is_kept_when_the_step_is_left(town: Town, visit: Any) -> None:
    who = visit(390, 844, permissions=["microphone"])
    page = who.go(f"/r/new?place={town.places['west-south-1'].code}").page
    page.fill("[name=words]", "暖气不热")
    page.click("[data-record]")
    page.wait_for_selector("[data-words]:has-text('0:01')")
    page.click("[data-next]")
    page.wait_for_selector("[data-part='2']:visible")
    page.click("[data-next]")
    page.fill("[name=phone]", "1380471")
    page.click("[data-send]")
    page.wait_for_selector(".wrong")
    page.wait_for_selector("audio[src*='/r/kept/']", state="attached")
    page.fill("[name=phone]", "13804715502")
    page.click("[data-send]")
    page.wait_for_url("**/done")
    assert list(Case.objects.get().attachments.values_list("kind", flat=True)) == ["voice"]


def test_a_recording_that_still_runs_is_kept_when_the_form_is_sent(town: Town, team: Any) -> None:
    grid = team["grid"]
    grid.page.context.grant_permissions(["microphone"])
    lon, lat = town.point("west-south-1")
    page = grid.go("/field/report/").page
    page.fill("[name=words]", "南门堆了垃圾")
    page.evaluate("([lon, lat]) => document.getElementById('find').dispatchEvent("
                  "new CustomEvent('place:point', {detail: {lon, lat}}))", [lon, lat])
    page.wait_for_selector("[data-spot]")
    page.click("[data-record]")
    page.wait_for_selector("[data-words]:has-text('0:01')")
    page.click("[name=send]")
    page.wait_for_url(re.compile(r"/field/report/\d{10}/"))
    assert list(Case.objects.get().attachments.values_list("kind", flat=True)) == ["voice"]


def test_other_words_show_other_matters_near_by_and_going_back_loses_nothing(
        town: Town, phone: Visitor, visit: Any) -> None:
    case = report(phone)
    flow.act(case.pk, "accept", by=town.actor("operator"),
             form={"category": "900401", "place": f"{case.lon},{case.lat}"})
    page = visit(390, 844).go(f"/r/new?place={town.places['west-south-1'].code}").page
    page.fill("[name=words]", "垃圾没人收")
    with page.expect_response("**/r/place"):
        page.click("[data-next]")
    expect(page.locator("text=我也遇到")).to_have_count(0)
    page.click("[data-back]")
    page.fill("[name=words]", "暖气也不热\n已经三天")
    page.set_input_files("[name=photos]", picture())
    page.wait_for_selector(".shots img")
    with page.expect_response("**/r/place"):
        page.click("[data-next]")
    page.fill("[name=address]", "3 号楼")
    page.click("text=我也遇到")
    page.click("text=返回继续填写")
    expect(page.locator("[data-part='2'] [data-spot]")).to_be_visible()
    expect(page.locator("[name=words]")).to_have_value("暖气也不热\n已经三天")
    expect(page.locator("[name=address]")).to_have_value("3 号楼")
    expect(page.locator(".shots img")).to_have_count(1)
    page.click("[data-next]")
    page.click("[data-send]")
    page.wait_for_url("**/done")
    made = Case.objects.exclude(pk=case.pk).get()
    assert made.request.address == "3 号楼" and made.attachments.count() == 1


def test_a_form_that_was_sent_and_then_changed_is_another_report(town: Town, phone: Visitor) -> None:
    first, page = report(phone), phone.page
    page.go_back()
    page.wait_for_load_state("networkidle")
    while page.locator("[data-back]").is_visible():
        page.click("[data-back]")
    page.fill("[name=words]", "还有，楼道的灯也坏了")
    page.click("[data-next]")
    if not page.locator("[data-part='2'] [data-spot]").count():
        page.fill("[name=q]", "西南社区第1网格")
        page.check("#found input >> nth=0")
        page.wait_for_selector("[data-spot]")
    page.click("[data-next]")
    page.click("[data-send]")
    page.wait_for_url("**/done")
    assert Case.objects.count() == 2 and first.code not in page.url
