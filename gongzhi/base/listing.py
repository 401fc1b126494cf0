"""A list as an Excel file, row by row: a line that says who took it and when, and the same as a watermark on every page."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import xlsxwriter

STEP = 500  # lines between two looks whether to go on
MARKED = 200  # characters of a watermark; a header takes 255 with its formatting


class Stopped(Exception):
    """Somebody stopped it."""


@dataclass(frozen=True)
class Listing:
    """What stands above the lines: the name of the sheet, who took it and why, the titles with their widths."""

    sheet: str
    mark: str
    stamp: str
    titles: Sequence[str]
    widths: Sequence[int]


def write(out: IO[bytes], of: Listing, rows: Iterable[Sequence[Any]], go_on: Callable[[int], bool] = lambda n: True) -> int:
    """Write a list to a file; return how many lines it has. `go_on`: told how many there are so far."""
    with tempfile.TemporaryDirectory() as folder:
        book = xlsxwriter.Workbook(out, {
            "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "tmpdir": folder,
            "default_date_format": "yyyy-mm-dd hh:mm", "remove_timezone": True})
        sheet = book.add_worksheet(of.sheet)
        bold, grey = book.add_format({"bold": True, "bottom": 1}), book.add_format({"font_color": "#5E6B7C"})
        for column, width in enumerate(of.widths):
            sheet.set_column(column, column, width)
        stamp = of.stamp.replace("&", "&&")[:MARKED]
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_header(f"&C&18&KBFC7D1{stamp}")
        sheet.set_footer(f"&L&9&K5E6B7C{stamp}&R&9&P / &N")
        sheet.write_string(0, 0, of.mark, grey)
        for column, title in enumerate(of.titles):
            sheet.write_string(1, column, title, bold)
        sheet.freeze_panes(2, 0)
        sheet.repeat_rows(0, 1)
        n = 0
        for n, values in enumerate(rows, start=1):
            for column, value in enumerate(values):
                sheet.write(n + 1, column, value)
            if n % STEP == 0 and not go_on(n):
                raise Stopped
        book.close()
    return n
