"""What signing in needs: who must have a second factor, one-time codes, words for browsers. No database."""

import base64
import hashlib
import re
import secrets
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.utils.translation import gettext_lazy as _

from gongzhi.org.rules import POWERS

METHODS = {
    "password": _("密码"), "totp": _("动态口令"), "recovery": _("备用码"), "passkey": _("通行密钥"), "oidc": _("统一身份认证"),
}
STEP, DIGITS = 30, 6  # RFC 6238, what every authenticator app does
RECOVERY_CODES = 10
HALF = timedelta(minutes=5)  # how long after the password the second factor may come (default, no source)
SIGN_INS_KEPT = timedelta(days=90)  # default, no source
SEEN_EVERY = timedelta(minutes=1)
BROWSERS = (("MicroMessenger", "微信"), ("Edg", "Edge"), ("QQBrowser", "QQ浏览器"), ("360SE", "360"), ("Firefox", "Firefox"),
            ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (("HarmonyOS", "鸿蒙"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
           ("Mac OS", "Mac"), ("Linux", "Linux"))


def must_have_second(wanted: str, posts: frozenset[str]) -> bool:
    """Say whether who holds these posts needs a second factor. `wanted`: all, powers or off."""
    return wanted == "all" or (wanted == "powers" and bool(posts & POWERS))


# One-time codes -------------------------------------------------------------------------------------------------------


def new_secret() -> str:
    """Make a secret for an authenticator app, as apps take it: base32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def totp_address(secret: str, person: str, issuer: str) -> str:
    """Give what the QR code of a secret says."""
    return _totp(secret).get_provisioning_uri(person, issuer)


def totp_step(secret: str, code: str, at: datetime, after: int) -> int | None:
    """Find the step a code belongs to, the one before and the one after included; None for a wrong or a used one."""
    digits = re.sub(r"\s", "", code)
    if not re.fullmatch(r"\d{6}", digits, re.ASCII):
        return None
    totp, now = _totp(secret), int(at.timestamp()) // STEP
    for step in (now, now - 1, now + 1):
        try:
            totp.verify(digits.encode(), step * STEP)
        except InvalidToken:
            continue
        return step if step > after else None
    return None


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP)  # noqa: S303  what RFC 6238 and the apps use


def new_recovery_codes() -> list[str]:
    """Make codes people can copy by hand: ten characters, nothing that looks like another."""
    letters = "23456789abcdefghjkmnpqrstuvwxyz"
    return ["-".join("".join(secrets.choice(letters) for _n in range(5)) for _half in range(2)) for _code in range(RECOVERY_CODES)]


def recovery_digest(person_id: int, code: str) -> str:
    """Give what is kept of a recovery code."""
    plain = re.sub(r"[^0-9a-z]", "", code.lower())
    return hashlib.sha256(f"{person_id}:{plain}".encode()).hexdigest()


def agent_words(agent: str) -> str:
    """Say a browser and its system in a word each."""
    found = (next((word for sign, word in known if sign in agent), "") for known in (BROWSERS, SYSTEMS))
    return " · ".join(filter(None, found))
