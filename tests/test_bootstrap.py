"""What bin/ does before anything is installed: with whatever Python there is, and in one line where it cannot."""

import os
import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load(name: str) -> ModuleType:
    """Load a program of bin/ as a module."""
    loader = SourceFileLoader(f"bin_{name.strip('_')}", str(ROOT / "bin" / name))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("_bootstrap.py")
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return module


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("vendor")
    monkeypatch.setattr(module, "VENDOR", tmp_path / "vendor")
    return module


def test_a_python_that_is_too_old_is_told_in_one_line(tmp_path: Path) -> None:
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"):
        old = tmp_path / name
        old.write_text("#!/bin/sh\nexit 1\n")
        old.chmod(0o755)
    for name in ("sh", "dirname"):
        found = next(p for p in ("/bin", "/usr/bin") if os.path.exists(f"{p}/{name}"))
        (tmp_path / name).symlink_to(f"{found}/{name}")
    done = subprocess.run(["/bin/sh", ROOT / "bin" / "demo"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r"gongzhi needs Python 3.11 or later\..*apt-get install.*\n", done.stderr)


def test_a_missing_venv_module_is_told_in_one_line(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "find_spec", lambda name: None if name == "ensurepip" else object())
    with pytest.raises(SystemExit) as stopped:
        bootstrap.make_venv()
    assert re.fullmatch(r"Python's venv is missing\..*apt-get install python3\.\d+-venv", str(stopped.value))


def test_a_step_is_done_again_only_when_its_inputs_change(bootstrap: ModuleType) -> None:
    bootstrap.VENV.mkdir()
    assert not bootstrap.stamped("packages", "one")
    bootstrap.stamp("packages", "one")
    assert bootstrap.stamped("packages", "one") and not bootstrap.stamped("packages", "two")


def test_a_failed_step_shows_how_it_ended(bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="(?s)^failed.*it broke"), bootstrap.step("Trying"):
        bootstrap.run(sys.executable, "-c", "print('it broke'); raise SystemExit(3)")
    assert capsys.readouterr().out == "· Trying … "


def test_an_unchanged_sprite_is_not_written_again(vendor: ModuleType) -> None:
    assert vendor.build_sprite() > 20
    file = vendor.VENDOR / "icons.svg"
    os.utime(file, ns=(1, 1))
    vendor.build_sprite()
    assert file.stat().st_mtime_ns == 1


def test_without_the_packages_the_sprite_stays(
    vendor: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.build_sprite()
    before = (vendor.VENDOR / "icons.svg").read_text()
    monkeypatch.setattr(vendor, "MODULES", tmp_path / "node_modules")
    monkeypatch.setattr(sys, "argv", ["vendor", "icons"])
    assert vendor.main() == 0
    assert (vendor.VENDOR / "icons.svg").read_text() == before
