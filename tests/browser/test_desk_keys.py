"""The desk by keyboard alone: searching places and units, choosing helpers, signing only after a question."""

from typing import Any

import pytest
from playwright.sync_api import expect

from conftest import Town
from gongzhi.desk.tests import matters
from gongzhi.flow.models import Case
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
    with page.expect_navigation():
        page.keyboard.press("d")
    assert case.entries.filter(action="sign").exists()
