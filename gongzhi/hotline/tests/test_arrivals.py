"""What a hotline sends: each message once, in whatever order it comes; both deadlines, and the earlier one counts."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from conftest import MONDAY, Town
from gongzhi.base import clock, crypto
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.hotline import actions, arrivals, queries
from gongzhi.hotline.models import Arrival, CategoryMap, Order, Source
from gongzhi.hotline.tests.wires import DUE, WORDS, Sent, further, hotline, order
from gongzhi.log import queries as log
from gongzhi.places.models import Place
from gongzhi.requests.models import Category, Rating, Request
from gongzhi.requests.tests.walking import COLD, NOISE, Walk


@pytest.fixture(autouse=True)
def now(town: Town) -> Any:
    with clock.at(MONDAY):
        yield


@pytest.fixture
def source(town: Town) -> Source:
    return hotline(town)


# Taking in ------------------------------------------------------------------------------------------------------------


def test_an_order_is_one_case_under_its_own_number_with_all_that_came_with_it(town: Town, source: Source) -> None:
    sent = Sent(town, source, secret="是")
    assert sent.told.state == "applied" and sent.told.code == sent.case.code
    request = sent.case.request
    assert (request.channel, request.their_number, request.they_ask) == ("hotline", "SH2026030200001", True)
    assert (request.words, request.kind, request.suggested) == (WORDS, "help", town.categories[COLD])
    assert crypto.open_sealed(request.phone) == "13800001111" and crypto.open_sealed(request.caller_name) == "张三"
    assert sent.case.place_id == town.places["west-south-1"].pk and sent.stage == "receiving"
    assert sent.case.fields["hide_reporter"] and sent.order.due_at == DUE
    assert sent.order.received_at == datetime(2026, 3, 2, 8, 40, tzinfo=clock.CHINA)
    opened, = [line for line in log.of_subject("case", sent.case.pk) if line.verb == "request.open"]
    assert opened.data["channel"] == "hotline" and opened.actor == "key:市12345热线"
    assert datetime.fromisoformat(opened.data["due"]) == sent.case.due_at


def test_what_came_is_sealed_and_deleted_when_it_is_old(town: Town, source: Source) -> None:
    Sent(town, source)
    arrival = Arrival.objects.get()
    raw = bytes(arrival.raw)
    assert "张三".encode() not in raw and b"13800001111" not in raw and "张三" in crypto.open_sealed(raw)
    with clock.at(MONDAY + timedelta(days=89)):
        assert actions.forget() == 0
    with clock.at(MONDAY + timedelta(days=91)):
        assert actions.forget() == 1
    arrival.refresh_from_db()
    assert bytes(arrival.raw) == b"" and Order.objects.exists() and Request.objects.get().words == WORDS


def test_the_same_message_twice_is_one(town: Town, source: Source) -> None:
    sent = Sent(town, source)
    again = sent.says(order())
    assert again.again and again.state == "applied" and again.code == sent.case.code
    assert (Order.objects.count(), Case.objects.count(), Arrival.objects.count()) == (1, 1, 1)


def test_the_same_order_under_another_message_opens_nothing(town: Town, source: Source) -> None:
    sent = Sent(town, source)
    assert sent.says(order(id="m-other", seq=None)).state == "known"
    assert sent.says(order(id="m-older", seq="0")).state == "old"
    assert Case.objects.count() == 1
    told = sent.says(order(id="m-newer", seq="5", words="又说：孩子发烧了", due_at="2026-03-03 12:00"))
    assert told.state == "applied" and Case.objects.count() == 1
    assert sent.case.bound_at == datetime(2026, 3, 3, 12, 0, tzinfo=clock.CHINA)
    assert sent.case.messages.get().words == "又说：孩子发烧了" and sent.case.messages.get().from_reporter


def test_a_number_is_one_of_each_source(town: Town, source: Source) -> None:
    other = hotline(town, "province")
    first, second = Sent(town, source), Sent(town, other)
    assert first.case.pk != second.case.pk


def test_a_number_is_read_whatever_blanks_and_small_letters_it_has(town: Town, source: Source) -> None:
    sent = Sent(town, source, number=" sh2026 030200001")
    assert sent.number == "SH2026030200001"
    assert sent.says(order("SH2026030200001", id="x", seq=None)).state == "known"


@pytest.mark.parametrize(("change", "field"), [
    ({"number": None}, "number"), ({"number": "工单"}, "number"), ({"words": None}, "words"), ({"words": "长" * 5001}, "words"),
    ({"caller_phone": "12"}, "caller_phone"), ({"due_at": "后天"}, "due_at"), ({"received_at": "1900-01-01"}, "received_at"),
    ({"type": "跳舞"}, "type"), ({"seq": "-1"}, "seq"), ({"id": None}, "id"),
])
def test_what_is_wrong_is_said_by_field_and_kept_to_be_looked_at(
        town: Town, source: Source, change: dict[str, Any], field: str) -> None:
    told = arrivals.receive(source, order(**change))
    assert told.state == "faulty" and list(told.faults) == [field]
    assert not Case.objects.exists()
    assert Arrival.objects.filter(state="faulty").count() == (field != "id")


def test_a_message_that_was_wrong_may_come_again_mended(town: Town, source: Source) -> None:
    assert arrivals.receive(source, order(caller_phone="12")).state == "faulty"
    assert arrivals.receive(source, order()).state == "applied"
    assert Arrival.objects.get().state == "applied"


# Place and category ---------------------------------------------------------------------------------------------------


def test_only_a_whole_name_places_an_order_else_the_area_it_names_or_that_of_the_source(town: Town, source: Source) -> None:
    def place(address: str, **more: Any) -> Case:
        told = arrivals.receive(source, order(str(Case.objects.count()), id=address, address=address, **more))
        return Case.objects.get(code=told.code)

    assert place("西南社区第1网格").place_id == town.places["west-south-1"].pk
    wide = place("西街街道西南社区某处")
    assert (wide.place_id, wide.lon, wide.fields["unplaced"]) == (town.places["west-south"].pk, None, True)
    assert place("西街街道").place_id == town.places["west"].pk
    assert place("天涯海角").place_id == town.places["district"].pk
    assert place("西南社区第1网格和西南社区第2网格之间").place_id == town.places["west-south"].pk
    lon, lat = town.point("east-north-2")
    assert place("写错了", lon=lon, lat=lat).place_id == town.places["east-north-2"].pk


def test_of_an_order_without_a_point_the_operator_says_where(town: Town, source: Source) -> None:
    from gongzhi.requests import queries as requests

    sent = Sent(town, source, address="西南社区里")
    assert requests.where(sent.case).endswith("具体地点待定")
    sent.accepted()
    assert sent.case.place_id == town.places["west-south-1"].pk and "unplaced" not in sent.case.fields
    assert "待定" not in requests.where(sent.case)


def test_categories_are_mapped_by_code_or_name_and_what_nobody_has_mapped_is_listed(town: Town, source: Source) -> None:
    def suggested(n: str, code: str | None, name: str | None) -> Category | None:
        told = arrivals.receive(source, order(n, words="说不清", category_code=code, category_name=name))
        return Request.objects.get(case__code=told.code).suggested

    assert suggested("1", "0301", "供热") == town.categories[COLD]
    assert suggested("2", "0999", "怪事") is None and suggested("3", "0999", "怪事") is None
    row = CategoryMap.objects.get(theirs="0999")
    assert (row.n, row.category, row.title) == (2, None, "怪事")
    assert list(queries.categories(unmapped=True)) == [row]
    actions.map_category(row, NOISE, by=town.actor("operator"))
    assert suggested("4", "0999", "怪事") == town.categories[NOISE]
    assert suggested("5", None, "噪声扰民") == town.categories[NOISE]  # just our own name


def test_straight_to_the_street_only_where_all_is_certain_and_the_source_says_so(town: Town, source: Source) -> None:
    assert Sent(town, source).stage == "receiving"
    source.direct = True
    source.save()
    straight = Sent(town, source, number="2")
    assert straight.stage == "dispatching" and straight.case.request.category == town.categories[COLD]
    assert straight.case.due_at == straight.case.own_due_at  # ours: 24 hours, before the hotline's
    assert Sent(town, source, number="3", address="西南社区").stage == "receiving"
    assert Sent(town, source, number="4", category_code="x", category_name=None).stage == "receiving"
    assert Sent(town, source, number="5", kind="投诉").stage == "receiving"


# Both deadlines -------------------------------------------------------------------------------------------------------


def test_the_earlier_of_both_deadlines_counts_from_intake_on(town: Town, source: Source) -> None:
    theirs = Sent(town, source, category_code=None, category_name=None, words="说不清")  # ours without a category: 7 days
    assert theirs.case.due_at == theirs.case.bound_at == DUE
    assert theirs.case.own_due_at == MONDAY + timedelta(days=7)
    assert theirs.case.bound_source == "市12345热线交办的时限"
    ours = Sent(town, source, number="2")  # heating: 24 hours
    assert ours.case.due_at == ours.case.own_due_at == MONDAY + timedelta(days=1)
    assert ours.case.bound_at == DUE


@pytest.mark.parametrize(("category", "ours_counts"), [(COLD, True), (NOISE, False)])
def test_accepting_settles_our_deadline_and_the_hotlines_stands(
        town: Town, source: Source, category: str, ours_counts: bool) -> None:
    sent = Sent(town, source, category_code=None, category_name=None, words="说不清").accepted(category)
    case = sent.case
    assert case.bound_at == DUE and case.standard == town.categories[category].limit
    assert case.due_at == (case.own_due_at if ours_counts else DUE)
    sent.does("street", "dispatch", lead=town.units["housing"].pk)
    task = case.tasks.get(role="lead", done_at=None)
    assert task.due_at == case.due_at  # the queue's order and lateness go by it
    assert case.next_at and case.next_at <= case.due_at


def test_a_matter_is_late_by_the_hotlines_deadline(town: Town, source: Source) -> None:
    sent = Sent(town, source, category_code=None, category_name=None, words="说不清").accepted(NOISE)
    sent.does("street", "dispatch", lead=town.units["parks"].pk)
    sent.wait(days=2, hours=1)
    assert "late" not in sent.case.flags
    sent.wait(hours=2)
    assert "late" in sent.case.flags


def test_a_later_deadline_of_theirs_leaves_ours_and_an_earlier_one_comes_forward(town: Town, source: Source) -> None:
    sent = Sent(town, source).dispatched()
    ours = sent.case.due_at
    assert sent.says(further("due", due_at="2026-03-20 17:00")).state == "applied"
    assert (sent.case.due_at, sent.case.bound_at) == (ours, datetime(2026, 3, 20, 17, 0, tzinfo=clock.CHINA))
    sent.says(further("due", 3, due_at="2026-03-02 18:00"))
    at = datetime(2026, 3, 2, 18, 0, tzinfo=clock.CHINA)
    assert sent.case.due_at == at and sent.case.tasks.get(role="lead", done_at=None).due_at == at
    sent.says(further("due", 4, due_at="2026-03-05 18:00"))
    assert sent.case.due_at == ours and sent.case.tasks.get(role="lead", done_at=None).due_at == ours
    assert sent.says(further("due", 3, due_at="2026-03-02 12:00", id="late")).state == "old"
    assert sent.case.due_at == ours


def test_an_extension_of_ours_does_not_move_the_hotlines_deadline(town: Town, source: Source) -> None:
    sent = Sent(town, source).accepted(NOISE)
    sent.does("street", "dispatch", lead=town.units["parks"].pk)
    own = sent.case.own_due_at
    sent.does("parks", "extend", reason="要等材料", days="5")
    sent.decides("street", "agree") if sent.case.tasks.filter(kind="approval", unit=town.units["west"]).exists() else \
        sent.decides("district", "agree")
    assert sent.case.due_at == DUE and sent.case.own_due_at and own and sent.case.own_due_at > own
    assert sent.case.tasks.get(role="lead", done_at=None).due_at == DUE


def test_other_matters_have_one_deadline_as_before(town: Town) -> None:
    walk = Walk(town).dispatched()
    assert walk.case.bound_at is None and walk.case.own_due_at is None and walk.case.due_at is not None


# Further messages -----------------------------------------------------------------------------------------------------


def test_a_message_before_its_order_waits_and_is_applied_when_it_comes(town: Town, source: Source) -> None:
    assert arrivals.receive(source, further("due", 3, due_at="2026-03-02 20:00")).state == "parked"
    assert arrivals.receive(source, further("urge", 2)).state == "parked"
    assert not Case.objects.exists()
    sent = Sent(town, source)
    assert sent.case.due_at == datetime(2026, 3, 2, 20, 0, tzinfo=clock.CHINA) and sent.order.n_urged == 1
    assert set(Arrival.objects.values_list("state", flat=True)) == {"applied"}


def test_an_urge_reaches_the_desk_and_a_second_one_the_same_day_is_counted(town: Town, source: Source) -> None:
    sent = Sent(town, source).dispatched()
    assert sent.says(further("urge")).state == "applied"
    second = sent.says(further("urge", 3))
    assert second.state == "refused" and "今天已经催过" in second.said
    assert sent.order.n_urged == 2 and sent.case.counts["verb:urge"] == 1
    assert sent.says(further("urge", 2, id="late")).state == "old"


@pytest.mark.parametrize("until", ["receiving", "dispatching", "handling"])
def test_an_order_called_off_ends_until_it_is_answered(town: Town, source: Source, until: str) -> None:
    sent = Sent(town, source)
    if until == "dispatching":
        sent.accepted()
    if until == "handling":
        sent.dispatched()
    assert sent.stage == until
    assert sent.says(further("cancel", reason="来电人撤回")).state == "applied"
    assert sent.stage == "withdrawn" and sent.case.outcome == "called_off" and sent.order.state == "ended"


def test_what_is_answered_or_over_is_not_called_off(town: Town, source: Source) -> None:
    sent = Sent(town, source).replied()
    assert sent.says(further("cancel")).state == "refused" and sent.stage == "confirming"


def test_more_words_come_as_the_reporters(town: Town, source: Source) -> None:
    sent = Sent(town, source).dispatched()
    assert sent.says(further("more", None, words="下午家里有人")).state == "applied"
    assert [(m.words, m.from_reporter) for m in sent.case.messages.all()] == [("下午家里有人", True)]


def test_a_reply_rejected_is_done_again_by_a_new_deadline(town: Town, source: Source) -> None:
    sent = Sent(town, source).replied()
    sent.now = MONDAY + timedelta(days=3)
    told = sent.says(further("reject", 4, reason="没有说什么时候修", due_at="2026-03-05 12:00"))
    assert told.state == "applied" and sent.stage == "handling" and sent.order.n_rejected == 1
    assert sent.case.tasks.get(role="lead", done_at=None).due_at == datetime(2026, 3, 5, 12, 0, tzinfo=clock.CHINA)
    assert sent.case.entries.filter(action="redo").get().values["reason"] == "没有说什么时候修"
    assert sent.says(further("redo", 3, id="late")).state == "old"


def test_after_three_redos_it_goes_one_level_up(town: Town, source: Source) -> None:
    sent = Sent(town, source)
    for n in range(3):
        sent.replied()
        assert sent.says(further("redo", 10 + n)).state == "applied"
    sent.replied()
    assert sent.says(further("redo", 20)).state == "applied" and sent.stage == "hard"


def test_a_redo_while_it_is_worked_on_urges(town: Town, source: Source) -> None:
    sent = Sent(town, source).dispatched()
    assert sent.says(further("redo")).state == "applied"
    assert sent.stage == "handling" and sent.case.counts["verb:urge"] == 1


def test_a_redo_of_what_is_closed_opens_a_further_case_and_stays_one_order(town: Town, source: Source) -> None:
    sent = Sent(town, source).replied()
    sent.says(further("result", 2, solved="是", satisfied="满意"))
    old = sent.case
    assert old.closed_at
    told = sent.says(further("redo", 3, reason="又不热了", due_at="2026-03-09 12:00"))
    assert told.state == "applied" and Order.objects.count() == 1
    assert sent.case.pk != old.pk and sent.order.former == [old.pk] and sent.stage == "receiving"
    assert "又不热了" in sent.case.request.words and crypto.open_sealed(sent.case.request.phone) == "13800001111"
    assert sent.case.bound_at == datetime(2026, 3, 9, 12, 0, tzinfo=clock.CHINA)


# Calling back ---------------------------------------------------------------------------------------------------------


def test_what_the_hotline_recorded_is_the_rating_by_callback(town: Town, source: Source) -> None:
    sent = Sent(town, source).replied()
    assert sent.says(further("result", solved="已解决", satisfied="非常满意", reason="很快")).state == "applied"
    rating = Rating.objects.get(case=sent.case)
    assert (rating.solved, rating.satisfied, rating.by, rating.said) == ("solved", 5, "callback", "很快")
    assert sent.stage == "archived" and sent.order.result_satisfied == 5


def test_nothing_is_made_up_where_the_hotline_recorded_nothing(town: Town, source: Source) -> None:
    sent = Sent(town, source).replied()
    sent.says(further("result", solved="1"))
    assert Rating.objects.get(case=sent.case).satisfied is None
    silent = Sent(town, source, number="2").replied()
    assert silent.says(further("result", number="2", reason="三次未接通")).state == "applied"
    assert silent.stage == "archived" and not Rating.objects.filter(case=silent.case).exists()


def test_unsolved_at_their_call_back_is_done_again(town: Town, source: Source) -> None:
    sent = Sent(town, source).replied()
    assert sent.says(further("result", solved="否", satisfied="不满意")).state == "applied"
    assert sent.stage == "handling" and not Rating.objects.exists()
    sent.replied()
    sent.says(further("result", 5, solved="是", satisfied="满意"))
    rating = Rating.objects.get()
    assert (rating.solved, rating.satisfied, rating.first_solved, rating.first_satisfied) == ("solved", 4, "unsolved", 2)


def test_our_operators_do_not_ring_where_the_hotline_asks_and_do_where_it_does_not(town: Town, source: Source) -> None:
    theirs = Sent(town, source).replied()
    theirs.wait(days=10)
    assert theirs.stage == "confirming"
    theirs.wait(days=25)
    assert theirs.stage == "archived" and theirs.case.outcome == "unheard" and not Rating.objects.exists()
    source.asks = False
    source.save()
    ours = Sent(town, source, number="2", secret="1").replied()
    ours.wait(days=10)
    assert ours.stage in ("calling", "checking")
    assert ours.says(further("result", number="2", solved="是", satisfied="满意")).state == "applied"
    assert not Rating.objects.exists() and ours.order.result_solved == "solved"


def test_a_result_before_a_reply_is_refused_and_still_written_down(town: Town, source: Source) -> None:
    sent = Sent(town, source).dispatched()
    assert sent.says(further("result", solved="是", satisfied="满意")).state == "refused"
    assert sent.stage == "handling" and not Rating.objects.exists()


# Rights ---------------------------------------------------------------------------------------------------------------


def test_another_house_does_only_what_the_process_lets_it(town: Town, source: Source) -> None:
    from gongzhi.base.errors import Refused

    walk = Walk(town).confirming()
    for action in ("heard", "unheard", "called_off"):
        with pytest.raises(Refused):
            flow.act(walk.id, action, by=Actor("elsewhere", key="x"), form={"solved": "solved"})
    with pytest.raises(Refused):
        flow.act(walk.id, "rate", by=arrivals.actor(source), form={"solved": "solved", "satisfied": "5"})


def test_secrecy_asked_at_the_hotline_holds_whatever_the_desk_ticks(town: Town, source: Source) -> None:
    sent = Sent(town, source, secret="1").accepted()
    assert sent.case.fields["hide_reporter"]


def test_orders_that_were_merged_follow_the_other_case(town: Town, source: Source) -> None:
    other = Walk(town, "暖气不热").accepted()
    sent = Sent(town, source, due_at="2026-03-02 15:00").accepted()
    sent.does("street", "merge", same_case=other.case.code)
    assert sent.case.pk == other.id and other.case.bound_at == datetime(2026, 3, 2, 15, 0, tzinfo=clock.CHINA)
    assert sent.says(further("urge")).state == "applied" and other.case.counts["verb:urge"] == 1
    assert sent.says(further("cancel", 3)).state == "applied" and other.stage == "dispatching"


def test_a_source_without_a_place_in_it_keeps_its_area(town: Town, source: Source) -> None:
    source.area = Place.objects.get(pk=town.places["east"].pk)
    source.save()
    sent = Sent(town, source, address="")
    assert sent.case.place_id == town.places["east"].pk


