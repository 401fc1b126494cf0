"""Personal fields: SM4-GCM with a version byte, found again by a keyed hash (blind index). Keys live outside the database."""

import hashlib
import hmac
import os
import re
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings

VERSION = b"\x01"
VEILED = re.compile("[0-9a-f]{32}")


class Damaged(ValueError):
    """A stored value that this key did not make."""


@cache
def _key(purpose: str) -> bytes:
    return hmac.digest(settings.GONGZHI_DATA_KEY.encode(), purpose.encode(), "sha256")


def seal(text: str) -> bytes:
    """Encrypt a short text: version byte, 12-byte nonce, 16-byte tag, ciphertext. The empty text stays empty."""
    return seal_bytes(text.encode())


def seal_bytes(data: bytes) -> bytes:
    """Encrypt bytes as `seal` does a text; nothing stays nothing."""
    if not data:
        return b""
    nonce = os.urandom(12)
    encryptor = Cipher(algorithms.SM4(_key("field")[:16]), modes.GCM(nonce)).encryptor()
    body = encryptor.update(data) + encryptor.finalize()
    return VERSION + nonce + encryptor.tag + body


def open_sealed(blob: bytes | memoryview | None) -> str:
    """Decrypt what `seal` made; raise Damaged for anything else."""
    return open_bytes(blob).decode()


def open_bytes(blob: bytes | memoryview | None) -> bytes:
    """Decrypt what `seal_bytes` made; raise Damaged for anything else."""
    data = bytes(blob or b"")
    if not data:
        return b""
    if data[:1] != VERSION or len(data) < 30:
        raise Damaged
    decryptor = Cipher(algorithms.SM4(_key("field")[:16]), modes.GCM(data[1:13], data[13:29])).decryptor()
    try:
        return decryptor.update(data[29:]) + decryptor.finalize()
    except Exception as fault:
        raise Damaged from fault


def blind(text: str) -> bytes:
    """Make the index by which an encrypted value is found; useless without the key."""
    return hmac.digest(_key("blind"), text.encode(), "sha256")[:16] if text else b""


def veil(purpose: str, number: int) -> str:
    """Hide a number in 32 hexadecimal digits that only `unveil` reads: always the same, and nobody guesses one."""
    encryptor = Cipher(algorithms.SM4(_key("veil:" + purpose)[:16]), modes.ECB()).encryptor()  # one block
    return (encryptor.update(number.to_bytes(16)) + encryptor.finalize()).hex()


def unveil(purpose: str, text: str) -> int | None:
    """Read the number that `veil` hid; None for a text that it did not make."""
    if not VEILED.fullmatch(text):
        return None
    decryptor = Cipher(algorithms.SM4(_key("veil:" + purpose)[:16]), modes.ECB()).decryptor()
    number = int.from_bytes(decryptor.update(bytes.fromhex(text)) + decryptor.finalize())
    return number if number < 2**63 else None


def sign(purpose: str, text: str, length: int = 22) -> str:
    """Make a short URL-safe proof that we wrote `text` for `purpose`."""
    digest = hmac.new(_key("sign:" + purpose), text.encode(), hashlib.sha256).digest()
    return _base62(digest)[:length]


def _base62(data: bytes) -> str:
    digits, number, out = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", int.from_bytes(data), ""
    while number:
        number, rest = divmod(number, 62)
        out += digits[rest]
    return out
