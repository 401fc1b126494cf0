"""Who is suggested and why, what is shown near by, and a classifier that fails."""

import logging
from datetime import date, timedelta

import pytest

from conftest import Town
from gongzhi.org.models import Unit
from gongzhi.places import index
from gongzhi.places.models import Place
from gongzhi.requests import actions, classify, queries
from gongzhi.requests.models import Answer, CatalogueLine, Request
from gongzhi.requests.tests.walking import COLD, RUBBISH, Walk


def company(town: Town, key: str, name: str, place: str | None) -> Unit:
    town.unit(key, "outside", "", name, None, place, "outside")
    return town.units[key]


@pytest.fixture
def compound(town: Town) -> Place:
    grid = town.places["west-south-1"]
    made = Place.objects.create(parent=grid, kind="compound", name="团结小区", lon=grid.lon, lat=grid.lat)
    made.path = [*grid.path, made.pk]
    made.save()
    index.reload()
    return made


def suggested(walk: Walk) -> dict[str, list[tuple[str, str]]]:
    return {s.unit_name: list(s.reasons) for s in queries.suggest_units(walk.case, town_category(walk), 5)}


def town_category(walk: Walk, code: str = COLD) -> object:
    return walk.town.categories[code]


def test_the_company_of_the_smallest_area_acts_first(town: Town) -> None:
    company(town, "heating-street", "西街供热", "west")
    company(town, "heating-district", "全区供热", "district")
    assert "西街供热" in suggested(Walk(town))
    assert "全区供热" in suggested(Walk(town, grid="east-south-1"))


def test_of_several_companies_none_is_picked_by_chance(town: Town) -> None:
    Unit.objects.filter(pk=town.units["heating"].pk).update(place=town.places["district"])
    company(town, "heating-2", "第二供热", "district")
    found = suggested(Walk(town))
    assert not {"暖阳供热公司", "第二供热"} & found.keys()
    assert ("属地兜底", "这里有 2 家可能的属主，没有登记是哪一家，由属地先核实") in found["西南社区居委会"]


def test_the_compound_says_whose_it_is(town: Town, compound: Place) -> None:
    company(town, "heating-2", "第二供热", None)
    walk = Walk(town, compound_id=compound.pk)
    assert "第二供热" not in suggested(walk)
    Place.objects.filter(pk=compound.pk).update(attrs={"heating": "heating-2"})
    assert ("属主", "供暖不热由第二供热负责") in suggested(walk)["第二供热"]


def test_a_facility_goes_to_its_owner_first_whoever_did_it_last(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    CatalogueLine.objects.all().delete()
    walk = Walk(town)
    lamp = town.categories[RUBBISH]
    lamp.kind, lamp.owner_key, lamp.outside_key = "part", "housing", ""
    before = [queries.Before(town.units["west-south"], "同一网格", 1, 1)]
    monkeypatch.setattr(queries, "same_place", lambda case, category: before)
    assert [s.unit_name for s in queries.suggest_units(walk.case, lamp)] == ["区住建局", "西南社区居委会"]


def test_the_unit_that_finished_the_same_kind_last_stands_first(town: Town) -> None:
    CatalogueLine.objects.all().delete()
    for unit, who, leader, days in (("housing", "department", "department_leader", 1),
                                    ("housing", "department", "department_leader", 1), ("parks", "parks", "parks_leader", 3)):
        walk = Walk(town).dispatched(unit)
        walk.wait(days=days)
        walk.finished(who, leader)
        walk.wait(days=5)  # the reporter takes his time: that is not the unit's
        walk.does("reporter", "rate", solved="solved", satisfied="5")
    walk = Walk(town, now=walk.now + timedelta(hours=1))
    first, second = queries.same_place(walk.case, town.categories[COLD])
    assert (first.unit.name, first.days, first.n) == ("区城管局", 3, 1)
    assert (second.unit.name, second.n) == ("区住建局", 2)
    found = suggested(walk)
    assert ("同一网格", "上次同类事项由其办结，用了 3 天") in found["区城管局"]
    assert ("同一网格", "一年内办结过 2 件同类事项") in found["区住建局"]


def test_what_was_at_the_same_compound_counts_before_the_rest_of_the_grid(town: Town, compound: Place) -> None:
    for unit, who, leader, where in (("housing", "department", "department_leader", compound.pk),
                                     ("parks", "parks", "parks_leader", None)):
        walk = Walk(town, compound_id=where).dispatched(unit).finished(who, leader)
        walk.does("reporter", "rate", solved="solved", satisfied="5")
        walk.wait(days=1)
    here = Walk(town, compound_id=compound.pk)
    (only,) = queries.same_place(here.case, town.categories[COLD])
    assert (only.unit.name, only.where) == ("区住建局", "同一小区")


def test_a_classifier_that_fails_blocks_nothing(
        town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def guess(self, words: str, limit: int = 3) -> list[classify.Guess]:
            raise RuntimeError("model file is gone")

    monkeypatch.setattr(classify, "classifier", Broken())
    with caplog.at_level(logging.ERROR):
        walk = Walk(town)
    assert walk.case.request.suggested is None and walk.stage == "receiving"
    assert "model file is gone" in caplog.text
    case = actions.take_call(
        actions.Report(walk.lon, walk.lat, words="暖气不热", channel="phone"),
        {"category": COLD, "place": [walk.lon, walk.lat], "kind": "help"}, by=town.actor("operator"))
    assert Request.objects.get(pk=case.case_id).category == town.categories[COLD]


def test_of_what_is_open_near_by_the_same_kind_is_shown(town: Town) -> None:
    cold, rubbish = Walk(town).accepted(COLD), Walk(town, "一堆垃圾").accepted(RUBBISH)
    codes = [r["code"] for r in queries.nearby_for_public(cold.lon, cold.lat, "楼道里也是暖气不热").rows]
    assert codes == [cold.case.code]
    silent = queries.nearby_for_public(cold.lon, cold.lat)
    assert {r["code"] for r in silent.rows} == {cold.case.code, rubbish.case.code} and not silent.by_words
    unclear = queries.nearby_for_public(cold.lon, cold.lat, "一言难尽")
    assert unclear.rows == [] and unclear.by_words


def test_a_title_that_was_cut_says_so(town: Town) -> None:
    long = "楼道里" * 20
    assert Walk(town, long).case.title == long[:39] + "…" and Walk(town, "楼道灯不亮\n三天了").case.title == "楼道灯不亮"


def test_an_answer_that_shares_but_common_words_is_not_offered_beside_one_that_fits(town: Town) -> None:
    Answer.objects.create(title="楼上扔东西怎么办", words="报警。", keywords=["高空抛物"], tokens=["怎么", "么办", "扔东"],
                          source="made up", source_date=date(2026, 1, 1))
    assert [a.title for a in queries.answers("居住证怎么办")] == ["居住证怎么办"]
