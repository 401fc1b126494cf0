"""Public codes of matters: ten digits that can be read out over the phone, cannot be guessed, and tell a slip of the pen."""

import secrets

from stdnum import luhn


def new_code() -> str:
    """Make ten digits: nine random (the first not 0) and a check digit."""
    body = str(secrets.randbelow(900_000_000) + 100_000_000)
    return body + luhn.calc_check_digit(body)


def read_code(text: str) -> str:
    """Bring what a person typed to ten digits; the empty string if it cannot be a code."""
    digits = "".join(c for c in text if c.isdecimal() and c.isascii())
    return digits if len(digits) == 10 and luhn.is_valid(digits) else ""


def show_code(code: str) -> str:
    """Group a code as people read it: 483 019 5726."""
    return f"{code[:3]} {code[3:6]} {code[6:]}"


def new_secret() -> str:
    """Make the secret of a tracking link: 128 bits, URL-safe."""
    return secrets.token_urlsafe(16)
