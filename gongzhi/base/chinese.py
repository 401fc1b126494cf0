"""Search and sort keys for Chinese text."""

import re
from functools import lru_cache

from pypinyin import Style, lazy_pinyin

LONGEST = 32  # characters of a token; a longer Latin run, such as part of an address, is cut
_WORDS = re.compile(r"[A-Za-z0-9]+|[一-鿿㐀-䶿]+")


def bigrams(text: str, limit: int = 400) -> list[str]:
    """Cut a text into the tokens of the search index: pairs of neighbouring characters, and Latin words whole.

    A run of a single character gives that character, so that it can still be found.
    """
    tokens: dict[str, None] = {}
    for run in _WORDS.findall(text.lower()):
        if run[0].isascii() or len(run) == 1:
            tokens[run[:LONGEST]] = None
        else:
            tokens.update(dict.fromkeys(run[i : i + 2] for i in range(len(run) - 1)))
    return list(tokens)[:limit]


@lru_cache(maxsize=20_000)
def pinyin(text: str) -> str:
    """Give the sort and search key of a name: syllables without tones, then initials (hailaer hle)."""
    syllables = lazy_pinyin(text, style=Style.NORMAL)
    return "".join(syllables)[:80] + " " + "".join(s[:1] for s in syllables)[:20]
