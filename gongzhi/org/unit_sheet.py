"""What a sheet of units says: each line a unit that is there, one that will be, or a fault."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as say
from django.utils.translation import gettext_noop as _

from gongzhi.base.errors import Refused
from gongzhi.base.sheets import Column, Fault, Row, one_of
from gongzhi.org import actions, rules
from gongzhi.org.actions import NewUnit
from gongzhi.org.models import Unit
from gongzhi.org.naming import PARTS, Named, Places, Units, inside, only, phone, several, short
from gongzhi.places.models import Place

LEVEL_WORDS = {"区": "district", "街道": "street", "社区": "community", "网格": "grid", "无": ""}
LEVEL_OF = {"district": "district", "street": "street", "community": "community", "grid": "grid"}
LINE_OF = {"outside": "outside", "community": "service", "grid": "service"}
SAME = _("已有，没有变化。")
UNIT_COLUMNS = (
    Column("name", _("单位名称"), needed=True, parse=short(80), aliases=("名称", "单位", "机构名称", "部门名称"),
           example="西街街道办事处"),
    Column("short_name", _("简称"), parse=short(40), aliases=("单位简称",), example="西街街道"),
    Column("kind", _("类别"), needed=True, parse=one_of({v: k for k, v in rules.UNIT_KINDS.items()}),
           aliases=("单位类别", "单位类型", "类型"), example="街道"),
    Column("line", _("条线"), parse=one_of({v: k for k, v in rules.LINES.items()}), example="行政",
           hint=_("不填按类别：社区和网格是服务，外部单位是外部处置，其余是行政。")),
    Column("level", _("层级"), parse=one_of(LEVEL_WORDS), example="街道", hint=_("管一片地方的单位填；不填按类别。")),
    Column("parent", _("上级单位"), parse=short(200), aliases=("上级", "主管单位", "所属单位"), example="新城区人民政府",
           hint=_("名称、标识，或写全的路径，像“区住建局/物业科”。可以写在上级那一行的前面。")),
    Column("place", _("管辖地点"), parse=short(200), aliases=("地点", "辖区"), example="150102007000",
           hint=_("地点的编码或名称；不填和上级一样。")),
    Column("phone", _("电话"), parse=phone, aliases=("单位电话", "联系电话", "办公电话"), example="0471-1234567"),
    Column("key", _("标识"), parse=short(40), aliases=("单位编码", "单位代码"), example="street-west",
           hint=_("派单目录里用的固定名称，可不填。")),
)


@dataclass
class UnitSheet:
    """The lines of a sheet of units, each made one that is there, one that will be, or a fault."""

    rows: Sequence[Row]
    units: Units = field(default_factory=Units.read)
    nodes: dict[int, Named] = field(default_factory=dict)  # by line
    faults: list[Fault] = field(default_factory=list)
    _open: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.places = Places.read(row["place"] or "" for row in self.rows)
        self.by_key: dict[str, list[Row]] = {}
        self.by_name: dict[str, list[Row]] = {}
        for row in self.rows:
            self.by_name.setdefault(row["name"], []).append(row)
            if row["short_name"] and row["short_name"] != row["name"]:
                self.by_name.setdefault(row["short_name"], []).append(row)
            if row["key"]:
                self.by_key.setdefault(row["key"], []).append(row)
        taken: dict[Any, int] = {}
        for row in self.rows:
            node = self.node(row)
            first = taken.setdefault(self._identity(node), row.n) if not node.fault else row.n
            if first != row.n:
                self._refuse(node, "name", say("和第 {n} 行是同一个单位。").format(n=first))

    def _identity(self, node: Named) -> Any:
        if node.unit is not None:
            return node.unit.pk
        return (id(node.parent) if node.parent else None, node.name)

    def node(self, row: Row) -> Named:
        """Say which unit a line is about; lines above it are asked first, wherever in the sheet they stand."""
        if row.n in self.nodes:
            return self.nodes[row.n]
        if row.n in self._open or len(self._open) > 50:
            return Named(row["name"], n=row.n, fault=say("上级单位绕成了圈。"))
        self._open.add(row.n)
        node = self._read(row)
        self._open.discard(row.n)
        self.nodes[row.n] = node
        return node

    def _read(self, row: Row) -> Named:
        node = Named(row["name"], row["short_name"] or "", row["key"] or "", n=row.n, data=row)
        try:
            node.parent = self._parent(row)
            node.unit = self._there(row, node.parent)
        except Refused as fault:
            self._refuse(node, fault.field or "parent", fault.sentence)
            return node
        if node.parent and node.parent.fault:
            said = say("上级单位（第 {n} 行）有错：{why}").format(n=node.parent.n, why=node.parent.fault)
            self._refuse(node, "parent", said)
            node.fault = node.parent.fault
        elif node.unit is None:
            self._check_new(row, node)
        else:
            self._check_change(row, node, node.unit)
        return node

    def _refuse(self, node: Named, column: str, sentence: str) -> None:
        node.fault = sentence
        self.faults.append(Fault(node.n, column, sentence))

    def _parent(self, row: Row) -> Named | None:
        """Find what a line names as its parent among the units that are there and the lines of the sheet."""
        if not (text := row["parent"]):
            return None
        if text in self.units.by_key:
            return only(text, self.units.by_key[text])
        *above, name = PARTS.split(text.strip())
        lines = self.by_key.get(text) or self.by_name.get(name, [])
        made = [node for node in (self.node(line) for line in lines if line is not row) if node.unit is None]
        found = [*self.units.called(text), *(node for node in made if node.key == text or inside(node.path[:-1], above))]
        return only(text, [node for node in found if node.name == name] or found)

    def _there(self, row: Row, parent: Named | None) -> Unit | None:
        """Find the unit a line is about, if it is there: by its key, else by its name under the parent it names."""
        if row["key"] and (found := self.units.by_key.get(row["key"])):
            return found[0].unit
        same = [one for one in self.units.by_name.get(row["name"], ()) if one.name == row["name"]]
        if parent is None:
            if len(same) > 1:
                raise Refused(several(row["name"], ["/".join(one.path) for one in same]), "name")
            return same[0].unit if same else None
        return next((one.unit for one in same if one.parent and one.parent.unit is parent.unit and parent.unit), None)

    def _check_new(self, row: Row, node: Named) -> None:
        kind = row["kind"]
        may_be_root = kind in ("district", "outside") or row["line"] in ("party", "outside")
        if node.parent is None and not may_be_root:
            self._refuse(node, "parent", say("没有填上级单位。"))
        elif row["place"]:
            try:
                self.places.one(row["place"], kind)
            except Refused as fault:
                self._refuse(node, "place", fault.sentence)

    def _check_change(self, row: Row, node: Named, unit: Unit) -> None:
        """Refuse what a sheet may not change of a unit that is there: where it hangs, what it is, what it governs."""
        names = {"kind": rules.UNIT_KINDS, "line": rules.LINES, "level": {v: k for k, v in LEVEL_WORDS.items()}}
        for column, words in names.items():
            if row[column] is not None and row[column] != getattr(unit, column):
                self._refuse(node, column, say("已有这个单位，原来是“{was}”，导入不能改。").format(
                    was=words.get(getattr(unit, column)) or "—"))
                return
        if node.parent is not None and (node.parent.unit is None or node.parent.unit.pk != unit.parent_id):
            self._refuse(node, "parent", say("已有这个单位，在别的上级下面，导入不能挪。"))
        elif row["place"]:
            try:
                place = self.places.one(row["place"], unit.kind)
            except Refused as fault:
                self._refuse(node, "place", fault.sentence)
                return
            if place.id != unit.place_id:
                self._refuse(node, "place", say("已有这个单位，管辖地点不一样，导入不能改。"))

    def changed(self, row: Row, unit: Unit) -> bool:
        """Write a line's words into a unit that is there; say whether any was new."""
        was = (unit.name, unit.short_name, unit.phone, unit.key)
        unit.name, unit.short_name = row["name"], row["short_name"] or unit.short_name
        unit.phone, unit.key = row["phone"] or unit.phone, unit.key or row["key"] or ""
        return was != (unit.name, unit.short_name, unit.phone, unit.key)


def check_units(rows: Sequence[Row], by: int) -> Iterator[Fault]:
    """Say which lines name no parent or place, or change what may not be; and which say nothing new."""
    sheet = UnitSheet(rows)
    yield from sheet.faults
    for row in rows:
        node = sheet.nodes[row.n]
        if not node.fault and node.unit is not None and not sheet.changed(row, node.unit):
            yield Fault(row.n, "name", say(SAME), "same")


def parents_first(rows: Sequence[Row]) -> list[Row]:
    """Put lines behind those that make their parents."""
    sheet = UnitSheet(rows)
    return sorted(rows, key=lambda row: (sheet.nodes[row.n].depth, row.n))


def take_units(rows: Sequence[Row], by: int) -> int:
    """Add the units that are not there and write what is new of the others."""
    sheet = UnitSheet(rows)
    for fault in sheet.faults:
        raise Refused(fault.sentence, fault.column)
    made: dict[int, NewUnit] = {}
    new: list[NewUnit] = []
    changed: list[Unit] = []
    for row in parents_first(rows):
        node = sheet.nodes[row.n]
        if node.unit is not None:
            changed += [node.unit] if sheet.changed(row, node.unit) else []
            continue
        unit = _new_unit(row, node, made, sheet)
        made[id(node)] = unit
        new.append(unit)
    actions.add_units(new, by=by)
    actions.change_units(changed, ("name", "short_name", "phone", "key"), by=by)
    return len(new) + len(changed)


def _new_unit(row: Row, node: Named, made: dict[int, NewUnit], sheet: UnitSheet) -> NewUnit:
    kind, above = row["kind"], node.parent
    parent = (above.unit or made.get(id(above))) if above else None
    place = Place(pk=sheet.places.one(row["place"], kind).id) if row["place"] else parent.place if parent else None
    line = row["line"] or LINE_OF.get(kind, "government")
    level = row["level"] if row["level"] is not None else LEVEL_OF.get(kind, "")
    return NewUnit(kind, line, row["name"], row["short_name"] or "", level, parent, place, row["key"] or "",
                   row["phone"] or "")
