from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import models

from gongzhi.base import clock
from gongzhi.base.models import Progress
from gongzhi.desk import rules
from gongzhi.org.models import Person


class SavedView(models.Model):
    """A list somebody comes back to: the filters of its address under a name of one's own."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="saved_views")
    title = models.CharField(max_length=20)
    query = models.CharField(max_length=500)  # what stands after the ? of the address
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint("person", "title", name="view_named_once")]


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
