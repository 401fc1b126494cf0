"""The auditor's page: every verb in words, one person's lines whole, nobody else sees it."""

import re
from pathlib import Path

import pytest
from django.test import Client

from conftest import Town
from gongzhi.account import actions as account
from gongzhi.requests.tests.walking import Walk
from gongzhi.site import audit

ROOMS = Path(__file__).resolve().parents[2]
SPOKEN = re.compile(r'(?:log\.append|_note)\(\s*"([a-z_]+\.[a-z_]+)"')


def test_every_verb_that_is_written_has_words() -> None:
    written = {verb for path in ROOMS.rglob("*.py") if "/tests/" not in str(path) for verb in SPOKEN.findall(path.read_text())}
    assert len(written) > 30
    assert sorted(v for v in written if v not in audit.WORDS and not v.startswith("request.")) == []
    assert all(v.partition(".")[2] in audit.ABOUT_CASES for v in written if v.startswith("request."))


@pytest.fixture
def auditor(town: Town) -> Client:
    town.person("auditor", "审计员", ("centre", "auditor"))
    client = Client()
    client.force_login(town.people["auditor"])
    return client


def test_an_auditor_reads_what_one_person_did_and_what_was_done_beside_matters(town: Town, auditor: Client) -> None:
    walk = Walk(town).dispatched()
    account.unlock(town.people["street"], by=town.people["admin"].pk)
    page = auditor.get("/setup/audit/?since=2026-01-01").content.decode()
    assert "解锁" in page and town.people["street"].name in page and "<td>派单</td>" not in page
    own = auditor.get(f"/setup/audit/?since=2026-01-01&until=2026-12-31&q={town.people['street'].username}").content.decode()
    assert "<td>派单</td>" in own and walk.case.code[:3] in own
    assert "解锁" not in auditor.get("/setup/audit/?since=2026-01-01&group=leaves").content.decode()
    assert "没有这个用户名" in auditor.get("/setup/audit/?q=nobody").content.decode()
    for odd in ("?since=x&until=9999-99-99", "?before=x", "?group=nothing", "?since=2030-01-01&until=2020-01-01"):
        assert auditor.get("/setup/audit/" + odd).status_code == 200
    admin = Client()
    admin.force_login(town.people["admin"])
    assert admin.get("/setup/audit/").status_code == 403


def test_the_pages_are_cut_by_key(town: Town, auditor: Client) -> None:
    for _n in range(audit.PAGE + 3):
        account.unlock(town.people["street"], by=town.people["admin"].pk)
    first = auditor.get("/setup/audit/").content.decode()
    onward = re.search(r'href="(\?[^"]*before=\d+[^"]*)"', first)
    assert onward and first.count("<tr data-row>") == audit.PAGE
    second = auditor.get("/setup/audit/" + onward[1].replace("&amp;", "&")).content.decode()
    assert second.count("<tr data-row>") == 4  # and that the process was published
