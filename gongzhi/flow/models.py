from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Reverse

from gongzhi.base import clock
from gongzhi.base.models import StoredFile
from gongzhi.org.models import Person, Unit
from gongzhi.places.models import Place


class ProcessVersion(models.Model):
    """One published text of a process file. It never changes; cases point at the version they began with."""

    key = models.CharField(max_length=40)
    version = models.IntegerField()
    title = models.CharField(max_length=80)
    text = models.TextField()
    digest = models.CharField(max_length=64)
    published_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint("key", "version", name="version_once")]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"


class Case(models.Model):
    """One run of a process about one subject.

    `fields` answers `case.FIELD` in role words: {"lead": 12, "helpers": [3, 4], "section": 31}. `counts` is how often
    an action was taken: {"handling.return": 1}. `unit_ids` are all units that have, or had, part in it. `about_units`
    are the units complained of: they, all below them and their people never see the case (rights 4.2).
    """

    code = models.CharField(max_length=12, unique=True)
    version = models.ForeignKey(ProcessVersion, models.PROTECT, related_name="cases")
    title = models.CharField(max_length=120)
    stage = models.CharField(max_length=24)
    level = models.CharField(max_length=12)
    origin = models.CharField(max_length=12)  # resident or staff: counted apart (rights 4.5)
    place = models.ForeignKey(Place, models.PROTECT, related_name="cases")
    path = ArrayField(models.BigIntegerField())
    lon = models.FloatField(null=True)  # no point: it concerns no particular place, `place` is whose area it is
    lat = models.FloatField(null=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    opened_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="opened_cases")
    opened_at = models.DateTimeField()
    entered_at = models.DateTimeField()  # the present stage
    standard = models.CharField(max_length=24)  # the duration `standard` stands for in this case
    standard_source = models.CharField(max_length=160)
    due_at = models.DateTimeField(null=True)
    bound_at = models.DateTimeField(null=True)  # a deadline given from outside; the earlier of it and ours is `due_at`
    bound_source = models.CharField(max_length=160, blank=True, default="", db_default="")
    own_due_at = models.DateTimeField(null=True)  # ours, where there is also one from outside
    first_due_at = models.DateTimeField(null=True)  # before any extension
    ladder = ArrayField(models.DateTimeField(), default=list)  # when each step of the case's own ladder comes
    next_at = models.DateTimeField(null=True)  # ladder[next_step], None when used up or on hold
    next_step = models.SmallIntegerField(default=0)
    held_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    urgent = models.BooleanField(default=False)
    private = models.BooleanField(default=False)  # in a stage that only its own desks see (`private` in the file)
    fields = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    flags = ArrayField(models.CharField(max_length=16), default=list)
    unit_ids = ArrayField(models.BigIntegerField(), default=list)
    about_units = ArrayField(models.BigIntegerField(), default=list)
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=24, blank=True)

    class Meta:
        indexes = [
            GinIndex(fields=["path"], name="case_open_path", condition=Q(closed_at=None), fastupdate=False),
            GinIndex(fields=["unit_ids"], name="case_open_units", condition=Q(closed_at=None), fastupdate=False),
            GinIndex(fields=["path"], name="case_closed_path", condition=Q(closed_at__isnull=False)),
            GinIndex(fields=["unit_ids"], name="case_closed_units", condition=Q(closed_at__isnull=False)),
            models.Index(OpClass(Reverse("code"), "varchar_pattern_ops"), name="case_code_tail"),
            models.Index(fields=["-opened_at"], name="case_supervised",
                         condition=Q(closed_at=None, flags__contains=["supervised"])),
            models.Index(fields=["due_at", "id"], name="case_open_due", condition=Q(closed_at=None)),
            models.Index(fields=["place", "-opened_at"], name="case_place"),
            models.Index(fields=["-opened_at", "-id"], name="case_newest"),
            models.Index(fields=["next_at"], name="case_clock",
                         condition=Q(closed_at=None, held_at=None, next_at__isnull=False)),
            models.Index(fields=["held_until"], name="case_held", condition=Q(held_at__isnull=False)),
            models.Index(fields=["parent"], name="case_parent", condition=Q(parent__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.code


class Task(models.Model):
    """One piece of work on one desk. kind: work, approval (agree or refuse what `asks` says), reporter, duty (one thing
    expected of whoever it falls to where nobody at work may do it; done when that is done).

    Whoever holds the post (`post`, or any post when "") in `unit` may take it; `person` narrows it to one.
    """

    case = models.ForeignKey(Case, models.CASCADE, related_name="tasks")
    kind = models.CharField(max_length=8, default="work")
    stage = models.CharField(max_length=24)
    role = models.CharField(max_length=24)
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="tasks")
    post = models.CharField(max_length=16, blank=True)
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="tasks")
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    first_due_at = models.DateTimeField(null=True)
    ladder = ArrayField(models.DateTimeField(), default=list)  # of the stage; the first task of a stage carries it
    next_at = models.DateTimeField(null=True)
    next_step = models.SmallIntegerField(default=0)
    asks = models.JSONField(null=True)  # approval: {"action", "entry", "by"}
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    outcome = models.CharField(max_length=24, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["unit", "post", "due_at", "id"], name="task_desk", condition=Q(done_at=None)),
            models.Index(fields=["next_at"], name="task_clock", condition=Q(done_at=None, next_at__isnull=False)),
            models.Index(fields=["case"], name="task_case"),
        ]


class Expectation(models.Model):
    """A clock inside a stage: 签收 within 2 h, 首次联系 within 24 h. Met by the action of its name."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="expectations")
    case = models.ForeignKey(Case, models.CASCADE, related_name="expectations")
    name = models.CharField(max_length=24)
    due_at = models.DateTimeField()
    met_at = models.DateTimeField(null=True)
    missed_at = models.DateTimeField(null=True)  # when the clock noticed

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="expect_clock", condition=Q(met_at=None, missed_at=None))]
        constraints = [models.UniqueConstraint("task", "name", name="expected_once")]


class Entry(models.Model):
    """What was said and filled in with one act; the words the log never holds. Masks and retention apply to it.

    actor is as in the log. `state`: done, asked (waits for approval), refused. `public` entries the reporter sees.
    """

    case = models.ForeignKey(Case, models.CASCADE, related_name="entries")
    task = models.ForeignKey(Task, models.SET_NULL, null=True, related_name="entries")
    action = models.CharField(max_length=24)
    actor = models.CharField(max_length=40)
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    stage = models.CharField(max_length=24)
    state = models.CharField(max_length=8, default="done")
    values = models.JSONField(default=dict)
    public = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index("case", "id", name="entry_case")]


class Attachment(models.Model):
    """A photo, recording or document of a case. `original`: part of what a reporter said; `entry`: of one act."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="attachments")
    entry = models.ForeignKey(Entry, models.CASCADE, null=True, related_name="attachments")
    file = models.ForeignKey(StoredFile, models.PROTECT)
    kind = models.CharField(max_length=8)  # photo, voice, document
    name = models.CharField(max_length=120, blank=True)
    original = models.BooleanField(default=False)
    added_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["case"], name="attachment_case")]
