"""What the machine itself takes from sheets: public holidays and make-up days."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as say
from django.utils.translation import gettext_noop as _

from gongzhi.base.imports import Importer, register
from gongzhi.base.models import CalendarDay
from gongzhi.base.sheets import Column, Fault, Row, day, one_of
from gongzhi.org.naming import short
from gongzhi.site import actions

COLUMNS = (
    Column("date", _("日期"), needed=True, parse=day, example="2027-01-01"),
    Column("working", _("放假还是上班"), needed=True, parse=one_of({"放假": False, "上班": True, "休": False, "班": True}),
           aliases=("类型", "休班"), example="放假"),
    Column("name", _("名称"), needed=True, parse=short(40), aliases=("节日",), example="元旦"),
    Column("source", _("来源"), needed=True, parse=short(120), aliases=("依据", "文号"), example="国务院办公厅放假通知"),
)


def check(rows: Sequence[Row], by: int) -> Iterator[Fault]:
    """Say which days stand twice in the sheet, and which are there already."""
    there, seen = {d.date: d for d in CalendarDay.objects.filter(date__in=[row["date"] for row in rows])}, dict[object, int]()
    for row in rows:
        first, known = seen.setdefault(row["date"], row.n), there.get(row["date"])
        if first != row.n:
            yield Fault(row.n, "date", say("和第 {n} 行重复。").format(n=first))
        elif known and (known.is_working, known.name, known.source) == (row["working"], row["name"], row["source"]):
            yield Fault(row.n, "date", say("已有，没有变化。"), "same")


def take(rows: Sequence[Row], by: int) -> int:
    """Write the days."""
    actions.set_days([CalendarDay(date=r["date"], is_working=r["working"], name=r["name"], source=r["source"]) for r in rows],
                     by=by)
    return len(rows)


register(Importer("calendar", _("节假日和调休"), ("admin",), COLUMNS, check, take, "setup:calendar",
                  _("一行一天。在办事项已经算好的到期时间不重算。")))
