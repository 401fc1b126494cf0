"""What is taken for the same thing, and what is not: made-up reports, worded as people word them."""

import pytest

from conftest import Town
from gongzhi.requests import classify, likeness, queries
from gongzhi.requests.models import Category
from gongzhi.requests.tests.walking import Walk

KINDS = [
    ("1001", "公用设施", "", []), ("100118", "路灯", "1001", ["路灯", "灯不亮"]), ("100103", "雨水井盖", "1001", ["井盖"]),
    ("9007", "噪声", "", []), ("900702", "广场舞噪声", "9007", ["广场舞", "音响"]),
    ("900706", "装修噪声", "9007", ["电钻", "装修声"]),
    ("9020", "投诉举报", "", []), ("902003", "违法违规举报", "9020", ["举报", "违规"]),
]


@pytest.fixture
def kinds(town: Town) -> dict[str, Category]:
    found: dict[str, Category] = {}
    for code, name, parent, words in KINDS:
        found[code] = Category.objects.create(
            code=code, name=name, kind="matter", parent=found.get(parent), keywords=words, limit="5d", source="made up",
            limit_source="made up", private=parent == "9007")
    classify.forget()
    return found


@pytest.mark.parametrize(("one", "other", "kind"), [
    ("小区门口路灯坏了三天，晚上看不见", "大门往东第二盏路灯不亮", "100118"),  # one kind, one telling word
    ("楼道灯不亮，老人下楼摔了", "路灯坏了没人修", "100118"),  # one kind, other words for it
    ("路灯不亮", "", "100118"),  # a photo that was filed under the kind
    ("井盖翘起来了，路灯也不亮，自行车差点翻了", "井盖翘起来一边，自行车差点翻了", "100103"),
    ("单元门口堆了很多旧沙发挡路", "单元门口堆着旧沙发，轮椅过不去，挡路", ""),  # no kind is known: the words say it
    ("凉亭屋顶漏雨", "凉亭屋顶漏雨好几天", ""),  # short, and all of it is there
])
def test_the_same_thing_is_found(kinds: dict[str, Category], one: str, other: str, kind: str) -> None:
    assert likeness.alike(likeness.said(one), likeness.said(other, kinds.get(kind)))


@pytest.mark.parametrize(("one", "other", "kind"), [
    ("晚上广场舞音响太吵，孩子没法写作业", "大门往东第二盏路灯不亮", "100118"),
    ("晚上八点以后跳舞放歌，吵得睡不着", "小区门口路灯晚上不亮，希望尽快解决", "100118"),  # no kind of its own
    ("路灯坏了，希望相关部门尽快解决", "井盖坏了，希望相关部门尽快解决", "100103"),  # kinds beside each other, common words
    ("举报楼下饭店违规占道", "举报培训班违规收费", "902003"),  # one broad kind, nothing else
    ("健身器材旁边的凉亭漏雨", "门口堆了旧沙发挡路", ""),
    ("团结小区东门积水", "团结小区东门乱停车", ""),  # the same place is not the same thing
])
def test_another_thing_is_not_offered(kinds: dict[str, Category], one: str, other: str, kind: str) -> None:
    assert not likeness.alike(
        likeness.said(one, places=["团结小区东门"]), likeness.said(other, kinds.get(kind), places=["团结小区东门"]))


def test_who_speaks_of_dancing_is_not_offered_a_street_lamp(town: Town, kinds: dict[str, Category]) -> None:
    """As the clerk and the resident meet it: within a few metres, both open."""
    lamp = Walk(town, "小区门口路灯晚上不亮").accepted("100118")
    at, clerk = {"lon": lamp.lon, "lat": lamp.lat}, town.actor("operator").standing
    for words, found in (("晚上跳广场舞，音响太吵", []), ("路灯坏了好几天", [lamp.case.code])):
        assert [r["code"] for r in queries.nearby_for_public(**at, words=words).rows] == found
        assert [r.case.code for r in queries.twins(clerk, **at, words=words)] == found
    same_caller = queries.twins(clerk, **at, words="晚上跳广场舞", phone="13800001111")
    assert [r.case.code for r in same_caller] == [lamp.case.code]
