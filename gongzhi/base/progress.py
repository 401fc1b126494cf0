"""Long work that people can watch: its job writes how far it has come, and ends when it learns that it was stopped."""

from typing import Any

from django.db.models import F

from gongzhi.base import clock
from gongzhi.base.models import Progress


def begin(name: str, title: str, *, done: int = 0, total: int = 0, note: str = "",
          data: dict[str, Any] | None = None) -> Progress:
    """Show work as running from now on, whatever ran under its name before. `title`: a msgid, of no person."""
    row, _new = Progress.objects.update_or_create(name=name, defaults={
        "title": title, "done": done, "done_before": done, "total": total, "note": note, "data": data or {},
        "started_at": clock.now(), "ended_at": None, "cancelled": False})
    return row


def step(row: Progress, done: int, total: int | None = None) -> bool:
    """Write how far it has come; say whether to go on, False once somebody stopped it."""
    values = {"done": done} if total is None else {"done": done, "total": total}
    return bool(Progress.objects.filter(pk=row.pk, ended_at=None).update(**values))


def end(row: Progress, *, note: str | None = None) -> bool:
    """Write that it is over; False where somebody stopped it before. Short of its total it counts as failed."""
    values: dict[str, Any] = {"ended_at": clock.now()} | ({} if note is None else {"note": note[:200]})
    return bool(Progress.objects.filter(pk=row.pk, ended_at=None).update(**values))


def stop(row_id: int) -> bool:
    """Tell running work to stop; False where it is over already."""
    return bool(Progress.objects.filter(pk=row_id, ended_at=None).update(cancelled=True, ended_at=clock.now()))


def resume(row_id: int) -> bool:
    """Show stopped work as running again; its job is the caller's matter. False where nobody had stopped it."""
    return bool(Progress.objects.filter(pk=row_id, cancelled=True).update(
        cancelled=False, ended_at=None, started_at=clock.now(), done_before=F("done")))


def running(name: str) -> Progress | None:
    """Find work that is going on now."""
    return Progress.objects.filter(name=name, ended_at=None).first()
