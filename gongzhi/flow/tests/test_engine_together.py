"""Many at once, with real commits: whoever comes second is told so, and nothing happens twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.flow import actions, clocks
from gongzhi.flow.actors import Actor, reporter
from gongzhi.flow.models import Case, Task
from gongzhi.log import queries as log
from gongzhi.requests import actions as requests
from gongzhi.requests import rules

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(works: list[Callable[[], object]], now: datetime = MONDAY) -> list[object]:
    """Run each in a thread of its own, all let go together; return what each returned or raised."""
    ready, results = Barrier(len(works)), list[object]()

    def run(work: Callable[[], object]) -> None:
        ready.wait()
        try:
            with clock.at(now):
                results.append(work())
        except Exception as fault:
            results.append(fault)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(w,)) for w in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def a_report(town: Town) -> int:
    lon, lat = town.point("west-south-1")
    with clock.at(MONDAY):
        given = requests.Report(lon, lat, words="家里暖气不热", phone="13800001111")
        return requests.report(given, by=Actor("anyone")).case_id


def act(case_id: int, who: Actor, action: str, now: datetime = MONDAY, task_id: int | None = None, **form: Any) -> Case:
    with clock.at(now):
        return actions.act(case_id, action, by=who, form=form, task_id=task_id)


def verbs(case_id: int) -> list[str]:
    return [line.verb.removeprefix("request.") for line in log.of_subject("case", case_id)]


def accepted(town: Town) -> int:
    case_id = a_report(town)
    lon, lat = town.point("west-south-1")
    act(case_id, town.actor("operator"), "accept", category="900401", place=f"{lon},{lat}")
    return case_id


def test_of_two_dispatchers_one_wins_and_the_other_gets_a_polite_sentence(town: Town) -> None:
    case_id, street = accepted(town), town.actor("street")
    leads = [town.units[u].pk for u in ("housing", "parks")]
    results = at_once([lambda u=u: act(case_id, street, "dispatch", lead=u) for u in leads])  # type: ignore[misc]
    (lost,) = [r for r in results if isinstance(r, Exception)]
    assert isinstance(lost, Refused) and lost.sentence
    assert verbs(case_id).count("dispatch") == 1
    assert Case.objects.get(pk=case_id).tasks.filter(done_at=None, role="lead").count() == 1


def test_agreeing_and_refusing_at_once_is_one_decision(town: Town) -> None:
    case_id = accepted(town)
    act(case_id, town.actor("street"), "dispatch", lead=town.units["housing"].pk)
    act(case_id, town.actor("department"), "finish", result="好", reply="好")
    task = Case.objects.get(pk=case_id).tasks.get(kind="approval")
    leader = town.actor("department_leader")

    def decide(decision: str) -> Callable[[], object]:
        return lambda: actions.act(case_id, decision, by=leader, form={"reason": "x"}, task_id=task.pk)

    results = at_once([decide("agree"), decide("refuse"), decide("agree")])
    assert len([r for r in results if isinstance(r, Refused)]) == 2 and len(results) == 3
    assert [v for v in verbs(case_id) if v in ("finish", "finish.refuse")] in (["finish"], ["finish.refuse"])


def test_fifty_threads_on_one_case_leave_one_line_for_each_legal_step(town: Town) -> None:
    case_id = a_report(town)
    lon, lat = town.point("west-south-1")
    steps: list[tuple[Actor, str, dict[str, Any]]] = [
        (town.actor("operator"), "accept", {"category": "900401", "place": f"{lon},{lat}"}),
        (town.actor("street"), "dispatch", {"lead": town.units["housing"].pk}),
        (town.actor("department"), "finish", {"result": "好", "reply": "好"}),
        (town.actor("department_leader"), "agree", {}),
        (reporter(case_id), "rate", {"solved": "solved", "satisfied": "5"}),
    ]

    def try_all() -> int:
        won = 0
        for who, action, form in steps:
            task = Case.objects.get(pk=case_id).tasks.filter(kind="approval").first()
            try:
                actions.act(case_id, action, by=who, form=form,
                            task_id=task.pk if task and action == "agree" else None)
                won += 1
            except Refused as refusal:
                assert refusal.sentence
        return won

    results = at_once([try_all] * 50)
    assert not [r for r in results if isinstance(r, Exception)]
    assert sum(r for r in results if isinstance(r, int)) == len(verbs(case_id)) - 1
    while not Case.objects.get(pk=case_id).closed_at:  # whatever steps the crowd passed over in its hurry
        with clock.at(MONDAY):
            try_all()
    assert verbs(case_id) == ["open", "accept", "dispatch", "finish.ask", "finish", "rate"]


def test_clocks_that_tick_at_once_do_everything_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "is_sampled", lambda case_id, one_in: False)
    waiting = [a_report(town) for _ in range(12)]
    asked = []
    for _ in range(4):
        asked.append(accepted(town))
        act(asked[-1], town.actor("street"), "dispatch", lead=town.units["housing"].pk)
        act(asked[-1], town.actor("department"), "finish", result="好", reply="好")
    held = accepted(town)
    act(held, town.actor("street"), "dispatch", lead=town.units["housing"].pk)
    until = MONDAY + timedelta(hours=20)
    act(held, town.actor("street"), "hold", reason="等", until=until.isoformat())
    act(held, town.actor("street_leader"), "agree", task_id=Task.objects.get(case=held, kind="approval").pk)
    later = MONDAY + timedelta(hours=23)
    assert not [r for r in at_once([clocks.tick] * 6, later) if isinstance(r, Exception)]
    at_once([clocks.tick] * 3, later)
    for case_id in waiting:
        assert sorted(verbs(case_id)) == ["late", "open", "remind"]
    for case_id in asked:
        assert verbs(case_id).count("finish.refuse") == 1 and verbs(case_id).count("missed") == 1
        assert verbs(case_id).count("remind") == 2  # of the stage, and of the asking
    assert verbs(held).count("resume") == 1


def test_the_same_form_sent_at_once_by_ten_opens_one_case(town: Town) -> None:
    lon, lat = town.point("west-south-1")

    def send() -> str:
        given = requests.Report(lon, lat, words="家里暖气不热", submitted_key="one")
        return requests.report(given, by=Actor("anyone")).code

    results = at_once([send] * 10)
    assert len(set(results)) == 1 and Case.objects.count() == 1
