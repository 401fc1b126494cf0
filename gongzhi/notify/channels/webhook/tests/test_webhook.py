import base64
import hmac

import pytest
from pytest_django import Settings

from gongzhi.notify import actions, queries
from gongzhi.notify.conftest import Gateway
from gongzhi.notify.models import Notice

CHANGE = {"verb": "request.dispatch", "code": "4830195726"}


def tell() -> None:
    actions.tell_webhook(values=CHANGE, about=("case", 7), key="event:1")


@pytest.mark.parametrize("secret", ["a plain key", "whsec_" + base64.b64encode(b"a plain key").decode()])
def test_a_receiver_can_check_who_wrote_and_tell_a_repeat(
    gateway: Gateway, settings: Settings, db: None, secret: str
) -> None:
    settings.WEBHOOK_URL, settings.WEBHOOK_SECRET = gateway.url, secret
    tell()
    tell()
    assert actions.send_due("webhook") == 1
    ((headers, body, raw),) = gateway.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
    expected = base64.b64encode(hmac.digest(b"a plain key", signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == body["id"] == str(Notice.objects.get().sent_as)
    assert body["data"] == CHANGE and body["about"] == "case"


def test_unsigned_nothing_is_sent(gateway: Gateway, settings: Settings, db: None) -> None:
    settings.WEBHOOK_URL, settings.WEBHOOK_SECRET = gateway.url, ""
    tell()
    actions.send_due("webhook")
    assert queries.unsent("webhook") == {"kept": 1} and not gateway.got


def test_a_receiver_that_is_gone_is_tried_again(settings: Settings, db: None) -> None:
    settings.WEBHOOK_URL, settings.WEBHOOK_SECRET = "http://127.0.0.1:9/", "key"
    tell()
    actions.send_due("webhook")
    notice = Notice.objects.get()
    assert (notice.state, notice.tries, notice.fault) == ("waiting", 1, "对方没有应答（ConnectError）")
