"""拆单: one message, several matters. One code and one link for its reporter; each part has its unit and its rating."""

from typing import Any

import pytest
from django.test import Client

from conftest import Town
from gongzhi.boards import projections as boards
from gongzhi.boards.models import Fact
from gongzhi.flow.models import Case
from gongzhi.log import queries as log
from gongzhi.requests import access, queries
from gongzhi.requests.tests.walking import COLD, MANNERS, NOISE, RUBBISH, Walk

WORDS = "家里暖气不热，楼下垃圾也没人收"


def part(town: Town, summary: str, category: str, lead: str, **more: Any) -> dict[str, Any]:
    return {"summary": summary, "category": category, "lead": str(town.units[lead].pk), **more}


def split(town: Town, walk: Walk, **more: Any) -> Walk:
    walk.does("street", "split", parts=[part(town, "家里暖气不热", COLD, "housing"),
                                        part(town, "楼下垃圾没人收", RUBBISH, "parks", **more)])
    return walk


def child(walk: Walk) -> Walk:
    other = object.__new__(Walk)
    other.__dict__.update(walk.__dict__)
    other.id, other.told = Case.objects.get(parent=walk.id).pk, 0
    return other


def test_each_part_goes_to_its_unit_and_the_first_keeps_the_code(town: Town) -> None:
    walk = Walk(town, WORDS).accepted()
    code = walk.case.code
    split(town, walk)
    other = child(walk)
    assert (walk.stage, walk.case.code, walk.case.title) == ("handling", code, "家里暖气不热")
    assert (other.stage, other.case.title, other.case.parent_id) == ("handling", "楼下垃圾没人收", walk.id)
    assert walk.desks() == {("lead", "区住建局")} and other.desks() == {("lead", town.units["parks"].name)}
    assert other.case.code != code and other.case.request.category.code == RUBBISH
    assert other.case.request.words == WORDS and other.case.opened_at == walk.case.opened_at
    assert other.case.standard == "4h" and walk.case.standard == "24h calendar"


def test_a_part_may_lie_in_another_grid(town: Town) -> None:
    walk = split(town, Walk(town, WORDS).accepted(), place=str(town.places["west-north-1"].pk))
    assert child(walk).case.place == town.places["west-north-1"] and walk.case.place == town.places["west-south-1"]


@pytest.mark.parametrize(("wrong", "said"), [
    ({"summary": ""}, "第 2 件没有写摘要"), ({"category": ""}, "第 2 件没有选类别"), ({"lead": ""}, "第 2 件没有选主办单位"),
    ({"place": "1"}, "第 2 件的地点"),
])
def test_what_is_missing_is_said_of_the_part(town: Town, wrong: dict[str, str], said: str) -> None:
    walk = Walk(town, WORDS).accepted()
    parts = [part(town, "家里暖气不热", COLD, "housing"), part(town, "垃圾没人收", RUBBISH, "parks") | wrong]
    assert said in walk.cannot("street", "split", parts=parts)
    assert "至少写两件" in walk.cannot("street", "split", parts=parts[:1])


def test_a_part_is_not_split_again_and_nobody_else_splits(town: Town) -> None:
    walk = Walk(town, WORDS).accepted()
    parts = [part(town, "家里暖气不热", COLD, "housing"), part(town, "垃圾没人收", RUBBISH, "parks")]
    assert walk.cannot("operator", "split", parts=parts)
    walk.does("street", "split", parts=parts)
    other = child(walk)
    other.does("street", "redispatch", lead=walk.unit("housing"), reason="改派")
    other.does("department", "return", return_code="not_mine", reason="不归我们")
    other.decides("street", "agree")
    assert "不能再拆" in other.cannot("street", "split", parts=parts)


def test_of_a_complaint_no_part_opens_the_original_nor_goes_to_whom_it_is_about(town: Town) -> None:
    walk = Walk(town, "社区干事态度恶劣，垃圾也没人收").accepted(
        MANNERS, summary="反映作风和垃圾", about_unit=town.units["west-south"].pk)
    who = "district" if walk.case.level == "district" else "street"
    here = part(town, "反映作风", MANNERS, "housing")
    assert "不能派给被投诉的单位" in walk.cannot(who, "split", parts=[here, part(town, "垃圾没人收", RUBBISH, "west-south")])
    walk.does(who, "split", parts=[here, part(town, "垃圾没人收", RUBBISH, "housing")])
    other = child(walk)
    standing = town.actor("department").standing
    assert other.case.about_units == walk.case.about_units
    assert not queries.reads_original(standing, other.case) and not access.may_ask_original(standing, other.case)
    assert other.case.title == "垃圾没人收" and "态度恶劣" not in other.case.request.summary


def test_the_reporter_is_told_of_each_by_the_one_link_and_rates_each(town: Town, client: Client) -> None:
    walk = Walk(town, WORDS).accepted(NOISE)
    walk.news()
    split(town, walk)
    other = child(walk)
    link = f"/r/{walk.receipt.code}/{walk.receipt.secret}/"
    (told,) = [n for n in walk.news() if n.title == "分开办理"]
    assert link in told.words
    other.news()
    walk.finished()
    page = client.get(link).content.decode()
    assert "第 1 件，共 2 件" in page and "楼下垃圾没人收" in page
    follow = f"/r/{other.case.code}/{other.case.request.secret}/"
    assert follow in page and client.get(follow).status_code == 200
    walk.does("reporter", "rate", solved="solved", satisfied="5")
    assert walk.stage == "archived" and other.stage == "handling"
    other.does("reporter", "urge")


def test_a_text_about_a_part_leads_to_the_whole(town: Town) -> None:
    walk = split(town, Walk(town, WORDS).accepted())
    other = child(walk)
    other.news()
    other.does("street", "redispatch", lead=walk.unit("housing"), reason="改派")
    other.does("department", "extend", reason="要等车", days=1)
    other.decides("street", "agree")
    (text,) = [n for n in other.news() if n.title == "延期"]
    assert f"/r/{walk.receipt.code}/{walk.receipt.secret}/" in text.words and other.case.code not in text.words
    assert queries.whole(other.case.request).case_id == walk.id
    assert not other.case.request.phone_tail and not other.case.request.phone_index and other.case.request.phone


def test_each_part_is_counted_from_the_day_the_message_came(town: Town) -> None:
    walk = split(town, Walk(town, WORDS).accepted())
    other = child(walk)
    boards.keep(sorted((x for w in (walk, other) for x in log.of_subject("case", w.id)), key=lambda x: x.id))
    first, second = Fact.objects.get(case=walk.id), Fact.objects.get(case=other.id)
    assert (first.category, second.category) == (COLD, RUBBISH)
    assert first.opened_at == second.opened_at and "dispatched" in first.measures and "dispatched" in second.measures
