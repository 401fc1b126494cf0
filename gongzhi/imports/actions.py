"""Bringing a sheet in: keep it, look at every line, write the good ones batch by batch, forget it after its days."""

import hashlib
from collections.abc import Iterator, Sequence

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from gongzhi.base import clock, codes, crypto, progress, sheets
from gongzhi.base.errors import Faults, Refused
from gongzhi.base.imports import BATCH, Importer
from gongzhi.base.sheets import Fault, Row, Table
from gongzhi.imports.models import KEPT, Import, Mapping
from gongzhi.log import actions as log

SHORT = 1_000  # lines somebody waits for; longer sheets a job looks at and writes (default, no source)


@transaction.atomic
def receive(importer: Importer, data: bytes, name: str, *, by: int) -> Import:
    """Keep a sheet and match its columns, as somebody did for the same headers before, else by their titles."""
    table = sheets.read(data, importer.columns)
    known = Mapping.objects.filter(key=importer.key, headers=_headers(table)).first()
    mapping = known.mapping if known else sheets.match(table.headers, importer.columns)
    row = Import.objects.create(key=importer.key, name=name[-160:], data=crypto.seal_bytes(data), by_id=by,
                                mapping=mapping, n_rows=len(table.rows))
    log.append("import.receive", actor=log.actor(by), subject=("import", row.pk), data={"key": row.key, "n": row.n_rows})
    if not unmatched(importer, mapping):
        _look(row, table)
    return row


def unmatched(importer: Importer, mapping: dict[str, int]) -> list[str]:
    """List the needed columns that a sheet is not known to have."""
    return [column.key for column in importer.columns if column.needed and column.key not in mapping]


@transaction.atomic
def remap(row: Import, mapping: dict[str, int], *, by: int) -> None:
    """Say which column is which, for this sheet and the next with the same headers, and look at it again."""
    row = Import.objects.select_for_update().get(pk=row.pk)
    if row.state not in (Import.LOOKING, Import.LOOKED) or not row.data:
        raise Refused(_("这份表已经导入，不能再改列。"))
    if missing := unmatched(row.importer, mapping):
        raise Faults({key: _("必须选一列。") for key in missing})
    if len(set(mapping.values())) < len(mapping):
        twice = [key for key, index in mapping.items() if list(mapping.values()).count(index) > 1]
        raise Faults({key: _("这一列选了两次。") for key in twice})
    table = read(row)
    Mapping.objects.update_or_create(key=row.key, headers=_headers(table), defaults={"mapping": mapping, "at": clock.now()})
    row.mapping = mapping
    _look(row, table)
    log.append("import.map", actor=log.actor(by), subject=("import", row.pk), data={"key": row.key})


def read(row: Import) -> Table:
    """Read a sheet that is kept."""
    if not row.data:
        raise Refused(_("原表已按期删除，请重新上传。"))
    return sheets.read(crypto.open_bytes(row.data), row.importer.columns)


def _headers(table: Table) -> str:
    return hashlib.sha256("\n".join(map(sheets.plain, table.headers)).encode()).hexdigest()


def _look(row: Import, table: Table) -> None:
    """Look at every line now where there are few, else leave it to a job."""
    row.state, row.good, row.faults = Import.LOOKING, [], []
    row.save()
    if row.n_rows <= SHORT:
        look(row, table)
    else:
        _leave(row, gettext_noop("检查表格"), row.n_rows)


def look(row: Import, table: Table | None = None) -> None:
    """Say of every line whether it is good, and why not."""
    importer, table = row.importer, table or read(row)
    rows, faults = sheets.check(table, importer.columns, row.mapping)
    faults += importer.check(rows, row.by_id)
    bad = {fault.n for fault in faults if fault.kind != "warn"}
    row.good = [line.n for line in importer.order([line for line in rows if line.n not in bad])]
    row.faults, row.state = [], Import.LOOKED
    row.say(faults)
    row.save()


def begin(row: Import, *, by: int) -> None:
    """Write the good lines: now where there are few, else by a job."""
    row = _begin(row.pk, by)
    if row.progress is None:
        take(row.pk)


@transaction.atomic
def _begin(import_id: int, by: int) -> Import:
    row = Import.objects.select_for_update(of=("self",)).get(pk=import_id)
    if row.state != Import.LOOKED:
        raise Refused(_("这份表还没有检查完，或已经导入。"))
    if not row.good:
        raise Refused(_("没有可以导入的行：请改好再上传。"))
    row.state, row.progress = Import.TAKING, None
    row.save(update_fields=["state", "progress"])
    log.append("import.begin", actor=log.actor(by), subject=("import", row.pk),
               data={"key": row.key, "n": len(row.good), "faults": row.n_wrong})
    if len(row.good) > SHORT:
        _leave(row, gettext_noop("导入表格"), len(row.good))
    return row


def _leave(row: Import, title: str, total: int) -> None:
    """Show the work that a job does, and give it to one. `title`: a msgid."""
    row.progress = progress.begin(f"import-{codes.new_secret()}", title, total=total, note=str(row.importer.title))
    row.save(update_fields=["progress"])
    app.configure_task("gongzhi.imports.jobs.go_on", allow_unknown=False).defer(
        import_id=row.pk, language=translation.get_language() or "zh-hans")


def go_on(import_id: int) -> None:
    """Do what a sheet waits for, from where whoever did it before was stopped."""
    row = Import.objects.select_related("progress").get(pk=import_id)
    if row.state == Import.LOOKING:
        look(row)
        if row.progress:
            progress.step(row.progress, row.n_rows)
            progress.end(row.progress)
    elif row.state == Import.TAKING:
        take(row.pk)


def take(import_id: int) -> None:
    """Write the good lines that are not written yet, a batch in a transaction, until all are or somebody stops it."""
    row = Import.objects.get(pk=import_id)
    rows = {line.n: line for line in sheets.check(read(row), row.importer.columns, row.mapping)[0]}
    while _take_some(import_id, rows):
        pass


@transaction.atomic
def _take_some(import_id: int, rows: dict[int, Row]) -> bool:
    """Write the next batch and note how far it came; say whether there is more. Who comes second waits, and goes on."""
    row = Import.objects.select_for_update(of=("self",)).select_related("progress").get(pk=import_id)
    if row.state != Import.TAKING:
        return False
    batch = [rows[n] for n in row.good[row.at : row.at + BATCH] if n in rows]
    faults = _write(row.importer, batch, row.by_id)
    row.at += BATCH
    row.n_taken += len(batch) - len({fault.n for fault in faults})
    row.say(faults)
    over = row.at >= len(row.good)
    stopped = row.progress is not None and not progress.step(row.progress, min(row.at, len(row.good)), len(row.good))
    if over or stopped:
        row.state, row.ended_at = (Import.DONE if over else Import.STOPPED), clock.now()
        log.append("import.end", actor=log.actor(row.by_id), subject=("import", row.pk),
                   data={"key": row.key, "n": row.n_taken, "whole": over})
        if row.progress:
            progress.end(row.progress)
    row.save()
    return not (over or stopped)


def _write(importer: Importer, batch: Sequence[Row], by: int) -> list[Fault]:
    """Write a batch; where it is refused, its lines one by one, and say which were."""
    now = {fault.n: fault for fault in importer.check(batch, by) if fault.kind != "warn"}  # since it was looked at
    good = [row for row in batch if row.n not in now]
    if not good or _written(importer, good, by) is None:
        return list(now.values())
    return [*now.values(), *_one_by_one(importer, good, by)]


def _one_by_one(importer: Importer, rows: Sequence[Row], by: int) -> Iterator[Fault]:
    for row in rows:
        if (refused := _written(importer, [row], by)) is not None:
            yield Fault(row.n, refused.field, refused.sentence)


def _written(importer: Importer, rows: Sequence[Row], by: int) -> Refused | None:
    try:
        with transaction.atomic():
            importer.take(rows, by)
    except Refused as fault:
        return fault
    return None


@transaction.atomic
def drop(row: Import, *, by: int) -> None:
    """Forget a sheet that is not to be brought in; one that is being written stops after its batch."""
    row = Import.objects.select_for_update(of=("self",)).select_related("progress").get(pk=row.pk)
    if row.state == Import.TAKING:
        if row.progress is None or not progress.stop(row.progress_id or 0):
            raise Refused(_("已经结束了。"))
        verb = "import.stop"
    elif row.state in (Import.LOOKING, Import.LOOKED):
        row.state, row.data, row.good, row.ended_at, verb = Import.STOPPED, b"", [], clock.now(), "import.drop"
        if row.progress:
            progress.stop(row.progress.pk)
        row.save()
    else:
        raise Refused(_("已经结束了。"))
    log.append(verb, actor=log.actor(by), subject=("import", row.pk), data={"key": row.key})


def pick_up() -> int:
    """Go on with what was being written without a job when its process died; return how many."""
    left = Import.objects.filter(state=Import.TAKING, progress=None, made_at__gte=clock.now() - KEPT)
    ids = list(left.values_list("pk", flat=True))
    for import_id in ids:
        take(import_id)
    return len(ids)


def forget() -> int:
    """Delete the sheets after their days, and what their faults quote; the counts stay. Return how many."""
    old = Import.objects.filter(made_at__lt=clock.now() - KEPT).exclude(data=b"").exclude(state=Import.TAKING)
    n = 0
    for row in old.iterator(chunk_size=20):
        if row.state in (Import.LOOKING, Import.LOOKED):
            row.state, row.ended_at = Import.STOPPED, clock.now()
        row.data, row.good, row.faults = b"", [], []
        row.save(update_fields=["data", "good", "faults", "state", "ended_at"])
        n += 1
    return n
