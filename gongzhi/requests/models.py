from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from gongzhi.base import clock, html
from gongzhi.flow.models import Case
from gongzhi.org.models import Person, Unit
from gongzhi.places.models import Place
from gongzhi.requests import rules


class Category(models.Model):
    """A kind of matter with its standard. Codes: 10xxxx 部件, 20xxxx 事件, 90xxxx residents' matters."""

    code = models.CharField(max_length=10, unique=True)
    name = models.CharField(max_length=60)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    kind = models.CharField(max_length=8)  # part, event, matter
    keywords = ArrayField(models.CharField(max_length=20), default=list)
    limit = models.CharField(max_length=24)  # a duration of the process language: 4h, 5d, 24h calendar
    limit_source = models.CharField(max_length=160)
    opens_when = models.CharField(max_length=200, blank=True)  # 立案条件
    closes_when = models.CharField(max_length=200, blank=True)  # 结案条件
    evidence = models.CharField(max_length=10, default="none")  # photo, document, call, none
    urgent = models.BooleanField(default=False)
    private = models.BooleanField(default=False)  # noise, disputes, asking for help: never shown nearby (rights 4.14)
    owner_key = models.CharField(max_length=40, blank=True)  # Unit.key of the department that answers for it
    outside_key = models.CharField(max_length=40, blank=True)  # kind of outside handler that acts first (属主): heating
    staged_limits = models.CharField(max_length=200, blank=True)  # 停工 4h; 拆除 20d: shown, the last one is `limit`
    source = models.CharField(max_length=160)
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name

    @property
    def standard(self) -> list[tuple[str, str]]:
        """Say what makes it a matter, by when it is due, when it counts as done, and who says so: (title, words)."""
        stages = [stage.strip().partition(" ") for stage in self.staged_limits.split(";") if stage.strip()]
        staged = "；".join(f"{what} {html.duration(limit)}" for what, _space, limit in stages)
        limit = f"{html.duration(self.limit)}，{self.limit_source}" if self.limit else ""
        return [(_("立案条件"), self.opens_when), (_("分段时限"), staged), (_("时限"), limit),
                (_("结案条件"), self.closes_when), (_("标准来源"), self.source)]


class ListVersion(models.Model):
    """A version of a list of who does what: in force over its place from a day to a day (the last one of it).

    Without a first day it is being prepared. Once it has been in force neither it nor its lines change: what was
    dispatched under it goes on quoting it.
    """

    name = models.CharField(max_length=80)
    source = models.CharField(max_length=160, blank=True)  # the document that says so
    source_date = models.DateField(null=True)
    place = models.ForeignKey(Place, models.PROTECT, related_name="+")
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)
    made_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class CatalogueVersion(ListVersion):
    """A version of the dispatch catalogue (派单目录)."""

    class Meta:
        indexes = [models.Index(fields=["place", "valid_from"], name="catalogue_in_force")]


class CatalogueLine(models.Model):
    """A line of the dispatch catalogue (派单目录): which unit leads for a category, with the line's words as basis.

    Its days are those of its version, kept here so that a dispatch asks one table; none while that is being prepared.
    """

    version = models.ForeignKey(CatalogueVersion, models.CASCADE, null=True, related_name="lines")
    number = models.CharField(max_length=20)
    category = models.ForeignKey(Category, models.CASCADE, related_name="catalogue_lines")
    lead = models.ForeignKey(Unit, models.PROTECT, related_name="+")
    helpers = models.ManyToManyField(Unit, related_name="+")
    text = models.CharField(max_length=300)
    keywords = ArrayField(models.CharField(max_length=20), default=list)
    tokens = ArrayField(models.CharField(max_length=40), default=list)
    source = models.CharField(max_length=160)
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)

    class Meta:
        indexes = [GinIndex(fields=["tokens"], name="catalogue_tokens")]


class Request(models.Model):
    """What a person reported. Its case runs the process.

    Three things are kept apart: who reports (sealed), where the problem is (on the case), where the device was (thrown
    away after placing). `words` of a complaint or tip-off are the original: opened only with a purpose and a log line;
    everybody else reads `summary`.
    """

    case = models.OneToOneField(Case, models.CASCADE, primary_key=True, related_name="request")
    kind = models.CharField(max_length=10)  # consult, help, complain, tip_off, suggest: 北京市接诉即办工作条例 2
    channel = models.CharField(max_length=10)  # portal, qr, phone, grid, window, api, open311, hotline
    words = models.TextField(blank=True)
    summary = models.TextField(blank=True)
    address = models.CharField(max_length=160, blank=True)
    category = models.ForeignKey(Category, models.PROTECT, null=True, related_name="requests")
    suggested = models.ForeignKey(Category, models.PROTECT, null=True, related_name="+")
    compound = models.ForeignKey(Place, models.PROTECT, null=True, related_name="+")
    secret = models.CharField(max_length=32)
    phone = models.BinaryField(default=b"")  # sealed
    phone_index = models.BinaryField(default=b"", db_index=False)
    phone_tail = models.BinaryField(default=b"")  # keyed hash of code + last four digits: tracking without a link
    caller_name = models.BinaryField(default=b"")  # sealed
    on_behalf_of = models.BooleanField(default=False)  # 代录 by staff for a resident
    tokens = ArrayField(models.CharField(max_length=40), default=list)
    submitted_key = models.CharField(max_length=40, null=True, unique=True)  # the same form sent twice opens one case
    their_number = models.CharField(max_length=60, blank=True, default="", db_default="")  # under which another house sent it
    they_ask = models.BooleanField(default=False, db_default=False)  # that house asks the reporter of the result itself
    reported_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [
            GinIndex(fields=["tokens"], name="request_tokens"),
            models.Index(fields=["phone_index"], name="request_phone", condition=~Q(phone_index=b"")),
            models.Index(fields=["category", "-reported_at"], name="request_category"),
            models.Index(fields=["their_number"], name="request_their_number", condition=~Q(their_number="")),
        ]

    @property
    def is_guarded(self) -> bool:
        """Whether the original words, voice and photos are closed to handlers (rights 4.1)."""
        return self.kind in rules.GUARDED


class Supporter(models.Model):
    """One 我也遇到 on a case: never listed, "<5" until there are five; told of progress if a phone was left."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="supporters")
    phone = models.BinaryField(default=b"")
    device = models.BinaryField()  # keyed hash of a random cookie, so that one browser counts once
    secret = models.CharField(max_length=32)
    joined_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint("case", "device", name="joined_once")]


class Merge(models.Model):
    """One matter handled together with another (并单), as long as it is: both are open, `into` is worked on.

    `carried` are the supporters it brought along, `former_due_at` what the other's deadline was before it came.
    """

    case = models.OneToOneField(Case, models.CASCADE, primary_key=True, related_name="merge")
    into = models.ForeignKey(Case, models.CASCADE, related_name="merges")
    carried = ArrayField(models.BigIntegerField(), default=list)
    former_due_at = models.DateTimeField(null=True)
    merged_at = models.DateTimeField(default=clock.now)


class Rating(models.Model):
    """What the reporter said of the result. `first` values stay when it is changed (改评: both count publicly)."""

    case = models.OneToOneField(Case, models.CASCADE, primary_key=True, related_name="rating")
    solved = models.CharField(max_length=8)  # solved, partly, unsolved
    satisfied = models.SmallIntegerField(null=True)  # 5 非常满意 … 1 非常不满意
    said = models.TextField(blank=True)
    by = models.CharField(max_length=10)  # reporter, callback
    rated_at = models.DateTimeField()
    first_solved = models.CharField(max_length=8)
    first_satisfied = models.SmallIntegerField(null=True)
    changed_at = models.DateTimeField(null=True)


class Message(models.Model):
    """A word between the reporter and the handlers, in either direction."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="messages")
    from_reporter = models.BooleanField()
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="+")
    words = models.TextField()
    at = models.DateTimeField(default=clock.now)


class Opening(models.Model):
    """Somebody opened the original of a complaint, or a phone number: who, when, what for. The reporter can see it."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="openings")
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    what = models.CharField(max_length=10)  # original, phone
    purpose = models.CharField(max_length=200)
    at = models.DateTimeField(default=clock.now)


class Answer(models.Model):
    """An entry of the knowledge base for answering at once (当场答复), with source and date."""

    title = models.CharField(max_length=120)
    words = models.TextField()
    keywords = ArrayField(models.CharField(max_length=20), default=list)
    tokens = ArrayField(models.CharField(max_length=40), default=list)
    source = models.CharField(max_length=160)
    source_date = models.DateField()
    category = models.ForeignKey(Category, models.PROTECT, null=True, related_name="answers")
    active = models.BooleanField(default=True)


class Default(models.Model):
    """What the city says instead of one of our defaults (defaults.py knows their names), with source and who said so."""

    name = models.CharField(max_length=40, unique=True)
    value = models.TextField()
    source = models.CharField(max_length=160)
    changed_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=clock.now)
