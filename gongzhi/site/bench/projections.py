"""How fast projections are rebuilt from the log: events per second, against reading the same log and doing nothing."""

import time
from collections.abc import Callable

from django.db import connection, transaction

from gongzhi.log import projections, queries

EVENTS = 100_000
MADE = """
INSERT INTO log_event (at, actor, verb, subject_kind, subject_id, places, data)
SELECT now() - interval '30 days' + interval '1 second' * i, 'system',
  (ARRAY['request.open', 'request.accept', 'request.dispatch', 'request.sign', 'request.finish'])[1 + i %% 5],
  'case', c.id, c.path, jsonb_build_object('from', 'receiving', 'to', 'handling', 'lead', c.unit_ids[1])
FROM generate_series(1, %s) i
JOIN (SELECT row_number() OVER () - 1 AS n, t.* FROM (SELECT id, path, unit_ids FROM flow_case ORDER BY id LIMIT 1000) t) c
  ON c.n = i %% 1000
"""


def run(say: Callable[[str], None]) -> None:
    """Print the events per second of every projection that can be rebuilt."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM log_event")
        (there,) = cursor.fetchone() or (0,)
        if there < EVENTS:
            cursor.execute(MADE, [EVENTS - there])
    bare, n = _read()
    for name, projection in projections.registry.items():
        if projection.tables:
            began = time.perf_counter()
            read = projections.rebuild(name)
            spent = time.perf_counter() - began
            say(f"projections: {name}: {read / spent:,.0f} events/s rebuilt, {bare / n / (spent / read):.2f} of the bare"
                f" reading's {n / bare:,.0f}/s")


def _read() -> tuple[float, int]:
    began, position, n = time.perf_counter(), (0, 0, 0), 0
    with transaction.atomic():
        while lines := queries.after(position, projections.BATCH):
            position, n = (lines[-1].era, lines[-1].xid, lines[-1].id), n + len(lines)
    return time.perf_counter() - began, n
