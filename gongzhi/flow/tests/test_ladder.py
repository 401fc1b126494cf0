"""The steps of a ladder: one that acts also tells and flags, as a step that only tells does."""

from datetime import timedelta
from pathlib import Path

import pytest

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.flow import actions, clocks, queries
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.log import queries as log
from gongzhi.requests import actions as requests

FILE = Path(__file__).parents[3] / "processes/request.toml"
PLAIN = '{ at = "100%", do = "check" }, { at = "100%", do = "call" }'
LOUD = ('{ at = "100%", do = "check", notify = ["reviewer"] },'
        ' { at = "100%", do = "call", notify = ["shift_head"], flag = "slow" }')


@pytest.fixture
def unrated(town: Town) -> Case:
    """A matter that its reporter has not rated until its deadline passed; a step calls him, and says so."""
    text = FILE.read_text(encoding="utf-8")
    assert PLAIN in text
    actions.publish(text.replace(PLAIN, LOUD))
    queries.forget_current()
    lon, lat = town.point("west-south-1")
    with clock.at(MONDAY):
        report = requests.Report(lon, lat, words="家里暖气不热", phone="13800001111")
        case_id = requests.report(report, by=Actor("anyone")).case_id
        actions.act(case_id, "accept", by=town.actor("operator"), form={"category": "900401", "place": [lon, lat]})
        actions.act(case_id, "dispatch", by=town.actor("street"), form={"lead": town.units["housing"].pk})
        case = actions.act(case_id, "finish", by=town.actor("department"), form={"result": "好", "reply": "好"})
        asked = case.tasks.get(kind="approval", done_at=None)
        return actions.act(case_id, "agree", by=town.actor("department_leader"), task_id=asked.pk)


def told(case: Case) -> list[tuple[str, object]]:
    lines = [x for x in log.of_subject("case", case.pk) if x.actor == "system"]
    return [(x.verb, x.data.get("notify")) for x in lines]


def test_a_step_that_acts_tells_and_flags_once_even_where_the_act_is_refused(unrated: Case) -> None:
    task = unrated.tasks.get(role="reporter", done_at=None)
    assert task.due_at and unrated.stage == "confirming"
    with clock.at(task.due_at + timedelta(minutes=1)):
        assert clocks.tick() and not clocks.tick()
    unrated.refresh_from_db()
    # "check" is not needed where somebody can be called; its people are told all the same
    assert told(unrated) == [("request.late", ["reviewer"]), ("request.late", ["shift_head"]), ("request.call", None)]
    assert unrated.stage == "calling" and unrated.flags == ["slow"]
    line = next(x for x in log.of_subject("case", unrated.pk) if x.data.get("flag") == "slow")
    assert (line.data["task"], line.data["stage"], line.data["step"]) == (task.pk, "confirming", 2)


def test_a_step_that_fails_is_taken_back_whole_and_tried_again(
        unrated: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    task = unrated.tasks.get(role="reporter", done_at=None)
    assert task.due_at

    def broken(*args: object, **more: object) -> None:
        raise RuntimeError("a fault of ours")

    with clock.at(task.due_at + timedelta(minutes=1)), monkeypatch.context() as patch:
        patch.setattr(clocks.actions, "act", broken)
        clocks.tick()
        assert told(unrated) == []
    with clock.at(task.due_at + timedelta(minutes=30)):
        clocks.tick()
    assert [verb for verb, _notify in told(unrated)] == ["request.late", "request.late", "request.call"]
