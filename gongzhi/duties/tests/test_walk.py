"""Dispatch obeys the lists: who is refused what and with which words, how a leader departs from it, how it comes back."""

from datetime import date

import pytest

from conftest import Town
from gongzhi.base import clock
from gongzhi.duties import actions, process, queries
from gongzhi.duties.models import Departure, Ground
from gongzhi.duties.tests.lists import COLD, MANNERS, NOISE, RUBBISH, communities, in_force, line, streets
from gongzhi.flow import offers
from gongzhi.requests import actions as requests
from gongzhi.requests import queries as requests_queries
from gongzhi.requests.models import Category
from gongzhi.requests.tests.walking import Walk


def refused(walk: Walk, lead: str, *helpers: str, who: str = "street") -> str:
    return walk.cannot(who, "dispatch", lead=walk.unit(lead), helpers=[walk.unit(h) for h in helpers])


def off(town: Town, name: str) -> None:
    requests.set_default(name, "no", "本市规定 2026-01-01", by=town.actor("admin"))


def test_without_a_list_in_force_everything_works_as_before(town: Town) -> None:
    walk = Walk(town).accepted(COLD)
    assert "override" not in walk.offers("street_leader")
    walk.does("street", "dispatch", lead=walk.unit("west-south"))
    assert "refuse_off_list" not in walk.offers("community")
    assert Departure.objects.count() == 0


def test_what_was_taken_back_goes_to_no_street_and_nobody_below_it(town: Town) -> None:
    streets(town)
    walk = Walk(town).accepted(COLD)
    said = "《街道履职事项清单》2026版第 2 项“供热质量监管”已由上级收回，由区住建局承担，不能派给{}。"
    for lead, name in (("west", "西街街道办事处"), ("west-south", "西南社区居委会"), ("west-south-1", "西南社区第1网格")):
        assert refused(walk, lead) == said.format(name)
    assert refused(walk, "housing", "west") == said.format("西街街道办事处")
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    assert walk.stage == "handling"


def test_beijing_jiesujiban_17_nothing_off_its_list_goes_to_a_community(town: Town) -> None:
    communities(town)
    cold = Walk(town).accepted(COLD)
    assert refused(cold, "west-south") == (
        "《社区工作事项清单》2026版第 3 项“供热执法和供热质量检查”列在负面清单，不得交给西南社区居委会。")
    manners = Walk(town, "窗口作风不好").accepted(MANNERS, kind="complain", summary="作风")
    assert refused(manners, "west-south") == (
        "《社区工作事项清单》2026版里没有“工作作风”，清单以外的事项不能派给西南社区居委会。"
        "请派给主管部门；确需派给的，由负责人“超清单派单”。")
    rubbish = Walk(town, "楼下垃圾成堆").accepted(RUBBISH)
    rubbish.does("street", "dispatch", lead=rubbish.unit("west-south"))
    assert rubbish.desks() >= {("lead", "西南社区居委会")}


def test_beijing_jiesujiban_17_a_community_helps_with_what_it_assists_and_does_not_lead(town: Town) -> None:
    communities(town)
    walk = Walk(town, "楼上太吵").accepted(NOISE)
    assert refused(walk, "west-south") == (
        "《社区工作事项清单》2026版第 2 项“协助处理噪声扰民”是社区协助事项，西南社区居委会只能协办，不能主办。")
    walk.does("street", "dispatch", lead=walk.unit("parks"), helpers=[walk.unit("west-south")])
    assert ("helpers", "西南社区居委会") in walk.desks()


def test_the_refusal_stands_at_the_field_that_names_the_unit(town: Town) -> None:
    streets(town)
    case, by = Walk(town).accepted(COLD).case, town.actor("street")
    for form, blamed in (({"lead": town.units["west"].pk}, "lead"),
                         ({"lead": town.units["housing"].pk, "helpers": [town.units["west"].pk]}, "helpers"),
                         ({"section": town.units["west"].pk}, "section")):
        found = process.allowed_by_the_lists(case, by, form)
        assert found is not None and not isinstance(found, str)
        assert found.field == blamed


def test_what_is_on_no_line_of_the_streets_list_is_refused_until_the_city_says_otherwise(town: Town) -> None:
    in_force(town, "street", line("1", "清扫保洁", RUBBISH, part="basic"))
    walk = Walk(town).accepted(COLD)
    assert "里没有“供暖不热”" in refused(walk, "west")
    assert "里没有“供暖不热”" in refused(walk, "west-south")
    off(town, "off_street_list")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "must", lambda name: name != "off_street_list")
        walk.does("street", "dispatch", lead=walk.unit("west"))
    assert walk.stage == "handling"


def test_the_setting_is_read_from_the_defaults_of_the_city(town: Town) -> None:
    assert queries.must("off_street_list")
    off(town, "off_street_list")
    from gongzhi.requests import defaults
    defaults.forget()
    assert not queries.must("off_street_list")


def test_the_communitys_own_list_says_what_is_on_it_not_the_streets(town: Town) -> None:
    in_force(town, "street", line("1", "供热协调", COLD, part="basic"))
    communities(town)
    walk = Walk(town, "楼下垃圾成堆").accepted(RUBBISH)
    assert "里没有“暴露垃圾”" in refused(walk, "west")
    walk.does("street", "dispatch", lead=walk.unit("west-south"))
    assert walk.stage == "handling"


def test_a_streets_own_list_outranks_the_districts(town: Town) -> None:
    streets(town)
    in_force(town, "street", line("1", "供热协调", COLD, part="basic"), place="east", title="东街版")
    walk = Walk(town, grid="east-south-1").accepted(COLD)
    walk.does("east", "dispatch", lead=walk.unit("east"))
    assert walk.stage == "handling"
    assert "已由上级收回" in refused(Walk(town).accepted(COLD), "west")


def test_a_line_about_the_heading_speaks_of_what_has_no_line_of_its_own(town: Town) -> None:
    heading = Category.objects.create(code="9004", name="供热", kind="matter", limit="", limit_source="", source="made up")
    town.categories[COLD].parent = heading
    town.categories[COLD].save()
    in_force(town, "street", line("1", "供热", "9004", part="taken_back"))
    walk = Walk(town).accepted(COLD)
    assert "不能派给西街街道办事处" in refused(walk, "west")
    streets_too = in_force(town, "street", line("1", "供热", "9004", part="taken_back"),
                           line("2", "供暖不热的协调", COLD, part="basic"), since=clock.today())
    assert streets_too.valid_from == clock.today()
    with clock.at(clock.now()):
        walk.now = clock.now()
        walk.does("street", "dispatch", lead=walk.unit("west"))


def test_one_line_that_allows_it_is_enough(town: Town) -> None:
    in_force(town, "street", line("1", "供热价格", COLD, part="taken_back"), line("2", "供热协调", COLD, part="basic"))
    walk = Walk(town).accepted(COLD)
    walk.does("street", "dispatch", lead=walk.unit("west"))
    assert walk.stage == "handling"


def test_inner_dispatch_designation_and_ruling_obey_as_well(town: Town) -> None:
    communities(town)
    walk = Walk(town).accepted(COLD)
    assert "负面清单" in walk.cannot("street_leader", "designate", lead=walk.unit("west-south"), reason="就近")
    walk.does("street", "dispatch", lead=walk.unit("west"))
    later = (walk.now.replace(hour=11)).isoformat()
    assert "负面清单" in walk.cannot("street_leader", "assign", section=walk.unit("west-south"), inner_due=later)
    assert "负面清单" in walk.cannot("street", "call_in", helpers=[walk.unit("west-south")])
    assert "负面清单" in walk.cannot("street", "redispatch", lead=walk.unit("west-south"), reason="换一家")


def test_nobody_is_suggested_whom_a_list_keeps_it_from(town: Town) -> None:
    walk = Walk(town).accepted(COLD)
    names = [s.unit_name for s in requests_queries.suggest_units(walk.case, walk.case.request.category)]
    assert "西南社区居委会" in names
    communities(town)
    names = [s.unit_name for s in requests_queries.suggest_units(walk.case, walk.case.request.category)]
    assert names and "西南社区居委会" not in names


# 超清单派单 ------------------------------------------------------------------------------------------------------------


def overridden(town: Town, lead: str = "west-south") -> Walk:
    walk = Walk(town).accepted(COLD)
    walk.does("street_leader", "override", lead=walk.unit(lead), reason="供热公司停业，先由社区安置老人")
    return walk


def test_a_leader_may_depart_from_the_lists_with_a_reason_and_it_is_flagged_and_written_down(town: Town) -> None:
    communities(town)
    walk = Walk(town).accepted(COLD)
    assert "override" in walk.offers("street_leader") and "override" not in walk.offers("street")
    assert "理由" in walk.cannot("street_leader", "override", lead=walk.unit("west-south"))
    walk.does("street_leader", "override", lead=walk.unit("west-south"), reason="供热公司停业，先由社区安置老人")
    assert walk.case.flags == ["off_list"] and walk.stage == "handling"
    row = Departure.objects.get()
    assert (row.kind, row.of_list) == ("override", "community")
    assert (row.unit_id, row.sender_id) == (walk.unit("west-south"), walk.unit("west"))
    assert row.month == date(2026, 3, 1)
    assert walk.last("override")["past"] == [walk.unit("west-south")]


def test_what_the_lists_allow_is_no_departure(town: Town) -> None:
    communities(town)
    walk = Walk(town).accepted(COLD)
    assert "直接派单" in walk.cannot("street_leader", "override", lead=walk.unit("housing"), reason="其他")
    rubbish = Walk(town, "楼下垃圾成堆").accepted(RUBBISH)
    assert "override" not in rubbish.offers("street_leader")


def test_the_flag_goes_with_the_lead(town: Town) -> None:
    communities(town)
    walk = overridden(town)
    walk.does("street", "redispatch", lead=walk.unit("housing"), reason="供热公司恢复")
    assert walk.case.flags == []


def test_what_is_taken_back_within_its_minute_was_no_departure(town: Town) -> None:
    communities(town)
    walk = overridden(town)
    walk.does("street_leader", "take_back")
    assert Departure.objects.count() == 0 and walk.case.flags == [] and walk.stage == "dispatching"


def test_whom_a_leader_chose_may_hand_it_on_below_and_gives_it_back_only_by_asking(town: Town) -> None:
    communities(town)
    walk = overridden(town)
    assert "refuse_off_list" not in walk.offers("community") and "return" in walk.offers("community")
    walk.does("community", "assign", section=walk.unit("west-south-1"), inner_due=walk.now.replace(hour=11).isoformat())
    assert ("handler", "西南社区第1网格") in walk.desks()


# 拒单（不在清单） -------------------------------------------------------------------------------------------------------


def handed(town: Town, lead: str = "west-south", *helpers: str) -> Walk:
    """What was handed out before a list came into force."""
    walk = Walk(town).accepted(COLD)
    walk.does("street", "dispatch", lead=walk.unit(lead), helpers=[walk.unit(h) for h in helpers])
    communities(town)
    return walk


def test_a_community_gives_back_at_once_what_its_list_does_not_have_and_no_return_is_used_up(town: Town) -> None:
    walk = handed(town)
    with clock.at(walk.now):
        offer = next(o for o in offers.available(walk.case, walk.actor("community")) if o.name == "refuse_off_list")
        from gongzhi.requests import forms
        (field,) = forms.bound_fields(offer, walk.case)
    assert field.value == (
        "“供暖不热”列在不得交给社区的事项里，西南社区居委会依清单退回，不再办理。"
        "依据：《社区工作事项清单》2026版第 3 项“供热执法和供热质量检查”（依据：试验区政办发〔2026〕1号，2026-01-05）。"
        "请派给区住建局。")
    walk.does("community", "refuse_off_list", off_list=field.value)
    assert walk.stage == "dispatching" and walk.case.counts.get("limit:returns") is None
    assert not walk.case.tasks.filter(kind="approval").exists()
    row = Departure.objects.get()
    assert (row.kind, row.unit_id, row.sender_id) == ("refused", walk.unit("west-south"), walk.unit("west"))


def test_what_a_list_allows_is_given_back_only_by_asking(town: Town) -> None:
    communities(town)
    walk = Walk(town, "楼下垃圾成堆").accepted(RUBBISH)
    walk.does("street", "dispatch", lead=walk.unit("west-south"))
    assert "refuse_off_list" not in walk.offers("community") and "return" in walk.offers("community")
    assert walk.cannot("community", "refuse_off_list", off_list="不归我们")


def test_a_helper_gives_back_its_part_and_the_lead_goes_on(town: Town) -> None:
    walk = handed(town, "housing", "west-south")
    assert "refuse_off_list_helper" in walk.offers("community") and "refuse_off_list" not in walk.offers("community")
    walk.does("community", "refuse_off_list_helper", off_list="列在负面清单，退回。")
    assert walk.stage == "handling" and walk.desks() == {("lead", "区住建局")}
    assert walk.case.fields["helpers"] == []
    assert Departure.objects.get().sender_id == walk.unit("west")


def test_a_community_the_street_handed_it_to_gives_it_back_to_the_street(town: Town) -> None:
    walk = Walk(town).accepted(COLD)
    walk.does("street", "dispatch", lead=walk.unit("west"))
    walk.does("street_leader", "assign", section=walk.unit("west-south"), inner_due=walk.now.replace(hour=11).isoformat())
    communities(town)
    walk.does("community", "refuse_off_list_inner", off_list="列在负面清单，退回。")
    assert walk.stage == "handling" and walk.desks() == {("lead", "西街街道办事处")}
    assert walk.case.fields["section"] is None
    assert {n.person.username: n.title for n in walk.news() if "拒单" in n.title} == {
        "street_leader": "西南社区居委会拒单（不在清单）"}
    assert Departure.objects.get().sender_id == walk.unit("west")
    assert "assign" in walk.offers("street_leader")


# What it was handed on by ---------------------------------------------------------------------------------------------


def test_what_was_dispatched_under_a_version_goes_on_quoting_it(town: Town) -> None:
    streets(town)
    housing = town.units["housing"].pk
    in_force(town, "powers", line("住建-7", "对供热单位的监督检查", COLD, lead_id=housing, basis="《城市供热条例》"))
    walk = Walk(town).accepted(COLD)
    walk.does("street", "dispatch", lead=walk.unit("housing"))
    before = [(q.of_list, q.number, q.version) for _entry, lines in queries.grounds(walk.case) for q in lines]
    assert before == [("catalogue", "41", ""), ("powers", "住建-7", "2026版")]
    in_force(town, "powers", line("住建-7", "供热监管（改）", COLD, lead_id=town.units["housing"].pk), title="2027版",
             since=clock.today())
    after = [(q.of_list, q.text, q.version, q.in_force) for _entry, lines in queries.grounds(walk.case) for q in lines]
    assert after[1] == ("powers", "对供热单位的监督检查", "2026版", False)


def test_the_line_of_the_log_holds_ids_alone(town: Town) -> None:
    communities(town)
    walk = Walk(town, "楼下垃圾成堆").accepted(RUBBISH)
    walk.does("street", "dispatch", lead=walk.unit("west-south"))
    kept = walk.last("dispatch")["lines"]
    assert kept == {"community": [Ground.objects.get(community__isnull=False).community_id]}


def test_a_version_is_ended_and_nothing_is_refused_by_it_any_more(town: Town) -> None:
    version = streets(town)
    walk = Walk(town).accepted(COLD)
    refused(walk, "west")
    with clock.at(walk.now):
        actions.end("street", version, by=town.people["admin"].pk)
    walk.does("street", "dispatch", lead=walk.unit("west"))


def test_the_parts_of_a_split_message_obey_the_lists_each_by_its_own_category(town: Town) -> None:
    streets(town)
    walk = Walk(town, "家里暖气不热，楼下垃圾没人收").accepted(RUBBISH)
    place = walk.unit("west-south")
    parts = [{"summary": "楼下垃圾没人收", "category": RUBBISH, "lead": place},
             {"summary": "家里暖气不热", "category": COLD, "lead": walk.unit("west")}]
    assert "第 2 件：《街道履职事项清单》2026版第 2 项" in walk.cannot("street", "split", parts=parts)
    parts[1]["lead"] = walk.unit("housing")
    walk.does("street", "split", parts=parts)
