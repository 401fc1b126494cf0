"""The arithmetic of messages: how many SMS a text is, when a failed one is tried again."""

import re
import string
from datetime import timedelta

SIGN = "【共治】"  # every SMS names its sender, gateways refuse texts without (their rule, default)
SMS_ALONE, SMS_PART = 70, 67  # characters of one SMS and of each part of a longer one in UCS-2: 3GPP TS 23.040
SMS_PARTS = 4  # default, no source
VALUE = 120  # characters of a filled-in value (default, no source): a tracking link fits
VALUE_GUESS = 12  # what a value counts for when the length of a template is checked

# After which wait the next try comes; when they are used up the message has failed (default, no source).
WAITS = [timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 21600)]
LEASE = timedelta(seconds=60)  # how long a try may take before another worker takes over

# A notice goes to handlers too, so who reported can never be in one.
NEVER = {"phone", "caller", "caller_name", "reporter", "reporter_name", "id_number", "original"}


def next_wait(tries: int) -> timedelta | None:
    """Tell how long to wait after the given number of failed tries, or None when it is given up."""
    return WAITS[tries - 1] if tries <= len(WAITS) else None


def sms(words: str) -> str:
    """Write a text as an SMS: the signature first, once."""
    return SIGN + words.removeprefix(SIGN)


def sms_parts(text: str) -> int:
    """Count the SMS that a text is billed as."""
    length = len(text.encode("utf-16-le")) // 2
    return 1 if length <= SMS_ALONE else -(-length // SMS_PART)


def pieces(text: str) -> list[str]:
    """Cut a text at its links, as telephones do: every second piece is one."""
    return re.split(r"(https?://[!-~]+)", text)


def fields(words: str) -> set[str]:
    """List the {placeholders} of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


def short(value: object) -> str:
    """Bring a value to one line of bounded length."""
    text = " ".join(str(value).split())
    return text if len(text) <= VALUE else text[: VALUE - 1] + "…"


def complaints(title: str, words: str) -> list[str]:
    """Say what is wrong with a template."""
    found = fields(title) | fields(words)
    guess = sms(words.format(**dict.fromkeys(found, "字" * VALUE_GUESS))) if all(map(str.isidentifier, found)) else ""
    return [
        *(f"{name!r} is not a plain name" for name in sorted(found) if not name.isidentifier()),
        *(f"{name!r} would tell who reported" for name in sorted(found & NEVER)),
        *([f"it would be {sms_parts(guess)} SMS, at most {SMS_PARTS}"] if sms_parts(guess) > SMS_PARTS else []),
        *(["a title has 1 to 60 characters"] if not 1 <= len(title) <= 60 else []),
    ]
