"""Units, people and ends of appointments from sheets: parents anywhere in the file, names that occur twice, faults by line."""

from datetime import date, timedelta

import pytest

from gongzhi.base import clock, sheets
from gongzhi.base.imports import importers
from gongzhi.base.sheets import Table
from gongzhi.org import queries
from gongzhi.org.models import Appointment, Person, Post, Unit
from gongzhi.org.tests import organisation
from gongzhi.org.tests.sheet_of_a_city import HEADS, a_city

pytestmark = pytest.mark.django_db


@pytest.fixture
def org():
    return organisation.make()


def bring(key, *lines, heads=""):
    """Bring lines in as the pages do; return {line: (kind, sentence)} and how many were written."""
    importer = importers[key]
    headers = (heads or HEADS[key]).split()
    table = Table(headers, [(n, [*map(str, line)]) for n, line in enumerate(lines, start=2)])
    rows, faults = sheets.check(table, importer.columns, sheets.match(headers, importer.columns))
    faults += importer.check(rows, None)
    bad = {f.n for f in faults if f.kind != "warn"}
    good = importer.order([row for row in rows if row.n not in bad])
    taken = sum(importer.take(good[at : at + 500], None) for at in range(0, len(good), 500))
    return {f.n: (f.kind, f.sentence) for f in faults}, taken


U = "单位名称 类别 上级单位 管辖地点 简称 电话 标识"


def test_parents_may_stand_below_their_children(org):
    faults, n = bring("units", ("维修组", "科室", "物业处"), ("物业处", "科室", "区住房和城乡建设局"), heads=U)
    assert (faults, n) == ({}, 2)
    low, high = Unit.objects.get(name="维修组"), Unit.objects.get(name="物业处")
    assert low.parent == high and low.path == [*org.units["housing"].path, high.pk, low.pk]
    assert low.place == org.units["housing"].place and low.line == "government"


def test_a_faulty_parent_makes_its_children_faulty_with_its_reason(org):
    faults, n = bring("units", ("孙", "科室", "子"), ("子", "科室", "父"), ("父", "科室", "没有的局"),
                      ("独", "科室", "区接诉即办中心"), heads=U)
    assert n == 1 and Unit.objects.filter(name__in=["子", "孙", "父"]).count() == 0
    assert "没有“没有的局”这个单位" in faults[4][1]
    assert faults[3][1].startswith("上级单位（第 4 行）有错") and "没有的局" in faults[2][1]


def test_a_ring_of_parents_and_a_unit_under_itself_are_faults(org):
    faults, n = bring("units", ("甲", "科室", "乙"), ("乙", "科室", "甲"), ("丙", "科室", "丙"), heads=U)
    assert n == 0 and set(faults) == {2, 3, 4} and "绕成了圈" in faults[2][1] + faults[3][1]


def test_names_that_occur_twice_are_told_apart_by_the_path_or_refused_with_the_candidates(org):
    bring("units", ("综合科", "科室", "区住房和城乡建设局"), ("综合科", "科室", "区接诉即办中心"), heads=U)
    faults, n = bring("units", ("文印组", "科室", "综合科"), ("档案组", "科室", "区接诉即办中心/综合科"), heads=U)
    assert n == 1 and "新城区人民政府/区住房和城乡建设局/综合科" in faults[2][1] and "有 2 个" in faults[2][1]
    assert Unit.objects.get(name="档案组").parent.parent == org.units["centre"]
    faults, _n = bring("units", ("综合科", "科室", ""), heads=U)
    assert "有 2 个" in faults[2][1]
    faults, n = bring("units", ("科", "科室", "housing"), ("科", "科室", "区住房和城乡建设局"), heads=U)
    assert n == 1 and "和第 2 行是同一个单位" in faults[3][1]


def test_the_same_sheet_again_changes_nothing_and_a_phone_is_changed(org):
    line = ("物业处", "科室", "区住房和城乡建设局", "", "物业", "0471-1", "wy")
    assert bring("units", line, heads=U) == ({}, 1)
    faults, n = bring("units", line, heads=U)
    assert n == 0 and faults[2] == ("same", "已有，没有变化。")
    assert bring("units", (*line[:5], "0471-222222", "wy"), heads=U) == ({}, 1)
    assert Unit.objects.get(key="wy").phone == "0471-222222"


def test_what_is_not_safe_to_change_is_refused_with_what_stands_there(org):
    bring("units", ("物业处", "科室", "区住房和城乡建设局", "", "", "", "wy"), heads=U)
    for line, said in ((("物业处", "部门", "区住房和城乡建设局"), "原来是“科室”"),
                       (("物业处", "科室", "区接诉即办中心", "", "", "", "wy"), "导入不能挪"),
                       (("物业处", "科室", "", org.town.streets[0].name), "管辖地点不一样")):
        faults, n = bring("units", line, heads=U)
        assert n == 0 and said in faults[2][1], line


def test_a_place_is_named_by_its_code_or_name_and_else_a_fault(org):
    street, party = org.town.streets[0], "街道"
    faults, n = bring("units", ("甲所", party, "新城区人民政府", street.code), ("乙所", party, "新城区人民政府", street.name),
                      ("丙所", party, "新城区人民政府", "没有路"), ("丁所", party, ""), heads=U)
    assert n == 2 and set(faults) == {4, 5} and "没有“没有路”" in faults[4][1]
    assert {u.place for u in Unit.objects.filter(name__in=["甲所", "乙所"])} == {street}
    assert Unit.objects.get(name="甲所").level == "street"


P = "用户名 姓名 工作电话 单位 岗位 岗位管辖地点 任职日期"


def test_several_lines_are_several_posts_and_nobody_gets_a_password(org):
    faults, n = bring("people", ("wangfang", "王芳", "0471-1", "区住房和城乡建设局", "经办人", "", "2026-03-02"),
                      ("wangfang", "王芳", "", "housing-1", "联络员"), ("lijun", "李军", "", "", ""), heads=P)
    assert (faults, n) == ({}, 3)
    person = Person.objects.get(username="wangfang")
    held = {(a.post.unit.key, a.post.name, a.from_date) for a in person.appointments.select_related("post__unit")}
    assert held == {("housing", "handler", date(2026, 3, 2)), ("housing-1", "liaison", clock.today())}
    assert not person.has_usable_password() and person.work_phone == "0471-1"
    assert not Person.objects.get(username="lijun").appointments.exists()


def test_faults_of_people_are_said_by_line(org):
    who = org.people["leader@housing"]
    faults, n = bring(
        "people", ("王芳", "王芳"), ("lijun", "李军", "电话"), ("zhao", "赵", "", "没有的局", "经办人"),
        ("qian", "钱", "", "区住房和城乡建设局", ""), ("sun", "孙", "", "区住房和城乡建设局", "局长"),
        (who.username, "别人"), ("zhou", "周"), ("zhou", "周二"), ("wu", "吴"),
        ("Wu", "吴"),
        ("zheng", "郑", "", "区接诉即办中心", "系统管理员"), ("zheng", "郑", "", "区接诉即办中心", "审计员"), heads=P)
    there = Person.objects.filter(username__in=["zhou", "wu", "zheng", "qian"]).values_list("username", flat=True)
    assert n == 2 and set(there) == {"zhou", "wu"}
    said = {n: sentence for n, (_kind, sentence) in faults.items()}
    assert "字母、数字" in said[2] and "不是电话" in said[3] and "没有“没有的局”" in said[4] and "一起填" in said[5]
    assert "可填的里面" in said[6] and who.name in said[7] and "第 8 行" in said[9] and "第 10 行" in said[11]
    assert "一个人兼任" in said[12] and "一个人兼任" in said[13]


def test_the_same_people_again_change_nothing_and_seats_grow(org):
    lines = [(f"p{n}", f"某{n}", "", "区住房和城乡建设局", "经办人") for n in range(5)]
    assert bring("people", *lines, heads=P) == ({}, 5)
    faults, n = bring("people", *lines, heads=P)
    assert n == 0 and {kind for kind, _s in faults.values()} == {"same"}
    post = Post.objects.get(unit=org.units["housing"], name="handler")
    assert post.seats == 5 and queries.holders(org.units["housing"].pk, "handler").count() == 5
    assert bring("people", ("p0", "某0", "0471-9", "区住房和城乡建设局", "经办人"), heads=P) == ({}, 1)
    assert Person.objects.get(username="p0").work_phone == "0471-9"


def test_a_user_name_of_somebody_who_left_is_not_given_again(org):
    Person.objects.filter(pk=org.people["leader@housing"].pk).update(is_active=False)
    who = org.people["leader@housing"]
    faults, n = bring("people", (who.username, who.name), heads=P)
    assert n == 0 and "已离职" in faults[2][1]


def test_appointments_end_by_a_sheet(org):
    who, today = org.people["leader@housing"], clock.today()
    line = (who.username, "区住房和城乡建设局", "负责人", "", today - timedelta(1))
    heads = "用户名 单位 岗位 岗位管辖地点 最后一天"
    faults, n = bring("ends", line, ("nobody", *line[1:]), (who.username, "区住房和城乡建设局", "经办人", "", today),
                      (who.username, "区住房和城乡建设局", "负责人", "", "2019-01-01"), heads=heads)
    assert n == 1 and "没有这个用户名" in faults[3][1] and "没有这项任职" in faults[4][1] and "早于任职日期" in faults[5][1]
    assert not queries.standing(who).posts
    faults, n = bring("ends", line, heads=heads)
    assert n == 0 and faults[2][0] == "same"


def test_a_city_s_sheets_with_faults_are_taken_but_for_their_faults(org):
    made = a_city(units=40, people=120)
    units, n_units = bring("units", *made.units)
    assert set(units) == made.bad_units and n_units == len(made.units) - len(made.bad_units)
    people, n_people = bring("people", *made.people)
    assert set(people) == made.bad_people and n_people == len(made.people) - len(made.bad_people)
    assert Appointment.objects.filter(person__username__startswith="u0").count() == n_people
    again, n = bring("people", *made.people)
    assert n == 0 and len(again) == len(made.people)
