"""Telling people, and getting it to them.

`tell_…` only write rows, inside the transaction of what they tell of: told exactly once, or not at all where the act is
rolled back. Sending is `send_due`, called by the worker over and over: what leaves the house leaves it at least once,
always under the same `sent_as`.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from gongzhi.base import clock, crypto
from gongzhi.base.errors import Refused
from gongzhi.log import actions as log
from gongzhi.notify import channels, queries, registry, rules
from gongzhi.notify.models import Notice
from gongzhi.org import queries as org

About = tuple[str, int | None]
IN_A_ROW = 3  # failures after which a channel is left alone for this round
logger = logging.getLogger("gongzhi.notify")


def tell_people(
    person_ids: Iterable[int],
    *,
    template: str,
    values: Mapping[str, Any],
    about: About,
    key: str,
    channels: Sequence[str] = ("inbox",),
) -> None:
    """Tell people who may see what it is about, and who stands in for them; the same key, person and channel is told
    once, ever.

    Put the case's code into `values` as "code": the inbox links to it.
    """
    _write(
        [{"recipient": f"person:{pk}", "person_id": pk} for pk in org.with_stand_ins(person_ids)],
        template, values, about, key, channels,
    )  # fmt: skip


def tell_phone(
    sealed_phone: bytes | memoryview,
    *,
    template: str,
    values: Mapping[str, Any],
    about: About,
    key: str,
) -> None:
    """Send a resident an SMS. The number stays sealed until it is sent; no number, no message."""
    number = crypto.open_sealed(sealed_phone)
    if number:
        whose = {
            "recipient": f"phone:{crypto.blind(number).hex()}",
            "phone": bytes(sealed_phone),
            "tail": queries.tail_index(number),
        }
        _write([whose], template, values, about, key, ["sms"])


def tell_webhook(*, values: Mapping[str, Any], about: About, key: str) -> None:
    """Tell the city's other systems; without an address in the settings nothing is written."""
    if forbidden := rules.NEVER & values.keys():
        raise ValueError(f"a webhook is not told {', '.join(sorted(forbidden))}")
    if settings.WEBHOOK_URL:
        Notice.objects.bulk_create(
            [Notice(key=key, channel="webhook", recipient="webhook", title=str(values.get("verb", ""))[:120],
                    values=dict(values), about_kind=about[0], about_id=about[1])],
            ignore_conflicts=True,
        )  # fmt: skip


def _write(
    recipients: list[dict[str, Any]],
    template: str,
    values: Mapping[str, Any],
    about: About,
    key: str,
    through: Sequence[str],
) -> None:
    title, words = registry.fill(template, values)
    fields = registry.templates[template].fields | {"code"}
    kept = {name: value for name, value in values.items() if name in fields}
    now, rows = clock.now(), []
    for name in map(channels.chosen, through):
        arrived = {"state": Notice.SENT, "sent_at": now} if channels.is_page(name) else {}
        rows += [
            Notice(key=key, channel=name, template=template, title=title[:120], words=words, values=kept,
                   about_kind=about[0], about_id=about[1], made_at=now, try_at=now, **whose, **arrived)
            for whose in recipients
        ]  # fmt: skip
    Notice.objects.bulk_create(rows, ignore_conflicts=True)


# -- sending


def send_due(channel: str, *, limit: int = 100) -> int:
    """Send what waits in a channel; return how many were tried. A gateway that is down is not asked again and again."""
    tried, in_a_row = 0, 0
    while tried < limit and in_a_row < IN_A_ROW and (notice := claim(channel)):
        tried += 1
        in_a_row = 0 if _try(notice) else in_a_row + 1
    return tried


def claim(channel: str) -> Notice | None:
    """Take the notice that has waited longest. If we die with it, it is taken again when the lease is over.

    The lock is not held while sending: an open transaction would hold back every projection.
    """
    with transaction.atomic():
        waiting = Notice.objects.filter(channel=channel, state=Notice.WAITING, try_at__lte=clock.now())
        notice = waiting.select_for_update(skip_locked=True, of=("self",)).order_by("try_at", "id").first()
        if notice is not None:
            notice.tries += 1
            notice.try_at = clock.now() + rules.LEASE
            notice.save(update_fields=["tries", "try_at"])
    return notice


def _try(notice: Notice) -> bool:
    """Send one notice and note how it went; say whether the channel works."""
    channel = channels.found()[notice.channel]
    try:
        if queries.is_closed(notice):
            _note(notice, state=Notice.KEPT, fault=_("写好以后收件人要回避这件事，没有发出"))
            return True
        to = channel.address(notice)
        if not to:
            _note(notice, state=Notice.KEPT, fault=_("没有地址，或没有设置这个渠道"))
            return True
        channel.send(notice, to)
    except Exception as fault:
        _fail(notice, fault)
        return False
    _note(notice, state=Notice.SENT, sent_at=clock.now(), fault="")
    return True


def _fail(notice: Notice, fault: Exception) -> None:
    """Note a failed try. A fault's own words may hold a number or a key: only an Undelivered is quoted."""
    sentence = str(fault) if isinstance(fault, channels.Undelivered) else type(fault).__name__
    wait = rules.next_wait(notice.tries)
    state = {"try_at": clock.now() + wait} if wait else {"state": Notice.FAILED}
    _note(notice, fault=sentence[:200], **state)
    logger.warning("not delivered", extra={"channel": notice.channel, "notice": str(notice), "tries": notice.tries,
                                           "fault": sentence})  # fmt: skip


def _note(notice: Notice, **changes: Any) -> None:
    """Write how a try went, unless another worker has sent it meanwhile."""
    Notice.objects.filter(pk=notice.pk, state=Notice.WAITING).update(**changes)


def resend(notice_id: int, *, by: int) -> None:
    """Try a message again now that was given up, kept, or waits for its next try."""
    with transaction.atomic():
        _again(Notice.objects.filter(pk=notice_id), by, ("notice", notice_id))


def resend_all(channel: str, *, by: int) -> int:
    """Try everything again that a channel gave up or kept; return how many."""
    with transaction.atomic():
        unsent = Notice.objects.filter(channel=channel, state__in=[Notice.FAILED, Notice.KEPT])
        return _again(unsent, by, ("channel", None), channel=channel)


def _again(notices: QuerySet[Notice], by: int, subject: About, **data: Any) -> int:
    reachable = notices.exclude(state=Notice.SENT).exclude(Q(recipient__startswith="phone:") & Q(phone=b""))
    n = reachable.update(state=Notice.WAITING, tries=0, try_at=clock.now())
    if not n:
        raise Refused(_("没有可以重发的：已经发出，或号码已按规定删除。"))
    log.append("notice.resend", actor=f"person:{by}", subject=subject, data={"n": n, **data})
    return n


# -- reading and forgetting


def read(person_id: int, about: About | None = None) -> None:
    """Mark what a person's inbox says about one thing as read, or all."""
    mine = Notice.objects.filter(channel="inbox", person_id=person_id, read_at=None)
    if about is not None:
        mine = mine.filter(about_kind=about[0], about_id=about[1])
    mine.update(read_at=clock.now())


def forget_phones() -> int:
    """Delete residents' numbers from messages older than the retention time; return from how many.

    What still waits that long is given up: the news is stale. 个人信息保护法 art. 19: no longer than necessary.
    """
    old = Notice.objects.exclude(phone=b"").filter(made_at__lt=clock.now() - timedelta(days=settings.PHONE_DAYS))
    old.filter(state=Notice.WAITING).update(state=Notice.FAILED, try_at=F("made_at"))
    return old.update(phone=b"", tail=b"")
