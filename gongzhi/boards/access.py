"""Whose boards a person may open: of the places he oversees and all below, of his own units and all below."""

from django.http import Http404

from gongzhi.boards.queries import Scope
from gongzhi.org.models import Unit
from gongzhi.org.rules import Standing
from gongzhi.places import index
from gongzhi.places.models import Place


def place(standing: Standing, place_id: int) -> Scope:
    """Get the scope of a place's board, or the same 404 for missing and forbidden."""
    found = Place.objects.filter(pk=place_id).only("id", "name", "kind", "path").first()
    if found is None or found.kind in ("compound", "building") or not standing.places & set(found.path):
        raise Http404
    return Scope("place", found.pk, found.name, tuple(found.path), found.kind)


def unit(standing: Standing, unit_id: int) -> Scope:
    """Get the scope of a unit's board; whoever oversees the unit's place, or the root for outside handlers, may too."""
    found = Unit.objects.select_related("place").filter(pk=unit_id).first()
    if found is None:
        raise Http404
    where = set(found.place.path) if found.place else {n.id for n in index.current().children.get(None, [])}
    if not (standing.units & set(found.path) or standing.places & where):
        raise Http404
    return Scope("unit", found.pk, found.name, tuple(found.path), found.kind)


def own(standing: Standing) -> tuple[str, int] | None:
    """Choose the board a person begins with: the highest place he oversees, or his first unit."""
    places = [n for n in (index.node(p) for p in standing.places) if n]
    if places:
        return "place", min(places, key=lambda n: (len(n.path), n.id)).id
    return ("unit", standing.held[0].unit_id) if standing.held else None
