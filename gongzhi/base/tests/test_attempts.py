"""Locks after wrong tries."""

from datetime import timedelta

from conftest import MONDAY
from gongzhi.base import attempts, clock

HOUR = timedelta(hours=1)


def begin() -> bool:
    return attempts.begin("track:1", limit=5, lock=HOUR)


def test_a_try_is_counted_before_it_is_made_so_that_many_at_once_are_no_more_than_five(db: None) -> None:
    with clock.at(MONDAY):
        assert [begin() for _try in range(7)] == [True] * 5 + [False] * 2  # none of them has ended yet
    with clock.at(MONDAY + HOUR + timedelta(seconds=1)):
        assert begin()


def test_a_right_try_forgets_the_wrong_ones_before_it(db: None) -> None:
    with clock.at(MONDAY):
        assert all(begin() for _try in range(5))
        attempts.succeeded("track:1")
        assert begin()
