"""How doors get a request: by its secret, by code and last four digits, or as somebody whose desk it is on."""

from datetime import timedelta

from django.http import Http404
from django.utils.crypto import constant_time_compare

from gongzhi.base import attempts, clock, codes, crypto
from gongzhi.base.errors import Refused
from gongzhi.flow import queries
from gongzhi.flow.models import Attachment, Case
from gongzhi.org.rules import Standing
from gongzhi.requests import queries as matters
from gongzhi.requests.models import Request

TRIES, LOCK = 5, timedelta(hours=1)
OPEN_FOR = timedelta(hours=1)  # how long an original stays open to whoever gave a purpose (default, no source)
NOT_FOUND = "编号或后四位不对，请核对。连续输错 5 次会锁定 1 小时。"
LOCKED = "输错次数太多，这个编号已锁定 1 小时。可以拨打热线查询。"


def by_secret(code: str, secret: str) -> Request:
    """Get a request by its code and the secret of its link."""
    found = Request.objects.select_related("case__version", "case__place", "category").filter(case__code=code).first()
    if found is None or not constant_time_compare(found.secret, secret):
        raise Http404
    return found


def by_tail(typed: str, tail: str) -> Request:
    """Get a request by code and last four digits; the same answer for a wrong code and wrong digits."""
    code = codes.read_code(typed)
    key = f"track:{code or typed[:20]}"
    if not attempts.begin(key, limit=TRIES, lock=LOCK):
        raise Refused(LOCKED, code="locked")
    found = Request.objects.select_related("case").filter(case__code=code).first() if code else None
    digits = "".join(c for c in tail if c.isdecimal())
    if found and len(digits) == 4 and constant_time_compare(bytes(found.phone_tail), crypto.blind("tail:" + digits)):
        attempts.succeeded(key)
        return found
    raise Refused(NOT_FOUND, code="not_found")


def may_read_original(standing: Standing, case: Case) -> bool:
    """Say whether a person reads the original words without asking: of complaints only the intake desk does."""
    if not case.request.is_guarded:
        return True
    return standing.holds("operator") and not set(case.about_units) & standing.lineage and case.stage == "receiving"


def may_ask_original(standing: Standing, case: Case) -> bool:
    """Say whether a person may open a guarded original with a purpose: hotline and reviewers, never handlers.

    Who handles the case by another post of his is a handler too.
    """
    if not standing.holds("operator", "reviewer", "checker") or set(case.about_units) & standing.lineage:
        return False
    return not matters.handles(standing, case)


def may_ask_phone(standing: Standing, case: Case) -> bool:
    """Say whether a person may see the number: those who must call; of complaints only the hotline."""
    if set(case.about_units) & standing.lineage or standing.is_outside:
        return False
    if case.request.is_guarded or case.fields.get("hide_reporter"):
        return standing.holds("operator", "reviewer")
    handling = {case.fields.get("lead"), case.fields.get("section"), *(case.fields.get("helpers") or [])}
    return standing.holds("operator") or bool(handling & standing.units)


def may_speak_for(standing: Standing, case: Case) -> bool:
    """Say whether a person enters what the reporter says of his rating by phone or at the window: the hotline alone.

    Never who handles the case or is complained of (rights 4.4, 4.11).
    """
    if not standing.holds("operator") or set(case.about_units) & standing.lineage:
        return False
    return not matters.handles(standing, case)


def attachment(standing: Standing, attachment_id: int) -> Attachment:
    """Get a file of a case the person may see; one that the reporter sent only where the original is open."""
    found = Attachment.objects.select_related("case__request", "file").filter(pk=attachment_id).first()
    if found is None or not queries.visible_to(standing).filter(pk=found.case_id).exists():
        raise Http404
    if found.original and not may_see_originals(standing, found.case):
        raise Http404
    return found


def may_see_originals(standing: Standing, case: Case) -> bool:
    """Say whether a person sees what the reporter photographed or recorded; outside handlers have text and place."""
    if standing.is_outside:
        return False
    if case.fields.get("hide_reporter") and not case.request.is_guarded:
        return may_ask_original(standing, case)  # the words are open, a voice and what stands on a photo tell who it was
    since = clock.now() - OPEN_FOR
    opened = case.openings.filter(person_id=standing.person_id or 0, what="original", at__gte=since)
    return may_read_original(standing, case) or (may_ask_original(standing, case) and opened.exists())
