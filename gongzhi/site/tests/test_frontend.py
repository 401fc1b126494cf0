"""What holds for every template, style sheet and module, read as files and rendered."""

import gzip
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory

from gongzhi.base import clock, html
from gongzhi.org.rules import NOBODY

GONGZHI = Path(__file__).resolve().parents[2]
STATIC = GONGZHI / "site/static"
TEMPLATES = sorted(GONGZHI.glob("*/templates/**/*.html"))


def page(name: str, **context: object) -> str:
    request = RequestFactory().get("/")
    request.standing = NOBODY
    return render_to_string(name, context, request=request)


@pytest.fixture
def times() -> dict:
    now = clock.now()
    return {"late": now - timedelta(minutes=40), "soon": now + timedelta(minutes=15), "fine": now + timedelta(hours=7),
            "began": now - timedelta(hours=3)}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(GONGZHI)))
def test_no_template_breaks_the_content_security_policy(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=|hx-on|javascript:|hx-vals=['\"]js:", text)
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", text)
    assert inline == (['<script type="importmap">'] if path.name == "base.html" else [])
    assert "<style" not in text


def test_every_icon_used_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "vendor/icons.svg").read_text()))
    first = re.compile(r"""^["']([a-z0-9-]+)["']""")
    used: set[str] = set()
    for path in TEMPLATES:
        for _name, arguments in re.findall(r"""\bm\.(icon|event|blank)\(([^)]*)\)""", path.read_text()):
            used.update(first.findall(arguments.strip()))
    assert used <= sprite, f"run bin/vendor icons: {sorted(used - sprite)}"


def test_the_style_guide_renders_every_component(times: dict) -> None:
    text = page("styleguide.html", times=times)
    macros = set(re.findall(r"macro (\w+)\(", (GONGZHI / "site/templates/macros.html").read_text()))
    used = set(re.findall(r"m\.(\w+)\(", (GONGZHI / "site/templates/styleguide.html").read_text()))
    inner = {"icon", "bar", "time", "kbd", "brandmark", "bound", "photos", "voice", "reasons", "pill", "tabbar",
             "chart", "rating"}
    assert macros - inner <= used
    assert "还剩" in text and "超期" in text and "已暂停" in text


def test_a_deadline_is_said_in_words_with_its_exact_time() -> None:
    now = clock.now()
    with clock.at(now):
        late = html.timeleft(now - timedelta(days=2, minutes=1), now - timedelta(days=9))
        soon = html.timeleft(now + timedelta(minutes=15), now - timedelta(hours=3))
        fine = html.timeleft(now + timedelta(hours=7), now - timedelta(hours=7))
    assert (late.state, late.words, late.used) == ("late", "超期 2 天", 100)
    assert (soon.state, soon.words) == ("due", "还剩 15 分钟")
    assert (fine.state, fine.words, fine.used) == ("intime", "还剩 7 小时", 50)
    assert fine.exact == html.exact(now + timedelta(hours=7))


def test_a_paused_matter_does_not_count_down() -> None:
    assert html.timeleft(clock.now(), held=True).words == "已暂停"


@pytest.mark.parametrize(("text", "words"), [
    ("2h", "2 个工作小时"), ("5d", "5 个工作日"), ("24h calendar", "24 小时"), ("350d calendar", "350 个自然日"),
    ("on:due", "on:due"),
])
def test_a_duration_of_a_process_is_said_in_words(text: str, words: str) -> None:
    assert html.duration(text) == words


def test_a_masked_number_never_shows_its_last_digits() -> None:
    """rights 4.4: with the code they open the matter."""
    assert html.mask_phone("13804715502") == "138********"
    assert html.mask_phone("0471-555-0102") == "047********"
    assert html.mask_phone("5550102") == "*******"
    assert html.mask_phone("") == ""


def test_a_rate_over_nothing_is_no_rate() -> None:
    assert html.percent(0, 0) == "—" and html.percent(3, 4) == "75.0%"


def test_the_import_map_is_allowed_by_its_hash() -> None:
    assert html.import_map_hash().startswith("'sha256-")
    assert str(html.import_map()) in page("404.html")


def test_the_base_of_a_portal_page_leaves_room_under_a_hundred_kilobytes() -> None:
    parts = [STATIC / "css/plain.css", STATIC / "css/theme.css", STATIC / "js/app.mjs", STATIC / "vendor/icons.svg",
             STATIC / "vendor/htmx.min.js", STATIC / "img/mark.svg"]
    assert sum(len(gzip.compress(p.read_bytes(), 9)) for p in parts) < 50_000


@pytest.mark.parametrize("name", ["400", "403", "404", "405", "413", "429", "500"])
def test_an_error_page_says_what_to_do_next(name: str) -> None:
    text = page(f"{name}.html")
    assert "<h1>" in text and 'href="/"' in text
