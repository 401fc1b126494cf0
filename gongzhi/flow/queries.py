"""Reading cases and tasks: what a person may see, what waits on his desks, which definition a case runs by."""

import time
from functools import lru_cache

from django.db.models import Q, QuerySet

from gongzhi.flow import reader
from gongzhi.flow.definition import Process
from gongzhi.flow.models import Case, ProcessVersion, Task
from gongzhi.org.rules import Standing

_CURRENT_FOR = 5.0  # seconds a process trusts its memory of which version is the newest
_current: dict[str, tuple[float, int]] = {}


@lru_cache(maxsize=256)
def definition(version_id: int) -> Process:
    """Read the definition a case is pinned to; published texts never change."""
    return reader.read(ProcessVersion.objects.get(pk=version_id).text)


def current_version(key: str) -> int:
    """Find the newest published version of a process; raise DoesNotExist where there is none."""
    kept = _current.get(key)
    if kept and time.monotonic() - kept[0] < _CURRENT_FOR:
        return kept[1]
    found = ProcessVersion.objects.filter(key=key).order_by("-version").values_list("pk", flat=True).first()
    if found is None:
        raise ProcessVersion.DoesNotExist(key)
    _current[key] = (time.monotonic(), found)
    return found


def forget_current() -> None:
    """Look the newest versions up anew."""
    _current.clear()
    definition.cache_clear()


def not_recused(standing: Standing, prefix: str = "") -> Q:
    """Leave out cases that complain about a unit the person is of, or is below (rights 4.2)."""
    return ~Q(**{f"{prefix}about_units__overlap": sorted(standing.lineage)}) if standing.lineage else Q()


def in_scope(standing: Standing) -> Q:
    """Keep cases of the person's places and cases his units have part in."""
    scope = Q(pk__in=[])
    if standing.places:
        scope |= Q(path__overlap=sorted(standing.places), private=False)
    if standing.units:
        scope |= Q(unit_ids__overlap=sorted(standing.units))
    return scope


def visible_to(standing: Standing) -> QuerySet[Case]:
    """List the cases a person may see. Every list, search, map, count and export begins here."""
    return Case.objects.filter(in_scope(standing), not_recused(standing))


def queue(standing: Standing) -> QuerySet[Task]:
    """List the open tasks on a person's desks, for all posts at once. Each desk is a stretch of the index task_desk."""
    desks = Q(unit_id__in=sorted(standing.units), post="")
    for unit, post in sorted(standing.seats):
        desks |= Q(unit_id=unit, post=post)
    mine = Q(person=None) | Q(person_id__in=sorted(standing.persons))
    return Task.objects.filter(desks, mine, not_recused(standing, "case__"), done_at=None)
