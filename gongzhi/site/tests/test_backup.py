import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from psycopg import sql

from conftest import MONDAY, build_town
from gongzhi.base import clock, files
from gongzhi.flow.actors import Actor
from gongzhi.requests import actions as requests
from gongzhi.site import backup

OWNER = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]


COMMAND = "gongzhi.site.management.commands.restore"


def url_of(name: str) -> str:
    head, _, query = OWNER.partition("?")
    return head.rsplit("/", 1)[0] + "/" + name + ("?" + query if query else "")


def drop(name: str) -> None:
    """Drop a database. PostgreSQL asks autovacuum to leave by itself and waits; FORCE may not end a superuser's process."""
    with psycopg.connect(OWNER, autocommit=True) as db:
        db.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


@pytest.fixture
def elsewhere() -> Iterator[str]:
    name = f"gongzhi_elsewhere_{os.getpid()}"
    with psycopg.connect(OWNER, autocommit=True) as db:
        db.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield url_of(name)
    drop(name)


@pytest.fixture
def made(transactional_db: None, tmp_path: Path) -> Path:
    """A backup of a town with one report and one file."""
    with clock.at(MONDAY):
        town = build_town()
        lon, lat = town.point("west-south-1")
        requests.report(requests.Report(lon, lat, words="暖气不热"), by=Actor("anyone"))
    files.path_of("ab" * 32).parent.mkdir(parents=True, exist_ok=True)
    files.path_of("ab" * 32).write_bytes(b"a photo")
    target = tmp_path / "town.backup"
    backup.write(target, database=url_of(settings.DATABASES["default"]["NAME"]), files=settings.GONGZHI_HOME / "files",
                 key=settings.GONGZHI_DATA_KEY, at=MONDAY)
    return target


def restore(made: Path, elsewhere: str, tmp_path: Path, key: str = "") -> int:
    return backup.restore(made, database=elsewhere, files=tmp_path / "files", key=key or settings.GONGZHI_DATA_KEY,
                          at=MONDAY)


def test_a_backup_restores_elsewhere_with_rows_files_and_a_new_era(made: Path, elsewhere: str, tmp_path: Path) -> None:
    assert restore(made, elsewhere, tmp_path) == 2
    with psycopg.connect(elsewhere) as db:
        assert db.execute("SELECT count(*) FROM requests_request").fetchone() == (1,)
        db.execute("INSERT INTO log_event (at, actor, verb, subject_kind) VALUES (now(), 'system', 'test', 'test')")
        assert db.execute("SELECT count(DISTINCT era) FROM log_event").fetchone() == (2,)
    assert (tmp_path / "files" / "ab" / ("ab" * 32)).read_bytes() == b"a photo"


def test_a_damaged_backup_is_refused(made: Path, elsewhere: str, tmp_path: Path) -> None:
    data = bytearray(made.read_bytes())
    data[3000] ^= 1
    made.write_bytes(data)
    with pytest.raises(backup.Unusable, match="damaged"):
        restore(made, elsewhere, tmp_path)


def test_a_cut_off_backup_is_refused(made: Path) -> None:
    made.write_bytes(made.read_bytes()[: made.stat().st_size // 2])
    with pytest.raises(backup.Unusable):
        backup.read(made)


def test_another_key_is_refused(made: Path, elsewhere: str, tmp_path: Path) -> None:
    with pytest.raises(backup.Unusable, match="key"):
        restore(made, elsewhere, tmp_path, key="another")


def test_a_database_in_use_is_not_overwritten(made: Path, elsewhere: str, tmp_path: Path) -> None:
    restore(made, elsewhere, tmp_path)
    with pytest.raises(backup.Unusable, match="not empty"):
        restore(made, elsewhere, tmp_path)


def test_a_file_that_is_swept_while_it_is_backed_up_is_left_out(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, gone = backup.stored_files, tmp_path / ("5e" * 32)
    monkeypatch.setattr(backup, "stored_files", lambda folder: [gone, *found(folder)])
    manifest = backup.write(made, database=url_of(settings.DATABASES["default"]["NAME"]), at=MONDAY,
                            files=settings.GONGZHI_HOME / "files", key=settings.GONGZHI_DATA_KEY)
    assert f"files/{'ab' * 32}" in manifest["parts"] and f"files/{gone.name}" not in manifest["parts"]


@pytest.fixture
def here(elsewhere: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Another home, whose database is `elsewhere` and already holds something."""
    settings.DATABASE_OWNER_URL, settings.GONGZHI_HOME = elsewhere, tmp_path
    monkeypatch.setattr(f"{COMMAND}.call_command", lambda *_args, **_options: None)  # migrate: in the tests' database
    with psycopg.connect(elsewhere) as db:
        db.execute("CREATE TABLE precious AS SELECT 1 AS it")
    return elsewhere


def tables(database: str) -> set[str]:
    with psycopg.connect(database) as db:
        return {name for (name,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_replace_puts_the_backup_in_the_place_of_what_is_there(made: Path, here: str) -> None:
    call_command("restore", str(made), "--replace")
    assert "requests_request" in tables(here) and "precious" not in tables(here)


@pytest.mark.parametrize("wrong", ["key", "damaged", "format", "dump", "no --replace"])
def test_a_backup_that_cannot_be_restored_leaves_the_database_as_it_is(
    made: Path, here: str, settings: Any, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wrong == "key":
        settings.GONGZHI_DATA_KEY = "another"
    elif wrong == "damaged":
        data = bytearray(made.read_bytes())
        data[3000] ^= 1
        made.write_bytes(data)
    elif wrong == "format":
        monkeypatch.setattr(backup, "FORMAT", 2)
    elif wrong == "dump":
        monkeypatch.setattr(backup, "DUMP", "manifest.json")  # whole, but nothing that pg_restore reads
        monkeypatch.setattr(backup, "read", lambda source: {"key": backup.fingerprint(settings.GONGZHI_DATA_KEY),
                                                            "parts": {}})
    with pytest.raises(CommandError):
        call_command("restore", str(made), *([] if wrong == "no --replace" else ["--replace"]))
    assert tables(here) == {"precious"}


def test_a_backup_that_cannot_be_made_is_told_in_a_sentence_and_leaves_nothing(here: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="never started by gongzhi"):
        call_command("backup", str(tmp_path / "new.backup"))
    with psycopg.connect(here) as db:
        db.execute("CREATE TABLE log_cluster (era int)")
    backup_run, said = backup._run, "pg_dump: it broke"

    def broken(program: str, *arguments: str) -> None:
        backup_run(program, *arguments)
        raise backup.Unusable(said)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup, "_run", broken)
        with pytest.raises(CommandError, match=said):
            call_command("backup", str(tmp_path / "new.backup"))
    assert not list(tmp_path.glob("new*"))


def test_the_password_of_the_database_is_in_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[list[str], dict[str, str]]] = []

    def note(command: list[str], *, env: dict[str, str], **_more: object) -> subprocess.CompletedProcess[str]:
        ran.append((command, env))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(backup.subprocess, "run", note)
    backup._run("pg_dump", "postgresql://owner:very-secret@db.example/city?sslmode=require", "--file", "x")
    ((command, env),) = ran
    assert "very-secret" not in " ".join(command) and "sslmode=require" in " ".join(command)
    assert env["PGPASSWORD"] == "very-secret"
