"""A webhook, signed as Standard Webhooks has it (standardwebhooks.com), so that receivers find a library for it.

Headers webhook-id (the same at every try), webhook-timestamp, and webhook-signature: "v1," and the base64 of the
HMAC-SHA256 of "id.timestamp.body". Without address or key nothing is sent.
"""

import base64
import hmac
import json

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from gongzhi.base import clock
from gongzhi.notify import channels
from gongzhi.notify.models import Notice

TITLE = _("回调")


def address(notice: Notice) -> str:
    """Give the one address of the settings, if there is a key to sign with."""
    return settings.WEBHOOK_URL if settings.WEBHOOK_SECRET else ""


def send(notice: Notice, to: str) -> None:
    """Post what changed, signed."""
    number, stamp = str(notice.sent_as), str(int(clock.now().timestamp()))
    event = {"id": number, "at": notice.made_at.isoformat(), "about": notice.about_kind, "data": notice.values}
    body = json.dumps(event, ensure_ascii=False).encode()
    headers = {"webhook-id": number, "webhook-timestamp": stamp, "webhook-signature": signature(number, stamp, body)}
    channels.post(to, body, headers)


def signature(message_id: str, stamp: str, body: bytes) -> str:
    """Sign a message; a secret that begins with whsec_ is base64, any other is taken as it is."""
    secret = settings.WEBHOOK_SECRET
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    digest = hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"
