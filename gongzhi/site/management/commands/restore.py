"""`gongzhi restore FILE`: into an empty home, or with --replace over this one."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from gongzhi.base import clock
from gongzhi.site import backup


class Command(BaseCommand):
    help = "Restore a backup, check it, start a new era of the log, and bring the database up to date."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="lose what the database holds now")

    def handle(self, *args: Any, **options: Any) -> None:
        database = settings.DATABASE_OWNER_URL or settings.DATABASE_URL
        try:
            era = backup.restore(options["file"], database=database, files=settings.GONGZHI_HOME / "files",
                                 key=settings.GONGZHI_DATA_KEY, at=clock.now(), replace=options["replace"])
        except backup.Unusable as fault:
            raise CommandError(str(fault)) from fault
        connection.close()
        call_command("migrate", verbosity=0)
        self.stdout.write(f"Restored; the log begins era {era}.")
