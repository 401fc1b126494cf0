"""A hotline for tests: its source, messages of it, and a walk of an order through the process."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.test import Client

from conftest import MONDAY, Town
from gongzhi.base import chinese, clock, crypto
from gongzhi.flow import actions as flow
from gongzhi.flow import clocks
from gongzhi.flow.models import Case, Task
from gongzhi.hotline import arrivals, rules, sending
from gongzhi.hotline.models import CategoryMap, Order, Outgoing, Source
from gongzhi.hotline.rules import Told
from gongzhi.log import projections
from gongzhi.places.models import Place
from gongzhi.requests.tests.walking import COLD

SECRET = "s" * 32
DUE = MONDAY + timedelta(days=2, hours=2)  # Wednesday 11:00
WORDS = "家里暖气不热，只有 15 度"


def hotline(town: Town, key: str = "city", **more: Any) -> Source:
    """Connect a hotline that sends for the whole district; its places are found by words of their names."""
    for place in Place.objects.filter(tokens=[]):
        Place.objects.filter(pk=place.pk).update(tokens=chinese.bigrams(place.name))
    made = Source.objects.create(key=key, title="市12345热线" if key == "city" else key, area=town.places["district"],
                                 secret=crypto.seal(SECRET), url="https://hotline.example/answers", **more)
    CategoryMap.objects.create(source=made, theirs="0301", title="供热", category=town.categories[COLD])
    return made


def order(number: str = "SH2026030200001", **more: Any) -> dict[str, str]:
    """Give the texts of an order; a None leaves one out."""
    given = {"id": f"m-{number}-1", "type": "order", "number": number, "seq": "1", "words": WORDS, "caller_name": "张三",
             "caller_phone": "13800001111", "address": "西南社区第1网格 3 号楼", "category_code": "0301", "category_name": "供热",
             "kind": "求助", "received_at": "2026-03-02 08:40", "due_at": f"{DUE:%Y-%m-%d %H:%M}", **more}
    return {name: str(value) for name, value in given.items() if value is not None}


def further(kind: str, seq: int | None = 2, number: str = "SH2026030200001", **more: Any) -> dict[str, str]:
    """Give the texts of a further message."""
    given = {"id": f"m-{number}-{kind}-{seq}", "type": kind, "number": number, "seq": seq, **more}
    return {name: str(value) for name, value in given.items() if value is not None}


def post(client: Client, source: Source, given: dict[str, Any], *, secret: str = SECRET, at: datetime | None = None,
         key: str = "", message_id: str = "") -> Any:
    """Send a message through the door, signed."""
    body = json.dumps(given, ensure_ascii=False).encode()
    stamp, number = str(int((at or clock.now()).timestamp())), message_id or str(given.get("id", ""))
    return client.post("/hotline/v1/orders", body, content_type="application/json", headers={
        "hotline-key": key or source.key, "webhook-id": number, "webhook-timestamp": stamp,
        "webhook-signature": rules.sign(secret, number, stamp, body)})


class Sent:
    """An order on its way here. `now` is the time of the walk."""

    def __init__(self, town: Town, source: Source, **more: Any) -> None:
        self.town, self.source, self.now = town, source, MONDAY
        self.told = self.says(order(**more))
        self.number = rules.number(order(**more)["number"])

    def says(self, given: dict[str, str]) -> Told:
        with clock.at(self.now):
            return arrivals.receive(self.source, given)

    @property
    def order(self) -> Order:
        return Order.objects.select_related("case__request", "goes_on_in").get(source=self.source, number=self.number)

    @property
    def case(self) -> Case:
        return self.order.now

    @property
    def stage(self) -> str:
        return self.case.stage

    def does(self, who: str, action: str, *, task: Task | None = None, **form: Any) -> Case:
        with clock.at(self.now):
            return flow.act(self.case.pk, action, by=self.town.actor(who), form=form, task_id=task.pk if task else None)

    def decides(self, who: str, decision: str, **form: Any) -> Case:
        return self.does(who, decision, task=self.case.tasks.get(kind="approval", done_at=None), **form)

    def accepted(self, category: str = COLD, **form: Any) -> "Sent":
        lon, lat = self.town.point("west-south-1")
        self.does("operator", "accept", category=category, place=f"{lon},{lat}", **form)
        return self

    def dispatched(self) -> "Sent":
        self.accepted()
        self.does("street", "dispatch", lead=self.town.units["housing"].pk)
        return self

    def replied(self) -> "Sent":
        if self.stage == "receiving":
            self.dispatched()
        self.does("department", "finish", result="更换阀门", reply="已更换阀门，室温 20 度。")
        self.decides("department_leader", "agree")
        return self

    def wait(self, **length: float) -> None:
        end = self.now + timedelta(**length)
        while (due := clocks.next_due()) and due <= end:
            with clock.at(due):
                clocks.tick()
        self.now = end

    def out(self) -> list[dict[str, Any]]:
        """Let the projection write; return what goes out of this order, oldest first."""
        catch_up()
        return [sending.facts(message) for message in Outgoing.objects.filter(order=self.order).order_by("pk")]

    def events(self) -> list[str]:
        return [facts["event"] for facts in self.out()]


def catch_up() -> int:
    """Write the messages of what is new in the log; a test's own transaction is read by hand."""
    from django.db import connection

    from gongzhi.log.queries import _lines

    lines = _lines("SELECT e.id, e.at, e.era, e.xid::text::bigint, e.actor, e.verb, e.subject_kind, e.subject_id, e.places,"
                   " e.data FROM log_event e ORDER BY e.id", [])
    assert connection
    projections.registry["hotline.outbox"].keep(lines)  # written twice is written once
    return len(lines)
