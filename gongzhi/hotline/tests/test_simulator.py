"""A day with a city hotline that sends late, double and out of order, and takes answers badly: nothing lost, nothing twice."""

from collections.abc import Iterator
from typing import Any

import pytest

from conftest import build_town
from gongzhi.hotline.models import Order, Outgoing
from gongzhi.hotline.tests.wires import hotline
from gongzhi.requests.models import Category, Request
from gongzhi.site.bench import city_hotline
from gongzhi.site.bench import hotline as bench

ORDERS = 200


@pytest.fixture
def served(transactional_db: None, live_server: Any, settings: Any) -> Iterator[int]:
    """The whole town, on a real port."""
    town = build_town()
    hotline(town, "other")  # gives places words to be found by
    Category.objects.filter(code="200102").update(evidence="none")
    settings.ALLOWED_HOSTS = ["*"]
    bench.forget()
    yield live_server.thread.port
    bench.forget()


def test_nothing_is_lost_and_nothing_is_there_twice(served: int) -> None:
    said: list[str] = []
    found = bench.play(said.append, served, ORDERS, seed=7)
    assert found == [], "\n".join(said)
    assert Order.objects.filter(source__key="bench1").count() == ORDERS
    assert "0 failures" in said[-1]


def test_the_comparison_sees_what_is_wrong(served: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the day above would always be fine."""
    seen: list[Any] = []
    monkeypatch.setattr(bench, "failures", lambda city, source: seen.append((city, source)) or [])
    bench.play(lambda _line: None, served, 12, seed=3)
    city, source = seen[0]
    assert city_hotline.failures(city, source) == []
    number = Order.objects.filter(source=source, former=[])[0].number
    Request.objects.filter(their_number=number).update(their_number="")
    lost = Outgoing.objects.filter(source=source)[0]
    del city.got[str(lost.sent_as)]
    city.sent["never"] = b""
    wrong = "\n".join(city_hotline.failures(city, source))
    assert f"{number}: 0 cases" in wrong and "never arrived" in wrong and "never: message lost" in wrong
