"""Writing a new request at speed: one statement for request, case, task and log line."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import psycopg
from django.db import connection
from django.db.models import Model
from psycopg.types.json import Jsonb

from gongzhi.base import clock, codes
from gongzhi.flow import deadlines, queries, roles
from gongzhi.flow.models import Case, Task
from gongzhi.flow.roles import Seat
from gongzhi.requests.rules import Theirs

M = TypeVar("M", bound=Model)
KEY = "request"
INTAKE = """
WITH c AS (
  INSERT INTO flow_case (code, version_id, title, stage, level, origin, place_id, path, lon, lat, parent_id,
    opened_by_id, opened_at, entered_at, standard, standard_source, due_at, bound_at, bound_source, own_due_at,
    first_due_at, ladder, next_at, next_step,
    held_at, held_until, urgent, private, fields, counts, flags, unit_ids, about_units, closed_at, outcome)
  VALUES (%(code)s, %(version)s::bigint, %(title)s, %(stage)s, %(level)s, %(origin)s, %(place)s::bigint,
    %(path)s::bigint[], %(lon)s, %(lat)s, NULL, %(opened_by)s::bigint, %(now)s, %(now)s, %(standard)s,
    %(standard_source)s, %(due)s::timestamptz, %(bound)s::timestamptz, %(bound_source)s, %(own_due)s::timestamptz,
    %(due)s::timestamptz, %(ladder)s::timestamptz[],
    %(next)s::timestamptz, 0, NULL, NULL, %(urgent)s, %(private)s, %(fields)s::jsonb, '{}', '{}',
    %(units)s::bigint[], '{}', NULL, '')
  ON CONFLICT (code) DO NOTHING RETURNING id
), r AS (
  INSERT INTO requests_request (case_id, kind, channel, words, summary, address, category_id, suggested_id, compound_id,
    secret, phone, phone_index, phone_tail, caller_name, on_behalf_of, tokens, submitted_key, their_number, they_ask,
    reported_at)
  SELECT c.id, %(kind)s, %(channel)s, %(words)s, '', %(address)s, NULL, %(suggested)s::bigint, %(compound)s::bigint,
    %(secret)s, %(phone)s, %(phone_index)s, %(phone_tail)s, %(caller_name)s, %(on_behalf)s, %(tokens)s::varchar[],
    %(submitted_key)s::varchar, %(their_number)s, %(they_ask)s, %(now)s
  FROM c RETURNING case_id
), t AS (
  INSERT INTO flow_task (case_id, kind, stage, role, unit_id, post, person_id, opened_at, due_at, first_due_at, ladder,
    next_at, next_step, asks, done_at, done_by_id, outcome)
  SELECT c.id, 'work', %(stage)s, %(role)s, %(desk)s::bigint, %(post)s, NULL, %(now)s, %(task_due)s::timestamptz,
    %(task_due)s::timestamptz, %(task_ladder)s::timestamptz[], %(task_next)s::timestamptz, 0, NULL, NULL, NULL, ''
  FROM c RETURNING id
)
INSERT INTO log_event (at, actor, verb, subject_kind, subject_id, places, data)
SELECT %(now)s, %(actor)s, 'request.open', 'case', c.id, %(path)s::bigint[],
  %(data)s::jsonb || jsonb_build_object('opened', jsonb_build_array(jsonb_build_object(
    'id', t.id, 'role', %(role)s::text, 'unit', %(desk)s::bigint, 'post', %(post)s::text, 'kind', 'work')))
FROM c, r, t RETURNING subject_id
"""


@dataclass
class Draft:
    """A request that has been placed and checked and waits to be written."""

    place_id: int
    path: list[int]
    lon: float | None
    lat: float | None
    title: str
    kind: str
    channel: str
    origin: str
    standard: str
    standard_source: str
    actor: str
    opened_by: int | None = None
    urgent: bool = False
    suggested: int | None = None
    theirs: Theirs = Theirs("")
    fields: dict[str, Any] = field(default_factory=dict)  # of the case
    values: dict[str, Any] = field(default_factory=dict)  # the sealed and plain columns of requests_request


def write(draft: Draft) -> tuple[int, str, datetime]:
    """Write a draft and return its case's id, code and deadline."""
    case, task = _shape(draft)
    row = _insert(draft, case, task)
    while row is None:  # the code is taken, as one in some hundreds is in a city of millions of matters
        case.code = codes.new_code()
        row = _insert(draft, case, task)
    assert case.due_at is not None
    return int(row[0]), case.code, case.due_at


def _insert(draft: Draft, case: Case, task: Task) -> tuple[Any, ...] | None:
    connection.ensure_connection()
    # A cursor of psycopg's own, prepared on the server: planning this statement costs more than running it.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(INTAKE, {
            "code": case.code, "version": case.version_id, "title": case.title, "stage": case.stage,
            "level": case.level, "origin": case.origin, "place": draft.place_id, "path": _array(draft.path),
            "lon": draft.lon, "lat": draft.lat, "opened_by": draft.opened_by, "now": case.opened_at,
            "standard": case.standard, "standard_source": case.standard_source, "due": case.due_at,
            "bound": case.bound_at, "bound_source": case.bound_source, "own_due": case.own_due_at,
            "their_number": draft.theirs.number, "they_ask": draft.theirs.asks,
            "ladder": _array(case.ladder), "next": case.next_at, "urgent": draft.urgent, "private": case.private,
            "fields": Jsonb(case.fields), "units": _array([task.unit_id]), "kind": draft.kind, "channel": draft.channel,
            "suggested": draft.suggested, "role": task.role, "desk": task.unit_id, "post": task.post,
            "task_due": task.due_at, "task_ladder": _array(task.ladder), "task_next": task.next_at, "actor": draft.actor,
            "data": Jsonb({"to": case.stage, "origin": case.origin, "channel": draft.channel, "kind": draft.kind,
                           "due": case.due_at.isoformat() if case.due_at else None,
                           "callable": bool(draft.values["phone"])}), **draft.values,
            "tokens": _array(draft.values["tokens"]),
        }, prepare=True)
        return cursor.fetchone()


def _array(parts: Iterable[object]) -> str:
    """Write an array as PostgreSQL reads it, of parts without quotes or backslashes: psycopg looks at each, and is slow."""
    text = '","'.join(map(str, parts))
    return f'{{"{text}"}}' if text else "{}"


def _row(model: type[M], **values: Any) -> M:
    """Make a row that is never saved: a model's own constructor, with its signals, costs a tenth of intake."""
    made = object.__new__(model)
    made.__dict__.update(_blank(model).__dict__, **values)
    return made


@cache
def _blank(model: type[Model]) -> Model:
    return model()


def _shape(draft: Draft) -> tuple[Case, Task]:
    """Work out stage, clocks and desk of a new case without touching the database."""
    version, now = queries.current_version(KEY), clock.now()
    process = queries.definition(version)
    stage = process.stages[process.start]
    case = _row(
        Case, code=codes.new_code(), version_id=version, title=draft.title, stage=stage.name, level="street",
        origin=draft.origin, place_id=draft.place_id, path=draft.path, opened_at=now, entered_at=now,
        standard=draft.standard, standard_source=draft.standard_source,
        private=stage.private and draft.origin != "staff", fields={"public": stage.public, **draft.fields},
        bound_at=draft.theirs.due_at, bound_source=draft.theirs.due_source,
    )
    deadlines.start_case(process, case)
    role = stage.tasks[0]
    desk = _desk(version, role, case)
    task = _row(Task, stage=stage.name, role=role, unit_id=desk.unit_id, post=desk.post, opened_at=now)
    task.due_at = deadlines.of_stage(process, stage, case, now)
    deadlines.carry(task, stage, case)
    return case, task


_KEPT_FOR = 30.0  # seconds a new intake desk may have to wait for its first report
_desks: dict[tuple[int, str, tuple[int, ...]], tuple[float, Seat]] = {}


def _desk(version: int, role: str, case: Case) -> Seat:
    """Find the intake desk of a place; remembered for seconds, because every report asks."""
    key = (version, role, tuple(case.path[:3]))
    kept = _desks.get(key)
    if kept is None or time.monotonic() - kept[0] > _KEPT_FOR:
        found = roles.seats(queries.definition(version).roles[role], case)
        if not found:
            raise RuntimeError("no unit above this place has the intake post; appoint one in /setup/")
        kept = _desks[key] = (time.monotonic(), found[0])
    return kept[1]


def forget_desks() -> None:
    """Look the intake desks up anew (tests)."""
    _desks.clear()
