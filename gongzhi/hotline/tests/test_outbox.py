"""What goes back: written once, sent until it is taken, in the hotline's own layout, or handed over as a sheet."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.hotline import actions, rules, sending
from gongzhi.hotline.models import Outgoing, Source
from gongzhi.hotline.tests.wires import SECRET, Sent, catch_up, further, hotline
from gongzhi.log import actions as log_actions
from gongzhi.requests.tests.walking import Walk


@pytest.fixture(autouse=True)
def now(town: Town) -> Any:
    with clock.at(MONDAY):
        yield


@pytest.fixture
def source(town: Town) -> Source:
    return hotline(town)


class Theirs:
    """The hotline's side: answers as it is told to, and keeps what it took."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.took: list[tuple[httpx.Headers, dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        if answer < 300:
            self.took.append((request.headers, json.loads(request.content)))
            stamp, number = request.headers["webhook-timestamp"], request.headers["webhook-id"]
            assert request.headers["webhook-signature"] == rules.sign(SECRET, number, stamp, request.content)
        return httpx.Response(answer)


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Theirs:
    made = Theirs()
    monkeypatch.setattr(sending, "_client", [httpx.Client(transport=httpx.MockTransport(made))])
    return made


def test_each_step_goes_back_in_order_with_its_words(town: Town, source: Source) -> None:
    sent = Sent(town, source).dispatched()
    sent.does("department", "sign")
    sent.does("department", "interim", note="已派人上门")
    sent.replied()
    assert sent.events() == ["accepted", "dispatched", "signed", "interim", "replied"]
    accepted, dispatched, signed, interim, replied = sent.out()
    assert (signed["unit"], interim["words"], replied["words"]) == ("区住建局", "已派人上门", "已更换阀门，室温 20 度。")
    assert {facts["number"] for facts in sent.out()} == {"SH2026030200001"} and dispatched["unit"] == "区住建局"
    assert [f["seq"] for f in sent.out()] == sorted(f["seq"] for f in sent.out())
    assert sent.order.state == "answered" and accepted["code"] == sent.case.code


def test_an_extension_is_told_when_asked_and_when_decided(town: Town, source: Source) -> None:
    sent = Sent(town, source).dispatched()
    sent.does("department", "extend", reason="等配件", days="2")
    sent.decides("street", "agree")
    asked, granted = sent.out()[-2:]
    assert (asked["event"], granted["event"]) == ("extension_asked", "extended")
    assert asked["words"] == "延长 2 个工作日，等配件" and granted["due_at"] == sent.case.due_at.isoformat()


def test_refused_returned_and_called_off_are_ends(town: Town, source: Source) -> None:
    outside = Sent(town, source, number="1")
    outside.does("operator", "outside", channel="物业", told="请找物业")
    assert outside.events() == []  # a reviewer has yet to agree
    outside.decides("reviewer", "agree")
    assert [(f["event"], f["words"]) for f in outside.out()] == [("refused", "请找物业")] and outside.order.state == "ended"
    back = Sent(town, source, number="2")
    back.does("operator", "give_back", told="不在本区")
    back.decides("reviewer", "agree")
    assert [(f["event"], f["words"]) for f in back.out()] == [("returned", "不在本区")] and back.stage == "handed_back"
    off = Sent(town, source, number="3")
    off.says(further("cancel", number="3"))
    assert off.events() == ["withdrawn"]


def test_what_was_answered_goes_out_once_however_often_the_log_is_read(town: Town, source: Source) -> None:
    sent = Sent(town, source).replied()
    for _again in range(3):
        catch_up()
    assert sent.events().count("replied") == 1


def test_who_asked_it_itself_is_not_told_the_rating_and_who_did_not_is(town: Town, source: Source) -> None:
    asked = Sent(town, source, number="1").replied()
    asked.says(further("result", number="1", solved="是", satisfied="满意"))
    assert "solved" not in asked.out()[-1] and asked.out()[-1]["event"] == "ended"
    source.asks = False
    source.save()
    ours = Sent(town, source, number="2").replied()
    ours.does("operator", "called", solved="partly", satisfied="3")
    ended = ours.out()[-1]
    assert (ended["event"], ended["solved"], ended["satisfied"]) == ("ended", "partly", 3)


def test_a_merged_order_is_told_so_and_gets_the_answer_of_the_other(town: Town, source: Source) -> None:
    other = Walk(town, "暖气不热").accepted()
    sent = Sent(town, source).accepted()
    sent.does("street", "merge", same_case=other.case.code)
    other.does("street", "dispatch", lead=town.units["housing"].pk)
    other.finished()
    out = sent.out()
    assert [f["event"] for f in out if f["event"] in ("merged", "replied")] == ["merged", "replied"]
    assert other.case.code in next(f["words"] for f in out if f["event"] == "merged")
    assert out[-1]["words"] == "已更换阀门，室温 20 度。"


def test_another_matter_writes_nothing(town: Town, source: Source) -> None:
    Walk(town).confirming()
    catch_up()
    assert not Outgoing.objects.exists()


# On the wire ----------------------------------------------------------------------------------------------------------


def test_what_is_not_taken_is_sent_again_under_the_same_id_with_growing_waits(town: Town, source: Source, theirs: Theirs) -> None:
    Sent(town, source).accepted()
    catch_up()
    theirs.answers = [500, httpx.ConnectTimeout("")]
    sending.send_due()
    message = Outgoing.objects.get()
    assert (message.state, message.tries, message.fault) == ("waiting", 1, "对方回答 500")
    assert sending.send_due() == 0  # not before its wait is over
    with clock.at(MONDAY + timedelta(seconds=11)):
        sending.send_due()
    message.refresh_from_db()
    assert message.fault == "对方没有应答（ConnectTimeout）" and message.try_at == MONDAY + timedelta(seconds=71)
    with clock.at(MONDAY + timedelta(minutes=5)):
        sending.send_due()
    message.refresh_from_db()
    assert message.state == "sent" and [h["webhook-id"] for h, _body in theirs.took] == [str(message.sent_as)]


def test_of_one_order_nothing_overtakes_what_waits(town: Town, source: Source, theirs: Theirs) -> None:
    first = Sent(town, source, number="1").dispatched()
    catch_up()
    theirs.answers = [500]
    sending.send_due()
    assert theirs.took == []
    second = Sent(town, source, number="2").accepted()
    catch_up()
    sending.send_due()
    assert [body["number"] for _h, body in theirs.took] == ["2"]
    with clock.at(MONDAY + timedelta(minutes=1)):
        while sending.send_due():
            pass
    assert [body["event"] for _h, body in theirs.took if body["number"] == "1"] == ["accepted", "dispatched"]
    assert first.order.pk != second.order.pk


def test_a_hotline_that_is_down_does_not_hold_up_another(town: Town, source: Source, theirs: Theirs) -> None:
    for n in range(5):
        Sent(town, source, number=f"A{n}").accepted()
    Sent(town, hotline(town, "province"), number="B1").accepted()
    catch_up()
    theirs.answers = [500] * 3
    sending.send_due()
    assert [body["number"] for _h, body in theirs.took] == ["B1"]
    assert Outgoing.objects.filter(tries=0).count() == 2  # of the one that is down


def test_a_dead_letter_is_sent_again_by_a_button(client: Client, town: Town, source: Source, theirs: Theirs) -> None:
    Sent(town, source).accepted()
    catch_up()
    theirs.answers = [500] * 9
    at = MONDAY
    for _try in range(8):
        with clock.at(at):
            sending.send_due()
        at += timedelta(hours=7)
    message = Outgoing.objects.get()
    assert message.state == "failed" and message.tries == 7
    theirs.answers = []
    client.force_login(town.people["operator"])
    page = client.get("/hotline/out/?state=failed").content.decode()
    assert "再发一次" in page and "SH2026030200001" in page
    assert client.post(f"/hotline/out/{message.pk}/resend/").status_code == 302
    sending.send_due()
    message.refresh_from_db()
    assert message.state == "sent"
    with pytest.raises(Refused):
        actions.resend(message, by=town.actor("operator"))


def test_a_hotline_gets_its_own_names_and_words(town: Town, source: Source, theirs: Theirs) -> None:
    source.names_out, source.words_out = {"number": "gdbh", "event": "blhj"}, {"accepted": "02"}
    source.save()
    Sent(town, source).accepted()
    catch_up()
    sending.send_due()
    body = theirs.took[0][1]
    assert body["gdbh"] == "SH2026030200001" and body["blhj"] == "02" and "number" not in body and "words" not in body


def test_a_worker_that_died_with_a_message_leaves_it_to_the_next(town: Town, source: Source, theirs: Theirs) -> None:
    Sent(town, source).accepted()
    catch_up()
    taken = sending.claim()
    assert taken is not None and sending.claim() is None
    with clock.at(MONDAY + rules.LEASE + timedelta(seconds=1)):
        again = sending.claim()
        assert again is not None and again.sent_as == taken.sent_as and sending.send(again)


def test_a_rolled_back_act_sends_nothing(town: Town, source: Source) -> None:
    from django.db import transaction

    sent = Sent(town, source)
    with pytest.raises(RuntimeError), transaction.atomic():
        sent.accepted()
        raise RuntimeError
    assert sent.events() == []


# Sheets ---------------------------------------------------------------------------------------------------------------


def cells(answer: Any) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(BytesIO(b"".join(answer.streaming_content))).get_sheet_by_index(0).to_python()


def test_the_sheet_of_replies_holds_each_answer_once_in_the_columns_of_the_hotline(
        client: Client, town: Town, source: Source) -> None:
    source.url, source.columns = "", [["number", "工单号"], ["words", "回复内容"], ["event", "状态"]]
    source.save()
    Sent(town, source).replied()
    catch_up()
    client.force_login(town.people["operator"])
    page = client.get("/hotline/replies/").content.decode()
    assert "1 条新答复" in page
    answer = client.post(f"/hotline/replies/{source.pk}/hand/")
    assert cells(answer) == [["工单号", "回复内容", "状态"], ["SH2026030200001", "已更换阀门，室温 20 度。", "答复"]]
    message = Outgoing.objects.get(event="replied")
    assert message.state == "handed" and message.handover and message.handover.n == 1
    assert client.post(f"/hotline/replies/{source.pk}/hand/").status_code == 302  # nothing new
    assert len(cells(client.get(f"/hotline/replies/sheets/{message.handover_id}/"))) == 2
    assert len(cells(client.get(f"/hotline/replies/{source.pk}/day/?day=2026-03-02"))) == 2
    assert len(cells(client.get(f"/hotline/replies/{source.pk}/day/?day=2026-03-03"))) == 1
    assert log_actions.actor(town.people["operator"].pk).startswith("person:")


def test_answers_are_forgotten_only_after_they_left(town: Town, source: Source, theirs: Theirs) -> None:
    Sent(town, source).dispatched()
    catch_up()
    sending.send_due(limit=1)
    with clock.at(MONDAY + timedelta(days=91)):
        actions.forget()
    left, kept = Outgoing.objects.order_by("pk")
    assert bytes(left.facts) == b"" and bytes(kept.facts) != b""
