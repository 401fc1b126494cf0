"""并单: handled together, answered each, rated each; the earliest promise stands; a wrong merge is taken apart."""

from datetime import timedelta

import pytest

from conftest import Town
from gongzhi.base import clock
from gongzhi.boards import projections as boards
from gongzhi.boards.models import Fact
from gongzhi.log import queries as log
from gongzhi.requests import actions as requests
from gongzhi.requests import queries
from gongzhi.requests.models import Merge, Rating
from gongzhi.requests.tests.walking import COLD, MANNERS, NOISE, Walk

OTHER = "13800002222"


def merged(town: Town, *, category: str = COLD) -> tuple[Walk, Walk]:
    walk, twin = Walk(town).dispatched(category=category), Walk(town, phone=OTHER).accepted()
    twin.does("street", "merge", same_case=walk.case.code)
    return walk, twin


def answer(walk: Walk, **form: object) -> None:
    walk.does("department", "finish", result="更换阀门", reply="已更换阀门，室温 20 度。", **form)
    walk.decides("department_leader", "agree")


def facts(*walks: Walk) -> list[list[str]]:
    lines = sorted((x for w in walks for x in log.of_subject("case", w.id)), key=lambda x: x.id)
    boards.keep(lines)
    return [list(Fact.objects.get(case=w.id).measures) for w in walks]


def test_everyone_gets_the_same_answer_and_rates_it_himself(town: Town) -> None:
    walk, twin = merged(town)
    twin.news(), walk.news()
    answer(walk)
    assert (walk.stage, twin.stage, Merge.objects.count()) == ("confirming", "confirming", 0)
    said = queries.entries_for(None, twin.case)[-1]
    assert (said.action, said.values["reply"]) == ("answered", "已更换阀门，室温 20 度。")
    (text,) = [n for n in twin.news() if n.title == "请评价"]
    assert text.number == OTHER and f"/r/{twin.case.code}/{twin.receipt.secret}/" in text.words
    assert walk.case.code not in text.words
    twin.does("reporter", "rate", solved="partly", satisfied="2")
    walk.does("reporter", "rate", solved="solved", satisfied="5")
    assert {(r.case_id, r.solved) for r in Rating.objects.all()} == {(walk.id, "solved"), (twin.id, "partly")}


def test_or_each_gets_his_own_answer_and_nobody_reads_anothers(town: Town) -> None:
    walk, twin = merged(town)
    answer(walk, replies={twin.case.code: "您家的阀门也换了。"})
    assert queries.entries_for(None, twin.case)[-1].values["reply"] == "您家的阀门也换了。"
    own = queries.entries_for(None, walk.case)[-1]
    assert own.values["reply"] == "已更换阀门，室温 20 度。" and "您家的" not in str(own.values)


def test_an_answer_for_what_was_taken_apart_meanwhile_is_not_taken(town: Town) -> None:
    walk, twin = merged(town)
    twin.does("street", "take_apart", reason="不是同一户")
    assert "已经拆回" in walk.cannot("department", "finish", result="好", reply="好了，已更换。",
                                     replies={twin.case.code: "您家的也换了。"})


def test_the_words_of_one_answer_are_in_no_line_of_the_log(town: Town) -> None:
    walk, twin = merged(town)
    answer(walk, replies={twin.case.code: "您家的阀门也换了。"})
    assert not [x for w in (walk, twin) for x in log.of_subject("case", w.id) if "您家" in str(x.data)]


def test_the_earliest_promise_stands_and_comes_back_when_taken_apart(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    late = walk.case.due_at
    twin = Walk(town, phone=OTHER).accepted(COLD)
    assert twin.case.due_at < late  # type: ignore[operator]
    twin.does("street", "merge", same_case=walk.case.code)
    assert walk.case.due_at == twin.case.due_at == walk.task("lead").due_at
    walk.wait(hours=3)
    twin.now = walk.now
    twin.does("street", "take_apart", reason="不是同一件")
    assert (twin.stage, walk.case.due_at, walk.task("lead").due_at) == ("dispatching", late, late)
    assert not walk.case.supporters.exists() and not Merge.objects.exists()


def test_taking_apart_is_told_and_gives_the_supporters_back(town: Town) -> None:
    walk, twin = Walk(town).dispatched(), Walk(town, phone=OTHER).accepted()
    with clock.at(walk.now):
        requests.join(twin.case, device="a", phone="13900003333")
        requests.join(twin.case, device="b")
        requests.join(walk.case, device="b")
    twin.does("street", "merge", same_case=walk.case.code)
    walk.news(), twin.news()
    assert twin.cannot("department", "take_apart", reason="x") and twin.cannot("reporter", "take_apart", reason="x")
    twin.does("street", "take_apart", reason="不是同一户")
    assert walk.case.supporters.count() == 1 and twin.case.supporters.count() == 2
    assert {(n.number, n.title) for n in twin.news()} >= {(OTHER, "单独办理"), ("13900003333", "单独办理")}
    assert "answered" not in twin.lines()


def test_what_was_merged_comes_along_into_a_third(town: Town) -> None:
    walk, twin, third = Walk(town).dispatched(), Walk(town, phone=OTHER).accepted(), Walk(town, phone="13700001111").accepted()
    third.does("street", "merge", same_case=twin.case.code)
    assert "请并入那一件" in Walk(town).accepted().cannot("street", "merge", same_case=third.case.code)
    twin.does("street", "merge", same_case=walk.case.code)
    assert queries.followed(third.case) == walk.case
    answer(walk)
    assert (twin.stage, third.stage) == ("confirming", "confirming")


@pytest.mark.parametrize("ends", ["withdraw", "send_back"])
def test_nobody_waits_for_an_answer_that_will_not_come(town: Town, ends: str) -> None:
    walk, twin = Walk(town).accepted(), Walk(town, phone=OTHER).accepted()
    twin.does("street", "merge", same_case=walk.case.code)
    if ends == "withdraw":
        walk.does("reporter", "withdraw")
    else:
        walk.does("street", "send_back", reason="是咨询")
        walk.does("operator", "answer", answer="已说明", kind="consult")
    assert twin.stage == "dispatching" and twin.case.tasks.filter(done_at=None, role="dispatcher").exists()


def test_what_is_answered_or_complains_of_another_takes_nothing_in(town: Town) -> None:
    answered, twin = Walk(town).confirming(), Walk(town, phone=OTHER).accepted()
    assert "已经答复" in twin.cannot("street", "merge", same_case=answered.case.code)
    complaint = Walk(town, "社区干事态度恶劣").accepted(MANNERS, summary="反映作风", about_unit=town.units["west-south"].pk)
    assert "不存在" in twin.cannot("street", "merge", same_case=complaint.case.code)


def test_one_who_says_unsolved_has_his_own_matter_done_again(town: Town) -> None:
    walk, twin = merged(town)
    answer(walk)
    walk.does("reporter", "rate", solved="solved", satisfied="5")
    twin.does("reporter", "redo", solved="unsolved", satisfied="1", reason="我家还是不热")
    assert twin.stage == "handling" and twin.desks() == {("lead", "区住建局")} and walk.stage == "archived"


def test_the_work_is_counted_once_and_every_rating_as_one_persons(town: Town) -> None:
    walk, twin = merged(town)
    assert facts(walk, twin)[1] == ["opened", "merged"]
    answer(walk)
    twin.does("reporter", "rate", solved="partly", satisfied="2")
    walk.does("reporter", "rate", solved="solved", satisfied="5")
    Fact.objects.all().delete()
    kept, other = facts(walk, twin)
    assert {"finished", "on_time", "rated", "solved", "satisfied"} <= set(kept)
    assert other == ["opened", "merged", "rated"]
    assert Fact.objects.get(case=twin.id).lead == walk.unit("housing")


def test_taken_apart_or_done_again_it_is_counted_by_itself(town: Town) -> None:
    walk, twin = merged(town)
    twin.does("street", "take_apart", reason="不是同一户")
    assert facts(walk, twin)[1] == ["opened"] and Fact.objects.get(case=twin.id).closed_at is None
    Fact.objects.all().delete()
    twin.does("street", "merge", same_case=walk.case.code)
    answer(walk)
    twin.does("reporter", "redo", solved="unsolved", satisfied="1", reason="还是不热")
    twin.now += timedelta(hours=1)
    answer(twin)
    measures = facts(walk, twin)[1]
    assert {"opened", "dispatched", "finished", "on_time", "redone"} <= set(measures) and "merged" not in measures


def test_the_reporter_can_urge_those_who_work_on_it(town: Town) -> None:
    walk, twin = merged(town)
    twin.news()
    twin.does("reporter", "urge")
    assert town.people["department"].pk in {n.person_id for n in twin.news() if n.title == "诉求人催办"}
