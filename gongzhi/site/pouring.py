"""Pour real messages into a running demo through its API, and work each to its archive as the roles it needs.

Only the API is used to report and to act. The database of the demo is asked for one thing: who holds the post a task
waits on, so that the act is done with that person's token.
"""

import base64
import io
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from PIL import Image

from gongzhi.base import clock
from gongzhi.org import actions as org_actions
from gongzhi.org import queries as org
from gongzhi.org.models import Unit
from gongzhi.places import index
from gongzhi.requests.models import Category

FIRST = ("approval", "duty")  # whose tasks come before the work itself, which ends them
STEPS = 30  # more acts than any walk to the archive takes


@dataclass
class Message:
    """One row of the file: what was said, and what was really answered."""

    words: str
    reply: str


@dataclass
class Outcome:
    """What came of all messages."""

    archived: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


class Pourer:
    """One client with the tokens of everybody it has acted as."""

    def __init__(self, address: str, seed: int, note: Callable[[str], None]) -> None:
        self.http = httpx.Client(base_url=address.rstrip("/") + "/api/v1", timeout=60)
        self.tokens: dict[tuple[str, str], str] = {}
        self.random = random.Random(seed)
        self.note = note
        self.lock = threading.Lock()
        self.photo = _photo()
        self.key = org_actions.issue_token(name="pour", by=None)
        self.general = Category.objects.filter(active=True).exclude(limit="").order_by("-code").first()

    def pour(self, message: Message) -> str:
        """Report one message and work it to an end; return the stage it ended in, or raise Failed."""
        lon, lat = self._point()
        body = {"words": message.words, "lon": lon, "lat": lat, "phone": f"139{self.random.randrange(10**8):08d}"}
        receipt = self._call("POST", "/reports", self.key, body)
        code, secret = receipt["code"], receipt["secret"]
        token = self._token_of("centre", "operator")
        for _step in range(STEPS):
            case = self._call("GET", f"/cases/{code}", token)
            if case["closed_at"]:
                return str(case["stage"])
            if case["stage"] == "confirming":
                form = {"solved": "solved", "satisfied": str(self.random.choice([3, 4, 5, 5]))}
                self._call("POST", f"/reports/{code}/actions/rate?secret={secret}", None, {"form": form})
                continue
            self._advance(code, case, message)
        raise Failed("never ended")

    def _advance(self, code: str, case: dict[str, Any], message: Message) -> None:
        """Do the next act of the case on the first task somebody can take."""
        tasks = sorted(case["tasks"], key=lambda t: FIRST.index(t["kind"]) if t["kind"] in FIRST else len(FIRST))
        for task in tasks:
            token = self._token(task["unit"], task["post"])
            if token is None:
                continue
            offers = {o["name"]: o for o in self._call("GET", f"/cases/{code}/actions", token) if not o["refused"]}
            for action in ("agree", "accept", "dispatch", "sign", "contact", "finish", "called"):
                if action in offers and offers[action]["task_id"] in (task["id"], None):
                    act = {"form": self._form(action, code, token, case, message), "stage": case["stage"]}
                    if action == "finish":
                        act |= {"photos": [self.photo], "documents": [self.pdf]}
                    path = f"/tasks/{task['id']}/actions/{action}"
                    self._call("POST", path, token, act)
                    return
        raise Failed(f"nobody can act in {case['stage']}")

    pdf = base64.b64encode(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n").decode()

    def _form(self, action: str, code: str, token: str, case: dict[str, Any], message: Message) -> dict[str, Any]:
        if action in ("accept", "dispatch"):
            found = self._call("GET", f"/cases/{code}/suggestions", token)
            if action == "dispatch":
                return {"lead": found["units"][0]["id"]}
            guess = found["categories"][0]["code"] if found["categories"] else self.general.code  # type: ignore[union-attr]
            return {"category": guess, "kind": "help", "place": [case["lon"], case["lat"]]}
        forms: dict[str, dict[str, Any]] = {
            "contact": {"contact_note": "已电话联系"},
            "finish": {"result": message.reply[:2000], "reply": message.reply},
            "called": {"solved": "solved", "satisfied": "4"},
        }
        return forms.get(action, {})

    def _token_of(self, kind: str, post: str) -> str:
        unit = Unit.objects.filter(kind=kind, posts__name=post).order_by("id").first()
        token = self._token(unit.name, post) if unit else None
        if token is None:
            raise Failed(f"nobody holds {post}")
        return token

    def _token(self, unit_name: str, post: str) -> str | None:
        with self.lock:
            if (unit_name, post) not in self.tokens:
                unit = Unit.objects.filter(name=unit_name).first()
                people = _people(unit, post) if unit else []
                if not people:
                    return None
                made = org_actions.issue_token(name="pour", by=None, person=people[0],
                                               expires_at=clock.now() + timedelta(hours=12))
                self.tokens[unit_name, post] = made
            return self.tokens[unit_name, post]

    def _point(self) -> tuple[float, float]:
        """Choose a random point of the district: uniform over its grids, then inside one."""
        found = index.current()
        while True:
            left, bottom, right, top = self.random.choice(found.outlines).bounds
            lon, lat = self.random.uniform(left, right), self.random.uniform(bottom, top)
            if index.locate(lon, lat):
                return lon, lat

    def _call(self, method: str, path: str, token: str | None, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self.http.request(method, path, json=body, headers=headers)
        if answer.status_code >= 400:
            raise Failed(f"{method} {path.split('?')[0].rsplit('/', 1)[-1]}: {answer.status_code} {answer.text[:160]}")
        return answer.json()


class Failed(Exception):
    """A message that did not reach its end, with what the API said."""


def pour(messages: list[Message], address: str, *, workers: int, seed: int, note: Callable[[str], None]) -> Outcome:
    """Pour all messages and say how it goes every hundred."""
    outcome, pourer, began = Outcome(), Pourer(address, seed, note), time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        for n, (end, error) in enumerate(pool.map(lambda m: _try(pourer, m), messages), 1):
            outcome.archived += end == "archived"
            if error:
                outcome.errors[error] += 1
            else:
                outcome.ends[end] += 1
            if n % 100 == 0:
                note(f"{n}/{len(messages)}  archived {outcome.archived}  errors {sum(outcome.errors.values())}"
                     f"  {time.monotonic() - began:.0f} s")
    return outcome


def _try(pourer: Pourer, message: Message) -> tuple[str, str]:
    try:
        return pourer.pour(message), ""
    except (Failed, httpx.HTTPError) as fault:
        return "", str(fault)[:200]


def _people(unit: Unit, post: str) -> list[Any]:
    return list(org.holders(unit.pk, post or "liaison")) or list(org.holders(unit.pk, post))


def _photo() -> str:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "#8899aa").save(out, "JPEG")
    return base64.b64encode(out.getvalue()).decode()


def rows(table: Iterator[dict[str, str]], words: list[str], reply: str) -> list[Message]:
    """Make messages of a table's rows: the words of several columns joined by new lines."""
    return [Message("\n".join(r[w].strip() for w in words if r.get(w)), r[reply].strip() or "—") for r in table]
