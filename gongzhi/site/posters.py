"""Papers to hang up, A4, as one PDF: of a compound the QR code that settles the place, of a grid who works there too.

Only work phones stand on them, and the hotline: they hang where everybody passes.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import segno
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from fontTools.ttLib import TTCollection
from fpdf import FPDF

from gongzhi.base.errors import Refused
from gongzhi.org import queries as org
from gongzhi.org import rules
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.models import Place

logging.getLogger("fontTools").setLevel(logging.WARNING)  # else it tells of every glyph it leaves out
FONTS = (  # where distributions put a font with Chinese characters
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/adobe-source-han-sans/SourceHanSansSC-Regular.otf",
)
TEAM = ("gridhead", "gridmanager", "gridworker", "gridpart")
MOST = 150  # pages in one file (default, no source)
WIDE, LEFT = 170, 20  # millimetres
QR_SIDE = {"compound": 96, "grid": 74}


@dataclass(frozen=True)
class Poster:
    """One page: of which place, what is scanned, and whom to ring: [(who, name, work phone)]."""

    kind: str
    name: str
    where: str
    code: str
    people: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def payload(self) -> str:
        """What the QR code says: the report form with the place settled."""
        return settings.BASE_URL + reverse("portal:new", query={"place": self.code})


def font() -> tuple[str, int]:
    """Find the font to embed and, of a collection, which of its fonts is the simplified Chinese one."""
    for path in (settings.FONT,) if settings.FONT else FONTS:
        if Path(path).is_file():
            return path, _chinese(path)
    raise Refused(_("服务器上没有中文字体，印不了：请装 Noto Sans CJK，或在设置里用 GONGZHI_FONT 写字体文件的位置。"))


@lru_cache(maxsize=4)
def _chinese(path: str) -> int:
    if not path.endswith(".ttc"):
        return 0
    with TTCollection(path, lazy=True) as found:
        names = [str(one["name"].getDebugName(1)) for one in found.fonts]
    return next((i for i, name in enumerate(names) if name.endswith(" SC")), 0)


def below(place: Place) -> list[Poster]:
    """List the papers of a place and of the grids and compounds in it; those without a code have none."""
    rows = places.standing().filter(path__contains=[place.pk], kind__in=QR_SIDE).exclude(code="")
    found = list(rows.defer("outline", "tokens").order_by("path")[: MOST + 1])
    if len(found) > MOST:
        raise Refused(_("超过 {n} 张，请按社区分开印。").format(n=MOST))
    if not found:
        raise Refused(_("这里没有带编码的网格或小区，先给它们编码。"))
    return [of(one) for one in found]


def of(place: Place) -> Poster:
    """Gather what stands on the paper of a compound or grid."""
    return Poster(place.kind, place.name, index.words(place.path[:-1]), place.code,
                  list(_team(place) if place.kind == "grid" else _worker(place)))


def _worker(place: Place) -> Iterable[tuple[str, str, str]]:
    grid = next((n for n in places.breadcrumbs(place.path) if n.kind == "grid"), None)
    worker = org.grid_worker(grid.id) if grid else None
    if worker:
        yield _("网格员"), worker.name, worker.work_phone


def _team(place: Place) -> Iterable[tuple[str, str, str]]:
    """Give a grid's team in the order of its posts; of one who is away, who is there today."""
    rows = [a for a in org.team(place.pk) if a.post.name in TEAM and a.person.is_active]
    worker = org.grid_worker(place.pk)
    for row in sorted(rows, key=lambda a: (TEAM.index(a.post.name), a.pk)):
        person = worker if worker and row.post.name == "gridworker" and len(rows) == 1 else row.person
        yield rules.POSTS[row.post.name], person.name, person.work_phone


def draw(rows: Sequence[Poster]) -> bytes:
    """Draw the pages of one file."""
    pdf = FPDF(format="A4")
    path, number = font()
    pdf.add_font("han", "", path, collection_font_number=number)
    pdf.set_auto_page_break(False)
    pdf.set_title(_("现场二维码"))
    for row in rows:
        pdf.add_page()
        _page(pdf, row)
    return bytes(pdf.output())


def _page(pdf: FPDF, row: Poster) -> None:
    _line(pdf, 16, settings.CITY_NAME + " · " + _("共治"), 18)
    _line(pdf, 30, row.name, 46)
    _line(pdf, 52, row.where, 18)
    side = QR_SIDE[row.kind]
    _code(pdf, row.payload, (210 - side) / 2, 66, side)
    at = 66 + side + 6
    _line(pdf, at, _("扫一扫，反映身边的事"), 30)
    _line(pdf, at + 15, _("说话、打字、拍照都行，不用登录"), 18)
    at += 30
    for who, name, phone in row.people:
        if at > 234:  # the hotline stands below
            break
        _line(pdf, at, f"{who}　{name}", 26)
        if phone:
            _line(pdf, at + 11, phone, 32)
        at += 28 if phone else 15
    _line(pdf, 262, _("不用手机的，打 {hotline}").format(hotline=settings.HOTLINE), 30)
    _line(pdf, 281, row.code, 12)


def _line(pdf: FPDF, at: float, words: str, size: float) -> None:
    """Write a line in the middle, smaller where it would not fit."""
    pdf.set_font("han", size=size)
    wide = pdf.get_string_width(words)
    if wide > WIDE:
        pdf.set_font("han", size=size * WIDE / wide)
    pdf.set_xy(LEFT, at)
    pdf.cell(WIDE, size * 0.45, words, align="C")


def _code(pdf: FPDF, payload: str, left: float, top: float, side: float) -> None:
    """Draw a QR code square by square, runs of black together: sharp at any size."""
    rows = list(segno.make(payload, error="q").matrix)
    one = side / len(rows)
    pdf.set_fill_color(0)
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end]:
                end += 1
            if end > x:
                pdf.rect(left + x * one, top + y * one, (end - x) * one, one + 0.01, style="F")
            x = max(end, x + 1)
