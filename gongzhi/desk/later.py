"""稍后再看: what is out of a person's lists for a while, and why it is back. It hides nothing that falls due."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from gongzhi.base import clock, html
from gongzhi.desk.models import Snooze
from gongzhi.flow.models import Case, Entry, Expectation, Task
from gongzhi.org.rules import Standing
from gongzhi.requests.models import Message

LAST_CALL = timedelta(hours=1)  # whatever falls due sooner is never out of sight (default, no source)
HELPED = ("help_done", "excuse", "interim")


def asleep(standing: Standing) -> QuerySet[Snooze, Any]:
    """List what a person has put off and has not come back: as the ids of its cases, part of another query."""
    now = clock.now()
    soon = Task.objects.filter(case=OuterRef("case"), done_at=None, due_at__lte=now + LAST_CALL)
    unmet = Expectation.objects.filter(case=OuterRef("case"), met_at=None, task__done_at=None, due_at__lte=now + LAST_CALL)
    rows = Snooze.objects.filter(person_id=standing.person_id or 0, wakes_at__gt=now)
    return rows.exclude(Exists(soon)).exclude(Exists(unmet)).exclude(answered()).values("case")


def answered() -> Q:
    """Say where the answer has come that somebody waits for."""
    since = {"case": OuterRef("case"), "at__gt": OuterRef("made_at")}
    entries = Entry.objects.filter(**since)
    said = Exists(Message.objects.filter(**since, from_reporter=True)) | Exists(entries.filter(actor="reporter"))
    decided = entries.filter(Q(action__endswith=".agree") | Q(action__endswith=".refuse"))
    return Q(Q(awaits="reporter") & Q(said)) | Q(Q(awaits="approval") & Q(Exists(decided))) | Q(
        Q(awaits="helper") & Q(Exists(entries.filter(action__in=HELPED, task__role="helpers"))))


def back(standing: Standing, case_ids: list[int]) -> dict[int, str]:
    """Say of what was put off and has come back why it did."""
    rows = Snooze.objects.filter(person_id=standing.person_id or 0, case__in=case_ids)
    found = {}
    for row in rows.exclude(case__in=asleep(standing)).annotate(came=answered()):
        found[row.case_id] = _back_words(row)
    return found


def _back_words(row: Snooze) -> str:
    if getattr(row, "came", False):
        return _("稍后看：有回音了")
    if row.until and row.until <= clock.now():
        return _("稍后看：时间到了")
    return _("稍后看：快到期，已回来")


def until_words(row: Snooze) -> str:
    """Say until when something is put off, and what is waited for."""
    waits = {"reporter": _("等诉求人回话"), "approval": _("等审核结果"), "helper": _("等协办结果")}.get(row.awaits, "")
    when = _("{at} 回来").format(at=html.when(row.wakes_at))
    return f"{waits}，{when}" if waits else when


def of_case(standing: Standing, case: Case) -> Snooze | None:
    """Give what a person said of a case: to look at it later."""
    return Snooze.objects.filter(person_id=standing.person_id or 0, case=case).first()


def comes_back_by(case: Case, tasks: list[Task], standing: Standing) -> datetime | None:
    """Work out when a matter is due soon: no later does it come back; None where nothing limits it."""
    clocks = [(t.opened_at, t.due_at) for t in tasks if t.due_at]
    clocks += [(t.opened_at, e.due_at) for t in tasks for e in t.expectations.all() if e.met_at is None]
    if case.due_at and case.next_at:
        clocks.append((case.opened_at, case.due_at))
    return min((since + (due - since) * html.DUE_SOON for since, due in clocks), default=None)
