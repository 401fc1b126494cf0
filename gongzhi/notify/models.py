import uuid

from django.db import models
from django.db.models import Q

from gongzhi.base import clock, crypto
from gongzhi.org.models import Person


class Notice(models.Model):
    """One message to one recipient through one channel.

    `key` and `recipient` make telling twice the same as telling once. `sent_as` goes with the message, the same at
    every try, so that a receiver can tell a repeat. The words are those it was written with: a later change of the
    template does not change what was said.
    """

    WAITING, SENT, FAILED, KEPT = "waiting", "sent", "failed", "kept"

    sent_as = models.UUIDField(default=uuid.uuid4, unique=True)
    key = models.CharField(max_length=120)
    channel = models.CharField(max_length=24)  # the name of a folder in channels/
    recipient = models.CharField(max_length=60)  # person:12, phone:<keyed hash>, webhook
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="notices")
    phone = models.BinaryField(default=b"")  # sealed; opened only to send; emptied after the retention time
    tail = models.BinaryField(default=b"")  # keyed hash of the last four digits
    template = models.CharField(max_length=60, blank=True)
    title = models.CharField(max_length=120)
    words = models.TextField(blank=True)
    values = models.JSONField(default=dict)  # ids, codes, numbers and short words
    about_kind = models.CharField(max_length=16)
    about_id = models.BigIntegerField(null=True)
    made_at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=8, default=WAITING)
    tries = models.SmallIntegerField(default=0)
    try_at = models.DateTimeField(default=clock.now)
    fault = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("key", "recipient", "channel", name="told_once")]
        indexes = [
            models.Index(fields=["channel", "try_at", "id"], name="notice_waiting", condition=Q(state="waiting")),
            models.Index(fields=["person", "-id"], name="notice_inbox", condition=Q(channel="inbox")),
            models.Index(fields=["person"], name="notice_unread", condition=Q(channel="inbox", read_at=None)),
            models.Index(fields=["state", "-id"], name="notice_unsent", condition=~Q(state="sent")),
            models.Index(fields=["channel", "-id"], name="notice_channel", condition=~Q(channel="inbox")),
            models.Index(fields=["tail", "-id"], name="notice_tail", condition=~Q(tail=b"")),
            models.Index(fields=["made_at"], name="notice_phone_age", condition=~Q(phone=b"")),
        ]

    def __str__(self) -> str:
        return str(self.sent_as)

    @property
    def number(self) -> str:
        """The phone number to send to: the resident's, or the work phone of the person; "" if there is none."""
        if self.person_id:
            return self.person.work_phone if self.person else ""
        return crypto.open_sealed(self.phone)

    @property
    def code(self) -> str:
        """The code of the case it is about, or ""."""
        return str(self.values.get("code", "")) if self.about_kind == "case" else ""
