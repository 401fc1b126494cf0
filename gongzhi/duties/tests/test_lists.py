"""The lists from a sheet, their versions, the search in plain words, and what the pages show."""

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from conftest import MONDAY, Town
from gongzhi.base import clock, imports, sheets
from gongzhi.base.errors import Faults, Refused
from gongzhi.duties import actions, queries, search
from gongzhi.duties.imports import KEYS
from gongzhi.duties.models import CommunityVersion, StreetLine, StreetVersion
from gongzhi.duties.tests.lists import COLD, NOISE, RUBBISH, communities, drafted, in_force, line, streets
from gongzhi.org.models import Unit
from gongzhi.requests.models import CatalogueLine, Category
from gongzhi.requests.tests.walking import Walk

HEAD = "序号,分类,事项,类别,牵头部门,配合部门,街道职责,关键词,依据"


def client(town: Town, name: str) -> Client:
    browser = Client()
    browser.force_login(town.people[name])
    return browser


def sheet(text: str, name: str = "street") -> tuple[list[sheets.Row], list[sheets.Fault]]:
    """Read a sheet as the pages do: cells first, then what the database says."""
    importer = imports.importers[KEYS[name]]
    table = sheets.read(text.encode(), importer.columns)
    rows, faults = sheets.check(table, importer.columns, sheets.match(table.headers, importer.columns))
    return rows, [*faults, *importer.check(rows, 0)]


def take(town: Town, rows: Sequence[sheets.Row], name: str = "street") -> int:
    return imports.importers[KEYS[name]].take(rows, town.people["admin"].pk)


# From a sheet ---------------------------------------------------------------------------------------------------------


def test_a_sheet_begins_a_version_and_more_lines_go_into_the_same(town: Town) -> None:
    rows, faults = sheet(f"{HEAD}\n1,基本履职,清扫保洁,暴露垃圾,,,,垃圾、垃圾没人清,《环卫条例》\n"
                         f"2,上级部门收回,供热质量监管,{COLD},housing,区城管局,,暖气,\n")
    assert [f for f in faults if f.kind != "warn"] == [] and take(town, rows) == 2
    version = StreetVersion.objects.get()
    assert (version.valid_from, version.place, version.lines.count()) == (None, town.places["district"], 2)
    second = StreetLine.objects.get(number="2")
    assert (second.part, second.categories, second.lead, second.helper_ids) == (
        "taken_back", [COLD], town.units["housing"], [town.units["parks"].pk])
    assert StreetLine.objects.get(number="1").keywords == ["垃圾", "垃圾没人清"]
    take(town, sheet(f"{HEAD}\n3,配合履职,噪声,噪声扰民,区城管局,,劝导,,\n")[0])
    assert StreetVersion.objects.count() == 1 and StreetLine.objects.get(number="3").task == "劝导"


def test_what_is_wrong_with_a_line_is_said_by_its_row_and_column(town: Town) -> None:
    Category.objects.create(code="100999", name="暴露垃圾", kind="part", limit="1d", limit_source="x", source="x")
    Unit.objects.create(kind="department", line="government", name="另一个", short_name="区住建局", path=[0])
    drafted(town, "street", line("9", "已有的"))
    _rows, faults = sheet(
        f"{HEAD}\n1,随便,清扫,暴露垃圾,,,,,\n2,基本履职,清扫,暴露垃圾,没有这个局,,,,\n3,基本履职,,{COLD},,,,,\n"
        f"4,配合履职,供热,{COLD},区住建局,,,,\n4,配合履职,供热,{COLD},,,,,\n9,基本履职,绿化,没有这类,,,,,\n5,基本履职,咨询,,,,,,\n")
    said = {(f.n, f.column): f.sentence for f in faults if f.kind == "fault"}
    assert "不在可填的里面" in said[2, "part"]
    assert said[3, "lead"] == "没有叫“没有这个局”的单位。"
    assert said[3, "categories"] == "叫“暴露垃圾”的类别有 2 个，请写编码：100999、200102。"
    assert said[4, "text"] == "没有填。"
    assert said[5, "lead"] == "叫“区住建局”的单位有 2 个，请写全称或单位代码。"
    assert said[6, "number"] == "前面已经有第 4 项。" and said[6, "lead"] == "配合、协助的事项要写由谁主办。"
    assert "已经有第 9 项" in said[7, "number"] and "没有“没有这类”这个类别" in said[7, "categories"]
    assert not {n for n, _column in said} & {8}
    assert [f.n for f in faults if f.kind == "warn"] == [8], "a line without a category is found, and refuses nothing"


def test_a_line_of_the_catalogue_has_one_category_and_its_lead(town: Town) -> None:
    head = "序号,事项,类别,主办单位,协办单位,关键词,依据"
    lines = f"1,供热,{COLD},区住建局,区城管局,暖气,目录\n2,供热,{COLD}、{NOISE},区住建局,,,目录\n"
    rows, faults = sheet(f"{head}\n{lines}", "catalogue")
    assert [(f.n, f.sentence) for f in faults] == [(3, "派单目录一行写一个类别，几个类别请分几行。")]
    take(town, rows[:1], "catalogue")
    made = CatalogueLine.objects.get(number="1")
    assert made.valid_from is None and list(made.helpers.all()) == [town.units["parks"]]
    again = sheet(f"{head}\n1,供热,{COLD},区住建局,,,目录\n", "catalogue")[1]
    assert [f.kind for f in again] == ["same"]


def test_every_list_is_brought_in_through_the_pages(town: Town) -> None:
    browser = client(town, "admin")
    for name in KEYS.values():
        assert browser.get(f"/setup/import/{name}/").status_code == 200
        assert browser.get(f"/setup/import/{name}/template/").status_code == 200
    file = io.BytesIO(f"{HEAD}\n1,基本履职,清扫保洁,暴露垃圾,,,,,\n2,不对,清扫,,,,,,\n".encode())
    file.name = "街道清单.csv"
    page = browser.post("/setup/import/duties-street/", {"file": file}, follow=True)
    assert "不在可填的里面" in page.content.decode()
    browser.post(page.request["PATH_INFO"] + "begin/")
    assert StreetLine.objects.get().text == "清扫保洁"


# Versions -------------------------------------------------------------------------------------------------------------


def put(town: Town, name: str, version: Any, day: Any) -> Any:
    return actions.put_in_force(name, version, from_date=day, by=town.people["admin"].pk)


def test_the_version_before_ends_the_day_before_and_stays_readable(town: Town) -> None:
    first, second = streets(town), drafted(town, "street", line("1", "新的", RUBBISH, part="basic"), title="2027版")
    put(town, "street", second, clock.today() + timedelta(days=3))
    first.refresh_from_db()
    assert first.valid_to == clock.today() + timedelta(days=2)
    assert queries.version_for("street", town.places["west"].path).pk == first.pk
    with clock.at(clock.now() + timedelta(days=3)):
        assert queries.version_for("street", town.places["west"].path).pk == second.pk
    old = first.lines.get(number="2")
    page = client(town, "community").get(f"/duties/street/{old.pk}/").content.decode()
    assert "供热质量监管" in page


def test_what_replaces_a_list_counts_from_today_on_at_the_earliest(town: Town) -> None:
    streets(town)
    second = drafted(town, "street", line("1", "新的", RUBBISH, part="basic"))
    with pytest.raises(Refused, match="最早从今天起"):
        put(town, "street", second, clock.today() - timedelta(days=1))
    put(town, "street", second, clock.today() + timedelta(days=5))
    third = drafted(town, "street", line("1", "再新的", RUBBISH, part="basic"))
    with pytest.raises(Refused, match="先停用它"):
        put(town, "street", third, clock.today() + timedelta(days=9))


def test_a_version_without_document_day_or_lines_is_not_put_in_force(town: Town) -> None:
    by = town.people["admin"].pk
    bare = actions.prepare("street", title="新", place=town.places["district"], by=by)
    with pytest.raises(Refused, match="文件和日期"):
        put(town, "street", bare, clock.today())
    with pytest.raises(Refused, match="还没有条目"):
        put(town, "street", drafted(town, "street"), clock.today())
    with pytest.raises(Refused, match="请选择日期"):
        put(town, "street", drafted(town, "street", line("1", "有", RUBBISH, part="basic")), None)
    with pytest.raises(Faults, match="名称或编号"):
        actions.prepare("street", title=" ", place=town.places["district"], by=by)
    with pytest.raises(Faults, match="管到哪里"):
        actions.prepare("street", title="新", place=town.places["west-south-1"], by=by)


def test_what_was_in_force_is_never_changed(town: Town) -> None:
    version, by = streets(town), town.people["admin"].pk
    for act in (lambda: actions.add_lines("street", version, [line("8", "加")], by=by),
                lambda: actions.drop("street", version, by=by), lambda: put(town, "street", version, clock.today())):
        with pytest.raises(Refused, match="施行过"):
            act()


def test_a_version_whose_day_has_not_come_is_called_off_and_the_one_before_goes_on(town: Town) -> None:
    first, second = streets(town), drafted(town, "street", line("1", "新的", RUBBISH, part="basic"))
    put(town, "street", second, clock.today() + timedelta(days=3))
    actions.end("street", second, by=town.people["admin"].pk)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.valid_to, second.valid_from) == (None, None)


def test_the_first_version_of_the_catalogue_ends_what_was_there_before_versions_were_kept(town: Town) -> None:
    parks = town.units["parks"].pk
    in_force(town, "catalogue", line("1", "供热归城管", COLD, lead_id=parks, basis="目录"), since=clock.today())
    assert CatalogueLine.objects.get(number="41").valid_to == clock.today() - timedelta(days=1)
    walk = Walk(town, now=clock.now()).accepted(COLD)
    with clock.at(walk.now):
        from gongzhi.requests import queries as requests
        assert requests.suggest_units(walk.case, town.categories[COLD])[0].unit_name in ("区城管局", "暖阳供热公司")
        assert [x.number for x in requests.lines_for(town.categories[COLD], walk.case.path)] == ["1"]


# In plain words -------------------------------------------------------------------------------------------------------


def test_plain_words_find_the_lines_of_all_lists_the_best_first(town: Town) -> None:
    streets(town)
    communities(town)
    hits = search.ask("我家暖气一点都不热", search.versions_for(town.actor("street").standing))
    assert {h.quoted.of_list for h in hits} == {"catalogue", "street", "community"}
    assert all("供热" in h.quoted.text for h in hits) and [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert search.ask("  ", search.versions_for(town.actor("street").standing)) == []
    assert search.ask("量子力学", search.versions_for(town.actor("street").standing)) == []


def test_another_streets_own_list_is_not_asked(town: Town) -> None:
    in_force(town, "street", line("1", "东街的供热", COLD, part="basic"), place="east")
    for who, found in (("street", False), ("district", True)):
        hits = search.ask("暖气不热", search.versions_for(town.actor(who).standing))
        assert any(h.quoted.of_list == "street" for h in hits) is found


def test_units_are_found_by_what_a_list_says_with_the_line_quoted(town: Town) -> None:
    communities(town)
    walk = Walk(town, "楼下垃圾成堆").accepted(RUBBISH)
    browser = client(town, "street")
    found = browser.get(f"/desk/cases/{walk.case.code}/units/?unit_q=环境卫生").content.decode()
    assert "西南社区居委会" in found and "社区工作事项清单 · 依法履行第 1 项：组织居民维护环境卫生" in found
    cold = Walk(town).accepted(COLD)
    found = browser.get(f"/desk/cases/{cold.case.code}/units/?unit_q=环境卫生").content.decode()
    assert "disabled" in found and "列在负面清单，不得交给西南社区居委会" in found


# Pages ----------------------------------------------------------------------------------------------------------------


def test_the_search_page_narrows_to_one_list_by_its_address(town: Town) -> None:
    streets(town)
    communities(town)
    browser = client(town, "community")
    page = browser.get("/duties/?q=暖气不热").content.decode()
    assert "《街道履职事项清单》2026版第 2 项" in page and "《社区工作事项清单》2026版第 3 项" in page and "主办：区住建局" in page
    page = browser.get("/duties/?q=暖气不热&list=street").content.decode()
    assert "《街道履职事项清单》2026版第 2 项" in page and "《社区工作事项清单》2026版" not in page
    assert "试验区政办发〔2026〕1号" in browser.get("/duties/").content.decode()


def test_the_dispatch_form_quotes_the_lists_and_offers_nobody_they_keep_it_from(town: Town) -> None:
    streets(town)
    communities(town)
    in_force(town, "powers", line("住建-7", "对供热单位的监督检查", COLD, lead_id=town.units["housing"].pk))
    walk = Walk(town).accepted(COLD)
    page = client(town, "street").get(f"/desk/cases/{walk.case.code}/?do=dispatch").content.decode()
    lists = page[page.index('id="lists"'):page.index("主办单位</legend>")]
    for words in ("派单目录", "供热质量监管", "对供热单位的监督检查", "不派给街道", "不派给社区"):
        assert words in lists
    choice = page[page.index("西街街道办事处</b>") - 400:page.index("西街街道办事处</b>") + 300]
    assert "disabled" in choice and "已由上级收回" in choice


def test_where_the_catalogue_has_no_line_the_form_says_so_plainly(town: Town) -> None:
    walk = Walk(town, "楼下垃圾成堆").accepted(RUBBISH)
    page = client(town, "street").get(f"/desk/cases/{walk.case.code}/?do=dispatch").content.decode()
    assert "派单目录里没有“暴露垃圾”，由您判断派给谁。" in page


def test_a_refused_dispatch_comes_back_with_the_line_at_the_field(town: Town) -> None:
    communities(town)
    walk = Walk(town).accepted(COLD)
    answer = client(town, "street").post(f"/desk/cases/{walk.case.code}/act/dispatch/", {
        "stage": "dispatching", "lead": town.units["west-south"].pk, "note": "就近办"})
    page = answer.content.decode()
    assert answer.status_code == 422 and "不得交给西南社区居委会" in page and "就近办" in page


def test_a_community_sees_the_line_on_its_card_and_gives_the_case_back_in_one_tap(town: Town) -> None:
    with clock.at(MONDAY):
        walk = Walk(town).accepted(COLD)
        walk.does("street", "dispatch", lead=walk.unit("west-south"))
        communities(town)
        browser = client(town, "community")
        queue = browser.get("/desk/").content.decode()
        assert "拒单（不在清单）" in queue
        page = browser.get(f"/desk/cases/{walk.case.code}/").content.decode()
        assert "不在清单里，可以拒单" in page and "《社区工作事项清单》2026版第 3 项" in page
        form = browser.get(f"/desk/cases/{walk.case.code}/?do=refuse_off_list").content.decode()
        assert "西南社区居委会依清单退回，不再办理。依据：《社区工作事项清单》2026版第 3 项" in form
        assert "拒单" not in client(town, "street").get("/desk/").content.decode().replace("清单外派单和拒单", "")
        done = browser.post(f"/desk/cases/{walk.case.code}/act/refuse_off_list/", {"stage": "handling", "off_list": "依清单退回。"})
        assert done.status_code == 302 and walk.stage == "dispatching"


def test_an_override_is_shown_to_the_unit_with_its_reason(town: Town) -> None:
    communities(town)
    walk = Walk(town, now=clock.now()).accepted(COLD)
    page = client(town, "street_leader").get(f"/desk/cases/{walk.case.code}/?do=override").content.decode()
    choice = page[page.index(f'name="lead" value="{walk.unit("west-south")}"'):][:500]
    assert "超清单派单" in page and "不得交给西南社区居委会" in choice and "disabled" not in choice
    walk.does("street_leader", "override", lead=walk.unit("west-south"), reason="先安置老人")
    page = client(town, "community").get(f"/desk/cases/{walk.case.code}/").content.decode()
    assert "超清单派单" in page and "先安置老人" in page and "不在清单里，可以拒单" not in page
    grounds = client(town, "community").get(f"/desk/cases/{walk.case.code}/grounds/").content.decode()
    assert "供热执法和供热质量检查" in grounds


def test_the_setup_pages_prepare_put_in_force_compare_and_end(town: Town) -> None:
    browser, day = client(town, "admin"), clock.today()
    made = browser.post("/setup/duties/community/new/", {
        "title": "2026版", "place": town.places["district"].pk, "source": "文件", "source_date": "2026-01-05"})
    version = CommunityVersion.objects.get()
    assert made["Location"] == f"/setup/duties/community/{version.pk}/"
    wrong = browser.post("/setup/duties/community/new/", {"title": "", "place": town.places["district"].pk, "source": "留着"})
    assert wrong.status_code == 422 and "请写版本的名称或编号" in wrong.content.decode() and "留着" in wrong.content.decode()
    empty = browser.post(made["Location"] + "in-force/", {"from_date": day.isoformat()})
    assert empty.status_code == 422 and "还没有条目" in empty.content.decode()
    actions.add_lines("community", version, [line("1", "环境卫生", RUBBISH, part="lawful"),
                                             line("2", "供热", COLD, part="negative")], by=None)
    assert browser.post(made["Location"] + "in-force/", {"from_date": ""}).status_code == 422
    assert browser.post(made["Location"] + "in-force/", {"from_date": day.isoformat()}).status_code == 302
    other = drafted(town, "community", line("1", "环境卫生和绿化", RUBBISH, part="lawful"), line("3", "调解", NOISE, part="lawful"))
    page = browser.get(f"/setup/duties/community/{other.pk}/against/{version.pk}/").content.decode()
    assert "3 处不同" in page and "<del>环境卫生</del>" in page and "新增" in page and "删去" in page
    page = browser.get(made["Location"] + "?q=供热").content.decode()
    assert "供热" in page and "环境卫生" not in page
    assert browser.get(made["Location"] + "?part=lawful").content.decode().count("<tr>") == 2
    assert browser.post(made["Location"] + "drop/").status_code == 422
    assert browser.post(made["Location"] + "end/").status_code == 302
    assert browser.post(f"/setup/duties/community/{other.pk}/drop/").status_code == 302
    assert [v.name for v in CommunityVersion.objects.all()] == ["2026版"]
    assert client(town, "street").post(made["Location"] + "end/").status_code == 403
    for path in ("/setup/duties/none/", "/setup/duties/street/999999/", "/duties/street/999999/"):
        assert browser.get(path).status_code == 404


def test_the_months_report_counts_by_sender_and_unit_and_lists_the_cases_behind(town: Town) -> None:
    communities(town)
    walk = Walk(town, now=clock.now()).accepted(COLD)
    walk.does("street_leader", "override", lead=walk.unit("west-south"), reason="先安置老人")
    month = f"{clock.today():%Y-%m}"
    for who in ("district", "street", "community"):
        browser = client(town, who)
        page = browser.get(f"/duties/departures/?month={month}").content.decode()
        assert "西街街道办事处" in page and "西南社区居委会" in page
        query = f"?month={month}&kind=override&unit={walk.unit('west-south')}"
        listed = browser.get(f"/duties/departures/list/{query}").content.decode()
        assert walk.case.code in listed and "先安置老人" in listed and "1 件" in listed
    for who in ("east", "north"):
        assert walk.case.code not in client(town, who).get(f"/duties/departures/list/?month={month}").content.decode()
    book = client(town, "district").get(f"/duties/departures/export/?month={month}")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(book.streaming_content))).get_sheet_by_index(0).to_python()
    assert rows[2][1:] == ["超清单派单", "西街街道办事处", "西南社区居委会", 1.0]


def test_a_complained_of_unit_is_not_told_by_the_report_either(town: Town) -> None:
    """rights 4.2"""
    communities(town)
    lon, lat = town.point("west-south-1")
    walk = Walk(town, "社区干事态度恶劣", now=clock.now())
    walk.does("operator", "accept", category="900501", place=f"{lon},{lat}", kind="complain", summary="作风",
              about_unit=walk.unit("west-south"))
    walk.does("street_leader", "override", lead=walk.unit("west-north"), reason="就近了解")
    month = f"{clock.today():%Y-%m}"
    assert walk.case.code in client(town, "district").get(f"/duties/departures/list/?month={month}").content.decode()
    for who in ("community", "community_worker", "grid"):
        page = client(town, who).get(f"/duties/departures/list/?month={month}").content.decode()
        assert walk.case.code not in page and "0 件" in page
        assert "西北社区居委会" not in client(town, who).get(f"/duties/departures/?month={month}").content.decode()
