"""Reading notices: a person's inbox, the demo's SMS, and what the administrator looks after."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from gongzhi.base import codes, crypto
from gongzhi.notify import channels, registry
from gongzhi.notify.models import Notice
from gongzhi.org import queries as org
from gongzhi.org.rules import Standing

PAGE = 30
SHOWN = "shown"  # the state of what a page of ours stands in for: it went nowhere, and nobody may read "sent" of it


@dataclass(frozen=True)
class Page:
    """A page by key, newest first; `older` and `newer` are the keys of its neighbours, or None."""

    rows: list[Notice]
    older: int | None
    newer: int | None


def page(rows: QuerySet[Notice], *, before: int | None = None, after: int | None = None) -> Page:
    """Cut a page out: the newest, or those before or after a key."""
    if after:
        some = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
        more, shown = len(some) > PAGE, some[:PAGE][::-1]
        return Page(shown, shown[-1].pk if shown else None, shown[0].pk if more else None)
    if before:
        rows = rows.filter(pk__lt=before)
    some = list(rows.order_by("-pk")[: PAGE + 1])
    shown = some[:PAGE]
    return Page(shown, shown[-1].pk if len(some) > PAGE else None, shown[0].pk if before and shown else None)


def inbox(standing: Standing, *, unread_only: bool = False) -> QuerySet[Notice]:
    """List a person's notices, without those about what has since come to be closed to the person (rights 4.2)."""
    rows = _open_to(standing, Notice.objects.filter(channel="inbox", person_id=standing.person_id or 0))
    return rows.filter(read_at=None) if unread_only else rows


def _open_to(standing: Standing, rows: QuerySet[Notice]) -> QuerySet[Notice]:
    for kind, closed in registry.closed.items():
        rows = rows.exclude(Q(about_kind=kind) & Exists(closed(standing).filter(pk=OuterRef("about_id"))))
    return rows


def is_closed(notice: Notice) -> bool:
    """Say whether what a notice is about has come to be closed to its reader since it was written (rights 4.2)."""
    if notice.person is None:
        return False
    return not _open_to(org.standing(notice.person), Notice.objects.filter(pk=notice.pk)).exists()


def _waits(standing: Standing) -> Q:
    """Keep notices about what waits for the reader to do something."""
    found = Q(pk__in=[])
    for kind, (rows, of) in registry.waiting.items():
        found |= Q(about_kind=kind) & Q(Exists(rows(standing).filter(**{of: OuterRef("about_id")})))
    return found


def _things(rows: QuerySet[Notice]) -> QuerySet[Notice, Any]:
    """Put the notices about one thing together; one about nothing in particular stands alone."""
    return rows.values("about_kind", thing=Coalesce("about_id", -F("pk")))


def unread(standing: Standing | None) -> int:
    """Count the things of which a person has not read everything."""
    return _things(inbox(standing, unread_only=True)).distinct().count() if standing and standing.person_id else 0


def waiting(standing: Standing | None) -> int:
    """Count the things that wait for a person and of which something is unread: what the bell says."""
    if not standing or not standing.person_id:
        return 0
    return _things(inbox(standing, unread_only=True).filter(_waits(standing))).distinct().count()


@dataclass(frozen=True)
class Thread:
    """What a person was told about one thing: the last notice, how many there are, how many of them are unread."""

    notice: Notice
    n: int
    unread: int


@dataclass(frozen=True)
class Threads:
    """A page of threads by key, what is unread first, then the newest; `next` and `previous` are keys, or ""."""

    rows: list[Thread]
    next: str
    previous: str


VIEWS = ("", "todo", "unread")


def threads(standing: Standing, *, show: str = "", q: str = "", after: str = "", before: str = "") -> Threads:
    """Cut a page out of a person's inbox: all, what waits for the person, or what is unread; by words or a code."""
    rows = inbox(standing)
    if show == "todo":
        rows = rows.filter(_waits(standing))
    if q:
        rows = rows.filter(Q(title__icontains=q) | Q(words__icontains=q) | Q(values__code=codes.read_code(q) or q))
    found = _things(rows).annotate(
        last=Max("pk"), n=Count("pk"), unread=Count("pk", filter=Q(read_at=None)),
        fresh=Case(When(unread__gt=0, then=Value(1)), default=Value(0)))
    if show == "unread":
        found = found.filter(unread__gt=0)
    back, key = bool(before), _key(before or after)
    if key:
        side, (fresh, last) = "gt" if back else "lt", key
        found = found.filter(Q(**{f"fresh__{side}": fresh}) | Q(**{"fresh": fresh, f"last__{side}": last}))
    ordered = found.order_by("fresh", "last") if back else found.order_by("-fresh", "-last")
    some = list(ordered[: PAGE + 1])
    return _cut(some, back=back, begun=bool(key))


def _cut(some: list[dict[str, Any]], *, back: bool, begun: bool) -> Threads:
    more, shown = len(some) > PAGE, some[:PAGE][::-1] if back else some[:PAGE]
    notices = Notice.objects.in_bulk([row["last"] for row in shown])
    keys = [f"{row['fresh']}-{row['last']}" for row in shown]
    return Threads([Thread(notices[row["last"]], row["n"], row["unread"]) for row in shown],
                   keys[-1] if keys and (more or back) else "", keys[0] if keys and (more if back else begun) else "")


def _key(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"([01])-(\d{1,18})", text, re.ASCII)
    return (int(found[1]), int(found[2])) if found else None


def told(keys: Iterable[str]) -> set[str]:
    """Say which of some keys were told already."""
    return set(Notice.objects.filter(key__in=list(keys)).values_list("key", flat=True))


def tail_index(digits: str) -> bytes:
    """Make the index by which the last four digits of a number are found."""
    return crypto.blind(f"tail:{digits[-4:]}")


def demo_sms(tail: str = "") -> QuerySet[Notice]:
    """List what the demo would have sent by SMS, all or to numbers with the last four digits."""
    rows = Notice.objects.filter(channel="demo_sms").select_related("person")
    digits = re.sub(r"\D", "", tail)
    return rows.filter(tail=tail_index(digits)) if digits else rows


def deliveries(standing: Standing, channel: str = "", state: str = "") -> QuerySet[Notice]:
    """List messages that leave the house, by channel and state, as far as the reader may know of their matters."""
    rows = _open_to(standing, Notice.objects.exclude(channel="inbox").select_related("person"))
    if channel in channels.found():
        rows = rows.filter(channel=channel)
    if state in (Notice.SENT, SHOWN):
        on_page = Q(channel__in=[name for name in channels.found() if channels.is_page(name)])
        return rows.filter(on_page if state == SHOWN else ~on_page, state=Notice.SENT)
    return rows.filter(state=state) if state else rows


def state_of(notice: Notice) -> str:
    """Give the state of a message as the administrator reads it."""
    return SHOWN if notice.state == Notice.SENT and channels.is_page(notice.channel) else notice.state


def unsent(channel: str = "") -> dict[str, int]:
    """Count what has not gone out: {state: number}."""
    rows = Notice.objects.exclude(state=Notice.SENT)
    if channel:
        rows = rows.filter(channel=channel)
    return dict(rows.values_list("state").annotate(n=Count("pk")).order_by())
