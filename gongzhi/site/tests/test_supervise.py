import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gongzhi.site import supervise

SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)")
SUPERVISOR = """
import os, sys, time
from gongzhi.site import supervise
print(supervise.spawn([sys.executable, "-c", "import time; time.sleep(60)"], dict(os.environ)).pid, flush=True)
time.sleep(60)
"""


def options(home: Path, *words: str) -> supervise.Options:
    return supervise.read(["demo", "--home", str(home), *words])


def test_the_command_line_is_read(tmp_path: Path) -> None:
    read = options(tmp_path, "--port", "8123", "--no-browser")
    assert read == supervise.Options("demo", tmp_path, "127.0.0.1", 8123, reset=False, browser=False)
    assert read.address == "http://localhost:8123/"
    with pytest.raises(SystemExit):
        supervise.read(["up", "--reset"])  # the real thing is never thrown away


def test_a_taken_port_is_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert supervise.main(["demo", "--home", str(tmp_path / "new"), "--port", str(port)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"gongzhi cannot start: port {port} is taken; choose another") and error.count("\n") == 1


def test_a_second_start_says_where_the_first_runs(tmp_path: Path) -> None:
    with (
        supervise.held(options(tmp_path)),
        pytest.raises(supervise.CannotStart, match="runs already, at http://localhost:8000/"),
        supervise.held(options(tmp_path, "--port", "8001")),
    ):
        pass
    with supervise.held(options(tmp_path)):
        pass  # free again


@pytest.mark.parametrize("words", [[], ["--reset"]])
def test_a_folder_that_others_filled_is_never_taken_for_a_home(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "photos").mkdir()
    for _start in range(2):  # the first must not make it ours for the second
        with pytest.raises(supervise.CannotStart, match="did not make"), supervise.held(options(tmp_path, *words)):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_disk_of_its_own_and_a_home_that_a_command_made_are_taken(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    with supervise.held(options(tmp_path)):
        pass
    by_command = tmp_path / "by-command" / "keys"
    by_command.mkdir(parents=True)
    (by_command / "data").touch()
    with supervise.held(options(by_command.parent)):
        pass


def test_reset_throws_away_what_we_made_and_nothing_that_others_put_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    with supervise.held(options(tmp_path)):
        pass
    for name in ("keys", "files", "exports", "static", "photos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one").touch()
    (tmp_path / "letter.txt").touch()
    with supervise.held(options(tmp_path, "--reset")):
        supervise.empty(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["letter.txt", "photos", "running"]
    assert (tmp_path / "photos" / "one").exists()


def test_reset_leaves_an_outside_database_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/db")
    with pytest.raises(supervise.CannotStart, match="outside database"):
        supervise.empty(tmp_path)


def test_an_outside_database_is_left_as_it_is(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": "postgresql://elsewhere/db"}
    with supervise.database(tmp_path, environment) as server:
        assert server is None and list(tmp_path.iterdir()) == []


def test_a_child_that_dies_is_started_again_and_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(supervise.time, "monotonic", lambda: now)
    child = supervise.Child("worker", SLEEPS, dict(os.environ))
    child.tend()
    for pause in (1, 3, 7):
        assert child.process
        child.process.kill()
        child.process.wait()
        child.tend()
        assert child.process is None and child.due_at == now + pause
        now += pause
        child.tend()
        assert child.process
    now += 60  # it lived long enough
    child.process.kill()
    child.process.wait()
    child.tend()
    assert child.process
    supervise.stop([child])


def test_stop_ends_children_even_one_that_does_not_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "PATIENCE", 0.2)
    log = tmp_path / "stubborn.log"
    children = [
        supervise.Child("web", SLEEPS, dict(os.environ)),
        supervise.Child("worker", STUBBORN, {**os.environ, "PYTHONUNBUFFERED": "1"}, log),
    ]
    for child in children:
        child.tend()
    while not log.exists() or not log.read_text():
        assert children[1].process and children[1].process.poll() is None
        time.sleep(0.01)
    supervise.stop(children)
    assert [child.process and child.process.returncode for child in children] == [-signal.SIGTERM, -signal.SIGKILL]


def test_what_a_dead_child_left_behind_does_not_outlive_it() -> None:
    leaves = (sys.executable, "-c", "import subprocess; print(subprocess.Popen(['sleep', '60']).pid)")
    with subprocess.Popen(leaves, stdout=subprocess.PIPE, text=True, start_new_session=True) as ended:
        assert ended.stdout
        left = psutil.Process(int(ended.stdout.readline()))
    supervise.kill_rest(ended)
    left.wait(30)


def test_a_failed_step_is_told_in_a_sentence() -> None:
    with pytest.raises(supervise.CannotStart, match="`gongzhi no_such_command` failed"):
        supervise.do("no_such_command", environment={**os.environ, "DATABASE_URL": "postgresql://nowhere/db"})


def test_a_stopped_step_leaves_none_of_its_helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "helper.pid"
    begins = f"import subprocess, time; p = subprocess.Popen(['sleep', '60']); open({str(note)!r}, 'w').write(str(p.pid)); "
    monkeypatch.setattr(supervise, "GONGZHI", (sys.executable, "-c", begins + "time.sleep(60)"))

    def wait(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        """Ctrl-C while the step runs, as soon as it has a helper."""
        monkeypatch.undo()
        while not note.exists() or not note.read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        supervise.do("build_demo", environment=dict(os.environ))
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(note.read_text())).wait(30)


def test_static_files_are_compressed_again_only_when_one_says_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervise, "ROOT", tmp_path)
    monkeypatch.setattr(supervise, "GONGZHI", (sys.executable, "-c", ""))
    file = tmp_path / "gongzhi" / "site" / "static" / "icons.svg"
    file.parent.mkdir(parents=True)

    def compresses() -> bool:
        with supervise.static_files(tmp_path, dict(os.environ)) as finish:
            finish()
        return "Compressing" in capsys.readouterr().out

    file.write_text("one")
    assert compresses()
    file.write_text("one")
    os.utime(file, ns=(1, 1))
    assert not compresses()
    file.write_text("two")
    assert compresses()


def test_a_web_server_that_does_not_come_up_is_told_with_its_log(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = supervise.Child("web", (sys.executable, "-c", ""), dict(os.environ), tmp_path / "web.log")
    with pytest.raises(supervise.CannotStart, match="web does not come up; see .*web.log"):
        supervise.wait_until_alive(options(tmp_path, "--port", str(port)), [child])


if sys.platform == "linux":

    def test_kill_9_of_the_supervisor_ends_its_children() -> None:
        with subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True) as supervisor:
            assert supervisor.stdout
            child = psutil.Process(int(supervisor.stdout.readline()))
            supervisor.kill()
        child.wait(30)
