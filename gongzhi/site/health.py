"""What `/healthz` looks at."""

import shutil
import time
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob

from gongzhi.base import clock
from gongzhi.base.models import CalendarDay
from gongzhi.log import projections, queries
from gongzhi.log.models import Cluster, Cursor
from gongzhi.notify.models import Notice

LAG_ALARM = timedelta(minutes=2)
BEAT_ALARM = timedelta(minutes=1)
PARTITIONS_AHEAD = 3
JUST = timedelta(days=1)
MESSAGES_ALARM = 20  # default, no source, as are those below
DISK_ALARM = 2 * 1024**3  # bytes; and a twentieth of the disk
BACKUP, BACKUP_ALARM = "backup", timedelta(hours=36)  # a nightly one may be late
CLOCK_ALARM = 5.0  # seconds


def parts() -> dict[str, dict[str, Any]]:
    """Look at every part: {name: {"ok": bool, …what was seen}}."""
    return {
        "migrations": _migrations(),
        "era": _era(),
        "worker": _worker(),
        "projections": _projections(),
        "partitions": _partitions(),
        "calendar": _calendar(),
        "jobs": _jobs(),
        "messages": _messages(),
        "disk": _disk(),
        "backup": _backup(),
        "clock": _clock(),
    }


def _jobs() -> dict[str, Any]:
    """What waits for the worker, and what it gave up within a day."""
    since = clock.now() - JUST
    waiting = ProcrastinateJob.objects.filter(status="todo", scheduled_at=None).count()
    failed = ProcrastinateEvent.objects.filter(type="failed", at__gte=since).count()
    return {"ok": failed == 0, "waiting": waiting, "failed": failed}


def _messages() -> dict[str, Any]:
    """What could not be sent; more than a few is a gateway that is down or wrongly set."""
    since = clock.now() - JUST
    failed = Notice.objects.filter(state=Notice.FAILED, made_at__gte=since).count()
    waiting = Notice.objects.filter(state=Notice.WAITING).count()
    return {"ok": failed < MESSAGES_ALARM, "failed": failed, "waiting": waiting}


def _disk() -> dict[str, Any]:
    """Room where the data lie; a database that runs out of it stops."""
    usage = shutil.disk_usage(settings.GONGZHI_HOME)
    return {"ok": usage.free >= max(DISK_ALARM, usage.total // 20), "free": usage.free, "total": usage.total}


def _backup() -> dict[str, Any]:
    """When `gongzhi backup` last ended; a demo needs none."""
    row = Cursor.objects.filter(name=BACKUP).first()
    at = row.read_at if row else None
    fresh = at is not None and clock.now() - at < BACKUP_ALARM
    return {"ok": fresh or settings.GONGZHI_DEMO, "at": at}


def backed_up(at: datetime) -> None:
    """Note that a backup was written."""
    Cursor.objects.update_or_create(name=BACKUP, defaults={"read_at": at})


def _clock() -> dict[str, Any]:
    """Whether this machine and the database tell the same time; of two clocks that differ deadlines are wrong."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        (there,) = cursor.fetchone() or (0,)
    apart = abs(time.time() - float(there))
    return {"ok": apart < CLOCK_ALARM, "seconds_apart": round(apart, 1)}


def _migrations() -> dict[str, Any]:
    executor = MigrationExecutor(connection)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    return {"ok": waiting == 0, "waiting": waiting}


def _era() -> dict[str, Any]:
    """A restored copy must start a new era before it writes (`gongzhi restored`)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        (identifier,) = cursor.fetchone() or (0,)
    known = Cluster.objects.order_by("-era").first()
    return {"ok": known is not None and known.system_identifier == identifier, "era": known.era if known else 0}


def _worker() -> dict[str, Any]:
    beat = Cursor.objects.filter(name="worker").first()
    seen = beat.read_at if beat else None
    return {"ok": seen is not None and clock.now() - seen < BEAT_ALARM, "last_seen": seen}


def _projections() -> dict[str, Any]:
    """A line may be written under an earlier time (imports, the demo): a reader is late if it is old and stands still."""
    cursors = {c.name: c for c in Cursor.objects.exclude(name__in=["worker", BACKUP])}
    unread, late = {}, []
    for name in projections.registry:
        cursor = cursors.get(name)
        lines, oldest = queries.lag((cursor.era, cursor.xid, cursor.id_read) if cursor else (0, 0, 0))
        unread[name] = lines
        read_at = cursor.read_at if cursor else None
        moves = read_at is not None and clock.now() - read_at < LAG_ALARM and lines < queries.LAG_COUNTED_TO
        if oldest and clock.now() - oldest > LAG_ALARM and not moves:
            late.append(name)
    return {"ok": not late, "unread": unread, "oldest_holder": _oldest_holder()}


def _oldest_holder() -> dict[str, Any] | None:
    """Name the transaction that holds every projection back, if one is older than a second."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, datname, extract(epoch FROM clock_timestamp() - xact_start)::int FROM pg_stat_activity"
            " WHERE backend_xid IS NOT NULL AND clock_timestamp() - xact_start > interval '1 second'"
            " ORDER BY xact_start LIMIT 1"
        )
        row = cursor.fetchone()
    return {"pid": row[0], "database": row[1], "seconds": row[2]} if row else None


def _partitions() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(relname) FROM pg_class WHERE relname ~ '^log_event_[0-9]{6}$'")
        (last,) = cursor.fetchone() or (None,)
    today = clock.today()
    ahead = (int(last[10:14]) - today.year) * 12 + int(last[14:]) - today.month if last else -1
    return {"ok": ahead >= PARTITIONS_AHEAD, "months_ahead": ahead}


def _calendar() -> dict[str, Any]:
    """Next year's holidays are published in November: from December on their absence is red."""
    today = clock.today()
    this, following = (CalendarDay.objects.filter(date__year=y).exists() for y in (today.year, today.year + 1))
    return {"ok": this and (following or today < date(today.year, 12, 1)), "next_year_known": following}
