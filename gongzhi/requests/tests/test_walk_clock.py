"""What happens late: reminders at 80 %, overdue at 100 %, escalation at 200 %, each once."""

from datetime import timedelta
from typing import Any

import pytest

from conftest import Town
from gongzhi.base import clock
from gongzhi.flow import actions, clocks
from gongzhi.flow.models import Case
from gongzhi.requests.tests.walking import NOISE, Walk


def test_reminded_at_80_late_at_100_supervised_at_200_percent(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)  # due next Monday at 18:00: 42 working hours
    walk.does("department", "sign")
    walk.does("department", "contact", contact_note="已联系")
    due = walk.task("lead").due_at
    assert due == walk.case.due_at
    walk.wait(until=due - timedelta(hours=10))
    assert walk.lines().count("remind") == 1 and walk.case.flags == []
    assert walk.last("remind")["notify"] == ["lead", "helpers", "handler"] and walk.last("remind")["at"] == "80%"
    walk.wait(until=due - timedelta(seconds=1))
    assert "late" not in walk.lines()
    walk.wait(until=due)
    assert walk.case.flags == ["late"] and walk.lines().count("late") == 2  # of the stage and of the whole case
    walk.wait(days=14)
    assert walk.case.flags == ["late", "supervised"] and walk.lines().count("late") == 4
    assert walk.stage == "handling" and walk.lines().count("remind") == 1


def test_a_deadline_by_the_calendar_runs_at_night(town: Town) -> None:
    walk = Walk(town).dispatched()  # 24 h
    walk.wait(hours=19, minutes=11)
    assert walk.lines().count("remind") == 0
    walk.wait(minutes=2)
    assert walk.lines().count("remind") == 1
    walk.wait(until=walk.case.opened_at + timedelta(hours=48))
    assert walk.case.flags == ["late", "supervised"]


def test_every_desk_in_turn_is_late(town: Town) -> None:
    walk = Walk(town)
    walk.wait(days=1)
    assert walk.last("remind")["notify"] == ["operator"] and "late" in walk.case.flags
    walk.accepted()
    walk.wait(days=1)
    assert walk.last("late")["notify"]
    assert {x["of"] for x in [walk.last("late")]} <= {"dispatching", ""}


def test_many_due_rows_are_one_statement_and_each_is_told_once(town: Town) -> None:
    walks = [Walk(town) for _ in range(7)]
    with clock.at(walks[0].now + timedelta(days=1, hours=12)):
        assert clocks.tick() > 0
        assert clocks.tick() == 0
    for walk in walks:
        assert walk.lines().count("remind") == 1 and walk.lines().count("late") == 2
        assert walk.case.flags == ["late"]


def test_a_fault_of_ours_in_one_case_does_not_stop_the_clock_of_others(
        town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = Walk(town).confirming(), Walk(town).confirming()
    act = actions.act

    def acting(case_id: int, *args: Any, **more: Any) -> Case:
        if case_id == broken.id:
            raise ZeroDivisionError
        return act(case_id, *args, **more)

    monkeypatch.setattr(actions, "act", acting)
    due = sound.case.due_at
    assert due
    with clock.at(due):
        clocks.tick()
    assert (broken.stage, sound.stage) == ("confirming", "calling")
    monkeypatch.undo()
    with clock.at(due + timedelta(minutes=10)):
        clocks.tick()
    assert broken.stage == "calling"


def test_a_case_is_not_late_because_its_reporter_is_slow(town: Town) -> None:
    walk = Walk(town).confirming()
    walk.wait(days=3)
    assert walk.stage == "calling" and {x["of"] for x in walk.all("late")} == {"calling"}
    walk.does("operator", "redo", solved="unsolved", reason="还是不热")
    walk.wait(seconds=1)
    assert [x["of"] for x in walk.all("late")][-1] == "", "it comes back after its deadline, and that counts"


def test_what_a_section_signs_counts_for_its_department(town: Town) -> None:
    walk = Walk(town).dispatched(category=NOISE)
    walk.assigned()
    walk.does("section", "sign")
    walk.wait(hours=5)
    assert "missed" not in walk.lines() and walk.last("sign")["in_time"] is True
