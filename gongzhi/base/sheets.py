"""Reading a sheet somebody made in Excel: its header row found, its columns matched, every cell a value or a sentence."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import xlsxwriter
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from python_calamine import CalamineWorkbook

from gongzhi.base import clock
from gongzhi.base.errors import Refused

FILE_LIMIT = 50 * 1024 * 1024
UNPACKED_LIMIT = 600 * 1024 * 1024  # of what a workbook unpacks to: a real one of the size above has less
ROWS_LIMIT = 200_000
COLUMNS_LIMIT = 200
HEAD_ROWS = 12  # among which the header row is looked for: titles and notes stand above it
NOISE = re.compile(r"[\s*＊:：（(].*$|[\s*＊]")
MOMENTS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y年%m月%d日 %H:%M")
DAYS = ("%Y-%m-%d", "%Y年%m月%d日", "%Y%m%d")
Parse = Callable[[str], Any]


@dataclass(frozen=True)
class Column:
    """One thing a row may say. `title`, `aliases`: what stands above it; `parse`: its words made a value, or Refused."""

    key: str
    title: str | Promise
    needed: bool = False
    parse: Parse | None = None
    aliases: tuple[str, ...] = ()
    example: str = ""
    hint: str | Promise = ""

    @property
    def choices(self) -> tuple[str, ...]:
        """The words the column takes, where they are few."""
        return getattr(self.parse, "choices", ())


@dataclass(frozen=True)
class Table:
    """A sheet as it came. `rows`: (line as Excel counts it, cells); `name`: of the sheet, "" of a text file."""

    headers: list[str]
    rows: list[tuple[int, list[str]]]
    name: str = ""


@dataclass(frozen=True)
class Row:
    """A line whose cells were read. `n`: the line as Excel counts it."""

    n: int
    values: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.values.get(key)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line. `kind`: fault (not taken), warn (taken all the same), same (nothing new in it)."""

    n: int
    column: str
    sentence: str
    kind: str = "fault"


# Reading --------------------------------------------------------------------------------------------------------------


def read(data: bytes, columns: Sequence[Column]) -> Table:
    """Read an Excel file, of its sheets the one that names most of the columns, or a text file with commas.

    Refuse in plain words what is neither.
    """
    if len(data) > FILE_LIMIT:
        raise Refused(_("文件超过 50 MB，请分成几份。"), "file")
    name, lines = _workbook(data, columns) if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) else ("", _text(data))
    if len(lines) > ROWS_LIMIT:
        raise Refused(_("超过 {n} 行，请分成几份。").format(n=f"{ROWS_LIMIT:,}"), "file")
    at = _header(lines, columns)
    headers = [_under(lines, at, i) for i in range(max(map(len, lines[: at + 1]), default=0))][:COLUMNS_LIMIT]
    rows = [(n, cells) for n, cells in enumerate(lines[at + 1 :], start=at + 2) if any(cells)]
    if not rows:
        raise Refused(_("表里没有数据：表头下面要有内容。"), "file")
    return Table(headers, rows, name)


def _workbook(data: bytes, columns: Sequence[Column]) -> tuple[str, list[list[str]]]:
    try:
        if data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if sum(part.file_size for part in archive.infolist()) > UNPACKED_LIMIT:
                    raise Refused(_("文件解开后太大，请分成几份。"), "file")
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [book.get_sheet_by_name(name) for name in book.sheet_names]
        if not sheets:
            raise Refused(_("文件里没有工作表。"), "file")
        heads = [[[_cell(c) for c in line] for line in s.to_python(skip_empty_area=False, nrows=HEAD_ROWS)] for s in sheets]
        scores = [(max(_scores(head, columns), default=0), s.height * s.width) for head, s in zip(heads, sheets, strict=True)]
        chosen = sheets[scores.index(max(scores))]
        cells = chosen.to_python(skip_empty_area=False)
    except Refused:
        raise
    except Exception as fault:  # a password, a broken file, a Word document: the reader raises whatever it stumbles over
        raise Refused(_("这个文件打不开：请存成没有密码的 Excel 工作簿（.xlsx）或 CSV。"), "file") from fault
    return chosen.name, [[_cell(cell) for cell in line] for line in cells]


def _text(data: bytes) -> list[list[str]]:
    """Read a text file with commas, semicolons or tabs; Excel in China writes GB 18030, others UTF-8."""
    for code in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else code)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Refused(_("这个文件打不开：请存成没有密码的 Excel 工作簿（.xlsx）或 CSV。"), "file")
    if "\x00" in text:
        raise Refused(_("这个文件打不开：请存成没有密码的 Excel 工作簿（.xlsx）或 CSV。"), "file")
    first = text.split("\n", 1)[0]
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count)))
    except csv.Error as fault:
        raise Refused(_("这个文件打不开：请存成没有密码的 Excel 工作簿（.xlsx）或 CSV。"), "file") from fault
    return [[_cell(cell) for cell in line] for line in lines]


def _cell(value: Any) -> str:
    """Give a cell as a person reads it: whole numbers without a point, dates as 2026-03-02."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if value.time() == time.min else "%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, timedelta):
        return str(value)
    text = str(value).replace("\x00", "").replace("\u00a0", " ").replace("\u3000", " ")
    return "\n".join(" ".join(line.split()) for line in text.splitlines()).strip()


def _header(lines: Sequence[Sequence[str]], columns: Sequence[Column]) -> int:
    """Find the header row: the one of the first that names most of the columns; the first with words where none does."""
    scores = _scores(lines[:HEAD_ROWS], columns)
    if any(scores):
        return scores.index(max(scores))
    return next((i for i, line in enumerate(lines) if any(line)), 0)


def _scores(lines: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[int]:
    """Say of each line how many of the columns it names."""
    wanted = {name for column in columns for name in _names(column)}
    return [len({plain(cell) for cell in line} & wanted) for line in lines]


def _under(lines: Sequence[Sequence[str]], at: int, column: int) -> str:
    """Give what stands above a column; of cells joined over two rows the words are in the upper one."""
    found = (line[column] for line in (*lines[at : at + 1], *lines[at - 1 : at]) if column < len(line))
    return next(filter(None, found), "")


def plain(header: str) -> str:
    """Give a header without stars, blanks and what follows in brackets: “姓名 *（必填）” and “姓 名” are the same."""
    return NOISE.sub("", re.sub(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])", "", header.strip())).casefold()


def _names(column: Column) -> list[str]:
    return [plain(str(name)) for name in (column.title, *column.aliases)]


# Matching and checking ------------------------------------------------------------------------------------------------


def match(headers: Sequence[str], columns: Sequence[Column]) -> dict[str, int]:
    """Say which column of a sheet is which, by its header: {key: index}; what is not found is left out."""
    at = {plain(header): i for i, header in reversed(list(enumerate(headers))) if header}
    return {column.key: at[name] for column in columns for name in reversed(_names(column)) if name in at}


def check(table: Table, columns: Sequence[Column], mapping: Mapping[str, int]) -> tuple[list[Row], list[Fault]]:
    """Read every cell of the matched columns; rows with a fault are not among the rows given."""
    rows, faults = [], []
    for n, cells in table.rows:
        values, wrong = {}, []
        for column in columns:
            text = _at(cells, mapping.get(column.key))
            if text:
                try:
                    values[column.key] = column.parse(text) if column.parse else text
                except Refused as fault:
                    wrong.append(Fault(n, column.key, fault.sentence))
            elif column.needed:
                wrong.append(Fault(n, column.key, _("没有填。")))
        faults += wrong
        if not wrong:
            rows.append(Row(n, values))
    return rows, faults


def _at(cells: Sequence[str], index: int | None) -> str:
    return cells[index] if index is not None and index < len(cells) else ""


# What a cell says -----------------------------------------------------------------------------------------------------


def whole(text: str) -> int:
    """Read a whole number; Excel may have written it with commas."""
    digits = text.replace(",", "").replace("，", "")
    if not re.fullmatch(r"-?\d{1,15}", digits, re.ASCII):
        raise Refused(_("“{text}”不是整数。").format(text=text[:40]))
    return int(digits)


def day(text: str) -> date:
    """Read a day: 2026-03-02, 2026/3/2, 2026.3.2, 2026年3月2日 or 20260302."""
    try:
        return moment(text).date()
    except Refused as fault:
        raise Refused(_("“{text}”不是日期，请写成 2026-03-02 这样。").format(text=text[:40])) from fault


def moment(text: str) -> datetime:
    """Read a day with or without a time of it, as it stands on a clock here."""
    told = re.sub(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})", r"\1-\2-\3", text.strip())
    for shape in (*MOMENTS, *DAYS):
        try:
            found = datetime.strptime(told, shape).replace(tzinfo=clock.CHINA)
        except ValueError:
            continue
        if 1900 <= found.year <= 2200:
            return found
    raise Refused(_("“{text}”不是时间，请写成 2026-03-02 14:30 这样。").format(text=text[:40]))


def one_of(words: Mapping[str, Any]) -> Parse:
    """Make a reader of a column that takes one of a few words: {word: value}."""
    known = {plain(word): value for word, value in words.items()}

    def parse(text: str) -> Any:
        if plain(text) not in known:
            raise Refused(_("“{text}”不在可填的里面：{words}。").format(text=text[:40], words="、".join(words)))
        return known[plain(text)]

    parse.choices = tuple(words)  # type: ignore[attr-defined]
    return parse


def yes(text: str) -> bool:
    """Read 是 or 否."""
    return bool(one_of({"是": True, "否": False, "有": True, "无": False, "√": True, "1": True, "0": False})(text))


# Writing --------------------------------------------------------------------------------------------------------------


def template(columns: Sequence[Column], title: str) -> bytes:
    """Make an empty sheet to fill in: the headers, lists to choose from, and a second sheet that explains each column."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    bold = book.add_format({"bold": True, "bottom": 1, "bg_color": "#EAF2FA"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    sheet, notes = book.add_worksheet(_sheet_name(title)), book.add_worksheet(_("填写说明"))
    sheet.freeze_panes(1, 0)
    for i, words in enumerate((_("列"), _("必填"), _("怎么填"), _("例子"))):
        notes.write_string(0, i, words, bold)
    for i, column in enumerate(columns):
        sheet.write_string(0, i, str(column.title) + (" *" if column.needed else ""), bold)
        sheet.set_column(i, i, max(14, len(str(column.title)) * 2 + 4), book.add_format({"num_format": "@"}))
        said = (str(column.title), _("是") if column.needed else "", _hint(column), column.example)
        for j, words in enumerate(said):
            notes.write_string(i + 1, j, words, wrap)
        if column.choices and len(",".join(column.choices)) < 255:
            sheet.data_validation(1, i, ROWS_LIMIT, i, {"validate": "list", "source": list(column.choices),
                                                        "error_type": "warning"})
    notes.set_column(0, 1, 14)
    notes.set_column(2, 3, 48)
    book.close()
    return out.getvalue()


def _hint(column: Column) -> str:
    choices = _("可填：{words}").format(words="、".join(column.choices)) if column.choices else ""
    return "\n".join(filter(None, [str(column.hint), choices]))


def faults_book(table: Table, columns: Sequence[Column], faults: Iterable[Fault]) -> bytes:
    """Give back the lines that were not taken, as they came, each with what is wrong in its first column."""
    titles = {column.key: str(column.title) for column in columns}
    said: dict[int, list[str]] = {}
    for fault in faults:
        said.setdefault(fault.n, []).append(f"{titles.get(fault.column, '')}：{fault.sentence}".lstrip("："))
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold, red = book.add_format({"bold": True, "bottom": 1}), book.add_format({"font_color": "#B42318", "text_wrap": True})
    sheet = book.add_worksheet(_("要改的行"))
    for i, header in enumerate((_("哪里不对"), _("原来的行"), *table.headers)):
        sheet.write_string(0, i, header, bold)
    kept = ((n, cells) for n, cells in table.rows if n in said)
    for line, (n, cells) in enumerate(kept, start=1):
        sheet.write_string(line, 0, "\n".join(said[n]), red)
        sheet.write_number(line, 1, n)
        for i, cell in enumerate(cells[: len(table.headers)], start=2):
            sheet.write_string(line, i, cell)
    sheet.set_column(0, 0, 48)
    sheet.freeze_panes(1, 2)
    book.close()
    return out.getvalue()


def _sheet_name(title: str) -> str:
    return re.sub(r"[\[\]:*?/\\]", "", title)[:31] or "Sheet1"
