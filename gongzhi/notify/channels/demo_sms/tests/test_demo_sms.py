from pytest_django import Settings

from gongzhi.base import crypto
from gongzhi.notify import actions, channels
from gongzhi.notify.conftest import Gateway
from gongzhi.notify.models import Notice


def test_in_the_demo_no_sms_leaves_even_with_a_gateway(gateway: Gateway, settings: Settings, db: None) -> None:
    settings.SMS_URL = gateway.url
    values = {"code": "4830195726", "due": "17:00"}
    actions.tell_phone(crypto.seal("13800001234"), template="test.overdue", values=values, about=("case", 7), key="k")
    for channel in channels.sending():
        actions.send_due(channel)
    notice = Notice.objects.get()
    assert (notice.channel, notice.state, notice.number) == ("demo_sms", "sent", "13800001234")
    assert not gateway.got
