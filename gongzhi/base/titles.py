"""Lets Babel find the titles in process files, which are shown through gettext like any other word."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

TITLE = re.compile(r'\btitle\s*=\s*"([^"]+)"')


def extract(file: BinaryIO, keywords: Any, tags: Any, options: Any) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield (line, "", title, comments) for each title of a TOML file."""
    for number, line in enumerate(file.read().decode().splitlines(), 1):
        for title in TITLE.findall(line):
            yield number, "", title, []
