"""The made city keeps its promises: exact tiling, real codes, everybody in place, the same every time."""

import itertools
import random
from collections import Counter, defaultdict
from datetime import date

import phonenumbers
import pytest
import shapely

from demo import city, geometry, people, texts
from gongzhi.org import rules


@pytest.fixture(scope="module")
def built():
    return city.build()


@pytest.fixture(scope="module")
def kinds(built):
    out = defaultdict(list)
    for place in built.places:
        out[place.kind].append(place)
    return out


@pytest.mark.parametrize("kind", ["street", "community", "grid"])
def test_every_level_tiles_the_district_without_gap_or_overlap(kinds, kind):
    cells = [p.polygon for p in kinds[kind]]
    district = kinds["district"][0].polygon
    assert all(c.is_valid and c.geom_type == "Polygon" for c in cells)
    assert shapely.coverage_is_valid(cells)
    union = shapely.coverage_union_all(cells)
    assert union.symmetric_difference(district).area <= 1e-9 * district.area
    tree = shapely.STRtree(cells)
    pairs = [(a, b) for a, b in tree.query(cells, predicate="intersects").T if a < b]
    assert max(cells[a].intersection(cells[b]).area for a, b in pairs) == 0


def test_the_district_is_the_real_outline_to_ten_centimetres(kinds):
    outline, made = geometry.read_outline(), kinds["district"][0].polygon
    assert shapely.hausdorff_distance(outline.exterior, made.exterior) <= 1e-6
    assert not kinds["district"][0].made_up
    assert all(p.made_up for p in kinds["grid"])


def test_every_cell_contains_its_label_point(built):
    assert all(p.polygon.contains(shapely.Point(p.lon, p.lat)) for p in built.places)


def test_children_lie_in_their_parents(built):
    by_code = {p.code: p for p in built.places}
    for place in built.places:
        if place.parent:
            assert place.code.startswith(place.parent)
            assert by_code[place.parent].polygon.contains(shapely.Point(place.lon, place.lat))


def test_codes_are_the_official_ones_and_grids_count_on_from_them(kinds):
    assert len(kinds["street"]) == 13
    assert len(kinds["community"]) == 90
    assert 650 <= len(kinds["grid"]) <= 750
    per_community = Counter(g.parent for g in kinds["grid"])
    for grid in kinds["grid"]:
        assert len(grid.code) == 15
    for code, n in per_community.items():
        serials = sorted(g.code[-3:] for g in kinds["grid"] if g.parent == code)
        assert serials == [f"{i:03d}" for i in range(1, n + 1)]


def test_the_first_grid_of_a_community_lies_north_of_its_last(kinds):
    for community in kinds["community"]:
        mine = sorted((g for g in kinds["grid"] if g.parent == community.code), key=lambda g: g.code)
        assert mine[0].lat >= mine[-1].lat - 0.004


def test_town_grids_are_small_and_the_mountain_is_sparse(kinds):
    town = [g.attrs["area_m2"] for g in kinds["grid"] if not g.name.split("第")[0].endswith("村")]
    country = [g.attrs["area_m2"] for g in kinds["grid"] if g.name.split("第")[0].endswith("村")]
    assert sorted(town)[len(town) // 2] < 150_000 < 2_000_000 < sorted(country)[len(country) // 2]


def test_compounds_and_buildings_stand_inside_their_grid(built):
    grids = {p.code: p.polygon.buffer(2e-6) for p in built.places if p.kind == "grid"}
    yards = {c.code: c.polygon.buffer(2e-6) for c in built.compounds}
    assert 400 <= len(built.compounds) <= 600
    assert 3000 <= len(built.buildings) <= 4500
    assert all(grids[c.grid].contains(c.polygon) for c in built.compounds)
    assert all(grids[b.grid].contains(b.polygon) for b in built.buildings)
    assert all(yards[b.compound].contains(b.polygon) for b in built.buildings if b.compound)
    for rows in (built.compounds, built.buildings):
        assert len({r.code for r in rows}) == len(rows)
    assert len({c.name for c in built.compounds}) == len(built.compounds)


def test_the_same_seed_builds_the_same_city(built):
    assert city.build() == built


def test_keys_are_unique_and_parents_come_first(built):
    seen = set()
    for unit in built.units:
        assert unit.key not in seen
        assert not unit.parent or unit.parent in seen
        seen.add(unit.key)
    places = set()
    for place in built.places:
        assert not place.parent or place.parent in places
        places.add(place.code)
    assert {u.place for u in built.units} <= places
    assert {c.property for c in built.compounds} - {""} <= seen
    assert {c.heating for c in built.compounds} <= seen


def test_every_unit_has_a_leader(built):
    led = {a.unit for a in built.appointments if a.post == "leader"}
    assert {u.key for u in built.units} == led


def test_posts_are_of_the_vocabulary(built):
    assert {a.post for a in built.appointments} == set(rules.POSTS)


def test_every_grid_has_one_head_one_manager_one_worker_and_some_more(built):
    posts = defaultdict(Counter)
    for a in built.appointments:
        posts[a.unit][a.post] += 1
    for unit in built.units:
        if unit.kind == "grid" and unit.line == "service":
            staff = posts[unit.key]
            assert (staff["gridhead"], staff["gridmanager"], staff["gridworker"]) == (1, 1, 1)
            assert staff["gridpart"] >= 1


def test_both_lines_run_from_the_district_to_the_grid(built):
    line = Counter((u.level, u.line) for u in built.units if u.kind in ("street", "community", "grid"))
    for level in ("street", "community", "grid"):
        assert line[level, "party"] == line[level, "service"] > 0


def test_the_sign_ins_hold_their_posts(built):
    held = defaultdict(set)
    for a in built.appointments:
        held[a.username].add((a.unit, a.post))
    community = "community-150102001001"
    assert held["admin"] == {("services", "admin")}
    assert held["district"] == {("centre", "dispatcher")}
    assert held["operator"] == {("centre", "operator")}
    assert held["street"] == {("street-150102001", "dispatcher")}
    assert held["community"] == {(community, "leader"), (community + "-party", "leader")}
    assert held["grid"] == {("grid-150102001001001", "gridworker")}
    assert held["department"] == {("housing", "liaison"), ("housing", "leader")}
    assert held["section"] == {("housing-2", "handler")}
    assert {s.username for s in built.sign_ins} <= {p.username for p in built.people}


def test_telephone_numbers_reach_nobody(built):
    assert all(p.work_phone.startswith("0471-0") for p in built.people)
    assert all(u.phone.startswith("0471-0") for u in built.units)


def test_categories_have_standards_and_sources(built):
    leaves = [c for c in built.categories if c.parent]
    units = {u.key for u in built.units}
    codes = {c.code for c in built.categories}
    for c in leaves:
        assert c.parent in codes
        assert c.handle_limit and c.limit_source and c.source and c.close_condition
        assert c.evidence in ("photo", "document", "call", "none")
        assert c.owner in units
        assert c.outside in ("", "heating", "water", "power", "gas", "property")
    assert {"part", "event", "matter"} == {c.kind for c in leaves}


def test_rights_4_8_unrest_is_no_category_and_begging_is_help(built):
    names = {c.code: c.name for c in built.categories}
    assert not {"200407", "209008", "200502"} & names.keys()
    assert not any(word in name for name in names.values() for word in ("集体性", "不稳定"))
    (begging,) = (c for c in built.categories if "乞讨" in c.name)
    assert begging.parent == "9010"
    assert begging.never_public


def test_rights_4_14_noise_disputes_and_help_are_never_public(built):
    for c in built.categories:
        if c.parent and (c.parent in ("9007", "9016", "9020") or "噪" in c.name and c.kind == "event"):
            assert c.never_public, c.name


def test_catalogue_and_answers_point_at_categories_and_units(built):
    codes, units = {c.code for c in built.categories}, {u.key for u in built.units}
    for line in built.catalogue:
        assert line.category in codes
        assert {line.lead, *line.helpers} <= units
        assert "演示" in line.text
    assert 15 <= len(built.answers) <= 20
    assert {a.category for a in built.answers} <= codes
    assert all(a.source and a.date for a in built.answers)


def test_reports_are_varied_and_fit_their_fields(built):
    rng, by_code = random.Random(1), {c.code: c for c in built.categories if c.parent}
    odds = texts.weights(date(2026, 11, 1))
    assert odds.keys() <= by_code.keys()
    assert texts.WORDS["sayings"].keys() <= by_code.keys()
    codes = rng.choices(list(odds), list(odds.values()), k=3000)
    said = [texts.report(rng, by_code[code], rng.choice(built.compounds).name) for code in codes]
    assert len({r.words for r in said}) > 2800
    assert all(0 < len(r.title) <= 30 and "{" not in r.words for r in said)
    assert {r.kind for r in said} == {"consult", "help", "complain", "tip_off", "suggest"}


def test_replies_say_what_was_done(built):
    rng = random.Random(2)
    for category in itertools.islice((c for c in built.categories if c.parent), 300):
        done = texts.result(rng, category)
        answer = texts.reply(rng, category, "银河苑", "区住建局", done)
        assert done in answer
        assert "{" not in answer


def test_heating_is_a_matter_of_the_cold_months():
    assert "900101" not in texts.weights(date(2026, 9, 1))
    assert texts.weights(date(2026, 11, 20))["900101"] > texts.weights(date(2026, 11, 20))["900501"]


def test_made_up_mobile_numbers_pass_for_numbers():
    for n in (0, 7, 4321, 999_999):
        number = phonenumbers.parse(people.mobile(n), "CN")
        assert str(number.national_number) == people.mobile(n)
        assert phonenumbers.is_possible_number(number)
        assert not phonenumbers.is_valid_number(number)
