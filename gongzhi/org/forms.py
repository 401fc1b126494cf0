"""What a form says about people: who is away, from when to when, who stands in."""

from collections.abc import Mapping
from datetime import date

from django.utils.translation import gettext as _

from gongzhi.base.errors import Refused
from gongzhi.org.models import Person


def day(posted: Mapping[str, str], field: str) -> date:
    """Read a day that was chosen."""
    try:
        return date.fromisoformat(posted.get(field, ""))
    except ValueError as fault:
        raise Refused(_("请选择日期。"), field) from fault


def colleague(posted: Mapping[str, str], field: str) -> Person | None:
    """Find the person named by user name, or by a name that only one has; None where nobody is named."""
    text = posted.get(field, "").replace("\x00", "").strip()[:40]
    if not text:
        return None
    at_work = Person.objects.filter(is_active=True)
    found = at_work.filter(username=text).first()
    if found is None:
        named = list(at_work.filter(name=text)[:2])
        if len(named) > 1:
            raise Refused(_("叫{name}的不止一位，请写用户名。").format(name=text), field)
        found = named[0] if named else None
    if found is None:
        raise Refused(_("没有叫这个名字或用户名的在职人员。"), field)
    return found
