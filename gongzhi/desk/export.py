"""A list as an Excel file: what the person may see of it, with a line that says who took it and when."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import IO, Any

from django.utils.translation import gettext as _

from gongzhi.base import clock, codes, html, listing
from gongzhi.base.listing import Stopped
from gongzhi.desk import queries, rules
from gongzhi.desk.rules import Filter
from gongzhi.flow.models import Case
from gongzhi.org.rules import Standing
from gongzhi.places import index

__all__ = ["Stopped", "write"]
COLUMNS = (
    "code", "title", "path", "origin", "stage", "version_id", "opened_at", "due_at", "closed_at", "held_at", "urgent",
    "flags", "counts", "lead_name", "request__channel", "request__category__name", "request__suggested__name",
    "request__their_number", "bound_at",
)


WIDTHS = (14, 44, 18, 16, 16, 20, 14, 14, 22, 17, 17, 17, 20)


def write(out: IO[bytes], standing: Standing, chosen: Filter, go_on: Callable[[int], bool] = lambda n: True) -> int:
    """Write a list to a file, row by row; return how many lines it has. `go_on`: told how many there are so far."""
    stamp = f"{standing.name} {html.exact(clock.now())}"
    of = listing.Listing(_("事项"), _mark(standing, chosen), stamp, _titles(), WIDTHS)
    return listing.write(out, of, _rows(standing, chosen), go_on)


def _mark(standing: Standing, chosen: Filter) -> str:
    unit = standing.held[0].unit_name if standing.held else ""
    narrowed = "，".join(words for _name, words in queries.said(chosen))
    line = _("{unit} {name} 于 {at} 导出“{list}”，仅供工作使用，请勿外传。").format(
        unit=unit, name=standing.name, at=html.exact(clock.now()), list=str(chosen.of.title))
    return line + (_("条件：{words}。").format(words=narrowed) if narrowed else "") + _(
        "最多导出 {n} 件。").format(n=f"{rules.EXPORT_LIMIT:,}")


def _titles() -> list[str]:
    return [_("编号"), _("事项"), _("类别"), _("街道"), _("社区"), _("网格"), _("来源"), _("阶段"), _("主办单位"),
            _("收到时间"), _("到期时间"), _("办结时间"), _("标记"), _("热线工单编号"), _("热线时限")]


def _rows(standing: Standing, chosen: Filter) -> Iterator[list[Any]]:
    if chosen.of.of == "tasks":
        ids = queries.tasks(standing, chosen).order_by("due_at", "id").values_list("case_id", flat=True)
        wanted = Case.objects.filter(pk__in=list(dict.fromkeys(ids[: rules.EXPORT_LIMIT])))
    else:
        wanted = queries.cases(standing, chosen)
    rows = wanted.annotate(lead_name=queries.lead_name("")).order_by("-opened_at", "-id")[: rules.EXPORT_LIMIT]
    where = cache(_where)
    for row in rows.values_list(*COLUMNS, named=True).iterator(chunk_size=5000):
        yield _line(row, where(tuple(row.path)))


def _line(row: Any, where: tuple[str, str, str]) -> list[Any]:
    category = row.request__category__name or row.request__suggested__name or _("未分类")
    marks = "、".join(words for words, _icon, _state in queries.marks(row))
    return [codes.show_code(row.code), row.title, category, *where, queries.origin_words(row.origin, row.request__channel),
            queries.stage_title(row), row.lead_name or "", _time(row.opened_at), _time(row.due_at),
            _time(row.closed_at), marks, row.request__their_number, _time(row.bound_at)]


def _where(path: tuple[int, ...]) -> tuple[str, str, str]:
    names = {n.kind: n.name for n in (index.node(i) for i in path) if n}
    return names.get("street", ""), names.get("community", ""), names.get("grid", "")


def _time(at: Any) -> Any:
    return clock.local(at) if at else ""
