"""`gongzhi pour FILE.csv --words COLUMN --reply COLUMN`: real messages through a running demo, each to its archive."""

import csv
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gongzhi.site import pouring


class Command(BaseCommand):
    help = "Report every row of a CSV through the API of a running demo and work each to its archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--words", action="append", required=True, help="column with the message; may be repeated")
        parser.add_argument("--reply", required=True, help="column with the answer")
        parser.add_argument("--limit", type=int, default=0)
        parser.add_argument("--workers", type=int, default=4)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--address", default=settings.BASE_URL)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.GONGZHI_DEMO:
            raise CommandError("Only into a demo: made-up reports have no place among real ones.")
        with open(options["file"], newline="", encoding="utf-8-sig") as source:
            messages = pouring.rows(csv.DictReader(source), options["words"], options["reply"])
        messages = messages[: options["limit"] or None]
        began = time.monotonic()
        outcome = pouring.pour(messages, options["address"], workers=options["workers"], seed=options["seed"],
                               note=self.stdout.write)
        spent = time.monotonic() - began
        n_errors = sum(outcome.errors.values())
        self.stdout.write(f"{len(messages)} messages, {outcome.archived} archived, {n_errors} errors, {spent:.0f} s"
                          f" ({len(messages) / spent:.1f}/s). Ends: {dict(outcome.ends)}")
        for error, n in outcome.errors.most_common(10):
            self.stdout.write(f"  {n} × {error}")
