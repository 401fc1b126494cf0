"""Templates of notices: a room registers its own in its process.py, under names like request.overdue."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import translation
from django.utils.functional import Promise

from gongzhi.notify import rules
from gongzhi.org.rules import Standing


@dataclass(frozen=True)
class Template:
    """A title and words with {placeholders}."""

    name: str
    title: str | Promise
    words: str | Promise

    @property
    def fields(self) -> set[str]:
        return rules.fields(str(self.title)) | rules.fields(str(self.words))


templates: dict[str, Template] = {}
pages: dict[str, str | Promise] = {}  # where a notice leads, by the kind of what it is about; cases have their own page

# What a reader may not know of, by the kind of what a notice is about: its rows, from the reader's standing.
closed: dict[str, Callable[[Standing], QuerySet[Any]]] = {}

# What waits for a reader to do something, by the same kind: rows, and their field that names what a notice is about.
waiting: dict[str, tuple[Callable[[Standing], QuerySet[Any]], str]] = {}


def template(name: str, title: str | Promise, words: str | Promise) -> None:
    """Register a template; one that is too long, or could say who reported, is a ValueError."""
    with translation.override("zh-hans"):
        wrong = rules.complaints(str(title), str(words))
    if wrong:
        raise ValueError(f"template {name}: {'; '.join(wrong)}")
    templates[name] = Template(name, title, words)


def fill(name: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """Write the title and words of a template. Notices are in Chinese, whoever's act they tell of."""
    found = templates[name]
    with translation.override("zh-hans"):
        shown = {field: rules.short(values[field]) for field in found.fields}
        return str(found.title).format(**shown), str(found.words).format(**shown)
