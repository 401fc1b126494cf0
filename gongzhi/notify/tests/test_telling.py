from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, connections, transaction
from django.utils import translation
from django.utils.functional import lazystr
from pytest_django import Settings

from conftest import Town
from gongzhi.base import clock, crypto
from gongzhi.base.errors import Refused
from gongzhi.log import queries as log
from gongzhi.notify import actions, channels, queries, registry, rules
from gongzhi.notify.conftest import Gateway
from gongzhi.notify.models import Notice

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=clock.CHINA)
PHONE = "13800001234"
VALUES = {"code": "4830195726", "due": "3月2日 17:00"}


def tell(town: Town, *names: str, key: str = "event:1", **more: object) -> None:
    ids = [town.people[name].pk for name in names]
    actions.tell_people(ids, template="test.overdue", values=VALUES, about=("case", 7), key=key, **more)  # type: ignore[arg-type]


def text_to(phone: str, key: str = "event:1") -> None:
    actions.tell_phone(crypto.seal(phone), template="test.overdue", values=VALUES, about=("case", 7), key=key)


def test_told_twice_with_one_key_is_one_notice_for_each_person_and_channel(town: Town) -> None:
    for _ in range(3):
        tell(town, "street", "community", "street", channels=("inbox", "email"))
    assert Notice.objects.filter(channel="inbox").count() == Notice.objects.filter(channel="email").count() == 2
    tell(town, "street", key="event:2")
    assert Notice.objects.count() == 5


def test_two_phones_of_one_event_are_told_each_once(db: None) -> None:
    for phone in (PHONE, "13900001234", PHONE):
        text_to(phone)
    assert Notice.objects.count() == 2


def test_a_rolled_back_act_tells_nobody(town: Town) -> None:

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        tell(town, "street")
        raise ZeroDivisionError
    assert not Notice.objects.exists()


def test_the_inbox_has_it_at_once(town: Town) -> None:
    with clock.at(NOW):
        tell(town, "street")
    (notice,) = queries.inbox(town.actor("street").standing)
    assert (notice.state, notice.made_at, notice.code) == ("sent", NOW, "4830195726")
    assert notice.title == "4830195726 已超期"
    assert "3月2日 17:00" in notice.words
    assert queries.unread(town.actor("street").standing) == 1 and queries.unread(None) == 0


def test_no_number_is_no_message(db: None) -> None:
    actions.tell_phone(b"", template="test.overdue", values=VALUES, about=("case", 7), key="k")
    assert not Notice.objects.exists()


def test_an_unknown_channel_or_template_is_a_fault_of_the_caller(town: Town) -> None:
    with pytest.raises(ValueError, match="pigeon"):
        tell(town, "street", channels=("pigeon",))
    with pytest.raises(KeyError):
        actions.tell_people([1], template="nothing", values={}, about=("case", 1), key="k")


def test_the_number_is_stored_sealed_and_what_the_template_does_not_name_is_not_stored(db: None) -> None:
    actions.tell_phone(
        crypto.seal(PHONE), template="test.overdue", values={**VALUES, "note": "secret"}, about=("case", 7), key="k"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT notify_notice::text, encode(phone, 'escape') FROM notify_notice")
        stored = " ".join(cursor.fetchone() or ())
    assert PHONE not in stored and "1234" not in stored and "secret" not in stored


def test_notices_are_chinese_whoever_acts(town: Town) -> None:
    registry.template("test.lazy", lazystr("已办完"), lazystr("已办完"))
    with translation.override("en"):
        assert registry.fill("test.lazy", {}) == ("已办完", "已办完")


@pytest.mark.parametrize("words", ["{phone} 来电", "{reporter} 反映", "{0}", "{code.secret}", "字" * 300, "{x[0]}"])
def test_a_template_that_is_too_long_or_could_tell_who_reported_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="template test.bad"):
        registry.template("test.bad", "标题", words)


def test_a_webhook_is_not_told_who_reported(settings: Settings, db: None) -> None:
    settings.WEBHOOK_URL = "http://127.0.0.1:9/"
    with pytest.raises(ValueError, match="caller"):
        actions.tell_webhook(values={"caller": "x"}, about=("case", 1), key="k")


def test_without_an_address_no_webhook_is_written(db: None) -> None:
    actions.tell_webhook(values={"verb": "case.accept"}, about=("case", 1), key="k")
    assert not Notice.objects.exists()


@pytest.mark.parametrize(
    ("text", "parts"), [("字" * 70, 1), ("字" * 71, 2), ("字" * 134, 2), ("字" * 135, 3), ("😀" * 36, 2)]
)
def test_sms_are_counted_as_they_are_billed(text: str, parts: int) -> None:
    assert rules.sms_parts(text) == parts


def test_the_signature_stands_once() -> None:
    assert rules.sms("办完了") == rules.sms("【共治】办完了") == "【共治】办完了"


def test_a_link_in_a_text_can_be_followed_though_chinese_stands_right_beside_it() -> None:
    assert rules.pieces("请评价：https://x.cn/r/1?s=a，谢谢") == ["请评价：", "https://x.cn/r/1?s=a", "，谢谢"]


@pytest.mark.usefixtures("real")
def test_a_gateway_that_fails_twice_gets_the_same_id_until_it_accepts(
    gateway: Gateway, settings: Settings, db: None
) -> None:
    settings.SMS_URL, settings.SMS_TOKEN, gateway.answers = gateway.url, "t0ken", [503, 500]
    with clock.at(NOW):
        text_to(PHONE)
        assert actions.send_due("sms") == 1
        failed = Notice.objects.get()
        assert (failed.state, failed.tries, failed.fault) == ("waiting", 1, "对方回答 503")
        assert actions.send_due("sms") == 0  # not yet
    with clock.at(NOW + rules.WAITS[0]):
        assert actions.send_due("sms") == 1
    with clock.at(NOW + rules.WAITS[0] + rules.WAITS[1]):
        assert actions.send_due("sms") == 1
        assert actions.send_due("sms") == 0
    sent = Notice.objects.get()
    assert (sent.state, sent.tries, sent.fault) == ("sent", 3, "")
    assert {headers["idempotency-key"] for headers, _, _ in gateway.got} == {str(sent.sent_as)}
    headers, body, _ = gateway.got[-1]
    assert headers["authorization"] == "Bearer t0ken"
    assert body == {"id": str(sent.sent_as), "to": PHONE, "text": rules.sms(sent.words)}


@pytest.mark.usefixtures("real")
def test_a_worker_killed_while_sending_repeats_the_message_under_its_id(
    gateway: Gateway, settings: Settings, db: None
) -> None:
    settings.SMS_URL = gateway.url
    with clock.at(NOW):
        text_to(PHONE)
        taken = actions.claim("sms")
        assert taken is not None
        channels.found()["sms"].send(taken, taken.number)  # and it dies here
        assert actions.send_due("sms") == 0  # another worker leaves it alone while the lease lasts
    with clock.at(NOW + rules.LEASE):
        assert actions.send_due("sms") == 1
    first, second = gateway.got
    assert first[1] == second[1]
    assert Notice.objects.get().state == "sent"


@pytest.mark.usefixtures("real")
def test_a_message_is_given_up_after_the_last_try_and_sent_again_by_hand(
    gateway: Gateway, settings: Settings, town: Town
) -> None:
    settings.SMS_URL, gateway.answers = gateway.url, [500] * 7
    moment, admin = NOW, town.people["admin"].pk
    with clock.at(NOW):
        text_to(PHONE)
    for wait in [*rules.WAITS, timedelta()]:
        with clock.at(moment):
            assert actions.send_due("sms") == 1
        moment += wait
    notice = Notice.objects.get()
    assert (notice.state, notice.tries) == ("failed", 7)
    with clock.at(moment):
        assert actions.send_due("sms") == 0
        actions.resend(notice.pk, by=admin)
        assert actions.send_due("sms") == 1
    assert Notice.objects.get().state == "sent"
    assert log.of_subject("notice", notice.pk)[-1].actor == f"person:{admin}"
    with pytest.raises(Refused):
        actions.resend(notice.pk, by=admin)  # sent is sent


@pytest.mark.usefixtures("real")
def test_a_gateway_that_is_down_is_left_alone_after_three_failures(
    gateway: Gateway, settings: Settings, db: None
) -> None:
    settings.SMS_URL, gateway.answers = gateway.url, [500] * 3
    for n in range(5):
        text_to(PHONE, key=f"event:{n}")
    assert actions.send_due("sms") == 3
    assert actions.send_due("sms") == 2  # those that had not been tried
    assert Notice.objects.filter(state="sent").count() == 2


@pytest.mark.usefixtures("real")
def test_without_a_gateway_messages_are_kept_and_can_all_be_sent_later(
    gateway: Gateway, settings: Settings, town: Town
) -> None:
    text_to(PHONE)
    tell(town, "street", channels=("sms",), key="event:2")
    assert actions.send_due("sms") == 2
    assert queries.unsent() == {"kept": 2}
    settings.SMS_URL = gateway.url
    assert actions.resend_all("sms", by=town.people["admin"].pk) == 2
    actions.send_due("sms")
    assert [body["to"] for _, body, _ in gateway.got] == [PHONE, town.people["street"].work_phone]


def test_numbers_are_deleted_after_the_retention_time(settings: Settings, town: Town) -> None:
    with clock.at(NOW):
        text_to(PHONE)
    with clock.at(NOW + timedelta(days=settings.PHONE_DAYS)):
        text_to("13900005678", key="event:2")
        assert actions.forget_phones() == 0
    with clock.at(NOW + timedelta(days=settings.PHONE_DAYS, seconds=1)):
        assert actions.forget_phones() == 1
    old, new = Notice.objects.order_by("pk")
    assert not old.phone and not old.tail and new.number == "13900005678"
    text_to(PHONE)  # the same event again: still told once
    assert Notice.objects.count() == 2


@pytest.mark.usefixtures("real")
def test_what_has_waited_too_long_is_given_up_with_its_number(settings: Settings, town: Town) -> None:
    with clock.at(NOW - timedelta(days=settings.PHONE_DAYS + 1)):
        text_to(PHONE)
    with clock.at(NOW):
        actions.forget_phones()
        notice = Notice.objects.get()
        assert (notice.state, bytes(notice.phone)) == ("failed", b"")
        with pytest.raises(Refused):
            actions.resend(notice.pk, by=town.people["admin"].pk)


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_take_the_same_message() -> None:
    Notice.objects.bulk_create(
        Notice(key=f"k{n}", channel="sms", recipient="phone:x", title="t", about_kind="case", try_at=NOW)
        for n in range(40)
    )
    taken: list[int] = []
    together = Barrier(4)

    def work() -> None:
        together.wait()
        while notice := actions.claim("sms"):
            taken.append(notice.pk)
        connections.close_all()

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(taken) == len(set(taken)) == 40
