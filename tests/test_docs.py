"""The docs are true: words, settings, links and commands are compared with the code."""

import re
import tomllib
from pathlib import Path

import pytest
from django.core.management import get_commands

from gongzhi.flow import reader
from gongzhi.org.rules import POSTS
from gongzhi.requests import rules
from gongzhi.site import env

ROOT = Path(__file__).resolve().parents[1]
DOCS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("gongzhi/*/README.md"), *ROOT.glob("demo/*.md")]
WORDS = {
    code: zh for zh, code in re.findall(r"^\| ([^|]+?) \| (\w+) \|", (ROOT / "docs/words.md").read_text(), re.M)
}
PROCESS = reader.read((ROOT / "processes/request.toml").read_text())


@pytest.mark.parametrize("name", PROCESS.stages)
def test_each_stage_has_the_title_of_the_words(name: str) -> None:
    assert WORDS.get(name) == PROCESS.stages[name].title or name in rules.PUBLIC_STATES


@pytest.mark.parametrize("table", [POSTS, rules.KINDS, rules.PUBLIC_STATES])
def test_posts_kinds_and_states_are_in_the_words(table: dict[str, str]) -> None:
    titles = (ROOT / "docs/words.md").read_text()
    assert [f"| {title} | {code} |" for code, title in table.items() if f"| {title} | {code} |" not in titles] == []


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


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs/settings.md").read_text()
    assert [name for name in env.declared if f"`{name}`" not in text] == []


def test_every_package_is_locked() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text().lower().replace("_", "-")
    names = [re.split(r"[\[><=~]", d)[0] for d in [*wanted["dependencies"], *wanted["optional-dependencies"]["dev"]]]
    assert [n for n in names if f"\n{n.lower()}==" not in "\n" + lock] == []


def test_each_room_says_what_it_is() -> None:
    rooms = [p.parent for p in ROOT.glob("gongzhi/*/apps.py")]
    assert [r.name for r in rooms if not (r / "README.md").exists()] == []
    assert [r.name for r in rooms if (r / "README.md").exists() and len((r / "README.md").read_text().splitlines()) > 25] == []
