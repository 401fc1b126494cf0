import threading
from datetime import date, timedelta

import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon, box

from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.log import queries as log
from gongzhi.places import actions, index, queries, rules
from gongzhi.places.actions import NewPlace
from gongzhi.places.models import Place, PlaceCode
from gongzhi.places.tests import city

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    made = city.make()
    index.reload()
    return made


def brute(grids, lon, lat):
    point = shapely.Point(lon, lat)
    hit = [g.pk for g in grids if shapely.from_wkb(bytes(g.outline)).intersects(point)]
    return min(hit, default=0)


def test_a_point_is_found_where_bare_shapely_finds_it_edges_and_corners_included(town):
    rng = np.random.default_rng(1)
    lons = list(city.WEST + rng.uniform(-0.2, 4.2, 300) * city.SIDE)
    lats = list(city.SOUTH + rng.uniform(-0.2, 4.2, 300) * city.SIDE)
    for grid in town.grids:
        for lon, lat in shapely.get_coordinates(shapely.from_wkb(bytes(grid.outline)).segmentize(city.SIDE / 2)):
            lons.append(lon)
            lats.append(lat)
    expected = [brute(town.grids, *p) for p in zip(lons, lats, strict=True)]
    one_by_one = [found.place_id if (found := index.locate(*p)) else 0 for p in zip(lons, lats, strict=True)]
    assert one_by_one == expected
    assert index.locate_many(lons, lats).tolist() == expected
    assert 0 in expected and len(set(expected)) == 17


def test_what_is_found_has_its_path_and_points_outside_or_not_on_earth_have_nothing(town):
    found = index.locate(*city.inside(town.grids[5]))
    assert found.place_id == town.grids[5].pk and list(found.path) == town.grids[5].path
    assert [len(town.grids[5].path), town.grids[5].path[0]] == [4, town.district.pk]
    for lon, lat in [(0, 0), (float("nan"), 40), (float("inf"), 40), (111.6, 4000), (-111.6, 40.8)]:
        assert index.locate(lon, lat) is None
    assert index.locate_many([float("nan"), 0], [1, 0]).tolist() == [0, 0]


def test_names_come_from_memory_and_only_buildings_are_asked_of_the_database(town, django_assert_num_queries):
    building = actions.add_places([NewPlace("building", "3号楼", town.compounds[0])], by=None, source="测试")[0]
    index.reload()
    with django_assert_num_queries(0):
        assert index.name_of(town.grids[0].pk) == "第一网格"
        assert index.names([p.pk for p in town.streets]) == {p.pk: p.name for p in town.streets}
        assert index.node(town.communities[1].pk).code == "150102001002"
        assert index.words(town.grids[0].path) == "海拉尔东路街道 · 水岸社区 · 第一网格"
    with django_assert_num_queries(1):
        assert index.names([building.pk, town.district.pk, None]) == {building.pk: "3号楼", town.district.pk: "新城区"}


def test_a_change_of_the_tree_is_seen_at_once_by_this_process_and_by_others_when_they_look(town, monkeypatch):
    before = index.current()
    actions.set_outline(town.grids[0], outline=box(120, 30, 121, 31), made_up=True, by=None)
    assert index.locate(120.5, 30.5).place_id == town.grids[0].pk
    assert index.current().version > before.version
    monkeypatch.setattr(index, "look_again", lambda: None)  # as in another process
    actions.rename(town.grids[1], name="新名网格", by=None)
    assert index.name_of(town.grids[1].pk) == "第二网格"
    monkeypatch.setattr(index, "CHECKED_EVERY", 0.0)
    assert index.name_of(town.grids[1].pk) == "新名网格"


def test_many_threads_may_ask_while_a_new_tree_is_loaded(town):
    snapshot, faults = index.current(), []

    def ask() -> None:
        for grid in town.grids * 20:
            if snapshot.locate(*city.inside(grid)).place_id != grid.pk:
                faults.append(grid)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    index.reload()
    for thread in threads:
        thread.join()
    assert not faults


def test_a_batch_is_one_line_of_the_log(town):
    (line,) = log.of_subject("place", town.district.pk)
    assert (line.verb, line.actor, line.data) == ("place.add", "system", {"n": 25})


def test_a_new_code_closes_the_former_and_both_stay_in_the_history(town):
    grid, today = town.grids[0], clock.today()
    actions.set_code(grid, system="grid", code="150102001001009", from_date=today + timedelta(1), source="来文", by=7)
    rows = PlaceCode.objects.filter(place=grid).order_by("valid_from")
    history = list(rows.values_list("code", "valid_from", "valid_to"))
    assert history == [("150102001001001", today, today), ("150102001001009", today + timedelta(1), None)]
    assert grid.code == "150102001001001"
    assert queries.by_code("150102001001001") == grid and queries.by_code("150102001001009") is None
    with clock.at(clock.now() + timedelta(days=1)):
        assert actions.keep_codes() == 1
        assert Place.objects.get(pk=grid.pk).code == "150102001001009"
        assert queries.by_code("150102001001009") == grid and queries.by_code("150102001001001") is None
    assert [(x.verb, x.actor) for x in log.of_subject("place", grid.pk)] == [("place.code", "person:7")]


def test_a_code_in_use_or_out_of_shape_is_refused_and_nothing_is_written(town):
    tomorrow, grid = clock.today() + timedelta(1), town.grids[0]
    for wrong in ("150102001001002", "150102001001", "150102002001005", "15010200100100a", "150102001001000"):
        with pytest.raises(Refused):
            actions.set_code(grid, system="grid", code=wrong, from_date=tomorrow, source="x", by=1)
    with pytest.raises(Refused):
        actions.set_code(grid, system="grid", code="150102001001008", from_date=date(2020, 1, 1), source="x", by=1)
    assert PlaceCode.objects.filter(place=town.grids[0]).count() == 1


def test_division_codes_say_their_level():
    for kind, code in [("district", "150102000000"), ("street", "150102001000"), ("community", "150102001001"),
                       ("street", "150102100000"), ("community", "150102400498"), ("city", "150100000000")]:
        rules.check_code(kind, "nbs", code)
    for kind, code in [("district", "150102001000"), ("street", "150102001001"), ("street", "150102600000"),
                       ("community", "150102001000"), ("community", "1501020010"), ("grid", "150102001001")]:
        with pytest.raises(Refused):
            rules.check_code(kind, "nbs", code)


def test_a_grid_hangs_under_a_community_only(town):
    with pytest.raises(Refused):
        actions.add_places([NewPlace("grid", "错格", town.streets[0])], by=None, source="x")


def test_an_outline_that_crosses_itself_is_refused(town):
    bow = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    with pytest.raises(Refused):
        actions.set_outline(town.grids[0], outline=bow, made_up=True, by=None)


def test_a_closed_grid_is_found_no_more_but_keeps_its_name(town):
    grid = town.grids[1]
    actions.close(grid, to_date=clock.today() - timedelta(1), by=None)
    assert index.locate(*city.inside(grid)) is None
    assert index.name_of(grid.pk) == "第二网格"
    with pytest.raises(Refused):
        actions.close(town.communities[1], to_date=clock.today(), by=None)


@pytest.mark.parametrize(
    "text", ["水岸小区", "水岸", "海拉尔东路水岸小区3号楼2单元", "shuianxiaoqu", "saxq", "XC-0001", "xc-0001"]
)
def test_search_finds_the_compound_by_words_address_pinyin_initials_and_code(town, text):
    assert queries.search(text)[0].name == "水岸小区"
    assert queries.search(text)[0].where == "海拉尔东路街道 · 水岸社区 · 第一网格"


def test_search_keeps_to_kinds_and_to_a_place_and_takes_anything_typed(town):
    assert {h.kind for h in queries.search("水岸", kinds=("community",))} == {"community"}
    assert queries.search("水岸", within=town.streets[1].pk) == []
    assert len(queries.search("网格", limit=3)) == 3
    assert queries.search("岸")[0].name in ("水岸小区", "水岸社区")
    for text in ("", "   ", "_", "'; DROP TABLE", "水" * 2000, "\\", "150102"):
        queries.search(text)
    assert queries.search("%") == [] and queries.search("😀") == []


def test_what_is_named_comes_alone_and_a_loose_hit_only_where_nothing_is_named(town):
    assert [h.name for h in queries.search("水岸社区")][0] == "水岸社区"
    assert all("水岸" in h.name for h in queries.search("水岸"))
    assert [h.name for h in queries.search("新城区海拉尔东路街道水岸小区3号楼")] == ["水岸小区"]  # not what it lies in
    assert "水岸小区" in [h.name for h in queries.search("水岸小院")]  # nothing is called so: what shares something


def test_children_and_breadcrumbs(town):
    assert [p.name for p in queries.children(None)] == ["新城区"]
    assert list(queries.children(town.district.pk)) == town.streets
    assert [n.name for n in queries.breadcrumbs(town.grids[0].path)] == ["新城区", "海拉尔东路街道", "水岸社区", "第一网格"]


def test_outlines_tile_after_simplifying_and_say_that_they_are_made_up(town):
    drawn = queries.outlines("grid", under=town.streets[0].pk)
    assert len(drawn["features"]) == 8
    assert drawn["features"][0]["properties"] == {
        "id": town.grids[0].pk, "kind": "grid", "name": "第一网格", "code": "150102001001001", "made_up": True}
    shapes = [shapely.geometry.shape(f["geometry"]) for f in drawn["features"]]
    assert shapely.coverage_is_valid(shapes)
    assert shapely.union_all(shapes).area == pytest.approx(8 * city.SIDE**2)
    assert queries.outlines("grid", under=town.streets[0].pk) is drawn


def test_the_nearest_compound_is_within_reach_or_none(town):
    at = town.compounds[0]
    assert queries.nearest_compound(at.lon + 0.0005, at.lat).name == "水岸小区"
    assert queries.nearest_compound(at.lon + 0.005, at.lat) is None


def test_distances_are_in_metres():
    assert queries.distance_m(111.67, 40.81, 111.67, 40.82) == pytest.approx(1111.95, abs=0.1)
    assert queries.distance_m(111.67, 40.81, 111.67, 40.81) == 0
