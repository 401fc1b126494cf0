"""One report's time: what is planned when, how fast people are, and each act at its moment on the code's one clock."""

from __future__ import annotations

import heapq
import itertools
import logging
import random
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from django.db import connection, transaction

from demo import pictures, texts
from demo.town import Plan, Town
from gongzhi.base import calendar, clock, files, worktime
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import actions as flow
from gongzhi.flow import clocks
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case, Task
from gongzhi.requests import actions as requests

log = logging.getLogger("gongzhi.demo")
LOOK = """
SELECT c.closed_at IS NULL, CASE WHEN c.held_at IS NOT NULL THEN c.held_until ELSE least(c.next_at,
    (SELECT min(next_at) FROM flow_task WHERE case_id = c.id AND done_at IS NULL),
    (SELECT min(e.due_at) FROM flow_expectation e JOIN flow_task t ON t.id = e.task_id
     WHERE e.case_id = c.id AND e.met_at IS NULL AND e.missed_at IS NULL AND t.done_at IS NULL)) END,
  (SELECT max(id) FROM flow_task WHERE case_id = c.id AND done_at IS NULL)
FROM flow_case c WHERE c.id = %s
"""


class Days:
    """The days of one report; what is said and done on them is told in `work.py` and `lives.py`."""

    kind: str
    title: str
    place_name: str
    by: Actor

    def __init__(self, plan: Plan, town: Town) -> None:
        self.plan, self.town, self.now = plan, town, clock.now()
        self.moment = plan.at  # the last one lived: time never goes back
        self.rng = random.Random(f"life {plan.key}")
        self.refused = 0
        self.agenda: list[tuple[datetime, int, Callable[[], Any]]] = []
        self.serial = itertools.count()
        self.planned: set[int] = set()
        self.led_before: set[int] = set()
        odds = texts.weights(plan.at.date())
        self.category = town.categories[self.rng.choices(list(odds), list(odds.values()))[0]]
        self.fate = self.rng.choices(["solved", "partly", "unsolved"], [84, 8, 8])[0]

    def report(self) -> requests.Receipt:
        """Bring the report in."""
        raise NotImplementedError

    def plan_tasks(self, case: Case) -> None:
        """Plan for each new open task what comes of it."""
        raise NotImplementedError

    # -- time

    def run(self) -> None:
        with clock.at(self.plan.at):
            receipt = self.report()
        self.case_id = receipt.case_id
        while receipt.is_new:
            is_open, due_at, newest = self.look()
            if newest and newest not in self.planned:
                self.plan_tasks(self.case())
            at = self.agenda[0][0] if self.agenda else None
            if is_open and due_at and (at is None or due_at <= at):
                if due_at > self.now:
                    return
                self.moment = max(self.moment, due_at)  # a step may have been due before its task was even opened
                with clock.at(self.moment):
                    if not clocks.tick():
                        log.warning("the clock passed over a made-up case", extra={"case": self.case_id})
                        return
            elif at is None or at > self.now:
                return
            else:
                self.do(*heapq.heappop(self.agenda))

    def do(self, at: datetime, serial: int, act: Callable[[], Any]) -> None:
        """Take an act at its time; what the rules refuse by then is not done, as in life."""
        self.moment = max(self.moment, at)
        try:
            with clock.at(self.moment), transaction.atomic():
                act()
        except (Refused, Faults) as refusal:
            self.refused += 1
            log.info("made-up act refused", extra={"case": self.case_id, "why": str(refusal)})

    def then(self, at: datetime, act: Callable[[], Any]) -> None:
        heapq.heappush(self.agenda, (at, next(self.serial), act))

    def at_work(self, start: datetime, low: float, high: float, pace: float = 1) -> datetime:
        """Return a moment after so many working minutes, times the pace."""
        minutes = self.rng.uniform(low, high) * pace
        return worktime.after(start, timedelta(minutes=minutes), calendar.load())

    @staticmethod
    def due_of(case: Case, task: Task) -> datetime:
        """Return the deadline people work to: the sooner of the task's and, the first time round, the case's."""
        due_at = task.due_at or task.opened_at + timedelta(days=3)
        return min(due_at, case.due_at) if case.due_at and case.due_at > task.opened_at else due_at

    def pace(self, start: datetime, due_at: datetime | None) -> float:
        """Return how much faster people move where little time is left: 1 from three workdays on."""
        left = worktime.elapsed(start, due_at, calendar.load()) if due_at else timedelta(days=1)
        return min(1, max(left / timedelta(hours=21), 0.06))

    def awake(self, start: datetime, low: float, high: float) -> datetime:
        """Return a moment after so many hours at which one may ring somebody up."""
        at = clock.local(start) + timedelta(hours=self.rng.uniform(low, high))
        if not 8 <= at.hour < 21:
            at = datetime.combine(at.date() + timedelta(days=at.hour >= 21), time(8), clock.CHINA)
            at += timedelta(minutes=self.rng.randint(5, 200))
        return max(at, start)

    def share(self, start: datetime, end: datetime, part: float) -> datetime:
        """Return a moment when a part of the time to a deadline has gone (more than 1: late)."""
        at = start + (end - start) * part
        if self.category.urgency == "urgent":
            return self.awake(at, 0, 0.4)
        return self.at_work(at, 1, 150, self.pace(start, end))

    def look(self) -> tuple[bool, datetime | None, int | None]:
        """Tell whether the case is open, when the clock next has something to do in it, and its newest open task."""
        with connection.cursor() as cursor:
            cursor.execute(LOOK, [self.case_id])
            return cursor.fetchone()

    # -- acts

    def case(self) -> Case:
        return Case.objects.get(pk=self.case_id)

    def act(self, action: str, by: Actor | None, form: dict[str, Any] | None = None, task: Task | None = None,
            attached: list[Attachment] | None = None) -> None:
        if by is not None:
            task_id = task.pk if task else None
            flow.act(self.case_id, action, by=by, form=form or {}, task_id=task_id, files=attached or [])

    def holder(self, task: Task, but: str = "") -> Actor | None:
        """Choose who takes a task up: for a task of a whole unit, those who do the work there."""
        assert task.unit_id is not None
        posts = (task.post,) if task.post else ("liaison", "handler", "gridworker", "gridmanager", "leader")
        return self.town.someone(self.rng, task.unit_id, *posts, but=but)

    def picture(self, sort: str) -> Attachment:
        stored = files.store_photo(pictures.photo(sort, self.rng.randrange(pictures.VARIETY))).stored
        return Attachment(file=stored, kind="photo", name="现场照片.jpg")

    def document(self) -> Attachment:
        stored = files.store_document(pictures.document(self.rng.randrange(pictures.VARIETY)))
        return Attachment(file=stored, kind="document", name="办理记录.pdf")
