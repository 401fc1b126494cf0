"""Finding categories and matters by words, quickly and for the right eyes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Town
from gongzhi.base import codes
from gongzhi.flow.actors import Actor
from gongzhi.org import queries as org
from gongzhi.org.models import Person
from gongzhi.requests import actions, classify, queries
from gongzhi.requests.models import Category, Request
from gongzhi.requests.tests.walking import MANNERS, Walk

ALPHABET = "暖气不热灯坏ab"


@given(st.lists(st.text(ALPHABET, min_size=1, max_size=4), max_size=8, unique=True), st.text(ALPHABET, max_size=12))
def test_reading_a_text_once_finds_what_looking_for_each_keyword_finds(keywords: list[str], words: str) -> None:
    by_start: dict[str, list[tuple[str, str]]] = {}
    for keyword in keywords:
        by_start.setdefault(keyword[:2], []).append((keyword, keyword))
    classify.forget()
    classify._kept[""] = (float("inf"), classify.Table({k: Category(code=k, name=k) for k in keywords}, by_start))
    try:
        found = {g.code for g in classify.classifier.guess(words, 99)}
    finally:
        classify.forget()
    assert found == {k for k in keywords if k in words}


def test_the_surest_category_comes_first(town: Town) -> None:
    guesses = classify.classifier.guess("家里暖气不热，楼道里也冷")
    assert guesses
    assert guesses[0].name and 0 < guesses[0].confidence <= 1
    assert all(word in "家里暖气不热，楼道里也冷" for word in guesses[0].because)
    assert classify.classifier.guess("") == []


def standing(name: str):
    return org.standing(Person.objects.get(username=name))


def test_a_complaint_is_found_by_its_summary_and_by_its_words_only_while_the_hotline_reads_it(town: Town) -> None:
    walk = Walk(town, "楼长说话难听，我要投诉他")
    assert list(queries.search(standing("operator"), "说话难听")) == [walk.case]
    walk.accepted(MANNERS, kind="complain", summary="反映工作人员态度问题")
    assert list(queries.search(standing("district"), "工作人员态度")) == [walk.case]
    assert list(queries.search(standing("operator"), "工作人员态度")) == [walk.case]
    for who in ("operator", "district", "reviewer"):  # finding it by its words would be reading them without a purpose
        assert list(queries.search(standing(who), "说话难听")) == []


def test_a_matter_is_found_by_the_end_of_its_code(town: Town) -> None:
    case = Walk(town, "路灯不亮").case
    for digits in (case.code[-4:], case.code[-6:]):
        assert case in queries.search(standing("operator"), digits)
    other = str((int(case.code[-4:]) + 1) % 10_000).zfill(4)
    assert case not in queries.search(standing("operator"), other)


@pytest.mark.parametrize("words", ["https" + "x" * 300, "a" * 5000])
def test_a_long_run_of_letters_is_taken_in_and_found(town: Town, words: str) -> None:
    lon, lat = town.point("west-south-1")
    receipt = actions.report(actions.Report(lon, lat, words=words), by=Actor("anyone"))
    assert Request.objects.get(pk=receipt.case_id).words == words
    assert [c.pk for c in queries.search(standing("operator"), words[:100])] == [receipt.case_id]


def test_a_code_that_is_taken_is_not_given_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    lon, lat = town.point("west-south-1")
    first = actions.report(actions.Report(lon, lat, words="路灯不亮"), by=Actor("anyone"))
    drawn = iter([first.code, first.code, "9999999995"])
    monkeypatch.setattr(codes, "new_code", lambda: next(drawn))
    second = actions.report(actions.Report(lon, lat, words="井盖响", photos=[], submitted_key="k"), by=Actor("anyone"))
    assert second.is_new and second.code == "9999999995"
    assert Request.objects.count() == 2
