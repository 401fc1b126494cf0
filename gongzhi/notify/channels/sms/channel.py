"""SMS through an HTTP gateway: POST {"id", "to", "text"} with a bearer token; the gateway answers 2xx.

The id is the same at every try (also as Idempotency-Key), so that the gateway can drop a repeat.
"""

import json

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from gongzhi.notify import channels, rules
from gongzhi.notify.models import Notice

TITLE = _("短信")


def address(notice: Notice) -> str:
    """Give the number, if there is a gateway."""
    return notice.number if settings.SMS_URL else ""


def send(notice: Notice, to: str) -> None:
    """Hand the text to the gateway."""
    body = {"id": str(notice.sent_as), "to": to, "text": rules.sms(notice.words)}
    headers = {"Idempotency-Key": str(notice.sent_as)}
    if settings.SMS_TOKEN:
        headers["Authorization"] = f"Bearer {settings.SMS_TOKEN}"
    channels.post(settings.SMS_URL, json.dumps(body, ensure_ascii=False).encode(), headers)
