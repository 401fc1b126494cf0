"""Prepare the checkout, then run a command of gongzhi in it: `_bootstrap.py demo|bench|test …`.

Needs Python 3.11 and nothing else. What is done already is not done again, so a second run needs no network.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SYSTEM = {  # how each package manager is told to install without questions, and what the browser tests need from it
    "apt-get": (
        ["update", "-q"],
        ["install", "-y", "--no-install-recommends"],
        ["chromium", "fontconfig", "fonts-noto-cjk"],
    ),
    "dnf": ([], ["install", "-y"], ["chromium", "fontconfig", "google-noto-sans-cjk-fonts"]),
}


def main() -> None:
    """Prepare and go on as the command."""
    command, *arguments = sys.argv[1:]
    make_venv()
    install_packages()
    fetch_pages()
    compile_translations()
    if command == "test":
        sys.exit(test(arguments))
    os.execv(VENV / "bin" / "gongzhi", ["gongzhi", command, *arguments])


@contextmanager
def step(words: str) -> Iterator[None]:
    """Say what is being done and how long it took."""
    print(f"· {words} … ", end="", flush=True)
    began = time.monotonic()
    yield
    print(f"done ({time.monotonic() - began:.0f} s)", flush=True)


def run(*command: str | Path, progress: str = "", total: int = 0) -> None:
    """Run a command quietly, counting its lines that begin with `progress`; when it fails, show its end and stop."""
    lines, n = [], 0
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            lines.append(line)
            n += bool(progress) and line.startswith(progress)
            if progress and sys.stdout.isatty():
                count = f"{n} of {total}"
                print(count, end="\b" * len(count), flush=True)
    if process.returncode:
        sys.exit("failed\n" + "".join(lines[-20:]))


def stamped(name: str, *parts: str | bytes) -> bool:
    """Tell whether the step `name` was done with just these inputs."""
    file = VENV / f"{name}.stamp"
    return file.exists() and file.read_text() == digest(*parts)


def stamp(name: str, *parts: str | bytes) -> None:
    (VENV / f"{name}.stamp").write_text(digest(*parts))


def digest(*parts: str | bytes) -> str:
    joined = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hashlib.sha256(joined).hexdigest()


def make_venv() -> None:
    """Make .venv, and make it anew where it was moved, broken or left half made."""
    works = PYTHON.exists() and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
    moved = (VENV / "place.stamp").exists() and not stamped("place", str(ROOT))
    if works and not moved:
        return
    if not (find_spec("venv") and find_spec("ensurepip")):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.exit(f"Python's venv is missing. On Debian or Ubuntu: {sudo()}apt-get install python{version}-venv")
    with step(f"Making .venv with Python {sys.version.split()[0]}"):
        run(sys.executable, "-m", "venv", "--clear", VENV)
        stamp("place", str(ROOT))


def install_packages() -> None:
    """Install what the lock file names, hashes checked, and gongzhi itself in place."""
    inputs = (LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT))
    if stamped("packages", *inputs):
        return
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off")
    total = sum(line[:1].isalpha() for line in LOCK.read_text().splitlines())
    with step("Installing the Python packages of requirements.lock (a minute or two the first time)"):
        run(*pip, "--require-hashes", "-r", LOCK, progress="Collecting", total=total)
        run(*pip, "--no-deps", "--no-build-isolation", "-e", ROOT)
        stamp("packages", *inputs)


def fetch_pages() -> None:
    """Fetch what the browser gets: styles, maps, charts, icons."""
    vendor = ROOT / "bin" / "vendor"
    inputs = ((ROOT / "package-lock.json").read_bytes(), vendor.read_bytes())
    if stamped("vendor", *inputs) and (ROOT / "gongzhi/site/static/vendor").is_dir():
        run(PYTHON, vendor, "icons")
        return
    with step("Fetching the browser's packages of package-lock.json"):
        run(PYTHON, vendor)
        stamp("vendor", *inputs)


def compile_translations() -> None:
    """Compile the translations that are newer than what was compiled of them."""
    for source in (ROOT / "locale").glob("*/LC_MESSAGES/*.po"):
        compiled = source.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            with step(f"Compiling {source.relative_to(ROOT)}"):
                run(PYTHON, "-m", "babel.messages.frontend", "compile", "-i", source, "-o", compiled)


def test(arguments: list[str]) -> int:
    """Run every check, all of them even if one fails, and then the tests."""
    ensure_browser()
    failed = []
    for name, *command in (
        ("ruff", "ruff", "check", "."),
        ("mypy", "mypy", "gongzhi"),
        ("import-linter", "lint-imports"),
        ("pytest", "pytest", "-n", "2", "--dist", "loadfile", *arguments),
    ):
        print(f"· {' '.join(command)}", flush=True)
        if subprocess.run([VENV / "bin" / command[0], *command[1:]], cwd=ROOT).returncode:
            failed.append(name)
    stop = "from pathlib import Path; from gongzhi.base.postgres import Server; Server(Path('var/test')).stop()"
    subprocess.run([PYTHON, "-c", stop], cwd=ROOT)
    print(f"Failed: {', '.join(failed)}" if failed else "All is well.")
    return int(bool(failed))


def ensure_browser() -> None:
    """Make sure of Chromium and a Chinese font for the browser tests, or say how to get them."""
    if have_browser():
        return
    manager = next((name for name in SYSTEM if shutil.which(name)), "")
    update, install, packages = SYSTEM.get(manager, ([], [], ["Chromium", "a Chinese font"]))
    if not manager or not may_install():
        how = " ".join([sudo() + manager, "install", *packages]) if manager else "install " + " and ".join(packages)
        sys.exit(f"The browser tests need Chromium and a Chinese font. Please do: {how}")
    with step(f"Installing {' and '.join(packages)} with {manager}"):
        for words in (update, [*install, *packages]):
            if words:
                run(*sudo().split(), "env", "DEBIAN_FRONTEND=noninteractive", manager, *words)
    if not have_browser():
        sys.exit(f"{manager} installed {' and '.join(packages)}, but there is still no Chromium or no Chinese font.")


def have_browser() -> bool:
    font = shutil.which("fc-list") and subprocess.run(["fc-list", ":lang=zh"], capture_output=True).stdout
    return bool(font) and any(map(shutil.which, CHROMIUM))


def may_install() -> bool:
    return os.geteuid() == 0 or bool(
        shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    )


def sudo() -> str:
    return "" if os.geteuid() == 0 else "sudo "


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nstopped")
