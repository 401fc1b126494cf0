"""The city's own sign-in by OpenID Connect: authorization code with PKCE; tokens are checked by joserfc.

What the provider says is believed for who it is, never for what that person may do.
"""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from django.conf import settings
from django.urls import reverse
from joserfc import jwt
from joserfc.jwk import KeySet

ALGORITHMS = ["RS256", "PS256", "ES256", "RS384", "ES384", "RS512", "ES512", "EdDSA"]  # none of a shared secret, never "none"
TIMEOUT = 10.0
KEPT = 600.0  # seconds that what the provider publishes is remembered
LEEWAY = 60  # seconds two clocks may differ
_kept: dict[str, tuple[float, Any]] = {}


class NotRight(Exception):
    """The provider cannot be reached, or its answer is not one to what it was asked."""


@dataclass(frozen=True)
class Told:
    """Who the provider says it is. `name`: the claim by which a person is found the first time."""

    issuer: str
    subject: str
    name: str


def offered() -> bool:
    """Say whether the city has a sign-in of its own."""
    return bool(settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID)


def ask() -> tuple[str, dict[str, str]]:
    """Give where the browser is sent, and what to keep until it comes back."""
    kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(kept["verifier"].encode()).digest()).rstrip(b"=").decode()
    query = urlencode({
        "response_type": "code", "client_id": settings.OIDC_CLIENT_ID, "redirect_uri": _back(), "scope": settings.OIDC_SCOPE,
        "state": kept["state"], "nonce": kept["nonce"], "code_challenge": challenge, "code_challenge_method": "S256",
    })
    address = _published("authorization_endpoint")
    return f"{address}{'&' if '?' in address else '?'}{query}", kept


def read(kept: dict[str, str], given: dict[str, str]) -> Told:
    """Check what the browser came back with, fetch and check the token, and say who it is; or raise NotRight."""
    if not given.get("code") or not secrets.compare_digest(given.get("state", ""), kept.get("state", "-")):
        raise NotRight("state")
    if given.get("iss") and given["iss"] != _published("issuer"):
        raise NotRight("iss")  # RFC 9207: the answer of another provider
    answer = _fetch("POST", _published("token_endpoint"), {
        "grant_type": "authorization_code", "code": given["code"], "redirect_uri": _back(), "code_verifier": kept["verifier"]})
    claims = _claims(str(answer.get("id_token", "")), kept["nonce"])
    name = claims.get(settings.OIDC_CLAIM)
    if name is None and "userinfo_endpoint" in _configuration():
        said = _fetch("GET", _published("userinfo_endpoint"), {}, bearer=str(answer.get("access_token", "")))
        name = said.get(settings.OIDC_CLAIM) if said.get("sub") == claims["sub"] else None
    return Told(claims["iss"], claims["sub"], str(name or ""))


def _claims(token: str, nonce: str) -> dict[str, Any]:
    try:
        try:
            read_token = jwt.decode(token, _keys(), ALGORITHMS)
        except Exception:  # the provider may have new keys since we looked
            _kept.clear()
            read_token = jwt.decode(token, _keys(), ALGORITHMS)
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY, iss={"essential": True, "value": _published("issuer")}, sub={"essential": True},
            aud={"essential": True, "value": settings.OIDC_CLIENT_ID}, exp={"essential": True},
            iat={"essential": True}, nonce={"essential": True, "value": nonce},
        ).validate(read_token.claims)
    except NotRight:
        raise
    except Exception as fault:  # whatever the library says of a token that is not right
        raise NotRight("token") from fault
    claims = dict(read_token.claims)
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != settings.OIDC_CLIENT_ID:
        raise NotRight("azp")
    return claims


def _keys() -> KeySet:
    found: KeySet = _remembered("keys", lambda: KeySet.import_key_set(_fetch("GET", _published("jwks_uri"), {}, ours=False)))  # type: ignore[arg-type]
    return found


def _configuration() -> dict[str, Any]:
    """Read what the provider publishes of itself; it must call itself what we call it."""
    def fetch() -> dict[str, Any]:
        found = _fetch("GET", settings.OIDC_ISSUER.rstrip("/") + "/.well-known/openid-configuration", {}, ours=False)
        if str(found.get("issuer", "")).rstrip("/") != settings.OIDC_ISSUER.rstrip("/"):
            raise NotRight("issuer")
        return found

    found: dict[str, Any] = _remembered("configuration", fetch)
    return found


def _published(name: str) -> str:
    try:
        return str(_configuration()[name])
    except KeyError as fault:
        raise NotRight(name) from fault


def _remembered(name: str, fetch: Any) -> Any:
    at, found = _kept.get(name, (0.0, None))
    if found is None or time.monotonic() - at > KEPT:
        found = fetch()
        _kept[name] = (time.monotonic(), found)
    return found


def forget() -> None:
    """Ask the provider anew (between tests)."""
    _kept.clear()


def _fetch(method: str, address: str, form: dict[str, str], *, ours: bool = True, bearer: str = "") -> dict[str, Any]:
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    auth = (settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET) if ours and method == "POST" else None
    try:
        answer = httpx.request(method, address, data=form or None, headers=headers, auth=auth, timeout=TIMEOUT)
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError) as fault:
        raise NotRight(type(fault).__name__) from fault
    if not isinstance(found, dict):
        raise NotRight("answer")
    return found


def _back() -> str:
    """Give where the provider sends the browser back to."""
    return settings.BASE_URL + reverse("site:oidc_back")
