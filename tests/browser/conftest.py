"""Browsers for the journeys: a phone and an office screen, each watched while somebody uses them.

`visit(390, 844)` is a stranger at a phone; `team["street"]` a person of the cast, signed in. A breach of the security
policy, an error of a script, or a part of a page that does not arrive fails the test. `shot` keeps what was seen.
"""

import gzip
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, Response

from conftest import Town, build_town
from gongzhi.flow import clocks
from gongzhi.flow.models import Case
from gongzhi.log import projections

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop runs in this thread; the tests do not await
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "gongzhi/site/static/vendor/axe.min.js"
SCREENS = ROOT / "test-results/screens"
SIZES = {"phone": (390, 844), "desk": (1366, 768)}
FAILED = pytest.StashKey[bool]()
PATIENCE = 20_000  # ms; a loaded machine is slow, and waiting for what comes costs nothing
WATCH = """
document.addEventListener('securitypolicyviolation', event =>
  reportBreach(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""

SETTLED = """() => new Promise(say => {
  let patience = 60;
  const look = () => {
    const wide = document.documentElement.scrollWidth;
    wide <= innerWidth || !patience-- ? say(wide) : setTimeout(look, 50);
  };
  look();
})"""
BLIND = "window.IntersectionObserver = class { observe() {} unobserve() {} }"  # maps and charts wait to be seen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Remember that a test failed: its visitors then leave pictures of where they stood."""
    found = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or found.failed
    return found


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if not found:
        pytest.fail("no Chromium on this machine; bin/test installs one or says how")
    return {"executable_path": found, "args": [
        *(["--no-sandbox"] if os.geteuid() == 0 else []), "--disable-quic", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-gpu",
        "--enable-unsafe-swiftshader", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    ]}


class Visitor:
    """Somebody at a browser."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.faults: list[str] = []
        self.answers: list[Response] = []
        self.seen: set[str] = set()  # what the browser has already and does not fetch again: `weight` leaves it out
        page.on("pageerror", lambda fault: self.faults.append(f"page error: {fault}"))
        page.on("console", lambda line: self._hear(line.type, line.text))
        page.on("response", self._read)

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and "Failed to load resource" not in text:  # a page that says 422 is no fault; see _read
            self.faults.append(f"console: {text}")

    def _read(self, answer: Response) -> None:
        self.answers.append(answer)
        if answer.status >= 500 or (answer.status >= 400 and answer.request.resource_type != "document"):
            self.faults.append(f"{answer.status} {answer.url}")

    def go(self, path: str) -> "Visitor":
        self.page.goto(path if path.startswith("http") else self.base + path)
        return self

    @property
    def main(self) -> str:
        return self.page.inner_text("main")

    @property
    def status(self) -> int:
        return [a for a in self.answers if a.request.is_navigation_request()][-1].status

    def reads(self, *words: str) -> "Visitor":
        """See these words on the page."""
        for each in words:
            self.page.locator("main", has_text=each).wait_for()
        return self

    def sign_in(self, username: str, password: str = "gongzhi-demo") -> "Visitor":
        self.go("/sign-in/")
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", password)
        with self.page.expect_navigation():
            self.page.click("button:has-text('登录')")
        return self

    def shot(self, name: str) -> None:
        """Keep a picture of the whole page."""
        size = self.page.viewport_size
        assert size
        SCREENS.mkdir(parents=True, exist_ok=True)
        kind = next((k for k, (width, _) in SIZES.items() if width == size["width"]), str(size["width"]))
        self.page.screenshot(path=SCREENS / f"{name}-{kind}.png", full_page=True,
                             caret="initial")  # hiding it would write style attributes, which the policy forbids

    # -- the desk

    def case(self, code: str) -> "Visitor":
        return self.go(f"/desk/cases/{code}/")

    def press(self, title: str) -> "Visitor":
        """Press the button of an act, wherever it is folded away."""
        words = re.compile(rf"^\s*{title}\s*d?\s*$")  # with its key
        buttons = self.page.locator(".casehead .btn").filter(has_text=words, visible=True)
        if not buttons.count():
            self.page.locator(".casehead details:not([open]) > summary", has_text="更多").click()
        with self.page.expect_event("load"):  # a navigation is also what a script writes into the address
            buttons.first.click()
        return self

    def send(self, **values: Any) -> "Visitor":
        """Fill the open form of an act and send it."""
        form = self.page.locator("#act form").filter(has=self.page.locator(".btn-primary"))
        for name, value in values.items():
            for each in value if isinstance(value, list) else [value]:
                self.put(form.locator(f"[name={name}]"), each)
        with self.page.expect_event("load"):
            form.locator(".btn-primary").click()
        return self

    def put(self, controls: Locator, value: Any) -> None:
        """Fill one control, whatever it is; unfold what hides it."""
        first = controls.first
        kind = first.evaluate("e => e.type || e.tagName")
        if kind in ("radio", "checkbox"):
            first = controls.and_(self.page.locator(f"[value='{value}']"))
        if kind != "file" and not first.is_visible():
            first.locator("xpath=ancestor::details[not(@open)]/summary").click()
        if kind == "select-one":
            first.select_option(str(value))
        elif first.locator("xpath=ancestor::*[@data-picks]").count():
            first.click()  # it becomes a chip, and is a box no more
        elif kind in ("radio", "checkbox"):
            first.check()
        elif kind == "file":
            first.set_input_files(value)
        else:
            first.fill(str(value))

    def acts(self, code: str, title: str, **values: Any) -> "Visitor":
        """Open a case, press a button, fill its form, and be told that it is done."""
        self.case(code).press(title)
        if values:
            self.send(**values)
        assert self.status == 200 and not self.page.locator(".wrong, main [role=alert]").count(), self.main
        return self

    # -- what a page must be

    def fits(self) -> None:
        """Nothing is wider than the screen, once maps and charts have found their size."""
        wide = self.page.evaluate(SETTLED)
        assert wide <= self.page.viewport_size["width"], (self.page.url, self.page.viewport_size, wide)  # type: ignore[index]

    def accessible(self) -> None:
        """Axe finds nothing serious. It is put in through the debugger, which the page's policy does not bind."""
        if not self.page.evaluate("'axe' in window"):
            session = self.page.context.new_cdp_session(self.page)
            session.send("Page.setBypassCSP", {"enabled": True})
            session.send("Runtime.evaluate", {"expression": AXE.read_text()})
            session.detach()
        found = self.page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations']})"
            ".then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact))"
            ".map(v => v.id + ' ' + v.nodes[0].html.slice(0, 200)))"
        )
        assert not found, (self.page.url, self.page.viewport_size, found)

    def weight(self, *kinds: str) -> int:
        """Add up what came over the line since the last `forget`, compressed; of some resource types only, if named."""
        wanted = {r.url for r in self.answers if r.status == 200 and (not kinds or r.request.resource_type in kinds)}
        bodies = [self.page.request.get(url).body() for url in sorted(wanted - self.seen) if url.startswith("http")]
        return sum(len(gzip.compress(body, 6)) for body in bodies)

    def forget(self) -> None:
        self.answers.clear()


@pytest.fixture
def visit(browser: Browser, live_server: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visitor]]:
    """Make visitors of any size; each has a browser of its own."""
    visitors: list[Visitor] = []

    def make(width: int, height: int, **more: Any) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN",
                                      timezone_id="Asia/Shanghai", reduced_motion="reduce", **more)
        context.set_default_timeout(PATIENCE)
        visitor = Visitor(context.new_page(), live_server.url)
        context.expose_binding("reportBreach", lambda _, words: visitor.faults.append(f"policy: {words}"))
        context.add_init_script(WATCH)
        visitors.append(visitor)
        return visitor

    yield make
    if request.node.stash.get(FAILED, False):
        for n, visitor in enumerate(visitors):
            visitor.shot(f"failed-{request.node.name}-{n}")
    faults = [(v.page.url, fault) for v in visitors for fault in v.faults]
    for visitor in visitors:
        visitor.page.context.close()
    assert not faults


@pytest.fixture
def phone(visit: Any) -> Visitor:
    return visit(*SIZES["phone"])


@pytest.fixture
def town(transactional_db: None) -> Town:
    """Build the cast's town for real: the server in the other thread must see it."""
    return build_town()


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    return SIZES[request.param]


class Team(dict[str, Visitor]):
    """The cast at its browsers, each signed in when first asked for."""

    def __init__(self, town: Town, visit: Callable[..., Visitor], size: tuple[int, int], blind: bool = True) -> None:
        super().__init__()
        self.town, self.visit, self.size, self.blind = town, visit, size, blind

    def __missing__(self, name: str) -> Visitor:
        self[name] = visitor = self.visit(*self.size)
        if self.blind:
            visitor.page.context.add_init_script(BLIND)  # maps without a graphics card would take most of the time
        client = Client()
        client.force_login(self.town.people[name])  # signing in by the page is slow on purpose, and tested on its own
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": visitor.base}
        visitor.page.context.add_cookies([cookie])  # type: ignore[list-item]
        return visitor

    def unit(self, name: str) -> int:
        return int(self.town.units[name].pk)


@pytest.fixture
def team(town: Town, visit: Any, size: tuple[int, int]) -> Team:
    return Team(town, visit, size)


def report(who: Visitor, words: str = "家里暖气不热，只有 15 度", phone: str = "13804715502") -> Case:
    """Report by the portal's form, and stand on the answer page."""
    page = who.go("/r/new").page
    page.fill("[name=words]", words)
    page.click("[data-next]")
    page.fill("[name=q]", "西南社区第1网格")
    page.check("#found input >> nth=0")
    page.wait_for_selector("[data-spot]")
    page.click("[data-next]")
    page.fill("[name=phone]", phone)
    page.click("[data-send]")
    page.wait_for_url("**/done")
    return Case.objects.get(code=code_in(who.main))


def catch_up() -> None:
    """Do what the worker does: projections and clocks."""
    projections.catch_up()
    clocks.tick()
    projections.catch_up()


def code_in(text: str) -> str:
    """Find the code of a matter in a page's words."""
    found = re.search(r"\b(\d{3}) (\d{3}) (\d{4})\b", text)
    assert found, text[:400]
    return "".join(found.groups())
