"""导入: choose what, upload a sheet, say which column is which, see what is wrong by line, take the good lines."""

from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gongzhi.base import sheets
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Refused
from gongzhi.base.imports import Importer
from gongzhi.imports import actions, queries
from gongzhi.imports.models import Import
from gongzhi.org.rules import Standing

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _standing(request: HttpRequest) -> Standing:
    return request.standing  # type: ignore[attr-defined,no-any-return]


def _importer(request: HttpRequest, key: str) -> Importer:
    found = queries.one(_standing(request), key)
    if found is None:
        raise Http404
    return found


def _mine(request: HttpRequest, import_id: int) -> Import:
    found = queries.mine(_standing(request), import_id)
    if found is None:
        raise Http404
    return found


@access("staff")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """List what may be brought in, and what was."""
    standing = _standing(request)
    return render(request, "imports/home.html", {
        "importers": queries.offered(standing), "rows": list(queries.history(standing)[: queries.SHOWN])})


@access("staff")
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, key: str) -> HttpResponse:
    """Take a sheet and go to its page; a file that cannot be read is refused here."""
    importer, fault = _importer(request, key), None
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            if file is None:
                raise Refused(_("请选一个文件。"), "file")
            if (file.size or 0) > sheets.FILE_LIMIT:
                raise Refused(_("文件超过 50 MB，请分成几份。"), "file")
            row = actions.receive(importer, file.read(), file.name or "", by=_standing(request).person_id or 0)
            return redirect("imports:sheet", row.pk)
        except Refused as refused:
            fault = refused
    rows = list(queries.history(_standing(request), key)[: queries.SHOWN])
    return render(request, "imports/start.html", {"importer": importer, "rows": rows, "fault": fault},
                  status=422 if fault else 200)


@access("staff")
@require_GET
def template(request: HttpRequest, key: str) -> HttpResponse:
    """Give out an empty sheet to fill in."""
    importer = _importer(request, key)
    return _book(sheets.template(importer.columns, str(importer.title)), _("{title}导入模板").format(title=importer.title))


@access("staff")
@never_cache
@require_GET
def sheet(request: HttpRequest, import_id: int) -> HttpResponse:
    """Show how a sheet stands; asked by its own page while a job works, only what changes."""
    row = _mine(request, import_id)
    part = bool(request.headers.get("HX-Request")) and row.is_running
    if request.headers.get("HX-Request") and not part:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return _sheet(request, row, part=part)


def _sheet(request: HttpRequest, row: Import, *, chosen: dict[str, int] | None = None,
           faults: dict[str, str] | None = None, fault: Refused | None = None, part: bool = False) -> HttpResponse:
    table = None if row.is_running else queries.table(row)
    wrong = queries.said(row, "fault")
    return render(request, f"imports/{'_running' if part else 'sheet'}.html", {
        "row": row, "importer": row.importer, "table": table, "headers": queries.headers(table) if table else [],
        "first": table.rows[: queries.LOOK] if table else [],
        "matches": queries.matches(row, row.mapping if chosen is None else chosen, faults or {}),
        "unmatched": actions.unmatched(row.importer, row.mapping), "open": bool(faults), "fault": fault,
        "wrong": wrong[: queries.FAULTS_SHOWN], "n_said": len(wrong), "warned": queries.said(row, "warn")[: queries.FAULTS_SHOWN],
        "n_warned": len(queries.said(row, "warn")), "said": [str(m) for m in messages.get_messages(request)],
    }, status=422 if faults or fault else 200)


@access("staff")
@require_POST
def remap(request: HttpRequest, import_id: int) -> HttpResponse:
    """Say which column is which, and look at the sheet again."""
    row = _mine(request, import_id)
    given = {column.key: request.POST.get(f"c-{column.key}", "") for column in row.importer.columns}
    chosen = {key: int(text) for key, text in given.items() if text.isascii() and text.isdecimal() and len(text) < 4}
    try:
        actions.remap(row, chosen, by=row.by_id)
    except Faults as found:
        return _sheet(request, row, chosen=chosen, faults=found.faults)
    except Refused as refused:
        return _sheet(request, row, fault=refused)
    return redirect("imports:sheet", row.pk)


@access("staff")
@require_POST
def begin(request: HttpRequest, import_id: int) -> HttpResponse:
    """Write the good lines."""
    row = _mine(request, import_id)
    try:
        actions.begin(row, by=row.by_id)
    except Refused as refused:
        return _sheet(request, row, fault=refused)
    return redirect("imports:sheet", row.pk)


@access("staff")
@require_POST
def drop(request: HttpRequest, import_id: int) -> HttpResponse:
    """Forget a sheet, or stop writing it."""
    row = _mine(request, import_id)
    try:
        actions.drop(row, by=row.by_id)
    except Refused as refused:
        return _sheet(request, row, fault=refused)
    messages.success(request, _("已停止，写好的行保留。") if row.state == Import.TAKING else _("已作废，什么也没有导入。"))
    return redirect("imports:start", row.key) if row.state != Import.TAKING else redirect("imports:sheet", row.pk)


@access("staff")
@require_GET
def faults(request: HttpRequest, import_id: int) -> HttpResponse:
    """Give back the lines that were not taken, each with what is wrong with it."""
    row = _mine(request, import_id)
    book = queries.faults_book(row)
    if book is None:
        raise Http404
    return _book(book, _("{title}要改的行").format(title=row.importer.title))


def _book(data: bytes, name: str) -> HttpResponse:
    return HttpResponse(data, content_type=EXCEL, headers={
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}.xlsx"})
