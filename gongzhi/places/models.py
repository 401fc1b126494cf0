from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Place(models.Model):
    """A node of the place tree: city, district, street, community, grid, compound or building.

    `path` holds the ids from the root down to itself. Official codes change every year: they are in PlaceCode, never
    keys. `outline` is WKB in WGS-84 degrees; `made_up` outlines say so on every map.
    """

    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    kind = models.CharField(max_length=12)
    name = models.CharField(max_length=80)
    path = ArrayField(models.BigIntegerField(), default=list)
    code = models.CharField(max_length=20, blank=True)  # the code in force today, kept from PlaceCode
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    outline = models.BinaryField(null=True)
    made_up = models.BooleanField(default=False)
    attrs = models.JSONField(default=dict)  # homes, age, floors … by kind
    pinyin = models.CharField(max_length=101, blank=True)
    tokens = ArrayField(models.CharField(max_length=40), default=list)
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)

    class Meta:
        indexes = [
            GinIndex(fields=["path"], name="place_path"),
            GinIndex(fields=["tokens"], name="place_tokens"),
            models.Index(fields=["kind", "pinyin"], name="place_kind_pinyin"),
            models.Index(fields=["code"], name="place_code"),
        ]

    def __str__(self) -> str:
        return self.name


class PlaceCode(models.Model):
    """A code a place had from a date to a date, in one system: nbs (statistics bureau, 12 digits), grid (15), qr."""

    place = models.ForeignKey(Place, models.CASCADE, related_name="codes")
    system = models.CharField(max_length=8)
    code = models.CharField(max_length=20)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)
    source = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint("system", "code", condition=models.Q(valid_to=None), name="code_used_once"),
        ]


class TreeVersion(models.Model):
    """One row; its number rises with every change of the tree, so that each process knows when to load it again."""

    number = models.IntegerField(default=1)
