"""`gongzhi seed_calendar [YEAR …]`: fill in public holidays, make-up workdays and office hours that are missing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from gongzhi.base import calendar


class Command(BaseCommand):
    help = "Fill in public holidays, make-up workdays and office hours that are missing; what is there stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("years", nargs="*", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        n = calendar.seed(options["years"] or None)
        self.stdout.write(f"{n} days were new.")
