"""The four lists from sheets: each fills the version that is being prepared, or begins one."""

import re
from collections.abc import Callable, Iterable, Sequence

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from gongzhi.base import clock, imports, sheets
from gongzhi.base.errors import Refused
from gongzhi.base.imports import Importer
from gongzhi.base.sheets import Column, Fault, Row
from gongzhi.duties import actions, queries, rules
from gongzhi.duties.actions import NewLine
from gongzhi.org.models import Unit
from gongzhi.places.models import Place
from gongzhi.requests.models import CatalogueLine, Category, ListVersion

POSTS = ("admin",)
SEPARATED = re.compile(r"[,，、;；|\n]+|\s{2,}")
LONGEST = {"catalogue": 300}  # characters of a line's words; 600 in the other lists
KEYS = {name: f"duties-{name}" for name in rules.LISTS}


def several(text: str) -> tuple[str, ...]:
    """Read names separated by commas, semicolons or line breaks, in any of the ways they are written."""
    return tuple(dict.fromkeys(part.strip() for part in SEPARATED.split(text) if part.strip()))


def short(most: int) -> Callable[[str], str]:
    """Make a reader of words that may not be longer than so much."""

    def parse(text: str) -> str:
        if len(text) > most:
            raise Refused(say("最多 {n} 个字，现在是 {m} 个字。").format(n=most, m=len(text)))
        return text

    return parse


def words(text: str) -> tuple[str, ...]:
    """Read key words, none too long to be one."""
    found = several(text)
    if len(found) > 20 or any(len(word) > 20 for word in found):
        raise Refused(say("最多 20 个关键词，每个最多 20 个字。"))
    return found


# What the names in a sheet mean ---------------------------------------------------------------------------------------


class Known:
    """Units and categories as a sheet may call them, each asked of the database once."""

    def __init__(self, rows: Sequence[Row]) -> None:
        units = {name for row in rows for name in (row["lead"], *(row["helpers"] or ())) if name}
        found = Unit.objects.filter(Q(name__in=units) | Q(short_name__in=units) | Q(key__in=units), active_to=None)
        self.units: dict[str, set[int]] = {}
        for unit in found:
            for name in {unit.name, unit.short_name, unit.key} - {""}:
                self.units.setdefault(name, set()).add(unit.pk)
        kinds = {name for row in rows for name in row["categories"] or ()}
        self.categories: dict[str, set[str]] = {}
        named = Category.objects.filter(Q(code__in=kinds) | Q(name__in=kinds), active=True)
        for code, name in named.values_list("code", "name"):
            self.categories.setdefault(code, set()).add(code)
            self.categories.setdefault(name, set()).add(code)

    def wrong_unit(self, name: str) -> str:
        """Say what is wrong with the name of a unit; "" if it means one."""
        found = self.units.get(name, set())
        if len(found) == 1:
            return ""
        return say("没有叫“{name}”的单位。").format(name=name) if not found else say(
            "叫“{name}”的单位有 {n} 个，请写全称或单位代码。").format(name=name, n=len(found))

    def unit(self, name: str) -> int:
        return next(iter(self.units[name]))

    def wrong_category(self, name: str) -> str:
        """Say what is wrong with the code or name of a category; "" if it means one."""
        found = self.categories.get(name, set())
        if len(found) == 1:
            return ""
        if not found:
            return say("没有“{name}”这个类别，请写类别编码或名称。").format(name=name)
        return say("叫“{name}”的类别有 {n} 个，请写编码：{codes}。").format(
            name=name, n=len(found), codes="、".join(sorted(found)))

    def codes(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(next(iter(self.categories[name])) for name in names))


def _check(name: str) -> Callable[[Sequence[Row], int], Iterable[Fault]]:
    def check(rows: Sequence[Row], by: int) -> Iterable[Fault]:
        known, seen = Known(rows), set()
        version = queries.draft(name)
        there = set(queries.lines(name, version).values_list("number", flat=True)) if version else set()
        for row in rows:
            yield from _names(name, row, known)
            number = row["number"]
            if name != "catalogue":
                if number in there:
                    there_is = say("准备中的版本里已经有第 {n} 项；要整份重导，先在清单页删掉那一版。")
                    yield Fault(row.n, "number", there_is.format(n=number))
                elif number in seen:
                    yield Fault(row.n, "number", say("前面已经有第 {n} 项。").format(n=number))
            elif version and _same(row, known, version.pk):
                yield Fault(row.n, "number", say("准备中的版本里已经有这一项。"), "same")
            seen.add(number)

    return check


def _same(row: Row, known: Known, version_id: int) -> bool:
    codes = {next(iter(found)) for name in row["categories"] or () if len(found := known.categories.get(name, set())) == 1}
    lines = CatalogueLine.objects.filter(version=version_id, number=row["number"], category__code__in=codes)
    return bool(codes) and lines.exists()


def _names(name: str, row: Row, known: Known) -> Iterable[Fault]:
    for column in ("lead", "helpers"):
        given = row[column] or ()
        for one in (given,) if isinstance(given, str) else given:
            if wrong := known.wrong_unit(one):
                yield Fault(row.n, column, wrong)
    for one in row["categories"] or ():
        if wrong := known.wrong_category(one):
            yield Fault(row.n, "categories", wrong)
    if name == "catalogue" and len(row["categories"] or ()) > 1:
        yield Fault(row.n, "categories", say("派单目录一行写一个类别，几个类别请分几行。"))
    if not row["categories"]:
        yield Fault(row.n, "categories", say("没有写类别：查得到，但派单时不按它判断。"), "warn")
    if row["part"] == "assisting" and not row["lead"]:
        yield Fault(row.n, "lead", say("配合、协助的事项要写由谁主办。"))


def _take(name: str) -> Callable[[Sequence[Row], int], int]:
    def take(rows: Sequence[Row], by: int) -> int:
        known = Known(rows)
        return actions.add_lines(name, queries.draft(name) or _begun(name, by), [_line(row, known) for row in rows], by=by)

    return take


def _begun(name: str, by: int) -> ListVersion:
    """Begin a version for a sheet that finds none being prepared; its document is written before it is put in force."""
    place = Place.objects.filter(kind="district").order_by("pk").first() or Place.objects.order_by("pk").first()
    if place is None:
        raise Refused(say("还没有地点，先建地点。"))
    title = say("{day} 导入").format(day=clock.today().isoformat())
    return actions.prepare(name, title=title, place=place, by=by)


def _line(row: Row, known: Known) -> NewLine:
    return NewLine(
        number=row["number"], text=row["text"], categories=known.codes(row["categories"] or ()), part=row["part"] or "",
        lead_id=known.unit(row["lead"]) if row["lead"] else None, task=row["task"] or "", basis=row["basis"] or "",
        helpers=tuple(known.unit(one) for one in row["helpers"] or ()), keywords=row["keywords"] or ())


# Columns --------------------------------------------------------------------------------------------------------------


def _columns(name: str) -> tuple[Column, ...]:
    parts = rules.PARTS.get(name, {})
    part: tuple[Column, ...] = ()
    if parts:
        said = {str(title): key for key, title in parts.items()}
        said |= {"配合": "assisting", "上级部门收回": "taken_back", "基本": "basic"} if name == "street" else {
            "负面": "negative", "不得交社区": "negative", "依法": "lawful", "依法履职": "lawful"}
        part = (Column("part", _("分类"), needed=True, parse=sheets.one_of(said), aliases=("清单", "类型", "事项类型")),)
    does = _("街道做什么") if name == "street" else _("社区做什么")
    task = (Column("task", does, parse=short(300), aliases=("配合职责", "街道职责", "社区职责", "协助内容")),)
    return (
        Column("number", _("序号"), needed=True, parse=short(20), aliases=("编号", "项号", "事项编码"), example="1"),
        *part,
        Column("text", _("事项"), needed=True, parse=short(LONGEST.get(name, 600)), example=str(EXAMPLES[name]),
               aliases=("事项名称", "内容", "事项内容", "职权名称")),
        Column("categories", _("类别"), needed=name == "catalogue", parse=several, example="200102",
               aliases=("诉求类别", "类别编码", "类别名称"),
               hint=_("类别编码或名称，一行一个") if name == "catalogue" else _("类别编码或名称；几个用顿号隔开")),
        Column("lead", _("主办单位"), needed=name in ("catalogue", "powers"), hint=_("单位全称、简称或代码"),
               aliases=("牵头部门", "责任部门", "承担部门", "实施主体", "主办")),
        Column("helpers", _("协办单位"), parse=several, aliases=("配合部门", "协办"), hint=_("几个用顿号隔开")),
        *(task if parts else ()),
        Column("keywords", _("关键词"), parse=words, hint=_("群众常说的词，几个用顿号隔开"), example="垃圾、垃圾没人清"),
        Column("basis", _("依据"), needed=name == "catalogue", parse=short(160 if name == "catalogue" else 300),
               aliases=("法律依据", "设定依据", "来源"), hint=_("法律法规的条款或文件")),
    )


EXAMPLES: dict[str, str | Promise] = {
    "catalogue": _("暴露垃圾：由环卫中心主办"), "powers": _("对生活垃圾清扫、收集、运输的监督管理"),
    "street": _("组织清理辖区暴露垃圾"), "community": _("组织居民维护环境卫生"),
}

for each in rules.LISTS:
    imports.register(Importer(
        key=KEYS[each], title=rules.LISTS[each], posts=POSTS, columns=_columns(each), check=_check(each), take=_take(each),
        back="duties:home", hint=rules.SAYS[each]))
