"""Settings from the environment: each declared once, with what it means; a wrong one stops the start in a sentence."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
SHORTEST_KEY = 32  # characters; of those that `openssl rand -hex 16` writes, 128 bits


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


def number(name: str, default: int, meaning: str, *, at_least: int = 0, at_most: int | None = None) -> int:
    """Read a setting as a whole number."""
    allowed = f"a whole number of at least {at_least}" + (f" and at most {at_most}" if at_most is not None else "")
    return _parse(name, str(default), meaning, int, allowed,
                  lambda n: n >= at_least and (at_most is None or n <= at_most))


def choice(name: str, default: str, meaning: str, *allowed: str) -> str:
    """Read a setting as one of a few words, in capitals."""
    return _parse(name, default, meaning, lambda t: t.upper() or default, "one of " + ", ".join(allowed),
                  lambda t: t in allowed)


def key(name: str, meaning: str) -> str:
    """Read a key, or empty for one that is made; a short one is no key."""
    value = text(name, "", meaning, secret=True)
    if value and len(value) < SHORTEST_KEY:
        raise WrongSetting(f"{name} is too short: it must have at least {SHORTEST_KEY} characters, or be empty.")
    return value


def flag(name: str, default: bool, meaning: str) -> bool:
    """Read a setting as yes or no."""
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    return _parse(name, "1" if default else "0", meaning, lambda t: words[t.lower()], "1 or 0")


def url(name: str, default: str, meaning: str, *schemes: str, secret: bool = False, needed: bool = False,
        with_words: tuple[str, ...] = ()) -> str:
    """Read a setting as an address, or empty for none where it is not needed; its value is never told: it may hold a key."""
    value = text(name, default, meaning, secret=secret)
    if not value and not needed:
        return value
    empty = "" if needed else ", or be empty"
    if not value.startswith(tuple(s + "://" for s in schemes)):
        raise WrongSetting(f"{name} must begin with {' or '.join(s + '://' for s in schemes)}{empty}.")
    try:
        parts = urlsplit(value)
        good = parts.port != 0
    except ValueError:  # a port that is no number, or too large; a broken IPv6 address
        good = False
    if not good:
        raise WrongSetting(f"{name} has a wrong host or port: the port must be a number from 1 to 65535.")
    if missing := [word for word in with_words if word not in value]:
        raise WrongSetting(f"{name} must contain {' and '.join(missing)}{empty}.")
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
