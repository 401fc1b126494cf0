"""Projections: functions that read the log behind a cursor and keep tables of their own.

    @projection("boards.facts", tables=["boards_fact"])
    def keep(lines: list[Line]) -> None: ...

The function and its cursor move in one transaction, so each line counts exactly once in effect, however often a worker
dies. `rebuild` empties the tables and reads everything again: the answer must be the same, and a test proves it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction

from gongzhi.base import clock
from gongzhi.log import queries
from gongzhi.log.models import Cursor

BATCH = 2000
Handler = Callable[[list[queries.Line]], None]
registry: dict[str, "Projection"] = {}


@dataclass(frozen=True)
class Projection:
    """A reader of the log: its name, what it does with lines, and the tables that are its own (none: not rebuilt)."""

    name: str
    keep: Handler
    tables: tuple[str, ...]


def projection(name: str, *, tables: list[str]) -> Callable[[Handler], Handler]:
    """Register a projection under a name like room.table."""

    def register(keep: Handler) -> Handler:
        registry[name] = Projection(name, keep, tuple(tables))
        return keep

    return register


def advance(name: str, *, limit: int = BATCH) -> int:
    """Read one batch; return how many lines it had. Two workers at once: one waits for the other's cursor."""
    with transaction.atomic():
        cursor = _locked(name)
        lines = queries.after((cursor.era, cursor.xid, cursor.id_read), limit)
        if lines:
            registry[name].keep(lines)
            last = lines[-1]
            cursor.era, cursor.xid, cursor.id_read, cursor.read_at = last.era, last.xid, last.id, clock.now()
            cursor.save()
    return len(lines)


def catch_up(name: str | None = None) -> int:
    """Read until nothing is left, one projection or all; return the lines read."""
    total = 0
    for each in [name] if name else list(registry):
        while n := advance(each):
            total += n
    return total


def rebuild(name: str) -> int:
    """Empty a projection's tables and read the whole log again; return the lines read."""
    found = registry[name]
    if not found.tables:
        raise ValueError(f"{name} keeps no table of its own: running it again would send its messages again")
    with transaction.atomic(), connection.cursor() as cursor:
        _locked(name).delete()  # first: a worker that is reading ends before its tables are emptied
        for table in found.tables:
            cursor.execute(f'DELETE FROM "{table}"')
    return catch_up(name)


def _locked(name: str) -> Cursor:
    Cursor.objects.get_or_create(name=name)
    return Cursor.objects.select_for_update().get(name=name)
