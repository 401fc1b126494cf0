"""`gongzhi apikey NAME`: make a key with which a machine may report."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from gongzhi.org import actions as org


class Command(BaseCommand):
    help = "Make an API key for a machine; it is shown once and kept only as a hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="which machine, for the log")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(org.issue_token(name=options["name"], by=None))
