from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from gongzhi.flow.models import Case


class Fact(models.Model):
    """What the log says about one request, as boards count it (rules.fold). Ids, codes, times and numbers only.

    `measures`: what it counts as, whatever the moment. `due`: the deadline that runs now, of the case or of its redo.
    """

    case = models.OneToOneField(Case, models.CASCADE, primary_key=True, related_name="fact")
    origin = models.CharField(max_length=12)
    channel = models.CharField(max_length=10, blank=True)
    kind = models.CharField(max_length=10, blank=True)
    category = models.CharField(max_length=10, blank=True)
    stage = models.CharField(max_length=24, blank=True)
    callable = models.BooleanField(default=False)  # a number was left
    reachable = models.BooleanField(default=True)  # for those who handle it: of a complaint only the hotline calls
    hotline = models.BooleanField(default=False)  # the hotline must ring, not the lead
    together = models.BooleanField(default=False)  # merged into another and answered with it: that one is counted
    unread = models.BooleanField(default=False)  # ended before it was accepted: of the centre alone
    path = ArrayField(models.BigIntegerField(), default=list)
    lead = models.BigIntegerField(null=True)
    lead_path = ArrayField(models.BigIntegerField(), default=list)
    helpers = ArrayField(models.BigIntegerField(), default=list)
    about_units = ArrayField(models.BigIntegerField(), default=list)
    opened_at = models.DateTimeField()
    dispatched_at = models.DateTimeField(null=True)
    signed_at = models.DateTimeField(null=True)
    contacted_at = models.DateTimeField(null=True)
    in_time = models.BooleanField(null=True)  # contacted within the limit
    first_finished_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)  # None again while redone
    on_time = models.BooleanField(null=True)
    closed_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=12, blank=True)
    outcome = models.CharField(max_length=24, blank=True)
    due_at = models.DateTimeField(null=True)
    first_due_at = models.DateTimeField(null=True)
    redo_due_at = models.DateTimeField(null=True)
    due = models.DateTimeField(null=True)
    held_at = models.DateTimeField(null=True)
    solved = models.CharField(max_length=8, blank=True)
    satisfied = models.SmallIntegerField(null=True)
    rated_at = models.DateTimeField(null=True)
    called_back = models.BooleanField(default=False)
    rerated = models.BooleanField(default=False)
    first_solved = models.CharField(max_length=8, blank=True)  # said with the first redo
    first_satisfied = models.SmallIntegerField(null=True)
    second_solved = models.CharField(max_length=8, blank=True)  # what a changed rating became
    second_satisfied = models.SmallIntegerField(null=True)
    n_redo = models.SmallIntegerField(default=0)
    n_returns = models.SmallIntegerField(default=0)
    n_extended = models.SmallIntegerField(default=0)
    measures = ArrayField(models.CharField(max_length=12), default=list)

    class Meta:
        indexes = [
            models.Index(fields=["-opened_at", "-case"], name="fact_opened"),
            models.Index(fields=["due"], name="fact_overdue", condition=Q(closed_at=None, finished_at=None, held_at=None)),
            GinIndex(fields=["path"], name="fact_open_path", condition=Q(closed_at=None)),
            GinIndex(fields=["lead_path"], name="fact_open_lead", condition=Q(closed_at=None)),
            GinIndex(fields=["about_units"], name="fact_about", condition=~Q(about_units=[])),
            GinIndex(fields=["path"], name="fact_path"),
            GinIndex(fields=["lead_path"], name="fact_lead"),
        ]


class Day(models.Model):
    """How many requests opened on a day, of a place or a unit and all below it, have each measure: {measure: n}.

    `origin`: resident, staff, or rules.KEPT_BACK for those of residents that ended unread.
    """

    date = models.DateField()
    scope = models.CharField(max_length=5)  # place or unit
    scope_id = models.BigIntegerField()
    origin = models.CharField(max_length=12)
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint("scope", "scope_id", "origin", "date", name="day_once")]
