"""The log as an auditor reads it: what each verb says in words, in groups, and which lines a page shows."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gongzhi.base import clock, codes
from gongzhi.flow import queries as flow
from gongzhi.flow.models import Case, ProcessVersion
from gongzhi.log import queries as log
from gongzhi.log.queries import Line
from gongzhi.org.models import Person

PAGE = 50
DAYS = 30  # what the page looks back at first (default, no source)
LONGEST = timedelta(days=366)

GROUPS: dict[str, tuple[str | Promise, dict[str, str | Promise]]] = {
    "looks": (_("看个人信息"), {
        "person.view": _("看电话或投诉原文"), "person.lookup": _("按来电号码查"), "person.search": _("按电话后四位查")}),
    "leaves": (_("带出数据"), {
        "duties.export": _("导出清单外派单"), "hotline.sheet": _("下载热线答复表"),
        "list.export": _("导出清单"), "list.ask": _("要导出长清单"), "list.stop": _("停止导出")}),
    "signs": (_("登录和账号"), {
        "person.sign_in": _("登录"), "person.locked": _("输错密码锁住"), "person.unlock": _("解锁"), "person.password": _("改密码"),
        "session.end": _("退出登录"), "factor.add": _("登记二次验证"), "factor.remove": _("删除二次验证"),
        "factor.reset": _("重置二次验证"), "factor.codes": _("生成备用码"), "factor.recovery": _("用备用码"),
        "identity.bind": _("对应统一身份"), "identity.unbind": _("解除统一身份"), "token.issue": _("发令牌"),
        "token.revoke": _("收回令牌")}),
    "people": (_("单位和人员"), {
        "unit.add": _("增加单位"), "unit.rename": _("单位改名"), "person.add": _("增加人员"), "post.add": _("增加岗位"),
        "person.appoint": _("任职"), "person.dismiss": _("结束任职"), "unit.change": _("改单位资料"),
        "person.change": _("改人员资料"), "person.leave": _("登记请假顶岗"), "person.back": _("提前结束请假"),
        "person.left": _("办离职"), "person.word": _("给初始密码"), "views.hand_over": _("交接保存的视图")}),
    "rules": (_("规则和设置"), {
        "process.publish": _("发布流程"), "process.move": _("在办事项换流程版本"), "default.write": _("改默认值"),
        "category.limit": _("改类别时限"), "category.add": _("增加类别"), "catalogue.add": _("增加派单目录"),
        "answer.add": _("增加知识库"), "knowledge.write": _("写知识库"),
        "place.add": _("增加地点"), "place.close": _("停用地点"), "place.code": _("改地点编码"), "place.outline": _("改边界"),
        "place.rename": _("地点改名"), "calendar.day": _("改节假日"), "calendar.hours": _("改办公时间")}),
    "works": (_("导入和后台"), {
        "import.receive": _("上传表格"), "import.map": _("对应列"), "import.begin": _("开始导入"), "import.end": _("导入完"),
        "import.stop": _("停止导入"), "import.drop": _("作废表格"), "work.stop": _("停止长任务"), "work.resume": _("继续长任务"),
        "desk.snooze": _("稍后再看"), "desk.snippet": _("写常用语"), "desk.drop_snippet": _("删常用语"),
        "desk.hand_over": _("交班"), "desk.take_over": _("接班"), "hotline.arrival": _("收到热线消息"),
        "hotline.category": _("对应热线类别"), "hotline.source": _("改热线来源"), "hotline.secret": _("换热线密钥"),
        "hotline.handover": _("答复表交出"), "hotline.resend": _("重发热线消息"),
        "notice.resend": _("重发消息"), "files.sweep": _("清理没用的文件"), "portal.feedback": _("收到意见建议")}),
}
WORDS = {verb: words for _title, verbs in GROUPS.values() for verb, words in verbs.items()}
ABOUT_CASES = {"message": _("留言"), "pressed": _("代记有人要求改评价"), "rerate": _("代记改评价"), "open": _("登记"),
               "support": _("我也遇到"), "part": _("拆出一件")}
TURNS = {"ask": _("提出：{what}"), "refuse": _("不同意：{what}"), "lapse": _("到期未批：{what}")}


@dataclass(frozen=True)
class Row:
    """A line in words."""

    id: int
    at: datetime
    who: str
    what: str
    about: str
    more: str


@dataclass(frozen=True)
class Asked:
    """What narrows the page."""

    q: str
    group: str
    since: date
    until: date
    before: int

    @classmethod
    def read(cls, given: Any) -> "Asked":
        today = clock.today()
        until = _day(given.get("until", "")) or today
        since = max(_day(given.get("since", "")) or until - timedelta(days=DAYS), until - LONGEST)
        before = given.get("before", "")
        group = given.get("group", "")
        return cls(given.get("q", "").replace("\x00", "").strip()[:40], group if group in GROUPS else "", min(since, until),
                   until, int(before) if re.fullmatch(r"\d{1,18}", before, re.ASCII) else 0)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def person(q: str) -> Person | None:
    """Find whose lines are wanted: by user name, else the only one of this name."""
    named = Person.objects.filter(username=q).first()
    same = list(Person.objects.filter(name=q)[:2]) if named is None else []
    return named or (same[0] if len(same) == 1 else None)


def rows(asked: Asked, of: Person | None) -> list[Row]:
    """Read a page of lines, one more than it shows where there are more."""
    begin, end = (datetime.combine(day, time.min, clock.CHINA) for day in (asked.since, asked.until + timedelta(days=1)))
    lines = log.audit(begin, end, actor=f"person:{of.pk}" if of else "", before=asked.before, limit=PAGE + 1,
                      verbs=list(GROUPS[asked.group][1]) if asked.group else ())
    return _said(lines)


def _said(lines: list[Line]) -> list[Row]:
    """Put lines into words, with the names of people and the codes of matters looked up at once."""
    acting = {int(line.actor.partition(":")[2]) for line in lines if line.actor.startswith("person:")}
    meant = {line.subject_id for line in lines if line.subject_kind == "person" and line.subject_id}
    names = {p.pk: p for p in Person.objects.filter(pk__in=acting | meant)}
    about = {line.subject_id for line in lines if line.subject_kind == "case" and line.subject_id}
    cases = dict(Case.objects.filter(pk__in=about).values_list("pk", "code"))
    acts = _acts()
    return [_row(line, names, cases, acts) for line in lines]


def _row(line: Line, names: dict[int, Person], cases: dict[int, str], acts: dict[str, str]) -> Row:
    kind, _colon, number = line.actor.partition(":")
    who = names.get(int(number)) if kind == "person" else None
    about = ""
    if line.subject_kind == "person" and line.subject_id in names:
        about = names[line.subject_id].name
    elif line.subject_kind == "case" and line.subject_id in cases:
        about = codes.show_code(cases[line.subject_id])
    said = f"{who.name}（{who.username}）" if who else _actor(kind)
    return Row(line.id, line.at, said, words(line.verb, acts), about, _more(line.data))


def _actor(kind: str) -> str:
    return {"system": gettext("系统"), "key": gettext("接口"), "reporter": gettext("诉求人")}.get(kind, gettext("居民"))


def _more(data: dict[str, Any]) -> str:
    """Say how many, where a line is about many."""
    return gettext("{n} 条").format(n=f"{data['n']:,}") if isinstance(data.get("n"), int) else ""


def words(verb: str, acts: dict[str, str]) -> str:
    """Say what a verb means; an act of a process by its title there."""
    if verb in WORDS:
        return str(WORDS[verb])
    _process, _dot, act = verb.partition(".")
    name, _dot, turn = act.partition(".")
    title = gettext(acts[name]) if name in acts else str(ABOUT_CASES.get(name, ""))
    if not title:
        return gettext("办理事项")
    return str(TURNS[turn]).format(what=title) if turn in TURNS else title


def _acts() -> dict[str, str]:
    """Give the titles of every act of the processes in force."""
    found: dict[str, str] = {}
    for key in ProcessVersion.objects.values_list("key", flat=True).distinct():
        for _stage, act in flow.definition(flow.current_version(key)).all_actions():
            found.setdefault(act.name, act.title)
    return found
