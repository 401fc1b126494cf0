import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q

from gongzhi.base import clock
from gongzhi.flow.models import Case
from gongzhi.org.models import Person
from gongzhi.places.models import Place
from gongzhi.requests.models import Category


class Source(models.Model):
    """A hotline that sends us orders: how it signs, where our answers go, in whose words."""

    key = models.CharField(max_length=24, unique=True)
    title = models.CharField(max_length=30)
    area = models.ForeignKey(Place, models.PROTECT, related_name="+")  # in which what cannot be placed lies
    secret = models.BinaryField(default=b"")  # sealed
    url = models.CharField(max_length=300, blank=True)  # where our answers go; none: they wait for the sheet of replies
    asks = models.BooleanField(default=True)  # it calls back itself; else our operators do
    direct = models.BooleanField(default=False)  # what is certain goes to the street without an operator
    active = models.BooleanField(default=True)
    names_in = models.JSONField(default=dict)  # {our name of a field: theirs}
    names_out = models.JSONField(default=dict)
    words_out = models.JSONField(default=dict)  # {our event: theirs}
    columns = models.JSONField(default=list)  # of the sheet of replies: [[our field, its title]]

    def __str__(self) -> str:
        return self.title


class Order(models.Model):
    """An order of a hotline under its own number, and the case it is here.

    `goes_on_in`: where its case was merged into another. `former`: cases it was before it was sent once more. `seqs`:
    the newest sequence number applied, by group of messages. `result_…`: what the hotline recorded at its call-back.
    """

    source = models.ForeignKey(Source, models.PROTECT, related_name="orders")
    number = models.CharField(max_length=60)
    case = models.ForeignKey(Case, models.PROTECT, related_name="hotline_orders")
    goes_on_in = models.ForeignKey(Case, models.PROTECT, null=True, related_name="+")
    former = ArrayField(models.BigIntegerField(), default=list)
    state = models.CharField(max_length=10, default="open")  # on our side of the wire: open, answered, ended
    category_code = models.CharField(max_length=60, blank=True)
    category_name = models.CharField(max_length=120, blank=True)
    received_at = models.DateTimeField(null=True)  # by the hotline
    due_at = models.DateTimeField(null=True)  # the hotline's
    taken_at = models.DateTimeField(default=clock.now)
    seqs = models.JSONField(default=dict)
    n_urged = models.IntegerField(default=0)
    n_rejected = models.IntegerField(default=0)
    result_solved = models.CharField(max_length=8, blank=True)
    result_satisfied = models.SmallIntegerField(null=True)
    result_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("source", "number", name="hotline_number_once")]
        indexes = [
            models.Index(fields=["-taken_at", "-id"], name="hotline_order_newest"),
            models.Index(OpClass("number", "varchar_pattern_ops"), name="hotline_order_number"),
            GinIndex(fields=["former"], name="hotline_order_former"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def now(self) -> Case:
        """The case in which the order goes on."""
        return self.goes_on_in or self.case


class Arrival(models.Model):
    """One message that came, kept as it came for a while: it holds personal data, so it is sealed and then deleted."""

    source = models.ForeignKey(Source, models.PROTECT, related_name="arrivals")
    message_id = models.CharField(max_length=80)
    number = models.CharField(max_length=60, blank=True)
    kind = models.CharField(max_length=8, blank=True)
    seq = models.BigIntegerField(null=True)
    raw = models.BinaryField(default=b"")  # sealed JSON by our names
    by_sheet = models.BooleanField(default=False)
    at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=8)  # applied, known, old, parked, refused, faulty, gone
    said = models.CharField(max_length=300, blank=True)
    order = models.ForeignKey(Order, models.PROTECT, null=True, related_name="arrivals")

    class Meta:
        constraints = [models.UniqueConstraint("source", "message_id", name="hotline_message_once")]
        indexes = [
            models.Index(fields=["source", "number"], name="hotline_arrival_parked", condition=Q(state="parked")),
            models.Index(fields=["state", "-id"], name="hotline_arrival_to_look_at",
                         condition=Q(state__in=["parked", "refused", "faulty", "gone"])),
            models.Index(fields=["at"], name="hotline_arrival_age", condition=~Q(raw=b"")),
            models.Index(fields=["order", "id"], name="hotline_arrival_order"),
        ]

    def __str__(self) -> str:
        return self.message_id


class Handover(models.Model):
    """A sheet of replies that somebody handed over."""

    source = models.ForeignKey(Source, models.PROTECT, related_name="handovers")
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    n = models.IntegerField()


class Outgoing(models.Model):
    """One message to a hotline: written once, sent until it is taken, always under the same `sent_as`."""

    WAITING, FAILED, KEPT, SENT, HANDED = "waiting", "failed", "kept", "sent", "handed"

    sent_as = models.UUIDField(default=uuid.uuid4, unique=True)
    key = models.CharField(max_length=60, unique=True)  # line of the log and order: written twice is written once
    source = models.ForeignKey(Source, models.PROTECT, related_name="outgoing")
    order = models.ForeignKey(Order, models.PROTECT, related_name="outgoing")
    event = models.CharField(max_length=20)
    seq = models.BigIntegerField()
    facts = models.BinaryField(default=b"")  # sealed JSON by our names
    made_at = models.DateTimeField()
    state = models.CharField(max_length=8, default=WAITING)
    tries = models.SmallIntegerField(default=0)
    try_at = models.DateTimeField(default=clock.now)
    fault = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True)
    handover = models.ForeignKey(Handover, models.PROTECT, null=True, related_name="outgoing")

    class Meta:
        indexes = [
            models.Index(fields=["try_at", "id"], name="hotline_outgoing_waiting", condition=Q(state="waiting")),
            models.Index(fields=["order", "id"], name="hotline_outgoing_first", condition=Q(state="waiting")),
            models.Index(fields=["state", "-id"], name="hotline_outgoing_unsent", condition=~Q(state__in=["sent", "handed"])),
            models.Index(fields=["source", "made_at"], name="hotline_outgoing_answers",
                         condition=Q(event__in=["replied", "answered", "refused", "returned", "merged"])),
            models.Index(fields=["made_at"], name="hotline_outgoing_age", condition=~Q(facts=b"")),
        ]

    def __str__(self) -> str:
        return str(self.sent_as)


class CategoryMap(models.Model):
    """What a source calls a category, and which of ours it is; none: somebody has yet to say."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="categories")
    theirs = models.CharField(max_length=120)  # code where there is one, else the name
    title = models.CharField(max_length=120, blank=True)
    category = models.ForeignKey(Category, models.PROTECT, null=True, related_name="+")
    n = models.IntegerField(default=0)  # how often it came
    last_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint("source", "theirs", name="hotline_their_category_once")]
