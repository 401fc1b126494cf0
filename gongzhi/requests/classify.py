"""Which category do the words suggest? A plain keyword match, behind the interface a trained model will use."""

import logging
import time
from dataclasses import dataclass
from typing import Protocol

from gongzhi.requests.models import Category


@dataclass(frozen=True)
class Guess:
    """A category with how sure the classifier is (0–1) and the words that made it think so."""

    code: str
    name: str
    confidence: float
    because: tuple[str, ...]


class Classifier(Protocol):
    """What a classifier does. It only suggests: a person decides, and intake never waits for it."""

    def guess(self, words: str, limit: int = 3) -> list[Guess]: ...


@dataclass(frozen=True)
class Table:
    """The keywords by the two characters they begin with, so that a text is read once, however many there are."""

    categories: dict[str, Category]
    by_start: dict[str, list[tuple[str, str]]]  # two characters (or one) -> (keyword, code)


class Keywords:
    """Score each category by the length of its keywords found in the words: a longer word says more."""

    def guess(self, words: str, limit: int = 3) -> list[Guess]:
        table = _table()
        found: dict[str, dict[str, None]] = {}
        for at in range(len(words)):
            for start in (words[at], words[at : at + 2]):
                for keyword, code in table.by_start.get(start, ()):
                    if words.startswith(keyword, at):
                        found.setdefault(code, {})[keyword] = None
        scored = sorted(((sum(len(k) ** 2 for k in of), code) for code, of in found.items()),
                        key=lambda row: (-row[0], row[1]))
        total = sum(score for score, _code in scored[:5]) or 1
        return [Guess(code, table.categories[code].name, round(score / total, 2), tuple(found[code]))
                for score, code in scored[:limit]]


classifier: Classifier = Keywords()
logger = logging.getLogger(__name__)
_KEPT_FOR = 10.0  # seconds
_kept: dict[str, tuple[float, Table]] = {}


def guess(words: str, limit: int = 3) -> list[Guess]:
    """Ask the classifier; where it fails the fault is logged and nothing is guessed, so that it never blocks intake."""
    if not words:
        return []
    try:
        return classifier.guess(words, limit)
    except Exception:  # whatever a trained model may raise
        logger.exception("the classifier failed; the matter goes on without a category")
        return []


def category(code: str) -> Category | None:
    """Look up a category that was guessed, as far behind the table as the guesses are."""
    return _table().categories.get(code)


def _table() -> Table:
    at, table = _kept.get("", (0.0, None))
    if table is None or time.monotonic() - at > _KEPT_FOR:
        table = _read()
        _kept[""] = (time.monotonic(), table)
    return table


def _read() -> Table:
    found = {c.code: c for c in Category.objects.filter(active=True).exclude(keywords=[]).order_by("code")}
    by_start: dict[str, list[tuple[str, str]]] = {}
    for code, category in found.items():
        for keyword in filter(None, category.keywords):
            by_start.setdefault(keyword[:2], []).append((keyword, code))
    return Table(found, by_start)


def forget() -> None:
    """Read the categories anew (after they changed, and between tests)."""
    _kept.clear()
