"""The clock: what comes due is noticed once, however many clocks run and however often they die.

Steps that only tell or flag are one statement for up to 1,000 rows; a step that acts tells and flags first, and then
goes through `act`, which checks that the case is still where the step was meant for. Rows are taken with SKIP LOCKED,
so that clocks do not wait for each other.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from gongzhi.base import clock
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import actions, queries
from gongzhi.flow.actors import SYSTEM
from gongzhi.flow.definition import Late
from gongzhi.flow.models import Case

BATCH = 1000
# What an approval and a duty have for a ladder. Their desk and the head of that are told, whatever role they are in.
OF_DESKS = {
    "reminder": Late("80%", notify=("desk",)), "approval": None, "duty": Late("80%", notify=("desk",)),
    "waiting": Late("100%", notify=("desk", "desk_head"), flag="supervised"),
}
TOLD_APART = ("inner", "reminder", "waiting")
AGAIN = timedelta(minutes=10)  # when a step that failed is tried again
log = logging.getLogger("gongzhi.clock")

DUE_TASKS = """
SELECT t.id, t.case_id, c.version_id, t.stage, t.next_step,
  CASE WHEN t.kind = 'approval' AND t.next_step + 1 < cardinality(t.ladder) THEN 'reminder'
       WHEN t.kind = 'approval' AND t.asks->>'silence' = 'wait' THEN 'waiting'
       WHEN t.kind = 'work' AND t.role = 'handler' THEN 'inner' ELSE t.kind END
FROM flow_task t JOIN flow_case c ON c.id = t.case_id
WHERE t.done_at IS NULL AND t.next_at <= %s AND c.held_at IS NULL
ORDER BY t.next_at LIMIT %s FOR UPDATE OF t, c SKIP LOCKED
"""
DUE_CASES = """
SELECT c.id, c.id, c.version_id, '', c.next_step, 'case' FROM flow_case c
WHERE c.closed_at IS NULL AND c.held_at IS NULL AND c.next_at <= %s
ORDER BY c.next_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
# One line per case and step, the flag set once, the row moved to its next step: one statement for all rows of a step.
TELL = """
WITH due AS (
  SELECT h.id, {case_id} AS case_id, h.ladder, h.next_step FROM {table} h WHERE h.id = ANY(%(ids)s)
), {moved} flagged AS (
  UPDATE flow_case c SET flags = c.flags || %(flag)s::varchar FROM due
  WHERE c.id = due.case_id AND %(flag)s <> '' AND NOT c.flags @> ARRAY[%(flag)s]::varchar[] AND {separate}
  RETURNING c.id
)
INSERT INTO log_event (at, actor, verb, subject_kind, subject_id, places, data)
SELECT %(at)s, 'system', %(verb)s, 'case', c.id, c.path,
       %(data)s::jsonb || jsonb_build_object({holder}, due.id, 'stage', c.stage)
FROM due JOIN flow_case c ON c.id = due.case_id
"""
MOVED = """moved AS (
  UPDATE {table} h SET next_step = due.next_step + 1, next_at = due.ladder[due.next_step + 2]
  FROM due WHERE h.id = due.id RETURNING h.id
),"""
FLAG = """
UPDATE flow_case SET flags = flags || %(flag)s::varchar
WHERE id = ANY(%(ids)s) AND NOT flags @> ARRAY[%(flag)s]::varchar[]
"""
MISSED = """
WITH due AS (
  SELECT e.id FROM flow_expectation e JOIN flow_task t ON t.id = e.task_id JOIN flow_case c ON c.id = e.case_id
  WHERE e.met_at IS NULL AND e.missed_at IS NULL AND e.due_at <= %(at)s AND t.done_at IS NULL AND c.held_at IS NULL
  LIMIT %(limit)s FOR UPDATE OF e SKIP LOCKED
), missed AS (
  UPDATE flow_expectation e SET missed_at = %(at)s FROM due WHERE e.id = due.id RETURNING e.case_id, e.task_id, e.name
)
INSERT INTO log_event (at, actor, verb, subject_kind, subject_id, places, data)
SELECT %(at)s, 'system', split_part(v.key, '.', 1) || '.missed', 'case', c.id, c.path,
       jsonb_build_object('task', m.task_id, 'expected', m.name, 'stage', c.stage, 'unit', t.unit_id)
FROM missed m JOIN flow_case c ON c.id = m.case_id JOIN flow_task t ON t.id = m.task_id
JOIN flow_processversion v ON v.id = c.version_id
RETURNING id
"""


def tick() -> int:
    """Do everything that is due now; return how many steps were taken."""
    total = 0
    while n := _batch(DUE_TASKS, "flow_task") + _batch(DUE_CASES, "flow_case") + _missed() + _released():
        total += n
    return total


def next_due() -> datetime | None:
    """Tell when the next step comes, so that a simulation can jump there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least((SELECT min(t.next_at) FROM flow_task t JOIN flow_case c ON c.id = t.case_id"
            " WHERE t.done_at IS NULL AND t.next_at IS NOT NULL AND c.held_at IS NULL),"
            " (SELECT min(next_at) FROM flow_case WHERE closed_at IS NULL AND held_at IS NULL AND next_at IS NOT NULL),"
            " (SELECT min(e.due_at) FROM flow_expectation e JOIN flow_task t ON t.id = e.task_id"
            "  JOIN flow_case c ON c.id = e.case_id WHERE e.met_at IS NULL AND e.missed_at IS NULL"
            "  AND t.done_at IS NULL AND c.held_at IS NULL),"
            " (SELECT min(held_until) FROM flow_case WHERE held_at IS NOT NULL AND closed_at IS NULL))"
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _batch(sql: str, table: str) -> int:
    """Take one batch of due rows; those whose step acts are done one by one after the batch has committed."""
    acting: list[tuple[int, int, Step]] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [clock.now(), BATCH])
        rows = cursor.fetchall()
        groups: dict[Step, list[int]] = defaultdict(list)
        for row_id, case_id, version, stage, number, kind in rows:
            step = Step(version, stage, number, kind)
            if step.late and step.late.only_tells:
                groups[step].append(row_id)
            else:
                acting.append((row_id, case_id, step))
        for step, ids in groups.items():
            _tell(cursor, table, ids, step, MOVED.format(table=table))
    for row_id, case_id, step in acting:
        _do(table, row_id, case_id, step)
    return len(rows)


@dataclass(frozen=True)
class Step:
    """One step of a ladder: of a stage, of the whole case (no stage), of a section's inner deadline, of an approval or duty.

    `kind` says whose: case, work, reporter; inner; duty; reminder, waiting (nobody has decided and silence does not), or
    approval, which silence decides.
    """

    version: int
    stage: str
    number: int
    kind: str = "work"

    @property
    def late(self) -> Late | None:
        if self.kind in OF_DESKS:
            return OF_DESKS[self.kind]
        process = queries.definition(self.version)
        if self.kind == "inner" and process.verbs["assign"].late:
            return process.verbs["assign"].late[self.number]
        return (process.stages[self.stage].late if self.stage else process.late)[self.number]


def _tell(cursor: Any, table: str, ids: list[int], step: Step, moved: str = "") -> None:
    """Flag, and write the line by which people are told; `moved` takes the rows past the step as well."""
    late, process, of_case = step.late, queries.definition(step.version), table == "flow_case"
    assert late is not None
    sql = TELL.format(
        table=table, moved=moved, case_id="h.id" if of_case else "h.case_id", holder="'case'" if of_case else "'task'",
        # one statement may not update a row twice: a case's own flag is set with its ladder below
        separate="false" if of_case else "true",
    )
    if of_case and late.flag:
        cursor.execute(FLAG, {"flag": late.flag, "ids": ids})
    early = late.percent is not None and late.percent < 100
    kind = "remind" if early or step.kind == "inner" else "late"  # an inner deadline is the unit's own business
    cursor.execute(sql, {
        "ids": ids, "flag": late.flag, "at": clock.now(), "verb": f"{process.key}.{kind}",
        "data": Jsonb({"at": late.at, "notify": list(late.notify), "flag": late.flag, "step": step.number,
                       "whole": of_case, "of": step.stage, **({"kind": step.kind} if step.kind in TOLD_APART else {})}),
    })


def _do(table: str, row_id: int, case_id: int, step: Step) -> None:
    """Take an action that came due, or decide an approval nobody answered; it tells and flags, refused or not."""
    try:
        with transaction.atomic():
            if not _claim(table, row_id, case_id, step):
                return
            if step.late is None:
                silence = _silence(row_id)
                actions.act(case_id, silence, by=SYSTEM, task_id=row_id)
            elif step.late.do:
                actions.act(case_id, step.late.do, by=SYSTEM, stage=_stage_of(table, row_id))
    except (Refused, Faults) as refusal:
        log.info("step passed over", extra={"case": case_id, "step": step.number, "why": str(refusal)})
        with transaction.atomic():
            _claim(table, row_id, case_id, step)
    except Exception:  # a fault of ours in one case must not stop the clock of all others
        log.exception("step failed", extra={"case": case_id, "step": step.number, "again_in": str(AGAIN)})
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET next_at = %s WHERE id = %s AND next_step = %s AND next_at IS NOT NULL",
                           [clock.now() + AGAIN, row_id, step.number])


def _claim(table: str, row_id: int, case_id: int, step: Step) -> bool:
    """Move a row past a step and tell and flag what the step says, unless somebody already has."""
    Case.objects.select_for_update().get(pk=case_id)  # cases are locked before tasks, everywhere
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET next_step = next_step + 1, next_at = ladder[next_step + 2]"
            f" WHERE id = %s AND next_step = %s AND next_at IS NOT NULL",
            [row_id, step.number],
        )
        mine = bool(cursor.rowcount == 1)
        if mine and step.late and (step.late.notify or step.late.flag):
            _tell(cursor, table, [row_id], step)
        return mine


def _silence(task_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT asks->>'silence' FROM flow_task WHERE id = %s", [task_id])
        row = cursor.fetchone()
    return str(row[0]) if row else "refuse"


def _stage_of(table: str, row_id: int) -> str:
    if table == "flow_case":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT stage FROM flow_task WHERE id = %s", [row_id])
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def _missed() -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(MISSED, {"at": clock.now(), "limit": BATCH})
        return int(cursor.rowcount)


def _released() -> int:
    """Resume the cases whose hold is over."""
    return sum(1 for case_id in _held_too_long() if _resume(case_id))


def _held_too_long() -> Iterator[int]:
    rows = Case.objects.filter(held_until__lte=clock.now(), closed_at=None).exclude(held_at=None)
    yield from rows.values_list("pk", flat=True)[:BATCH]


def _resume(case_id: int) -> bool:
    try:
        actions.act(case_id, "resume", by=SYSTEM)
    except Refused:
        return False
    return True
