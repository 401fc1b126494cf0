"""What can be brought in from a sheet: each room registers its importers in its `imports.py`; the pages are one room's."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

from gongzhi.base.sheets import Column, Fault, Row

BATCH = 500  # lines written in one transaction


def as_it_came(rows: Sequence[Row]) -> Sequence[Row]:
    """Take the lines in the order of the file."""
    return rows


@dataclass(frozen=True)
class Importer:
    """How one kind of sheet is brought in.

    `posts`: who may. `check`: reads the database and says what is wrong with which line, of all lines at once, those
    that come later in the file known too; what is there already and unchanged is a Fault of the kind "same". `take`
    writes a batch of good lines inside the caller's transaction, by the room's own action, and says how many it wrote;
    it may refuse, then the lines are tried one by one. `order`: which lines must come first. `back`: the name of the
    page where what was brought in is seen.
    """

    key: str
    title: str | Promise
    posts: tuple[str, ...]
    columns: tuple[Column, ...]
    check: Callable[[Sequence[Row], int], Iterable[Fault]]
    take: Callable[[Sequence[Row], int], int]
    back: str
    hint: str | Promise = ""
    order: Callable[[Sequence[Row]], Sequence[Row]] = as_it_came


importers: dict[str, Importer] = {}


def register(importer: Importer) -> None:
    """Offer an importer under its key."""
    importers[importer.key] = importer
