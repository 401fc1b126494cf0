"""What a person may take back for a minute: his last dispatches, kept in his session so that no page asks the database."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from gongzhi.base import clock
from gongzhi.desk.rules import BATCH
from gongzhi.flow.models import Case
from gongzhi.requests.rules import UNDO_SECONDS

KEY = "desk_undo"


@dataclass(frozen=True)
class Undo:
    """A dispatch that can still be taken back: what was done, where that is asked for, and for how long."""

    text: str
    url: str
    seconds: int


def keep(request: HttpRequest, case: Case, text: str) -> str:
    """Remember a dispatch until its minute is over; return the address that takes it back."""
    url = reverse("desk:act", args=[case.code, "take_back"])
    until = (case.entered_at + timedelta(seconds=UNDO_SECONDS)).timestamp()
    rows = [row for row in _open(request) if row["url"] != url]
    request.session[KEY] = [*rows, {"text": text, "url": url, "until": until}][-BATCH:]
    return url


def last(request: HttpRequest) -> Undo | None:
    """Give the last dispatch that may still be taken back."""
    rows = _open(request)
    return Undo(rows[-1]["text"], rows[-1]["url"], int(rows[-1]["until"] - clock.now().timestamp())) if rows else None


def drop(request: HttpRequest, case: Case) -> None:
    """Forget a dispatch that was taken back, or could not be any more."""
    url = reverse("desk:act", args=[case.code, "take_back"])
    if any(row["url"] == url for row in _open(request)):
        request.session[KEY] = [row for row in _open(request) if row["url"] != url]


def _open(request: HttpRequest) -> list[dict[str, Any]]:
    now = clock.now().timestamp()
    return [row for row in request.session.get(KEY, []) if row["until"] - now >= 1]
