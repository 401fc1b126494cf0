"""What boards count, walked through the process by the small cast; MONDAY is a working Monday at nine."""

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.boards import queries, rules, views
from gongzhi.boards.models import Day, Fact
from gongzhi.boards.queries import Period, Scope, View
from gongzhi.flow import actions as flow
from gongzhi.flow import clocks
from gongzhi.flow.actors import Actor
from gongzhi.flow.actors import reporter as reporting
from gongzhi.flow.models import Case
from gongzhi.log import projections
from gongzhi.log import queries as log
from gongzhi.org import queries as org
from gongzhi.requests import actions as requests

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALL = Period("", MONDAY.date() - 30 * DAY, MONDAY.date() + 90 * DAY)


@pytest.fixture
def uncommitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let projections read the lines of the test's own transaction."""
    finished_only = "log_after(%s, %s::text::xid8, %s, %s)"
    assert finished_only in log.AFTER
    monkeypatch.setattr(log, "AFTER", log.AFTER.replace(finished_only, "log_after(%s, %s::text::xid8, %s, %s, true)"))


class Story:
    """A request and what happens to it, each step at its own moment."""

    def __init__(self, town: Town, at: datetime = MONDAY, *, phone: str = "13800001111", origin: str = "resident",
                 words: str = "家里暖气不热，只有 15 度") -> None:
        self.town, self.at = town, at
        by = town.actor("grid") if origin == "staff" else Actor("anyone")
        with clock.at(at):
            report = requests.Report(*town.point("west-south-1"), words=words, phone=phone,
                                     channel="grid" if origin == "staff" else "portal")
            self.case_id = requests.report(report, by=by).case_id

    def then(self, name: str, who: str = "", after: timedelta = timedelta(), **form: Any) -> "Story":
        """Take an action as one of the cast (or as the reporter), some time after the step before."""
        self.at += after
        by = self.town.actor(who) if who else reporting(self.case_id)
        with clock.at(self.at):
            flow.act(self.case_id, name, by=by, form=form)
        return self

    def accepted(self, **form: Any) -> "Story":
        values = {"category": "900401", "place": list(self.town.point("west-south-1")), **form}
        return self.then("accept", "operator", HOUR, **values)

    def dispatched(self) -> "Story":
        return self.accepted().then("dispatch", "street", lead=self.town.units["housing"].pk)

    def finished(self, after: timedelta = HOUR) -> "Story":
        self.then("finish", "department", after, result="修好阀门", reply="已更换阀门，室温 20 度。")
        task = Case.objects.get(pk=self.case_id).tasks.get(kind="approval", done_at=None)
        with clock.at(self.at):
            flow.act(self.case_id, "agree", by=self.town.actor("department_leader"), task_id=task.pk)
        return self

    def handled(self) -> "Story":
        self.dispatched().then("sign", "department").then("contact", "department", HOUR, contact_note="约好上门")
        return self.finished()

    def clock_at(self, at: datetime) -> "Story":
        self.at = at
        with clock.at(at):
            clocks.tick()
        return self


def look(town: Town, who: str = "district", kind: str = "place", key: str = "district", origin: str = "resident",
         period: Period = ALL) -> View:
    thing = (town.places if kind == "place" else town.units)[key]
    level = thing.kind
    scope = Scope(kind, thing.pk, thing.name, tuple(thing.path), level)
    return View(scope, org.standing(town.people[who]), period, origin)


def numbers(view: View) -> dict[str, int]:
    projections.catch_up("boards.facts")
    return {k: n for k, n in queries.counts(view).items() if n}


def rate(view: View, name: str) -> tuple[int, int]:
    projections.catch_up("boards.facts")
    found = queries.rates(queries.counts(view), sum(one.in_period for one in queries.overdue(view)))
    return next((r["part"], r["whole"]) for r in found if r["rate"].name == name)


pytestmark = pytest.mark.usefixtures("uncommitted")


def test_a_request_that_went_well_counts_in_every_rate_of_its_places_and_its_unit(town: Town) -> None:
    story = Story(town).handled().then("rate", solved="solved", satisfied="5")
    expected = dict.fromkeys(
        ["opened", "dispatched", "finished", "on_time", "contact_due", "contacted", "rated", "solved", "satisfied"], 1)
    assert numbers(look(town)) == expected
    for kind, key in [("place", "west"), ("place", "west-south"), ("place", "west-south-1"), ("unit", "housing")]:
        assert numbers(look(town, kind=kind, key=key)) == expected
    assert numbers(look(town, key="east")) == {} == numbers(look(town, kind="unit", key="parks"))
    fact = Fact.objects.get(pk=story.case_id)
    assert (fact.category, fact.channel, fact.solved, fact.satisfied) == ("900401", "portal", "solved", 5)
    assert fact.closed_at and fact.signed_at and fact.outcome == "rate" and not fact.called_back


def test_an_unread_report_is_counted_nowhere_because_nobody_knows_yet_whom_it_complains_of(town: Town) -> None:
    Story(town)
    assert numbers(look(town)) == {}
    with clock.at(MONDAY + HOUR):
        assert queries.now_counts(look(town))["open"] == 0


def test_on_time_is_closed_on_time_over_closed_and_overdue_open_and_what_is_not_due_is_out(town: Town) -> None:
    Story(town).handled()  # in time
    Story(town).dispatched().then("sign", "department").finished(after=3 * DAY)  # late: 24 h had passed
    Story(town).dispatched()  # overdue and open
    Story(town, MONDAY + 3 * DAY).dispatched()  # not due yet
    with clock.at(MONDAY + 3 * DAY + 2 * HOUR):
        assert rate(look(town), "on_time") == (1, 3)
        assert queries.now_counts(look(town)) == {"open": 2, "overdue": 1, "soon": 1, "held": 0}
    with clock.at(MONDAY + 2 * HOUR):
        assert rate(look(town), "on_time") == (1, 2)


def test_who_did_not_rate_is_outside_the_denominator_and_a_zero_denominator_is_no_rate(town: Town) -> None:
    Story(town).handled()
    assert rate(look(town), "solved") == (0, 0) == rate(look(town), "satisfied")
    assert queries.score(queries.rates(queries.counts(look(town)), 0)) is None
    Story(town).handled().then("rate", solved="partly", satisfied="3")
    assert rate(look(town), "solved") == (0, 1) and rate(look(town), "satisfied") == (1, 1)


def test_contact_counts_when_made_or_missed_and_never_for_those_without_a_number(town: Town) -> None:
    Story(town).dispatched()
    assert rate(look(town), "response") == (0, 0)  # not due yet
    Story(town, phone="").dispatched().then("sign", "department").finished()
    Story(town).accepted(hide_reporter="1").then("dispatch", "street", lead=town.units["housing"].pk).finished()
    assert rate(look(town), "response") == (0, 0)  # nobody to contact, or not for the unit to do
    Story(town).handled()
    assert rate(look(town), "response") == (1, 1)
    Story(town, MONDAY + DAY).dispatched().clock_at(MONDAY + 3 * DAY)
    assert rate(look(town), "response") == (1, 3)  # the clock noticed the first and the last


def test_a_finish_without_a_word_to_the_reporter_is_no_response(town: Town) -> None:
    Story(town).dispatched().then("sign", "department").finished()
    assert rate(look(town), "response") == (0, 1)


def test_answered_at_once_and_withdrawn_are_counted_apart_and_in_no_rate(town: Town) -> None:
    Story(town).then("answer", "operator", answer="带身份证到社区办理。", kind="consult")
    Story(town).accepted().then("withdraw")
    assert numbers(look(town)) == {"opened": 2, "answered": 1, "withdrawn": 1}
    with clock.at(MONDAY + 30 * DAY):
        assert rate(look(town), "on_time") == (0, 0)


def test_what_staff_found_is_never_mixed_with_what_residents_reported(town: Town) -> None:
    Story(town, origin="staff").then("solve_here", "grid", category="200102", result="清走了")
    Story(town).handled()
    assert numbers(look(town, origin="staff")) == {"opened": 1, "self_solved": 1}
    assert numbers(look(town))["opened"] == 1


def test_a_redo_opens_the_case_again_and_lateness_stays_by_the_first_finish_and_the_redo_s_own_deadline(
        town: Town) -> None:
    story = Story(town).handled().then("redo", after=HOUR, solved="unsolved", reason="还是不热")
    n = numbers(look(town))
    assert n["redone"] == 1 and "finished" not in n and "on_time" not in n
    story.finished(after=HOUR).then("rate", solved="solved", satisfied="4")
    n = numbers(look(town))
    assert (n["finished"], n["on_time"], n["solved"], n["redone"]) == (1, 1, 1, 1)
    Story(town).handled().then("redo", after=HOUR, solved="unsolved", reason="不热").finished(after=5 * DAY)
    assert numbers(look(town))["late"] == 1


def test_a_returned_unit_is_free_of_the_case_and_the_next_one_answers(town: Town) -> None:
    story = Story(town).dispatched()
    story.then("return", "department", HOUR, return_code="not_mine", reason="不属于我局职责")
    task = Case.objects.get(pk=story.case_id).tasks.get(kind="approval", done_at=None)
    with clock.at(story.at):
        flow.act(story.case_id, "agree", by=town.actor("street"), task_id=task.pk)
    assert numbers(look(town, kind="unit", key="housing")) == {}
    story.then("dispatch", "street", HOUR, lead=town.units["parks"].pk)
    assert numbers(look(town, kind="unit", key="parks"))["returned"] == 1


def test_a_changed_rating_counts_by_its_first_value_and_as_changed(town: Town) -> None:
    story = Story(town).handled().then("rate", solved="partly", satisfied="1")
    case = Case.objects.get(pk=story.case_id)
    with clock.at(story.at):
        requests.change_rating(case, solved="solved", satisfied=5, said="", by=reporting(case.pk))
    n = numbers(look(town))
    assert n["rerated"] == 1 and n["rated"] == 1 and "solved" not in n and "satisfied" not in n
    assert (n["now_solved"], n["now_pleased"]) == (1, 1) and "was_solved" not in n  # both count publicly
    with clock.at(story.at):
        requests.change_rating(case, solved="partly", satisfied=2, said="", by=reporting(case.pk))
    assert "now_solved" not in numbers(look(town))


def test_whoever_never_rates_what_was_done_again_is_counted_by_the_first_answer(town: Town) -> None:
    story = Story(town).handled().then("redo", after=HOUR, solved="unsolved", satisfied="1", reason="还是不热")
    assert "rated" not in numbers(look(town))  # not final yet
    story.finished(after=HOUR).clock_at(MONDAY + 9 * DAY)
    for _try in range(3):
        story.then("no_answer", "operator", HOUR, attempt="无人接听")
    if Case.objects.get(pk=story.case_id).closed_at is None:
        story.then("unrated", "operator", HOUR)
    n = numbers(look(town))
    assert n["rated"] == 1 and "solved" not in n and "satisfied" not in n and "unrated" not in n
    assert rate(look(town), "solved") == (0, 1)


def test_what_ended_unread_is_counted_and_listed_for_the_centre_alone(town: Town, client: Any) -> None:
    """rights 4.2: whoever withdraws a complaint before it was read may have complained of any unit below."""
    Story(town, words="投诉社区赵六").then("withdraw")
    back = Story(town, words="投诉社区赵六").accepted(
        category="900501", kind="complain", summary="反映服务态度", about_unit=town.units["west-south"].pk)
    back.then("send_back", "street", reason="请核对").then("withdraw")
    Story(town).accepted().then("withdraw")
    for who, key, n in (("district", "district", 3), ("street", "west", 1), ("community", "west-south", 1)):
        view = look(town, who, key=key)
        assert numbers(view) == {"opened": n, "withdrawn": n}
        assert queries.listed(view, "withdrawn").count() == n
        assert sum(opened for _d, opened, _f in queries.trend(view)) <= n
        client.force_login(town.people[who])
        with clock.at(MONDAY + DAY):
            text = client.get(f"/boards/places/{view.scope.id}/list/?m=withdrawn").content.decode()
        assert ("赵六" in text) == (who == "district")


def test_a_complaint_about_the_office_is_on_no_board_of_its_party_committee(town: Town) -> None:
    town.unit("west-south-party", "community", "community", "西南社区党委", "west-party", "west-south", "party")
    town.person("party", "党委干事", ("west-south-party", "leader"))
    Story(town, words="投诉居委会态度恶劣").accepted(
        category="900501", kind="complain", summary="反映服务态度", about_unit=town.units["west-south"].pk)
    assert numbers(look(town)) == {"opened": 1} and numbers(look(town, "party", key="west-south")) == {}
    assert not queries.listed(look(town, "party", key="west-south"), "opened").exists()


def test_a_title_is_listed_only_for_who_may_see_the_case(town: Town, client: Any) -> None:
    town.person("parks_boss", "分管领导", ("government", "leader"))
    story = Story(town).dispatched()
    projections.catch_up("boards.facts")
    Case.objects.filter(pk=story.case_id).update(private=True)
    client.force_login(town.people["parks_boss"])
    with clock.at(MONDAY + DAY):
        text = client.get(f"/boards/places/{town.places['district'].pk}/list/?m=opened").content.decode()
    assert "1 件" in text and "只有经手的人能看" in text and "15 度" not in text


def test_what_the_hotline_must_ring_about_is_counted_as_its_own_and_in_no_unit_s_rate(town: Town) -> None:
    for lead, kept in (("housing", {"kind": "complain", "summary": "反映供暖"}), ("housing", {"hide_reporter": "1"}),
                       ("heating", {})):
        form = {"lead": town.units[lead].pk}
        Story(town).accepted(**kept).then("dispatch", "street", **form).then(
            "contact", "operator", HOUR, contact_note="已联系")
        Story(town, MONDAY + DAY).accepted(**kept).then("dispatch", "street", **form).clock_at(MONDAY + 4 * DAY)
        Story(town, MONDAY + 5 * DAY).accepted(**kept).then("dispatch", "street", **form)  # not due yet
    Story(town).accepted(hide_reporter="1").then("dispatch", "street", lead=town.units["housing"].pk).finished()
    n = numbers(look(town))
    assert "contact_due" not in n and (n["hotline_due"], n["hotline_met"]) == (6, 3)
    assert rate(look(town), "response") == (0, 0)


def test_a_complaint_is_on_no_board_of_the_people_it_is_about(town: Town) -> None:
    Story(town, words="投诉居委会态度恶劣").accepted(
        category="900501", kind="complain", summary="反映服务态度", about_unit=town.units["west-south"].pk)
    Story(town).handled()
    assert numbers(look(town))["opened"] == 2
    with clock.at(MONDAY + 60 * DAY):
        for who in ("community", "grid"):
            view = look(town, who, key="west-south")
            assert numbers(view)["opened"] == 1 and queries.overdue(view) == []
            assert queries.listed(view, "opened").count() == 1
            assert sum(n for _d, n, _f in queries.trend(view)) <= 1
        assert len(queries.overdue(look(town))) == 1
        assert numbers(look(town, "street", key="west"))["opened"] == 2  # the street is above, not of it


def test_counters_equal_a_count_of_the_facts_for_every_scope_and_measure(town: Town) -> None:
    Story(town).handled().then("rate", solved="solved", satisfied="2")
    Story(town).dispatched()
    Story(town).then("withdraw")
    Story(town, origin="staff").then("solve_here", "grid", category="200102", result="清走了")
    projections.catch_up("boards.facts")
    assert Day.objects.count() >= 8
    for row in Day.objects.all():
        column = "path" if row.scope == "place" else "lead_path"
        unread = row.origin == rules.KEPT_BACK
        facts = Fact.objects.filter(opened_at__date=row.date, origin="resident" if unread else row.origin, unread=unread,
                                    **{f"{column}__contains": [row.scope_id]})
        assert row.counts == Counter(m for f in facts for m in f.measures)


NO_COUNTS = (  # what has digits and counts nothing: how it is worked out, steps of blue, headings, days, shares, times
    r"<dl class=\"how\">.*?</dl>", r"<li><i data-ramp.*?</li>", r"<th.*?</th>", r"<(h2|summary).*?</\1>", r"<td>[\d-]*</td>",
    r"[\d.]+%", r"最久的已超期 [^。]*", r"<svg.*?</svg>", r"24 小时", r"<[^>]*>",
)


def length(client: Any, href: str) -> int:
    """Count what a list says it holds, which is what it lists."""
    text = client.get(href).content.decode()
    total = int(re.search(r"<small class=\"tnum\">([\d,]+) 件", text)[1])
    assert len(re.findall("<tr data-row>", text)) == total
    return total


def figures(text: str) -> tuple[list[tuple[str, str]], str]:
    """Give the links to lists of a board with the words in them, and what is left of its digits outside of them."""
    main = text.split('<main id="main"')[1].split("</main>")[0]
    links = re.findall(r'<a[^>]* href="([^"]*/list/\?[^"]*)"[^>]*>(.*?)</a>', main, re.S)
    rest = re.sub(r"<a [^>]*>.*?</a>", "", main, flags=re.S)
    for pattern in NO_COUNTS:
        rest = re.sub(pattern, "", rest, flags=re.S)
    plain = [(href, re.sub(r"<svg.*?</svg>|24 小时|<[^>]*>", " ", words)) for href, words in links]
    return plain, rest


def test_every_number_of_a_board_is_a_link_to_a_list_of_that_length(town: Town, client: Any) -> None:
    Story(town).handled().then("rate", solved="solved", satisfied="2")
    Story(town).dispatched().then("sign", "department").finished(after=3 * DAY)
    for _ in range(rules.FEWEST):
        Story(town).dispatched()
    Story(town).accepted(hide_reporter="1").then("dispatch", "street", lead=town.units["housing"].pk)
    Story(town, MONDAY + DAY).then("answer", "operator", answer="带身份证到社区办理。", kind="consult")
    Story(town, origin="staff").then("solve_here", "grid", category="200102", result="清走了")
    with clock.at(MONDAY + 4 * DAY):
        clocks.tick()
    projections.catch_up("boards.facts")
    for who, kind, key in [("district", "places", "district"), ("street", "places", "west"),
                           ("department", "units", "housing")]:
        client.force_login(town.people[who])
        thing = town.places[key] if kind == "places" else town.units[key]
        with clock.at(MONDAY + 4 * DAY):
            text = unescape(client.get(f"/boards/{kind}/{thing.pk}/?period=90d").content.decode())
            links, rest = figures(text)
            assert not re.search(r"\d", rest), rest
            assert len(links) > 35
            for href, words in links:
                assert re.findall(r"\d+", words) in ([], [str(length(client, href))]), (href, words)
            days = client.get(f"/boards/{kind}/{thing.pk}/trend.json?period=90d").json()
            for one in days["series"]:
                shown = [(n, href) for n, href in zip(one["data"], one["hrefs"], strict=True) if n]
                assert shown and all(length(client, href) == n for n, href in shown)
            for _lon, _lat, _state, said, href in json.loads((re.findall(r"data-points='?\"?(\[\[.*?\]\])", text) or ["[]"])[0]):
                assert length(client, href) == int(said)
            bands = re.findall(r'<td class="num muted">(.*?)</td>', text)
            assert all(cell.count("<a ") == 2 for cell in bands)


def test_the_map_leaves_out_what_is_wide_and_empty_and_says_what_lies_there(town: Town, client: Any) -> None:
    boxes = {1: (0.0, 0.0, 1.0, 1.0), 2: (1.0, 0.0, 2.0, 1.0), 3: (0.0, 1.0, 9.0, 9.0)}
    assert views._on_map(boxes, Counter({1: 30, 2: 10, 3: 2})) == [1, 2]
    assert views._on_map(boxes, Counter({1: 30, 2: 10, 3: 3})) == [1, 2, 3]  # more than one in twenty: it is shown
    assert views._on_map(boxes, Counter()) == [1, 2, 3] and views._on_map({}, Counter()) == []
    client.force_login(town.people["district"])
    page = f"/boards/places/{town.places['district'].pk}/"
    names = [f["properties"]["name"] for f in client.get(page + "grids.json").json()["features"]
             if f["geometry"]["type"] == "Point"]
    assert sorted(names) == ["东街街道", "西街街道"]
    assert "图外" not in client.get(page).content.decode()


def test_lists_go_on_by_key_through_all_of_them(town: Town, client: Any) -> None:
    for i in range(55):
        Story(town, MONDAY + i % 3 * HOUR).accepted()
    projections.catch_up("boards.facts")
    client.force_login(town.people["district"])
    seen: list[str] = []
    with clock.at(MONDAY + DAY):
        href = f"/boards/places/{town.places['district'].pk}/list/?m=opened&period=30d"
        while href:
            text = unescape(client.get(href).content.decode())
            seen += re.findall(r'class="code"[^>]*>([^<]+)<', text)
            href = next(iter(re.findall(r'href="([^"]+)" rel="next"', text)), "")
    assert len(seen) == len(set(seen)) == 55


@pytest.mark.parametrize(("who", "kind", "key", "status"), [
    ("district", "places", "district", 200), ("district", "units", "housing", 200),
    ("district", "units", "heating", 200), ("street", "places", "west", 200), ("street", "places", "west-north", 200),
    ("street", "places", "east", 404), ("street", "places", "district", 404), ("street", "units", "housing", 404),
    ("community", "units", "west-south", 200),
    ("department", "units", "housing", 200), ("department", "units", "heating-section", 200),
    ("department", "units", "parks", 404), ("section", "units", "housing", 404), ("heating", "units", "heating", 200),
])
def test_a_board_opens_for_who_oversees_the_place_or_works_in_the_unit_or_above(
        town: Town, client: Any, who: str, kind: str, key: str, status: int) -> None:
    client.force_login(town.people[who])
    thing = town.places[key] if kind == "places" else town.units[key]
    for page in ("", "list/", "trend.json"):
        assert client.get(f"/boards/{kind}/{thing.pk}/{page}").status_code == status
    if kind == "places":
        assert client.get(f"/boards/places/{thing.pk}/grids.json").status_code == status


def test_a_board_takes_any_address_and_the_wall_is_dark(town: Town, client: Any) -> None:
    client.force_login(town.people["district"])
    page = f"/boards/places/{town.places['district'].pk}/"
    for query in ("", "?period=today", "?period=xyz", "?from=2026-03-01&to=2026-03-31", "?from=x&to=y", "?origin=staff",
                  "?origin=' OR 1", "?from=2026-04-01&to=2026-03-01", "?from=2026-01-01&to=9999-12-31",
                  "?from=0001-01-01&to=2026-03-01"):
        assert client.get(page + query).status_code == 200
    for query in ("?after=x", "?after=9e99_1", "?after=nan_1", "?m=overdue_in", "?m=on_time_base"):
        assert client.get(page + "list/" + query).status_code == 200
    assert client.get(page + "list/?m=nothing").status_code == 404
    assert 'data-bs-theme="dark"' in client.get(page + "?wall=1").content.decode()
    assert client.get("/boards/").headers["Location"] == page


def test_grids_carry_how_many_are_open_or_overdue(town: Town, client: Any) -> None:
    Story(town).dispatched()
    projections.catch_up("boards.facts")
    client.force_login(town.people["district"])
    page = f"/boards/places/{town.places['district'].pk}/grids.json"
    with clock.at(MONDAY + 5 * DAY):
        for query in ("", "?colour=late"):
            cells = [f["properties"] for f in client.get(page + query).json()["features"]]
            grid = next(c for c in cells if c["id"] == town.places["west-south-1"].pk)
            assert (grid["n"], grid["step"]) == (1, 2) and grid["made_up"]


def test_the_steps_of_blue_grow_wider_with_the_busiest_grid() -> None:
    assert views._ramp({}) == views._ramp({1: 16}) == (1, 2, 4, 8)
    assert views._ramp({1: 43, 2: 5}) == (1, 6, 12, 24)
    assert [views._step(n, (1, 2, 4, 8)) for n in (0, 1, 2, 3, 4, 7, 8, 99)] == [1, 2, 3, 3, 4, 4, 5, 5]


def test_a_band_goes_by_the_rate_and_few_matters_make_none() -> None:
    assert [rules.band(*n).state for n in ((97, 100), (96, 100), (94, 100), (0, 5))] == ["done", "intime", "due", "due"]
    assert rules.band(0, 0) is None and rules.band(4, 4) is None


@pytest.mark.django_db(transaction=True)
def test_a_rebuild_gives_the_same_facts_and_counters(town: Town) -> None:
    Story(town).handled().then("rate", solved="solved", satisfied="5")
    projections.catch_up("boards.facts")
    Story(town).dispatched().clock_at(MONDAY + 3 * DAY)
    story = Story(town).handled().then("redo", after=HOUR, solved="unsolved", reason="还是不热")
    projections.advance("boards.facts", limit=3)
    projections.catch_up("boards.facts")
    story.finished()
    projections.catch_up("boards.facts")

    def everything() -> tuple[Any, Any]:
        counted = Day.objects.exclude(counts={}).order_by("scope", "scope_id", "date", "origin")
        return (list(Fact.objects.order_by("pk").values()),
                list(counted.values_list("scope", "scope_id", "date", "origin", "counts")))

    before = everything()
    assert projections.rebuild("boards.facts") > 0
    assert everything() == before and len(before[0]) == 3


def test_the_command_rebuilds_one_projection_and_names_those_there_are(db: None, capsys: Any) -> None:
    call_command("rebuild")
    assert "boards.facts" in capsys.readouterr().out.split()
    call_command("rebuild", "boards.facts")
    assert "a second" in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"boards\.facts"):
        call_command("rebuild", "nothing")


def test_the_command_rebuilds_all_that_can_be_and_nothing_that_would_send_again(
    db: None, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("rebuild")
    listed, rebuilt = capsys.readouterr().out.split(), []
    monkeypatch.setattr(projections, "rebuild", lambda name: rebuilt.append(name) or 0)
    call_command("rebuild", "--all")
    assert rebuilt == listed == sorted(n for n, found in projections.registry.items() if found.tables)
    assert "requests.notices" not in rebuilt
    with pytest.raises(CommandError, match="not both"):
        call_command("rebuild", "boards.facts", "--all")
