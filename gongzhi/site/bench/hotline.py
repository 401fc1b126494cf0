"""A city hotline on its worst day against the full stack: nothing lost, nothing twice. Prints figures and failures."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache

import httpx
from django.db.models import Q

from gongzhi.base import clock, crypto
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.actors import person as acting
from gongzhi.flow.models import Case, Task
from gongzhi.hotline import actions, sending
from gongzhi.hotline.models import Arrival, CategoryMap, Order, Outgoing, Source
from gongzhi.log import projections
from gongzhi.org import queries as org
from gongzhi.org.models import Unit
from gongzhi.places import index
from gongzhi.places.models import Place
from gongzhi.requests import queries as requests
from gongzhi.requests.models import Category
from gongzhi.site.bench.city_hotline import City, failures
from gongzhi.site.bench.create import _free_port, _server

ORDERS, ROUNDS, STEPS = 5_000, 12, 12
PATIENCE = 1.0  # seconds a silent line is waited for here
RETURNED = 0.02  # of orders the centre gives back
SECRET = "bench-" + "0" * 26
SHOWN = 20  # failures that are printed
Say = Callable[[str], None]


def run(say: Say, orders: int = ORDERS) -> None:
    """Send so many orders, work them, answer them; print what it took and what went wrong."""
    port = _free_port()
    with _server(port):
        play(say, port, orders, seed=1)


def play(say: Say, port: int, orders: int, *, seed: int) -> list[str]:
    """Play the whole day against a server of ours at a port; return what went wrong."""
    source, city = _connect(port, orders, seed)
    with _patience():
        try:
            began = time.perf_counter()
            messages = city.first_messages()
            city.send_all(messages)
            spent = time.perf_counter() - began
            say(f"hotline: {orders:,} orders in {len(messages):,} messages ({city.counts['double']:,} of them twice,"
                f" {city.counts['early']:,} before their order) in {spent:.0f} s, {len(messages) / spent:.0f}/s")
            rounds = _until_all_ended(city, source, say)
        finally:
            city.close()
    found = failures(city, source)
    _tell(say, city, source, rounds, found)
    return found


def _connect(port: int, orders: int, seed: int) -> tuple[Source, City]:
    """Connect a hotline of its own for this run."""
    key = f"bench{Source.objects.count()}"
    Source.objects.filter(key__startswith="bench").update(active=False)  # of a run that was broken off
    area = Place.objects.get(pk=next(n.id for n in index.current().nodes.values() if n.kind == "district"))
    lead = Q(catalogue_lines__isnull=False) | ~Q(owner_key="")
    kinds = list(Category.objects.filter(lead, active=True, evidence="none").exclude(limit="").distinct()[:5])
    found = [n for n in index.current().nodes.values() if n.kind in ("grid", "community", "compound") and n.lon is not None]
    city = City(key, SECRET, port, orders, [n.name for n in found[:400]] + ["说不清的地方"],
                [c.name for c in kinds] + ["没人对应的类别"], random.Random(seed))
    source = Source.objects.create(key=key, title=f"测试热线{key[5:]}", area=area, secret=crypto.seal(SECRET), url=city.open())
    CategoryMap.objects.bulk_create(CategoryMap(source=source, theirs=c.name, title=c.name, category=c) for c in kinds)
    return source, city


@contextmanager
def _patience() -> Iterator[None]:
    """Wait less for silent lines than in service."""
    kept, sending._client[:] = list(sending._client), [httpx.Client(timeout=PATIENCE)]
    try:
        yield
    finally:
        sending._client[:] = kept


def _until_all_ended(city: City, source: Source, say: Say) -> int:
    """Work, answer and be answered until the hotline has the end of every order."""
    for n in range(1, ROUNDS + 1):
        began = time.perf_counter()
        worked = _work(source)
        while projections.advance("hotline.outbox"):
            pass
        sent = _deliver(source)
        answers = city.to_answer()
        city.send_all(answers)
        say(f"  round {n}: {worked:,} acts, {sent:,} tries of answers, {len(answers):,} call-backs and rejections,"
            f" {len(city.ended):,} of {city.n:,} ended, {time.perf_counter() - began:.0f} s")
        if len(city.ended) == city.n and not answers:
            return n
    return ROUNDS


def _deliver(source: Source) -> int:
    """Send until nothing waits, the clock ahead by as much as the waits ask; dead letters are sent again by the button."""
    tried, at, admin = 0, clock.now(), _somebody("admin")
    while Outgoing.objects.filter(source=source, state__in=["waiting", "failed"]).exists():
        with clock.at(at):
            while n := sending.send_due():
                tried += n
            if Outgoing.objects.filter(source=source, state="failed").exists():
                actions.resend_failed(source, by=admin)
        at += timedelta(hours=1)
    return tried


# Our own people -------------------------------------------------------------------------------------------------------


def _work(source: Source) -> int:
    """Let the city's people do what lies on their desks until every order waits for the hotline."""
    done, chance = 0, random.Random(source.pk)
    for _step in range(STEPS):
        open_now = Case.objects.filter(hotline_orders__source=source, closed_at=None).exclude(stage="confirming")
        ids = list(open_now.values_list("pk", flat=True))
        n = sum(_act(case_id, chance) for case_id in ids)
        if not n:
            break
        done += n
    return done


def _act(case_id: int, chance: random.Random) -> bool:
    """Take the next act of a case: an approval that waits, else what its stage asks for."""
    case = Case.objects.select_related("request").get(pk=case_id)
    tasks = sorted(case.tasks.filter(done_at=None, unit__isnull=False), key=lambda t: (t.kind != "approval", t.pk))
    for task in tasks:
        by = _at(task.unit_id or 0, task.post)
        if by is None or task.kind == "duty":
            continue
        name, form = ("agree", {}) if task.kind == "approval" else _next(case, chance)
        try:
            flow.act(case_id, name, by=by, form=form, task_id=task.pk)
            return True
        except (Refused, Faults):
            continue
    return False


def _next(case: Case, chance: random.Random) -> tuple[str, dict[str, object]]:
    kind = case.request.suggested or case.request.category or _general()
    if case.stage == "receiving":
        if chance.random() < RETURNED:
            return "give_back", {"told": "不在本区，请转有关区办理"}
        point = (case.lon, case.lat) if case.lon is not None else _middle()
        kind = kind if kind.evidence == "none" else _general()
        return "accept", {"category": kind.code, "place": list(point)}
    if case.stage in ("dispatching", "hard"):
        name, more = ("rule", {"ruling": "由该单位办"}) if case.stage == "hard" else ("dispatch", {})
        return name, {"lead": _lead(case.request.category_id or 0, case.path[:2][-1], case), **more}
    return "finish", {"result": "已办", "reply": "已到现场处理完毕，请您查看。"}


def _lead(category_id: int, place_id: int, case: Case) -> int:
    """Choose who leads, as suggested; remembered by category and street."""
    if (category_id, place_id) not in _leads:
        found = requests.suggest_units(case, case.request.category)
        staffed = [s.unit_id for s in found if org.holders(s.unit_id).exists()]
        _leads[category_id, place_id] = staffed[0] if staffed else _department()
    return _leads[category_id, place_id]


_leads: dict[tuple[int, int], int] = {}


@cache
def _department() -> int:
    return next(u.pk for u in Unit.objects.filter(kind="department", active_to=None).order_by("pk") if org.holders(u.pk).exists())


@cache
def _general() -> Category:
    return Category.objects.filter(active=True, evidence="none").exclude(limit="").order_by("code")[0]


@cache
def _middle() -> tuple[float, float]:
    grid = next(n for n in index.current().nodes.values() if n.kind == "grid" and n.lon is not None and n.lat is not None)
    return grid.lon or 0.0, grid.lat or 0.0


@cache
def _at(unit_id: int, post: str) -> Actor | None:
    person = org.holders(unit_id, post).first()
    return acting(org.standing(person)) if person else None


def _somebody(post: str) -> Actor:
    unit = Unit.objects.filter(posts__name=post).order_by("pk")[0]
    found = _at(unit.pk, post)
    assert found is not None
    return found


def forget() -> None:
    """Forget the people and places of another city (tests)."""
    _leads.clear()
    for kept in (_department, _general, _middle, _at):
        kept.cache_clear()


# Telling --------------------------------------------------------------------------------------------------------------


def _tell(say: Say, city: City, source: Source, rounds: int, found: list[str]) -> None:
    orders = Order.objects.filter(source=source)
    once_more = sum(len(o.former) for o in orders)
    taken, repeated = sum(map(len, city.got.values())), sum(len(b) - 1 for b in city.got.values())
    states = {s: Arrival.objects.filter(source=source, state=s).count() for s in ("applied", "known", "old", "refused")}
    open_tasks = Task.objects.filter(case__hotline_orders__source=source, done_at=None, unit__isnull=False).count()
    say(f"hotline: {orders.count():,} orders, {orders.count() + once_more:,} cases ({once_more:,} sent once more after their"
        f" end), {rounds} rounds, {open_tasks:,} tasks left open")
    say(f"hotline: {len(city.sent):,} messages: " + ", ".join(f"{n:,} {s}" for s, n in states.items()))
    say(f"hotline: {len(city.got):,} answers taken, {repeated:,} of {taken:,} deliveries a repeat under the same id; on the way"
        f" " + ", ".join(f"{n:,} × {what}" for what, n in sorted(city.counts.items())))
    for line in found[:SHOWN]:
        say(f"  FAILED {line}")
    say(f"hotline: {len(found):,} failures" + (f", {len(found) - SHOWN:,} not shown" if len(found) > SHOWN else ""))
