"""Walking a report through the process: who does what, when, and what the clock does meanwhile."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import actions as flow
from gongzhi.flow import clocks, offers
from gongzhi.flow.actors import Actor, reporter
from gongzhi.flow.models import Attachment, Case, Task
from gongzhi.log import projections
from gongzhi.log import queries as log
from gongzhi.notify.models import Notice
from gongzhi.requests import actions as requests

PAPER = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
COLD = "900401"  # 供暖不热: 24 h by the calendar, no evidence
NOISE = "900101"  # 噪声扰民: 5 workdays
RUBBISH = "200102"  # 暴露垃圾: 4 working hours, a photo
MANNERS = "900501"  # 工作作风: 5 workdays
PHONE = "13800001111"


class Walk:
    """One report on its way. `now` is the time of the walk; Monday nine o'clock when it begins."""

    def __init__(self, town: Town, words: str = "家里暖气不热，只有 15 度", *, now: datetime = MONDAY,
                 grid: str = "west-south-1", by: Actor | None = None, phone: str = PHONE, **more: Any) -> None:
        self.town, self.now = town, now
        self.lon, self.lat = town.point(grid)
        with clock.at(now):
            given = requests.Report(self.lon, self.lat, words=words, phone=phone, **more)
            self.receipt = requests.report(given, by=by or Actor("anyone"))
        self.id, self.told = self.receipt.case_id, 0

    @property
    def case(self) -> Case:
        return Case.objects.get(pk=self.id)

    @property
    def stage(self) -> str:
        return self.case.stage

    def actor(self, who: str) -> Actor:
        return reporter(self.id) if who == "reporter" else self.town.actor(who)

    def does(self, who: str, action: str, *, task: Task | None = None, files: list[Attachment] | None = None,
             **form: Any) -> Case:
        with clock.at(self.now):
            return flow.act(self.id, action, by=self.actor(who), form=form, files=files,
                            task_id=task.pk if task else None)

    def cannot(self, who: str, action: str, *, task: Task | None = None, **form: Any) -> str:
        """Be refused, and change nothing; return the sentence."""
        before = self.state()
        with pytest.raises((Refused, Faults)) as refusal:
            self.does(who, action, task=task, **form)
        assert self.state() == before
        return str(refusal.value)

    def state(self) -> tuple[Any, ...]:
        case = self.case
        tasks = list(case.tasks.order_by("pk").values_list("pk", "done_at", "outcome", "due_at"))
        return case.stage, case.level, case.fields, case.counts, case.flags, tasks, case.entries.count(), self.lines()

    def decides(self, who: str, decision: str, **form: Any) -> Case:
        return self.does(who, decision, task=self.asked, **form)

    def offers(self, who: str) -> list[str]:
        """List the buttons that can be pressed."""
        with clock.at(self.now):
            return [o.name for o in offers.available(self.case, self.actor(who)) if not o.refused]

    def wait(self, *, until: datetime | None = None, **length: float) -> None:
        """Let time pass; the clock does what comes due, each at its moment."""
        end = until or self.now + timedelta(**length)
        while (due := clocks.next_due()) and due <= end:
            with clock.at(due):
                clocks.tick()
        self.now = end

    @property
    def asked(self) -> Task:
        return self.case.tasks.get(kind="approval", done_at=None)

    def task(self, role: str) -> Task:
        return self.case.tasks.get(role=role, done_at=None)

    def desks(self) -> set[tuple[str, str]]:
        """List the open tasks as (role, unit's name)."""
        tasks = self.case.tasks.filter(done_at=None).select_related("unit")
        return {(t.role, t.unit.name if t.unit else "") for t in tasks}

    def lines(self) -> list[str]:
        return [line.verb.removeprefix("request.") for line in log.of_subject("case", self.id)]

    def all(self, verb: str) -> list[dict[str, Any]]:
        return [x.data for x in log.of_subject("case", self.id) if x.verb == f"request.{verb}"]

    def last(self, verb: str) -> dict[str, Any]:
        return self.all(verb)[-1]

    def news(self) -> list[Notice]:
        """Let the projection tell what is new in the log; return the notices it wrote."""
        lines = [x for x in log.of_subject("case", self.id) if x.id > self.told]
        before = Notice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        for line in lines:
            with clock.at(line.at):
                projections.registry["requests.notices"].keep([line])
            self.told = line.id
        return list(Notice.objects.filter(pk__gt=before).order_by("pk"))

    # -- the usual ways

    def unit(self, name: str) -> int:
        return int(self.town.units[name].pk)

    def accepted(self, category: str = COLD, who: str = "operator", **form: Any) -> "Walk":
        self.does(who, "accept", category=category, place=f"{self.lon},{self.lat}", **form)
        return self

    def dispatched(self, lead: str = "housing", *helpers: str, category: str = COLD, who: str = "street") -> "Walk":
        self.accepted(category)
        self.does(who, "dispatch", lead=self.unit(lead), helpers=[self.unit(h) for h in helpers])
        return self

    def assigned(self, section: str = "heating-section", who: str = "department", *, hours: float = 6) -> "Walk":
        """Hand it to a section, with some hours for it."""
        self.does(who, "assign", section=self.unit(section), inner_due=(self.now + timedelta(hours=hours)).isoformat())
        return self

    def finished(self, who: str = "department", leader: str = "department_leader") -> "Walk":
        self.does(who, "finish", result="更换阀门", reply="已更换阀门，室温 20 度。")
        self.decides(leader, "agree")
        return self

    def confirming(self, **more: Any) -> "Walk":
        return self.dispatched(**more).finished()
