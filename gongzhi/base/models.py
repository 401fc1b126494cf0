from datetime import timedelta

from django.db import models
from django.utils.translation import gettext

from gongzhi.base import clock


class CalendarDay(models.Model):
    """A day on which the office keeps other hours than its weekday says: a holiday, or a make-up workday (调休)."""

    date = models.DateField(primary_key=True)
    is_working = models.BooleanField()
    name = models.CharField(max_length=40)
    source = models.CharField(max_length=120)


class OfficeHours(models.Model):
    """One open span of a weekday (0 = Monday), e.g. 09:00–12:00."""

    weekday = models.SmallIntegerField()
    opens = models.TimeField()
    closes = models.TimeField()
    source = models.CharField(max_length=120)

    class Meta:
        ordering = ["weekday", "opens"]
        constraints = [models.CheckConstraint(condition=models.Q(closes__gt=models.F("opens")), name="hours_forward")]


class Attempts(models.Model):
    """Wrong tries under one key (a code, a user name) since a moment; the key is locked while `locked_until` is ahead."""

    key = models.CharField(max_length=120, primary_key=True)
    n = models.IntegerField(default=0)
    since = models.DateTimeField(default=clock.now)
    locked_until = models.DateTimeField(null=True)


class StoredFile(models.Model):
    """One file in the store, by the SHA-256 of its bytes; the same bytes are kept once."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    media_type = models.CharField(max_length=80)
    size = models.BigIntegerField()
    stored_at = models.DateTimeField(default=clock.now)


class Progress(models.Model):
    """How far a long job has come, so that a page can show it, stop it, and be come back to."""

    name = models.CharField(max_length=80, unique=True)
    title = models.CharField(max_length=120)  # a msgid
    done = models.IntegerField(default=0)
    done_before = models.IntegerField(default=0)  # when it began, or went on
    total = models.IntegerField(default=0)
    note = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)  # what it needs to go on
    started_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)
    cancelled = models.BooleanField(default=False)

    @property
    def words(self) -> str:
        return gettext(self.title)

    @property
    def state(self) -> str:
        """Say how it stands: running, stopped by somebody, failed before its end, or done."""
        if self.ended_at is None:
            return "running"
        return "stopped" if self.cancelled else "done" if self.done >= self.total else "failed"

    @property
    def left(self) -> timedelta | None:
        """Guess how long it still takes from how long it took so far; None as long as that says nothing."""
        new = self.done - self.done_before
        if self.ended_at or new <= 0:
            return None
        return max(timedelta(minutes=1), (clock.now() - self.started_at) / new * (self.total - self.done))
