"""The sheet of replies: answers in the columns of a hotline, as an Excel file."""

import tempfile
from collections.abc import Iterable
from typing import IO

import xlsxwriter
from django.utils.translation import gettext as _

from gongzhi.base import html
from gongzhi.hotline import forms, rules, sending
from gongzhi.hotline.models import Outgoing, Source
from gongzhi.requests.rules import SATISFACTION, SOLVED

WIDTHS = {"words": 60, "number": 22, "unit": 24, "at": 18, "due_at": 18}


def columns(source: Source) -> list[tuple[str, str]]:
    """Give the columns of a source's sheet: its own, else ours."""
    return [(field, title) for field, title in source.columns] or [(field, str(title)) for field, title in rules.COLUMNS]


def write(out: IO[bytes], source: Source, rows: Iterable[Outgoing]) -> int:
    """Write answers to a file, a line each; return how many."""
    wanted, n = columns(source), 0
    with tempfile.TemporaryDirectory() as folder:
        book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                                         "tmpdir": folder})
        sheet = book.add_worksheet(_("答复"))
        bold = book.add_format({"bold": True, "bottom": 1})
        for at, (field, title) in enumerate(wanted):
            sheet.set_column(at, at, WIDTHS.get(field, 16))
            sheet.write_string(0, at, title, bold)
        sheet.freeze_panes(1, 0)
        for n, message in enumerate(rows, start=1):
            facts = sending.facts(message)
            for at, (field, _title) in enumerate(wanted):
                sheet.write_string(n, at, _cell(source, field, facts.get(field)))
        book.close()
    return n


def _cell(source: Source, field: str, value: object) -> str:
    """Say a value as a person reads it, events in the hotline's own words."""
    if value in (None, ""):
        return ""
    if field == "event":
        return str(source.words_out.get(str(value)) or rules.EVENTS.get(str(value), value))
    if field in ("at", "due_at"):
        return html.exact(forms.moment(str(value)))
    if field == "solved":
        return str(SOLVED.get(str(value), value))
    if field == "satisfied":
        return str(SATISFACTION.get(int(str(value)), value))
    return str(value)
