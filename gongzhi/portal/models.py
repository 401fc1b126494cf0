from django.db import models

from gongzhi.base import clock


class Feedback(models.Model):
    """What somebody says about this system itself (意见建议: an entry on every surface, 国办函〔2026〕12号)."""

    words = models.TextField()
    page = models.CharField(max_length=200, blank=True)
    phone = models.BinaryField(default=b"")  # sealed
    given_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["-given_at", "-id"], name="feedback_newest")]
