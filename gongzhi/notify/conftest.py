"""Fixtures for the tests of this room and of each channel."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pytest_django import Settings

from gongzhi.notify import registry


@dataclass
class Gateway:
    """An HTTP server that answers with the given codes in turn, then with 200, and keeps what it got."""

    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], dict[str, object], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    kept = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append(({k.lower(): v for k, v in self.headers.items()}, json.loads(body), body))
            self.send_response(kept.answers.pop(0) if kept.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/send"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def real(settings: Settings) -> None:
    """Leave the demo: SMS are really sent."""
    settings.GONGZHI_DEMO = False


@pytest.fixture(autouse=True)
def overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a template for the test."""
    monkeypatch.setattr(registry, "templates", {})
    registry.template("test.overdue", "{code} 已超期", "{code} 应于 {due} 前办结，现已超期，请尽快处理。")
