"""The projection `boards.facts`: requests as facts, and daily counters that keep boards cheap as history grows."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import connection

from gongzhi.base import clock
from gongzhi.boards import rules
from gongzhi.boards.models import Fact
from gongzhi.log.projections import projection
from gongzhi.log.queries import Line
from gongzhi.org.models import Unit

PREFIX = "request."
# Counts are added key by key; what comes to nothing is dropped.
COUNT = """
INSERT INTO boards_day AS d (date, scope, scope_id, origin, counts)
SELECT * FROM unnest(%s::date[], %s::varchar[], %s::bigint[], %s::varchar[], %s::jsonb[])
ON CONFLICT (scope, scope_id, origin, date) DO UPDATE SET counts = (
  SELECT coalesce(jsonb_object_agg(added.key, added.n) FILTER (WHERE added.n <> 0), '{}') FROM (
    SELECT one.key, sum(one.value::int) AS n
    FROM (SELECT * FROM jsonb_each_text(d.counts) UNION ALL SELECT * FROM jsonb_each_text(EXCLUDED.counts)) one
    GROUP BY one.key) added)
"""
COLUMNS = [f.attname for f in Fact._meta.concrete_fields]
_QUOTED = ", ".join(f'"{c}"' for c in COLUMNS)
SAVE = f"""
INSERT INTO boards_fact ({_QUOTED}) SELECT {_QUOTED} FROM jsonb_populate_recordset(NULL::boards_fact, %s::jsonb)
ON CONFLICT (case_id) DO UPDATE SET {", ".join(f'"{c}" = EXCLUDED."{c}"' for c in COLUMNS if c != "case_id")}
"""
Bucket = tuple[date, str, int, str]


@projection("boards.facts", tables=["boards_fact", "boards_day"])
def keep(lines: list[Line]) -> None:
    """Fold a batch of lines into facts and move the counters by the difference."""
    lines = [x for x in lines if x.subject_kind == "case" and x.subject_id and x.verb.startswith(PREFIX)]
    facts = Fact.objects.in_bulk({x.subject_id for x in lines if x.subject_id})
    change: defaultdict[Bucket, Counter[str]] = defaultdict(Counter)
    for fact in facts.values():
        _move(change, fact, -1)
    for line in lines:
        assert line.subject_id
        if line.verb == "request.open":
            facts[line.subject_id] = Fact(case_id=line.subject_id, opened_at=line.at)
        if line.subject_id in facts:  # a case opened before the log began has no fact
            rules.fold(facts[line.subject_id], line.verb.removeprefix(PREFIX), line.at, line.data, line.places)
    _complete(facts.values())
    for fact in facts.values():
        _move(change, fact, 1)
    _save(list(facts.values()))
    _count({bucket: {m: k for m, k in n.items() if k} for bucket, n in change.items()})


def _complete(facts: Iterable[Fact]) -> None:
    """Work out the columns that follow from the others."""
    paths = dict(Unit.objects.filter(pk__in={f.lead for f in facts if f.lead}).values_list("pk", "path"))
    for fact in facts:
        fact.lead_path = paths.get(fact.lead or 0, [])
        fact.due = fact.redo_due_at or fact.due_at
        fact.measures = rules.measures(fact)


def _move(change: defaultdict[Bucket, Counter[str]], fact: Fact, by: int) -> None:
    """Add a fact to (1) or take it off (-1) the day it was opened, in every place and unit it lies in."""
    day = clock.local(fact.opened_at).date()
    for scope, ids in (("place", fact.path), ("unit", fact.lead_path)):
        for scope_id in ids:
            change[day, scope, scope_id, rules.KEPT_BACK if fact.unread else fact.origin].update(dict.fromkeys(fact.measures, by))


def _save(facts: list[Fact]) -> None:
    """Write all facts in one statement, as one JSON text: with bulk_create the whole batch took twice as long."""
    rows = [{column: _plain(getattr(fact, column)) for column in COLUMNS} for fact in facts]
    with connection.cursor() as cursor:
        cursor.execute(SAVE, [json.dumps(sorted(rows, key=lambda row: row["case_id"]))])


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _count(change: dict[Bucket, dict[str, int]]) -> None:
    moved = sorted(bucket for bucket, n in change.items() if n)
    if not moved:
        return
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [*map(list, zip(*moved, strict=True)), [json.dumps(change[b]) for b in moved]])
