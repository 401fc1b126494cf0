import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker

from conftest import build_town
from gongzhi.desk import actions as desk
from gongzhi.desk.models import Export
from gongzhi.desk.rules import Filter
from gongzhi.desk.tests import matters
from gongzhi.log import actions as log
from gongzhi.log import projections
from gongzhi.log.models import Cursor
from gongzhi.notify.jobs import forget_phones
from gongzhi.notify.models import Notice
from gongzhi.site import worker
from gongzhi.site.jobs import retry_stalled, sweep_files


def until(true: Callable[[], bool], *, patience: float = 60) -> None:
    """Wait for something that must become true."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.05)


class Forever(threading.Event):
    """A stop that is set after so many waits; keeps the pauses asked for instead of pausing."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.waits, self.pauses = waits, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0)
        if len(self.pauses) >= self.waits:
            self.set()
        return self.is_set()


def test_a_step_that_fails_is_tried_again_later_and_later_and_then_as_usual(db: None) -> None:
    outcomes: Iterator[int] = iter([1, 0, 0, 0, 1, 0])
    broken = iter([False, True, True, True, False, False])

    def step() -> int:
        outcome = next(outcomes)
        if next(broken):
            raise RuntimeError
        return outcome

    stop = Forever(6)
    worker.go_on(worker.Loop("x", step, 1.0), stop)
    assert stop.pauses == [0, 2, 4, 8, 0, 1]


def test_the_pause_after_failures_is_bounded(db: None) -> None:
    stop = Forever(12)
    worker.go_on(worker.Loop("x", lambda: 1 / 0, 0.5), stop)
    assert stop.pauses[-1] == worker.LONGEST_PAUSE


def test_a_projection_is_asked_only_when_there_is_something_to_read(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[str] = []
    monkeypatch.setattr(projections, "registry", {})
    projections.projection("test.lines", tables=[])(lambda lines: got.extend(line.verb for line in lines))
    assert worker.advance("test.lines") == 0
    assert not Cursor.objects.filter(name="test.lines").exists()
    log.append("test.happened", actor="system", subject=("test", 1))
    until(lambda: worker.advance("test.lines") == 1)  # an older transaction of the cluster may hold it back
    assert worker.advance("test.lines") == 0
    assert got == ["test.happened"]


@pytest.fixture
def start(transactional_db: None) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start real workers on this test's database."""
    head, _, query = os.environ["DATABASE_URL"].partition("?")
    mine = quote(settings.DATABASES["default"]["NAME"])
    address = f"{head.rsplit('/', 1)[0]}/{mine}" + (f"?{query}" if query else "")
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        env = {**os.environ, "DATABASE_URL": address, "GONGZHI_DEMO": "0"}
        running.append(subprocess.Popen([sys.executable, "-m", "gongzhi.site.cli", "worker"], env=env))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


def test_two_workers_do_what_waits_and_end_when_told(start: Callable[[], subprocess.Popen[bytes]]) -> None:
    job = forget_phones.defer(timestamp=0)
    for n in range(20):
        Notice.objects.create(key=str(n), channel="sms", recipient="phone:x", title="t", about_kind="case")
    workers = [start(), start()]
    until(lambda: ProcrastinateWorker.objects.count() == 2 and Cursor.objects.filter(name="worker").exists())
    until(lambda: Notice.objects.filter(state="kept", tries=1).count() == 20)
    until(lambda: ProcrastinateJob.objects.get(pk=job).status == "succeeded")
    for process in workers:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(timeout=30) for process in workers] == [0, 0]


def test_a_job_of_a_killed_worker_is_done_by_the_next(start: Callable[[], subprocess.Popen[bytes]]) -> None:
    job = forget_phones.defer(timestamp=0)
    taken_by_a_dead_worker(job)
    retry_stalled.defer(timestamp=0)
    start()
    until(lambda: ProcrastinateJob.objects.get(pk=job).status == "succeeded")


def taken_by_a_dead_worker(job: int) -> None:
    """A worker took a job and died an hour ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
        )
        (dead,) = cursor.fetchone() or (0,)
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE id = %s", [dead, job])


def test_a_job_of_a_killed_worker_gives_way_to_its_like_that_waits(start: Callable[[], subprocess.Popen[bytes]]) -> None:
    killed = sweep_files.defer(timestamp=0)
    taken_by_a_dead_worker(killed)
    waiting = sweep_files.defer(timestamp=1)
    retry_stalled.defer(timestamp=0)
    start()
    until(lambda: ProcrastinateJob.objects.get(pk=waiting).status == "succeeded")
    assert ProcrastinateJob.objects.get(pk=killed).status == "failed"


def test_a_long_list_is_written_by_a_worker(start: Callable[[], subprocess.Popen[bytes]]) -> None:
    town = build_town()
    matters.accepted(town)
    export = desk.ask_export(Filter(view="dispatching"), 1, by=town.actor("street"))
    start()
    until(lambda: Export.objects.get().ready_at is not None)
    assert Export.objects.get().rows == 1
    assert Notice.objects.filter(person=town.people["street"], about_kind="export").count() == 1
    export.path.unlink()
