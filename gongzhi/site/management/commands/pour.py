"""`gongzhi pour FILE.csv --words COLUMN --reply COLUMN`: real messages through a running demo, each to its archive."""

import csv
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gongzhi.site import cli, pouring, queries


class Command(BaseCommand):
    help = "Report every row of a CSV through the API of a running demo and work each to its archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--words", action="append", required=True, help="column with the message; may be repeated")
        parser.add_argument("--reply", required=True, help="column with the answer")
        parser.add_argument("--limit", type=int, default=0)
        parser.add_argument("--workers", type=int, default=4)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--home", help="of the demo; default: GONGZHI_HOME, or var/demo of the checkout")
        parser.add_argument("--address", default="", help="of the demo; default: where the one in the home runs")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.GONGZHI_DEMO or queries.made_by_no_demo():
            raise CommandError("Only into a demo: made-up reports have no place among real ones.")
        address = options["address"] or _where(settings.GONGZHI_HOME)
        messages = _read(options["file"], options["words"], options["reply"])[: options["limit"] or None]
        began = time.monotonic()
        outcome = pouring.pour(messages, address, workers=options["workers"], seed=options["seed"],
                               note=self.stdout.write)
        spent = time.monotonic() - began
        n_errors = sum(outcome.errors.values())
        self.stdout.write(f"{len(messages)} messages, {outcome.archived} archived, {n_errors} errors, {spent:.0f} s"
                          f" ({len(messages) / spent:.1f}/s). Ends: {dict(outcome.ends)}")
        for error, n in outcome.errors.most_common(10):
            self.stdout.write(f"  {n} × {error}")


def _where(home: Path) -> str:
    """Find the demo that runs in a home."""
    if not cli.supervised(home):
        raise CommandError(f"No demo runs in {home}. Start it with bin/demo, or say --home DIR.")
    return (home / "running").read_text()


def _read(file: Path, words: list[str], reply: str) -> list[pouring.Message]:
    try:
        with open(file, newline="", encoding="utf-8-sig") as source:
            table = csv.DictReader(source)
            if missing := [name for name in (*words, reply) if name not in (table.fieldnames or [])]:
                raise CommandError(f"{file} has no column {', '.join(missing)}; it has: {', '.join(table.fieldnames or [])}.")
            return pouring.rows(table, words, reply)
    except (OSError, UnicodeDecodeError) as fault:
        raise CommandError(f"{file} cannot be read: {fault}") from fault
