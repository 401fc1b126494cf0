"""What /healthz calls late."""

from datetime import timedelta

import pytest

from gongzhi.base import clock
from gongzhi.log import actions as log
from gongzhi.log import projections
from gongzhi.log.models import Cursor
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
