"""Whom a matter waits for, and since when: read from its open tasks, for the lines of a list in one query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from gongzhi.base import clock, html
from gongzhi.desk.rules import seated
from gongzhi.flow.models import Expectation, Task
from gongzhi.org.rules import Standing


@dataclass(frozen=True)
class Wait:
    """One whom a matter waits for."""

    who: str
    what: str
    since: datetime

    @property
    def words(self) -> str:
        length = clock.now() - self.since
        span = html.span(length) if length >= timedelta(minutes=1) else _("刚刚")
        return _("等{who}{what}，{span}").format(who=self.who, what=self.what, span=span)


def of_cases(case_ids: Iterable[int], standing: Standing) -> dict[int, list[Wait]]:
    """List for several cases whom else than the reader they wait for, who must answer first standing first."""
    ids = list(case_ids)
    unsigned = Expectation.objects.filter(task=OuterRef("pk"), name="sign", met_at=None)
    rows = Task.objects.filter(case__in=ids, done_at=None).annotate(unsigned=Exists(unsigned)).select_related("unit")
    tasks: dict[int, list[Task]] = {}
    for task in rows.defer("unit__path", "unit__pinyin", "ladder").order_by("case_id", "id") if ids else ():
        tasks.setdefault(task.case_id, []).append(task)
    return {case_id: _of(found, standing) for case_id, found in tasks.items()}


def of_tasks(tasks: list[Task], standing: Standing) -> list[Wait]:
    """List the same for the open tasks of one case, where the caller has read them with their expectations."""
    for task in tasks:
        task.unsigned = any(e.name == "sign" and e.met_at is None for e in task.expectations.all())  # type: ignore[attr-defined]
    return _of(tasks, standing)


def _of(tasks: list[Task], standing: Standing) -> list[Wait]:
    own = {t.role for t in tasks if seated(t, standing)}
    found = []
    for task in tasks:
        if task.stage == "merged" or seated(task, standing):
            continue
        rank, what = _part(task, own)
        if what:
            who = task.unit.short_name if task.unit else _("诉求人")
            found.append((rank, task.opened_at, Wait(who, what, task.opened_at)))
    return [wait for _rank, _since, wait in sorted(found, key=lambda one: one[:2])]


def _part(task: Task, own: set[str]) -> tuple[int, str]:
    """Say what somebody else has to do, and how soon that must be known; "" where it holds nothing up."""
    if task.kind == "approval":
        return 0, _("审核")
    if task.kind == "duty":
        return 1, _("代为联系")
    if task.kind == "reporter":
        return (9, _("评价")) if not own else (9, "")
    if own and not (own & {"lead", "handler"} and task.role in ("helpers", "handler")):
        return 9, ""  # it is the reader's turn; those beside him are not waited for
    part = {"helpers": _("协办"), "lead": _("办理"), "handler": _("办理")}.get(task.role, _("处理"))
    return (2, _("签收")) if getattr(task, "unsigned", False) else (3, part)
