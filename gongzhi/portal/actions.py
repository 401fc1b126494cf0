"""What the portal itself writes; everything about matters is written by requests and flow."""

from django.db import transaction

from gongzhi.base import crypto
from gongzhi.log import actions as log
from gongzhi.portal.models import Feedback


@transaction.atomic
def give_feedback(words: str, *, page: str, phone: str, by: str = "anyone") -> Feedback:
    """Keep what somebody says about the system."""
    feedback = Feedback.objects.create(words=words, page=page[:200], phone=crypto.seal(phone))
    log.append("portal.feedback", actor=by, subject=("feedback", feedback.pk))
    return feedback
