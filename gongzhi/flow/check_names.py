"""What every check of a process asks: is this name written somewhere, how long is it, is this a duration?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gongzhi.base import worktime
from gongzhi.flow import reader
from gongzhi.flow.definition import ALWAYS, SILENCES, Action, Approve, Field, Opens, Process, Stage

LONGEST_NAME = 24
LONGEST_FLAG = 16

Path = tuple[str, ...]
Found = Iterator[tuple[Path, str]]
Demand = Callable[[Process], Found]


@dataclass(frozen=True)
class Known:
    """The names the rooms have registered; None where they are not known, which checks nothing.

    `demands`: what a room asks of a process it begins by itself, by key. `done`: what rooms do by themselves, as
    "process.action".
    """

    fields: Collection[str] | None = None
    conditions: Collection[str] | None = None
    processes: Collection[str] | None = None
    demands: Mapping[str, Demand] = field(default_factory=dict)
    done: Collection[str] | None = None


class Names:
    """The process, what the rooms know, and the small questions. Each is a generator of (where in the file, what)."""

    def __init__(self, process: Process, known: Known):
        self.process, self.known = process, known
        self.places = {f"{stage.name}.{action.name}" for stage, action in process.all_actions()}
        self.places |= {f"*.{action.name}" for _, action in process.all_actions()}
        self.flags = {a.flag for _, a in process.all_actions()} | {
            step.flag for steps in (process.late, *(s.late for s in self.stages())) for step in steps
        }

    def stages(self) -> tuple[Stage, ...]:
        return (*self.process.stages.values(), *self.process.emergency.values())

    def role(self, path: Path, role: str, where: str) -> Found:
        if role not in self.process.roles and role not in ALWAYS:
            yield path, f"{where}写了角色“{role}”，但 [roles] 里没有它{self.near(role, self.process.roles)}。"

    def each_role(self, path: Path, roles: Iterable[str], where: str) -> Found:
        for role in roles:
            yield from self.role(path, role, where)

    def stage_named(self, path: Path, name: str, where: str) -> Found:
        if name and name not in self.process.stages:
            yield path, f"{where}写的阶段“{name}”不存在{self.near(name, self.process.stages)}。"

    def process_named(self, path: Path, key: str) -> Found:
        if self.known.processes is not None and key not in {*self.known.processes, self.process.key}:
            yield path, f"没有“{key}”这个流程{self.near(key, self.known.processes)}。"

    def opens(self, path: Path, opens: Opens | None) -> Found:
        if opens:
            yield from self.process_named(path, opens.process)

    def form(self, path: Path, form: Iterable[Field]) -> Found:
        for wanted in form:
            if self.known.fields is not None and wanted.name not in self.known.fields:
                yield path, f"表单字段“{wanted.name}”没有登记{self.near(wanted.name, self.known.fields)}。"

    def conditions(self, path: Path, names: Iterable[str]) -> Found:
        for name in names:
            if self.known.conditions is not None and name not in self.known.conditions:
                yield path, f"条件“{name}”没有登记{self.near(name, self.known.conditions)}。"

    def approval(self, path: Path, where: str, approve: Approve | None, askers: tuple[str, ...]) -> Found:
        if not approve:
            return
        yield from self.each_role(path, approve.by, f"{where}的 approve.by")
        for role in approve.by:
            meaning = self.process.roles.get(role)
            if role in ALWAYS or (meaning and not meaning.has_desk):
                yield path, f"{where}的批准人“{role}”收不到待办。请写一个单位或岗位的角色。"
        if set(approve.by) == set(askers):
            yield path, f"{where}的批准人和申请人是同一个角色，自己批自己。请换一个批准角色。"
        for role in {"system", "elsewhere"} & set(askers):
            yield path, f"{where}由系统做，不能再要人批准。请去掉 approve，或去掉 by 里的 {role}。"
        if approve.within:
            yield from self.duration(path, approve.within)
        else:
            yield path, f"{where}的 approve 要写 within：多久内答复。"
        if approve.silence not in SILENCES:
            meanings = "refuse（不答复算不同意）、agree（不答复算同意）或 wait（一直等答复，到时提醒负责人）"
            yield path, f"{where}的 silence 只能写 {meanings}。"

    def raising(self, path: Path, where: str) -> Found:
        if not any(role.level == "level" for role in self.process.roles.values()):
            yield path, f"{where}写了 raise（上提一级），但没有一个角色写 @level，上提以后谁也不会变。"

    def duration(self, path: Path, text: str) -> Found:
        if text:
            try:
                worktime.parse_duration(text)
            except ValueError as error:
                yield path, str(error)

    def length(self, path: Path, name: str, longest: int = LONGEST_NAME) -> Found:
        if len(name) > longest:
            yield path, f"名字“{name}”太长，最多 {longest} 个字母。"

    def guess(self, name: str, stage: Stage | None) -> str:
        return self.near(name, stage.actions if stage else {place[2:] for place in self.places if place[0] == "*"})

    near: Callable[[str, Iterable[str]], str] = staticmethod(reader.Reader.guess)


def part_words(stage: Stage | None) -> str:
    return stage_words(stage) if stage else "整件事"


def stage_words(stage: Stage) -> str:
    return f"阶段“{stage.title}”（{stage.name}）"


def action_words(stage: Stage, action: Action) -> str:
    return f"动作“{action.title}”（{stage.name}.{action.name}）"
