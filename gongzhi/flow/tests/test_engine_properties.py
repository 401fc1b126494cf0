"""Random walks on request.toml: whatever people and the clock do, these things stay true."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import MONDAY, Town
from gongzhi.base import clock, files
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import actions, clocks, offers, queries, registry
from gongzhi.flow.actors import Actor, reporter
from gongzhi.flow.models import Attachment, Case, Task
from gongzhi.log import projections
from gongzhi.log import queries as log
from gongzhi.requests import actions as requests

CAST = ["reporter", "operator", "operator2", "street", "street_leader", "district", "reviewer", "checker", "chief",
        "department", "department_leader", "section", "parks", "parks_leader", "community", "grid", "heating",
        "heating_leader"]
LEADS = ["housing", "parks", "heating", "west", "west-south"]
SECTIONS = ["heating-section", "west-south", "west-south-1", "parks"]


class Wander:
    """A case that somebody or the clock does something to, over and over, as chance has it."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town, self.chance, self.now = town, Random(seed), MONDAY
        with clock.at(self.now):
            lon, lat = town.point("west-south-1")
            self.point = f"{lon},{lat}"
            given = requests.Report(lon, lat, words="暖气不热", phone=self.chance.choice(["13800001111", ""]))
            self.id = requests.report(given, by=Actor("anyone")).case_id
            self.other = requests.report(given, by=Actor("anyone")).code
        self.actors = {who: reporter(self.id) if who == "reporter" else town.actor(who) for who in CAST}
        self.tasks: dict[int, tuple[Any, str, Any]] = {}
        self.case_due: datetime | None = None
        self.begin(self.chance.choice(["receiving", "handling", "handling", "confirming", "confirming"]))

    def begin(self, stage: str) -> None:
        """Start farther on: chance alone seldom comes far."""
        if stage == "receiving":
            return
        with clock.at(self.now):
            actions.act(self.id, "accept", by=self.actors["operator"],
                        form={"category": self.chance.choice(["900401", "900101"]), "place": self.point})
            actions.act(self.id, "dispatch", by=self.actors["street"], form={"lead": self.town.units["housing"].pk})
            if stage == "confirming":
                case = actions.act(self.id, "finish", by=self.actors["department"],
                                   form={"result": "好", "reply": "好"})
                task = case.tasks.get(kind="approval")
                actions.act(self.id, "agree", by=self.actors["department_leader"], task_id=task.pk)

    def walk(self, steps: int) -> None:
        for _ in range(steps):
            case = Case.objects.get(pk=self.id)
            if case.closed_at:
                return
            self.check(accepting=self.step(case))

    def step(self, case: Case) -> bool:
        """Let time pass, or somebody take one of his buttons; say whether it was an acceptance."""
        if self.chance.random() < 0.25:
            self.pass_time(timedelta(hours=self.chance.choice([1, 5, 20, 90])))
            return False
        with clock.at(self.now):
            found = next(self.buttons(case), None)
            assert found or clocks.next_due(), f"no way out of {case.stage}"
            if found:
                self.press(case, *found)
        return bool(found and found[1].name == "accept")

    def buttons(self, case: Case) -> Iterator[tuple[str, offers.Offer]]:
        """Yield a button of each in turn who has one; what moves the case comes more often than a comment."""
        for who in self.chance.sample(CAST, len(CAST)):
            some = [o for o in offers.available(case, self.actors[who]) if not o.refused]
            moves = [o for o in some if not o.is_verb or o.name in ("agree", "refuse", "resume", "extend", "hold")]
            if moves or (some and self.chance.random() < 0.2):
                yield who, self.chance.choice(moves or some)

    def press(self, case: Case, who: str, offer: offers.Offer) -> None:
        form = {f.name: self.value(f.name) for f in offer.form}
        before = len(log.of_subject("case", self.id))
        try:
            photo = Attachment(file=files.store_voice(b"OggS" + bytes(64)), kind="photo", name="a.jpg")
            wanted = [photo] if any(registry.fields[f.name].kind == "files" for f in offer.form) else []
            actions.act(self.id, offer.name, by=self.actors[who], form=form, task_id=offer.task_id, stage=case.stage,
                        files=wanted)
        except (Refused, Faults):
            assert len(log.of_subject("case", self.id)) == before
        else:
            assert len(log.of_subject("case", self.id)) == before + 1

    def pass_time(self, length: timedelta) -> None:
        end = self.now + length
        while (due := clocks.next_due()) and due <= end:
            with clock.at(due):
                clocks.tick()
        self.now = end

    def value(self, name: str) -> Any:
        spec, units, some = registry.fields[name], self.town.units, self.chance.choice
        if spec.kind == "choice":
            return some(spec.choices)[0]
        return {
            "category": some(["900401", "900101"]), "place": self.point, "number": self.chance.randint(1, 6),
            "unit": units[some(LEADS)].pk if name == "lead" else "", "units": [units[some(LEADS)].pk],
            "section": units[some(SECTIONS)].pk, "case": self.other, "yes": "1", "answer": "",
            "moment": (clock.now() + timedelta(hours=self.chance.randint(5, 55))).isoformat(),
        }.get(spec.kind, "一句话")

    # -- what stays true

    def check(self, accepting: bool) -> None:
        case = Case.objects.get(pk=self.id)
        process = queries.definition(case.version_id)
        now = {t.pk: t for t in case.tasks.all()}
        for task_id, (done_at, outcome, due_at) in self.tasks.items():
            task = now[task_id]
            assert not done_at or (task.done_at, task.outcome) == (done_at, outcome), "a task has two outcomes"
            assert not due_at or (task.due_at and task.due_at >= due_at), "a deadline moved backwards"
        assert accepting or not self.case_due or not case.due_at or case.due_at >= self.case_due
        self.tasks = {t.pk: (t.done_at, t.outcome, t.due_at) for t in now.values()}
        self.case_due = case.due_at
        self.follow_the_log(case, now)
        open_tasks = [t for t in now.values() if t.done_at is None]
        if process.stages[case.stage].is_end:
            assert case.closed_at and case.outcome and not open_tasks and case.next_at is None
        else:
            assert not case.closed_at and {t.stage for t in open_tasks} == {case.stage}
            assert any(t.kind != "approval" for t in open_tasks), "nobody has it on his desk"
            assert len([t for t in open_tasks if t.kind == "work" and t.role != "handler" and t.ladder]) <= 1
            assert case.held_at is None or case.next_at is None
        for limit in process.limits.values():
            assert offers.used(limit.name, case) <= limit.max

    def follow_the_log(self, case: Case, tasks: dict[int, Task]) -> None:
        """Tell the story from the log alone; it must end where the case is."""
        stage, desks = "", set[int]()
        for line in log.of_subject("case", self.id):
            assert line.data.get("from", stage) == stage
            stage = line.data.get("to", stage)
            desks = (desks - set(line.data.get("closed", []))) | {t["id"] for t in line.data.get("opened", [])}
        assert stage == case.stage
        assert desks == {pk for pk, t in tasks.items() if t.done_at is None}


@pytest.mark.django_db
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9))
def test_whatever_happens_a_case_stays_sound(town: Town, seed: int) -> None:
    with transaction.atomic():
        wander = Wander(town, seed)
        wander.walk(steps=25)
        for line in log.of_subject("case", wander.id):
            with clock.at(line.at):  # whatever happened can be told
                projections.registry["requests.notices"].keep([line])
        transaction.set_rollback(True)
