"""The lists of the desk and what narrows them, as plain data: the address bar is the only memory of a list."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.base import clock
from gongzhi.org.rules import Standing

PAGE = 30
EXPORT_LIMIT = 50_000
EXPORT_SHORT = 2_000  # what a request writes itself; longer ones a job does (default, no source)
EXPORT_KEPT = timedelta(hours=24)
VIEWS_KEPT = 20
BATCH = PAGE  # matters dispatched, signed for or merged at once: what a page shows can be picked whole


@dataclass(frozen=True)
class View:
    """One list of the left side. `of`: tasks of my desks, or cases I may see. `posts`: who sees it even if empty."""

    key: str
    title: str | Promise
    icon: str
    of: str = "tasks"
    posts: tuple[str, ...] = ()
    state: str = ""
    blank: str | Promise = ""


HANDLERS = ("liaison", "handler", "leader", "gridworker", "gridmanager", "gridhead")
VIEWS = {v.key: v for v in (
    View("todo", _("待办"), icon="inbox", blank=_("交给您各个岗位的事都会出现在这里，最急的在最上面。")),
    View("later", _("稍后"), icon="hourglass-high",
         blank=_("您说了稍后再看的事会出现在这里；快到期、到时间或有回音，会自己回到待办。")),
    View("receiving", _("待受理"), icon="clipboard-list", posts=("operator",),
         blank=_("新收到、等您受理的诉求会出现在这里。")),
    View("dispatching", _("待派单"), icon="send", posts=("dispatcher",),
         blank=_("受理后、等您派给承办单位的事会出现在这里。")),
    View("signing", _("待签收"), icon="inbox", posts=HANDLERS, blank=_("派给您单位、还没有签收的事会出现在这里。")),
    View("handling", _("办理中"), icon="tool", posts=HANDLERS, blank=_("您单位正在办理的事会出现在这里。")),
    View("reviewing", _("待审核"), icon="clipboard-check", posts=("dispatcher", "reviewer", "leader"),
         blank=_("要您同意或不同意的申请会出现在这里：退单、延期、办结答复。")),
    View("contacting", _("待联系"), icon="phone", posts=("operator",),
         blank=_("承办单位看不到电话、由您代为联系诉求人的事会出现在这里。")),
    View("calling", _("待回访"), icon="phone", posts=("operator",),
         blank=_("到期还没有评价、要您打电话问一声的事会出现在这里。")),
    View("checking", _("待核查"), icon="walk", posts=("checker",),
         blank=_("承办单位说办完了、等您到现场看一眼的事会出现在这里。")),
    View("hard", _("疑难工单"), icon="urgent", blank=_("三次没有解决或三次退单、升到您这里的事会出现在这里。")),
    View("today", _("今日到期"), icon="clock-exclamation", posts=("any",), state="due", blank=_("今天没有到期的事。")),
    View("late", _("我的超期"), icon="alert-triangle", posts=("any",), state="late",
         blank=_("您手上没有超期的事。")),
    View("overdue", _("辖区超期"), icon="alert-triangle", of="cases", posts=("any",), state="late",
         blank=_("您的辖区里没有超期的事。")),
    View("supervised", _("督办中"), icon="flag", of="cases", posts=("any",),
         blank=_("街道或区里督办、还没有办完的事会出现在这里。")),
    View("mine", _("我发起的"), icon="user", of="cases", posts=("any",),
         blank=_("您登记、上报或代录的事会出现在这里。")),
    View("all", _("全部事项"), icon="list-check", of="cases", posts=("any",), blank=_("您职责范围内还没有事项。")),
    View("done", _("已办"), icon="circle-check", of="cases", posts=("any",), blank=_("您办过的事会出现在这里。")),
)}
FLAGS = {
    "supervised": _("督办"), "urgent": _("紧急"), "hard": _("疑难"), "designated": _("指定承办"),
    "off_list": _("超清单"), "held": _("已挂起"),
    "twins": _("重复"), "returned": _("退单"), "redone": _("重办"),
}
FLAG_ICONS = {
    "supervised": "flag", "urgent": "urgent", "hard": "urgent", "designated": "bookmark",
    "off_list": "list-check", "held": "player-pause",
    "twins": "copy", "returned": "arrow-back-up", "redone": "refresh",
}
LOUD = ("supervised", "urgent")  # the only marks with a red outline
DUE = {"late": _("已超期"), "today": _("今日到期")}
STATES = {"open": _("未办结"), "closed": _("已办结")}
SORTS = {"due": _("按时限"), "opened": _("按时间")}


SHIFT = timedelta(hours=12)  # how far a hand-over looks ahead (default, no source)
HANDED_MOST = 60  # matters in each list of a hand-over
SNIPPETS_KEPT, SNIPPETS_SHOWN = 60, 30
SNIPPET_GAPS = ("编号", "事项", "地点", "承办单位", "到期", "今天", "我")
PUT_OFF_MOST = timedelta(days=30)  # how long a matter may be put off (default, no source)
AWAITS = {"reporter": _("等诉求人回话"), "approval": _("等审核结果"), "helper": _("等协办结果")}
LATER = {"1h": _("1 小时后"), "noon": _("今天 14:00"), "tomorrow": _("明天 9:00"), "monday": _("下周一 9:00"),
         "at": _("选一个时间"), **AWAITS}


def put_off_until(when: str, until: str, now: datetime) -> datetime | None:
    """Read until when something is put off; None where no time is meant, or none can be read."""
    here = clock.local(now)
    if when == "1h":
        return now + timedelta(hours=1)
    if when == "noon":
        return here.replace(hour=14, minute=0, second=0, microsecond=0)
    if when in ("tomorrow", "monday"):
        days = 1 if when == "tomorrow" else 7 - here.weekday()
        return (here + timedelta(days=days)).replace(hour=9, minute=0, second=0, microsecond=0)
    try:
        at = datetime.fromisoformat(until) if when == "at" else None
    except ValueError:
        return None
    return at and (at if at.tzinfo else at.replace(tzinfo=clock.CHINA))


def seated(task: Any, standing: Standing) -> bool:
    """Say whether a task lies on one of a person's desks."""
    if task.unit_id is None:
        return False
    at = (task.unit_id, task.post) in standing.seats if task.post else task.unit_id in standing.units
    return at and task.person_id in (None, standing.person_id)


@dataclass(frozen=True)
class Filter:
    """What narrows a list; "" where nothing does. Its address is the list's address."""

    view: str = "todo"
    stage: str = ""
    category: str = ""
    place: str = ""
    origin: str = ""
    flag: str = ""
    due: str = ""
    state: str = ""
    unit: str = ""
    since: str = ""
    until: str = ""
    q: str = ""
    sort: str = ""
    after: str = field(default="", metadata={"page": True})

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Filter":
        """Read an address; what it does not know it leaves out, so that no address is an error."""
        values = {f.name: str(given.get(f.name, "")).replace("\x00", "").strip()[:100] for f in fields(cls)}
        values["view"] = values["view"] if values["view"] in VIEWS else "todo"
        values["sort"] = values["sort"] if values["sort"] in SORTS else ""
        for name in ("place", "unit"):
            is_id = values[name].isascii() and values[name].isdecimal() and len(values[name]) < 19  # as the database has
            values[name] = values[name] if is_id else ""
        for name, known in (("flag", FLAGS), ("due", DUE), ("state", STATES)):
            values[name] = values[name] if values[name] in known else ""
        return cls(**values)

    @classmethod
    def read_query(cls, query: str) -> "Filter":
        """Read what stands after the ? of an address."""
        return cls.read(dict(parse_qsl(query.removeprefix("?")[:2000])))

    @property
    def of(self) -> View:
        return VIEWS[self.view]

    @property
    def by_due(self) -> bool:
        """Say whether what is due first stands first; where things are over the newest does."""
        default = "opened" if self.view in ("all", "mine", "done") else "due"
        return (self.sort or default) == "due"

    @property
    def narrowed(self) -> dict[str, str]:
        """Return the filters that are set, without the view, the order and the page."""
        kept = ("view", "sort", "after")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in kept and getattr(self, f.name)}

    def but(self, **changes: str) -> str:
        """Write the address of this list with some filters changed; it begins on its first page."""
        return replace(self, **{"after": "", **changes}).query

    @property
    def query(self) -> str:
        """Write what stands after the ? of the address."""
        default = Filter()
        pairs = {f.name: getattr(self, f.name) for f in fields(self)}
        return "?" + urlencode({k: v for k, v in pairs.items() if v and v != getattr(default, k)})
