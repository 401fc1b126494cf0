"""Short made-up lists of who does what, each line saying so, put in force a month ago: what came before quotes none."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from demo import city
from gongzhi.base import clock
from gongzhi.duties import actions
from gongzhi.duties.actions import NewLine
from gongzhi.org.models import Unit
from gongzhi.places.models import Place

FILES = {"powers": "powers.csv", "street": "street_list.csv", "community": "community_list.csv"}
NAME, SOURCE = "演示版", "演示编造，不是真实文件"
AGO = timedelta(days=30)


def _list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split("|")))


def read(name: str) -> Iterator[dict[str, str]]:
    """Read the rows of a list."""
    with (Path(__file__).parent / FILES[name]).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def load(catalogue: tuple[city.CatalogueLine, ...], units: Mapping[str, Unit], place: Place) -> None:
    """Put the dispatch catalogue in force from the beginning, the other lists from a month ago on."""
    lines = [NewLine(row.number, row.text, (row.category,), units[row.lead].pk, tuple(units[k].pk for k in row.helpers),
                     basis=row.source) for row in catalogue]
    version = actions.prepare("catalogue", title=NAME, place=place, source=SOURCE, source_date=city.APPOINTED, by=None)
    actions.add_lines("catalogue", version, lines, by=None)
    actions.put_in_force("catalogue", version, from_date=city.APPOINTED, by=None)
    load_lists(units, place)


def load_lists(units: Mapping[str, Unit], place: Place) -> None:
    """Put the lists of departments, streets and communities in force."""
    since = clock.today() - AGO
    for name in FILES:
        version = actions.prepare(name, title=NAME, place=place, source=SOURCE, source_date=since, by=None)
        actions.add_lines(name, version, [_line(row, units) for row in read(name)], by=None)
        actions.put_in_force(name, version, from_date=since, by=None)


def _line(row: dict[str, str], units: Mapping[str, Unit]) -> NewLine:
    return NewLine(
        row["number"], row["text"], _list(row["categories"]), units[row["lead"]].pk if row["lead"] else None,
        tuple(units[key].pk for key in _list(row["helpers"])), row["part"], row["task"], _list(row["keywords"]), row["basis"])
