"""Which home a command works in, and what it leaves running."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gongzhi.base import postgres
from gongzhi.site import cli, supervise

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def home() -> Iterator[Path]:
    """A home in a folder that every user can reach; nothing of the tests' own is set for its commands."""
    with tempfile.TemporaryDirectory(prefix="gongzhi-cli-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        home = Path(folder) / "home"
        yield home
        postgres.Server(home).stop()


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    environment["GONGZHI_HOME"] = str(home)
    return subprocess.run([sys.executable, "-m", "gongzhi.site.cli", *words], env=environment, cwd=ROOT,
                          capture_output=True, text=True, timeout=90)


def test_a_bench_never_touches_the_city_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONGZHI_HOME", "/srv/city")
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@real/city")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner@real/city")
    monkeypatch.setenv("GONGZHI_DEMO", "0")
    cli.choose_home("bench", [])
    assert cli.home() == ROOT / "var" / "bench"
    assert "DATABASE_URL" not in os.environ and "DATABASE_OWNER_URL" not in os.environ
    assert os.environ["GONGZHI_DEMO"] == "1"


@pytest.mark.parametrize(("words", "there"), [
    ([], ROOT / "var" / "demo"), (["x.csv", "--home", "/srv/demo"], Path("/srv/demo")),
    (["--home=/srv/demo", "x.csv"], Path("/srv/demo")),
])
def test_pour_finds_the_demo_by_itself(monkeypatch: pytest.MonkeyPatch, words: list[str], there: Path) -> None:
    monkeypatch.setenv("GONGZHI_DEMO", "0")
    monkeypatch.delenv("GONGZHI_HOME")
    cli.choose_home("pour", words)
    assert cli.home() == there and os.environ["GONGZHI_DEMO"] == "1"


def test_another_command_works_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONGZHI_HOME", "/srv/city")
    cli.choose_home("backup", ["x"])
    assert cli.home() == Path("/srv/city") and os.environ["GONGZHI_DEMO"] == "1"  # as the tests set it


def test_a_command_leaves_no_database_running_but_one_that_is_used(home: Path) -> None:
    done = command(home, "migrate", "--plan", "-v0")
    assert done.returncode == 0, done.stderr
    server = postgres.Server(home)
    assert not server.running()
    with supervise.held(supervise.read(["demo", "--home", str(home)])):
        command(home, "seed_calendar", "--help")
        assert server.running(), "the supervisor's"
    failed = command(home, "no_such_command")
    assert failed.returncode and not server.running()
    assert "Unknown command" in failed.stderr


def test_a_command_works_in_no_folder_that_others_filled(home: Path) -> None:
    home.mkdir()
    (home / "letter.txt").touch()
    failed = command(home, "migrate")
    assert failed.returncode == 1 and "did not make" in failed.stderr and failed.stderr.count("\n") == 1
    assert [path.name for path in home.iterdir()] == ["letter.txt"]
