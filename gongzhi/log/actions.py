"""Appending to the log: the only write it knows."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from gongzhi.base import clock

APPEND = """
INSERT INTO log_event (at, actor, verb, subject_kind, subject_id, places, data)
VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
"""


def append(
    verb: str,
    *,
    actor: str,
    subject: tuple[str, int | None],
    places: Sequence[int] = (),
    data: Mapping[str, Any] | None = None,
) -> int:
    """Write one line inside the caller's transaction and return its id. `data`: ids, codes and numbers only."""
    values: list[Any] = [clock.now(), actor, verb, *subject, list(places), Jsonb(dict(data or {}))]
    with connection.cursor() as cursor:
        cursor.execute(APPEND, values)
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def actor(person_id: int | None) -> str:
    """Give the actor of a line: a person, or the system where no person acts."""
    return f"person:{person_id}" if person_id else "system"


def make_partitions(*, back: int = 0, ahead: int = 24) -> int:
    """Make the monthly partitions from `back` months ago to `ahead` months from now; return how many were new."""
    first = clock.today().replace(day=1)
    for _ in range(back):
        first = first.replace(year=first.year - (first.month == 1), month=(first.month - 2) % 12 + 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT log_make_partitions(%s, %s)", [first, back + ahead + 1])
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
