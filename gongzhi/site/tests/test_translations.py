"""The English words: the same blanks as the Chinese, and nothing half translated."""

import re
from pathlib import Path

from babel.messages.pofile import read_po

PO = Path(__file__).resolve().parents[3] / "locale/en/LC_MESSAGES/django.po"


def blanks(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|\{\w+\}", text))


def test_every_translation_has_the_blanks_of_its_key() -> None:
    with PO.open("rb") as file:
        catalog = read_po(file)
    wrong = []
    for message in catalog:
        texts = [message.string] if isinstance(message.string, str) else list(message.string)
        key = message.id if isinstance(message.id, str) else message.id[0]
        wrong += [key for text in texts if text and key and blanks(text) != blanks(key)]
    assert not wrong
    assert not [m.id for m in catalog if m.id and m.fuzzy]
