"""`gongzhi pour` and `gongzhi apikey`, as they are typed."""

import re
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from conftest import build_town
from gongzhi.flow.models import Case, Task
from gongzhi.org import queries as org
from gongzhi.places import index
from gongzhi.requests.models import CatalogueLine


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    file = tmp_path / "messages.csv"
    rows = ["title,text,answer", "暖气不热,家里暖气一直不热,已换阀门。", "太吵,半夜施工噪声太吵,已责令停工。"]
    file.write_text("\n".join(rows), encoding="utf-8-sig")
    return file


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_messages_are_poured_through_the_api_to_their_archive(
    transactional_db: None, live_server: Any, messages: Path
) -> None:
    town = build_town()
    index.reload()
    CatalogueLine.objects.create(number="42", category=town.categories["900101"], lead=town.units["heating"], text="噪声",
                                 source="made up", valid_from=date(2026, 1, 1))  # who has no number: the hotline rings
    said = run("pour", str(messages), "--words", "title", "--words", "text", "--reply", "answer",
               "--address", live_server.url, "--workers", "1")
    assert re.match(r"2 messages, 2 archived, 0 errors", said), said
    assert set(Task.objects.filter(kind="duty").values_list("outcome", flat=True)) == {"contact"}
    assert {c.request.words for c in Case.objects.all()} == {"暖气不热\n家里暖气一直不热", "太吵\n半夜施工噪声太吵"}


def test_pour_says_what_is_missing(db: None, messages: Path, tmp_path: Path, settings: Any) -> None:
    build_town()
    wrong = {
        "no column body": (str(messages), "--words", "body", "--reply", "answer", "--address", "http://x"),
        "cannot be read": (str(tmp_path / "none.csv"), "--words", "text", "--reply", "answer", "--address", "http://x"),
        "No demo runs in": (str(messages), "--words", "text", "--reply", "answer"),
    }
    settings.GONGZHI_HOME = tmp_path
    for sentence, words in wrong.items():
        with pytest.raises(CommandError, match=sentence):
            run("pour", *words)


def test_a_machine_gets_a_key_that_is_shown_once_and_may_report(db: None, client: Client) -> None:
    town = build_town()
    key = run("apikey", "kiosk").strip()
    row = org.token(key)
    assert row is not None and row.name == "kiosk" and key not in str(vars(row))
    lon, lat = town.point("west-south-1")
    answer = client.post("/api/v1/reports", {"lon": lon, "lat": lat, "words": "积水"}, content_type="application/json",
                         headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 201
    assert client.get("/api/v1/tasks", headers={"Authorization": f"Bearer {key}"}).status_code == 401
