"""The pytest plugin: a real PostgreSQL for the tests, served to them as the application role.

One migrated template database is made per state of the migrations; each test process copies it.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "var" / "test"

(HOME / "static").mkdir(parents=True, exist_ok=True)  # else whitenoise warns at every client
os.environ.update(GONGZHI_HOME=str(HOME), GONGZHI_DEMO="1", GONGZHI_LOG_LEVEL="ERROR", GONGZHI_HASHED_STATIC="0")
for name in ("GONGZHI_SMS_URL", "GONGZHI_SMTP_HOST", "GONGZHI_WEBHOOK_URL"):
    os.environ.pop(name, None)
if not os.environ.get("DATABASE_URL"):
    from gongzhi.site.cli import use_embedded

    use_embedded(HOME, fsync="off", full_page_writes="off")  # a test database may be lost with the machine


def _digest() -> str:
    files = sorted([*ROOT.glob("gongzhi/*/migrations/*.py"), *ROOT.glob("gongzhi/site/management/commands/migrate.py")])
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:10]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """Make this process's database from the migrated template; tests run in it as the application role."""
    import psycopg
    from django.conf import settings
    from django.db import connections
    from psycopg import sql

    owner = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    template, mine = f"gongzhi_template_{_digest()}", f"gongzhi_test_{os.getpid()}"
    with psycopg.connect(owner, autocommit=True) as db:
        db.execute("SELECT pg_advisory_lock(20261)")
        if not db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            _make(db, template)
            _drop_older(db, template)
        db.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(mine)))
        db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(mine), sql.Identifier(template)))
        db.execute("SELECT pg_advisory_unlock(20261)")
    settings.DATABASES["default"]["NAME"] = mine
    connections["default"].settings_dict["NAME"] = mine
    connections["default"].settings_dict.setdefault("TEST", {})["NAME"] = mine
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield
    connections["default"].close_pool()  # type: ignore[attr-defined]
    with suppress(psycopg.Error), psycopg.connect(owner, autocommit=True) as db:
        db.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(mine)))


def _make(db: Any, template: str) -> None:
    """Migrate under another name first: a template that failed halfway must not be taken for whole."""
    from psycopg import sql

    part = f"{template}_part"
    db.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(part)))
    db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(part)))
    _migrate(part)
    db.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(part), sql.Identifier(template)))


def _drop_older(db: Any, template: str) -> None:
    """Drop the templates of former states of the migrations; another checkout's tests have a home of their own."""
    from psycopg import sql

    older = "SELECT datname FROM pg_database WHERE datname LIKE 'gongzhi_template_%%' AND datname <> %s"
    for (name,) in db.execute(older, [template]).fetchall():
        db.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _migrate(name: str) -> None:
    def at(url: str) -> str:
        head, _, query = url.partition("?")
        return head.rsplit("/", 1)[0] + "/" + name + ("?" + query if query else "")

    env = {**os.environ, "DATABASE_URL": at(os.environ["DATABASE_URL"]),
           "DATABASE_OWNER_URL": at(os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"])}
    subprocess.run([sys.executable, "-m", "gongzhi.site.cli", "migrate", "-v0"], env=env, check=True, cwd=ROOT)


@pytest.fixture(autouse=True)
def forget_the_last_test() -> None:
    """Empty what a process remembers of the database: the rows of another test are gone, and their ids mean others."""
    from django.core.cache import cache

    from gongzhi.base import calendar, limits
    from gongzhi.duties import queries as duties
    from gongzhi.flow import queries as flow
    from gongzhi.places import index
    from gongzhi.requests import classify, defaults, intake

    for forget in (calendar.forget, flow.forget_current, index.look_again, classify.forget, defaults.forget,
                   duties.forget, intake.forget_desks, limits.forget, cache.clear):
        forget()


@pytest.fixture(autouse=True)
def truncate_as_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty the tables after a test with real commits as the owner: the application role may not."""
    from django.test import TransactionTestCase

    def teardown(self: TransactionTestCase) -> None:
        empty_database()

    monkeypatch.setattr(TransactionTestCase, "_fixture_teardown", teardown)


def empty_database() -> None:
    """Empty all tables but the migrations', the log among them (its guard is lifted for the moment)."""
    import psycopg
    from django.conf import settings

    owner = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    with psycopg.connect(owner, dbname=str(settings.DATABASES["default"]["NAME"])) as db:
        names = db.execute(
            "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN"
            " ('r', 'p') AND NOT relispartition AND relname NOT IN ('django_migrations', 'django_content_type',"
            " 'auth_permission', 'log_cluster')"
        ).fetchall()
        db.execute("ALTER TABLE log_event DISABLE TRIGGER USER")
        db.execute("TRUNCATE " + ", ".join(n for (n,) in names) + " CASCADE")
        db.execute("ALTER TABLE log_event ENABLE TRIGGER USER")
