"""What /healthz calls late."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gongzhi.base import clock
from gongzhi.log import actions as log
from gongzhi.log import projections
from gongzhi.log.models import Cursor
from gongzhi.notify.models import Notice
from gongzhi.site import health

LONG_AGO = timedelta(days=3)


@pytest.fixture
def unread_line(db):
    """One line written under a time three days ago, which nobody has read."""
    with clock.at(clock.now() - LONG_AGO):
        log.append("test.said", actor="system", subject=("case", 1))


def moved(at):
    for name in projections.registry:
        Cursor.objects.update_or_create(name=name, defaults={"read_at": at})


def test_a_reader_that_moves_is_not_late_however_old_the_times_it_reads(unread_line):
    moved(clock.now() - timedelta(seconds=20))
    found = health.parts()["projections"]
    assert found["ok"]
    assert set(found["unread"].values()) == {1}


def test_a_reader_that_stands_still_before_an_old_line_is_late(unread_line):
    moved(clock.now() - timedelta(minutes=5))
    assert not health.parts()["projections"]["ok"]


def test_a_reader_that_never_read_is_late(unread_line):
    assert not health.parts()["projections"]["ok"]


def test_a_reader_with_nothing_to_read_is_not_late(db):
    moved(clock.now() - LONG_AGO)
    assert health.parts()["projections"]["ok"]


def test_what_an_office_must_know_of_its_machine(db, settings, monkeypatch):
    settings.GONGZHI_DEMO = False
    parts = health.parts()
    assert not parts["backup"]["ok"] and parts["disk"]["free"] > 0 and parts["clock"]["ok"] and parts["jobs"]["ok"]
    health.backed_up(clock.now())
    assert health.parts()["backup"]["ok"]
    with clock.at(clock.now() + timedelta(hours=37)):
        assert not health.parts()["backup"]["ok"]
    monkeypatch.setattr(health.time, "time", lambda: clock.now().timestamp() + 9)
    assert not health.parts()["clock"]["ok"]
    monkeypatch.setattr(health, "DISK_ALARM", 10**18)
    assert not health.parts()["disk"]["ok"]


def test_messages_that_fail_one_after_the_other_are_told(db, monkeypatch):
    monkeypatch.setattr(health, "MESSAGES_ALARM", 2)
    for n in range(2):
        assert health.parts()["messages"]["ok"]
        Notice.objects.create(key=str(n), channel="sms", recipient="x", title="t", about_kind="case", state=Notice.FAILED)
    assert not health.parts()["messages"]["ok"]


def test_a_monitor_reads_metrics_from_this_machine_or_with_its_token(db, client, settings):
    found = {f.name: f for f in text_string_to_metric_families(client.get("/metrics").content.decode())}
    assert {s.labels["part"] for s in found["gongzhi_ok"].samples} == set(health.parts())
    assert found["gongzhi_cases_open"].samples[0].value == 0
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 403
    settings.METRICS_TOKEN = "a-long-token"
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.7", headers={"Authorization": "Bearer a-long-token"}).status_code == 200
