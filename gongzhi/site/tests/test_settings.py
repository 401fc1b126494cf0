"""A wrong setting stops the start in one sentence; an address of a database is read whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gongzhi.site import env, settings

SHORT = "k" * (env.SHORTEST_KEY - 1)


@pytest.mark.parametrize(("name", "value", "sentence"), [
    ("GONGZHI_LOG_LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ("GONGZHI_SMTP_PORT", "65536", "at most 65535"), ("GONGZHI_SMTP_PORT", "0", "at least 1"),
    ("GONGZHI_SMTP_PORT", "smtp", "a whole number"), ("GONGZHI_PROXY_HOPS", "-1", "at least 0"),
    ("GONGZHI_DEMO", "maybe", "1 or 0"),
    ("DATABASE_URL", "mysql://x", "must begin with postgres:// or postgresql://, or be empty"),
    ("DATABASE_URL", "postgres://app@db:abc/city", "the port must be a number from 1 to 65535"),
    ("DATABASE_OWNER_URL", "postgres://owner@db:99999/city", "the port must be a number from 1 to 65535"),
    ("GONGZHI_SECRET_KEY", SHORT, "at least 32 characters"), ("GONGZHI_DATA_KEY", SHORT, "at least 32 characters"),
    ("GONGZHI_BASE_URL", "", "must begin with http:// or https://."),
    ("GONGZHI_BASE_URL", "city.cn", "must begin with http:// or https://."),
    ("GONGZHI_BASE_URL", "https://city.cn:0", "the port must be"),
    ("GONGZHI_TILES", "https://tiles.cn/map.png", "must contain {z} and {x} and {y}"),
    ("GONGZHI_SMS_URL", "ftp://x", "must begin with http:// or https://, or be empty"),
])
def test_a_wrong_setting_stops_the_start_in_a_sentence(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    given = {**os.environ, "GONGZHI_HOME": str(tmp_path), name: value}
    done = subprocess.run([sys.executable, "-c", "import gongzhi.site.settings"], env=given, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(name) and sentence in done.stderr and done.stderr.count("\n") == 1
    assert SHORT not in done.stderr and "app@db" not in done.stderr


def test_what_follows_the_question_mark_goes_to_the_database_as_it_is() -> None:
    read = settings._database("postgresql://app:p%40ss@db.example:6432/city?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem")
    assert (read["NAME"], read["USER"], read["PASSWORD"]) == ("city", "app", "p@ss")
    assert (read["HOST"], read["PORT"]) == ("db.example", "6432")
    assert read["OPTIONS"]["sslmode"] == "verify-full" and read["OPTIONS"]["sslrootcert"] == "/etc/ca.pem"


def test_a_socket_is_named_after_the_question_mark() -> None:
    read = settings._database("postgresql://gongzhi_app@/gongzhi?host=%2Ftmp%2Fgongzhi-1-a&port=5432")
    assert (read["HOST"], read["PORT"]) == ("/tmp/gongzhi-1-a", "5432") and "host" not in read["OPTIONS"]


def test_an_idle_transaction_ends_whatever_role_the_database_is_used_by(db: None) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("30s",)
    own = settings._database("postgres://a@b/c?options=-c%20idle_in_transaction_session_timeout%3D1min")["OPTIONS"]
    assert own["options"].endswith("=1min"), "the city's own word comes last"
