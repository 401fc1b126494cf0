"""Whose duty is this, for everybody at work; and what went past the lists, month by month."""

import tempfile
from datetime import date
from typing import Any

import xlsxwriter
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from gongzhi.base import clock, codes, html
from gongzhi.base.access import access
from gongzhi.duties import actions, queries, rules, search
from gongzhi.org.models import Unit
from gongzhi.org.rules import Standing
from gongzhi.requests import classify

PAGE = 30
EXPORTED = 5000  # cases in a month's file (default, no source)
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _standing(request: HttpRequest) -> Standing:
    return request.standing  # type: ignore[attr-defined,no-any-return]


def _words(request: HttpRequest, name: str, most: int = 60) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:most]


@access("staff")
@require_GET
def whose(request: HttpRequest) -> HttpResponse:
    """Find in plain words whose duty something is, in all four lists or in one."""
    q, chosen = _words(request, "q", search.LONGEST), _words(request, "list")
    chosen = chosen if chosen in rules.LISTS else ""
    versions = search.versions_for(_standing(request))
    hits = search.ask(q, versions)
    counts = {name: sum(hit.quoted.of_list == name for hit in hits) for name in rules.LISTS}
    shown = [hit for hit in hits if not chosen or hit.quoted.of_list == chosen]
    guesses = [g for g in classify.guess(q) if g.confidence >= 0.2]
    names = queries.categories_in({code for hit in shown for code in queries.codes_of(hit.quoted.of_list, hit.line)})
    rows = [(hit.quoted, [names[c] for c in queries.codes_of(hit.quoted.of_list, hit.line) if c in names]) for hit in shown]
    return render(request, "duties/whose.html", {
        "q": q, "chosen": chosen, "rows": rows, "counts": counts, "n": len(hits), "most": search.SHOWN,
        "versions": versions, "lists": rules.LISTS, "says": rules.SAYS, "guesses": guesses,
        "n_unversioned": queries.unversioned().count()})


@access("staff")
@require_GET
def line(request: HttpRequest, list_name: str, line_id: int) -> HttpResponse:
    """Show a line of a list as it stands, in force or not: what was dispatched by it goes on quoting it."""
    found = queries.line(list_name, line_id) if list_name in rules.LISTS else None
    if found is None or (found.version and found.version.valid_from is None):
        raise Http404
    (quoted,) = queries.quote(list_name, [found])
    names = queries.categories_in(queries.codes_of(list_name, found))
    return render(request, "duties/line.html", {
        "quoted": quoted, "version": found.version, "categories": list(names.values()), "lists": rules.LISTS,
        "name": list_name})


# What went past the lists ---------------------------------------------------------------------------------------------


def _month(request: HttpRequest) -> date:
    try:
        return date.fromisoformat(_words(request, "month") + "-01")
    except ValueError:
        return clock.today().replace(day=1)


@access("staff")
@never_cache
@require_GET
def report(request: HttpRequest) -> HttpResponse:
    """Count, month by month, what leaders sent past the lists and what units gave back, by sender and unit."""
    standing, month = _standing(request), _month(request)
    rows = queries.tally(standing, month)
    months = sorted({*queries.months(standing), month, clock.today().replace(day=1)}, reverse=True)
    tables = [(kind, title, [t for t in rows if t.kind == kind]) for kind, title in rules.DEPARTURES.items()]
    return render(request, "duties/report.html", {
        "tables": tables, "month": month, "months": months, "n": sum(t.n for t in rows)})


def _narrowed(request: HttpRequest) -> dict[str, Any]:
    found: dict[str, Any] = {"month": _month(request)}
    if (kind := _words(request, "kind")) in rules.DEPARTURES:
        found["kind"] = kind
    for name in ("unit", "sender"):
        given = _words(request, name)
        if given.isascii() and given.isdecimal() and len(given) < 19:
            found[f"{name}_id"] = int(given)
    return found


@access("staff")
@never_cache
@require_GET
def departed(request: HttpRequest) -> HttpResponse:
    """List the cases behind a number of the month's report."""
    narrowed, before = _narrowed(request), _words(request, "before")
    rows = queries.departures(_standing(request), **narrowed)
    total = rows.count()
    if before.isascii() and before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    page = list(rows.order_by("-pk")[: PAGE + 1])
    query = request.GET.copy()
    query["before"] = str(page[PAGE - 1].pk) if len(page) > PAGE else ""
    units = Unit.objects.in_bulk([narrowed[name] for name in ("unit_id", "sender_id") if name in narrowed])
    return render(request, "duties/departed.html", {
        "rows": page[:PAGE], "total": total, "onward": f"?{query.urlencode()}" if query["before"] else "",
        "month": narrowed["month"], "kind": rules.DEPARTURES.get(narrowed.get("kind", "")), "kinds": rules.DEPARTURES,
        "lists": rules.LISTS, "unit": units.get(narrowed.get("unit_id", 0)), "sender": units.get(narrowed.get("sender_id", 0))})


@access("staff")
@never_cache
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """Hand a month's report out as an Excel file, with a line that says who took it."""
    standing, month = _standing(request), _month(request)
    rows = queries.tally(standing, month)
    out = tempfile.TemporaryFile()  # noqa: SIM115 (the answer that streams it closes it)
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet, bold = book.add_worksheet(f"{month:%Y-%m}"), book.add_format({"bold": True, "bottom": 1})
    unit = standing.held[0].unit_name if standing.held else ""
    sheet.write_string(0, 0, _("{unit} {name} 于 {at} 导出，仅供工作使用，请勿外传。").format(
        unit=unit, name=standing.name, at=html.exact(clock.now())))
    for column, title in enumerate((_("月份"), _("情形"), _("派单单位"), _("承办单位"), _("件数"))):
        sheet.write_string(1, column, title, bold)
    for n, row in enumerate(rows, start=2):
        for column, value in enumerate((f"{month:%Y-%m}", str(rules.DEPARTURES[row.kind]), row.sender, row.unit)):
            sheet.write_string(n, column, value)
        sheet.write_number(n, 4, row.n)
    cases = book.add_worksheet(_("清单"))
    for column, title in enumerate((_("时间"), _("情形"), _("编号"), _("派单单位"), _("承办单位"), _("理由"))):
        cases.write_string(0, column, title, bold)
    for n, one in enumerate(queries.departures(standing, month=month)[:EXPORTED], start=1):
        why = "" if standing.is_outside else one.entry.values.get("reason") or one.entry.values.get("off_list") or ""
        values = (html.exact(one.at), str(rules.DEPARTURES[one.kind]), codes.show_code(one.case.code),
                  one.sender.short_name if one.sender else "", one.unit.short_name, str(why))
        for column, value in enumerate(values):
            cases.write_string(n, column, value)
    for each in (sheet, cases):
        each.set_column(0, 5, 18)
        each.freeze_panes(2 if each is sheet else 1, 0)
    book.close()
    out.seek(0)
    actions.note_export(month, len(rows), by=standing.person_id)
    return FileResponse(out, as_attachment=True, filename=f"{_('清单外派单和拒单')}-{month:%Y-%m}.xlsx", content_type=EXCEL)
