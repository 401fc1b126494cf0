"""Draw a process as text for Mermaid, for documents and for reading a change at a glance."""

from __future__ import annotations

from gongzhi.base import worktime
from gongzhi.flow.definition import Action, Deadline, Process, Stage

RULES = {"standard": "按标准", "case": "至总期限"}


def mermaid(process: Process) -> str:
    """Return a state diagram: stages with their deadlines, actions as arrows, steps of the clock marked ⏱."""
    lines = ["stateDiagram-v2", f"  [*] --> {process.start}"]
    for stage in process.stages.values():
        lines.append(f"  {stage.name}: {_label(stage)}")
        lines += [f"  {stage.name} --> {to}: {label}" for to, label in _arrows(process, stage)]
        if stage.is_end:
            lines.append(f"  {stage.name} --> [*]")
    return "\n".join(lines) + "\n"


def _arrows(process: Process, stage: Stage) -> list[tuple[str, str]]:
    """Return where the actions lead; several to the same stage share one arrow."""
    arrows: dict[str, list[str]] = {}
    for action in stage.actions.values():
        if to := _target(stage, action):
            arrows.setdefault(to, []).append(_plain(_mark(action) + action.title))
    withdraw = process.verb_in("withdraw", stage.name)
    if withdraw and withdraw.to:
        arrows.setdefault(withdraw.to, []).append(_plain(withdraw.title))
    return [(to, " / ".join(titles)) for to, titles in arrows.items()]


def _target(stage: Stage, action: Action) -> str:
    """Return where an action leads; of those that finish one task, only such as can meet the join."""
    if not action.each:
        return action.to
    return stage.then if stage.join != "lead" or set(stage.tasks[:1]) & set(action.by) else ""


def _mark(action: Action) -> str:
    return "⏱ " if not action.by_people else ""


def _label(stage: Stage) -> str:
    return _plain(stage.title + (f" ({_rule(stage.deadline)})" if stage.deadline else ""))


def _rule(deadline: Deadline) -> str:
    return " / ".join(map(_words, deadline.rules))


def _words(rule: str) -> str:
    if rule.startswith("on:"):
        return f"至 {rule[3:]}"
    return RULES.get(rule) or worktime.parse_duration(rule).words()


def _plain(text: str) -> str:
    """Leave out the two signs that end a label in Mermaid."""
    return text.replace(";", "；").replace(":", "：").replace("\n", " ")
