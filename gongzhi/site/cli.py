"""The command `gongzhi`: start everything, or run one management command against the same settings and database."""

import os
import subprocess
import sys
from pathlib import Path

STARTERS = {"demo", "up"}


def main() -> None:
    """Run `gongzhi COMMAND …`; without DATABASE_URL the embedded PostgreSQL is started or joined first."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongzhi.site.settings")
    if len(sys.argv) > 1 and sys.argv[1] in STARTERS:
        from gongzhi.site import supervise

        raise SystemExit(supervise.main(sys.argv[1:]))
    if len(sys.argv) > 1 and sys.argv[1] == "bench":  # never measured on, or in the way of, a city in use
        os.environ.setdefault("GONGZHI_HOME", str(Path(__file__).resolve().parents[2] / "var" / "bench"))
        os.environ["GONGZHI_DEMO"] = "1"
    needs_database = len(sys.argv) > 1 and sys.argv[1] not in {"help", "settings", "--help", "makemessages"}
    if needs_database and not os.environ.get("DATABASE_URL"):
        use_embedded(home())
    if len(sys.argv) > 1 and sys.argv[1] == "bench":
        subprocess.run([sys.executable, "-m", "gongzhi.site.cli", "migrate", "-v0"], check=True)
    if len(sys.argv) > 1 and sys.argv[1] in {"migrate", "restore"}:
        os.environ["GONGZHI_AS_OWNER"] = "1"
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def home() -> Path:
    """Tell the home folder before settings are read."""
    return Path(os.environ.get("GONGZHI_HOME") or Path(__file__).resolve().parents[2] / "var" / "home")


def use_embedded(folder: Path, **options: str) -> None:
    """Start or join the embedded PostgreSQL of a home folder and point the settings at it."""
    from gongzhi.base import postgres

    urls = postgres.ensure(folder, **options)
    os.environ["GONGZHI_HOME"] = str(folder)
    os.environ["DATABASE_URL"], os.environ["DATABASE_OWNER_URL"] = urls.app, urls.owner


if __name__ == "__main__":
    main()
