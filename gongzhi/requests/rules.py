"""What the trade says about requests, as plain data and functions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import phonenumbers
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from gongzhi.base import html

# Five kinds of what people say: 北京市接诉即办工作条例 art. 2.
KINDS = {
    "consult": _("咨询"), "help": _("求助"), "complain": _("投诉"), "tip_off": _("举报"), "suggest": _("建议"),
}
GUARDED = ("complain", "tip_off")  # whose original words are closed to handlers: rights 4.1
CHANNELS = {
    "portal": _("网页"), "qr": _("小区二维码"), "phone": _("热线电话"), "grid": _("网格员上报"),
    "window": _("服务窗口"), "api": _("接口"), "open311": _("Open311 接口"), "hotline": _("市热线转来"),
}
SOLVED = {"solved": _("已解决"), "partly": _("部分解决"), "unsolved": _("未解决")}
# Five levels of 好差评; the elder mode shows 5, 3 and 1. From 3 up counts as satisfied (default, no source).
SATISFACTION = {5: _("非常满意"), 4: _("满意"), 3: _("基本满意"), 2: _("不满意"), 1: _("非常不满意")}
ELDER_LEVELS = (5, 3, 1)
SATISFIED_FROM = 3
PUBLIC_STATES = {
    "received": _("已收到"), "dispatching": _("正在派单"), "handling": _("办理中"), "to_rate": _("待您评价"),
    "done": _("已办完"), "redoing": _("正在重办"),
}
EMERGENCY_LINES = {"110": _("110 报警"), "119": _("119 火警"), "120": _("120 急救"), "122": _("122 交通事故")}
LEGAL_CHANNELS = {
    "court": _("诉讼"), "arbitration": _("仲裁"), "discipline": _("纪检监察"), "review": _("行政复议"),
    "disclosure": _("政府信息公开"), "petition": _("已进入信访程序"),
}
MOBILE = re.compile(r"1[3-9][0-9]{9}")  # numbers that take a text message
ONLINE = ("portal", "qr", "api")  # who came by these has the link; an app that speaks Open311 may keep it to itself
# Ours until the city writes its own: defaults.py reads these, nothing else does. ---------------------------------------

RETURN_CODES = {
    "not_mine": _("不属于本单位职责"), "wrong_place": _("不在本单位辖区"), "needs_lead": _("应由其他单位主办"),
    "duplicate": _("与其他事项重复"), "unclear": _("事项不清，无法办理"),
}
# What the clerk says for each of the six lawful ways not to dispatch: 条例 art. 11, texts ours.
DECLINE_TEXTS = {
    "emergency": _("您反映的情况紧急，应由 {转接} 处理。我们已即时转接，请保持电话畅通。"),
    "legal": _("您反映的事项依法应当通过{渠道}途径解决，请向有权机关提出。"),
    "repeat": _("您反映的同一事项（编号 {编号}）正在办理或已经办结，没有新的事实，现将结果告知您。"),
    "secret": _("您反映的事项涉及国家秘密、商业秘密或个人隐私，按规定不能通过本渠道办理，特向您解释。"),
    "outside": _("您反映的事项不属于行政机关职责，可以通过市场或社会渠道解决：{渠道}。"),
    "unlawful": _("您提出的要求与法律法规或公序良俗不符，请您理解。"),
}
DECLINES = {
    "emergency": _("转110/119/120/122"), "legal": _("告知法定途径"), "repeat": _("同一事项告知结果"),
    "secret": _("涉密涉隐私解释"), "outside": _("引导市场社会渠道"), "unlawful": _("违法违背公序良俗劝导"),
}
DECLINE_GAPS = {"emergency": ("转接",), "legal": ("渠道",), "repeat": ("编号",), "outside": ("渠道",)}
# Words by which the kind is guessed, the first that fits; else somebody asks for help (default, no source).
KIND_WORDS = {
    "tip_off": ("举报",), "complain": ("投诉", "态度恶劣", "不作为"), "suggest": ("建议",),
    "consult": ("咨询", "请问", "怎么办理", "如何办理"),
}
# Phrases that say nothing of what was done: the page warns, it does not refuse (default, no source).
EMPTY_PHRASES = (
    "已转相关部门", "已转有关部门", "已反馈相关部门", "正在处理中", "正在积极处理", "高度重视", "下一步将", "尽快处理",
    "请耐心等待", "已知晓", "情况属实，已处理",
)
DEFAULT_STANDARD = ("7d calendar", "参照北京市地方标准 DB11/T 2021—2022（征求意见稿）：一般诉求 7 日内")
CHECK_ONE_IN = 20  # site check on a sample: 5 % (default, no source)

# ----------------------------------------------------------------------------------------------------------------------

NEARBY_METRES = 50
TITLE = 40
FEW_SUPPORTERS = 5  # fewer are shown as "<5": rights 4.1
CATEGORY_KINDS = {"part": _("部件"), "event": _("事件"), "matter": _("居民诉求")}
BARE = "默认值"  # how the source of a limit begins that has none
# How a time limit is written in 设置: the ending of the process language after the number.
LIMIT_UNITS = {
    "d": _("个工作日"), "d calendar": _("个自然日"), "h": _("个工作小时"), "h calendar": _("小时（不论上下班）"),
    "m": _("分钟（工作时间）"), "m calendar": _("分钟（不论上下班）"),
}
UNDO_SECONDS = 60
OF_SUMMARY = "#"  # marks the search tokens of a summary: who may not read the original finds a complaint by these


def summary_tokens(tokens: Iterable[str]) -> list[str]:
    """Mark search tokens as those of a summary."""
    return [OF_SUMMARY + token for token in tokens]


OUR_DEFAULT = "默认值"  # a source that begins so has no rule behind it; what follows is for staff


def time_limit(limit: str, source: str) -> str:
    """Say by which rule a deadline was made, as it is told to residents: its length, and the name of its source."""
    named = _("本区默认时限") if not source or source.startswith(OUR_DEFAULT) else source
    return say("按 %(limit)s的办理时限，依据：%(source)s") % {"limit": html.duration(limit), "source": named}


ANSWERED = ("to_rate", "done")  # nobody joins what was answered already


def phone_digits(text: str) -> str:
    """Bring a Chinese number to its national digits; "" if it is none."""
    if MOBILE.fullmatch(text):  # what nearly everybody gives; the library reads all other ways of writing
        return text
    try:
        number = phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException:
        return ""
    if any(c.isalpha() for c in text) or not phonenumbers.is_possible_number(number):
        return ""
    digits = str(number.national_number)
    return digits if 7 <= len(digits) <= 12 else ""


def spot_words(compound: str, address: str) -> str:
    """Say a spot once: 祥和花园 3号楼1单元201; the compound is left out where the address names it itself."""
    address = " ".join(address.split())
    return address if address.startswith(compound) else " ".join(filter(None, [compound, address]))


def title(words: str) -> str:
    """Give the title of a matter: its first line, with … where it was longer."""
    line = words.splitlines()[0] if words else ""
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"


def supporters_words(n: int) -> str:
    """Say how many others met the same; few are not counted out."""
    return "" if n == 0 else f"<{FEW_SUPPORTERS}" if n < FEW_SUPPORTERS else str(n)


def restaged(staged: str, limit: str) -> str:
    """Write the time limits of stages anew where the whole has another: the last of them is the whole's."""
    *before, last = [stage.strip() for stage in staged.split(";")]
    return "; ".join([*before, f"{last.partition(' ')[0]} {limit}"]) if last else ""


def is_sampled(case_id: int, one_in: int) -> bool:
    """Choose one case in so many for a site check; the same answer whenever asked."""
    return case_id * 2654435761 % 2**32 % one_in == 0


def mask_name(name: str) -> str:
    """Show a name by its first character."""
    return name[:1] + "*" * (len(name) - 1) if name else ""


@dataclass(frozen=True)
class Theirs:
    """What comes with a matter that another house sends: its own number and deadline, and what it keeps to itself.

    `asks`: it asks the reporter itself what became of it. `secret`: the reporter asked it not to be named.
    """

    number: str
    due_at: datetime | None = None
    due_source: str = ""
    asks: bool = False
    secret: bool = False


@dataclass(frozen=True)
class Suggestion:
    """A unit the machine suggests, with its reasons, the source of each first."""

    unit_id: int
    unit_name: str
    reasons: tuple[tuple[str, str], ...]  # (source, words)
    confidence: float
