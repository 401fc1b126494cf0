"""Passkeys (WebAuthn), by python-fido2: what the browser is asked, and whether its answer is right."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gongzhi.account.models import Factor
from gongzhi.base import crypto
from gongzhi.org.models import Person

# The device itself asks for a finger, a face or its code: one passkey is two factors.
VERIFIED = UserVerificationRequirement.REQUIRED


class NotRight(Exception):
    """The browser's answer is not one to what it was asked."""


def server() -> Fido2Server:
    """Make the verifier for the address this site has."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return Fido2Server(PublicKeyCredentialRpEntity(id=host, name=f"共治 · {settings.CITY_NAME}"))


def ask_for_new(person: Person) -> tuple[dict[str, Any], Any]:
    """Give what the browser is asked to make a passkey, and the state to keep until it answers."""
    user = PublicKeyCredentialUserEntity(id=_handle(person.pk), name=person.username, display_name=person.name)
    options, state = server().register_begin(
        user, _credentials(person), resident_key_requirement=ResidentKeyRequirement.REQUIRED, user_verification=VERIFIED)
    return dict(options), state


def read_new(state: Any, answer: Mapping[str, Any]) -> tuple[bytes, bytes, int]:
    """Check the browser's answer; give the credential's id, the credential and its counter, or raise NotRight."""
    try:
        data = server().register_complete(state, answer)
        if data.credential_data is None:
            raise NotRight
    except NotRight:
        raise
    except Exception as fault:  # the library raises what its parsers raise
        raise NotRight from fault
    return data.credential_data.credential_id, bytes(data.credential_data), data.counter


def ask_for_known(person: Person | None = None) -> tuple[dict[str, Any], Any]:
    """Give what the browser is asked to prove a passkey: one of this person's, or any it has for this site."""
    options, state = server().authenticate_begin(_credentials(person) if person else None, user_verification=VERIFIED)
    return dict(options), state


def read_known(state: Any, answer: Mapping[str, Any]) -> tuple[Factor, int]:
    """Check the browser's answer; give whose passkey it is and its counter, or raise NotRight."""
    try:
        factor = Factor.objects.select_related("person").filter(
            kind=Factor.PASSKEY, credential_id=websafe_decode(str(answer.get("rawId") or answer.get("id") or ""))).first()
        if factor is None:
            raise NotRight
        server().authenticate_complete(state, [AttestedCredentialData(bytes(factor.credential))], answer)
        counter = AuthenticationResponse.from_dict(answer).response.authenticator_data.counter
    except NotRight:
        raise
    except Exception as fault:  # the library raises what its parsers raise
        raise NotRight from fault
    if counter and counter <= factor.step:
        raise NotRight  # a copy of the device answered
    return factor, counter


def _handle(person_id: int) -> bytes:
    """Name a person to the device without saying who it is."""
    return crypto.blind(f"passkey:{person_id}")


def _credentials(person: Person) -> list[AttestedCredentialData]:
    return [AttestedCredentialData(bytes(row.credential)) for row in person.factors.filter(kind=Factor.PASSKEY)]
