"""Lists in force for the cast's town, for tests: each a sentence."""

from datetime import date
from typing import Any

from conftest import Town
from gongzhi.duties import actions
from gongzhi.duties.actions import NewLine
from gongzhi.requests.models import ListVersion

SINCE = date(2020, 1, 1)
COLD, NOISE, RUBBISH, MANNERS = "900401", "900101", "200102", "900501"


def line(number: str, text: str, *categories: str, **more: Any) -> NewLine:
    """Give a line of a list."""
    return NewLine(number, text, categories, **more)


def in_force(town: Town, name: str, *lines: NewLine, place: str = "district", title: str = "2026版",
             since: date = SINCE) -> ListVersion:
    """Put a list of some lines in force."""
    version = drafted(town, name, *lines, place=place, title=title)
    return actions.put_in_force(name, version, from_date=since, by=town.people["admin"].pk)


def drafted(town: Town, name: str, *lines: NewLine, place: str = "district", title: str = "2026版") -> ListVersion:
    """Prepare a list of some lines."""
    by = town.people["admin"].pk
    version = actions.prepare(name, title=title, place=town.places[place], source="试验区政办发〔2026〕1号",
                              source_date=date(2026, 1, 5), by=by)
    actions.add_lines(name, version, lines, by=by)
    return version


def streets(town: Town, **more: Any) -> ListVersion:
    """The street list: rubbish is the street's, cold homes were taken back to the housing bureau, noise is assisted."""
    return in_force(
        town, "street",
        line("1", "清扫保洁和暴露垃圾清理", RUBBISH, part="basic"),
        line("2", "供热质量监管", COLD, part="taken_back", lead_id=town.units["housing"].pk),
        line("3", "噪声扰民整治", NOISE, part="assisting", lead_id=town.units["parks"].pk, task="发现上报、配合劝导"),
        **more)


def communities(town: Town, **more: Any) -> ListVersion:
    """The community list: rubbish is by law, noise is assisted, cold homes must not be handed there."""
    return in_force(
        town, "community",
        line("1", "组织居民维护环境卫生", RUBBISH, part="lawful"),
        line("2", "协助处理噪声扰民", NOISE, part="assisting", lead_id=town.units["parks"].pk),
        line("3", "供热执法和供热质量检查", COLD, part="negative", lead_id=town.units["housing"].pk),
        **more)
