"""What boards count: how a case becomes a fact, which measures a fact has, and the rates made of them.

A measure is decided once, here. The daily counters and the lists behind every number both read it from the fact, so a
number and its list cannot differ. What depends on the present moment (open, overdue) is asked of the open facts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.requests.rules import GUARDED, SATISFIED_FROM

# Ways a request ends without having been handled: counted apart, in no rate (reference: 条例 art. 11; defaults).
APART = {
    "answered": _("当场答复"),
    "declined": _("不予受理"),
    "handed_back": _("退回市热线"),
    "self_solved": _("网格员自办"),
    "merged": _("已并单"),
    "withdrawn": _("诉求人撤回"),
}
BY_HOTLINE = {  # where the lead may not ring the hotline must (rights 4.11): no unit's rate, but counted
    "hotline_due": _("应由热线代为联系"),
    "hotline_met": _("热线按时代为联系"),
}
TO_HANDLING = ("dispatch", "designate", "redispatch", "rule", "override")
FROM_UNIT = ("return", "appeal", "take_back", "refuse_off_list")  # the unit leaves the case
AGAIN = ("redo", "fail", "hard")  # the reporter, or the check, says it is not solved
UNREAD = "receiving"
KEPT_BACK = "unread"  # the shelf of the counters on which what ended unread lies

MEASURES: dict[str, str | Promise] = {
    "opened": _("收到"),
    "dispatched": _("已派单"),
    "finished": _("已办结"),
    "on_time": _("按期办结"),
    "late": _("超期办结"),
    "contact_due": _("应联系"),
    "contacted": _("按时联系"),
    "rated": _("已评价"),
    "solved": _("已解决"),
    "satisfied": _("满意"),
    "unrated": _("归档未评价"),
    "rerated": _("改评"),
    "was_solved": _("改评的，第一次说已解决"),
    "now_solved": _("改评的，改后说已解决"),
    "was_pleased": _("改评的，第一次满意"),
    "now_pleased": _("改评的，改后满意"),
    "redone": _("重办过"),
    "returned": _("退过单"),
    "extended": _("延过期"),
    **BY_HOTLINE,
    **APART,
}
RATED = ("rated", "solved", "satisfied", "unrated", "rerated", "was_solved", "now_solved", "was_pleased", "now_pleased")
NOW: dict[str, str | Promise] = {
    "open": _("在办"), "overdue": _("超期未办结"), "soon": _("24 小时内到期"), "held": _("已挂起"),
}


@dataclass(frozen=True)
class Rate:
    """A rate: measures of its numerator and denominator; `overdue` adds the overdue open ones to the denominator."""

    name: str
    title: str | Promise
    part: str
    whole: str
    overdue: bool
    says: str | Promise  # what is in it and what is not, in words


# 响应, 解决, 满意: 北京市接诉即办工作条例 art. 32. What is divided by what: common practice, no official formula found.
RATES = (
    Rate("response", _("响应率"), "contacted", "contact_due", False,
         _("按时联系诉求人的 / 应联系的；没留电话的、没到时限的不算；承办单位看不到电话的由热线代为联系，另列")),
    Rate("on_time", _("按期办结率"), "on_time", "finished", True,
         _("按期办结的 / 已办结的和超期未办结的；没到期的不算，延期经批准的按新期限算")),
    Rate("solved", _("解决率"), "solved", "rated", False,
         _("诉求人说已解决的 / 已评价的；未评价的不算，部分解决不算解决；重办以后没再评价的，按第一次的算；"
           "改评的按第一次的算，改后的另列")),
    Rate("satisfied", _("满意率"), "satisfied", "rated", False,
         _("基本满意以上的 / 已评价的；未评价的不算，没有默认好评；改评的按第一次的算，改后的另列")),
)
# 综合得分 30/35/35: 准格尔旗, read in an excerpt only; weights differ from place to place, Beijing's were not found.
WEIGHTS = {"response": 30, "solved": 35, "satisfied": 35}
WEIGHTS_SOURCE = _("权重 30/35/35：准格尔旗做法（摘录），各地不同")


@dataclass(frozen=True)
class Band:
    """A group of teams by on-time rate; bands, never ranks. Lower bounds in percent (default, no source)."""

    state: str
    title: str | Promise
    at_least: float


FEWEST = 5  # a team with fewer is in no band (default, no source)
BANDS = (
    Band("done", _("好，97% 以上"), 97),
    Band("intime", _("达标，95%–97%"), 95),
    Band("due", _("要帮一把，95% 以下"), 0),
)


def band(part: int, whole: int) -> Band | None:
    """Choose the band of a rate; a denominator too small to say anything has none."""
    return next(b for b in BANDS if part * 100 >= b.at_least * whole) if whole >= FEWEST else None


def fold(fact: Any, verb: str, at: datetime, data: dict[str, Any], places: list[int]) -> None:
    """Bring a fact up to date with one line of the log about its case. `verb` is without "request."."""
    fact.path, fact.stage = places or fact.path, data.get("to") or fact.stage
    if data.get("due"):
        fact.due_at = datetime.fromisoformat(data["due"])
    step = STEPS.get(verb)
    if step:
        step(fact, at, data)
    if data.get("to") in ENDS:
        _end(fact, verb, at, data)
    elif data.get("to") == "confirming" and data.get("from") in ("handling", "hard"):
        _finish(fact, at)


def _end(fact: Any, verb: str, at: datetime, data: dict[str, Any]) -> None:
    """Close a fact. Who never rated what was done again is counted by the first answer, given with the redo."""
    fact.closed_at, fact.outcome, fact.end = at, verb, data["to"]
    fact.unread = data.get("from") == UNREAD and fact.origin != "staff"
    if fact.rated_at is None and fact.first_solved:
        fact.solved, fact.satisfied, fact.rated_at = fact.first_solved, fact.first_satisfied, at


def _open(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    """Begin a fact; a part of a split matter came in when the whole did."""
    fact.opened_at = datetime.fromisoformat(data["came"]) if data.get("came") else at
    fact.origin, fact.category = data.get("origin", "resident"), data.get("category", "")
    fact.about_units = data.get("about_units", [])
    fact.channel, fact.kind = data.get("channel", ""), data.get("kind", "")
    fact.callable, fact.first_due_at = bool(data.get("callable")), fact.due_at
    fact.reachable = not (fact.about_units or (data.get("came") and fact.kind in GUARDED) or data.get("hide_reporter"))


def _accept(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    fact.category = data.get("category", fact.category)
    fact.kind = data.get("kind", fact.kind)
    named = [data["about_unit"]] if data.get("about_unit") else [] if data.get("about_nobody") else fact.about_units
    fact.about_units = data.get("about_units") or named  # the office and the party committee of one place are both meant
    fact.reachable = not (fact.kind in GUARDED or fact.about_units or data.get("hide_reporter"))


def _dispatch(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    again = fact.first_finished_at is not None
    fact.dispatched_at = fact.dispatched_at or at
    if data.get("lead") != fact.lead:
        fact.lead, fact.helpers, fact.contacted_at, fact.in_time = data.get("lead"), [], None, None
        fact.signed_at = None
    fact.helpers = sorted({*fact.helpers, *data.get("helpers", [])})
    fact.hotline = any(t.get("kind") == "duty" for t in data.get("opened", []))
    if again:
        _redo_due(fact, data)


def _split(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    """Narrow a matter to its first part; each other part is opened by a line of its own."""
    fact.category = data.get("category", fact.category)
    _dispatch(fact, at, data)


def _redo_due(fact: Any, data: dict[str, Any]) -> None:
    """Give a redone case the deadline of its new stage; the case's own stays."""
    dues = [t["due"] for t in data.get("opened", []) if t.get("role") == "lead" and t.get("due")]
    if dues:
        fact.redo_due_at = datetime.fromisoformat(dues[0])


def _leave(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    if data.get("to"):
        fact.lead, fact.helpers, fact.signed_at, fact.contacted_at, fact.in_time = None, [], None, None, None


def _return(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    fact.n_returns += 1
    _leave(fact, at, data)


def _sign(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    fact.signed_at = fact.signed_at or at


def _contact(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    if fact.contacted_at is None:
        fact.contacted_at = at
        in_time = True if data.get("in_time") is None and not fact.reachable else bool(data.get("in_time"))
        fact.in_time = in_time if fact.in_time is None else fact.in_time


def _missed(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    """Count a contact that was not made, by the unit that leads or by the hotline whose duty it was."""
    if data.get("expected") != "contact" or fact.contacted_at is not None:
        return
    if fact.hotline or (fact.reachable and data.get("unit") in (None, fact.lead)):
        fact.in_time = False


def _finish(fact: Any, at: datetime) -> None:
    """Settle lateness: by the case's deadline at the first finish, by the redo's own at the next; late stays late."""
    due = fact.redo_due_at if fact.first_finished_at else fact.due_at
    in_time = due is None or at <= due
    fact.on_time = in_time if fact.on_time is None else fact.on_time and in_time
    fact.finished_at, fact.first_finished_at = at, fact.first_finished_at or at
    if fact.in_time is None and fact.callable and fact.reachable and not fact.hotline and fact.dispatched_at:
        fact.in_time = False  # finished without a word to the reporter


def _merge(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    """Let the one it was merged into be counted for both; who reported it is still asked how the answer was."""
    fact.together = True


def _set_apart(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    """Count it again by itself: it was not the same matter, or is handled anew for its own reporter."""
    fact.together, fact.closed_at, fact.end, fact.outcome = False, None, "", ""


def _answered(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    """Note who answered it together with the other one: of that unit its reporter's rating is."""
    fact.lead = data.get("lead")


def _again(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    if fact.together:
        _set_apart(fact, at, data)
        fact.dispatched_at, fact.first_finished_at = fact.dispatched_at or at, at
    fact.n_redo, fact.finished_at = fact.n_redo + 1, None
    fact.redo_due_at = None
    if data.get("solved") and not fact.first_solved:
        fact.first_solved, fact.first_satisfied = data["solved"], int(data.get("satisfied") or 0) or None
    _redo_due(fact, data)


def _extend(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    fact.n_extended += 1


def _hold(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    fact.held_at = at


def _resume(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    fact.held_at = None


def _rate(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    """Keep the first rating: a later one may have been asked for (rights 4.4); it is counted as 改评."""
    fact.solved, fact.satisfied = data.get("solved", ""), int(data.get("satisfied") or 0) or None
    fact.rated_at = at


def _called(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    fact.called_back = True
    _rate(fact, at, data)


def _rerate(fact: Any, at: datetime, data: dict[str, Any]) -> None:
    """Note a rating that was changed, with what it became: both values count publicly (rights 4.4)."""
    fact.rerated = True
    fact.second_solved, fact.second_satisfied = data.get("solved", ""), int(data.get("satisfied") or 0) or None


STEPS = {
    "open": _open, "accept": _accept, "solve_here": _accept, **dict.fromkeys(TO_HANDLING, _dispatch),
    "return": _return, "appeal": _return, "take_back": _leave, "refuse_off_list": _leave,
    "sign": _sign, "contact": _contact, "missed": _missed,
    **dict.fromkeys(AGAIN, _again), "extend": _extend, "hold": _hold, "resume": _resume, "rate": _rate,
    "called": _called, "heard": _called, "rerate": _rerate, "merge": _merge, "answered": _answered,
    "split": _split, "take_apart": _set_apart, "set_free": _set_apart,
}
ENDS = {"archived", *APART}


def measures(fact: Any) -> list[str]:
    """List the measures of a fact, those that do not depend on the present moment.

    Before it has been read it has none: nobody knows yet whom it complains of, so nobody may see it counted. What ended
    there (answered at once, declined, withdrawn) stays with those who read it: its measures lie on a shelf of their own
    (KEPT_BACK), counted and listed for the people of the centre alone and nowhere below (rights 4.2).
    """
    if fact.stage == UNREAD:
        return []
    if fact.end in APART and not fact.together:
        return ["opened", fact.end]
    handled = fact.finished_at is not None
    due, met = fact.callable and fact.in_time is not None, fact.callable and fact.in_time is True
    holds = {
        "opened": True,
        "dispatched": fact.dispatched_at is not None,
        "finished": handled,
        "on_time": handled and fact.on_time is True,
        "late": handled and fact.on_time is False,
        "contact_due": due and not fact.hotline,
        "contacted": met and not fact.hotline,
        "hotline_due": due and fact.hotline,
        "hotline_met": met and fact.hotline,
        "rated": fact.rated_at is not None,
        "solved": fact.solved == "solved",
        "satisfied": (fact.satisfied or 0) >= SATISFIED_FROM,
        "unrated": fact.end == "archived" and fact.rated_at is None,
        "rerated": fact.rerated,
        "was_solved": fact.rerated and fact.solved == "solved",
        "now_solved": fact.rerated and fact.second_solved == "solved",
        "was_pleased": fact.rerated and (fact.satisfied or 0) >= SATISFIED_FROM,
        "now_pleased": fact.rerated and (fact.second_satisfied or 0) >= SATISFIED_FROM,
        "redone": fact.n_redo > 0,
        "returned": fact.n_returns > 0,
        "extended": fact.n_extended > 0,
    }
    if fact.together:  # the work is counted with the other one, once; what its reporter says is one person's word more
        return ["opened", "merged", *(name for name in RATED if holds[name])]
    return [name for name, held in holds.items() if held]
