"""The command `gongzhi`: start everything, or run one management command against the same settings and database."""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
STARTERS = {"demo", "up"}
NEED_NO_DATABASE = {"help", "settings", "--help", "--version", "version", "makemessages", "compilemessages"}
OWN_MARKS = ("running", "commands.lock", "postgres.lock", "keys/data", "keys/secret")  # a home of ours has one


def main() -> None:
    """Run `gongzhi COMMAND …`; without DATABASE_URL the embedded PostgreSQL is started or joined first."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongzhi.site.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in STARTERS:
        from gongzhi.site import supervise

        raise SystemExit(supervise.main(sys.argv[1:]))
    choose_home(command, sys.argv[2:])
    needs_database = bool(command) and command not in NEED_NO_DATABASE
    with embedded(home()) if needs_database and not os.environ.get("DATABASE_URL") else contextlib.nullcontext():
        if command == "bench":
            subprocess.run([sys.executable, "-m", "gongzhi.site.cli", "migrate", "-v0"], check=True)
        if command in {"migrate", "restore"}:
            os.environ["GONGZHI_AS_OWNER"] = "1"
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


def choose_home(command: str, arguments: list[str]) -> None:
    """Measure in a home of its own, whatever the environment says; pour into the demo that stands."""
    if command == "bench":  # never measured on, or in the way of, a city in use
        os.environ["GONGZHI_HOME"] = str(ROOT / "var" / "bench")
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
            os.environ.pop(name, None)
    if command == "pour":
        os.environ["GONGZHI_HOME"] = (
            _given("--home", arguments) or os.environ.get("GONGZHI_HOME") or str(ROOT / "var" / "demo"))
    if command in {"bench", "pour"}:
        os.environ["GONGZHI_DEMO"] = "1"  # what no demo has made refuses both by what it holds


def _given(option: str, arguments: list[str]) -> str:
    """Read one option before Django reads them all."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, _sep, value = word.partition("=")
        if name == option:
            return value or following
    return ""


def home() -> Path:
    """Tell the home folder before settings are read."""
    return Path(os.environ.get("GONGZHI_HOME") or ROOT / "var" / "home")


def refuse_foreign(folder: Path) -> str:
    """Say why a folder that others filled is not taken as a home; the empty string where it may be."""
    if not folder.exists() or any((folder / mark).exists() for mark in OWN_MARKS):
        return ""
    if not folder.is_dir():
        return f"{folder} is no folder; choose another home."
    if set(os.listdir(folder)) <= {"lost+found"}:  # a disk of its own
        return ""
    return f"{folder} holds files that gongzhi did not make; choose an empty folder, or a new one."


@contextlib.contextmanager
def embedded(folder: Path) -> Iterator[None]:
    """Start or join the embedded PostgreSQL for one command; the last command stops it, unless `gongzhi up` runs there."""
    from gongzhi.base import postgres

    if reason := refuse_foreign(folder):
        raise SystemExit(f"gongzhi: {reason}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / "commands.lock", "a") as commands:
        fcntl.flock(commands, fcntl.LOCK_SH)
        try:
            use_embedded(folder)
        except (postgres.PostgresError, OSError) as fault:
            raise SystemExit(f"gongzhi: {fault}") from fault
        try:
            yield
        finally:
            if _alone(commands) and not supervised(folder):
                _leave_database()
                postgres.Server(folder).stop()


def _alone(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def supervised(folder: Path) -> bool:
    """Tell whether `gongzhi up` or `gongzhi demo` runs in a home."""
    if not (folder / "running").exists():
        return False
    with open(folder / "running") as note:
        try:
            fcntl.flock(note, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _leave_database() -> None:
    """Close this process's own connections, so that none is cut off."""
    from django.db import connections

    connections.close_all()
    for connection in connections.all(initialized_only=True):
        if hasattr(connection, "close_pool"):
            connection.close_pool()


def use_embedded(folder: Path, **options: str) -> None:
    """Start or join the embedded PostgreSQL of a home folder and point the settings at it."""
    from gongzhi.base import postgres

    urls = postgres.ensure(folder, **options)
    os.environ["GONGZHI_HOME"] = str(folder)
    os.environ["DATABASE_URL"], os.environ["DATABASE_OWNER_URL"] = urls.app, urls.owner


if __name__ == "__main__":
    main()
