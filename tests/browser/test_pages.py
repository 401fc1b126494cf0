"""Every page of every surface: nothing serious for axe, nothing wider than a phone, nothing the policy forbids; light."""

from typing import Any

import pytest

from conftest import Town
from gongzhi.base import limits
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor, reporter
from gongzhi.flow.models import Case
from gongzhi.requests import actions as requests
from gongzhi.requests.models import Answer
from tests.browser.conftest import BLIND, SIZES, Team, Visitor, catch_up

NARROW = (320, 640)
FIRST_VISIT, NEXT_VISIT = 100_000, 30_000  # bytes on the line: better than the limit of 150 kB, and the limit; 20 kB is the aim


@pytest.fixture
def cases(town: Town) -> dict[str, Case]:
    """One matter at each step of its way."""
    made: dict[str, Case] = {}
    lon, lat = town.point("west-south-1")

    def act(key: str, action: str, by: str, task: bool = False, **form: Any) -> None:
        asked = made[key].tasks.get(kind="approval", done_at=None).pk if task else None
        flow.act(made[key].pk, action, by=town.actor(by), form=form, task_id=asked)

    for key in ("new", "complaint", "dispatching", "handling", "reviewing", "returning", "rating", "done"):
        words = "社区干事态度恶劣" if key == "complaint" else "家里暖气不热，只有 15 度"
        got = requests.report(requests.Report(lon, lat, words=words, phone="13804715502"), by=Actor("anyone"))
        made[key] = Case.objects.get(pk=got.case_id)
        if key == "complaint":
            act(key, "accept", "operator", category="900501", place=f"{lon},{lat}", kind="complain",
                summary="反映工作作风", about_unit=town.units["west-south"].pk)
        elif key != "new":
            act(key, "accept", "operator", category="900401", place=f"{lon},{lat}")
    for key in ("handling", "reviewing", "returning", "rating", "done"):
        act(key, "dispatch", "street", lead=town.units["housing"].pk, helpers=[town.units["heating"].pk])
    act("handling", "sign", "department")
    act("returning", "return", "department", return_code="not_mine", reason="不属于我局职责")
    for key in ("reviewing", "rating", "done"):
        act(key, "finish", "department", result="修好", reply="已更换阀门，室温 20 度。")
    for key in ("rating", "done"):
        act(key, "agree", "department_leader", task=True)
    flow.act(made["done"].pk, "rate", by=reporter(made["done"].pk),
             form={"solved": "solved", "satisfied": "5", "said": "谢谢"})
    catch_up()
    return made


def look(who: Visitor, name: str) -> None:
    """Look at a page one came to by a form: on a phone, the narrowest one and an office screen."""
    for size in (SIZES["phone"], NARROW, SIZES["desk"]):
        who.page.set_viewport_size({"width": size[0], "height": size[1]})
        who.fits()
        if size != NARROW:
            who.accessible()
            who.shot(name)


def walk(who: Visitor, surface: str, paths: dict[str, str]) -> None:
    """Look at each page on a phone, on the narrowest one, and on an office screen."""
    for name, path in paths.items():
        who.page.set_viewport_size(dict(zip(("width", "height"), SIZES["phone"], strict=True)))  # type: ignore[arg-type]
        who.go(path).page.wait_for_load_state("networkidle")
        assert who.status in (200, 403, 404), (path, who.status)
        look(who, f"{surface}-{name}")


@pytest.mark.parametrize("elder", [False, True], ids=["usual", "elder"])
def test_pages_of_the_portal(town: Town, cases: dict[str, Case], phone: Visitor, elder: bool) -> None:
    if elder:
        phone.page.context.add_cookies([{"name": "elder", "value": "1", "url": phone.base}])
    links = {key: f"/r/{case.code}/{case.request.secret}/" for key, case in cases.items()}
    code = town.places["west-south-1"].code
    walk(phone, "elder" if elder else "portal", {
        "home": "/", "report": f"/r/new?place={code}", "answer": links["new"] + "done", "slip": links["new"] + "slip",
        "track": links["handling"], "rate": links["rating"], "done": links["done"], "find": "/r/",
        "nearby": f"/nearby/?place={code}", "worker": "/worker/", "feedback": "/feedback/", "nowhere": "/nowhere/",
        **({} if elder else {"sign-in": "/sign-in/", "styleguide": "/styleguide/", "api": "/api/v1/docs"}),
    })


def test_pages_of_the_desk(town: Town, visit: Any, cases: dict[str, Case]) -> None:
    team = Team(town, visit, SIZES["phone"])
    at = {key: f"/desk/cases/{case.code}/" for key, case in cases.items()}
    walk(team["operator"], "desk", {
        "queue": "/desk/", "all": "/desk/?view=all&state=open", "none": "/desk/?view=all&flag=hard", "late": "/desk/?view=late",
        "search": "/desk/search/?q=暖气", "accept": at["new"] + "?do=accept", "decline": at["new"] + "?do=legal",
        "complaint": at["complaint"], "ticket": at["handling"] + "ticket/", "inbox": "/inbox/",
        "knowledge": "/desk/knowledge/", "sms": "/demo/sms/"})
    walk(team["street"], "desk", {
        "dispatch": at["dispatching"] + "?do=dispatch", "merge": at["dispatching"] + "?do=merge",
        "split": at["dispatching"] + "?do=split", "merging": f"/desk/merge/?case={cases['dispatching'].code}",
        "batching": f"/desk/batch/?case={cases['dispatching'].code}", "handovers": "/desk/handover/",
        "snippets": "/desk/snippets/", "later": "/desk/?view=later",
        "returning": at["returning"] + "?do=agree"})
    walk(team["department"], "desk", {
        "handling": at["handling"], "finish": at["handling"] + "?do=finish", "assign": at["handling"] + "?do=assign"})
    walk(team["department_leader"], "desk", {"review": at["reviewing"] + "?do=agree"})
    walk(team["heating"], "desk", {"outside": at["handling"], "not-mine": at["new"]})
    walk(team["community"], "desk", {"empty": "/desk/", "not-mine": at["complaint"]})


def test_a_case_on_paper_says_which_one_it_is_and_leaves_out_what_is_to_be_pressed(
        town: Town, visit: Any, cases: dict[str, Case]) -> None:
    who = Team(town, visit, SIZES["desk"])["department"].case(cases["handling"].code)
    line = who.page.locator(".casehead .print-only")
    assert not line.is_visible()
    who.page.emulate_media(media="print")
    code = cases["handling"].code
    assert f"{code[:3]} {code[3:6]} {code[6:]}" in line.inner_text() and "住建联络员" in line.inner_text()
    assert not who.page.locator("button, summary.btn, a.btn").filter(visible=True).count()
    who.shot("desk-case-on-paper")


def test_pages_of_boards_and_setup(town: Town, visit: Any, cases: dict[str, Case]) -> None:
    team, district, housing = Team(town, visit, SIZES["phone"]), town.places["district"].pk, town.units["housing"].pk
    walk(Team(town, visit, SIZES["phone"], blind=False)["district"], "board", {
        "place": f"/boards/places/{district}/", "unit": f"/boards/units/{housing}/",
        "list": f"/boards/places/{district}/list/"})
    walk(team["admin"], "setup", {
        "home": "/setup/", "places": "/setup/places/", "place": f"/setup/places/{district}/", "units": "/setup/units/",
        "unit": f"/setup/units/{housing}/", "people": "/setup/people/",
        "person": f"/setup/people/{town.people['street'].pk}/", "messages": "/setup/messages/",
        "feedback": "/feedback/all/"})


def test_pages_a_stranger_seldom_sees(town: Town, cases: dict[str, Case], phone: Visitor) -> None:
    code, open_case = town.places["west-south-1"].code, cases["handling"]
    joined = requests.join(open_case, device="a-device", phone="13900002222")
    phone.page.context.add_init_script(BLIND)
    walk(phone, "portal", {
        "poster": f"/r/poster/{code}", "joined": f"/r/with/{open_case.code}/{joined.secret}/",
        "unknown": "/r/1234567897/wrong-secret-of-a-link/"})
    page = phone.go(f"/r/new?place={code}").page
    page.fill("[name=words]", "暖气也不热")
    page.click("[data-next]")
    page.click("text=我也遇到 >> nth=0")
    look(phone, "portal-join")


def test_refusals_are_pages_too(town: Town, visit: Any, cases: dict[str, Case], monkeypatch: pytest.MonkeyPatch) -> None:
    team = Team(town, visit, SIZES["phone"])
    walk(team["street"], "refused", {"not-an-operator": "/desk/intake/", "not-an-administrator": "/setup/"})
    monkeypatch.setattr(limits, "allow", lambda *args, **kwargs: False)
    stranger = visit(*SIZES["phone"])
    page = stranger.go("/r/").page
    page.fill("[name=code]", cases["done"].code)
    page.fill("[name=tail]", "1111")
    page.click("main button >> nth=0")
    look(stranger, "refused-too-often")


def test_pages_of_the_phone_clerk_and_the_knowledge_base(town: Town, visit: Any, cases: dict[str, Case]) -> None:
    team, (lon, lat) = Team(town, visit, SIZES["phone"]), town.point("west-south-1")
    given = requests.Report(lon, lat, words="暖气不热", phone="13804715502", channel="phone")
    taken = requests.take_call(given, {"category": "900401", "place": [lon, lat], "kind": "help"}, by=town.actor("operator"))
    walk(team["operator"], "desk", {
        "intake": "/desk/intake/", "intake-done": f"/desk/intake/done/{taken.code}/",
        "intake-joined": f"/desk/intake/joined/{cases['handling'].code}/?sms=1",
        "intake-slip": f"/desk/intake/slip/{taken.code}/", "answer": f"/desk/cases/{cases['new'].code}/?do=answer",
        "exports": "/desk/exports/", "batch": "/desk/batch/"})
    walk(team["chief"], "desk", {
        "knowledge-new": "/desk/knowledge/new/", "knowledge-edit": f"/desk/knowledge/{Answer.objects.get().pk}/"})


def test_pages_of_the_grid_worker_after_a_report(town: Town, visit: Any) -> None:
    team, (lon, lat) = Team(town, visit, SIZES["phone"]), town.point("west-south-1")
    given = requests.Report(lon, lat, words="南门堆了垃圾", channel="grid", on_behalf=True)
    made = requests.report(given, by=town.actor("grid"))
    walk(team["grid"], "field", {"reported": f"/field/report/{made.code}/", "slip": f"/field/report/{made.code}/slip/"})


def test_the_setup_finds_and_shows_its_defaults(town: Town, visit: Any) -> None:
    team = Team(town, visit, SIZES["phone"])
    walk(team["admin"], "setup", {"search": "/setup/places/?q=西街", "nothing": "/setup/places/?q=zzz",
                                  "defaults": "/setup/defaults/"})


def test_the_board_fills_a_wall(town: Town, visit: Any, cases: dict[str, Case]) -> None:
    wall = Team(town, visit, (1920, 1080), blind=False)["district"]
    wall.go(f"/boards/places/{town.places['district'].pk}/").page.wait_for_load_state("networkidle")
    wall.fits()
    wall.accessible()
    wall.shot("board-wall")


def test_the_portal_is_light_on_the_first_visit_and_lighter_on_the_next(
        town: Town, visit: Any, cases: dict[str, Case], capsys: pytest.CaptureFixture[str]) -> None:
    """Without the map, which comes when it is looked at; static files count as gzip sends them, brotli sends less."""
    code, link = town.places["west-south-1"].code, f"/r/{cases['rating'].code}/{cases['rating'].request.secret}/"
    pages = ["/", "/r/new", link, link + "done", f"/nearby/?place={code}", f"/worker/?place={code}", "/r/"]
    said = []
    for path in pages:
        first = visit(*SIZES["phone"])
        first.page.context.add_init_script(BLIND)
        first.go(path).page.wait_for_load_state("networkidle")
        assert all(a.headers.get("content-encoding") == "gzip" for a in first.answers if a.request.is_navigation_request())
        said.append((path, first.weight()))
    again = visit(*SIZES["phone"])
    again.page.context.add_init_script(BLIND)
    again.go("/").page.wait_for_load_state("networkidle")
    for number, path in enumerate(pages):
        again.seen |= {answer.url for answer in again.answers if answer.request.resource_type != "document"}
        again.forget()
        again.go(path).page.wait_for_load_state("networkidle")
        said[number] += (again.weight(),)
    with capsys.disabled():
        print("\n" + "\n".join(f"{path.split('?')[0]:60} {first:7,} B first, {then:6,} B next" for path, first, then in said))
    assert all(first < FIRST_VISIT and then < NEXT_VISIT for _path, first, then in said), said
