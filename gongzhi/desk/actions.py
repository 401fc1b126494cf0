"""What the desk itself writes: saved views, exported lists, and the lines of searches by a caller's number."""

import os
from pathlib import Path

from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from gongzhi.base import clock, codes, progress
from gongzhi.base.errors import Faults, Refused
from gongzhi.base.models import Progress
from gongzhi.desk import export as exporting
from gongzhi.desk import later, phrases, queries, rules, shift
from gongzhi.desk.models import Export, Handover, SavedView, Snippet, Snooze, exports_folder
from gongzhi.desk.rules import Filter
from gongzhi.flow import actors
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.log import actions as log
from gongzhi.notify import actions as notify
from gongzhi.org import queries as org
from gongzhi.org.models import Person
from gongzhi.requests.models import Category


@transaction.atomic
def save_view(title: str, query: str, *, by: Actor, shared: bool = False) -> SavedView:
    """Keep the filters of a list under a name, for oneself or for one's unit; the same name again replaces them."""
    title = title.replace("\x00", "").strip()
    if not 1 <= len(title) <= 20:
        raise Faults({"title": _("给视图起个名字，最多 20 个字。")})
    own = SavedView.objects.filter(person_id=by.person_id or 0)
    if own.exclude(title=title).count() >= rules.VIEWS_KEPT:
        raise Faults({"title": _("最多保存 {n} 个视图，请先删掉不用的。").format(n=rules.VIEWS_KEPT)})
    view, _new = SavedView.objects.update_or_create(
        person_id=by.person_id or 0, title=title, defaults={
            "query": Filter.read_query(query).query,
            "unit_id": by.standing.held[0].unit_id if shared and by.standing.held else None})
    return view


@transaction.atomic
def drop_view(view_id: int, *, by: Actor) -> None:
    """Forget a saved view of one's own, or one that is shared in a unit one leads."""
    led = [unit for unit, post in by.standing.seats if post == "leader"]
    SavedView.objects.filter(Q(person_id=by.person_id or 0) | Q(unit__in=led), pk=view_id).delete()


@transaction.atomic
def snooze(case: Case, when: str, until: str, awaits: str, *, by: Actor) -> Snooze:
    """Put a matter off: out of one's own lists until a time or an answer, and back before it is due soon."""
    tasks = list(case.tasks.filter(done_at=None).prefetch_related("expectations"))
    if not any(rules.seated(t, by.standing) for t in tasks):
        raise Refused(_("这件事现在不在您的待办里，不用推到稍后。"))
    now = clock.now()
    at = rules.put_off_until(when, until, now)
    if at is None and not awaits:
        raise Faults({"until": _("请选一个以后的时间，或选等谁回话。")})
    if at and (at <= now or at > now + rules.PUT_OFF_MOST):
        raise Faults({"until": _("时间要在现在以后、{n} 天以内。").format(n=rules.PUT_OFF_MOST.days)})
    soon = later.comes_back_by(case, tasks, by.standing)
    if soon and soon <= now + later.LAST_CALL:
        raise Refused(_("这件事快到期了，不能推到稍后。"))
    wakes_at = min(filter(None, [at, soon, now + rules.PUT_OFF_MOST]))
    row, _new = Snooze.objects.update_or_create(person_id=by.person_id or 0, case=case, defaults={
        "until": at, "wakes_at": wakes_at, "awaits": awaits if awaits in rules.AWAITS else "", "made_at": now})
    log.append("desk.snooze", actor=by.line, subject=("case", case.pk), places=case.path,
               data={"until": wakes_at.isoformat(), "awaits": row.awaits})
    return row


def wake(case: Case, *, by: Actor) -> None:
    """Have a matter back in one's lists."""
    Snooze.objects.filter(person_id=by.person_id or 0, case=case).delete()


@transaction.atomic
def hand_over(unit_id: int, taker_id: int, words: str, *, by: Actor) -> Handover:
    """Hand a shift to somebody of the unit: what lies there now is kept with the words of the giver."""
    faults = {}
    words = words.replace("\x00", "").strip()
    if len(words) > 2000:
        faults["words"] = _("最多写 {n} 个字，现在是 {m} 个字。").format(n=2000, m=len(words))
    taker = next((p for p in shift.takers(by.standing, unit_id) if p.pk == taker_id), None)
    if taker is None:
        faults["taker"] = _("请选接班的人；只能交给本单位在岗的人。")
    if faults or taker is None or unit_id not in by.standing.units:
        raise Faults(faults)
    made = Handover.objects.create(unit_id=unit_id, giver_id=by.person_id or 0, taker=taker, words=words,
                                   held=shift.held(by.standing, unit_id))
    log.append("desk.hand_over", actor=by.line, subject=("handover", made.pk), data={"unit": unit_id, "taker": taker.pk})
    notify.tell_people([taker.pk], template="desk.handover", values={"name": by.standing.name, "unit": made.unit.short_name},
                       about=("handover", made.pk), key=f"handover:{made.pk}")
    return made


@transaction.atomic
def take_over(made: Handover, *, by: Actor) -> None:
    """Sign for a shift that was handed to one."""
    row = Handover.objects.select_for_update().get(pk=made.pk)
    if row.taker_id != by.person_id:
        raise Refused(_("这一班不是交给您的，只有接班的人能签字。"))
    if row.taken_at:
        raise Refused(_("已经签过字了。"))
    row.taken_at = clock.now()
    row.save(update_fields=["taken_at"])
    log.append("desk.take_over", actor=by.line, subject=("handover", row.pk))


@transaction.atomic
def write_snippet(snippet: Snippet | None, *, title: str, words: str, category: str, shared: bool, by: Actor) -> Snippet:
    """Keep a phrase, new or changed, for oneself or for all of the unit."""
    title, words = (text.replace("\x00", "").strip() for text in (title, words))
    faults = phrases.wrong(title, words)
    own = Snippet.objects.filter(person_id=by.person_id or 0)
    if snippet is None and own.count() >= rules.SNIPPETS_KEPT:
        faults["title"] = _("最多存 {n} 条常用语，请先删掉不用的。").format(n=rules.SNIPPETS_KEPT)
    if faults:
        raise Faults(faults)
    row = snippet or Snippet(person_id=by.person_id or 0)
    unit = row.unit_id or (by.standing.held[0].unit_id if by.standing.held else None)
    row.title, row.words, row.unit_id, row.changed_at = title, words, unit if shared else None, clock.now()
    row.category = Category.objects.filter(code=category, active=True).first() if category else None
    row.save()
    log.append("desk.snippet", actor=by.line, subject=("snippet", row.pk), data={"shared": shared, "new": snippet is None})
    return row


@transaction.atomic
def drop_snippet(snippet: Snippet, *, by: Actor) -> None:
    """Forget a phrase."""
    log.append("desk.drop_snippet", actor=by.line, subject=("snippet", snippet.pk), data={"unit": snippet.unit_id})
    snippet.delete()


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
