"""The log with real commits: nothing is lost, nothing is changed, nothing counts twice."""

import os
import random
import time
from collections.abc import Iterator
from threading import Barrier, Event, Thread

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from gongzhi.log import actions, projections, queries
from gongzhi.log.models import Cursor
from gongzhi.log.queries import Line

pytestmark = pytest.mark.django_db(transaction=True)
START = (0, 0, 0)


def append(n: int) -> int:
    return actions.append("test.line", actor="system", subject=("test", n), data={"n": n})


def in_thread(work: object) -> Thread:
    def run() -> None:
        try:
            work()  # type: ignore[operator]
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread


def read_all(expected: int) -> list[Line]:
    """Read like a projection until so many lines have come; transactions of other tests may hold them back a while."""
    found: list[Line] = []
    position, patience = START, time.monotonic() + 300
    while len(found) < expected:
        assert time.monotonic() < patience, f"only {len(found)} of {expected} lines came"
        lines = queries.after(position, 7)
        if lines:
            found += lines
            position = (lines[-1].era, lines[-1].xid, lines[-1].id)
        else:
            time.sleep(0.05)
    return found


def owner() -> psycopg.Connection:
    url = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    return psycopg.connect(url, dbname=settings.DATABASES["default"]["NAME"], autocommit=True)


# Nothing is lost ------------------------------------------------------------------------------------------------------


def test_a_line_of_a_transaction_that_commits_late_is_not_skipped() -> None:
    written, may_commit = Event(), Event()

    def slow() -> None:
        with transaction.atomic():
            append(1)
            written.set()
            may_commit.wait()

    thread = in_thread(slow)
    written.wait()
    append(2)  # begun later, committed earlier
    assert queries.after(START, 10) == [], "line 1 may still appear below line 2"
    may_commit.set()
    thread.join()
    assert [x.subject_id for x in read_all(2)] == [1, 2]


def test_a_smaller_id_in_a_later_transaction_is_not_skipped() -> None:
    """The trap of an id cursor: the transaction with the greater id is seen first."""
    first, second = Barrier(2), Event()

    def late_id() -> None:
        with transaction.atomic():
            append(1)
            first.wait()
            second.wait()
            append(3)  # its id is greater than that of line 2, its transaction older

    thread = in_thread(late_id)
    first.wait()
    append(2)
    second.set()
    thread.join()
    lines = read_all(3)
    assert [x.subject_id for x in lines] == [1, 3, 2] and [x.id for x in lines] != sorted(x.id for x in lines)


def test_many_writers_that_commit_in_any_order_lose_nothing() -> None:
    writers, each = 6, 25

    def write(writer: int) -> None:
        chance = random.Random(writer)
        for n in range(each):
            with transaction.atomic():
                append(writer * 1000 + n)
                time.sleep(chance.random() / 200)  # hold the transaction: that is what makes the order differ

    threads = [in_thread(lambda w=w: write(w)) for w in range(writers)]  # type: ignore[misc]
    lines = read_all(writers * each)  # while they write
    for thread in threads:
        thread.join()
    assert queries.after((lines[-1].era, lines[-1].xid, lines[-1].id), 10) == []
    assert sorted(x.subject_id or 0 for x in lines) == sorted(w * 1000 + n for w in range(writers) for n in range(each))


# Nothing is changed ---------------------------------------------------------------------------------------------------

CHANGES = [
    "UPDATE log_event SET actor = 'nobody'", "DELETE FROM log_event", "TRUNCATE log_event",
    "ALTER TABLE log_event DISABLE TRIGGER ALL", "ALTER TABLE log_event ADD COLUMN x int", "DROP TABLE log_event",
    "DROP TRIGGER log_event_append_only ON log_event", "CREATE TRIGGER x BEFORE INSERT ON log_event EXECUTE FUNCTION f()",
    "SET session_replication_role = replica", "SET ROLE gongzhi_owner", "UPDATE log_cluster SET era = 9",
    "UPDATE flow_processversion SET text = ''",
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_application_cannot_change_the_log(change: str) -> None:
    append(1)
    with pytest.raises(DatabaseError, match="denied|owner|permission|append-only"), connection.cursor() as cursor:
        cursor.execute(change)
    assert [x.subject_id for x in queries.of_subject("test", 1)] == [1]


@pytest.mark.parametrize("change", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_a_partition_is_no_back_door(change: str) -> None:
    append(1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableoid::regclass::text FROM log_event")
        (part,) = cursor.fetchone() or ("",)
    with pytest.raises(DatabaseError, match="denied"), connection.cursor() as cursor:
        cursor.execute(change.format(part))


@pytest.mark.parametrize("change", ["UPDATE log_event SET actor = 'x'", "DELETE FROM log_event", "TRUNCATE log_event"])
def test_even_the_owner_must_lift_the_guard_first(change: str) -> None:
    append(1)
    with owner() as db, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        db.execute(change)


def test_months_are_made_ahead_and_making_them_twice_makes_none() -> None:
    actions.make_partitions(ahead=30)
    assert actions.make_partitions(ahead=30) == 0


# Nothing counts twice -------------------------------------------------------------------------------------------------


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A projection that keeps each line it is given, and how often."""
    with owner() as db:
        db.execute("CREATE TABLE test_counted (id bigint, n bigint)")
        db.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON test_counted TO PUBLIC")
    monkeypatch.setattr(projections, "registry", {})

    @projections.projection("test.counted", tables=["test_counted"])
    def keep(lines: list[Line]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO test_counted VALUES (%s, %s)", [[x.id, x.subject_id] for x in lines])

    yield "test.counted"
    with owner() as db:
        db.execute("DROP TABLE test_counted")


def counted() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT n FROM test_counted ORDER BY n")
        return [n for (n,) in cursor.fetchall()]


def advance_to(n: int, name: str = "test.counted") -> None:
    patience = time.monotonic() + 300
    while len(counted()) < n:
        assert time.monotonic() < patience
        projections.advance(name, limit=7) or time.sleep(0.05)


def test_a_projection_whose_handler_dies_midway_counts_each_line_once(
        counting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(20):
        append(n)
    read_all(20)
    found = projections.registry[counting]

    def dies(lines: list[Line]) -> None:
        found.keep(lines[:3])
        raise ZeroDivisionError

    monkeypatch.setitem(projections.registry, counting, projections.Projection(counting, dies, found.tables))
    with pytest.raises(ZeroDivisionError):
        projections.advance(counting)
    assert counted() == [] and not Cursor.objects.filter(name=counting, id_read__gt=0).exists()
    monkeypatch.setitem(projections.registry, counting, found)
    advance_to(20)
    assert counted() == list(range(20))


def test_several_workers_at_once_count_each_line_once(counting: str) -> None:
    for n in range(60):
        append(n)
    threads = [in_thread(lambda: advance_to(60)) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert projections.catch_up(counting) == 0 and counted() == list(range(60))


def test_rebuilt_it_is_the_same(counting: str) -> None:
    for n in range(30):
        append(n)
    advance_to(30)
    before = counted()
    assert projections.rebuild(counting) == 30 and counted() == before == list(range(30))


def test_what_sends_messages_is_not_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "registry", {})
    projections.projection("test.sends", tables=[])(lambda lines: None)
    with pytest.raises(ValueError, match="again"):
        projections.rebuild("test.sends")


def test_lag_counts_what_is_not_read() -> None:
    append(1)
    append(2)
    n, oldest = queries.lag(START)
    assert n == 2 and oldest is not None
    lines = read_all(2)
    assert queries.lag((lines[-1].era, lines[-1].xid, lines[-1].id)) == (0, None)


def test_of_some_subjects_those_an_actor_wrote_of_are_chosen() -> None:
    for actor, n in (("key:a", 1), ("key:b", 2), ("key:a", 3)):
        actions.append("test.line", actor=actor, subject=("test", n))
    assert queries.written_by("key:a", "test.line", "test", [1, 2]) == {1}
    assert queries.written_by("key:a", "test.other", "test", [1, 2]) == set()
    assert queries.written_by("key:a", "test.line", "test", []) == set()
