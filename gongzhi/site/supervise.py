"""`gongzhi demo` and `gongzhi up`: PostgreSQL, migrations, web server and worker under one process, until Ctrl-C."""

import argparse
import contextlib
import ctypes
import errno
import fcntl
import hashlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from gongzhi.base import postgres
from gongzhi.site.cli import refuse_foreign

ROOT = Path(__file__).resolve().parents[2]
GONGZHI = (sys.executable, "-m", "gongzhi.site.cli")
# What a home holds: all that --reset throws away.
MADE = ("pgdata", "pgdata.*", "postgres.log", "postgres.lock", "commands.lock", "keys", "files", "exports", "static",
        "static.stamp", "web.log", "worker.log")
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
PATIENCE = 10  # seconds a child gets to end by itself
PASSWORD = "gongzhi-demo"


class CannotStart(Exception):
    """Say in one sentence why, and what to do."""


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    command: str
    home: Path
    host: str
    port: int
    reset: bool
    browser: bool

    @property
    def demo(self) -> bool:
        return self.command == "demo"

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}/"


def main(arguments: Sequence[str]) -> int:
    """Run until Ctrl-C or SIGTERM; return the exit code."""
    options = read(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, signal.default_int_handler)
    try:
        with held(options):
            run(options)
    except KeyboardInterrupt:
        say("Stopped.")
    except (CannotStart, postgres.PostgresError, OSError) as fault:
        say(f"gongzhi cannot start: {fault}", to=sys.stderr)
        return 1
    return 0


def read(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="gongzhi")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, folder, words in (
        ("demo", "demo", "run the demo city"),
        ("up", "home", "run the real thing: settings come from the environment"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        home = os.environ.get("GONGZHI_HOME") or str(ROOT / "var" / folder)
        command.add_argument("--home", type=Path, default=Path(home), help="folder of all data (%(default)s)")
        command.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
        command.add_argument("--port", type=int, default=8000, choices=range(1, 65536), metavar="PORT")
        command.set_defaults(reset=False, browser=False)
    commands.choices["demo"].add_argument("--reset", action="store_true", help="throw the data away and build anew")
    commands.choices["demo"].add_argument("--no-browser", dest="browser", action="store_false", default=True)
    given = vars(parser.parse_args(arguments))
    return Options(**given | {"home": given["home"].expanduser().absolute()})


def run(options: Options) -> None:
    """Bring everything up in order, then keep it up."""
    check_port(options.host, options.port)
    environment = {**os.environ, "GONGZHI_HOME": str(options.home), "GONGZHI_DEMO": str(int(options.demo))}
    environment.setdefault("GONGZHI_BASE_URL", options.address.rstrip("/"))
    if options.reset:
        empty(options.home)
    with database(options.home, environment) as server, static_files(options.home, environment) as finish_static:
        with step("Bringing the database up to date"):
            do("migrate", "-v0", environment=environment)
        if options.demo:
            say("· Building the demo city, unless it stands")
            do("build_demo", environment=environment)
        finish_static()
        children = [Child(name, command, environment) for name, command in commands(options).items()]
        if options.demo:  # otherwise the log goes where the service manager wants it
            for child in children:
                child.log = options.home / f"{child.name}.log"
        try:
            with step("Starting web server and worker"):
                wait_until_alive(options, children)
            greet(options)
            while True:
                tend(children, server)
                time.sleep(0.5)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # one Ctrl-C is enough: the rest ends in order
            stop(children)


def commands(options: Options) -> dict[str, tuple[str, ...]]:
    """Name what runs beside the database."""
    web = ("-m", "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--no-ws")
    at = ("--host", options.host, "--port", str(options.port), "gongzhi.site.wsgi:application")
    return {"web": (sys.executable, *web, *at), "worker": (*GONGZHI, "worker")}


# -- one home, one supervisor


@contextlib.contextmanager
def held(options: Options) -> Iterator[None]:
    """Hold the home folder, so that a second start can say that the first one runs; the hold ends with the process."""
    if reason := refuse_foreign(options.home):
        raise CannotStart(reason)
    options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(_note(options), "a+") as note:
        try:
            fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note.seek(0)
            raise CannotStart(f"it runs already, at {note.read()}. Ctrl-C in its window stops it.") from None
        note.truncate(0)
        note.write(options.address)
        note.flush()
        yield


def _note(options: Options) -> Path:
    return options.home / "running"


def empty(home: Path) -> None:
    """Throw away what we made in a home, its database included, and nothing that others put there."""
    if os.environ.get("DATABASE_URL"):
        raise CannotStart("--reset does not empty an outside database: do that there, then start without --reset.")
    postgres.Server(home).stop()
    with step(f"Emptying {home}"):
        for path in (path for name in MADE for path in home.glob(name)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def check_port(host: str, port: int) -> None:
    """Refuse a port that another program listens on, at the same name in either family."""
    families = {socket.AF_INET: host}
    if host == "127.0.0.1" and os.path.exists("/proc/net/if_inet6"):
        families[socket.AF_INET6] = "::1"
    for family, address in families.items():
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as fault:
                if fault.errno == errno.EADDRINUSE:
                    raise CannotStart(f"port {port} is taken; choose another, e.g. --port {port % 65535 + 1}") from None
                if family == socket.AF_INET:
                    raise CannotStart(f"it may not listen on {address}, port {port}: {fault.strerror}") from None


# -- the steps before


@contextlib.contextmanager
def database(home: Path, environment: dict[str, str]) -> Iterator[postgres.Server | None]:
    """Start the embedded PostgreSQL and point the children at it, unless DATABASE_URL names another."""
    if environment.get("DATABASE_URL"):
        yield None
        return
    server = postgres.Server(home)
    try:
        with step(f"Starting PostgreSQL (its log: {server.log})"):
            urls = postgres.ensure(home)
        environment |= {"DATABASE_URL": urls.app, "DATABASE_OWNER_URL": urls.owner}
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def static_files(home: Path, environment: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Compress the static files for the web server if they changed, beside the other steps; yield how to wait."""
    files = sorted(file for file in (ROOT / "gongzhi").glob("*/static/**/*") if file.is_file())
    state = [(str(file), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
    digest, stamp = hashlib.sha256(repr(state).encode()).hexdigest(), home / "static.stamp"
    if stamp.exists() and stamp.read_text() == digest:
        yield lambda: None
        return
    process = spawn((*GONGZHI, "collectstatic", "--noinput", "--clear", "-v0"), environment)

    def finish() -> None:
        with step("Compressing what the browser gets"):
            if process.wait():
                raise CannotStart("`gongzhi collectstatic` failed, see above.")
        stamp.write_text(digest)

    try:
        yield finish
    finally:
        process.terminate()
        process.wait()


def do(*words: str, environment: dict[str, str]) -> None:
    """Run one command of gongzhi to its end."""
    process = spawn((*GONGZHI, *words), {"GONGZHI_LOG_LEVEL": "WARNING", **environment})
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        kill_rest(process)  # the made-up people of build_demo work in processes of their own
    if code:
        raise CannotStart(f"`gongzhi {words[0]}` failed, see above.")


# -- children


def spawn(command: Sequence[str], environment: dict[str, str], log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own: Ctrl-C reaches the supervisor alone, and its death the child."""
    with open(log, "ab") if log else contextlib.nullcontext() as output:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True, preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )  # fmt: skip


def _die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """A process that is started again when it dies, the later the more often it dies young."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    log: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    n_young_deaths: int = 0
    started_at: float = field(default_factory=time.monotonic)
    due_at: float = 0

    def tend(self) -> None:
        """Start the process if it does not run and its time has come."""
        now = time.monotonic()
        if self.process and self.process.poll() is not None:
            self.n_young_deaths = self.n_young_deaths + 1 if now - self.started_at < 30 else 0
            pause = min(30, 2**self.n_young_deaths - 1)
            kill_rest(self.process)
            say(f"The {self.name} ended ({self.process.returncode}); it starts again in {pause} s.", to=sys.stderr)
            self.process, self.due_at = None, now + pause
        if not self.process and now >= self.due_at:
            self.process, self.started_at = spawn(self.command, self.environment, self.log), now


def tend(children: Sequence[Child], server: postgres.Server | None) -> None:
    """Start again whatever died."""
    if server and not server.running():
        say("PostgreSQL ended; it starts again.", to=sys.stderr)
        server.start()
    for child in children:
        child.tend()


def stop(children: Sequence[Child]) -> None:
    """End all children together; kill those that do not end in time."""
    running = [child.process for child in children if child.process]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in running:
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        kill_rest(process)


def kill_rest(ended: subprocess.Popen[bytes]) -> None:
    """Kill what a child left in its session: a half-started worker of the web server would keep the port."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(ended.pid, signal.SIGKILL)


def wait_until_alive(options: Options, children: Sequence[Child]) -> None:
    """Start the children and wait until the web server answers."""
    for child in children:
        child.tend()
    deadline = time.monotonic() + 60
    while not answers("127.0.0.1" if options.host == "0.0.0.0" else options.host, options.port):
        dead = next((child for child in children if child.process and child.process.poll() is not None), None)
        if dead or time.monotonic() > deadline:
            log = (dead or children[0]).log
            raise CannotStart(f"the {(dead or children[0]).name} does not come up; see {log or 'above'}")
        time.sleep(0.1)


def answers(host: str, port: int) -> bool:
    """Ask the web server whether it lives."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# -- what is said


def greet(options: Options) -> None:
    """Print the address and, in the demo, who may sign in; open the browser where there is a screen."""
    say(f"\ngongzhi runs at {options.address}  (data: {options.home}; Ctrl-C stops it)")
    if not options.demo:
        return
    say(f"Residents report at {options.address} without signing in. Staff sign in with the password {PASSWORD}:\n")
    from demo.city import SIGN_INS

    for one in SIGN_INS:
        say(f"  {one.username:<12}{one.does}")
    if options.browser and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin"):
        webbrowser.open(options.address)


@contextlib.contextmanager
def step(words: str) -> Iterator[None]:
    """Say what is being done and how long it took."""
    print(f"· {words} … ", end="", flush=True)
    began = time.monotonic()
    yield
    print(f"done ({time.monotonic() - began:.1f} s)", flush=True)


def say(words: str, to: TextIO | None = None) -> None:
    print(words, file=to, flush=True)
