"""Reports per second through HTTP, the full stack on, against pgbench doing the four plain inserts of create.sql."""

import json
import multiprocessing
import os
import random
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any, cast

import psutil
from django.conf import settings
from django.db import connection

from gongzhi.base import postgres
from gongzhi.flow import queries as flow
from gongzhi.org import actions as org
from gongzhi.org.models import Unit
from gongzhi.places import index

CLIENTS, ROUNDS, SECONDS = 8, 5, 10.0
REPORTS = 20_000  # written before the clock starts; more than a round sends
WORDS = "家里暖气不热，只有十五度，老人受不了，请尽快派人来看看"


def run(say: Callable[[str], None]) -> None:
    """Alternate HTTP and pgbench five times; print the median ratio, both ranges and the application's CPU."""
    port, key = _free_port(), org.issue_token(name="bench", by=None)
    points = [(float(p.x), float(p.y)) for p in (o.representative_point() for o in index.current().outlines)]
    with tempfile.TemporaryDirectory() as folder, _server(port) as server:
        variables = _variables(Path(folder))
        _http(port, key, points, 2.0)  # every process warm
        ratios, through_http, plain, cpu = [], [], [], []
        for n in range(ROUNDS):
            before = _cpu(server)
            created = _http(port, key, points, SECONDS)
            cpu.append((_cpu(server) - before) / created * 1000)
            through_http.append(created / SECONDS)
            plain.append(_pgbench(variables))
            ratios.append(through_http[-1] / plain[-1])
            say(f"  round {n + 1}: HTTP {through_http[-1]:.0f}/s, pgbench {plain[-1]:.0f}/s, ratio {ratios[-1]:.2f},"
                f" application CPU {cpu[-1]:.2f} ms")
    say(f"create: ratio {median(ratios):.2f} (HTTP {min(through_http):.0f}–{max(through_http):.0f}/s, pgbench"
        f" {min(plain):.0f}–{max(plain):.0f}/s), application CPU {median(cpu):.2f} ms per create;"
        f" limits: at least 0.25, at most 2 ms; aim 0.5")


@contextmanager
def _server(port: int) -> Iterator[psutil.Process]:
    """Start the web server as it is started in service, two workers."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
               "--workers", "2", "--blocking-threads", "4", "--no-ws", "gongzhi.site.wsgi:application"]
    with subprocess.Popen(command, env={**os.environ, "GONGZHI_LOG_LEVEL": "ERROR"}, stdout=subprocess.DEVNULL) as child:
        try:
            _wait_for(port)
            yield psutil.Process(child.pid)
        finally:
            child.terminate()


def _wait_for(port: int) -> None:
    for _attempt in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the web server did not start")


def _cpu(process: psutil.Process) -> float:
    times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def _http(port: int, key: str, points: list[tuple[float, float]], seconds: float) -> int:
    """Post from eight connections of another process for some seconds; return how many were created."""
    answers: Any = multiprocessing.get_context("fork").Queue()
    client = multiprocessing.get_context("fork").Process(target=_clients, args=(port, key, points, seconds, answers))
    client.start()
    created = int(answers.get())
    client.join()
    if created == 0:
        raise RuntimeError("no report was created")
    return created


def _clients(port: int, key: str, points: list[tuple[float, float]], seconds: float, answers: Any) -> None:
    """Keep eight connections busy, from one thread and with reports written beforehand.

    Plain sockets, no client library: what the client costs would be charged to the server's machine.
    """
    reports = cycle([_request(key, *random.choice(points)) for _ in range(REPORTS)])
    created = 0
    with ExitStack() as lines, selectors.DefaultSelector() as ready:
        for _ in range(CLIENTS):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(line, selectors.EVENT_READ, bytearray())
            line.sendall(next(reports))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for told, _events in ready.select(seconds):
                line, answer = cast(socket.socket, told.fileobj), told.data
                answer += line.recv(65536)
                if _is_whole(answer):
                    created += answer.startswith(b"HTTP/1.1 201")
                    answer.clear()
                    line.sendall(next(reports))
    answers.put(created)


def _request(key: str, lon: float, lat: float) -> bytes:
    body = json.dumps({"lon": lon, "lat": lat, "words": WORDS, "address": "团结小区 12 号楼",
                       "phone": f"138{random.randrange(10**8):08d}"}).encode()
    head = (f"POST /api/v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def _is_whole(answer: bytearray) -> bool:
    head, sep, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.I)
    return bool(sep and length and len(body) >= int(length.group(1)))


def _variables(folder: Path) -> list[str]:
    """Give create.sql the ids of this database; a place path is text, so it is written into a copy."""
    snapshot = index.current()
    found = snapshot.found[0]
    path = "'{" + ",".join(map(str, found.path)) + "}'"
    script = folder / "create.sql"
    script.write_text((Path(__file__).parent / "create.sql").read_text().replace(":path", path))
    unit = Unit.objects.get(kind="centre").pk
    return ["-f", str(script), "-D", f"place={found.place_id}", "-D", f"version={flow.current_version('request')}",
            "-D", f"unit={unit}"]


def _pgbench(variables: list[str]) -> float:
    connection.close()
    command = [str(postgres.program("pgbench")), "-n", "-c", str(CLIENTS), "-j", "2", "-M", "prepared", "-T", str(int(SECONDS)),
               *variables, settings.DATABASE_URL]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if not found:
        raise RuntimeError(done.stderr)
    return float(found.group(1))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
