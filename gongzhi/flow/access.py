"""The only way a door gets a case, task or file: it, or the same 404 for missing and forbidden."""

from django.http import Http404

from gongzhi.base import codes
from gongzhi.flow import queries
from gongzhi.flow.models import Attachment, Case, Task
from gongzhi.org.rules import Standing


def case(standing: Standing, code: str) -> Case:
    """Get a case by its public code if the person may see it."""
    found = queries.visible_to(standing).filter(code=codes.read_code(code) or code)
    result = found.select_related("version", "place", "parent").first()
    if result is None:
        raise Http404
    return result


def task(standing: Standing, task_id: int) -> Task:
    """Get an open or finished task of one of the person's own desks."""
    found = Task.objects.filter(pk=task_id, unit_id__in=standing.units).select_related("case__version").first()
    if found is None or (found.post and (found.unit_id, found.post) not in standing.seats):
        raise Http404
    if found.person_id not in (None, *standing.persons) or set(found.case.about_units) & standing.lineage:
        raise Http404
    return found


def attachment(standing: Standing, attachment_id: int) -> Attachment:
    """Get a file of an act in a case the person may see; what the reporter sent has a door of its own in requests."""
    found = Attachment.objects.select_related("case", "file").filter(pk=attachment_id, original=False).first()
    if found is None or not queries.visible_to(standing).filter(pk=found.case_id).exists():
        raise Http404
    return found
