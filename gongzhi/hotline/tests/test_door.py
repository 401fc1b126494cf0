"""The door on the wire: who may send, and what he is told at once."""

import base64
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.flow.models import Case
from gongzhi.hotline import actions, rules
from gongzhi.hotline.models import Source
from gongzhi.hotline.tests.wires import SECRET, Sent, further, hotline, order, post


@pytest.fixture(autouse=True)
def now(town: Town) -> Any:
    with clock.at(MONDAY):
        yield


@pytest.fixture
def source(town: Town) -> Source:
    return hotline(town)


def test_a_signed_order_is_taken_in_and_answered_at_once(client: Client, town: Town, source: Source) -> None:
    answer = post(client, source, order())
    assert answer.status_code == 200 and answer.json() == {"result": "applied", "said": "已收下。", "code": Case.objects.get().code}
    again = post(client, source, order())
    assert again.status_code == 200 and again.json()["again"] and Case.objects.count() == 1


@pytest.mark.parametrize("wrong", [
    {"secret": "t" * 32}, {"key": "nobody"}, {"at": MONDAY - timedelta(minutes=6)}, {"at": MONDAY + timedelta(minutes=6)},
])
def test_whoever_does_not_sign_rightly_and_now_sends_nothing(
        client: Client, town: Town, source: Source, wrong: dict[str, Any]) -> None:
    answer = post(client, source, order(), **wrong)
    assert answer.status_code == 401 and answer.json()["result"] == "refused" and not Case.objects.exists()


def test_a_body_changed_on_the_way_is_not_taken(client: Client, town: Town, source: Source) -> None:
    right = post(client, source, order("1"))
    assert right.status_code == 200
    headers = {name: right.request[f"HTTP_{name.upper().replace('-', '_')}"]
               for name in ("hotline-key", "webhook-id", "webhook-timestamp", "webhook-signature")}
    changed = client.post("/hotline/v1/orders", b'{"number": "2", "words": "x"}', content_type="application/json", headers=headers)
    assert changed.status_code == 401
    without = client.post("/hotline/v1/orders", b"{}", content_type="application/json", headers={"hotline-key": "city"})
    assert without.status_code == 401


def test_a_source_that_is_off_or_has_another_key_sends_nothing(client: Client, town: Town, source: Source) -> None:
    made = actions.new_secret(source, by=town.actor("admin"))
    assert post(client, source, order()).status_code == 401
    assert post(client, source, order(), secret=made).status_code == 200
    Source.objects.update(active=False)
    assert post(client, source, order("2"), secret=made).status_code == 401


def test_what_is_wrong_is_told_by_field(client: Client, town: Town, source: Source) -> None:
    answer = post(client, source, order(caller_phone="12", due_at="x"))
    assert answer.status_code == 422 and set(answer.json()["faults"]) == {"caller_phone", "due_at"}
    assert post(client, source, further("urge", number="9")).status_code == 202


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 5000])
def test_what_is_no_message_is_refused(client: Client, town: Town, source: Source, body: bytes) -> None:
    stamp = str(int(clock.now().timestamp()))
    answer = client.post("/hotline/v1/orders", body, content_type="application/json", headers={
        "hotline-key": "city", "webhook-id": "1", "webhook-timestamp": stamp,
        "webhook-signature": rules.sign(SECRET, "1", stamp, body)})
    assert answer.status_code == 400 and answer.json()["result"] == "faulty"


def test_a_source_may_call_fields_as_it_does_and_the_id_may_stand_in_the_head(client: Client, town: Town, source: Source) -> None:
    source.names_in = {"number": "gdbh", "words": "sqnr", "type": "xxlx"}
    source.save()
    given = {"gdbh": "77", "sqnr": "路灯不亮", "xxlx": "工单", "caller_phone": 13800001111, "secret": True, "lon": 0, "lat": 0}
    answer = post(client, source, given, message_id="head-1")
    assert answer.status_code == 200, answer.content.decode()
    case = Case.objects.get()
    assert case.request.their_number == "77" and case.fields["hide_reporter"] and case.lon is None


def test_other_ways_of_asking_are_told_so(client: Client, town: Town, source: Source) -> None:
    answer = client.get("/hotline/v1/orders")
    assert answer.status_code == 405 and answer["Allow"] == "POST"


def test_a_large_body_is_refused_before_it_is_read(client: Client, town: Town, source: Source) -> None:
    answer = client.post("/hotline/v1/orders", b"x" * (1024 * 1024 + 1), content_type="application/json")
    assert answer.status_code == 413


def test_the_case_is_found_by_the_number_of_the_hotline(client: Client, town: Town, source: Source) -> None:
    sent = Sent(town, source).accepted()
    for who, finds in (("operator", True), ("street", True), ("east", False)):
        client.force_login(town.people[who])
        assert (sent.case.title in client.get("/desk/search/", {"q": "sh2026030200001"}).content.decode()) is finds, who


def test_the_examples_of_the_how_to_work(client: Client, town: Town, source: Source) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/howto/connect-the-city-hotline.md").read_text()
    answers: list[Any] = []

    def post_it(address: str, body: bytes, headers: dict[str, str]) -> Any:
        kind = headers.pop("content-type")
        answers.append(client.post(address, body, content_type=kind, headers=headers))
        return answers[-1]

    class Clock:
        time = staticmethod(lambda: clock.now().timestamp())

    exec(text.split("```python\n")[1].split("```")[0], {
        "json": json, "time": Clock, "base64": base64, "hmac": hmac, "KEY": SECRET, "SITE": "", "SOURCE": source.key,
        "post": post_it, "Answer": Any})
    assert [(a.status_code, a.json()["result"]) for a in answers] == [(200, "applied")] * 5, [a.content.decode() for a in answers]
    assert Case.objects.get().outcome == "called_off"


def test_the_how_to_names_every_kind_event_and_result() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/howto/connect-the-city-hotline.md").read_text()
    unsaid = [name for name in (*rules.KINDS, *rules.EVENTS, "applied", "known", "old", "refused", "parked", "faulty")
              if f"`{name}`" not in text]
    assert unsaid == []
