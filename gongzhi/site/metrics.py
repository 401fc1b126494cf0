"""What `/metrics` says: the parts of health and how many matters are open, as Prometheus reads it. No person, no unit."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.exposition import generate_latest

from gongzhi.base import clock
from gongzhi.flow.models import Case, Task
from gongzhi.site import health

__all__ = ["CONTENT_TYPE", "text"]


class _Seen:
    """Asks the database each time it is read; nothing is kept in a process, of which there are several."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        parts = health.parts()
        ok = GaugeMetricFamily("gongzhi_ok", "1 where a part of health is well", labels=["part"])
        for name, part in parts.items():
            ok.add_metric([name], float(bool(part["ok"])))
        yield ok
        unread = GaugeMetricFamily("gongzhi_log_lines_unread", "Lines of the log a projection has not read", labels=["projection"])
        for name, lines in parts["projections"]["unread"].items():
            unread.add_metric([name], lines)
        yield unread
        yield _gauge("gongzhi_jobs_waiting", "Jobs that wait for the worker", parts["jobs"]["waiting"])
        yield _gauge("gongzhi_jobs_failed_day", "Jobs given up within a day", parts["jobs"]["failed"])
        yield _gauge("gongzhi_messages_waiting", "Messages not sent yet", parts["messages"]["waiting"])
        yield _gauge("gongzhi_messages_failed_day", "Messages of a day that could not be sent", parts["messages"]["failed"])
        yield _gauge("gongzhi_disk_free_bytes", "Room where the data lie", parts["disk"]["free"])
        yield _gauge("gongzhi_partitions_months_ahead", "Months of the log made ahead", parts["partitions"]["months_ahead"])
        yield _gauge("gongzhi_clock_seconds_apart", "This machine against the database", parts["clock"]["seconds_apart"])
        yield _gauge("gongzhi_backup_age_seconds", "Since the last backup; -1 where there is none", _age(parts["backup"]["at"]))
        yield _gauge("gongzhi_cases_open", "Matters not closed", Case.objects.filter(closed_at=None).count())
        late = Task.objects.filter(done_at=None, due_at__lt=clock.now(), case__closed_at=None, case__held_at=None)
        yield _gauge("gongzhi_tasks_late", "Open tasks past their deadline", late.count())


def _gauge(name: str, said: str, value: Any) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, said, value=float(value))


def _age(at: datetime | None) -> float:
    return (clock.now() - at).total_seconds() if at else -1.0


def text() -> bytes:
    """Measure and write down."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Seen())
    return generate_latest(registry)
