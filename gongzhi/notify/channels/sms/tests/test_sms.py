from pytest_django import Settings

from gongzhi.base import crypto
from gongzhi.notify import actions
from gongzhi.notify.conftest import Gateway
from gongzhi.notify.models import Notice


def test_without_a_token_no_authorization_is_sent(gateway: Gateway, settings: Settings, real: None, db: None) -> None:
    settings.SMS_URL, settings.SMS_TOKEN = gateway.url, ""
    values = {"code": "4830195726", "due": "17:00"}
    actions.tell_phone(crypto.seal("13800001234"), template="test.overdue", values=values, about=("case", 7), key="k")
    assert actions.send_due("sms") == 1
    assert "authorization" not in gateway.got[0][0]


def test_a_number_that_cannot_be_opened_fails_without_hindering_others(
    gateway: Gateway, settings: Settings, real: None, db: None
) -> None:
    settings.SMS_URL = gateway.url
    for key in ("k1", "k2"):
        actions.tell_phone(
            crypto.seal("13800001234"), template="test.overdue", values={"code": "1", "due": "2"}, about=("case", 7),
            key=key,
        )  # fmt: skip
    Notice.objects.filter(key="k1").update(phone=b"\x01" + bytes(40))
    assert actions.send_due("sms") == 2
    damaged, whole = Notice.objects.order_by("key")
    assert (damaged.state, damaged.fault, whole.state) == ("waiting", "Damaged", "sent")
