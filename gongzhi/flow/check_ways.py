"""Whether a case can come through a process: every stage is reached and left, and no clock drives it in circles."""

from __future__ import annotations

from gongzhi.flow.check_names import Found, Names, stage_words
from gongzhi.flow.definition import Stage


class Ways(Names):
    """The checks of the ways between the stages."""

    def ways(self) -> Found:
        reached = self.reach(self.process.start)
        ends = {stage.name for stage in self.process.stages.values() if stage.is_end}
        if not ends:
            yield ("stages",), "没有终点：每个阶段都有动作。请写至少一个只有 title 的阶段作为终点。"
        for stage in self.process.stages.values():
            path, where = ("stages", stage.name), stage_words(stage)
            if stage.name not in reached and self.process.start in self.process.stages:
                yield path, f"{where}走不到：从起点出发没有任何动作通向它。"
            if ends and not stage.is_end and not self.reach(stage.name) & ends:
                yield path, f"{where}走不到终点：从这里出发，事情永远结束不了。"
            elif not stage.is_end and not self.leaves(stage):
                yield (
                    path,
                    f"{where}的出路都有次数限制，用完就出不去了。请在限制里写 then，或加一个不限次的出路。",
                )

    def leaves(self, stage: Stage) -> bool:
        """Say whether somebody can still leave the stage when every limit is used up."""
        moves = [a.name for a in stage.actions.values() if a.each or a.to not in ("", stage.name)]
        return not moves or not all(self.process.limits_on(stage.name, name) for name in moves)

    def reach(self, start: str) -> set[str]:
        """Return the stages that can be reached, the start included."""
        seen: set[str] = set()
        todo = [start]
        while todo:
            name = todo.pop()
            if name in self.process.stages and name not in seen:
                seen.add(name)
                todo += [to for stage in self.variants(name) for to in stage.next_stages]
                todo += [verb.to for verb in self.process.verbs.values() if self.process.verb_in(verb.name, name)]
        return seen

    def variants(self, name: str) -> list[Stage]:
        return [stages[name] for stages in (self.process.stages, self.process.emergency) if name in stages]

    def circles(self) -> Found:
        """Find loops in which the clock alone would drive a case round and round."""
        moved = {name: set().union(*map(_moved_by_clock, self.variants(name))) for name in self.process.stages}
        for name, stage in self.process.stages.items():
            if name in _followers(moved, name):
                yield (
                    ("stages", name),
                    f"{stage_words(stage)}会被系统自己带着转圈又回到这里，没有人参与。请让其中一步由人来做。",
                )


def _moved_by_clock(stage: Stage) -> set[str]:
    actions = (stage.actions.get(step.do) for step in stage.late)
    return {action.to for action in actions if action and action.to}


def _followers(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(graph.get(start, ()))
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += graph.get(name, ())
    return seen
