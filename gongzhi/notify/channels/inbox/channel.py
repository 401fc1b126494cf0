"""The inbox on the desk: a page of ours, so what is written there has arrived."""

from django.utils.translation import gettext_lazy as _

from gongzhi.notify.models import Notice

TITLE = _("站内消息")


def address(notice: Notice) -> str:
    """Name the person whose inbox it is."""
    return notice.person.name if notice.person else ""
