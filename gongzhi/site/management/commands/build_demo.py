"""`gongzhi build_demo`: load the made city and let its people work through reports; nothing if it stands already."""

import os
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gongzhi.places.models import Place
from gongzhi.site import queries


class Command(BaseCommand):
    help = "Build the demo city: places, units, people, tables, and reports that are really worked through the process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reports", type=int, default=300, help="reports worked before the command ends")
        parser.add_argument("--more", type=int, default=3000, help="reports left to a job of the worker")
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, reports: int, more: int, seed: int, **options: Any) -> None:
        from django.conf import settings

        if not settings.GONGZHI_DEMO:
            raise CommandError("The demo city is only built in a demo: set GONGZHI_DEMO=1, never with real data.")
        if queries.made_by_no_demo():
            raise CommandError("This database holds places that no demo made. Nothing was changed: made-up reports have"
                               " no place among real ones. Choose another home (--home DIR) and no DATABASE_URL.")
        from demo import city, living, loading

        began = time.monotonic()
        if not Place.objects.exists():
            self.say("  cutting the city … ", ending="")
            made = city.build(seed)
            self.say(f"done ({time.monotonic() - began:.1f} s)")
            loading.load(made, say=lambda words: self.say(f"  loaded {words}"))
        hands = min(2, os.cpu_count() or 1)
        living.pour(reports, of=reports + more, seed=seed, hands=hands, say=self._progress)
        if living.missing(reports + more):
            from gongzhi.site import jobs

            jobs.keep_pouring(reports + more, seed)

    def say(self, words: str, ending: str = "\n") -> None:
        self.stdout.write(words, ending=ending)
        self.stdout.flush()

    def _progress(self, done: int, total: int) -> None:
        if done == total or done % 25 == 0:
            self.say(f"\r  made-up people worked on {done} of {total} reports", ending="\n" if done == total else "")
