"""What the rules of the lists say, apart from any database."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.duties import rules

DAY = date(2026, 3, 2)
days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@pytest.mark.parametrize(("first", "last", "state"), [
    (None, None, "draft"), (DAY, None, "in_force"), (DAY, DAY, "in_force"), (DAY + timedelta(1), None, "coming"),
    (date(2020, 1, 1), DAY - timedelta(1), "over"), (DAY, DAY - timedelta(1), "over"),
])
def test_a_version_stands_as_its_days_say(first: date | None, last: date | None, state: str) -> None:
    assert rules.state(first, last, DAY) == state


@given(start=days, replaced=days, day=days)
def test_on_no_day_are_a_version_and_the_one_it_replaces_both_in_force(start: date, replaced: date, day: date) -> None:
    """Nor neither, once the first has begun."""
    former = rules.state(min(start, replaced), rules.last_before(max(start, replaced)), day)
    latter = rules.state(max(start, replaced), None, day)
    both = [former, latter].count("in_force")
    assert both == (1 if day >= min(start, replaced) else 0)


@pytest.mark.parametrize(("parts", "closed"), [
    ([], False), (["taken_back"], True), (["taken_back", "basic"], False), (["taken_back", "taken_back"], True)])
def test_one_line_that_opens_it_is_enough(parts: list[str], closed: bool) -> None:
    assert rules.closed(parts, "street") is closed


def scored(words: str, **line: object) -> float:
    given = {"text": "", "tokens": [], "keywords": [], "categories": [], **line}
    return rules.score(words, ["暖气", "气不", "不热"], given, {"900401": 0.9})


def test_words_key_words_and_the_category_they_suggest_all_count() -> None:
    assert scored("暖气不热") == 0
    by_words, by_key = scored("暖气不热", tokens=["暖气", "供热"]), scored("暖气不热", keywords=["不热"])
    by_category, by_text = scored("暖气不热", categories=["900401"]), scored("暖气不热", text="居民家里暖气不热")
    assert 0 < by_words < by_key < by_text < by_category


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.text(min_size=1, max_size=5), max_size=6),
       st.dictionaries(st.text(min_size=1, max_size=3), st.text(min_size=1, max_size=5), max_size=6))
def test_the_differences_of_two_versions_rebuild_the_second(before: dict[str, str], after: dict[str, str]) -> None:
    found = rules.changes({n: {"事项": t} for n, t in before.items()}, {n: {"事项": t} for n, t in after.items()})
    rebuilt = dict(before)
    for change in found:
        rebuilt.pop(change.number, None)
        if change.kind != "removed":
            rebuilt[change.number] = change.text
    assert rebuilt == after
    assert {c.number for c in found} == {n for n in {**before, **after} if before.get(n) != after.get(n)}
