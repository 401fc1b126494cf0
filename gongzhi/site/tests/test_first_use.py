"""From an empty database to a city that takes its first report, and in a PostgreSQL that is not ours: as the how-tos say."""

import getpass
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from conftest import Town
from gongzhi.base import postgres
from gongzhi.base.models import CalendarDay
from gongzhi.flow.models import Case, ProcessVersion
from gongzhi.org import queries as org
from gongzhi.org.models import Person, Post
from gongzhi.places import index
from gongzhi.places.models import Place
from gongzhi.site.management.commands import init

ROOT = Path(__file__).resolve().parents[3]
BEGIN, OUTSIDE = (ROOT / f"docs/howto/{name}.md" for name in ("begin-a-real-city", "use-your-own-postgresql"))
PASSWORD = "a-real-password"
WORDS = ("--name", "新城区", "--code", "150102", "--admin", "li.ming", "--admin-name", "李明")


@pytest.fixture
def real(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.GONGZHI_DEMO = False
    monkeypatch.setenv(init.PASSWORD, PASSWORD)


def test_a_city_begins_with_an_administrator_and_takes_its_first_report(real: None, client: Client) -> None:
    command = next(line for line in BEGIN.read_text().splitlines() if "gongzhi init" in line)
    assert command.split()[2:] == list(WORDS), "the how-to says what is done here"
    call_command("init", *WORDS)
    assert {p.name for p in Post.objects.filter(unit__kind="centre")} >= {
        "operator", "dispatcher", "reviewer", "checker", "leader", "admin"}
    assert org.standing(Person.objects.get()).posts == {"admin"} and not Person.objects.get().made_up
    assert ProcessVersion.objects.filter(key="request").exists() and CalendarDay.objects.exists()
    assert Place.objects.get().code == "150102000000"
    for page in ("/", "/setup/"):
        assert client.get(page, follow=True).status_code == 200
    assert client.post("/sign-in/", {"username": "li.ming", "password": PASSWORD}).status_code == 302
    for page in ("/setup/units/", "/setup/places/", "/setup/people/", "/desk/"):
        assert client.get(page, follow=True).status_code == 200, page

    code = BEGIN.read_text().split("```python")[1].split("```")[0]
    exec("\n".join(line.removeprefix("   ") for line in code.splitlines()), {})
    index.reload()
    answer = Client().post("/api/v1/reports", {"lon": 111.71, "lat": 40.83, "words": "路灯不亮"},
                           content_type="application/json")
    assert answer.status_code == 201, answer.content.decode()
    assert Case.objects.get().tasks.get().unit.kind == "centre"


def test_a_city_begins_once_and_never_in_a_demo_or_with_its_password(
    real: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for password, sentence in (("gongzhi-demo", "演示密码"), ("short", "至少 10 位")):
        monkeypatch.setenv(init.PASSWORD, password)
        with pytest.raises(CommandError, match=sentence):
            call_command("init", *WORDS)
    assert not Place.objects.exists()
    monkeypatch.setenv(init.PASSWORD, PASSWORD)
    call_command("init", *WORDS)
    with pytest.raises(CommandError, match="已经有地点"):
        call_command("init", *WORDS)
    settings.GONGZHI_DEMO = True
    with pytest.raises(CommandError, match="demo"):
        call_command("init", *WORDS)


def test_what_is_not_said_is_asked_for(real: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="say it as an option"):
        call_command("init")
    monkeypatch.delenv(init.PASSWORD)
    with pytest.raises(CommandError, match=init.PASSWORD):
        call_command("init", *WORDS)
    answers = iter(["", "", "王芳"])
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    monkeypatch.setattr(getpass, "getpass", lambda _question: PASSWORD)
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    call_command("init")
    assert Person.objects.get().name == "王芳" and Person.objects.get().username == "admin"


def test_a_demo_is_not_built_into_a_city_that_no_demo_made(town: Town) -> None:
    Person.objects.update(made_up=False)
    people = Person.objects.count()
    for command in (("build_demo",), ("pour", "x.csv", "--words", "a", "--reply", "b")):
        with pytest.raises(CommandError, match="no place among real ones"):
            call_command(*command)
    assert Person.objects.count() == people and not Case.objects.exists()


@pytest.fixture
def foreign() -> Iterator[postgres.Server]:
    """A server that stands for one elsewhere: its roles are made by hand, as the how-to says."""
    with tempfile.TemporaryDirectory(prefix="gongzhi-outside-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        server = postgres.Server(Path(folder) / "home", fsync="off")
        try:
            server.start()
            yield server
        finally:
            server.stop()


def test_another_postgresql_serves_with_two_roles_made_by_hand(foreign: postgres.Server, tmp_path: Path) -> None:
    with psycopg.connect(foreign.url(postgres.SUPERUSER, "postgres"), autocommit=True) as db:
        for line in re.search(r"```sql\n(.*?)```", OUTSIDE.read_text(), re.S)[1].splitlines():
            db.execute(line)
        ident = foreign.data / "pg_ident.conf"  # who may enter is this server's own matter: by its socket, by name
        names = {line.split()[1] for line in ident.read_text().splitlines()}
        ident.write_text(ident.read_text() + "".join(f"gongzhi {n} {r}\n" for n in names for r in ("city_owner", "city_app")))
        db.execute("SELECT pg_reload_conf()")
    owner, app = (foreign.url(role, "city") for role in ("city_owner", "city_app"))
    environment = {**os.environ, "DATABASE_URL": app, "DATABASE_OWNER_URL": owner, "GONGZHI_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "gongzhi.site.cli", "migrate", "-v0"], env=environment, check=True, cwd=ROOT)
    with psycopg.connect(app, autocommit=True) as db:
        db.execute("INSERT INTO log_event (at, actor, verb, subject_kind) VALUES (now(), 'system', 'test', 'test')")
        assert db.execute("SELECT count(*) FROM requests_request").fetchone() == (0,)
        assert db.execute("SHOW transaction_timeout").fetchone() == ("30min",)
        part = db.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'log_event'::regclass").fetchone()
        for forbidden in ("DELETE FROM log_event", "UPDATE log_event SET verb = 'x'", f"DELETE FROM {part[0]}",
                          "CREATE TABLE mine (it int)", "UPDATE log_cluster SET era = 2"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(forbidden)
