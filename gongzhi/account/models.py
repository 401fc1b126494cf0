from django.db import models
from django.utils.translation import gettext as _

from gongzhi.account import rules
from gongzhi.base import clock
from gongzhi.org.models import Person


class Factor(models.Model):
    """What a person has beside the password: an authenticator app (totp) or a passkey.

    totp: `secret` is sealed, `step` the last one used, so that no code works twice. passkey: `credential` is what the
    device gave us (a public key), `step` its counter where it keeps one.
    """

    TOTP, PASSKEY = "totp", "passkey"

    person = models.ForeignKey(Person, models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=8)
    name = models.CharField(max_length=40)
    secret = models.BinaryField(default=b"")
    credential_id = models.BinaryField(null=True, unique=True)
    credential = models.BinaryField(default=b"")
    step = models.BigIntegerField(default=0)
    made_at = models.DateTimeField(default=clock.now)
    used_at = models.DateTimeField(null=True)

    @property
    def icon(self) -> str:
        return "key" if self.kind == self.PASSKEY else "device-mobile"


class RecoveryCode(models.Model):
    """A code that stands in for a lost device once. Kept as its digest."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True)


class SignedIn(models.Model):
    """One sign-in of a person in one browser, so that the person can see it and end it. Deleted after its days."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    how = models.CharField(max_length=24)  # methods, joined by +
    agent = models.CharField(max_length=60)  # browser and system, in a word each
    address = models.GenericIPAddressField(null=True)
    shared = models.BooleanField(default=False)
    at = models.DateTimeField(default=clock.now)
    seen_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["person", "-id"], name="signed_in_of")]

    @property
    def methods(self) -> str:
        return "、".join(str(rules.METHODS.get(name, name)) for name in self.how.split("+"))

    @property
    def where(self) -> str:
        return " · ".join(filter(None, [self.agent, self.address, _("公用电脑") if self.shared else ""]))


class Identity(models.Model):
    """Who a person is to the city's own sign-in (OpenID Connect): bound at the first sign-in, by issuer and subject."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=200)
    subject = models.CharField(max_length=255)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint("issuer", "subject", name="known_once")]
