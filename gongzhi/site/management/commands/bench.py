"""`gongzhi bench [create|day|pages|places|projections|hotline]`: measure on the demo city, in a home of its own."""

from argparse import ArgumentParser
from importlib import import_module
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

NAMES = ["places", "create", "pages", "projections", "hotline", "day"]


class Command(BaseCommand):
    help = "Measure: each figure is a ratio to its limit, taken in one run. Loading for `pages` takes minutes the first time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
        parser.add_argument("--orders", type=int, default=5_000, help="how many `hotline` sends")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("build_demo", reports=0, more=0, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)  # pages name their files by hash, as in service
        for name in options["names"] or NAMES:
            more = {"orders": options["orders"]} if name == "hotline" else {}
            import_module(f"gongzhi.site.bench.{name}").run(self._say, **more)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
