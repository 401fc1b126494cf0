"""Say what is wrong in a process that reads well, in sentences somebody who does not program can act on."""

from __future__ import annotations

from gongzhi.flow import reader
from gongzhi.flow.check_names import Found, Known, Path, stage_words
from gongzhi.flow.check_stages import Stages
from gongzhi.flow.check_ways import Ways
from gongzhi.flow.definition import ALWAYS, PERS, Faulty, Limit, Problem, Process, Verb

__all__ = ["Known", "check", "load"]

# Fields every case has without a form: who reported, who opened it and for which unit.
CASE_FIELDS = ("reporter", "opener", "opener_unit")


def load(text: str, known: Known | None = None) -> Process:
    """Read a process file and check it; raise Faulty with everything that is wrong."""
    process = reader.read(text)
    if problems := check(process, known):
        raise Faulty(problems)
    return process


def check(process: Process, known: Known | None = None) -> list[Problem]:
    """Return everything wrong in a process, in the order of its lines; a fault met twice is told once."""
    lines = reader.Lines(process.text)
    found: dict[str, int] = {}
    for path, sentence in Checks(process, known or Known()).all():
        found.setdefault(sentence, lines(*path))
    return sorted(Problem(line, sentence) for sentence, line in found.items())


class Checks(Stages, Ways):
    """All checks of a file, in the order of its parts."""

    def all(self) -> Found:
        yield from self.top()
        yield from self.opening()
        yield from self.roles()
        for stage in self.process.stages.values():
            yield from self.stage(("stages", stage.name), stage)
        for stage in self.process.emergency.values():
            yield from self.stage(("emergency", "stages", stage.name), stage)
        yield from self.verbs()
        yield from self.limits()
        yield from self.ways()
        yield from self.circles()
        if demand := self.known.demands.get(self.process.key):
            yield from demand(self.process)

    # ---- the whole

    def top(self) -> Found:
        process = self.process
        yield from self.stage_named(("start",), process.start, "start")
        if process.start in process.stages and process.stages[process.start].is_end:
            yield ("start",), f"起点“{process.start}”没有任何动作，一开始就结束了。请换一个有动作的阶段。"
        yield from self.deadline(("deadline",), process.deadline, whole=True)
        yield from self.ladder(("late",), process.late, process.deadline)
        for pair in process.apart:
            for role in pair:
                yield from self.role(("apart",), role, "apart")
            if pair[0] == pair[1]:
                yield ("apart",), f"apart 里“{pair[0]}”和自己成对，没有意义。请写两个不同的角色。"
            if set(pair) & set(ALWAYS):
                yield ("apart",), f"apart 里不能写 {' 或 '.join(ALWAYS)}：它们不是某个单位的人。"

    def opening(self) -> Found:
        start = self.process.open
        yield from self.each_role(("open", "by"), start.by, "open.by")
        yield from self.form(("open", "form"), start.form)
        yield from self.conditions(("open", "when"), start.when)
        for key in filter(None, start.parent):
            yield from self.process_named(("open", "parent"), key)
        if not start.by and not start.parent:
            yield ("open",), "没有写谁可以发起（open.by），也没有上级流程（open.parent），这个流程永远不会开始。"

    def roles(self) -> Found:
        forms = [self.process.open.form, *(v.form for v in self.process.verbs.values())]
        forms += [action.form for _, action in self.process.all_actions()]
        filled = {field.name for form in forms for field in form} | set(CASE_FIELDS)
        for role in self.process.roles.values():
            yield from self.length(("roles", role.name), role.name)
            if role.name in ALWAYS and role.kind != role.name:
                yield ("roles", role.name), f"“{role.name}”是固定的词，不能改成别的意思。请换一个角色名。"
            if role.source == "case" and role.what not in filled and not self.process.open.parent:
                yield (
                    ("roles", role.name),
                    f"角色“{role.name}”取自 {role.text}，但没有任何表单填写“{role.what}”，这个角色永远没有人。",
                )

    # ---- verbs and limits

    def verbs(self) -> Found:
        for verb in self.process.verbs.values():
            path = ("verbs", verb.name)
            where = f"通用动作“{verb.title}”（{verb.name}）"
            yield from self.each_role(path, verb.by, f"{where}的 by")
            yield from self.each_role(path, verb.tell, f"{where}的 tell")
            yield from self.form(path, verb.form)
            yield from self.conditions(path, verb.when)
            yield from self.approval(path, where, verb.approve, verb.by)
            for text in filter(None, (verb.every, verb.max)):
                yield from self.duration(path, text)
            for name in verb.in_:
                yield from self.stage_named(path, name, f"{where}的 in")
                if name in self.process.stages and self.process.stages[name].is_end:
                    yield path, f"{where}的 in 里“{name}”是终点，事情已经结束。"
            if verb.per not in PERS:
                yield path, f"{where}的 per 只能写 {'、'.join(PERS)} 之一。"
            if verb.within not in ("", "unit"):
                yield path, f"{where}的 within 只能写 unit（在本单位内）或不写。"
            yield from self.inner(path, where, verb)
            if verb.name == "withdraw":
                yield from self.withdrawal(path, where, verb.to)
            elif verb.to:
                yield path, f"{where}不能写 to：只有 withdraw 会离开阶段。"
        if "hold" in self.process.verbs and "resume" not in self.process.verbs:
            yield ("verbs", "hold"), "写了 hold（挂起）但没有 resume（恢复），挂起以后没有人能恢复。"

    def inner(self, path: Path, where: str, verb: Verb) -> Found:
        """Check the ladder of an inner deadline: it only reminds."""
        if verb.late and verb.name != "assign":
            yield path, f"{where}不能写 late：只有 assign（二级派单）有内部期限。"
        for step in verb.late:
            if not step.percent or not step.notify or step.flag or not step.only_tells:
                yield path, f'{where}的 late 只能写按百分比的提醒，例如 {{ at = "80%", notify = ["handler"] }}。'
            yield from self.each_role(path, step.notify, f"{where}的 late 的 notify")

    def withdrawal(self, path: Path, where: str, to: str) -> Found:
        if not to:
            yield path, f"{where}要写 to：撤回后进入哪个终点。"
            return
        yield from self.stage_named(path, to, f"{where}的 to")
        if to in self.process.stages and not self.process.stages[to].is_end:
            yield path, f"{where}的 to“{to}”不是终点。撤回就是结束，请写一个没有动作的阶段。"

    def limits(self) -> Found:
        for limit in self.process.limits.values():
            path = ("limits", limit.name)
            where = f"次数限制“{limit.name}”"
            for place in filter(None, (*limit.of, limit.then)):
                if place not in self.places:
                    yield (
                        path,
                        f"{where}里的“{place}”不存在，请写 阶段.动作，或 *.动作{self.near(place, self.places)}。",
                    )
            if limit.per not in PERS:
                yield path, f"{where}的 per 只能写 {'、'.join(PERS)} 之一。"
            if limit.then and limit.then in limit.of:
                yield path, f"{where}的 then 又在 of 里：用完才出现的动作不能算在自己里面。"
            yield from self.instead(path, where, limit)

    def instead(self, path: Path, where: str, limit: Limit) -> Found:
        """Check that the action in `then` is offered where the used-up actions were."""
        for stage in self.process.stages.values():
            covered = [a for a in stage.actions if limit.covers(stage.name, a)]
            offered = [a for a in stage.actions if limit.opens(stage.name, a)]
            if covered and limit.then and limit.then in self.places and not offered:
                yield path, f"{where}用完以后，{stage_words(stage)}里没有 then 所说的“{limit.then}”可用。"
