"""The list behind a number of a board as an Excel file: what its reader may see of it, marked with who took it."""

from collections.abc import Iterator
from typing import IO, Any

from django.utils.translation import gettext as _

from gongzhi.base import clock, codes, html, listing
from gongzhi.boards import queries, rules
from gongzhi.boards.models import Fact
from gongzhi.boards.queries import View
from gongzhi.log import actions as log
from gongzhi.org.models import Unit

MOST = 50_000  # lines of one file (default, no source)
WIDTHS = (14, 44, 18, 22, 17, 17, 17, 14, 12)


def write(out: IO[bytes], view: View, measure: str, title: str) -> int:
    """Write the list of a measure; return how many lines it has."""
    stamp = f"{view.standing.name} {html.exact(clock.now())}"
    mark = _("{name} 于 {at} 导出“{list}”，仅供工作使用，请勿外传。").format(
        name=view.standing.name, at=html.exact(clock.now()), list=f"{view.scope.name} · {title}")
    titles = [_("编号"), _("事项"), _("地点"), _("主办单位"), _("收到时间"), _("到期时间"), _("办结时间"), _("结果"), _("重办次数")]
    return listing.write(out, listing.Listing(_("事项"), mark, stamp, titles, WIDTHS), _rows(view, measure))


def note(n: int, view: View, measure: str) -> None:
    """Write down that a list left the house."""
    log.append("list.export", actor=f"person:{view.standing.person_id}", subject=("list", None), data={
        "n": n, "view": f"boards.{measure}", "by": [view.scope.kind, view.scope.id]})


def _rows(view: View, measure: str) -> Iterator[list[Any]]:
    units = dict(Unit.objects.values_list("pk", "short_name"))
    facts = queries.rows_of(queries.listed(view, measure), view.standing)[:MOST]
    for fact in facts.iterator(chunk_size=2000):
        yield [codes.show_code(fact.case.code), fact.title or _("内容只有经手的人能看"),  # type: ignore[attr-defined]
               fact.case.place.name if fact.case.lon is not None else "", units.get(fact.lead or 0, ""), _time(fact.opened_at),
               _time(fact.due), _time(fact.finished_at or fact.closed_at), _result(fact), fact.n_redo]


def _result(fact: Fact) -> str:
    if fact.end in rules.APART:
        return str(rules.APART[fact.end])
    if fact.finished_at:
        return _("按期办结") if fact.on_time else _("超期办结")
    return _("已归档") if fact.closed_at else _("在办")


def _time(at: Any) -> Any:
    return clock.local(at) if at else ""
