"""What runs beside the web server: projections, the clock, messages, jobs. One process, a thread for each loop.

Any number of workers may run. Every step is a transaction of its own, or a message under a lease, so a worker may be
killed at any moment; another goes on. A loop whose step fails tries again, later and later, and hinders no other.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.db import close_old_connections
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from gongzhi.base import clock
from gongzhi.flow import clocks
from gongzhi.hotline import sending as hotline
from gongzhi.log import projections, queries
from gongzhi.log.models import Cursor
from gongzhi.notify import actions as notify
from gongzhi.notify import channels

LONGEST_PAUSE = 60.0  # seconds between two tries of a step that fails
LAST_WORDS = 1.0  # seconds that running steps get when the worker is told to end
log = logging.getLogger("gongzhi.worker")


@dataclass(frozen=True)
class Loop:
    """A step that is done over and over: at once again while it found work, else after `every` seconds."""

    name: str
    step: Callable[[], object]
    every: float


def loops() -> list[Loop]:
    """List everything a worker does, beside jobs."""
    return [
        *(Loop(f"projection {name}", partial(advance, name), 0.5) for name in projections.registry),
        *(Loop(f"channel {name}", partial(notify.send_due, name), 1) for name in channels.sending()),
        Loop("hotline", hotline.send_due, 1),
        Loop("clock", clocks.tick, 1),
        Loop("heartbeat", beat, 10),
    ]


def advance(name: str) -> int:
    """Let a projection read on. Looking first costs no lock and no write when nothing happened."""
    cursor = Cursor.objects.filter(name=name).values_list("era", "xid", "id_read").first()
    return projections.advance(name) if queries.after(cursor or (0, 0, 0), 1) else 0


def beat() -> None:
    """Say that a worker lives."""
    Cursor.objects.update_or_create(name="worker", defaults={"read_at": clock.now()})


def run(stop: threading.Event) -> None:
    """Run everything until `stop` is set."""
    threads = [threading.Thread(target=go_on, args=(loop, stop), name=loop.name, daemon=True) for loop in loops()]
    threads.append(threading.Thread(target=go_on, args=(Loop("jobs", partial(do_jobs, stop), 1), stop), daemon=True))
    for thread in threads:
        thread.start()
    log.info("worker started", extra={"loops": len(threads)})
    stop.wait()
    for thread in threads:
        thread.join(LAST_WORDS / len(threads))


def go_on(loop: Loop, stop: threading.Event) -> None:
    """Do one loop's step over and over; a fault is logged, and the pause after it doubles each time."""
    pause = loop.every
    while not stop.is_set():
        try:
            close_old_connections()
            pause = 0 if loop.step() else loop.every
        except Exception:
            pause = min(max(pause, loop.every) * 2, LONGEST_PAUSE)
            log.exception("a step failed", extra={"loop": loop.name, "again_in": pause})
        finally:
            close_old_connections()
        stop.wait(pause)


def do_jobs(stop: threading.Event) -> None:
    """Do queued jobs until told to stop.

    The jobs' connections are procrastinate's own; tasks that defer others keep using Django's, in its transactions.
    """
    asyncio.run(_do_jobs(stop))


async def _do_jobs(stop: threading.Event) -> None:
    worker_app = app.with_connector(DjangoConnector().get_worker_connector())
    async with worker_app.open_async():
        working = asyncio.create_task(worker_app.run_worker_async(
            concurrency=2, install_signal_handlers=False, shutdown_graceful_timeout=LAST_WORDS / 2,
            fetch_job_polling_interval=2,
        ))  # fmt: skip
        while not stop.is_set() and not working.done():
            await asyncio.wait([working], timeout=0.2)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True) if stop.is_set() else await working
