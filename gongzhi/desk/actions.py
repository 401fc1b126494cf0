"""What the desk itself writes: saved views, exported lists, and the lines of searches by a caller's number."""

import os
from pathlib import Path

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from gongzhi.base import clock, codes, progress
from gongzhi.base.errors import Faults, Refused
from gongzhi.base.models import Progress
from gongzhi.desk import export as exporting
from gongzhi.desk import queries, rules
from gongzhi.desk.models import Export, SavedView, exports_folder
from gongzhi.desk.rules import Filter
from gongzhi.flow import actors
from gongzhi.flow.actors import Actor
from gongzhi.log import actions as log
from gongzhi.notify import actions as notify
from gongzhi.org import queries as org
from gongzhi.org.models import Person


@transaction.atomic
def save_view(title: str, query: str, *, by: Actor) -> SavedView:
    """Keep the filters of a list under a name; the same name again replaces them."""
    title = title.replace("\x00", "").strip()
    if not 1 <= len(title) <= 20:
        raise Faults({"title": _("给视图起个名字，最多 20 个字。")})
    own = SavedView.objects.filter(person_id=by.person_id or 0)
    if own.exclude(title=title).count() >= rules.VIEWS_KEPT:
        raise Faults({"title": _("最多保存 {n} 个视图，请先删掉不用的。").format(n=rules.VIEWS_KEPT)})
    view, _new = SavedView.objects.update_or_create(
        person_id=by.person_id or 0, title=title, defaults={"query": Filter.read_query(query).query})
    return view


@transaction.atomic
def drop_view(view_id: int, *, by: Actor) -> None:
    """Forget a saved view of one's own."""
    SavedView.objects.filter(pk=view_id, person_id=by.person_id or 0).delete()


@transaction.atomic
def hand_over_views(person: Person, to: Person | None, *, by: Actor) -> int:
    """Give the saved views of somebody who leaves to another, as far as there is room, and forget the rest."""
    rows = SavedView.objects.filter(person=person).order_by("made_at")
    given = 0
    if to is not None:
        taken = set(SavedView.objects.filter(person=to).values_list("title", flat=True))
        for row in [r for r in rows if r.title not in taken][: max(rules.VIEWS_KEPT - len(taken), 0)]:
            row.person, given = to, given + 1
            row.save(update_fields=["person"])
    n, _each = SavedView.objects.filter(person=person).delete()
    if n or given:
        log.append("views.hand_over", actor=by.line, subject=("person", person.pk),
                   data={"to": to.pk if to else None, "given": given, "dropped": n})
    return given


def note_export(rows: int, view: str, narrowed: list[str], *, by: Actor) -> None:
    """Write down that a list left the house: how many lines, and which filters were set."""
    log.append("list.export", actor=by.line, subject=("list", None), data={"n": rows, "view": view, "by": narrowed})


@transaction.atomic
def ask_export(chosen: Filter, n: int, *, by: Actor) -> Export:
    """Leave a long list to the worker; whoever has one on its way is given that one, it is one at a time."""
    person = Person.objects.select_for_update(no_key=True).get(pk=by.person_id or 0)  # the same button pressed twice
    running = queries.exports(by.standing).filter(progress__ended_at=None).first()
    if running:
        return running
    row = progress.begin(f"export-{codes.new_secret()}", gettext_noop("导出清单"), total=min(n, rules.EXPORT_LIMIT),
                         note=str(chosen.of.title))
    export = Export.objects.create(person=person, progress=row, view=chosen.view, query=chosen.query,
                                   language=translation.get_language() or "zh-hans")
    log.append("list.ask", actor=by.line, subject=("export", export.pk),
               data={"n": n, "view": chosen.view, "by": sorted(chosen.narrowed)})
    app.configure_task("gongzhi.desk.jobs.write_export", allow_unknown=False).defer(export_id=export.pk)
    return export


@transaction.atomic
def stop_export(export: Export, *, by: Actor) -> None:
    """Stop writing a list; its job deletes what it has."""
    if not progress.stop(export.progress_id):
        raise Refused(_("已经结束了。"))
    log.append("list.stop", actor=by.line, subject=("export", export.pk))


def write_export(export_id: int) -> None:
    """Write a list that was asked for, with what its person may see now; what is stopped or fails leaves no file."""
    waiting = Export.objects.select_related("person", "progress").filter(progress__ended_at=None)
    export = waiting.filter(pk=export_id).first()
    if export is None:
        return
    standing, chosen, row = org.standing(export.person), Filter.read_query(export.query), export.progress
    export.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = export.path.with_suffix(f".{os.getpid()}.part")
    try:
        with translation.override(export.language), part.open("w+b") as out:
            n = exporting.write(out, standing, chosen, lambda n: progress.step(row, n))
        _hand_over(export, part, n, chosen, by=actors.person(standing))
    except exporting.Stopped:
        pass
    except Exception:
        progress.end(row)
        raise
    finally:
        part.unlink(missing_ok=True)


@transaction.atomic
def _hand_over(export: Export, part: Path, n: int, chosen: Filter, *, by: Actor) -> None:
    """Put the finished file where its person finds it, tell the person, and write down that it was made."""
    if not (progress.step(export.progress, n, n) and progress.end(export.progress)):
        raise exporting.Stopped
    Export.objects.filter(pk=export.pk).update(rows=n, ready_at=clock.now())
    note_export(n, chosen.view, sorted(chosen.narrowed), by=by)
    notify.tell_people([export.person_id], template="list.ready", values={"list": str(chosen.of.title), "n": f"{n:,}"},
                       about=("export", export.pk), key=f"export:{export.pk}")
    part.replace(export.path)


def forget_exports() -> int:
    """Delete exported lists after their day, each with its file; return how many."""
    old = Export.objects.filter(asked_at__lt=clock.now() - rules.EXPORT_KEPT).exclude(
        ready_at__gte=clock.now() - rules.EXPORT_KEPT)
    n = 0
    for export in old:
        export.path.unlink(missing_ok=True)
        Progress.objects.filter(pk=export.progress_id).delete()
        n += 1
    for path in exports_folder().glob("*"):  # what a worker that was killed left behind, or a person who was deleted
        if path.stat().st_mtime < (clock.now() - rules.EXPORT_KEPT).timestamp():
            path.unlink(missing_ok=True)
    return n


def note_tail_search(found: int, *, by: Actor) -> None:
    """Write down that somebody searched by the end of a caller's number; never the digits."""
    log.append("person.search", actor=by.line, subject=("list", None), data={"n": found})
