from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django import Settings

from conftest import Town
from gongzhi.base import clock
from gongzhi.notify import actions, queries, rules
from gongzhi.notify.models import Notice


class MailServer:
    """A real SMTP server that refuses as often as told, and keeps what it took."""

    def __init__(self) -> None:
        self.refuse, self.tries, self.mails = 0, 0, list[tuple[list[str], Message]]()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tries += 1
        if self.tries <= self.refuse:
            return "451 greylisted, come back"
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content or b"", policy=default)))  # type: ignore[arg-type]
        return "250 OK"


class OnAnyPort(Controller):
    """Learn which port the system gave before asking the server whether it answers."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    kept = MailServer()
    controller = OnAnyPort(kept, hostname="127.0.0.1", port=0)
    controller.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield kept
    controller.stop()


def tell(town: Town, name: str = "street") -> None:
    values = {"code": "4830195726", "due": "3月2日\n17:00"}
    actions.tell_people(
        [town.people[name].pk], template="test.overdue", values=values, about=("case", 7), key="event:1",
        channels=["email"],
    )  # fmt: skip


@pytest.fixture
def addressed(town: Town) -> Town:
    town.people["street"].email = "zhang@example.org"
    town.people["street"].save()
    return town


def test_a_mail_arrives_with_subject_words_and_link(
    addressed: Town, mail_server: MailServer, settings: Settings
) -> None:
    settings.DEFAULT_FROM_EMAIL = "共治 <gongzhi@example.org>"
    tell(addressed)
    assert actions.send_due("email") == 1
    ((to, mail),) = mail_server.mails
    notice = Notice.objects.get()
    assert to == ["zhang@example.org"] and mail["Subject"] == "【共治】4830195726 已超期"
    assert mail["Message-ID"] == f"<{notice.sent_as}@example.org>"
    text = mail.get_content()  # type: ignore[attr-defined]
    assert "3月2日 17:00" in text and f"{settings.BASE_URL}/desk/cases/4830195726/" in text
    assert notice.state == "sent"


def test_a_server_that_greylists_gets_the_same_message_later(addressed: Town, mail_server: MailServer) -> None:
    mail_server.refuse = 2
    moment = clock.now()
    with clock.at(moment):
        tell(addressed)
    for wait in rules.WAITS[:3]:
        with clock.at(moment):
            assert actions.send_due("email") == 1
        moment += wait
    assert mail_server.tries == 3 and len(mail_server.mails) == 1
    assert Notice.objects.get().state == "sent"


def test_a_fault_is_told_without_the_address(addressed: Town, mail_server: MailServer) -> None:
    mail_server.refuse = 1
    tell(addressed)
    actions.send_due("email")
    fault = Notice.objects.get().fault
    assert "邮件服务器没有收下" in fault and "zhang" not in fault


def test_a_person_without_an_address_is_not_written_to(town: Town, mail_server: MailServer) -> None:
    tell(town)
    actions.send_due("email")
    assert queries.unsent("email") == {"kept": 1} and not mail_server.mails
