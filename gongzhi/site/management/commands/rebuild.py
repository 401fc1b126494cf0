"""`gongzhi rebuild NAME|--all`: empty a projection's tables and read the whole log again; the answer is the same."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gongzhi.log import projections


class Command(BaseCommand):
    help = "Rebuild a projection from the log, e.g. boards.facts, or all; without a name, list them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="")
        parser.add_argument("--all", action="store_true", help="every projection that can be rebuilt, one by one")

    def handle(self, *args: Any, name: str, all: bool, **options: Any) -> None:
        own = sorted(n for n, found in projections.registry.items() if found.tables)
        if name and all:
            raise CommandError("Give a name or --all, not both.")
        if name and name not in own:
            raise CommandError(f"There is no projection {name} that can be rebuilt. There are: {', '.join(own)}.")
        if not name and not all:
            self.stdout.write("\n".join(own))
        for each in own if all else [name] if name else []:
            self._rebuild(each)

    def _rebuild(self, name: str) -> None:
        began = time.monotonic()
        n = projections.rebuild(name)
        spent = time.monotonic() - began
        self.stdout.write(f"{name}: {n:,} lines in {spent:.1f} s ({n / max(spent, 0.001):,.0f} a second).")
