"""The people of the small test city: a hotline centre, departments, streets, communities, grids, an outside handler."""

from datetime import date
from types import SimpleNamespace

from gongzhi.org import actions
from gongzhi.org.actions import NewAppointment, NewPerson, NewPost, NewUnit
from gongzhi.places.tests import city

SINCE = date(2020, 1, 1)


def make(town: SimpleNamespace | None = None) -> SimpleNamespace:
    """Add units and people over a town; `people["post@key"]`, `units[key]` find them (see `rows` for the keys)."""
    town = town or city.make()
    units: dict[str, NewUnit] = {}

    def unit(key: str, kind: str, name: str, parent: str = "", level: str = "", place: object = None,
             line: str = "government") -> None:
        units[key] = NewUnit(kind, line, name, name, level, units.get(parent), place, key)  # type: ignore[arg-type]

    unit("district", "district", "新城区人民政府", level="district", place=town.district)
    unit("centre", "centre", "区接诉即办中心", "district", "district", town.district)
    unit("housing", "department", "区住房和城乡建设局", "district", "", town.district)
    unit("housing-1", "section", "物业管理科", "housing", "", town.district)
    unit("heating", "outside", "供热公司", "", "", town.district, "outside")
    for s, street in enumerate(town.streets):
        unit(f"street-{s}", "street", f"{street.name}办事处", "district", "street", street)
        unit(f"street-{s}-party", "street", f"中共{street.name}工作委员会", "", "street", street, "party")
    for c, community in enumerate(town.communities):
        name = f"{community.name}居民委员会"
        unit(f"community-{c}", "community", name, f"street-{c // 2}", "community", community, "service")
    for g, grid in enumerate(town.grids):
        unit(f"grid-{g}", "grid", grid.name, f"community-{g // 4}", "grid", grid, "service")
    made = dict(zip(units, actions.add_units(list(units.values()), by=None), strict=True))
    return SimpleNamespace(town=town, units=made, people=_people(made))


def _people(units: dict[str, object]) -> dict[str, object]:
    seats = [(post, "centre") for post in ("operator", "dispatcher", "reviewer", "checker", "leader", "admin")]
    seats += [("leader", "district"), ("dispatcher", "district"), ("leader", "housing"), ("liaison", "housing"),
              ("handler", "housing-1"), ("leader", "heating"), ("handler", "heating")]
    seats += [(post, f"street-{s}") for s in range(2) for post in ("dispatcher", "leader", "handler")]
    seats += [("leader", f"community-{c}") for c in range(4)] + [("gridworker", f"grid-{g}") for g in range(16)]
    posts = actions.add_posts([NewPost(units[key], post) for post, key in seats], by=None)  # type: ignore[arg-type]
    names = [f"{post}@{key}" for post, key in seats]
    people = actions.add_people([NewPerson(n, f"某{n[:8]}") for n in names], by=None)
    actions.appoint_many([NewAppointment(p, post, SINCE) for p, post in zip(people, posts, strict=True)], by=None)
    return dict(zip(names, people, strict=True))
