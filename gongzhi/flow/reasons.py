"""Why somebody sees a case or does not, in terms of posts: the same sets as `queries.visible_to`, one by one."""

from dataclasses import dataclass

from gongzhi.flow.models import Case
from gongzhi.org.models import Unit
from gongzhi.org.rules import Held, Standing


@dataclass(frozen=True)
class Reason:
    """One ground. `what`: place (oversees it), unit (has part in it), outside; recused, private, nothing."""

    what: str
    held: Held | None = None
    unit: str = ""


def why(case: Case, standing: Standing) -> tuple[bool, list[Reason]]:
    """Say whether a person sees a case, and every ground for it, or what stands against it."""
    against = set(case.about_units) & standing.lineage
    if against:
        units = Unit.objects.filter(pk__in=against).order_by("id")
        return False, [Reason("recused", _through(standing, unit.pk), unit.name) for unit in units]
    found = []
    for held in standing.held:
        if held.place_id in standing.places and held.place_id in case.path and not case.private and _oversees(held, standing):
            found.append(Reason("place", held))
        if held.unit_id in case.unit_ids:
            found.append(Reason("outside" if standing.is_outside else "unit", held))
    if found:
        return True, found
    hidden = case.private and standing.places & set(case.path)
    return False, [Reason("private" if hidden else "nothing")]


def _oversees(held: Held, standing: Standing) -> bool:
    """Say whether it is this post by which the place is overseen."""
    return bool(Standing(standing.person_id, held=(held,)).places)


def _through(standing: Standing, unit_id: int) -> Held | None:
    return next((held for held in standing.held if unit_id in held.unit_path), None)
