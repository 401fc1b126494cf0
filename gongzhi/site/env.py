"""Settings from the environment: each declared once, with what it means; a wrong one stops the start in a sentence."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class WrongSetting(SystemExit):
    """A setting that cannot be meant; the message names it, its value and what is allowed."""


@dataclass(frozen=True)
class Setting:
    """A setting's name, what it means, its default as text, and whether its value is kept out of sight."""

    name: str
    meaning: str
    default: str
    secret: bool = False


declared: dict[str, Setting] = {}


def text(name: str, default: str, meaning: str, *, secret: bool = False) -> str:
    """Read a setting as text."""
    declared[name] = Setting(name, meaning, default, secret)
    return os.environ.get(name, default).strip()


def number(name: str, default: int, meaning: str, *, at_least: int = 0) -> int:
    """Read a setting as a whole number."""
    return _parse(name, str(default), meaning, int, f"a whole number of at least {at_least}", lambda n: n >= at_least)


def flag(name: str, default: bool, meaning: str) -> bool:
    """Read a setting as yes or no."""
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    return _parse(name, "1" if default else "0", meaning, lambda t: words[t.lower()], "1 or 0")


def url(name: str, default: str, meaning: str, *schemes: str, secret: bool = False) -> str:
    """Read a setting as an address, or empty for none."""
    value = text(name, default, meaning, secret=secret)
    if value and not value.startswith(tuple(s + "://" for s in schemes)):
        raise WrongSetting(f"{name} must begin with {' or '.join(s + '://' for s in schemes)}, or be empty.")
    return value


def _parse(name: str, default: str, meaning: str, read: Callable[[str], T], allowed: str,
           good: Callable[[T], bool] = lambda _: True) -> T:
    raw = text(name, default, meaning)
    try:
        value = read(raw)
        if good(value):
            return value
    except (ValueError, KeyError):
        pass
    raise WrongSetting(f"{name}={raw!r} is wrong: it must be {allowed}. ({meaning})")
