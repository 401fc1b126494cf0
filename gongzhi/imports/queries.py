"""Reading what was brought in: whose it is, what its first lines look like."""

from dataclasses import dataclass

from django.db.models import QuerySet

from gongzhi.base import sheets
from gongzhi.base.imports import Importer, importers
from gongzhi.base.sheets import Table
from gongzhi.imports import actions
from gongzhi.imports.models import Import
from gongzhi.org.rules import Standing

SHOWN = 30  # of the sheets once brought in
FAULTS_SHOWN = 200
LOOK = 8  # first lines shown while columns are matched


def offered(standing: Standing) -> list[Importer]:
    """List what a person may bring in."""
    return [importer for importer in importers.values() if standing.holds(*importer.posts)]


def one(standing: Standing, key: str) -> Importer | None:
    """Find an importer a person may use."""
    found = importers.get(key)
    return found if found and standing.holds(*found.posts) else None


def history(standing: Standing, key: str = "") -> QuerySet[Import]:
    """List the sheets of what a person may bring in, the newest first; what stands in them is their person's alone."""
    keys = [key] if key else [importer.key for importer in offered(standing)]
    return Import.objects.filter(key__in=keys).select_related("by", "progress").defer("data", "faults", "good").order_by("-id")


def mine(standing: Standing, import_id: int) -> Import | None:
    """Find a sheet of one's own, as long as one may still bring it in."""
    row = Import.objects.select_related("progress").filter(pk=import_id, by_id=standing.person_id or 0).first()
    return row if row and one(standing, row.key) else None


@dataclass(frozen=True)
class Match:
    """A column to be matched: which of the sheet's it is, "" where none, and what is wrong with the choice."""

    key: str
    title: str
    needed: bool
    hint: str
    chosen: str
    fault: str = ""


def matches(row: Import, chosen: dict[str, int], faults: dict[str, str]) -> list[Match]:
    """List the columns with what was chosen for each."""
    return [Match(c.key, str(c.title), c.needed, str(c.hint), str(chosen.get(c.key, "")), faults.get(c.key, ""))
            for c in row.importer.columns]


def table(row: Import) -> Table | None:
    """Read a sheet as long as it is kept."""
    return actions.read(row) if row.data else None


def headers(found: Table) -> list[tuple[str, str]]:
    """List the sheet's columns to choose from: (index, its letter, header and first word)."""
    said = []
    for i, header in enumerate(found.headers):
        first = next((cells[i] for _n, cells in found.rows if i < len(cells) and cells[i]), "")
        words = " · ".join(filter(None, [letter(i), header, first[:16] and f"“{first[:16]}”"]))
        said.append((str(i), words))
    return said


def letter(index: int) -> str:
    """Give the letter Excel shows above a column."""
    out, n = "", index + 1
    while n:
        n, rest = divmod(n - 1, 26)
        out = chr(65 + rest) + out
    return out


def said(row: Import, kind: str) -> list[tuple[int, str, str]]:
    """List what is said of lines: (line, column's title, sentence)."""
    titles = {column.key: str(column.title) for column in row.importer.columns}
    return [(n, titles.get(column, ""), sentence) for n, column, sentence, of in row.faults if of == kind]


def faults_book(row: Import) -> bytes | None:
    """Give back the lines that were not taken, with what is wrong; None where the sheet is gone or nothing is wrong."""
    wrong = [sheets.Fault(*fault) for fault in row.faults if fault[3] == "fault"]
    found = table(row)
    return sheets.faults_book(found, row.importer.columns, wrong) if found and wrong else None
