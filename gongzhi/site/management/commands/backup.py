"""`gongzhi backup FILE`: the database and the files, verified."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gongzhi.base import clock
from gongzhi.site import backup, health


class Command(BaseCommand):
    help = "Write database and files into one verified file. The keys folder is not in it: keep it elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        target = options["file"].resolve()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            manifest = backup.write(target, database=settings.DATABASE_OWNER_URL or settings.DATABASE_URL,
                                    files=settings.GONGZHI_HOME / "files", key=settings.GONGZHI_DATA_KEY,
                                    at=clock.now())
        except (backup.Unusable, OSError) as fault:
            raise CommandError(f"No backup was written. {fault}") from fault
        health.backed_up(clock.now())
        size = target.stat().st_size / 1e6
        self.stdout.write(f"{target}: {len(manifest['parts']) - 1} files and the database, {size:.1f} MB, verified.")
        self.stdout.write(f"The keys are not in it: keep {settings.GONGZHI_HOME / 'keys'} in another place.")
