"""Sheets as a city sends them, of any size: children before parents, several posts, and faults on lines that are known."""

from dataclasses import dataclass, field

HEADS = {"units": "单位名称 类别 上级单位 管辖地点 简称 电话 标识",
         "people": "用户名 姓名 工作电话 单位 岗位 岗位管辖地点 任职日期"}
POSTS = ("经办人", "联络员", "负责人", "派单员")


@dataclass
class Sheets:
    """The lines, and the numbers of those that are wrong."""

    units: list[tuple[str, ...]] = field(default_factory=list)
    people: list[tuple[str, ...]] = field(default_factory=list)
    bad_units: set[int] = field(default_factory=set)
    bad_people: set[int] = field(default_factory=set)


def a_city(*, units: int, people: int, root: str = "新城区人民政府") -> Sheets:
    """Make sections before their offices; every 20th unit and every 25th person has a fault."""
    made = Sheets()
    offices = max(units // 5, 1)
    for n in range(units - offices):
        bad = n % 20 == 7
        made.units.append((f"{'综合' if n % 2 else '业务'}科{n}", "科室" if not bad else "课室", f"{n % offices}号局", "", "",
                           f"0471-{n:06}", f"s{n}"))
    for n in range(offices):
        bad = n % 20 == 3
        made.units.append((f"{n}号局", "部门", root if not bad else "没有的上级", "", "", f"0471-{n:07}", ""))
    wrong = {n for n in range(offices) if n % 20 == 3}
    made.bad_units = {n + 2 for n, line in enumerate(made.units) if line[1] == "课室" or line[2] == "没有的上级"}
    made.bad_units |= {n + 2 for n in range(units - offices) if n % offices in wrong}
    sections = [n for n in range(units - offices) if n + 2 not in made.bad_units]
    for n in range(people):
        bad, second = n % 25 == 11, n % 10 == 1  # the second post of somebody above
        who = n // 2 if second else n
        made.people.append((f"u{who:05}", f"某{who}", "" if second else f"0471-{n:06}",
                            f"s{sections[n % len(sections)]}" if not bad else "没有的科", POSTS[n % 4], "", ""))
        if bad:
            made.bad_people.add(n + 2)
    return made
