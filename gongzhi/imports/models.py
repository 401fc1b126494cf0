from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from gongzhi.base import clock
from gongzhi.base.imports import Importer, importers
from gongzhi.base.models import Progress
from gongzhi.base.sheets import Fault
from gongzhi.org.models import Person

KEPT = timedelta(days=7)  # how long the sheet itself is kept: it is full of names and numbers (default, no source)


class Import(models.Model):
    """One sheet on its way in: looked at, then its good lines written batch by batch.

    `data`: the file, sealed, deleted after its days. `good`: the lines to be written, in their order; `at`: how many of
    them were tried, so that whoever goes on knows where. `faults`: [line, column, sentence, kind] of the others.
    """

    LOOKING, LOOKED, TAKING, DONE, STOPPED = "looking", "looked", "taking", "done", "stopped"

    key = models.CharField(max_length=40)
    name = models.CharField(max_length=160)  # of the file
    data = models.BinaryField(default=b"")
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    mapping = models.JSONField(default=dict)  # {column: index in the sheet}
    state = models.CharField(max_length=8, default=LOOKING)
    n_rows = models.IntegerField(default=0)
    good = models.JSONField(default=list)
    at = models.IntegerField(default=0)
    n_taken = models.IntegerField(default=0)
    n_wrong = models.IntegerField(default=0)
    n_same = models.IntegerField(default=0)
    faults = models.JSONField(default=list)
    progress = models.OneToOneField(Progress, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["key", "-id"], name="import_of_kind"),
            models.Index(fields=["made_at"], name="import_kept", condition=~Q(data=b"")),
        ]

    @property
    def importer(self) -> Importer:
        return importers[self.key]

    @property
    def kept_until(self) -> datetime | None:
        """Tell when the sheet is deleted; None where it is gone."""
        return self.made_at + KEPT if self.data else None

    def say(self, faults: Iterable[Fault]) -> None:
        """Add what is wrong with lines, in the order of the sheet, and count them."""
        said = [*self.faults, *([f.n, f.column, f.sentence, f.kind] for f in faults)]
        self.faults = sorted(said, key=lambda f: f[0])
        self.n_wrong = len({f[0] for f in self.faults if f[3] == "fault"})
        self.n_same = len({f[0] for f in self.faults if f[3] == "same"})

    @property
    def is_running(self) -> bool:
        return self.state in (self.LOOKING, self.TAKING) and self.progress_id is not None


class Mapping(models.Model):
    """Which column of a sheet is which, as somebody once said for these headers; the next such sheet is read so."""

    key = models.CharField(max_length=40)
    headers = models.CharField(max_length=64)  # SHA-256 of the headers
    mapping = models.JSONField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint("key", "headers", name="mapped_once")]
