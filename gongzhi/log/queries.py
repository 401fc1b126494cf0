"""Reading the log: in the order of projections, and the lines of one subject."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

AFTER = """
SELECT e.id, e.at, e.era, e.xid::text::bigint, e.actor, e.verb, e.subject_kind, e.subject_id, e.places, e.data
FROM log_after(%s, %s::text::xid8, %s, %s) e
"""

OF_SUBJECT = """
SELECT e.id, e.at, e.era, e.xid::text::bigint, e.actor, e.verb, e.subject_kind, e.subject_id, e.places, e.data
FROM log_event e WHERE e.subject_kind = %s AND e.subject_id = %s ORDER BY e.id
"""

WRITTEN_BY = """
SELECT e.subject_id FROM log_event e
WHERE e.subject_kind = %s AND e.subject_id = ANY(%s) AND e.verb = %s AND e.actor = %s
"""

OFFICE = "verb NOT LIKE 'request.%%' AND verb NOT LIKE 'demo.%%'"  # as the index has it
AUDIT = """
SELECT e.id, e.at, e.era, e.xid::text::bigint, e.actor, e.verb, e.subject_kind, e.subject_id, e.places, e.data
FROM log_event e WHERE e.at >= %s AND e.at < %s AND e.id < %s AND {narrowed} ORDER BY e.id DESC LIMIT %s
"""

LAG_COUNTED_TO = 10_000
LAG = f"SELECT count(*), min(e.at) FROM log_after(%s, %s::text::xid8, %s, {LAG_COUNTED_TO}, true) e"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log as projections see it."""

    id: int
    at: datetime
    era: int
    xid: int
    actor: str
    verb: str
    subject_kind: str
    subject_id: int | None
    places: list[int]
    data: dict[str, Any]


def after(position: tuple[int, int, int], limit: int) -> list[Line]:
    """Read up to `limit` lines after a position (era, xid, id), none of a transaction that may still write."""
    return _lines(AFTER, [*position, limit])


def of_subject(kind: str, subject_id: int) -> list[Line]:
    """Read all lines of one subject, oldest first."""
    return _lines(OF_SUBJECT, [kind, subject_id])


def written_by(actor: str, verb: str, kind: str, subject_ids: list[int]) -> set[int]:
    """Choose the subjects of which an actor wrote a line of this verb."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN_BY, [kind, subject_ids, verb, actor])
        return {subject_id for subject_id, in cursor.fetchall()}


def audit(since: datetime, until: datetime, *, actor: str = "", verbs: Sequence[str] = (), before: int = 0,
          limit: int) -> list[Line]:
    """Read what was done between two moments, the newest first: by one actor everything, else all but the handling of matters."""
    narrowed: list[str]
    values: list[Any]
    narrowed, values = (["e.actor = %s AND e.actor LIKE 'person:%%'"], [actor]) if actor else ([OFFICE], [])
    if verbs:
        narrowed.append("e.verb = ANY(%s)")
        values.append(list(verbs))
    return _lines(AUDIT.format(narrowed=" AND ".join(narrowed)), [since, until, before or 2**62, *values, limit])


def lag(position: tuple[int, int, int]) -> tuple[int, datetime | None]:
    """Count the lines (up to LAG_COUNTED_TO) a projection has not read, and tell when the oldest was written."""
    with connection.cursor() as cursor:
        cursor.execute(LAG, list(position))
        (count, oldest), = cursor.fetchall()
    return int(count), oldest


def _lines(sql: str, values: list[Any]) -> list[Line]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[Any] = cursor.fetchall()
    return [_line(*row) for row in rows]


def _line(*row: Any) -> Line:
    """Make a line of a row; Django leaves jsonb as text."""
    values: list[Any] = [*row[:-1], json.loads(row[-1])]
    return Line(*values)
