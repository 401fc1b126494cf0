"""Who acts: a person with posts, the reporter of one case, the clock, or a machine with a key."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gongzhi.org.models import Unit
from gongzhi.org.rules import NOBODY, Held, Standing


@dataclass(frozen=True)
class Actor:
    """One who acts. `kind`: person, reporter (of `case_id`), key (a machine, for reporting only), system (our own clock)
    or elsewhere (another house's system, about what it sent us); a key is what the log calls a machine by.

    `for_id`: whom a person stands in for with this act.
    """

    kind: str
    standing: Standing = NOBODY
    case_id: int | None = None
    key: str = ""
    for_id: int | None = None

    @property
    def line(self) -> str:
        """The actor as the log has it."""
        if self.kind == "person":
            return f"person:{self.standing.person_id}"
        return f"key:{self.key}" if self.key else self.kind

    @property
    def person_id(self) -> int | None:
        return self.standing.person_id

    def unit_in(self, unit_ids: set[int]) -> int | None:
        """Choose the unit a person acts for: one of `unit_ids` if he works there, else his first."""
        own = [h.unit_id for h in self.standing.held]
        return next((u for u in own if u in unit_ids), own[0] if own else None)


SYSTEM = Actor("system")


def person(standing: Standing) -> Actor:
    """Act as a person with his posts of today."""
    return Actor("person", standing)


def for_whom(actor: Actor, may: Callable[[Actor], bool]) -> Actor:
    """Say whom a person stands in for with an act: nobody, if his own posts allow it."""
    for person_id in (None, *sorted(actor.standing.stands_for)) if actor.standing.stands_for else ():
        if may(replace(actor, standing=actor.standing.with_posts_of(person_id))):
            return replace(actor, for_id=person_id)
    return actor


def of_unit(unit: Unit, post: str = "") -> Actor:
    """Act as somebody of a unit who has no other post, to ask what the unit may do."""
    held = Held(unit.pk, unit.name, unit.kind, unit.level, tuple(unit.path), post, None, ())
    return Actor("person", Standing(held=(held,)))


def reporter(case_id: int) -> Actor:
    """Act as whoever holds the secret of a case."""
    return Actor("reporter", case_id=case_id)
