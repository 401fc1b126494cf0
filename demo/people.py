"""Made-up names and telephone numbers that nobody can have."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

NAMES = tomllib.loads((Path(__file__).parent / "names.toml").read_text(encoding="utf-8"))


def name(rng: random.Random) -> str:
    if rng.random() < 0.05:
        return rng.choice(NAMES["mongolian"])
    surname = rng.choice(NAMES["surnames"][:20] if rng.random() < 0.5 else NAMES["surnames"])
    if rng.random() < 0.18:
        return surname + rng.choice(NAMES["given_second"])
    return surname + rng.choice(NAMES["given_first"]) + rng.choice(NAMES["given_second"])


def work_phone(n: int) -> str:
    """Return the n-th made-up office number: no local number begins with 0, so it reaches nobody."""
    return f"0471-0{n:06d}"


def mobile(n: int) -> str:
    """Return the n-th made-up mobile number of a resident: no mobile number begins with 10."""
    return f"104{n:08d}"
