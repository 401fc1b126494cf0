import csv
import io
from datetime import date, datetime

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.base import clock, sheets
from gongzhi.base.errors import Refused
from gongzhi.base.sheets import Column, Fault, one_of

COLUMNS = (
    Column("name", "名称", needed=True, aliases=("单位名称",)),
    Column("since", "起始日期", parse=sheets.day),
    Column("n", "席位数", parse=sheets.whole),
    Column("kind", "类别", parse=one_of({"街道": "street", "社区": "community"})),
)


def book(lines: list[list[object]], *more: list[list[object]]) -> bytes:
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy/m/d", "remove_timezone": True})
    for rows in (lines, *more):
        sheet = made.add_worksheet()
        for i, line in enumerate(rows):
            for j, cell in enumerate(line):
                if cell is not None:
                    sheet.write(i, j, cell)
    made.close()
    return out.getvalue()


def checked(data: bytes) -> tuple[list[sheets.Row], list[Fault]]:
    table = sheets.read(data, COLUMNS)
    return sheets.check(table, COLUMNS, sheets.match(table.headers, COLUMNS))


def test_a_header_below_a_title_with_stars_and_blanks_is_found_and_lines_are_counted_as_excel_does() -> None:
    rows, faults = checked(book([
        ["二〇二六年单位名册"], [], ["序号", "单 位 名 称 *（必填）", "起始日期", "席位数"],
        [1, "东街", date(2026, 3, 2), 3], [], [2, "", "2026.13.2", "三"]]))
    assert [(row.n, row["name"], row["since"], row["n"], row["kind"]) for row in rows] == [(4, "东街", date(2026, 3, 2), 3, None)]
    assert [(f.n, f.column) for f in faults] == [(6, "name"), (6, "since"), (6, "n")]
    assert "2026.13.2" in faults[1].sentence


def test_headers_joined_over_two_rows_are_read_from_the_upper_one() -> None:
    table = sheets.read(book([["名称", "任职", None], [None, "起始日期", "席位数"], ["东街", "2026-03-02", 2]]), COLUMNS)
    assert table.headers == ["名称", "起始日期", "席位数"] and [n for n, _cells in table.rows] == [3]


def test_of_several_sheets_the_one_that_names_the_columns_is_read() -> None:
    table = sheets.read(book([["说明", "很长"]] * 9, [["名称"], ["东街"], ["西街"]]), COLUMNS)
    assert table.name == "Sheet2" and len(table.rows) == 2


@pytest.mark.parametrize("code", ["utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_text_files_are_read_in_the_encodings_excel_writes(code: str, mark: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=mark).writerows([["名称", "类别"], ["东街，甲", "街道"], ["西社", "村"]])
    rows, faults = checked(text.getvalue().encode(code))
    assert [(row["name"], row["kind"]) for row in rows] == [("东街，甲", "street")]
    assert faults[0].sentence == "“村”不在可填的里面：街道、社区。"


@pytest.mark.parametrize("data", [b"PK\x03\x04rubbish", b"\xd0\xcf\x11\xe0" + bytes(600), b"\x00\x01\x02\x03", b"", b"%PDF-1.7"])
def test_what_is_no_sheet_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        sheets.read(data, COLUMNS)
    assert refused.value.field == "file" and refused.value.sentence.endswith("。")


@pytest.mark.parametrize("text", ["2026-03-02", "2026/3/2", "2026.3.2", "2026年3月2日", "20260302", "2026-03-02 09:30"])
def test_days_as_people_write_them(text: str) -> None:
    assert sheets.day(text) == date(2026, 3, 2)


def test_a_moment_is_one_of_here() -> None:
    assert sheets.moment("2026/3/2 9:30") == datetime(2026, 3, 2, 9, 30, tzinfo=clock.CHINA)
    for wrong in ("明天", "2026-02-30", "9:30", "0001-01-01", "２"):
        with pytest.raises(Refused):
            sheets.moment(wrong)


def test_a_template_filled_in_comes_back_as_it_was_meant() -> None:
    with pytest.raises(Refused, match="没有数据"):  # not the sheet that explains, which has more in it
        sheets.read(sheets.template(COLUMNS, "单位/名册?"), COLUMNS)
    rows, faults = checked(book([["名称 *", "起始日期", "席位数", "类别"], ["东街", "2026-03-02", "1,200", "社区"]]))
    assert not faults and rows[0]["n"] == 1200


def test_lines_that_were_not_taken_come_back_with_what_is_wrong() -> None:
    table = sheets.read(book([["名称", "类别"], ["东街", "村"], ["西街", "街道"]]), COLUMNS)
    again = sheets.read(sheets.faults_book(table, COLUMNS, [Fault(2, "kind", "不对。")]), COLUMNS)
    assert again.headers[:2] == ["哪里不对", "原来的行"]
    assert [cells[:4] for _n, cells in again.rows] == [["类别：不对。", "2", "东街", "村"]]
    assert sheets.match(again.headers, COLUMNS)["name"] == 2  # mended, it can be sent as it is


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n,;\t\""), min_size=1, max_size=8),
                min_size=1, max_size=6))
def test_no_text_breaks_the_reading_of_a_file_with_commas(cells: list[str]) -> None:
    text = "名称\n" + "\n".join(f'"{cell}"' for cell in cells)
    try:
        rows, faults = checked(text.encode())
    except Refused:
        assert not any("".join(cell.split()) for cell in cells)
        return
    assert len(rows) == len({n for n, _c in enumerate(cells) if " ".join(cells[n].replace("\u00a0", " ").split())})
    assert not faults
