"""What is said between the city hotline and us: kinds of messages, names of fields, when to try again. Plain data."""

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from gongzhi.requests.rules import KINDS as REQUEST_KINDS

# What comes in. Each kind has the words by which another house may call it.
KINDS = {
    "order": _("工单"), "urge": _("催办"), "more": _("补充"), "due": _("改时限"), "cancel": _("撤单"), "redo": _("重办"),
    "reject": _("退回答复"), "result": _("回访结果"),
}
KIND_WORDS = {
    "order": ("工单", "派单", "交办"), "urge": ("催办", "催单"), "more": ("补充", "补充说明"), "due": ("改时限", "延期批复"),
    "cancel": ("撤单", "撤回", "作废"), "redo": ("重办", "发回重办"), "reject": ("退回", "退回答复", "答复不通过"),
    "result": ("回访", "回访结果"),
}
REQUEST_WORDS = {"consult": "咨询", "help": "求助", "complain": "投诉", "tip_off": "举报", "suggest": "建议"}
# Of messages of one group the newest holds, and an older one that comes late changes nothing. What only adds is in none.
GROUPS = {"order": "order", "due": "due", "urge": "urge", "cancel": "matter", "redo": "matter", "reject": "matter",
          "result": "matter"}

# The fields of a message that comes in, by our names; a source may call them otherwise.
FIELDS_IN = {
    "id": _("消息编号"), "type": _("消息种类"), "number": _("热线工单编号"), "seq": _("同一工单的消息序号"),
    "words": _("诉求内容"), "caller_name": _("诉求人"), "caller_phone": _("联系电话"), "secret": _("是否保密"),
    "address": _("地址"), "lon": _("经度"), "lat": _("纬度"), "received_at": _("受理时间"), "due_at": _("办结时限"),
    "category_code": _("类别编码"), "category_name": _("类别名称"), "kind": _("诉求类型"), "reason": _("说明或理由"),
    "solved": _("是否解决"), "satisfied": _("满意度"),
}
# The same of what goes out.
FIELDS_OUT = {
    "id": _("消息编号"), "number": _("热线工单编号"), "seq": _("消息序号"), "event": _("办理环节"), "at": _("时间"),
    "code": _("本区编号"), "unit": _("承办单位"), "words": _("答复或说明"), "due_at": _("办结时限"),
    "solved": _("是否解决"), "satisfied": _("满意度"),
}
EVENTS = {
    "accepted": _("已受理"), "dispatched": _("已派单"), "signed": _("已签收"), "interim": _("阶段反馈"),
    "extension_asked": _("申请延期"), "extended": _("同意延期"), "extension_refused": _("不同意延期"), "held": _("挂起"),
    "resumed": _("恢复办理"), "replied": _("答复"), "answered": _("当场答复"), "refused": _("不予受理"),
    "returned": _("退回"), "merged": _("并单"), "redone": _("重办中"), "withdrawn": _("已撤单"), "ended": _("办结归档"),
}
ANSWERS = ("replied", "answered", "refused", "returned", "merged")  # what stands in the sheet of replies
ENDS = ("answered", "refused", "returned", "withdrawn", "ended")
COLUMNS = (("number", _("工单编号")), ("unit", _("承办单位")), ("event", _("办理结果")), ("words", _("答复内容")),
           ("at", _("办理时间")), ("code", _("本区编号")))  # the sheet of replies, until a source says otherwise

STATES = {  # what became of a message that came: (mark, words)
    "applied": ("done", _("已处理")), "known": ("done", _("早已收到")), "old": ("wait", _("比已处理的旧，未采用")),
    "parked": ("due", _("等工单到达")), "refused": ("late", _("没有照办")), "faulty": ("late", _("内容有误，未收")),
    "gone": ("wait", _("一直没有等到工单")),
}
ORDERS = {"open": ("intime", _("办理中")), "answered": ("due", _("已答复")), "ended": ("done", _("已完结"))}
SENDING = {
    "waiting": ("intime", _("待送出")), "failed": ("late", _("多次未送成")), "kept": ("wait", _("等待导出")),
    "sent": ("done", _("已送达")), "handed": ("done", _("已随文件交出")),
}
# After which wait the next try comes; when they are used up a person decides (default, no source).
WAITS = [timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 21600)]
LEASE = timedelta(seconds=60)  # how long a try may take before another worker takes over
IN_A_ROW = 3  # failures after which a source is left alone for this round
SEQ_LIMIT = 2**53  # of what JSON carries without loss
TITLE = 30  # characters of a source's name
YES = {"1", "是", "保密", "true", "yes", "y"}
SOLVED = {"solved": ("1", "是", "已解决", "解决"), "partly": ("部分解决", "基本解决"), "unsolved": ("0", "否", "未解决", "没解决")}
SATISFIED = {5: ("非常满意",), 4: ("满意",), 3: ("基本满意", "一般"), 2: ("不满意",), 1: ("非常不满意", "很不满意")}
NUMBER = re.compile(r"[0-9A-Z][0-9A-Z\-_./\[\]〔〕号第字]{0,59}")


@dataclass(frozen=True)
class Message:
    """One message of a source as it was read. `id`: the source's own, by which it is known again; `seq`: its order among
    the messages of one number, None where the source gives none."""

    id: str
    kind: str
    number: str
    seq: int | None = None
    words: str = ""
    name: str = ""
    phone: str = ""
    secret: bool = False
    address: str = ""
    lon: float | None = None
    lat: float | None = None
    received_at: datetime | None = None
    due_at: datetime | None = None
    category_code: str = ""
    category_name: str = ""
    about: str = ""  # kind of request
    reason: str = ""
    solved: str = ""
    satisfied: int | None = None


@dataclass(frozen=True)
class Told:
    """What became of a message, as its sender is told at once."""

    state: str
    said: str = ""
    code: str = ""
    again: bool = False
    faults: Mapping[str, str] = field(default_factory=dict)


def number(text: str) -> str:
    """Bring a number of the hotline to the one form it is kept and looked for in; "" if it can be none."""
    found = "".join(str(text).split()).upper()
    return found if NUMBER.fullmatch(found) else ""


def kind(text: str) -> str:
    """Read what kind of message it is; "" if it is none we know."""
    text = text.strip() or "order"
    return text if text in KINDS else next((k for k, words in KIND_WORDS.items() if text in words), "")


def about(text: str) -> str:
    """Read a kind of request, by our name or in Chinese; "" where it must be guessed."""
    text = text.strip()
    if text in REQUEST_KINDS or not text:
        return text
    return next((k for k, words in REQUEST_WORDS.items() if text.startswith(words)), "")


def solved(text: str) -> str:
    """Read whether it was solved; "" if that is not said."""
    text = text.strip()
    return text if text in SOLVED else next((k for k, words in SOLVED.items() if text in words), "")


def satisfied(text: str) -> int | None:
    """Read how satisfied the reporter was, a level or its words; None if that is not said."""
    text = text.strip()
    if text in ("1", "2", "3", "4", "5"):
        return int(text)
    return next((n for n, words in SATISFIED.items() if text in words), None)


def next_wait(tries: int) -> timedelta | None:
    """Tell how long to wait after so many failed tries, or None when a person must decide."""
    return WAITS[tries - 1] if tries <= len(WAITS) else None


def sign(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    """Sign a message as Standard Webhooks does: "v1," and the base64 of HMAC-SHA256 of "id.timestamp.body"."""
    digest = hmac.digest(secret.encode(), f"{message_id}.{stamp}.".encode() + body, "sha256")
    return f"v1,{b64encode(digest).decode()}"


def laid_out(facts: Mapping[str, Any], names: Mapping[str, str], words: Mapping[str, str]) -> dict[str, Any]:
    """Write what goes out in the layout of a source: its names of fields, its words for events; what is empty stays away."""
    said = {**facts, "event": words.get(facts.get("event", ""), facts.get("event", ""))}
    return {names.get(name, name): said[name] for name in FIELDS_OUT if said.get(name) not in (None, "")}


def read_pairs(text: str, known: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Read lines of “ours = theirs”; return the pairs, and the lines that name nothing we know."""
    pairs: dict[str, str] = {}
    wrong = []
    names = set(known)
    for line in filter(None, (part.strip() for part in text.splitlines())):
        ours, _sep, theirs = (part.strip() for part in line.replace("＝", "=").partition("="))
        if ours in names and theirs and len(theirs) <= 40 and theirs not in pairs.values():
            pairs[ours] = theirs
        else:
            wrong.append(line[:40])
    return pairs, wrong


def write_pairs(pairs: Iterable[Iterable[Any]]) -> str:
    """Write pairs as lines of “ours = theirs”."""
    return "\n".join(" = ".join(map(str, pair)) for pair in pairs)


def dump(facts: Mapping[str, Any]) -> str:
    """Write facts as JSON that people can read."""
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
