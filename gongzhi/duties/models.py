from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from gongzhi.flow.models import Case, Entry
from gongzhi.org.models import Unit
from gongzhi.requests.models import CatalogueLine, ListVersion


class Line(models.Model):
    """What the lines of the three lists have in common. `categories`: codes of what it speaks of, a heading's too."""

    number = models.CharField(max_length=20)
    text = models.CharField(max_length=600)
    categories = ArrayField(models.CharField(max_length=10), default=list)
    keywords = ArrayField(models.CharField(max_length=20), default=list)
    tokens = ArrayField(models.CharField(max_length=40), default=list)
    helper_ids = ArrayField(models.BigIntegerField(), default=list)
    basis = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.number} {self.text[:40]}"


class PowersVersion(ListVersion):
    """A version of the departments' powers and duties (部门权责清单)."""

    class Meta:
        indexes = [models.Index(fields=["place", "valid_from"], name="powers_in_force")]


class PowersLine(Line):
    """What a department has the power and the duty to do."""

    version = models.ForeignKey(PowersVersion, models.CASCADE, related_name="lines")
    lead = models.ForeignKey(Unit, models.PROTECT, related_name="+")

    class Meta:
        indexes = [GinIndex(fields=["categories"], name="powers_categories"), GinIndex(fields=["tokens"], name="powers_tokens")]
        constraints = [models.UniqueConstraint("version", "number", name="powers_number_once")]


class StreetVersion(ListVersion):
    """A version of what streets and towns do (街道履职事项清单)."""

    class Meta:
        indexes = [models.Index(fields=["place", "valid_from"], name="street_in_force")]


class StreetLine(Line):
    """What a street does itself (basic), helps with (assisting: who leads, what the street does), or does no more
    (taken_back: by whom it is done now).
    """

    version = models.ForeignKey(StreetVersion, models.CASCADE, related_name="lines")
    part = models.CharField(max_length=12)
    lead = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="+")
    task = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [GinIndex(fields=["categories"], name="street_categories"), GinIndex(fields=["tokens"], name="street_tokens")]
        constraints = [models.UniqueConstraint("version", "number", name="street_number_once")]


class CommunityVersion(ListVersion):
    """A version of what communities do (社区工作事项清单)."""

    class Meta:
        indexes = [models.Index(fields=["place", "valid_from"], name="community_in_force")]


class CommunityLine(Line):
    """What a community does by law (lawful), helps with (assisting), or must not be handed (negative: whose it is)."""

    version = models.ForeignKey(CommunityVersion, models.CASCADE, related_name="lines")
    part = models.CharField(max_length=12)
    lead = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="+")
    task = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [GinIndex(fields=["categories"], name="community_categories"),
                   GinIndex(fields=["tokens"], name="community_tokens")]
        constraints = [models.UniqueConstraint("version", "number", name="community_number_once")]


class Ground(models.Model):
    """A line a matter was handed on by, quoted as it stood that day, whatever version is in force now."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="grounds")
    entry = models.ForeignKey(Entry, models.CASCADE, related_name="grounds")
    catalogue = models.ForeignKey(CatalogueLine, models.PROTECT, null=True, related_name="+")
    powers = models.ForeignKey(PowersLine, models.PROTECT, null=True, related_name="+")
    street = models.ForeignKey(StreetLine, models.PROTECT, null=True, related_name="+")
    community = models.ForeignKey(CommunityLine, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(name="one_line_each", condition=(
            Q(catalogue__isnull=False, powers=None, street=None, community=None)
            | Q(catalogue=None, powers__isnull=False, street=None, community=None)
            | Q(catalogue=None, powers=None, street__isnull=False, community=None)
            | Q(catalogue=None, powers=None, street=None, community__isnull=False)))]


class Departure(models.Model):
    """Once that a matter went past a list: handed to a unit against it (override), or given back by one (refused).

    `sender`: who handed it there. `month`: its first day here, by which it is reported.
    """

    kind = models.CharField(max_length=8)
    case = models.ForeignKey(Case, models.CASCADE, related_name="departures")
    entry = models.ForeignKey(Entry, models.CASCADE, related_name="departures")
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="+")
    sender = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="+")
    of_list = models.CharField(max_length=10)
    at = models.DateTimeField()
    month = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["month", "unit"], name="departure_month")]
