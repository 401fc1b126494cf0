"""Getting answers to a hotline: again and again until it has taken them, one after the other of each order."""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx
from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.base import clock, crypto
from gongzhi.hotline import queries, rules
from gongzhi.hotline.models import Outgoing

PATIENCE = 10  # seconds a hotline gets to answer
logger = logging.getLogger("gongzhi.hotline")
_client: list[httpx.Client] = []


def send_due(*, limit: int = 100) -> int:
    """Send what waits; return how many were tried. A hotline that is down is left alone, and does not hold up another."""
    tried, failed = 0, Counter[int]()
    while tried < limit and (message := claim([source for source, n in failed.items() if n >= rules.IN_A_ROW])):
        tried += 1
        failed[message.source_id] = 0 if send(message) else failed[message.source_id] + 1
    return tried


def claim(but: Sequence[int] = ()) -> Outgoing | None:
    """Take the message that has waited longest, `but` not of these sources.

    If we die with it, it is taken again when the lease is over.

    The lock is not held while sending: an open transaction would hold back every projection.
    """
    with transaction.atomic():
        message = queries.next_to_send(but).select_for_update(skip_locked=True, of=("self",)).first()
        if message is not None:
            message.tries += 1
            message.try_at = clock.now() + rules.LEASE
            message.save(update_fields=["tries", "try_at"])
    return message


def send(message: Outgoing) -> bool:
    """Send one message and note how it went; say whether the hotline took it."""
    source = message.source
    try:
        body = rules.dump(laid_out(message)).encode()
        number, stamp = str(message.sent_as), str(int(clock.now().timestamp()))
        headers = {"Content-Type": "application/json", "webhook-id": number, "webhook-timestamp": stamp,
                   "webhook-signature": rules.sign(crypto.open_sealed(source.secret), number, stamp, body)}
        answer = _http().post(source.url, content=body, headers=headers)
        fault = "" if answer.is_success else _("对方回答 {status}").format(status=answer.status_code)
    except httpx.HTTPError as trouble:
        fault = _("对方没有应答（{what}）").format(what=type(trouble).__name__)
    except Exception as trouble:  # its words may hold a key or a number
        logger.exception("an answer could not be written")
        fault = type(trouble).__name__
    return _note(message, fault)


def _http() -> httpx.Client:
    """Keep connections: most answers go to one place."""
    if not _client:
        _client.append(httpx.Client(timeout=PATIENCE, follow_redirects=False))
    return _client[0]


def laid_out(message: Outgoing) -> dict[str, Any]:
    """Write a message in the layout of its hotline as it is now."""
    source = message.source
    return rules.laid_out(facts(message), source.names_out, source.words_out)


def facts(message: Outgoing) -> dict[str, Any]:
    """Open what a message says, by our names."""
    return dict(json.loads(crypto.open_sealed(message.facts) or "{}"))


def _note(message: Outgoing, fault: str) -> bool:
    """Write how a try went, unless another worker has sent it meanwhile."""
    changes: dict[str, Any] = {"state": Outgoing.SENT, "sent_at": clock.now(), "fault": ""}
    if fault:
        wait = rules.next_wait(message.tries)
        changes = {"fault": fault[:200], **({"try_at": clock.now() + wait} if wait else {"state": Outgoing.FAILED})}
        logger.warning("not delivered", extra={"hotline": message.source.key, "message": str(message), "fault": fault})
    Outgoing.objects.filter(pk=message.pk, state=Outgoing.WAITING).update(**changes)
    return not fault
