"""Reading a message of a hotline: JSON of whatever names it uses. What is wrong is told all at once, by our names."""

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from gongzhi.base import clock
from gongzhi.base.errors import Faults, Refused
from gongzhi.hotline import rules
from gongzhi.hotline.rules import Message
from gongzhi.requests.actions import ADDRESS_LIMIT, WORDS_LIMIT
from gongzhi.requests.rules import phone_digits

SHAPES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d%H%M%S", "%Y年%m月%d日 %H:%M")
OLDEST, FARTHEST = timedelta(days=3660), timedelta(days=3660)


def read(body: bytes, names: Mapping[str, str]) -> dict[str, str]:
    """Read the JSON of a message into plain texts by our names; raise Refused for what is no message."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise Refused(_("消息不是 JSON。")) from fault
    if not isinstance(given, dict):
        raise Refused(_("消息应是一个 JSON 对象。"))
    found = {ours: given.get(names.get(ours, ours)) for ours in rules.FIELDS_IN}
    return {name: _text(value) for name, value in found.items() if value not in (None, "")}


def _text(value: Any) -> str:
    """Give a plain value as text; of what is nested nothing is known."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value).replace("\x00", "").strip()[: WORDS_LIMIT + 1] if isinstance(value, str | int) else ""


def message(given: Mapping[str, str]) -> Message:
    """Make a message of texts by our names; raise Faults by field."""
    faults: dict[str, str] = {}
    text = given.get
    kind, number = rules.kind(text("type", "")), rules.number(text("number", ""))
    if not text("id") or len(text("id", "")) > 80:
        faults["id"] = _("每条消息要有自己的编号（最多 80 个字符），重发时不变。")
    if not kind:
        faults["type"] = _("不认识这种消息：{type}。").format(type=text("type", "")[:20])
    if not number:
        faults["number"] = _("请给出热线工单编号：数字、字母和 - _ . / 号，最多 60 个字符。")
    made = Message(
        id=text("id", "")[:80], kind=kind, number=number, seq=_seq(text("seq", ""), faults), words=text("words", ""),
        name=text("caller_name", "")[:40], phone=_phone(text("caller_phone", ""), faults),
        secret=text("secret", "").lower() in rules.YES, address=text("address", "")[:ADDRESS_LIMIT],
        lon=_degree(text("lon", "")), lat=_degree(text("lat", "")),
        received_at=_moment("received_at", given, faults), due_at=_moment("due_at", given, faults),
        category_code=text("category_code", "")[:60], category_name=text("category_name", "")[:120],
        about=rules.about(text("kind", "")), reason=text("reason", "")[:500], solved=rules.solved(text("solved", "")),
        satisfied=rules.satisfied(text("satisfied", "")))
    faults |= _missing(made, given)
    if faults:
        raise Faults(faults)
    return made


def _missing(made: Message, given: Mapping[str, str]) -> dict[str, str]:
    """Say what a message of its kind cannot be without, or says in words nobody knows."""
    faults = {}
    if made.kind == "order" and not made.words:
        faults["words"] = _("工单没有诉求内容。")
    if len(made.words) > WORDS_LIMIT:
        faults["words"] = _("最多写 {n} 个字，现在是 {m} 个字。").format(n=WORDS_LIMIT, m=len(made.words))
    if made.kind == "more" and not (made.words or made.reason):
        faults["words"] = _("补充没有内容。")
    if made.kind == "due" and made.due_at is None and "due_at" not in given:
        faults["due_at"] = _("请给出新的办结时限。")
    if made.kind == "result":
        for name, value in (("solved", made.solved), ("satisfied", made.satisfied)):
            if given.get(name) and not value:
                faults[name] = _("看不懂“{value}”。").format(value=given[name][:20])
    return faults


def _phone(text: str, faults: dict[str, str]) -> str:
    digits = phone_digits(text) if text else ""
    if text and not digits:
        faults["caller_phone"] = _("电话号码不对，请检查；也可以不留。")
    return digits


def _seq(text: str, faults: dict[str, str]) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text[:20]) < rules.SEQ_LIMIT):
        faults["seq"] = _("消息序号应是 0 以上的整数。")
        return None
    return int(text)


def _degree(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and found else None  # 0 is what systems write for nothing


def _moment(name: str, given: Mapping[str, str], faults: dict[str, str]) -> datetime | None:
    text = given.get(name, "")
    if not text:
        return None
    try:
        found = moment(text)
    except ValueError:
        found = None
    now = clock.now()
    if found is None or not now - OLDEST < found < now + FARTHEST:
        faults[name] = _("“{text}”不是时间，请写成 2026-03-02 14:30 这样。").format(text=text[:40])
        return None
    return found


def moment(text: str) -> datetime:
    """Read a moment: ISO 8601, or as it stands on a clock in China; raise ValueError."""
    for shape in SHAPES:
        try:
            return datetime.strptime(text, shape).replace(tzinfo=clock.CHINA)
        except ValueError:
            continue
    found = datetime.fromisoformat(text)
    try:
        return found.astimezone(clock.CHINA) if found.tzinfo else found.replace(tzinfo=clock.CHINA)
    except OverflowError as fault:
        raise ValueError(text) from fault
