"""`gongzhi settings`: list every setting of the environment, what it means and what it is."""

import os
from typing import Any

from django.core.management.base import BaseCommand

from gongzhi.site import env


class Command(BaseCommand):
    help = "List every setting, what it means, and its value where it is not secret."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for name, setting in sorted(env.declared.items()):
            value = os.environ.get(name, setting.default)
            shown = "(set)" if setting.secret and value else value or "(empty)"
            self.stdout.write(f"{name} = {shown}\n    {setting.meaning}")
