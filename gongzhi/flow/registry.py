"""What rooms add to processes: form fields, conditions, and what must be kept in the same transaction as an act.

A room registers these in its process.py, which is imported at start (see apps.py). Points, notices and layers do not
belong here: they listen to the log.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from gongzhi.base.errors import Refused
from gongzhi.flow.actors import Actor
from gongzhi.flow.check_names import Demand
from gongzhi.flow.models import Case, Entry

Values = dict[str, Any]
Condition = Callable[[Case, Actor, Mapping[str, Any]], str | Refused | None]  # a Refused says which field is to blame
Keeper = Callable[[Case, Values, Actor, Entry], Values | None]  # what it returns is added to the line of the log
Choices = Callable[[Case], list[tuple[str, str]]]
Filler = Callable[[Case, int | None], str]  # the case, and the task the form was opened on


@dataclass(frozen=True)
class FormField:
    """A form field: what it is called, what may be in it, and whether its value is an id or code the log may hold.

    `to_resident`: a resident reads it as it stands, so no gap may be left in it. `clears`: sent empty, it takes back what
    was said before.
    kind: line, text, choice, number, yes, moment, unit, units, section, place, category, case, answer, files; replies and
    parts (words by code, and rows of words: what the log never holds).
    """

    name: str
    title: str | Promise
    kind: str
    help: str | Promise = ""
    choices: tuple[tuple[str, str | Promise], ...] = ()
    max_length: int = 2000
    to_resident: bool = False
    clears: bool = False

    @property
    def logged(self) -> bool:
        return self.kind not in ("line", "text", "files", "replies", "parts")


@dataclass(frozen=True)
class Rule:
    """A condition; an `early` one does not need the form and hides the action where it refuses."""

    check: Condition
    early: bool = False


fields: dict[str, FormField] = {}
conditions: dict[str, Rule] = {}
keepers: dict[str, list[Keeper]] = {}
cleaners: dict[str, Callable[[FormField, Any, Case], Any]] = {}
demands: dict[str, Demand] = {}
fillers: dict[str, Filler] = {}
done: set[str] = set()  # actions of the system that a room takes by itself: "request.answered"


def form_field(name: str, title: str | Promise, kind: str, **more: Any) -> None:
    """Register a form field under the name process files use."""
    fields[name] = FormField(name, title, kind, **more)


def condition(*, early: bool = False) -> Callable[[Condition], Condition]:
    """Register a condition under its function's name; it returns the sentence of refusal, or None."""

    def register(check: Condition) -> Condition:
        conditions[check.__name__] = Rule(check, early)
        return check

    return register


def keeps(*actions: str) -> Callable[[Keeper], Keeper]:
    """Register what a room writes together with actions such as "request.accept", in their transaction."""

    def register(keeper: Keeper) -> Keeper:
        for action in actions:
            keepers.setdefault(action, []).append(keeper)
        return keeper

    return register


def fills(name: str) -> Callable[[Filler], Filler]:
    """Register the words that stand in a form field before anybody has typed in it."""

    def register(filler: Filler) -> Filler:
        fillers[name] = filler
        return filler

    return register


def does(*actions: str) -> None:
    """Register actions of the system that a room takes where something else happens; the clock takes the others."""
    done.update(actions)


def demand(key: str) -> Callable[[Demand], Demand]:
    """Register what a room asks of a process it begins by itself: what it could not do is said before publishing."""

    def register(check: Demand) -> Demand:
        demands[key] = check
        return check

    return register


def cleaner(kind: str) -> Callable[[Callable[[FormField, Any, Case], Any]], Any]:
    """Register how values of a field kind are checked; it returns the clean value or raises ValueError(sentence)."""

    def register(clean: Callable[[FormField, Any, Case], Any]) -> Any:
        cleaners[kind] = clean
        return clean

    return register
