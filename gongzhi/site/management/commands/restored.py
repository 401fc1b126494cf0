"""`gongzhi restored`: say that this database is a copy made by other means, so that its log begins a new era."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gongzhi.base import clock
from gongzhi.site import backup


class Command(BaseCommand):
    help = "Begin a new era of the log after restoring by other means than `gongzhi restore`."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            era = backup.new_era(settings.DATABASE_OWNER_URL or settings.DATABASE_URL, at=clock.now())
        except backup.Unusable as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(f"The log begins era {era}.")
