"""The desk by keyboard alone: searching places and units, choosing helpers, signing only after a question."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from conftest import Town
from gongzhi.desk.models import Snippet
from gongzhi.desk.tests import matters
from gongzhi.flow.models import Case
from gongzhi.site.bench import day
from tests.browser.conftest import Team


@pytest.fixture(params=["desk"])
def size() -> tuple[int, int]:
    return 1366, 768  # keys are for the office


def test_the_clerk_finds_a_place_by_the_arrows_and_closes_the_list_by_escape(team: Team) -> None:
    page = team["operator"].go("/desk/intake/").page
    box = page.locator("#intake [name=q]")
    box.fill("西南社区第1网格")
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    active = page.locator(f"#{box.get_attribute('aria-activedescendant')}")
    expect(active).to_contain_text("西南社区第1网格")
    team["operator"].accessible()
    box.press("Enter")
    expect(page.locator("#spot [data-spot=place]")).to_be_visible()
    expect(page.locator("#found [aria-selected=true]")).to_have_count(1)
    box.press("Escape")
    expect(page.locator("#found")).to_be_hidden()
    assert page.url.endswith("/desk/intake/") and not Case.objects.exists()


def test_helpers_are_searched_become_chips_and_give_way_to_the_lead(town: Town, team: Team) -> None:
    case = matters.accepted(town)
    page = team["street"].go(f"/desk/cases/{case.code}/?do=dispatch#act").page
    expect(page.locator("[name=lead]:checked")).to_be_focused()
    box, chips = page.locator("#f-helpers-q"), page.locator("[data-chosen] label")
    for words in ("城管", "住建"):  # the second leads
        box.fill(words)
        page.wait_for_timeout(600)
        box.press("ArrowDown")
        box.press("Enter")
    expect(chips).to_have_count(1)
    team["street"].accessible()
    page.locator("#unit-q").fill("城管")
    page.locator("#unit-found [role=option]").first.wait_for()
    page.locator("#unit-q").press("ArrowDown")
    page.locator("#unit-q").press("Enter")
    expect(chips).to_have_count(0)
    expect(page.locator("[data-picked]")).to_contain_text("是主办单位")
    assert Case.objects.get(pk=case.pk).stage == "dispatching", "Enter in a search sends nothing"


def test_a_key_signs_only_after_it_was_asked(town: Town, team: Team) -> None:
    case = matters.dispatched(town)
    page, said = team["department"].go(f"/desk/cases/{case.code}/").page, []

    def answer(yes: bool) -> Any:
        return lambda dialog: (said.append(dialog.message), dialog.accept() if yes else dialog.dismiss())

    page.once("dialog", answer(False))
    page.keyboard.press("d")
    assert said == [f"签收：{case.title}？"] and not case.entries.filter(action="sign").exists()
    page.once("dialog", answer(True))
    with page.expect_event("load"):
        page.keyboard.press("d")
    assert case.entries.filter(action="sign").exists()


def test_a_day_by_keyboard_alone(town: Town, team: Team) -> None:
    day.prepare(town.people["street"], 6, 4)
    who = team["street"]
    for view, n in (("dispatching", 6), ("reviewing", 4)):
        assert len(day.work(who.page, who.base, view, n)) == n
        assert who.page.locator("[data-row]").count() == 0
    assert not Case.objects.filter(stage="dispatching").exists()
    assert Case.objects.filter(entries__action="extend.agree").count() == 4


def test_several_are_signed_for_by_keys(town: Town, team: Team) -> None:
    cases = [matters.dispatched(town) for _n in range(3)]
    page = team["department"].go("/desk/?view=signing").page
    page.locator("[data-row]").first.wait_for()
    page.keyboard.press("a")
    assert page.locator("[data-pick]:checked").count() == 3
    page.keyboard.press("x")
    page.once("dialog", lambda dialog: dialog.accept())
    with page.expect_navigation():
        page.keyboard.press("b")
    expect(page.locator("main")).to_contain_text("办成 2 件")
    team["department"].accessible()
    assert sum(c.entries.filter(action="sign").exists() for c in cases) == 2


def test_a_phrase_is_inserted_at_the_cursor_by_a_key(town: Town, team: Team) -> None:
    case = matters.dispatched(town)
    Snippet.objects.create(person=town.people["department"], title="已修好", words="（{编号}）已修好")
    page = team["department"].go(f"/desk/cases/{case.code}/?do=finish#act").page
    box = page.locator("#f-reply")
    box.fill("您好，谢谢")
    for _n in range(2):
        box.press("ArrowLeft")
    page.locator("[data-snippets] [data-words]").first.wait_for()
    page.wait_for_timeout(300)
    page.keyboard.press("Alt+1")
    code = f"{case.code[:3]} {case.code[3:6]} {case.code[6:]}"
    expect(box).to_have_value(f"您好，（{code}）已修好谢谢")
    team["department"].accessible()


def test_the_bell_is_off_until_it_is_switched_on_and_is_remembered(town: Town, team: Team) -> None:
    first = matters.dispatched(town)
    page = team["department"].go("/desk/").page
    bell = page.locator("[data-bell-switch]")
    expect(bell).to_have_attribute("aria-pressed", "false")
    page.locator("[data-newest]").wait_for(state="attached")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(bell).to_have_attribute("aria-pressed", "true")
    Case.objects.filter(pk=first.pk).update(urgent=True)
    page.locator("[data-newest]").wait_for(state="attached")
    page.evaluate("htmx.ajax('GET', '/desk/urgent/', '#urgent-n')")
    expect(page.locator("#urgent-n")).to_contain_text("紧急 1 件")
    expect(page.locator("[data-bell]")).to_have_attribute("data-rang", re.compile(r"\d+"))


@pytest.mark.parametrize("words", ["暖气不热", "家里暖气不热，\n" * 40 + "很长的话" * 700])
def test_a_ticket_is_one_page_of_paper(town: Town, team: Team, words: str) -> None:
    case = matters.dispatched(town, words=words)
    page = team["department"].go(f"/desk/cases/{case.code}/ticket/").page
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", paper)) == 1
    page.emulate_media(media="print")
    expect(page.locator(".ticket .qr svg")).to_be_visible()
    assert page.locator(".ticket .write").bounding_box()["height"] > 80  # type: ignore[index]
    assert page.locator(".ticket footer p").first.is_visible()
