"""The other side of the wire: a made-up city hotline, with real HTTP, on its worst day.

It sends orders and further messages late, double, in the wrong order and without waiting for the answer; it takes our
answers and fails at it: errors, silence, lines that drop before or after it has written an answer down. At the end it
compares what it has with what we have.
"""

import http.client
import json
import random
import socket
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gongzhi.base import clock
from gongzhi.hotline import rules
from gongzhi.hotline.models import Arrival, Order, Outgoing, Source
from gongzhi.requests.models import Request

DOUBLE, EARLY, UNHEARD = 0.10, 0.15, 0.05  # shares of messages sent twice, before their order, without hearing the answer
ERROR, DROPPED, LOST_ANSWER, SILENT = 0.08, 0.04, 0.04, 0.004  # of our answers: refused, cut off before and after, no word
CANCELLED, MOVED, URGED, ADDED = 0.02, 0.20, 0.15, 0.05  # of orders
UNSOLVED, REJECTED, UNASKED = 0.07, 0.03, 0.02  # of replies
ANEW = 0.02  # of orders, sent once more after their end
FINAL = {"ended", "refused", "returned", "withdrawn", "answered"}
STUBBORN = 40  # how often a message is tried before the run gives up
WORDS = ("家里暖气不热，只有 15 度", "楼道灯不亮，老人上下楼不方便", "小区门口井盖松动", "夜里施工太吵，睡不着")


@dataclass
class City:
    """A hotline with its orders. `places`: addresses, each with the words that name it; all chance comes from `chance`."""

    key: str
    secret: str
    port: int  # ours
    n: int
    places: list[str]
    categories: list[str]
    chance: random.Random
    numbers: list[str] = field(default_factory=list)
    sent: dict[str, bytes] = field(default_factory=dict)  # every message by its id
    last_due: dict[str, str] = field(default_factory=dict)
    got: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))  # our answers by their id, each as it came
    order_of: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # by number: sequence as first taken
    ended: set[str] = field(default_factory=set)
    anew: set[str] = field(default_factory=set)
    to_say: list[dict[str, Any]] = field(default_factory=list)  # what answers give rise to
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    hold: threading.Event = field(default_factory=threading.Event)  # lets go of those it has not answered
    server: ThreadingHTTPServer | None = None

    # -- sending

    def first_messages(self) -> list[dict[str, Any]]:
        """Make the orders and what follows them, in the order they go on the wire: some before their order, some double."""
        made: list[tuple[float, dict[str, Any]]] = []
        for i in range(self.n):
            number = f"{self.key.upper()}2026{i:06d}"
            self.numbers.append(number)
            at = float(i)
            made.append((at, self._order(number)))
            for message in self._further(number):
                early = self.chance.random() < EARLY
                made.append((at - self.chance.uniform(1, 30) if early else at + self.chance.uniform(0.1, 30), message))
                self.counts["early"] += early
        made += [(at + self.chance.uniform(0, 40), message) for at, message in list(made) if self._double()]
        return [message for _at, message in sorted(made, key=lambda pair: pair[0])]

    def _double(self) -> bool:
        again = self.chance.random() < DOUBLE
        self.counts["double"] += again
        return again

    def _order(self, number: str) -> dict[str, Any]:
        due = clock.now() + timedelta(days=self.chance.randint(1, 8))
        self.last_due[number] = _stamp(due)
        return {"id": f"{number}-1", "type": "order", "number": number, "seq": 1, "words": self.chance.choice(WORDS),
                "caller_name": "张三", "caller_phone": f"138{self.chance.randrange(10**8):08d}",
                "address": self.chance.choice(self.places), "category_name": self.chance.choice(self.categories),
                "kind": "求助", "due_at": _stamp(due)}

    def _further(self, number: str) -> Iterator[dict[str, Any]]:
        seq = 1
        for kind, share in (("due", MOVED), ("due", MOVED), ("urge", URGED), ("more", ADDED), ("cancel", CANCELLED)):
            if self.chance.random() < share:
                seq += 1
                message = {"id": f"{number}-{seq}", "type": kind, "number": number, "seq": seq, "words": "补充：下午有人在家",
                           "reason": "来电人又打来"}
                if kind == "due":
                    message["due_at"] = self.last_due[number] = _stamp(clock.now() + timedelta(days=self.chance.randint(1, 9)))
                yield message

    def send_all(self, messages: list[dict[str, Any]], threads: int = 4) -> None:
        """Send messages over several lines at once, each until its answer was heard."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self.send, messages))

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message, ensure_ascii=False).encode()
        with self.lock:
            self.sent[message["id"]] = body
            drops = [self.chance.random() < UNHEARD for _ in range(STUBBORN)]
        for drop in drops:
            status = self._post(message["id"], body, drop)
            self.counts[f"our answer {status}"] += 1
            if status in (200, 202):
                return
        raise RuntimeError(f"{message['id']} was never taken")

    def _post(self, message_id: str, body: bytes, drop: bool) -> int:
        stamp = str(int(datetime.now(clock.CHINA).timestamp()))
        headers = {"Content-Type": "application/json", "hotline-key": self.key, "webhook-id": message_id,
                   "webhook-timestamp": stamp, "webhook-signature": rules.sign(self.secret, message_id, stamp, body)}
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("POST", "/hotline/v1/orders", body, headers)
            if drop:
                return 0
            answer = line.getresponse()
            answer.read()
            return answer.status
        except OSError:
            return -1
        finally:
            line.close()

    # -- taking our answers

    def open(self) -> str:
        """Open our answers' door on this machine; return its address."""
        city = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                city.take(self)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}/answers"

    def close(self) -> None:
        self.hold.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def take(self, door: BaseHTTPRequestHandler) -> None:
        body = door.rfile.read(int(door.headers["Content-Length"]))
        number, stamp = door.headers["webhook-id"], door.headers["webhook-timestamp"]
        if door.headers["webhook-signature"] != rules.sign(self.secret, number, stamp, body):
            self._answer(door, 401)
            return
        with self.lock:
            luck = self.chance.random()
        if luck < ERROR:
            self._answer(door, self.chance.choice((500, 502, 503, 429)))
        elif luck < ERROR + DROPPED:
            self._cut(door, "cut before")
        elif luck < ERROR + DROPPED + SILENT:
            self.counts["no word"] += 1
            self.hold.wait(60)
        else:
            self._keep(number, body)
            if luck < ERROR + DROPPED + SILENT + LOST_ANSWER:
                self._cut(door, "cut after")
            else:
                self._answer(door, 200)

    def _answer(self, door: BaseHTTPRequestHandler, status: int) -> None:
        self.counts[f"answered {status}"] += 1
        door.send_response(status)
        door.send_header("Content-Length", "0")
        door.end_headers()

    def _cut(self, door: BaseHTTPRequestHandler, what: str) -> None:
        self.counts[what] += 1
        door.close_connection = True
        door.connection.shutdown(socket.SHUT_RDWR)

    def _keep(self, number: str, body: bytes) -> None:
        """Write an answer down, and think of what to say to it: solved, not solved, not good enough."""
        with self.lock:
            self.got[number].append(body)
            if len(self.got[number]) > 1:
                return
            facts = json.loads(body)
            order, event = facts["number"], facts["event"]
            self.order_of[order].append(facts["seq"])
            if event in FINAL:
                self._end(order, facts["seq"])
            if event == "redone":
                self.ended.discard(order)
            if event == "replied":
                self.to_say.append(self._opinion(order, facts["seq"]))

    def _end(self, order: str, seq: int) -> None:
        """Note the end of an order; some are sent once more, as it did not last."""
        self.ended.add(order)
        if order not in self.anew and self.chance.random() < ANEW:
            self.anew.add(order)
            self.ended.discard(order)
            self.to_say.append({"id": f"{order}-anew", "type": "redo", "number": order, "seq": 1000 + seq,
                                "reason": "过了两天又坏了"})

    def _opinion(self, order: str, seq: int) -> dict[str, Any]:
        message = {"id": f"{order}-said-{seq}", "type": "result", "number": order, "seq": 1000 + seq, "solved": "是",
                   "satisfied": self.chance.choice(("满意", "非常满意", "基本满意"))}
        luck = self.chance.random()
        if luck < UNSOLVED:
            message |= {"solved": "否", "satisfied": "不满意", "reason": "还是不行"}
        elif luck < UNSOLVED + REJECTED:
            message |= {"type": "reject", "reason": "答复没有说什么时候办好"}
        elif luck < UNSOLVED + REJECTED + UNASKED:
            message |= {"solved": "", "satisfied": "", "reason": "三次未接通"}
        return {name: value for name, value in message.items() if value != ""}

    def to_answer(self) -> list[dict[str, Any]]:
        """Take what is to be said to our answers, some of it twice."""
        with self.lock:
            messages, self.to_say = self.to_say, []
        return messages + [message for message in messages if self._double()]


def _stamp(at: datetime) -> str:
    return f"{clock.local(at):%Y-%m-%d %H:%M}"


# Comparing ------------------------------------------------------------------------------------------------------------


def failures(city: City, source: Source) -> list[str]:
    """Say everything that is not as it must be; nothing where all is well."""
    return [line for check in (_orders, _arrivals, _answers, _deadlines) for line in check(city, source)]


def _orders(city: City, source: Source) -> Iterator[str]:
    """Every order is one order, and as many cases as it was sent anew."""
    here = {o.number: o for o in Order.objects.filter(source=source).select_related("case__request")}
    yield from (f"{number}: lost" for number in city.numbers if number not in here)
    yield from (f"{number}: never sent" for number in here.keys() - set(city.numbers))
    cases = Counter(Request.objects.filter(their_number__in=city.numbers).values_list("their_number", flat=True))
    yield from (f"{number}: {cases[number]} cases" for number, order in here.items() if cases[number] != 1 + len(order.former))
    yield from (f"{number}: a case of another" for number, order in here.items() if order.case.request.their_number != number)


def _arrivals(city: City, source: Source) -> Iterator[str]:
    """Every message was written down once, and none still waits for its order."""
    here = Counter(Arrival.objects.filter(source=source).values_list("message_id", flat=True))
    yield from (f"{name}: message lost" for name in city.sent if name not in here)
    yield from (f"{name}: {n} times" for name, n in here.items() if n > 1)
    waiting = Arrival.objects.filter(source=source, state__in=["parked", "faulty", ""])
    yield from (f"{a.message_id}: {a.state or 'nothing'}" for a in waiting)


def _answers(city: City, source: Source) -> Iterator[str]:
    """Every answer arrived under the one id it has, always the same, in order, and every order has its end."""
    ours = {str(o.sent_as): o for o in Outgoing.objects.filter(source=source).select_related("order")}
    yield from (f"{o.order.number}: {o.event} is {o.state}" for o in ours.values() if o.state != Outgoing.SENT)
    yield from (f"{o.order.number}: {o.event} never arrived" for name, o in ours.items() if name not in city.got)
    yield from (f"{name}: an answer nobody wrote" for name in city.got if name not in ours)
    yield from (f"{name}: not the same twice" for name, bodies in city.got.items() if len(set(bodies)) > 1)
    yield from (f"{number}: out of order" for number, seqs in city.order_of.items() if seqs != sorted(seqs))
    yield from (f"{number}: no end" for number in city.numbers if number not in city.ended)


def _deadlines(city: City, source: Source) -> Iterator[str]:
    """The hotline's last word on a deadline holds, whatever order its words came in."""
    for order in Order.objects.filter(source=source, former=[]).select_related("case"):
        called_off = order.case.outcome == "called_off"
        if not called_off and order.due_at and _stamp(order.due_at) != city.last_due[order.number]:
            yield f"{order.number}: due {_stamp(order.due_at)} instead of {city.last_due[order.number]}"

