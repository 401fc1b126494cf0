"""What goes in and out of the API. Times are ISO 8601 with zone; coordinates WGS-84 degrees; codes ten digits."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

from django.utils.translation import gettext as _
from ninja import Field, Schema
from pydantic import AfterValidator, FiniteFloat


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_("不是 base64。")) from None
    return value


Base64 = Annotated[str, AfterValidator(_base64)]
Degrees = FiniteFloat  # NaN and infinity are numbers to JSON's readers, and nowhere on earth


class ReportIn(Schema):
    """A report. One of words, photos, voice is enough; a place is needed: lon and lat, or a compound's code."""

    words: str = Field("", description="反映的内容，最多 5000 字")
    lon: Degrees | None = Field(None, description="WGS-84 longitude of the problem")
    lat: Degrees | None = Field(None, description="WGS-84 latitude of the problem")
    place: str = Field("", description="code of a compound (QR code) instead of lon and lat")
    address: str = ""
    phone: str = Field("", description="optional; without it nobody can call back")
    name: str = ""
    kind: str = Field("", description="consult, help, complain, tip_off, suggest; empty: guessed")
    photos: list[Base64] = Field([], description="base64, at most 6", max_length=6)
    voice: Base64 = Field("", description="base64")
    submitted_key: str | None = Field(None, max_length=40, description="the same key and report twice opens one case")


class ReceiptOut(Schema):
    code: str
    secret: str
    due_at: datetime
    link: str
    is_new: bool


class StepOut(Schema):
    at: datetime
    title: str
    words: str


class StatusOut(Schema):
    """What the reporter sees: one of six public states, who has it, until when and by which rule."""

    code: str
    state: str
    state_title: str
    title: str
    handler: str
    due_at: datetime | None
    rule: str
    opened_at: datetime
    steps: list[StepOut]


class LocatedOut(Schema):
    grid: str
    grid_code: str
    community: str
    community_code: str
    street: str
    worker: str
    worker_phone: str


class TokenIn(Schema):
    user: str = Field(max_length=40)
    password: str = Field(max_length=200)
    code: str = Field("", max_length=20, description="One-time or recovery code, of whoever has a second factor")


class TokenOut(Schema):
    token: str
    expires_at: datetime


class TaskOut(Schema):
    id: int
    code: str
    title: str
    kind: str
    stage: str
    stage_title: str
    unit: str
    post: str
    due_at: datetime | None
    late: bool
    flags: list[str]
    place: str


class TasksOut(Schema):
    """A page of tasks; `next` goes into `after` for the following page, null at the end."""

    tasks: list[TaskOut]
    next: str | None


class EntryOut(Schema):
    at: datetime
    action: str
    unit: str
    state: str
    values: dict[str, Any]


class CaseOut(Schema):
    """A case as its page shows it; `words` are those this person may read (of complaints: the summary)."""

    code: str
    title: str
    stage: str
    stage_title: str
    state: str
    kind: str
    category: str
    words: str
    place: str
    lon: float | None = Field(description="none where the matter concerns no particular place")
    lat: float | None
    lead: str
    helpers: list[str]
    opened_at: datetime
    due_at: datetime | None
    first_due_at: datetime | None
    rule: str
    flags: list[str]
    closed_at: datetime | None
    outcome: str
    tasks: list[TaskOut]
    entries: list[EntryOut]


class FieldOut(Schema):
    name: str
    title: str
    kind: str
    required: bool
    help: str
    choices: list[tuple[str, str]]


class ActionOut(Schema):
    name: str
    title: str
    task_id: int | None
    refused: str
    fields: list[FieldOut]


class ActIn(Schema):
    """The form of an action by field name; `stage`: where you saw the case, to be told if it has moved on."""

    form: dict[str, Any] = {}
    stage: str = ""
    photos: list[Base64] = Field([], max_length=6, description="base64")
    documents: list[Base64] = Field([], max_length=6, description="base64")


class ActedOut(Schema):
    code: str
    stage: str
    stage_title: str
    closed: bool
    warnings: list[str] = Field([], description="what a reviewer will be shown too, such as a reply that says nothing")


class GuessOut(Schema):
    code: str
    name: str
    confidence: float
    because: list[str]


class UnitGuessOut(Schema):
    id: int
    name: str
    confidence: float
    reasons: list[tuple[str, str]] = Field(description="(source, words)")


class SuggestionsOut(Schema):
    """What the machine would choose; a person decides."""

    categories: list[GuessOut]
    units: list[UnitGuessOut]


class ReporterActIn(Schema):
    form: dict[str, Any] = {}


class Refusal(Schema):
    """A refusal: one sentence to show, and sentences by field where a form was wrong."""

    detail: str
    code: str = "refused"
    faults: dict[str, str] = {}
