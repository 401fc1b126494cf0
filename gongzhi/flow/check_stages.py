"""What may be wrong in a stage: who works there, its actions, and its clocks; the clocks of the whole as well."""

from __future__ import annotations

from gongzhi.flow.check_names import LONGEST_FLAG, Found, Names, Path, action_words, part_words, stage_words
from gongzhi.flow.definition import ALWAYS, JOINS, PUBLIC_STATES, Action, Deadline, Field, Late, Stage

PUBLIC_WORDS = "、".join(f"{key}（{word}）" for key, word in PUBLIC_STATES.items()) + " 之一"


class Stages(Names):
    """The checks of one stage."""

    def stage(self, path: Path, stage: Stage) -> Found:
        where = stage_words(stage)
        yield from self.length(path, stage.name)
        yield from self.each_role((*path, "tasks"), stage.tasks, f"{where}的 task")
        yield from self.each_role((*path, "watch"), stage.watch, f"{where}的 watch")
        yield from self.deadline((*path, "deadline"), stage.deadline)
        yield from self.ladder((*path, "late"), stage.late, stage.deadline, stage)
        yield from self.opens((*path, "opens"), stage.opens)
        for name, within in stage.expects.items():
            yield from self.duration((*path, "expects"), within)
            if name not in stage.actions:
                yield (
                    (*path, "expects"),
                    f"{where}的 expects 等待动作“{name}”，但这个阶段没有它{self.guess(name, stage)}。",
                )
        for name, of in stage.expects_of.items():
            able = stage.actions[name].by if name in stage.actions else of
            for role in of:
                if role not in stage.tasks or role not in able:
                    yield (
                        (*path, "expects"),
                        f"{where}的 expects“{name}”要等角色“{role}”，但它在这个阶段没有待办，或不能做这个动作。",
                    )
        for name, role in stage.expects_else.items():
            yield from self.role((*path, "expects"), role, f"{where}的 expects“{name}”的 else")
            if role in stage.tasks or (name in stage.actions and role not in stage.actions[name].by):
                yield (
                    (*path, "expects"),
                    f"{where}的 expects“{name}”没有别人能做时归角色“{role}”，但它在这个阶段已有待办，或不能做这个动作。",
                )
        if stage.children not in ("", "before_leaving"):
            yield (*path, "children"), f"{where}的 children 只能写 before_leaving（子件都办完才能离开）或不写。"
        if stage.raise_:
            yield from self.raising((*path, "raise"), where)
        yield from self.public(path, stage)
        yield from self.desks(path, stage)
        yield from self.joins(path, stage)
        titles: dict[str, str] = {}
        for action in stage.actions.values():
            yield from self.action((*path, "actions", action.name), stage, action)
            if action.title in titles:
                both = f"{titles[action.title]} 和 {action.name}"
                yield (*path, "actions", action.name), f"{where}里 {both} 都叫“{action.title}”，分不清按钮。请改一个。"
            titles[action.title] = action.name

    def public(self, path: Path, stage: Stage) -> Found:
        if stage.public and stage.public not in PUBLIC_STATES:
            yield (*path, "public"), f"{stage_words(stage)}的 public“{stage.public}”不是{PUBLIC_WORDS}。"
        if not stage.public and "anyone" in self.process.open.by:
            yield path, f"{stage_words(stage)}没有写 public：居民要看得到进度。请写{PUBLIC_WORDS}。"

    def desks(self, path: Path, stage: Stage) -> Found:
        where = stage_words(stage)
        if stage.is_end:
            if stage.tasks or stage.deadline or stage.late or stage.expects:
                yield path, f"{where}没有动作，是终点，不应再写 task、deadline、late 或 expects。请删去，或写上动作。"
            return
        for role in stage.tasks:
            meaning = self.process.roles.get(role)
            if role == "anyone" or (meaning and not meaning.has_desk and meaning.kind != "system"):
                yield (
                    (*path, "tasks"),
                    f"{where}的 task“{role}”是一群人，收不到待办。请写一个单位或岗位的角色，让这群人在动作的 by 里。",
                )
        if not stage.tasks and any(action.by_people or not action.by for action in stage.actions.values()):
            yield path, f"{where}没有写 task，不会出现在任何人的待办里。请写由哪个角色办。"

    def joins(self, path: Path, stage: Stage) -> Found:
        where = stage_words(stage)
        finishing = [action for action in stage.actions.values() if action.each]
        if stage.join and stage.join not in JOINS:
            yield (*path, "join"), f"{where}的 join 只能写 {'、'.join(JOINS)} 之一。"
        if stage.then:
            yield from self.stage_named((*path, "then"), stage.then, f"{where}的 then")
        if not finishing:
            if stage.join or stage.then:
                yield (*path, "join"), f"{where}写了 join 或 then，但没有 each = true 的动作，永远等不到人办完。"
            return
        if not stage.join:
            yield path, f"{where}有 each = true 的动作，要写 join（all 全部办完、any 任一办完、lead 主办办完）。"
        if not stage.then:
            yield path, f"{where}有 each = true 的动作，要写 then：办完后到哪个阶段。"
        able = {role for action in finishing for role in action.by}
        needed = {"all": stage.tasks, "lead": stage.tasks[:1]}.get(stage.join, ())
        for role in needed:
            if role not in able:
                yield (*path, "join"), f"{where}要等“{role}”办完，但“{role}”没有 each = true 的动作可做，永远等不到。"

    def action(self, path: Path, stage: Stage, action: Action) -> Found:
        where = action_words(stage, action)
        yield from self.length(path, action.name)
        yield from self.each_role(path, action.by, f"{where}的 by")
        yield from self.form(path, action.form)
        yield from self.conditions(path, action.when)
        yield from self.opens(path, action.opens)
        yield from self.approval(path, where, action.approve, action.by)
        if not action.by:
            yield path, f"{where}没有写由谁做（by），这个阶段也没有 task。"
        if action.to:
            yield from self.stage_named(path, action.to, f"{where}的 to")
        if action.each and action.to:
            yield path, f"{where}同时写了 each 和 to。各办各的动作不写 to，去向写在阶段的 then。"
        if action.each and not set(action.by) & set(stage.tasks):
            yield path, f"{where}是各办各的（each），但 by 里没有一个角色在这个阶段有待办。"
        for flag in action.unless:
            if flag not in self.flags:
                yield path, f"{where}的 unless“{flag}”没有任何动作或步骤用 flag 设过它，写了等于没写。"
        yield from self.length(path, action.flag, LONGEST_FLAG)
        if action.public and action.public not in PUBLIC_STATES:
            yield path, f"{where}的 public“{action.public}”不是{PUBLIC_WORDS}。"
        if action.by and action.only_by_clock and action.name not in self.done_by_clock(stage) \
                and self.known.done is not None and f"{self.process.key}.{action.name}" not in self.known.done:
            yield path, f'{where}只能由系统做，但没有 late 步骤用 do = "{action.name}" 去做它。'

    def done_by_clock(self, stage: Stage) -> set[str]:
        return {step.do for step in (*stage.late, *self.process.late)}

    # ---- clocks

    def deadline(self, path: Path, deadline: Deadline, whole: bool = False) -> Found:
        for rule in deadline.rules:
            if rule.startswith("on:"):
                yield from self.form(path, (Field(rule[3:]),))
            elif rule == "case":
                if whole or not self.process.deadline:
                    yield path, 'deadline = "case" 表示到整件事的期限为止，但整件事没有写 deadline。'
            elif rule != "standard":
                yield from self.duration(path, rule)
        if deadline.choices and not deadline.by:
            yield path, 'deadline 按字段分几种时，要写 by = "字段名"。'
        if deadline.by and not deadline.choices:
            yield path, "deadline 写了 by，但没有写各种情况的时限。"
        if deadline.by and not deadline.by.startswith("parent."):
            yield from self.form(path, (Field(deadline.by),))
        if deadline.since not in ("", "open"):
            yield (*path[:-1], "since"), "since 只能写 open（从发起时算起）或不写（从进入阶段时算起）。"
        if deadline.since and not deadline:
            yield (*path[:-1], "since"), "写了 since，但没有写 deadline。"

    def ladder(self, path: Path, steps: tuple[Late, ...], deadline: Deadline, stage: Stage | None = None) -> Found:
        percents = [step.percent for step in steps if step.percent is not None]
        if percents and not deadline:
            yield path, f"{part_words(stage)}有 late 步骤按百分比计时，但没有写 deadline，不知道从哪里算。"
        if percents != sorted(percents):
            yield path, f"{part_words(stage)}的 late 步骤要按先后写，百分比小的在前。"
        for step in steps:
            yield from self.step(path, step, stage)

    def step(self, path: Path, step: Late, stage: Stage | None) -> Found:
        where = f"{part_words(stage)}的 late 步骤“{step.at}”"
        if step.on_field:
            yield from self.form(path, (Field(step.on_field),))
        elif step.at.endswith("%"):
            if step.percent is None:
                yield path, f"{where}的百分比看不懂，请写 80%、100%、200% 这样的，一进来就做写 0%。"
        elif step.at:
            yield from self.duration(path, step.at)
        for role in step.notify:
            yield from self.role(path, role, f"{where}的 notify")
            if role in ALWAYS:
                yield path, f"{where}的 notify 不能写“{role}”，那不是可以通知的人。"
        yield from self.length(path, step.flag, LONGEST_FLAG)
        yield from self.opens(path, step.opens)
        if step.raise_:
            yield from self.raising(path, where)
        if not (step.notify or step.flag or step.raise_ or step.do or step.opens):
            yield path, f"{where}什么也没做。请写 notify、flag、raise、do 或 opens。"
        if step.do:
            yield from self.doing(path, where, step.do, stage)

    def doing(self, path: Path, where: str, name: str, stage: Stage | None) -> Found:
        stages = [stage] if stage else self.process.stages.values()
        found = [(s, s.actions[name]) for s in stages if name in s.actions]
        if not found:
            yield path, f"{where}要做动作“{name}”，但没有这个动作{self.guess(name, stage)}。"
        for at, action in found:
            if not action.by_system:
                yield path, f"{where}要做{action_words(at, action)}，但它的 by 里没有 system，系统不能做。"
            needed = [field.name for field in action.form if field.required]
            if needed:
                yield path, f"{where}要做{action_words(at, action)}，但它必须填 {'、'.join(needed)}，系统填不了。"
