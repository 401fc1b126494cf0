"""Every write about hotlines that is not a message of theirs: sources, mapping, sending again, handing over, forgetting."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.base import clock, crypto
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow.actors import Actor
from gongzhi.hotline import process, queries, rules
from gongzhi.hotline.models import Arrival, CategoryMap, Handover, Outgoing, Source
from gongzhi.log import actions as log
from gongzhi.places import index
from gongzhi.places.models import Place
from gongzhi.requests import defaults
from gongzhi.requests.models import Category

AREAS = ("city", "district", "street")  # kinds of place whose orders a hotline may send
SHEET_LIMIT = 20_000  # answers in one sheet
KEPT = 1000  # rows forgotten in one statement


# Sources --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_source(source: Source, given: Mapping[str, str], *, by: Actor) -> Source:
    """Keep a hotline, new or changed; raise Faults by field."""
    faults: dict[str, str] = {}
    text = {name: str(value).replace("\x00", "").strip() for name, value in given.items()}
    _read_name(source, text, faults)
    source.url = text.get("url", "")
    if source.url and not _is_address(source.url):
        faults["url"] = _("请填 https 开头的地址；没有接口就留空，用答复表。")
    place = text.get("area", "")
    node = index.node(int(place)) if place.isascii() and place.isdecimal() and len(place) < 19 else None
    if node is None or node.kind not in AREAS:
        faults["area"] = _("请选它交办哪里的事。")
    else:
        source.area = Place.objects.get(pk=node.id)
    source.asks, source.direct, source.active = (text.get(name) == "1" for name in ("asks", "direct", "active"))
    _read_layout(source, text, faults)
    if faults:
        raise Faults(faults)
    new = source.pk is None
    if new:
        source.secret = crypto.seal(secrets.token_urlsafe(32))
    source.save()
    log.append("hotline.source", actor=by.line, subject=("hotline", source.pk),
               data={"new": new, "asks": source.asks, "direct": source.direct, "active": source.active})
    return source


def _read_name(source: Source, text: Mapping[str, str], faults: dict[str, str]) -> None:
    source.title = text.get("title", "")
    if not source.title or len(source.title) > rules.TITLE:
        faults["title"] = _("请填名称，最多 {n} 个字。").format(n=rules.TITLE)
    if source.pk is None:
        source.key = text.get("key", "")
        plain = source.key.isascii() and source.key.replace("-", "").isalnum() and source.key == source.key.lower()
        if not plain or len(source.key) > 24:
            faults["key"] = _("请填小写字母、数字和短横线，最多 24 个，例如 city-12345。")
        elif Source.objects.filter(key=source.key).exists():
            faults["key"] = _("已经有这个标识了。")


def _is_address(given: str) -> bool:
    """Say whether answers may go to an address: over TLS, but for a hotline on this machine or in the demo."""
    try:
        parts = urlsplit(given)
    except ValueError:
        return False
    plain = given.isascii() and given.isprintable() and " " not in given and len(given) <= 300
    here = settings.GONGZHI_DEMO or parts.hostname in ("127.0.0.1", "localhost")
    safe = parts.scheme == "https" or (parts.scheme == "http" and here)
    return plain and safe and bool(parts.hostname) and "@" not in parts.netloc


def _read_layout(source: Source, text: Mapping[str, str], faults: dict[str, str]) -> None:
    """Read how a hotline names what it sends and gets; lines left out keep our names."""
    for name, known in (("names_in", rules.FIELDS_IN), ("names_out", rules.FIELDS_OUT), ("words_out", rules.EVENTS),
                        ("columns", rules.FIELDS_OUT)):
        pairs, wrong = rules.read_pairs(text.get(name, ""), known)
        if wrong:
            faults[name] = _("看不懂这几行：{lines}。每行写“我们的名称 = 对方的名称”。").format(lines="；".join(wrong[:3]))
        setattr(source, name, list(map(list, pairs.items())) if name == "columns" else pairs)


@transaction.atomic
def new_secret(source: Source, *, by: Actor) -> str:
    """Give a hotline another key to sign with; the former is worth nothing from now on. Shown once."""
    made = secrets.token_urlsafe(32)
    source.secret = crypto.seal(made)
    source.save(update_fields=["secret"])
    log.append("hotline.secret", actor=by.line, subject=("hotline", source.pk))
    return made


@transaction.atomic
def map_category(row: CategoryMap, code: str, *, by: Actor) -> CategoryMap:
    """Say which of our categories a hotline means; "" for none yet. What was taken in before stays as it is."""
    found = Category.objects.filter(code=code, active=True).exclude(limit="").first() if code else None
    if code and found is None:
        raise Faults({"category": _("没有这个类别，请从列表里选。")})
    row.category = found
    row.save(update_fields=["category"])
    log.append("hotline.category", actor=by.line, subject=("hotline", row.source_id),
               data={"map": row.pk, "code": found.code if found else ""})
    return row


# Out ------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def resend(message: Outgoing, *, by: Actor) -> None:
    """Try a message again now that was given up, or waits for its next try."""
    n = Outgoing.objects.filter(pk=message.pk, state__in=[Outgoing.FAILED, Outgoing.WAITING, Outgoing.KEPT]).exclude(
        facts=b"").exclude(source__url="").update(state=Outgoing.WAITING, tries=0, try_at=clock.now())
    if not n:
        raise Refused(_("不能再发：已经送到，或对方没有接口地址，或内容已按规定删除。"))
    log.append("hotline.resend", actor=by.line, subject=("order", message.order_id), data={"message": message.pk, "n": n})


@transaction.atomic
def resend_failed(source: Source, *, by: Actor) -> int:
    """Try everything again that a hotline did not take."""
    failed = Outgoing.objects.filter(source=source, state=Outgoing.FAILED).exclude(facts=b"")
    n = failed.update(state=Outgoing.WAITING, tries=0, try_at=clock.now())
    if not n:
        raise Refused(_("没有可以再发的。"))
    log.append("hotline.resend", actor=by.line, subject=("hotline", source.pk), data={"n": n})
    return n


@transaction.atomic
def hand_over(source: Source, *, by: Actor) -> Handover:
    """Put all answers that were neither sent nor handed over into one sheet; they count as handed over from now on."""
    assert by.person_id is not None
    rows = queries.answers_new(source).select_for_update(of=("self",))
    ids = list(rows.values_list("pk", flat=True)[:SHEET_LIMIT])
    if not ids:
        raise Refused(_("没有新的答复。"))
    made = Handover.objects.create(source=source, person_id=by.person_id, n=len(ids), at=clock.now())
    Outgoing.objects.filter(pk__in=ids).update(state=Outgoing.HANDED, handover=made, sent_at=clock.now())
    log.append("hotline.handover", actor=by.line, subject=("hotline", source.pk), data={"handover": made.pk, "n": len(ids)})
    return made


def note_sheet(source: Source, n: int, *, by: Actor, **what: object) -> None:
    """Write down that somebody took a sheet of answers out of the house once more."""
    log.append("hotline.sheet", actor=by.line, subject=("hotline", source.pk), data={"n": n, **what})


# Forgetting -----------------------------------------------------------------------------------------------------------


def forget() -> int:
    """Delete what came and what went after the time the city keeps it: 个人信息保护法 art. 19, no longer than necessary.

    An order that never came for a parked message is given up with it; an answer that never left stays.
    """
    until, n = clock.now() - timedelta(days=defaults.number(process.DAYS)), 0
    while ids := list(Arrival.objects.filter(at__lt=until).exclude(raw=b"").values_list("pk", flat=True)[:KEPT]):
        with transaction.atomic():
            rows = Arrival.objects.filter(pk__in=ids)
            rows.filter(state="parked").update(state="gone")
            n += rows.update(raw=b"")
    gone = Outgoing.objects.filter(made_at__lt=until, state__in=[Outgoing.SENT, Outgoing.HANDED]).exclude(facts=b"")
    while ids := list(gone.values_list("pk", flat=True)[:KEPT]):
        n += Outgoing.objects.filter(pk__in=ids).update(facts=b"")
    return n
