from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import models

from gongzhi.base import clock
from gongzhi.base.models import Progress
from gongzhi.desk import rules
from gongzhi.flow.models import Case
from gongzhi.org.models import Person, Unit
from gongzhi.requests.models import Category


class SavedView(models.Model):
    """A list somebody comes back to: the filters of its address under a name of one's own, or shared in a unit."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="saved_views")
    unit = models.ForeignKey(Unit, models.CASCADE, null=True, related_name="saved_views")  # who shares it; None: one's own
    title = models.CharField(max_length=20)
    query = models.CharField(max_length=500)  # what stands after the ? of the address
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint("person", "title", name="view_named_once")]


class Snooze(models.Model):
    """A matter somebody looks at later: out of his lists until a time, or until somebody answers. It stops no clock."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="snoozes")
    case = models.ForeignKey(Case, models.CASCADE, related_name="snoozes")
    until = models.DateTimeField(null=True)  # as it was asked
    wakes_at = models.DateTimeField()  # no later than this: the time asked for, or when it is due soon
    awaits = models.CharField(max_length=10, blank=True)  # reporter, approval, helper; "" waits for the time alone
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint("person", "case", name="snoozed_once")]


class Snippet(models.Model):
    """A phrase somebody writes often (常用语), with gaps that are filled in: one's own, or shared in a unit."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="snippets")  # who wrote it
    unit = models.ForeignKey(Unit, models.CASCADE, null=True, related_name="snippets")  # who shares it; None: one's own
    category = models.ForeignKey(Category, models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=20)
    words = models.TextField()
    changed_at = models.DateTimeField(default=clock.now)


class Handover(models.Model):
    """A note from one shift to the next (交接班). `held`: ids and counts of what lay there; the words are the writer's."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="handovers")
    giver = models.ForeignKey(Person, models.PROTECT, related_name="handed_over")
    taker = models.ForeignKey(Person, models.PROTECT, related_name="taken_over")
    words = models.TextField(blank=True)
    held = models.JSONField(default=dict)
    made_at = models.DateTimeField(default=clock.now)
    taken_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["unit", "-made_at"], name="handover_of_unit"),
                   models.Index(fields=["taker"], name="handover_waits", condition=models.Q(taken_at=None))]


class Export(models.Model):
    """A list too long to write while somebody waits: a job writes the file, only who asked gets it, for a day."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="exports")
    progress = models.OneToOneField(Progress, models.CASCADE, related_name="export")
    view = models.CharField(max_length=24)
    query = models.TextField()  # what stands after the ? of the list's address
    language = models.CharField(max_length=10)
    asked_at = models.DateTimeField(default=clock.now)
    ready_at = models.DateTimeField(null=True)
    rows = models.IntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["person", "-asked_at"], name="export_of_person")]

    @property
    def title(self) -> str:
        return str(rules.VIEWS[self.view].title)

    @property
    def kept_until(self) -> datetime | None:
        return self.ready_at and self.ready_at + rules.EXPORT_KEPT

    @property
    def path(self) -> Path:
        return exports_folder() / f"{self.pk}.xlsx"


def exports_folder() -> Path:
    """Tell where exported lists lie; not among the stored files, which are kept and backed up."""
    return Path(settings.GONGZHI_HOME) / "exports"
