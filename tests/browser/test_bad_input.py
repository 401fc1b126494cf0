"""What people type by mistake or on purpose: it is said in Chinese what is wrong, and what was typed stays."""

import io
import os
from typing import Any

import pytest
from PIL import Image

from conftest import Town
from gongzhi.base import files
from gongzhi.flow.models import Case
from tests.browser.conftest import SIZES, Team, Visitor, report

WORDS = "楼道灯不亮"
OUTSIDE = {"longitude": 116.4, "latitude": 39.9}


def picture(width: int, height: int, noise: bool = False) -> bytes:
    out = io.BytesIO()
    made = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)) if noise else Image.new(
        "RGB", (width, height), "orange")
    made.save(out, "PNG")
    return out.getvalue()


@pytest.fixture(params=SIZES)
def form(town: Town, visit: Any, request: pytest.FixtureRequest) -> Visitor:
    """The form as somebody without a script has it: all three steps on one page, checked by the server alone."""
    return visit(*SIZES[request.param], java_script_enabled=False).go("/r/new")


def send(who: Visitor) -> None:
    with who.page.expect_navigation():
        who.page.click("[name=send]")


def choose(who: Visitor) -> None:
    who.page.fill("[name=q]", "西南社区第1网格")


def test_a_form_with_mistakes_comes_back_with_all_that_was_typed(form: Visitor) -> None:
    page = form.page
    send(form)
    form.reads("至少要有一样", "请说明地点")
    page.fill("[name=words]", WORDS)
    page.fill("[name=phone]", "1380471abcd")
    choose(form)
    send(form)
    form.reads("不能有字母")
    assert (page.input_value("[name=words]"), page.input_value("[name=phone]")) == (WORDS, "1380471abcd")
    form.shot("bad-form")
    page.fill("[name=phone]", "")
    page.set_input_files("[name=photos]", {"name": "灯.jpg", "mimeType": "image/jpeg", "buffer": b"just words"})
    send(form)
    form.reads("灯.jpg", "不是能打开的照片")
    page.set_input_files("[name=photos]", {"name": "big.jpg", "mimeType": "image/jpeg", "buffer": bytes(13 << 20)})
    send(form)
    form.reads("big.jpg", "超过 12 MB")
    page.fill("[name=words]", "灯" * 20_000)
    page.fill("[name=phone]", "138")
    send(form)
    form.reads("最多 5000 个字，您写了 20000 个")
    assert page.input_value("[name=words]") == "灯" * 20_000 and not Case.objects.exists()
    page.fill("[name=phone]", "")
    page.fill("[name=words]", "<script>alert(1)</script> 灯坏了 😀 ‘; DROP TABLE --")
    send(form)
    case = Case.objects.get()
    form.go(f"/r/{case.code}/{case.request.secret}/").reads("<script>alert(1)</script>", "😀")


def test_a_large_photo_is_taken_and_made_small(form: Visitor) -> None:
    data = picture(1900, 1900, noise=True)
    assert len(data) > 10 << 20
    form.page.set_input_files("[name=photos]", {"name": "large.png", "mimeType": "image/png", "buffer": data})
    choose(form)
    send(form)
    kept = Case.objects.get().attachments.get()
    assert files.path_of(kept.file_id).stat().st_size < len(data) / 4


def test_the_same_form_sent_twice_is_one_report(form: Visitor) -> None:
    form.page.fill("[name=words]", WORDS)
    choose(form)
    key = form.page.input_value("[name=key]")
    send(form)
    first = form.page.url
    form.go("/r/new").page.fill("[name=words]", WORDS)
    choose(form)
    token = form.page.input_value("[name=csrfmiddlewaretoken]")
    again = form.page.request.post(form.base + "/r/new", headers={"Referer": form.base}, form={
        "csrfmiddlewaretoken": token, "key": key, "words": WORDS, "q": "西南社区第1网格", "send": "1"})
    assert again.url == first and Case.objects.count() == 1


@pytest.mark.parametrize("size", SIZES)
def test_a_place_outside_the_city_is_told_at_once(town: Town, visit: Any, size: str) -> None:
    who = visit(*SIZES[size], permissions=["geolocation"], geolocation=OUTSIDE).go("/r/new")
    who.page.fill("[name=words]", WORDS)
    who.page.click("[data-next]")
    who.page.click("[data-position]")
    who.page.wait_for_selector("#place .wrong")
    who.page.click("[data-next]")
    who.page.wait_for_selector("[data-warn]")
    who.shot("outside")
    assert who.page.input_value("[name=words]") == WORDS and not Case.objects.exists()


@pytest.mark.parametrize("size", SIZES)
def test_unknown_codes_and_tampered_links_open_nothing(town: Town, visit: Any, size: str) -> None:
    who = visit(*SIZES[size])
    case = report(who)
    secret = case.request.secret
    for wrong in (f"/r/{case.code}/{secret[:-1]}{'x' if secret[-1] != 'x' else 'y'}/", f"/r/0000000000/{secret}/"):
        assert who.go(wrong).status == 404 and case.title not in who.page.content()
    who.shot("no-such-link")
    other = visit(*SIZES[size])
    for n in range(6):
        other.go(f"/r/?code={case.code}").page.fill("[name=tail]", f"000{n}")
        with other.page.expect_navigation():
            other.page.click("button:has-text('查进度')")
    other.reads("锁")
    other.go(f"/r/?code={case.code}").page.fill("[name=tail]", "5502")
    with other.page.expect_navigation():
        other.page.click("button:has-text('查进度')")
    assert case.title not in other.page.content()  # locked for an hour, for the right digits too
    other.shot("locked")


def test_an_act_on_a_case_that_moved_on_is_told_and_its_words_are_kept(team: Team) -> None:
    case = report(team.visit(*team.size))
    team["operator"].acts(case.code, "受理", category="900401")
    team["street"].acts(case.code, "派单", lead=team.unit("housing"))
    slow = team.visit(*team.size)
    slow.page.context.add_cookies(team["department"].page.context.cookies())  # type: ignore[arg-type]
    slow.case(case.code).press("办结")
    team["department"].acts(case.code, "申请退单", return_code="not_mine", reason="不属于我局职责")
    team["street"].acts(case.code, "同意.*", opinion="同意")
    slow.send(result="修好", reply="写了很久的答复")
    slow.reads("已经被处理过", "您刚才写的还在").shot("moved-on")
    assert slow.status == 409 and "写了很久的答复" in slow.page.content()
