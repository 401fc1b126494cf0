"""Stands in for SMS in the demo: the page /demo/sms/ shows what would be sent."""

from django.utils.translation import gettext_lazy as _

from gongzhi.notify.models import Notice

TITLE = _("短信（演示）")


def address(notice: Notice) -> str:
    """Give the number it would go to."""
    return notice.number
