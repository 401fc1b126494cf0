"""Queue and case page with 300,000 open and 2,000,000 closed cases: server time and the queries' share of it."""

import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

from django.db import connection
from django.test import Client

from gongzhi.flow import queries as flow
from gongzhi.flow.models import Case
from gongzhi.org.models import Person, Unit

STANDARD = "7d calendar"  # of the cases loaded here
OPEN, CLOSED, STEP, TRIES = 300_000, 2_000_000, 100_000, 60

# Cases spread over grids, departments and a year; the shape of what the process writes, made by the database itself.
CASES = """
WITH grids AS (SELECT array_agg(id ORDER BY id) AS ids FROM places_place WHERE kind = 'grid'),
     leads AS (SELECT array_agg(id ORDER BY id) AS ids FROM org_unit WHERE kind IN ('department', 'community', 'outside')),
     kinds AS (SELECT array_agg(id ORDER BY id) AS ids FROM requests_category WHERE "limit" <> ''),
numbered AS (
  SELECT i, g.ids[1 + (i * 7919) %% array_length(g.ids, 1)] AS grid, l.ids[1 + (i * 104729) %% array_length(l.ids, 1)] AS lead,
         k.ids[1 + (i * 31) %% array_length(k.ids, 1)] AS category,
         now() - interval '1 year' * (i / %(total)s::float) AS at
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) i, grids g, leads l, kinds k
), c AS (
  INSERT INTO flow_case (code, version_id, title, stage, level, origin, place_id, path, lon, lat, opened_at, entered_at,
    standard, standard_source, due_at, first_due_at, ladder, next_at, next_step, urgent, private, fields, counts, flags,
    unit_ids, about_units, closed_at, outcome)
  SELECT (%(prefix)s::bigint + n.i)::text, %(version)s, '暖气不热，第 ' || n.i || ' 件', %(stage)s, 'street', 'resident',
    p.id, p.path, p.lon, p.lat, n.at, n.at, '7d calendar', 'bench', n.at + interval '7 days', n.at + interval '7 days',
    '{}', NULL, 0, n.i %% 20 = 0, false, jsonb_build_object('lead', n.lead, 'public', 'handling'), '{}',
    CASE WHEN n.i %% 9 = 0 THEN ARRAY['late'] ELSE '{}' END::varchar[], ARRAY[n.lead, %(centre)s::bigint], '{}',
    CASE WHEN %(closed)s THEN n.at + interval '3 days' END, CASE WHEN %(closed)s THEN 'rate' ELSE '' END
  FROM numbered n JOIN places_place p ON p.id = n.grid
  RETURNING id, opened_at, fields, closed_at, code
), r AS (
  INSERT INTO requests_request (case_id, kind, channel, words, summary, address, category_id, secret, phone, phone_index,
    phone_tail, caller_name, on_behalf_of, tokens, reported_at)
  SELECT c.id, 'help', 'portal', '暖气不热', '', '', n.category, md5(c.id::text), '', '', '', '', false,
    ARRAY['暖气', '气不', '不热', c.code], c.opened_at
  FROM c JOIN numbered n ON n.i = c.code::bigint - %(prefix)s::bigint
)
INSERT INTO flow_task (case_id, kind, stage, role, unit_id, post, opened_at, due_at, first_due_at, ladder, next_step,
  done_at, outcome)
SELECT c.id, 'work', %(stage)s, 'lead', (c.fields->>'lead')::bigint, '', c.opened_at, c.opened_at + interval '7 days',
  c.opened_at + interval '7 days', '{}', 0, c.closed_at, '' FROM c
"""
# Waiting for dispatch, so that street dispatchers have full queues too.
WAITING = """
UPDATE flow_case SET stage = 'dispatching' WHERE closed_at IS NULL AND code::bigint %% 40 = 0 AND stage = 'handling'
"""
DISPATCH = """
UPDATE flow_task t SET stage = 'dispatching', role = 'dispatcher', post = 'dispatcher', unit_id = u.id
FROM flow_case c, org_unit u, org_post p WHERE c.id = t.case_id AND c.stage = 'dispatching' AND t.done_at IS NULL
  AND u.kind = 'street' AND u.place_id = ANY(c.path) AND p.unit_id = u.id AND p.name = 'dispatcher'
"""


def run(say: Callable[[str], None]) -> None:
    """Load once, then print p50 and p95 of the server's time for queue and case page of a dispatcher and a liaison."""
    load(say)
    for name in ("street", "department", "district"):
        client = Client(SERVER_NAME="localhost")
        client.force_login(Person.objects.get(username=name))
        standing = _standing(name)
        say(_line(f"queue of {name}", client, ["/desk/"] * TRIES))
        # `create` leaves plain rows of pgbench behind, whose personal fields nobody sealed: they are no cases to open
        own = flow.queue(standing).filter(case__standard=STANDARD).order_by("-pk").values("case")[:TRIES]
        seen = flow.visible_to(standing).filter(closed_at=None, standard=STANDARD).order_by("-opened_at")
        cases = list(Case.objects.filter(pk__in=own)) or list(seen[:TRIES])
        say(_line(f"case page of {name}", client, [f"/desk/cases/{c.code}/" for c in cases]))


def load(say: Callable[[str], None]) -> None:
    """Bring the database to its size, in steps of 100,000."""
    version = flow.current_version("request")
    centre = Unit.objects.get(kind="centre").pk
    new = False
    for prefix, total, closed in ((30_000_000_000, CLOSED, True), (50_000_000_000, OPEN, False)):
        ours = Case.objects.filter(code__regex=r"^\d{11}$", standard_source="bench")  # codes of people have ten digits
        there = ours.filter(code__gte=str(prefix), code__lte=str(prefix + total)).count()
        for first in range(there + 1, total + 1, STEP):
            values = {"first": first, "last": min(first + STEP - 1, total), "total": total, "prefix": prefix,
                      "version": version, "stage": "archived" if closed else "handling", "closed": closed,
                      "centre": centre}
            with connection.cursor() as cursor:
                cursor.execute(CASES, values)
            say(f"  {'closed' if closed else 'open'} cases: {values['last']:,} of {total:,}")
        if there < total:
            new = True
            with connection.cursor() as cursor:
                cursor.execute(WAITING.replace("%%", "%"))
                cursor.execute(DISPATCH)
    if new:
        _analyze()


def _analyze() -> None:
    """Let the planner know the tables; only their owner may."""
    import psycopg
    from django.conf import settings

    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as db:
        db.execute("VACUUM ANALYZE flow_case, flow_task, requests_request")


def _standing(username: str) -> Any:
    from gongzhi.org import queries as org

    return org.standing(Person.objects.get(username=username))


def _line(what: str, client: Client, paths: list[str]) -> str:
    """Ask for each page once warm, measure, and say p50, p95, queries and their share."""
    spent, in_queries, counts = [], [], []
    for path in paths[:3] + paths:
        queries: list[float] = []

        def timed(execute: Any, *args: Any) -> Any:
            began = time.perf_counter()
            try:
                return execute(*args)
            finally:
                queries.append(time.perf_counter() - began)  # noqa: B023

        began = time.perf_counter()
        with connection.execute_wrapper(timed):
            answer = client.get(path)
        spent.append((time.perf_counter() - began) * 1000)
        in_queries.append(sum(queries) * 1000)
        counts.append(len(queries))
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
    spent, in_queries = spent[3:], in_queries[3:]
    return (f"pages: {what}: p50 {median(spent):.0f} ms, p95 {quantiles(spent, n=20)[-1]:.0f} ms; queries"
            f" {sum(in_queries) / sum(spent):.0%} of it ({max(counts)} at most); aim 30/60 ms")
