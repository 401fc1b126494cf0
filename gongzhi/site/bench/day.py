"""A dispatcher's day by keyboard alone: 200 new matters dispatched, 120 requests decided, in a real Chromium.

The time of each matter runs from the list that shows it to the list without it, and is split into what the server took
(from asking for a page to its first byte) and what the browser took: drawing, scripts, the delays of the page itself.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from gongzhi.base import clock
from gongzhi.flow import actions as flow
from gongzhi.flow import actors
from gongzhi.flow.models import Case
from gongzhi.org import queries as org
from gongzhi.org.models import Person
from gongzhi.places.models import Place
from gongzhi.requests import actions as requests
from gongzhi.requests.models import CatalogueLine

NEW, OPEN, STEP = 200, 120, 20
PATIENCE = 30_000  # ms
WORDS = ("家里暖气不热", "楼下垃圾没人收", "路灯坏了", "楼道堆了杂物", "井盖松动", "半夜施工太吵")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# A page by its own account: from the asking for it (a form's redirect included) to the first byte.
TIMING = "() => { const [n] = performance.getEntriesByType('navigation'); return n.responseStart - n.startTime }"


@dataclass(frozen=True)
class Spent:
    """What one matter took, in milliseconds."""

    whole: float
    server: float


def run(say: Callable[[str], None]) -> None:
    """Prepare the desk, start a server, work the day, and print median and 95th percentile per matter."""
    from playwright.sync_api import sync_playwright

    dispatcher = Person.objects.get(username="street")
    say(f"  {prepare(dispatcher, NEW, OPEN)} matters on the desk of {dispatcher.username}")
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    with _Server() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="zh-CN")
        page.set_default_timeout(PATIENCE)
        sign_in(page, base, dispatcher.username)
        began = time.monotonic()
        for what, view, n in (("dispatched", "dispatching", NEW), ("decided", "reviewing", OPEN)):
            spent: list[Spent] = []
            while len(spent) < n:
                spent += work(page, base, view, min(STEP, n - len(spent)))
                say(("  so far: " if len(spent) < n else "") + line(what, spent))
        say(f"  the whole day by keyboard: {(time.monotonic() - began) / 60:.1f} minutes")
        browser.close()


def sign_in(page: Any, base: str, username: str, password: str = "gongzhi-demo") -> None:
    page.goto(f"{base}/sign-in/")
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def work(page: Any, base: str, view: str, n: int) -> list[Spent]:
    """Work the first n matters of a list, one after the other, by d and Ctrl Enter."""
    page.goto(f"{base}/desk/?view={view}")
    return [_one(page) for _i in range(n)]


def _one(page: Any) -> Spent:
    """Open the form of the next step on the first matter, send it as it is suggested, and be back in the list."""
    began = time.monotonic()
    first = page.locator("[data-row] .code").first.inner_text()
    page.locator("#preview [data-key=d]").wait_for()
    with page.expect_event("load"):
        page.keyboard.press("d")
    server = page.evaluate(TIMING)
    page.locator("#act form [autofocus], #act form input:checked").first.wait_for(state="attached")
    page.wait_for_function("document.activeElement?.closest('#act form')")
    with page.expect_event("load"):
        page.keyboard.press("Control+Enter")
    server += page.evaluate(TIMING)
    assert page.locator(".queue-rows").count(), page.inner_text("main")[:300]
    assert page.locator("[data-row] .code").count() == 0 or page.locator("[data-row] .code").first.inner_text() != first
    return Spent((time.monotonic() - began) * 1000, server)


def line(what: str, spent: list[Spent]) -> str:
    """Say the median and the 95th percentile of a row of matters, whole and split."""
    def both(of: Callable[[Spent], float]) -> str:
        values = [of(s) for s in spent]
        return f"{median(values):,.0f} / {quantiles(values, n=20)[-1] if len(values) > 1 else values[0]:,.0f} ms"

    return (f"{len(spent)} {what}: median / p95 per matter {both(lambda s: s.whole)}; "
            f"server {both(lambda s: s.server)}, browser {both(lambda s: s.whole - s.server)}")


# The desk before the day begins ---------------------------------------------------------------------------------------


def prepare(dispatcher: Person, new: int, asked: int) -> int:
    """Bring so many matters to be dispatched, and so many requests to be decided, to a dispatcher's desk."""
    held = org.standing(dispatcher).held[0]
    grids = list(Place.objects.filter(path__contains=[held.place_id], kind="grid", valid_to=None).exclude(lon=None))
    operator = actors.person(org.standing(org.holders(_centre(), "operator")[0]))
    kinds = [c for c in CatalogueLine.objects.select_related("category", "lead").order_by("id")
             if c.category.limit and c.category.active and org.holders(c.lead_id).exists()]
    by = actors.person(org.standing(dispatcher))
    for i in range(new + asked):
        grid, kind = grids[i % len(grids)], kinds[i % len(kinds)]
        given = requests.Report(grid.lon, grid.lat, words=f"{WORDS[i % len(WORDS)]}，第 {i + 1} 件", phone="13800001111")
        case_id = requests.report(given, by=actors.Actor("anyone")).case_id
        flow.act(case_id, "accept", by=operator, form={
            "category": kind.category.code, "place": f"{grid.lon},{grid.lat}", "kind": "help"})
        if i >= new:
            flow.act(case_id, "dispatch", by=by, form={"lead": kind.lead_id})
            lead = actors.person(org.standing(org.holders(kind.lead_id)[0]))
            flow.act(case_id, "extend", by=lead, form={"reason": f"等配件到货，{clock.today()}", "days": 1})
    return Case.objects.filter(closed_at=None, path__contains=[held.place_id]).count()


def _centre() -> int:
    from gongzhi.org.models import Unit

    return Unit.objects.get(kind="centre").pk


class _Server:
    """The application as it is served, for as long as the day lasts."""

    def __enter__(self) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        words = ("-m", "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--no-ws",
                 "--host", "127.0.0.1", "--port", str(port), "gongzhi.site.wsgi:application")
        environ = {**os.environ, "GONGZHI_BASE_URL": f"http://127.0.0.1:{port}"}
        self.process = subprocess.Popen([sys.executable, *words], env=environ, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _try in range(200):
            with socket.socket() as there:
                if there.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}"
            time.sleep(0.1)
        raise RuntimeError("the server did not start")

    def __exit__(self, *_fault: object) -> None:
        self.process.terminate()
        self.process.wait()
