"""Texts and numbers that a city will change: ours with their source, until somebody in 设置 writes the city's own."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from gongzhi.flow.forms import GAP
from gongzhi.requests import rules
from gongzhi.requests.models import Default

REPLIES = ("reply", "told", "explanation")  # fields whose words go to the reporter
NO_SOURCE = _("默认值，无来源")
YES, NO = "yes", "no"
_KEPT_FOR = 10.0  # seconds
_kept: dict[str, tuple[float, dict[str, Default]]] = {}


@dataclass(frozen=True)
class Known:
    """One default: what it is called, how it is written, and what it is while the city has not said otherwise.

    `kind`: text; lines (one entry each); number; yes (or no); duration (of the process language). `gaps`: names in braces that a
    text may hold, filled in when it is used.
    """

    title: str | Promise
    kind: str
    value: str | Promise
    source: str | Promise = NO_SOURCE
    gaps: tuple[str, ...] = ()
    help: str | Promise = ""


def _lines(words: tuple[str, ...]) -> str:
    return "\n".join(words)


_SAID = _("《北京市接诉即办工作条例》第十一条的情形；文字是默认的，无来源")
KNOWN: dict[str, Known] = {
    "empty_phrases": Known(_("答复里的空话"), "lines", _lines(rules.EMPTY_PHRASES),
                           help=_("写答复、审核答复时提醒，不拦")),
    "standard": Known(_("没有类别时的时限"), "duration", *rules.DEFAULT_STANDARD,
                      help=_("有类别的按类别时限")),
    "check_one_in": Known(_("每多少件抽一件现场核查"), "number", str(rules.CHECK_ONE_IN)),
    **{f"decline_{name}": Known(format_lazy(_("依法不派单的告知：{title}"), title=title), "text", rules.DECLINE_TEXTS[name],
                                _SAID, rules.DECLINE_GAPS.get(name, ()))
       for name, title in rules.DECLINES.items()},
    **{f"return_{name}": Known(format_lazy(_("退单原因：{title}"), title=title), "text", title)
       for name, title in rules.RETURN_CODES.items()},
    **{f"kind_{name}": Known(format_lazy(_("看作“{kind}”的字样"), kind=rules.KINDS[name]), "lines", _lines(words),
                             help=_("坐席员没选类型时按字样判断；先看上面的，都没有就是求助"))
       for name, words in rules.KIND_WORDS.items()},
}


def text(name: str) -> str:
    """Give the text of a default as it stands now."""
    row = _rows().get(name)
    return row.value if row else str(KNOWN[name].value)


def lines(name: str) -> tuple[str, ...]:
    """Give the entries of a default that is a list."""
    return tuple(line.strip() for line in text(name).splitlines() if line.strip())


def number(name: str) -> int:
    """Give a default that is a whole number."""
    return int(text(name))


def yes(name: str) -> bool:
    """Say whether a default that is a yes or no is a yes."""
    return text(name) == YES


def source(name: str) -> str:
    """Say where a default comes from."""
    row = _rows().get(name)
    return row.source if row else str(KNOWN[name].source)


def all_known() -> list[tuple[str, Known, str, str, Default | None]]:
    """List every default with its present value and source, and the city's own row where there is one."""
    rows = {row.name: row for row in Default.objects.select_related("changed_by")}
    return [(name, known, rows[name].value if name in rows else str(known.value),
             rows[name].source if name in rows else str(known.source), rows.get(name)) for name, known in KNOWN.items()]


def _rows() -> dict[str, Default]:
    at, rows = _kept.get("", (0.0, None))
    if rows is None or time.monotonic() - at > _KEPT_FOR:
        rows = {row.name: row for row in Default.objects.all()}
        _kept[""] = (time.monotonic(), rows)
    return rows


def forget() -> None:
    """Read the table anew (after it changed, and between tests)."""
    _kept.clear()


# What is made of them -------------------------------------------------------------------------------------------------


def standard() -> tuple[str, str]:
    """Give the time limit of a matter without a category, and its source."""
    return text("standard"), source("standard")


def decline_text(branch: str, *, line: str = "", channel: str = "", code: str = "") -> str:
    """Give what the clerk says for a lawful branch; what is not known yet stands as a gap to fill in."""
    said = text(f"decline_{branch}")
    for name, value in (("转接", line), ("渠道", channel), ("编号", code)):
        said = said.replace("{" + name + "}", value or GAP)
    return said


def empty_phrases(words: str) -> list[str]:
    """List the phrases of a reply that say nothing of what was done."""
    return [phrase for phrase in lines("empty_phrases") if phrase in words]


def empty_in(form: Mapping[str, Any]) -> list[str]:
    """List the phrases in what an act would tell a reporter that say nothing of what was done."""
    given = [form.get(name) for name in (*REPLIES, *(name for name in form if name.startswith("reply-")))]
    own = form.get("replies")  # one for each matter that was merged into this one
    given += own.values() if isinstance(own, dict) else []
    return empty_phrases("\n".join(str(words or "")[:10_000] for words in given))


def warning(found: list[str]) -> str:
    """Say of empty phrases what is missing; "" where there are none."""
    return say("“{words}”没有说做了什么。请写清查到什么、做了什么、什么时候做到。").format(
        words="”“".join(found)) if found else ""


def kind_of(words: str) -> str:
    """Guess the kind from the words; the clerk decides."""
    return next((kind for kind in rules.KIND_WORDS if any(sign in words for sign in lines(f"kind_{kind}"))), "help")


def is_sampled(case_id: int) -> bool:
    """Say whether a case is of the sample that is checked on site."""
    return rules.is_sampled(case_id, number("check_one_in"))
