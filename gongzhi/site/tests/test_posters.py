"""Papers to hang up: one page for each grid and compound, its code, and no number but a work phone."""

import re
import zlib

import pytest

from gongzhi.desk.tests import matters
from gongzhi.org.models import Person
from gongzhi.site import posters

pytestmark = pytest.mark.django_db


def streams(file: bytes) -> list[bytes]:
    return [zlib.decompress(found) for found in re.findall(rb"FlateDecode.*?stream\n(.*?)\nendstream", file, re.S)]


def needs_a_font() -> None:
    try:
        posters.font()
    except posters.Refused:
        pytest.skip("no font with Chinese characters here")


def test_every_grid_below_has_a_page_with_who_works_there(town):
    rows = posters.below(town.places["west-south"])
    assert {row.code for row in rows} == {town.places[f"west-south-{n}"].code for n in (1, 2)}
    worker = town.people["grid"]
    mine = next(row for row in rows if row.code == town.places["west-south-1"].code)
    assert ("专职网格员", worker.name, worker.work_phone) in mine.people
    assert mine.payload.endswith(f"/r/new?place={mine.code}") and mine.where == "西街街道 · 西南社区"


def test_who_left_stands_on_no_paper(town):
    Person.objects.filter(username="grid").update(is_active=False)
    rows = posters.below(town.places["west-south-1"])
    assert town.people["grid"].name not in [name for row in rows for _who, name, _phone in row.people]


def test_the_squares_drawn_are_those_of_the_code(town):
    class Paper:
        drawn: list[tuple[float, ...]] = []

        def set_fill_color(self, *_color): ...

        def rect(self, *box, style): self.drawn.append(box)

    rows = list(posters.segno.make("https://x.example/r/new?place=1", error="q").matrix)
    posters._code(Paper(), "https://x.example/r/new?place=1", 0, 0, len(rows))
    black = {(round(x) + i, round(y)) for x, y, wide, _high in Paper.drawn for i in range(round(wide))}
    assert black == {(x, y) for y, row in enumerate(rows) for x, cell in enumerate(row) if cell}


def test_the_pdf_has_a_page_for_each_and_embeds_its_font(town):
    needs_a_font()
    answer = matters.client(town, "admin").get(f"/setup/places/{town.places['west-south'].pk}/posters.pdf")
    assert answer.status_code == 200 and answer["Content-Type"] == "application/pdf"
    assert answer.content.count(b"/Type /Page\n") == 2 and b"/FontFile" in answer.content
    assert len(streams(answer.content)) >= 2


def test_without_a_font_or_a_code_it_is_said_what_to_do(town, settings):
    admin, place = matters.client(town, "admin"), town.places["west-south"]
    settings.FONT = "/nowhere.ttf"
    answer = admin.get(f"/setup/places/{place.pk}/posters.pdf")
    assert answer.status_code == 422 and "GONGZHI_FONT" in answer.content.decode()
    type(place).objects.filter(path__contains=[place.pk]).update(code="")
    answer = admin.get(f"/setup/places/{place.pk}/posters.pdf")
    assert answer.status_code == 422 and "先给它们编码" in answer.content.decode()


def test_only_those_of_the_setup_print_them(town):
    assert matters.client(town, "street").get(f"/setup/places/{town.places['west-south'].pk}/posters.pdf").status_code == 403
