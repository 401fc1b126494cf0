"""Which stages of a process changed so that a case already running must not move to the new version."""

from __future__ import annotations

from collections.abc import Iterable

from gongzhi.flow.definition import Action, Approve, Late, Limit, Process, Stage


def unsafe_for(old: Process, new: Process, visited: Iterable[str]) -> set[str]:
    """
    Return the visited stages that stop a running case from moving to the new version.

    A stage does when it changed in who, when or where to, or is gone; titles, notices and forms do not count.
    """
    visited = set(visited)
    if old.deadline != new.deadline:
        return visited
    return {name for name in visited if name not in new.stages or _essence(old, name) != _essence(new, name)}


def _essence(process: Process, name: str) -> object:
    """Return who, when and where to of a stage and of its emergency variant, roles by what they mean."""
    return [_stage_essence(process, process.stage(name, emergency=switched)) for switched in (False, True)]


def _stage_essence(process: Process, stage: Stage) -> object:
    def who(names: Iterable[str]) -> list[tuple[str, list[str]]]:
        return sorted((meaning(name), sorted(map(meaning, process.apart_from(name)))) for name in names)

    def meaning(name: str) -> str:
        return process.roles[name].text if name in process.roles else name

    def agreed(approve: Approve | None) -> object:
        return approve and (who(approve.by), approve.within, approve.silence)

    def action(a: Action) -> object:
        limits = [(r.of, r.max, r.per, r.then) for r in process.limits.values() if _touches(r, stage.name, a.name)]
        return (who(a.by), a.to, a.each, a.when, a.unless, a.flag, agreed(a.approve), a.opens, limits)

    steps = [(step.at, step.flag, step.raise_, step.do, step.opens) for step in stage.late if not _only_notice(step)]
    assign = process.verbs.get("assign") if "handler" in stage.tasks else None
    inner = [step.at for step in assign.late] if assign else []
    otherwise = {name: meaning(role) for name, role in stage.expects_else.items()}
    when = (stage.deadline, dict(stage.expects), dict(stage.expects_of), otherwise, steps, inner)
    where = (stage.join, stage.then, stage.children, stage.opens, stage.raise_)
    return who(stage.tasks), when, where, {name: action(a) for name, a in stage.actions.items()}


def _touches(limit: Limit, stage: str, action: str) -> bool:
    return limit.covers(stage, action) or limit.opens(stage, action)


def _only_notice(step: Late) -> bool:
    return step.only_tells and not step.flag
