
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from gongzhi.places.models import Place


class Unit(models.Model):
    """A node of the organisation tree. `path` holds the ids from the root down to itself.

    kind: district, centre, department, section, street, community, grid, outside (property, heating …).
    line: government, party, service, outside. level: district, street, community, grid; "" for outside handlers.
    """

    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    kind = models.CharField(max_length=12)
    line = models.CharField(max_length=12)
    level = models.CharField(max_length=12, blank=True)
    name = models.CharField(max_length=80)
    short_name = models.CharField(max_length=40)
    key = models.CharField(max_length=40, blank=True)  # stable name for catalogues: "housing", "heating-1"
    place = models.ForeignKey(Place, models.PROTECT, null=True, related_name="units")
    path = ArrayField(models.BigIntegerField(), default=list)
    phone = models.CharField(max_length=20, blank=True)
    pinyin = models.CharField(max_length=101, blank=True)
    active_to = models.DateField(null=True)

    class Meta:
        indexes = [
            GinIndex(fields=["path"], name="unit_path"),
            models.Index(fields=["kind", "place"], name="unit_kind_place"),
        ]

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    """A post of a unit (rules.POSTS), over the unit's place or one of its own. `seats` without people are vacant."""

    unit = models.ForeignKey(Unit, models.CASCADE, related_name="posts")
    name = models.CharField(max_length=16)
    place = models.ForeignKey(Place, models.PROTECT, null=True, related_name="posts")
    seats = models.SmallIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint("unit", "name", "place", nulls_distinct=False, name="one_post_each")]


class Person(AbstractBaseUser):
    """Somebody who works here; what the person may do comes from appointments alone."""

    username = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=40)
    work_phone = models.CharField(max_length=20, blank=True)  # public; a private number is never asked for
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    made_up = models.BooleanField(default=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["name"]
    objects = BaseUserManager["Person"]()

    def __str__(self) -> str:
        return self.name


class Appointment(models.Model):
    """A person in a post from a date to a date (to: the last day, or open)."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="appointments")
    person = models.ForeignKey(Person, models.CASCADE, related_name="appointments")
    from_date = models.DateField()
    to_date = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("post", "person", "from_date", name="appointed_once")]


class Leave(models.Model):
    """A person is away from a day to a day, both included; who stands in holds the person's posts on these days."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="leaves")
    stand_in = models.ForeignKey(Person, models.PROTECT, null=True, related_name="stands_in")
    from_date = models.DateField()
    to_date = models.DateField()
    entered_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    entered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(to_date__gte=models.F("from_date")), name="leave_forward"),
            models.CheckConstraint(condition=~models.Q(stand_in=models.F("person")), name="nobody_stands_in_for_himself"),
        ]
        indexes = [
            models.Index(fields=["person", "to_date"], name="leave_of_person"),
            models.Index(fields=["stand_in", "to_date"], name="leave_stand_in"),
        ]


class FirstSignIn(models.Model):
    """The word by which somebody who has no password yet signs in once, to choose one; only its digest is kept."""

    person = models.OneToOneField(Person, models.CASCADE, primary_key=True, related_name="first_sign_in")
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()


class Token(models.Model):
    """A bearer token: of a person who signed in through the API, or of a machine (`gongzhi apikey NAME`)."""

    digest = models.CharField(max_length=64, primary_key=True)
    name = models.CharField(max_length=80)
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="tokens")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
