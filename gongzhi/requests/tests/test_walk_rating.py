"""Rating, doing it again, calling back, checking on site, archiving."""

from datetime import date, timedelta

import pytest

from conftest import Town
from gongzhi.base import clock, files
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import reporter
from gongzhi.flow.models import Attachment
from gongzhi.org.models import Appointment, Post
from gongzhi.requests import actions as requests
from gongzhi.requests import queries, rules
from gongzhi.requests.models import Rating
from gongzhi.requests.tests.walking import COLD, NOISE, PAPER, RUBBISH, Walk

UNSOLVED = {"solved": "unsolved", "satisfied": "2", "reason": "还是不热"}
GOOD = {"solved": "solved", "satisfied": "5"}


def called_back(town: Town) -> Walk:
    """A request whose reporter did not rate until the case's deadline."""
    walk = Walk(town).confirming()
    assert walk.case.due_at
    walk.wait(until=walk.case.due_at)
    assert walk.stage == "calling"
    return walk


def unsolved(walk: Walk, times: int) -> Walk:
    for _ in range(times):
        walk.does("reporter", "redo", **UNSOLVED)
        walk.finished()
    return walk


@pytest.mark.parametrize(
    "who", ["department", "department_leader", "section", "street", "community", "grid", "operator", "checker"])
def test_nobody_but_the_reporter_rates_and_there_is_no_default(town: Town, who: str) -> None:
    walk = Walk(town).confirming()
    assert walk.cannot(who, "rate", **GOOD)
    assert walk.cannot("reporter", "rate", satisfied="5") and walk.cannot("reporter", "rate", solved="solved")
    assert not Rating.objects.exists()


def test_the_reporter_of_another_case_cannot_rate(town: Town) -> None:
    walk, other = Walk(town).confirming(), Walk(town)
    with pytest.raises(Refused):
        flow.act(walk.id, "rate", by=reporter(other.id), form=GOOD)


def test_who_does_not_rate_is_called_from_the_cases_deadline_on(town: Town) -> None:
    walk = Walk(town).confirming()
    due = walk.case.due_at
    assert due and walk.task("reporter").due_at == due
    walk.wait(until=due - timedelta(seconds=1))
    assert walk.stage == "confirming"
    walk.wait(until=due)
    assert walk.stage == "calling" and walk.desks() == {("caller_back", "区接诉即办中心")}
    assert walk.case.fields["public"] == "to_rate"
    walk.does("operator2", "called", solved="partly", satisfied="3", said="还行")
    assert (walk.case.stage, walk.case.rating.by, walk.case.rating.solved) == ("archived", "callback", "partly")


def test_the_link_stays_open_while_the_clerk_is_calling(town: Town) -> None:
    walk = called_back(town)
    walk.does("reporter", "rate", **GOOD)
    assert walk.case.rating.by == "reporter"


def test_finished_after_the_deadline_the_call_comes_at_once_but_the_link_works(town: Town) -> None:
    walk = Walk(town).dispatched()
    walk.wait(days=2)
    walk.finished()
    walk.wait(seconds=1)
    assert walk.stage == "calling"
    walk.does("reporter", "rate", **GOOD)


@pytest.mark.parametrize("unit", ["housing", "heating-section"])
def test_a_clerk_who_also_works_for_the_handling_unit_or_below_cannot_enter_what_a_caller_says(
        town: Town, unit: str) -> None:
    post, _ = Post.objects.get_or_create(unit=town.units[unit], name="handler", place=None)
    Appointment.objects.create(post=post, person=town.people["operator2"], from_date=date(2020, 1, 1))
    walk = called_back(town)
    assert "回避" in walk.cannot("operator2", "called", **GOOD)
    walk.does("operator", "called", **GOOD)


def test_three_calls_without_an_answer_are_archived_unrated(town: Town) -> None:
    walk = called_back(town)
    assert walk.cannot("operator", "unrated")
    for _ in range(3):
        walk.does("operator", "no_answer", attempt="无人接听")
    assert "no_answer" not in walk.offers("operator")
    walk.does("operator", "unrated")
    assert (walk.stage, walk.case.outcome) == ("archived", "unrated") and not Rating.objects.exists()


def test_a_redo_gets_a_new_stage_deadline_and_the_case_keeps_its_own(town: Town) -> None:
    walk = Walk(town).confirming()
    due = walk.case.due_at
    walk.wait(hours=3)
    walk.does("reporter", "redo", **UNSOLVED)
    assert walk.stage == "handling" and walk.case.fields["public"] == "redoing"
    assert walk.task("lead").due_at == walk.now + timedelta(days=1) and walk.case.due_at == due
    assert {e.name for e in walk.task("lead").expectations.all()} == {"sign", "contact"}


def test_a_redo_does_not_inherit_an_inner_deadline_that_has_passed(town: Town) -> None:
    walk = Walk(town).dispatched()
    walk.does("department", "assign", section=walk.unit("heating-section"),
              inner_due=(walk.now + timedelta(hours=1)).isoformat())
    walk.wait(hours=2)
    walk.finished()
    walk.does("reporter", "redo", **UNSOLVED)
    assert walk.task("handler").due_at == walk.task("lead").due_at


def test_the_first_answer_is_kept_and_counted(town: Town) -> None:
    walk = Walk(town).confirming()
    walk.does("reporter", "redo", **UNSOLVED)
    assert walk.last("redo")["solved"] == "unsolved" and walk.last("redo")["satisfied"] == "2"
    walk.finished()
    walk.does("reporter", "rate", **GOOD)
    rating = walk.case.rating
    assert (rating.solved, rating.satisfied) == ("solved", 5)
    assert (rating.first_solved, rating.first_satisfied) == ("unsolved", 2)
    assert walk.last("rate")["first_solved"] == "unsolved" and walk.last("rate")["first_satisfied"] == 2
    assert "said" not in walk.last("rate") and "reason" not in walk.last("redo")


def test_handlers_read_why_it_must_be_done_again_but_not_how_they_were_rated(town: Town) -> None:
    walk = Walk(town).confirming()
    walk.does("reporter", "redo", **UNSOLVED)

    def seen(who: str) -> dict[str, object]:
        found = queries.entries_for(walk.actor(who).standing, walk.case)
        return next(e.values for e in found if e.action == "redo")

    for who in ("department", "department_leader", "section"):
        assert seen(who) == {"reason": "还是不热"}
    assert seen("operator")["solved"] == "unsolved"


def test_after_three_redos_only_the_level_above_helps(town: Town) -> None:
    walk = unsolved(Walk(town).confirming(), 3)
    assert walk.offers("reporter") == ["rate", "hard", "comment", "attach"]
    assert walk.cannot("reporter", "redo", **UNSOLVED)
    walk.does("reporter", "hard", **UNSOLVED)
    assert (walk.stage, walk.case.level) == ("hard", "district") and walk.desks() == {("chief", "区接诉即办中心")}
    walk.does("chief", "rule", lead=walk.unit("heating"), helpers=[walk.unit("housing")], ruling="由供热公司办")
    walk.finished("heating", "heating_leader")
    walk.does("reporter", "rate", **GOOD)


def test_what_lawfully_cannot_be_solved_is_explained_in_writing_and_reviewed(town: Town) -> None:
    walk = unsolved(Walk(town).confirming(), 3)
    walk.does("reporter", "hard", **UNSOLVED)
    assert walk.cannot("chief", "explain", explanation="依据条例")
    assert "办结材料" in walk.cannot("chief", "explain", explanation="依据条例第几条", evidence=["说明.pdf"]), "words, no file"
    paper = Attachment(file=files.store_document(PAPER), kind="document", name="说明.pdf")
    walk.does("chief", "explain", explanation="依据条例第几条", files=[paper])
    walk.decides("reviewer", "agree")
    assert walk.stage == "confirming"


def test_the_clerk_redoes_what_the_caller_says_is_unsolved(town: Town) -> None:
    walk = called_back(town)
    walk.does("operator", "redo", **UNSOLVED)
    assert walk.stage == "handling" and walk.case.counts["limit:redo"] == 1


def test_an_anonymous_report_is_checked_on_site_and_archived_unrated(town: Town) -> None:
    walk = Walk(town, phone="").confirming()
    assert walk.case.due_at
    walk.wait(until=walk.case.due_at)
    assert walk.stage == "checking" and walk.desks() == {("checker", "区接诉即办中心")}
    assert "checked" not in walk.offers("checker")
    assert walk.cannot("department", "archive", checked="fixed", note="好了")
    walk.does("checker", "archive", checked="fixed", note="室温 20 度")
    assert (walk.stage, walk.case.outcome) == ("archived", "archive") and not Rating.objects.exists()


def test_a_sample_is_checked_first_and_then_called(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "is_sampled", lambda case_id, one_in: True)
    walk = Walk(town).confirming()
    assert walk.case.due_at
    walk.wait(until=walk.case.due_at)
    assert walk.stage == "checking" and "archive" not in walk.offers("checker")
    walk.does("checker", "checked", checked="fixed", note="已热")
    assert walk.stage == "calling"


def test_the_clerk_has_it_checked_where_the_caller_says_no_never_by_the_unit_that_handled_it(town: Town) -> None:
    post = Post.objects.get(unit=town.units["centre"], name="checker")
    Appointment.objects.create(post=post, person=town.people["section"], from_date=date(2020, 1, 1))
    walk = called_back(town)
    walk.does("operator", "check", reason="来电人说仍不热")
    assert "回避" in walk.cannot("section", "fail", reason="没问题")
    walk.does("checker", "fail", reason="室温 15 度")
    assert walk.stage == "handling" and walk.case.counts["limit:redo"] == 1


def test_what_staff_found_is_checked_never_rated(town: Town) -> None:
    walk = Walk(town, "垃圾没清", by=town.actor("grid"), channel="grid", phone="")
    walk.dispatched("parks", category=COLD).finished("parks", "parks_leader")
    assert walk.case.origin == "staff"
    assert walk.cannot("reporter", "rate", **GOOD) and walk.cannot("reporter", "redo", **UNSOLVED)
    assert walk.case.due_at
    walk.wait(until=walk.case.due_at)
    assert walk.stage == "checking"


def test_a_grid_worker_solves_his_own_find_and_it_is_counted_as_staffs(town: Town) -> None:
    walk = Walk(town, "楼道堆物", by=town.actor("grid"), channel="grid", phone="")
    assert walk.cannot("community", "solve_here", category=RUBBISH, result="清了")
    walk.does("grid", "solve_here", category=RUBBISH, result="清了")
    assert (walk.case.stage, walk.case.origin) == ("self_solved", "staff") and not Rating.objects.exists()
    by_resident = Walk(town, "楼道堆物")
    assert by_resident.cannot("grid", "solve_here", category=RUBBISH, result="清了")
    on_behalf = Walk(town, "楼道堆物", by=town.actor("grid"), channel="grid", on_behalf=True)
    assert on_behalf.case.origin == "resident"
    assert on_behalf.cannot("grid", "solve_here", category=RUBBISH, result="清了")


def test_the_hotline_changes_a_rating_for_a_caller_who_is_told_and_only_for_a_week(town: Town) -> None:
    walk = Walk(town).confirming(category=NOISE)
    with clock.at(walk.now), pytest.raises(Refused):
        requests.press_reported(walk.case, by=walk.actor("operator"))  # nothing to press for yet
    walk.does("reporter", "rate", **GOOD)
    walk.news()
    with clock.at(walk.now):
        requests.change_rating(walk.case, solved="unsolved", satisfied=2, said="", by=walk.actor("operator"))
        assert ["不是您要求的" in n.words for n in walk.news()] == [True]
        requests.press_reported(walk.case, by=walk.actor("operator"))
    assert walk.last("rerate")["on_behalf"] is True and walk.last("pressed")["on_behalf"] is True
    with clock.at(walk.now + timedelta(days=8)):
        for who in ("operator", "reporter"):
            with pytest.raises(Refused, match="不能再改"):
                requests.change_rating(walk.case, solved="solved", satisfied=5, said="", by=walk.actor(who))


def test_a_changed_rating_keeps_the_first_and_only_the_reporter_changes_it(town: Town) -> None:
    walk = Walk(town).confirming(category=NOISE)
    walk.does("reporter", "rate", **GOOD)
    case = walk.case
    with clock.at(walk.now):
        requests.change_rating(case, solved="unsolved", satisfied=1, said="又不热了", by=walk.actor("reporter"))
        for who in ("department", "department_leader", "street", "district"):
            with pytest.raises(Refused):
                requests.change_rating(case, solved="solved", satisfied=5, said="", by=walk.actor(who))
        with pytest.raises(Faults):
            requests.change_rating(case, solved="solved", satisfied=9, said="", by=walk.actor("reporter"))
        with pytest.raises(Refused):
            requests.press_reported(case, by=walk.actor("department"))
        requests.press_reported(case, by=walk.actor("reporter"))
    rating = walk.case.rating
    assert (rating.satisfied, rating.first_satisfied, rating.first_solved) == (1, 5, "solved")
    assert rating.changed_at and walk.lines()[-2:] == ["rerate", "pressed"]


def test_messages_go_both_ways_also_after_closing(town: Town) -> None:
    walk = Walk(town).confirming()
    walk.does("reporter", "rate", **GOOD)
    requests.say(walk.case, "谢谢", by=walk.actor("reporter"))
    message = requests.say(walk.case, "不客气", by=walk.actor("department"))
    assert message.unit_id == walk.unit("housing") and not message.from_reporter
    with pytest.raises(Faults):
        requests.say(walk.case, "  \x00 ", by=walk.actor("reporter"))
    with pytest.raises(Faults):
        requests.say(walk.case, "长" * 1001, by=walk.actor("reporter"))
