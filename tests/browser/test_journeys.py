"""Matters on their way through the people who work them, on a phone and on an office screen."""

from typing import Any

from conftest import Town
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.log import queries as log
from gongzhi.requests import actions as requests
from tests.browser.conftest import SIZES, Team, Visitor, catch_up, report

COLD, NOISE, MANNERS = "900401", "900101", "900501"
RETURN = {"return_code": "not_mine", "reason": "不属于我局职责"}


def follow(who: Visitor, case: Case) -> Visitor:
    return who.go(f"/r/{case.code}/{case.request.secret}/")


def rate(who: Visitor, solved: str, satisfied: str, said: str = "") -> None:
    page = who.page
    page.click(f"#rate label:has-text('{solved}')")
    page.click(f"#rate label:has-text('{satisfied}')")
    page.fill("#rate [name=said]", said)
    with page.expect_navigation():
        page.click("text=提交评价")


def answered(team: Team, case: Case, reply: str) -> None:
    """The section writes a reply; the head of the department lets it out."""
    team["section"].acts(case.code, "办结", result="修好", reply=reply)
    team["department_leader"].acts(case.code, "同意.*", opinion="同意")


def test_lead_and_helper_work_a_report_until_it_is_solved(town: Town, team: Team) -> None:
    resident = team.visit(*team.size)
    case = report(resident)
    team["operator"].acts(case.code, "受理", category=COLD)
    street = team["street"].case(case.code).press("派单")
    street.reads("建议", "区住建局")
    street.shot("dispatch")
    street.send(lead=team.unit("housing"), helpers=[team.unit("heating")])
    assert "已派给区住建局" in street.page.inner_text("[data-toast]")
    follow(resident, case).reads("区住建局")
    team["heating"].acts(case.code, "签收").acts(case.code, "协办办结", result="换了阀门")
    team["department"].acts(case.code, "签收").acts(case.code, "登记联系", contact_note="约好下午三点上门")
    team["department"].acts(case.code, "二级派单", section=team.unit("heating-section"))
    answered(team, case, "已更换阀门，室温 20 度。")
    follow(resident, case).reads("已更换阀门")
    resident.shot("track-to-rate")
    rate(resident, "未解决", "不满意", "还是只有 15 度")
    resident.reads("正在重办")
    answered(team, case, "已清洗管道，室温 21 度。")
    follow(resident, case)
    rate(resident, "已解决", "非常满意", "谢谢")
    resident.reads("您的评价", "已更换阀门", "已清洗管道")
    resident.shot("track-rated")
    catch_up()
    team["operator"].case(case.code).reads("办结", "非常满意", "谢谢").shot("case-archived")
    team["street"].go("/boards/").reads("100").shot("board-street")
    case.refresh_from_db()
    assert (case.stage, case.rating.satisfied, case.counts["limit:redo"]) == ("archived", 5, 1)


def test_the_clerk_answers_at_once(team: Team) -> None:
    clerk = team["operator"].go("/desk/intake/")
    page = clerk.page
    page.fill("[name=words]", "居住证怎么办")
    page.click("label:has-text('带身份证到社区办理')")
    page.check("[name=no_place]")
    clerk.shot("intake")
    with page.expect_navigation():
        page.click("[data-send]")
    clerk.reads("已登记", "已办完")
    case = Case.objects.get()
    assert case.stage == "answered" and case.closed_at
    clerk.go(f"/desk/intake/slip/{case.code}/").shot("slip")


def test_a_caller_with_a_twin_is_joined_to_it(team: Team) -> None:
    case = report(team.visit(*team.size))
    team["operator"].acts(case.code, "受理", category=COLD)
    clerk = team["operator"].go("/desk/intake/")
    clerk.page.fill("[name=words]", "我家暖气也不热")
    clerk.page.fill("#intake [name=q]", "西南社区第1网格")
    clerk.page.click("#found [role=option] >> nth=0")
    clerk.page.fill("[name=phone]", "13804715503")
    with clerk.page.expect_navigation():
        clerk.page.click("#twins button:has-text('我也遇到')")
    clerk.reads("已并入")
    assert Case.objects.count() == 1 and case.supporters.count() == 1


def test_the_third_return_is_ruled_on_by_the_reviewer(town: Town, team: Team) -> None:
    case = report(team.visit(*team.size), "楼下广场舞太吵")
    team["operator"].acts(case.code, "受理", category=NOISE)
    team["street"].acts(case.code, "派单", lead=team.unit("housing"))
    team["department"].acts(case.code, "申请退单", **RETURN)
    team["street"].acts(case.code, "同意.*", opinion="确实不归住建")
    team["street"].acts(case.code, "派单", lead=team.unit("parks"))
    team["parks"].acts(case.code, "申请退单", **RETURN)
    team["street"].acts(case.code, "不同意.*", reason="属于你局职责")
    team["parks"].acts(case.code, "派单异议", **RETURN)
    reviewer = team["reviewer"].case(case.code)
    reviewer.shot("case-objection")
    reviewer.acts(case.code, "同意.*", opinion="确有争议")
    chief = team["chief"].case(case.code).press("裁定主办")
    chief.shot("case-ruling")
    chief.send(lead=team.unit("parks"), ruling="广场舞噪声由城管局牵头")
    parks = team["parks"].case(case.code).reads("指定承办")
    assert "申请退单" not in [b.inner_text() for b in parks.page.locator(".casehead .btn:not([disabled])").all()]
    case.refresh_from_db()
    assert (case.stage, case.level) == ("handling", "district")


def test_the_resident_sees_the_extension_and_the_first_deadline(team: Team) -> None:
    resident = team.visit(*team.size)
    case = report(resident, "楼下广场舞太吵")
    team["operator"].acts(case.code, "受理", category=NOISE)
    team["street"].acts(case.code, "派单", lead=team.unit("parks"))
    team["parks"].acts(case.code, "申请延期", reason="等设备到货", days=3)
    assert "等设备到货" not in follow(resident, case).main
    team["street"].acts(case.code, "同意.*", opinion="同意")
    follow(resident, case).reads("等设备到货", "原定")
    resident.shot("track-extended")


def test_a_complaint_is_invisible_to_the_unit_it_is_about(team: Team) -> None:
    clerk = team["operator"].go("/desk/intake/")
    page = clerk.page
    page.fill("[name=words]", "居委会干事态度恶劣，骂人")
    page.fill("#intake [name=q]", "西南社区第1网格")
    page.click("#found [role=option] >> nth=0")
    page.click("#kinds label:has-text('投诉')")
    page.fill("[name=summary]", "反映工作作风")
    page.fill("[name=about_q]", "西南社区")
    page.click("#units [role=option] >> nth=0")
    page.locator("[name=other]").select_option(MANNERS)
    clerk.shot("intake-complaint")
    with page.expect_navigation():
        page.click("[data-send]")
    case = Case.objects.get()
    assert case.about_units == [team.unit("west-south")]
    for name in ("community", "community_worker", "grid"):
        hidden = team[name]
        assert case.title not in hidden.go("/desk/?view=all").main
        assert code_in_words(case) not in hidden.main
        assert code_in_words(case) not in hidden.go(f"/desk/search/?q={case.code}").main
        hidden.go("/desk/search/?q=作风").reads("没有找到")
        assert hidden.case(case.code).status == 404
    team["community"].shot("not-yours")
    team["district"].go("/desk/?view=all").reads(code_in_words(case))


def code_in_words(case: Case) -> str:
    return f"{case.code[:3]} {case.code[3:6]} {case.code[6:]}"


def test_who_has_no_right_is_refused(town: Town, team: Team) -> None:
    case, other = report(team.visit(*team.size)), report(team.visit(*team.size), "门口噪声太吵")
    for each, lead in ((case, "housing"), (other, "parks")):
        team["operator"].acts(each.code, "受理", category=COLD)
        team["street"].acts(each.code, "派单", lead=team.unit(lead))
    assert team["parks"].case(case.code).status == 404
    east = team["east"].go("/desk/?view=all")
    assert code_in_words(case) not in east.main
    assert team["department"].go("/setup/").status == 403
    stolen = case.tasks.get(done_at=None, role="lead")
    parks = team["parks"].case(other.code)
    parks.page.evaluate("id => { document.querySelector('.casehead form [name=task]').value = id }", stolen.pk)
    before = log.of_subject("case", case.pk)
    parks.press("签收")
    assert log.of_subject("case", case.pk) == before


def test_the_queue_is_worked_without_a_mouse(town: Town, visit: Any) -> None:
    for n in range(3):
        given = requests.Report(*town.point("west-south-1"), words=f"家里暖气不热 {n}", phone="")
        requests.report(given, by=Actor("anyone"))
    clerk = Team(town, visit, SIZES["desk"])["operator"].go("/desk/?view=receiving")
    page, chosen = clerk.page, "[data-row][aria-selected=true] [data-open]"
    first = page.inner_text(chosen)
    page.keyboard.press("j")
    second = page.inner_text(chosen)
    assert second != first
    page.wait_for_selector(f"#preview h2:text-is('{second}')")
    clerk.shot("queue")
    page.keyboard.press("k")
    assert page.inner_text(chosen) == first
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("jjj")  # letters in a field are letters
    assert page.input_value("#find") == "jjj" and page.inner_text(chosen) == first
    page.focus(chosen)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    clerk.reads(first)
    with page.expect_navigation():
        page.keyboard.press("d")
    page.locator("#act [name=category]").select_option(COLD)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.locator("#act [name=category]").press("Control+Enter")
    assert Case.objects.get(title=first).stage == "dispatching"
