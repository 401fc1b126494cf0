from conftest import Town
from gongzhi.notify import actions, channels
from gongzhi.notify.models import Notice


def test_nobody_has_to_send_what_is_written_into_the_inbox(town: Town) -> None:
    person = town.people["street"]
    values = {"code": "4830195726", "due": "17:00"}
    actions.tell_people([person.pk], template="test.overdue", values=values, about=("case", 7), key="k")
    notice = Notice.objects.get()
    assert notice.state == "sent" and "inbox" not in channels.sending()
    assert channels.found()["inbox"].address(notice) == person.name
