"""Who gets a file of a case from the desk, and whose an exported list is."""

from django.http import Http404

from gongzhi.desk import queries, timeline
from gongzhi.desk.models import Export
from gongzhi.flow.models import Attachment
from gongzhi.org.rules import Standing
from gongzhi.requests import access as requests


def file(standing: Standing, attachment_id: int) -> Attachment:
    """Get a file a person may see, or the same 404 for missing and forbidden. What the reporter added is original."""
    found = requests.attachment(standing, attachment_id)
    if standing.is_outside and (found.entry is None or found.entry.unit_id not in standing.units):
        raise Http404
    if timeline.is_original(found) and not requests.may_see_originals(standing, found.case):
        raise Http404
    return found


def export(standing: Standing, export_id: int) -> Export:
    """Get a list one asked for oneself, as long as it is kept; the same 404 for another's, an old one and none."""
    found = queries.exports(standing).filter(pk=export_id).first()
    if found is None:
        raise Http404
    return found
