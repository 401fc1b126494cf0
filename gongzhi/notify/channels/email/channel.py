"""E-mail through the SMTP server of the settings. The Message-ID is the same at every try."""

from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils.translation import gettext_lazy as _

from gongzhi.notify import channels, rules
from gongzhi.notify.models import Notice

TITLE = _("邮件")
BACKEND = "django.core.mail.backends.smtp.EmailBackend"


def address(notice: Notice) -> str:
    """Give the person's mail address, if there is a mail server."""
    return notice.person.email if notice.person and settings.EMAIL_HOST else ""


def send(notice: Notice, to: str) -> None:
    """Hand a plain mail to the server."""
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    mail = EmailMessage(
        rules.SIGN + notice.title, _text(notice), settings.DEFAULT_FROM_EMAIL, [to],
        headers={"Message-ID": f"<{notice.sent_as}@{domain}>"},
        connection=get_connection(BACKEND, timeout=channels.PATIENCE),
    )  # fmt: skip
    try:
        mail.send()
    except (SMTPException, OSError) as fault:
        raise channels.Undelivered(f"邮件服务器没有收下（{type(fault).__name__}）") from None


def _text(notice: Notice) -> str:
    link = f"\n\n{settings.BASE_URL}/desk/cases/{notice.code}/" if notice.code else ""
    return f"{notice.words}{link}\n"
