"""`gongzhi init`: the first rows of a real city, among them the administrator who makes all others."""

import getpass
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gongzhi.base.errors import Refused
from gongzhi.site import actions

PASSWORD = "GONGZHI_INIT_PASSWORD"


class Command(BaseCommand):
    help = f"Begin a real city: district, centre, administrator, processes, calendar. The password: asked for, or {PASSWORD}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", help="of the district, e.g. 新城区")
        parser.add_argument("--code", default="", help="its code at the statistics bureau, 6 or 12 digits")
        parser.add_argument("--admin", help="user name of the administrator")
        parser.add_argument("--admin-name", help="name of the administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.GONGZHI_DEMO:
            raise CommandError("This is a demo (GONGZHI_DEMO=1): a real city begins in a home of its own.")
        name = options["name"] or _ask("Name of the district", settings.CITY_NAME)
        username = options["admin"] or _ask("User name of the administrator", "admin")
        person = options["admin_name"] or _ask("Name of the administrator", "系统管理员")
        password = os.environ.get(PASSWORD) or _ask_password()
        try:
            actions.begin_city(name, code=options["code"], username=username, person=person, password=password)
        except Refused as fault:
            raise CommandError(fault.sentence) from fault
        self.stdout.write(f"{name} is begun. {username} signs in at {settings.BASE_URL}/sign-in/ and goes on at /setup/.")


def _ask(question: str, default: str) -> str:
    if not sys.stdin.isatty():
        raise CommandError(f"{question}: say it as an option, see `gongzhi init --help`.")
    return input(f"{question} [{default}]: ").strip() or default


def _ask_password() -> str:
    if not sys.stdin.isatty():
        raise CommandError(f"The administrator's password: put it into {PASSWORD}.")
    first, again = getpass.getpass("Password: "), getpass.getpass("Password again: ")
    if first != again:
        raise CommandError("The two passwords differ; nothing was done.")
    return first
