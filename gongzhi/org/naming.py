"""Units and places as people write them in a sheet: by key or code, by name, by a name with what it is in before it."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from gongzhi.base.errors import Refused
from gongzhi.org import rules
from gongzhi.org.models import Unit
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.index import Node
from gongzhi.places.models import PlaceCode

PARTS = re.compile(r"\s*[/／>＞\\]\s*")
SHOWN = 4  # of several that are meant
DEEPEST = 20


@dataclass(eq=False)
class Named:
    """A unit that is there, or one that a line of the sheet will make; `fault`: why that line will not."""

    name: str
    short_name: str = ""
    key: str = ""
    parent: "Named | None" = None
    unit: Unit | None = None
    n: int = 0
    fault: str = ""
    data: Any = None

    @property
    def path(self) -> list[str]:
        """Its name with the names of what it is in before it."""
        names: list[str] = []
        at: Named | None = self
        while at is not None and len(names) < DEEPEST:
            names.insert(0, at.name)
            at = at.parent
        return names

    @property
    def depth(self) -> int:
        """How many lines of the sheet must come before it."""
        return 0 if self.unit is not None or self.parent is None else self.parent.depth + 1


@dataclass
class Units:
    """The units that are there, found by what a sheet calls them."""

    by_key: dict[str, list[Named]] = field(default_factory=lambda: defaultdict(list))
    by_name: dict[str, list[Named]] = field(default_factory=lambda: defaultdict(list))
    by_id: dict[int, Named] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Units":
        """Read all units in one query."""
        found = cls()
        for unit in sorted(Unit.objects.filter(active_to=None), key=lambda u: len(u.path)):
            parent = found.by_id.get(unit.parent_id or 0)
            found.add(Named(unit.name, unit.short_name, unit.key, parent, unit))
        return found

    def add(self, named: Named) -> None:
        """Let a unit be found."""
        if named.unit is not None:
            self.by_id[named.unit.pk] = named
        if named.key:
            self.by_key[named.key].append(named)
        for name in {named.name, named.short_name} - {""}:
            self.by_name[name].append(named)

    def called(self, text: str) -> list[Named]:
        """List what a text may mean: the unit with this key, else those of this name inside what stands before it."""
        if text in self.by_key:
            return self.by_key[text]
        *above, name = PARTS.split(text.strip())
        found = self.by_name.get(name, [])
        whole = [one for one in found if one.name == name] or found  # short names where no name is meant
        return [one for one in whole if inside(one.path[:-1], above)]

    def one(self, text: str) -> Named:
        """Find the one unit that is meant; refuse none and several, these with their whole names."""
        return only(text, self.called(text))


def only(text: str, found: Sequence[Named]) -> Named:
    """Give the one of those that a text may mean."""
    if not found:
        raise Refused(_("没有“{text}”这个单位。").format(text=text[:40]))
    if len(found) > 1:
        raise Refused(several(text, ["/".join(one.path) for one in found]))
    return found[0]


def several(text: str, names: Sequence[str]) -> str:
    """Say that a name means several, and how to write each."""
    more = _("等") if len(names) > SHOWN else ""
    return _("“{text}”有 {n} 个：{names}{more}。请写全上级，像这样：上级/名称。").format(
        text=text[:40], n=len(names), names="、".join(sorted(names)[:SHOWN]), more=more)


def inside(path: Sequence[str], above: Sequence[str]) -> bool:
    """Say whether names stand in a path in this order."""
    rest = iter(path)
    return all(any(name == each for each in rest) for name in above)


@dataclass
class Places:
    """Places found by code, by name, or by a name with what it lies in before it."""

    codes: dict[str, int]
    by_name: dict[str, list[Node]]

    @classmethod
    def read(cls, texts: Iterable[str]) -> "Places":
        """Read what some texts may mean; buildings are not among them."""
        wanted = {text for text in texts if text}
        codes = dict(PlaceCode.objects.filter(valid_to=None, code__in=wanted).values_list("code", "place_id"))
        by_name: dict[str, list[Node]] = defaultdict(list)
        names = {PARTS.split(text.strip())[-1] for text in wanted}
        for node in index.current().nodes.values():
            if node.name in names:
                by_name[node.name].append(node)
        return cls(codes, by_name)

    def one(self, text: str, kind: str = "") -> Node:
        """Find the one place that is meant; of several of a name the one of a kind."""
        if text in self.codes and (found := places.node(self.codes[text])) is not None:
            return found
        *above, name = PARTS.split(text.strip())
        meant = [n for n in self.by_name.get(name, ()) if inside([p.name for p in places.breadcrumbs(n.path[:-1])], above)]
        meant = [n for n in meant if n.kind == kind] or meant
        if not meant:
            raise Refused(_("没有“{text}”这个地点：请写编码，或和地点树里一样的名称。").format(text=text[:40]))
        if len(meant) > 1:
            raise Refused(several(text, ["/".join(p.name for p in places.breadcrumbs(n.path)) for n in meant]))
        return meant[0]


def phone(text: str) -> str:
    """Read a phone number as it is rung."""
    if not rules.PHONE.fullmatch(text):
        raise Refused(_("“{text}”不是电话号码。").format(text=text[:40]))
    return text


def short(most: int) -> Callable[[str], str]:
    """Make a reader of words that are at most so long."""
    def parse(text: str) -> str:
        if len(text) > most:
            raise Refused(_("超过 {n} 个字。").format(n=most))
        return text

    return parse
