"""The grid worker with a phone in one hand: report, solve on the spot, take a resident's matter down, handle one."""

from datetime import timedelta

import pytest

from conftest import Town
from gongzhi.base import clock
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.requests import actions
from tests.browser.conftest import SIZES, Team, Visitor, code_in


@pytest.fixture
def worker(town: Town, visit: object) -> Visitor:
    return Team(town, visit, SIZES["phone"])["grid"]  # type: ignore[arg-type]


def on_the_desk(town: Town) -> Case:
    """A resident's matter that the community handed to the worker's grid."""
    lon, lat = town.point("west-south-1")
    given = actions.Report(lon, lat, words="南门堆了垃圾", phone="13804715502")
    case_id = actions.report(given, by=Actor("anyone")).case_id
    flow.act(case_id, "accept", by=town.actor("operator"), form={"category": "200102", "place": [lon, lat]})
    flow.act(case_id, "dispatch", by=town.actor("street"), form={"lead": town.units["west-south"].pk})
    flow.act(case_id, "sign", by=town.actor("community"), form={})
    inner_due = (clock.now() + timedelta(hours=1)).isoformat()
    form = {"section": town.units["west-south-1"].pk, "inner_due": inner_due}
    flow.act(case_id, "assign", by=town.actor("community"), form=form)
    return Case.objects.get(pk=case_id)


def stand_at(who: Visitor, town: Town, grid: str = "west-south-1") -> None:
    lon, lat = town.point(grid)
    who.page.context.grant_permissions(["geolocation"])
    who.page.context.set_geolocation({"longitude": lon, "latitude": lat})


def test_a_find_is_placed_by_the_phone_and_solved_on_the_spot(town: Town, worker: Visitor) -> None:
    stand_at(worker, town)
    page = worker.go("/field/report/").page
    page.click("[data-position]")
    worker.reads("西南社区第1网格")
    page.click(".kinds label:has-text('暴露垃圾')")
    page.click(".choice:has-text('已解决')")
    with page.expect_navigation():
        page.click("button[name=send]")
    worker.reads("请写一句怎么解决的")
    page.fill("[name=result]", "已清走")
    worker.shot("field-solved")
    with page.expect_navigation():
        page.click("button[name=send]")
    case = Case.objects.get(code=code_in(worker.main))
    assert (case.stage, case.origin) == ("self_solved", "staff")


def test_a_resident_without_a_phone_leaves_with_a_slip(town: Town, worker: Visitor) -> None:
    page = worker.go("/field/").page
    page.click("text=替居民报")
    page.fill("[name=words]", "楼道灯不亮，刘大爷说的")
    page.click("summary:has-text('搜别的地方')")
    page.fill("[name=q]", "西南社区第1网格")
    page.check("#found input >> nth=0")
    worker.reads("西街街道")
    with page.expect_navigation():
        page.click("button[name=send]")
    page.click("a:has-text('纸质回执')")
    worker.reads("诉求回执", "区接诉即办中心").shot("field-slip")
    assert Case.objects.get().request.on_behalf_of


def test_what_is_not_yet_sent_stands_on_the_first_page(town: Town, worker: Visitor) -> None:
    page = worker.go("/field/report/").page
    page.fill("[name=words]", "写到一半")
    worker.go("/field/").reads("写了还没交的", "写到一半")


def test_a_matter_is_worked_with_one_hand(town: Town, worker: Visitor) -> None:
    case = on_the_desk(town)
    page = worker.go("/field/").page
    page.click("text=去签收")
    with page.expect_navigation():
        page.click("button:has-text('签收')")
    page.fill("[name=contact_note]", "打了电话，下午去")
    worker.shot("field-case")
    with page.expect_navigation():
        page.click("form:has([name=contact_note]) .btn-primary")
    worker.reads("登记联系")
    assert set(case.entries.filter(unit=town.units["west-south-1"]).values_list("action", flat=True)) == {
        "sign", "contact"}


def test_every_field_page_fits_and_is_accessible(town: Town, worker: Visitor) -> None:
    case = on_the_desk(town)
    for path in ("", "list/", "list/?list=mine", "report/", "report/?for=resident", "grid/", f"cases/{case.code}/"):
        worker.go(f"/field/{path}").fits()
        worker.accessible()
        worker.shot(f"field-{path.split('/')[0].split('?')[0] or 'today'}")


def test_the_clerks_pages_fit_and_are_accessible(town: Town, team: Team) -> None:
    clerk = team["operator"].go("/desk/intake/")
    clerk.page.fill("[name=words]", "我要投诉物业态度恶劣，暖气不热")
    clerk.page.check("#kinds [value=complain]")
    clerk.page.wait_for_selector("#guesses [name=category]")
    clerk.fits()
    clerk.accessible()
    clerk.go("/desk/knowledge/").fits()
    clerk.accessible()
