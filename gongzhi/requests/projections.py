"""Who is told what happens to a request: the log turned into notices.

Never a person the matter is about, never who reported, and the link to rate goes to the reporter's phone alone. News
older than two days is told to nobody: after a long stop, and in the demo's past, the queues say what there is to do.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from gongzhi.base import clock
from gongzhi.flow import queries, roles
from gongzhi.flow.definition import Process
from gongzhi.flow.models import Case, Entry, Task
from gongzhi.flow.roles import Seat
from gongzhi.log.projections import projection
from gongzhi.log.queries import Line
from gongzhi.notify import actions as notify
from gongzhi.notify import registry
from gongzhi.notify.registry import template
from gongzhi.org import queries as org
from gongzhi.org.models import Person, Unit
from gongzhi.org.rules import Standing
from gongzhi.requests import queries as queries_of
from gongzhi.requests import rules, splitting
from gongzhi.requests.models import Message, Request

STEPPED = {"inner": "request.inner", "reminder": "request.undecided", "waiting": "request.waiting"}
STALE = timedelta(days=2)  # default, no source
PREFIX = "request."
AT_THE_QUEUE = {"operator"}  # posts that sit before their queue all day and need no notice of each new task
# What is mailed as well, to those who have an address: what must be done, not every remark (default, no source).
MAILED = {"request.task", "request.redone", "request.asked", "request.late", "request.supervised"}

# To residents, by SMS -------------------------------------------------------------------------------------------------

template("request.received", _("已收到"), _("已收到您的反映，编号 {code}，{due} 前办结。看进度：{link}"))
template("request.answered", _("有答复"), _("您反映的事项（{code}）有了答复，请看：{link}"))
template("request.rate", _("请评价"), _("您反映的事项（{code}）已办完，解决了吗？请您评价：{link}"))
template("request.rate_part", _("请评价"), _("您反映的事项（{code}）{part}已办完，解决了吗？请您评价：{link}"))
template("request.split", _("分开办理"), _("您反映的事项（{code}）是 {n} 件事，分开办理，一个链接都能看到：{link}"))
template("request.due", _("时限有调整"), _("您反映的事项（{code}）已受理，按类别的时限改为 {due} 前办结。看进度：{link}"))
template("request.withdrawn", _("已撤回"), _("您反映的事项（{code}）已按您的要求撤回。不是您要求的，请再反映或拨打热线。{link}"))
template("request.rerated", _("评价已改"),
         _("您反映的事项（{code}）的评价已按您的要求改过。不是您要求的，请拨打热线。{link}"))
template("request.extended", _("延期"), _("您反映的事项（{code}）原定 {first} 前办结，现延长到 {due} 前，原因：{reason}。{link}"))
template("request.extended_too", _("延期"), _("您说也遇到的事（{code}）原定 {first} 前办结，现延长到 {due} 前。{link}"))
template("request.held", _("暂停办理"), _("您反映的事项（{code}）暂停办理到 {due}，原因：{reason}。{link}"))
template("request.held_too", _("暂停办理"), _("您说也遇到的事（{code}）暂停办理到 {due}。{link}"))
template("request.resumed", _("恢复办理"), _("您反映的事项（{code}）已恢复办理，{due} 前办结。{link}"))
template("request.merged", _("合并办理"), _("您反映的事项（{code}）与同一件事合并办理，进度照常可看：{link}"))
template("request.merged_too", _("合并办理"), _("您说也遇到的事（{code}）与同一件事合并办理，进度照常可看：{link}"))
template("request.gathered", _("合并办理"), _("您反映的事项（{code}）与同类诉求合并办理，办好后您照常收到答复。看进度：{link}"))
template("request.gathered_too", _("合并办理"), _("您说也遇到的事（{code}）与同类诉求合并办理。看进度：{link}"))
template("request.apart", _("单独办理"), _("您反映的事项（{code}）改为单独办理，{due} 前办结。看进度：{link}"))
template("request.apart_too", _("单独办理"), _("您说也遇到的事（{code}）改为单独办理，{due} 前办结。看进度：{link}"))
template("request.progress_own", _("有进展"), _("您反映的事项（{code}）：{state}。{link}"))
template("request.extended_own", _("延期"), _("您反映的事项（{code}）原定 {first} 前办结，现延长到 {due} 前。{link}"))
template("request.held_own", _("暂停办理"), _("您反映的事项（{code}）暂停办理到 {due}。{link}"))
template("request.reply", _("留言"), _("您反映的事项（{code}）有给您的留言：{link}"))
template("request.again", _("查进度的链接"), _("您反映的事项（{code}）的链接，请不要转给别人：{link}"))
template("request.progress", _("有进展"), _("您说也遇到的事（{code}）：{state}。{link}"))

# To staff -------------------------------------------------------------------------------------------------------------

template("request.task", _("新任务：{stage}"), _("{code} {title}，{due} 前办。"))
template("request.link", _("新任务"), _("{code} 请 {unit} 办理，{due} 前。{link}"))
template("request.redone", _("没有解决，请重办"), _("{code} {title}：诉求人说没有解决，{due} 前重新办理。"))
template("request.asked", _("请审核：{what}"), _("{code} {title}，{due} 前审核。"))
template("request.decided", _("{what}：{decision}"), _("{code} {title}"))
template("request.remind", _("快到期了"), _("{code} {title}，{due} 到期。"))
template("request.late", _("已超期"), _("{code} {title}，应于 {due} 前办完，请尽快处理。"))
template("request.inner", _("内部期限提醒"), _("{code} {title}，内部期限 {due}。"))
template("request.undecided", _("审核快到期了"), _("{code} {title}，{due} 前审核。"))
template("request.waiting", _("审核已超期"), _("{code} {title}，应于 {due} 前审核，申请的单位还在等。"))
template("request.missed", _("没有按时{what}"), _("{code} {title}：{unit}没有按时{what}。"))
template("request.urged", _("诉求人催办"), _("{code} {title}"))
template("request.said", _("诉求人留言"), _("{code} {title}"))
template("request.supervised", _("督办"), _("{code} {title}：{reason}"))
template("request.off_list", _("{unit}拒单（不在清单）"), _("{code} {title}：清单里没有，已退回，请改派或自己办。"))
template("request.mail", "{what}", _("{code}，{due} 前。请登录后办理。"))
template("request.pressed", _("有人要求改评价"),
         _("{code} {title}：诉求人说有人要求改评价，请核实。承办单位看不到这条。"))


def _recusing(standing: Standing) -> QuerySet[Case]:
    """List the cases that complain of a unit of the reader's lineage: not even what was told before stays (rights 4.2)."""
    return Case.objects.filter(about_units__overlap=sorted(standing.lineage))


registry.closed["case"] = _recusing
registry.waiting["case"] = queries.queue, "case"


@projection("requests.notices", tables=[])
def tell(lines: list[Line]) -> None:
    """Tell whom each line concerns, as of the moment it was written."""
    fresh = clock.now() - STALE
    about = [x for x in lines if x.subject_kind == "case" and x.verb.startswith(PREFIX) and x.at > fresh]
    found = Case.objects.select_related("request__category", "version").in_bulk({x.subject_id for x in about})
    for line in about:
        case = found.get(line.subject_id or 0)
        if case is not None:
            with clock.at(line.at):
                _tell(News(line, case))


class News:
    """One line of the log with what is needed to tell it."""

    def __init__(self, line: Line, case: Case) -> None:
        self.line, self.case, self.data = line, case, line.data
        self.verb = line.verb.removeprefix(PREFIX)
        self.process: Process = queries.definition(case.version_id)

    @property
    def request(self) -> Request:
        return self.case.request

    def title_of(self, name: str) -> str:
        """Give the title of an action or verb."""
        verb = self.process.verbs.get(name)
        titles = [a.title for _stage, a in self.process.all_actions() if a.name == name]
        return say(verb.title) if verb else say(titles[0]) if titles else name

    def people(self, persons: Iterable[int], template: str, key: str, *, channels: tuple[str, ...] = ("inbox",),
               actor_too: bool = False, **values: str) -> None:
        """Tell people who may see the case, but not the one who did it."""
        told = [p for p in _unconcerned(self.case, persons) if actor_too or f"person:{p}" != self.line.actor]
        given = {"code": self.case.code, "title": self.case.title, "due": moment(self.case.due_at), **values}
        notify.tell_people(told, template=template, values=given, about=("case", self.case.pk),
                           key=f"event:{self.line.id}:{key}", channels=channels)
        if template in MAILED and settings.EMAIL_HOST:
            self._mail(told, template, key, given)

    def _mail(self, persons: list[int], template: str, key: str, given: dict[str, str]) -> None:
        """Mail those who have an address what there is to do, with the link: what the case says stays in the house."""
        reached = Person.objects.filter(pk__in=persons).exclude(email="").values_list("pk", flat=True)
        what, _words = registry.fill(template, given)
        notify.tell_people(reached, template="request.mail", values={**given, "what": what},
                           about=("case", self.case.pk), key=f"event:{self.line.id}:{key}", channels=("email",))

    def reporter(self, template: str, *, once: str = "", **values: str) -> None:
        """Text the reporter, with the link that is nobody else's.

        A part of a split matter is told by the link of the whole. `once`: not again under this name today.
        """
        self._text(self.request, template, f"{once}:{self.line.at:%Y-%m-%d}" if once else f"event:{self.line.id}", values)

    def _text(self, request: Request, template: str, key: str, values: Mapping[str, str]) -> None:
        own = queries_of.whole(request)
        link = f"{settings.BASE_URL}/r/{own.case.code}/{own.secret}/"
        given = {"code": own.case.code, "due": moment(self.case.due_at), "link": link, **values}
        whose = "reporter" if request.pk == self.case.pk else f"reporter:{request.pk}"
        notify.tell_phone(own.phone, template=template, values=given, about=("case", request.pk), key=f"{key}:{whose}")

    def supporters(self, template: str = "request.progress", *, once: str = "", **values: str) -> None:
        """Text those who say 我也遇到, each with a link that shows the state and nobody's words.

        Who reported a matter that was merged into this one is told the same of his own, by his own link.
        """
        if template in OF_MERGED:
            for request in queries_of.merged_into(self.case):
                self._text(request, OF_MERGED[template], f"event:{self.line.id}", values)
        for supporter in self.case.supporters.exclude(phone=b""):
            link = f"{settings.BASE_URL}/r/with/{self.case.code}/{supporter.secret}/"
            given = {"code": self.case.code, "due": moment(self.case.due_at), "link": link, **values}
            key = f"{once}:{self.line.at:%Y-%m-%d}" if once else f"event:{self.line.id}"
            notify.tell_phone(supporter.phone, template=template, values=given, about=("case", self.case.pk),
                              key=f"{key}:supporter:{supporter.pk}")

    def said(self, name: str) -> str:
        """Give a value that was filled in with the act."""
        entry = Entry.objects.filter(pk=self.data.get("entry") or 0).first()
        return str(entry.values.get(name, "")) if entry else ""


def _tell(news: News) -> None:
    notify.tell_webhook(
        values={"verb": news.line.verb, "code": news.case.code, "stage": news.data.get("to", news.case.stage),
                "at": news.line.at.isoformat()},
        about=("case", news.case.pk), key=f"event:{news.line.id}:webhook",
    )
    _opened(news)
    _entered(news)
    base, _sep, decision = news.verb.partition(".")
    if decision == "refuse" or "agreed_by" in news.data:
        _decided(news, base, decision)
    elif told := TOLD.get(news.verb):
        told(news)


# What every act may bring ---------------------------------------------------------------------------------------------


def _opened(news: News) -> None:
    """Tell the people on whose desks new tasks lie."""
    again = news.verb in ("redo", "fail")
    for opened in news.data.get("opened", []):
        if not opened.get("unit") or opened.get("post") in AT_THE_QUEUE:
            continue
        seat, due = Seat(opened["unit"], opened.get("post", "")), moment(opened.get("due"))
        if opened["kind"] == "approval":
            what = news.title_of(news.verb.partition(".")[0])
            news.people(_at(seat), "request.asked", f"task:{opened['id']}", what=what, due=due)
            continue
        stage = say(news.process.stages[news.data.get("to") or news.data.get("stage") or news.case.stage].title)
        name = "request.redone" if again else "request.task"
        news.people(_at(seat), name, f"task:{opened['id']}", stage=stage, due=due)
        _text_outside(news, seat, opened["id"], due)


def _text_outside(news: News, seat: Seat, task_id: int, due: str) -> None:
    """Text outside handlers, who come by the link of a message."""
    unit = Unit.objects.filter(pk=seat.unit_id or 0, kind="outside").first()
    if unit is not None:
        link = f"{settings.BASE_URL}/desk/cases/{news.case.code}/"
        news.people(_at(seat), "request.link", f"task:{task_id}", channels=("sms",), unit=unit.short_name, due=due,
                    link=link)


def _entered(news: News) -> None:
    """Tell the reporter and those who met the same when the state they see has changed."""
    to, came_from = news.data.get("to"), news.data.get("from")
    if not to or not came_from or to == came_from:
        return
    stage = news.process.stages[to]
    if to == "confirming" and news.case.origin == "resident":
        part = splitting.of_part(news.case)
        news.reporter("request.rate_part" if part else "request.answered" if news.request.they_ask else "request.rate", part=part)
    elif news.verb in ("answer", *rules.DECLINES):
        news.reporter("request.answered")
    elif news.verb == "merge":
        news.reporter("request.merged")
    elif news.verb == "withdraw" and news.data.get("on_behalf"):
        news.reporter("request.withdrawn")
    if news.verb == "merge":
        news.supporters("request.merged_too")  # it is not done: they follow the other one
        return
    if news.verb in ("take_apart", "set_free"):
        news.reporter("request.apart")
        news.supporters("request.apart_too")
        return
    action = news.process.stages[came_from].actions.get(news.verb)
    public = action.public if action and action.public else stage.public  # a redo is 正在重办, wherever it goes
    if news.verb == "withdraw":
        news.supporters(state=say("诉求人已撤回，还有问题请您自己反映"))
    elif public and public != news.process.stages[came_from].public and to != "calling":
        state = _("已办完") if to == "confirming" else rules.PUBLIC_STATES[public]
        news.supporters(state=str(state))


# What single acts bring -----------------------------------------------------------------------------------------------


def _received(news: News) -> None:
    """Say that it has come in; a part of a split matter came with the whole."""
    if news.case.parent_id is None:
        news.reporter("request.received")


def _split(news: News) -> None:
    news.reporter("request.split", n=str(news.data.get("n", "")))


def _accepted(news: News) -> None:
    """Tell the reporter where the deadline he was promised has moved; a clerk who takes a call says it on the line."""
    on_the_line = news.line.actor == f"person:{news.case.opened_by_id}" and (
        news.line.at - news.case.opened_at < timedelta(minutes=1))
    if "promised" in news.data and not on_the_line:
        news.reporter("request.due", due=moment(news.data.get("due")))


def _decided(news: News, name: str, decision: str) -> None:
    """Tell the asker, and the reporter what was agreed."""
    if decision == "refuse":
        task = Task.objects.filter(pk=news.data.get("task") or 0).first()
        asker = (task.asks or {}).get("by", "") if task else ""
    else:
        asker = news.line.actor
    kind, _sep, number = asker.partition(":")
    if kind == "person":
        answer = say("未同意") if decision == "refuse" else say("同意")
        news.people([int(number)], "request.decided", "asker", actor_too=True, what=news.title_of(name),
                    decision=answer)
    if decision != "refuse" and (then := TOLD.get(name)):
        then(news)


def _extended(news: News) -> None:
    """Tell both deadlines: the original one is kept (条例 art. 15). Others than the reporter read no reasons."""
    if news.data.get("was") == news.data.get("due"):
        return  # the deadline given from outside stands
    values = {"first": moment(news.data.get("was")), "due": moment(news.data.get("due"))}
    news.reporter("request.extended", reason=news.said("reason"), **values)
    news.supporters("request.extended_too", **values)


def _held(news: News) -> None:
    due = moment(news.said("until"))
    news.reporter("request.held", reason=news.said("reason"), due=due)
    news.supporters("request.held_too", due=due)


def _resumed(news: News) -> None:
    news.reporter("request.resumed")
    news.supporters("request.resumed")


def _stepped(news: News) -> None:
    """Tell the role words that a step of a ladder names."""
    task = Task.objects.filter(pk=news.data.get("task") or 0).first()
    due = moment(task.due_at if task else news.case.due_at)
    name = "request.remind" if news.verb == "remind" else "request.late"
    name = STEPPED.get(news.data.get("kind", ""), name)
    for word in news.data.get("notify", []):
        for seat in _named(word, news, task):
            news.people(_at(seat), name, f"{word}:{seat.unit_id}", due=due)


def _named(word: str, news: News, task: Task | None) -> list[Seat]:
    """List the desks of a role word; of an approval or a duty, its own desk or the head of that."""
    if task is None or word not in ("desk", "desk_head"):
        return roles.seats(roles.role_of(word, news.process), news.case)
    if task.done_at or task.unit_id is None:
        return []
    head = roles.head(task.unit_id, news.case)
    return [Seat(task.unit_id, task.post)] if word == "desk" else [head] if head else []


def _missed(news: News) -> None:
    """Tell the leader of a unit what it has not done in time."""
    unit = Unit.objects.filter(pk=news.data.get("unit") or 0).first()
    head = roles.head(unit.pk, news.case) if unit else None
    if unit and head:
        what = news.title_of(news.data["expected"])
        news.people(_at(head), "request.missed", "head", what=what, unit=unit.short_name)


def _urged(news: News) -> None:
    news.people(_working(news.case), "request.urged", "desks")


def _said(news: News) -> None:
    """Tell the other side that there is a message, never its words; of a complaint the hotline, which passes it on."""
    message = Message.objects.filter(pk=news.data.get("message") or 0).first()
    if message and message.from_reporter:
        hotline = roles.seats(news.process.roles["operator"], news.case) if news.request.is_guarded else None
        people = _working(news.case) if hotline is None else [p for seat in hotline for p in _at(seat)]
        news.people(people, "request.said", "desks")
    elif message:
        news.reporter("request.reply")


def _supervised(news: News) -> None:
    heads = roles.seats(news.process.roles["leader"], news.case)
    people = [*_working(news.case), *(p for seat in heads for p in _at(seat))]
    news.people(people, "request.supervised", "desks", reason=news.said("reason"))


def _rerated(news: News) -> None:
    if news.data.get("on_behalf"):
        news.reporter("request.rerated")


def _gathered(news: News) -> None:
    """Tell those whose matter took another in, once a day however many; never whose it was."""
    news.reporter("request.gathered", once=f"gathered:{news.case.pk}")
    news.supporters("request.gathered_too", once=f"gathered:{news.case.pk}")


def _pressed(news: News) -> None:
    """Tell the supervising level alone, and nobody there who is of the handling unit (rights 4.4)."""
    handling = roles.handled(news.case, news.process)
    seats = roles.seats(news.process.roles["district"], news.case)
    people = Person.objects.filter(pk__in=[p for seat in seats for p in _at(seat)])
    free = [p.pk for p in people if not handling & org.standing(p).lineage]
    news.people(free, "request.pressed", "district")


def _given_back(news: News) -> None:
    """Tell those who go on with a case, and who dispatches, that a unit gave back what its list does not have."""
    units = Unit.objects.filter(pk__in=news.data.get("refused", [])).values_list("short_name", flat=True)
    desks = roles.seats(news.process.roles["dispatcher"], news.case) if news.verb == "refuse_off_list_helper" else []
    people = [*_working(news.case), *(p for desk in desks for p in _at(desk))]
    news.people(people, "request.off_list", "off_list", unit="、".join(units))


TOLD: dict[str, Callable[[News], None]] = {
    "open": _received, "accept": _accepted, "extend": _extended, "hold": _held, "resume": _resumed,
    "remind": _stepped, "late": _stepped,
    "missed": _missed, "urge": _urged, "message": _said, "supervise": _supervised, "pressed": _pressed,
    "rerate": _rerated, "refuse_off_list_helper": _given_back, "refuse_off_list_inner": _given_back,
    "merged_in": _gathered, "split": _split,
}
OF_MERGED = {  # what those hear of their own matter who reported one that was merged into this
    "request.progress": "request.progress_own", "request.extended_too": "request.extended_own",
    "request.held_too": "request.held_own", "request.resumed": "request.resumed",
}


# Who and when ---------------------------------------------------------------------------------------------------------


def _at(seat: Seat) -> list[int]:
    """List who sits at a desk; of a task for a whole unit, those who give out its work, or all where nobody does."""
    if seat.unit_id is None:
        return []
    if seat.post:
        return list(org.holders(seat.unit_id, seat.post).values_list("pk", flat=True))
    held = org.current().filter(post__unit_id=seat.unit_id, person__is_active=True)
    chosen = held.filter(post__name__in=["liaison", "leader"]) or held
    return sorted({a.person_id for a in chosen})


def _working(case: Case) -> list[int]:
    """List the people at the desks where a case lies."""
    tasks = queries_of.followed(case).tasks.filter(done_at=None, kind="work", unit__isnull=False)
    return [p for task in tasks for p in _at(Seat(task.unit_id, task.post))]


def _unconcerned(case: Case, persons: Iterable[int]) -> list[int]:
    """Leave out people of a unit the case is about, by any post of theirs (rights 4.2)."""
    ids = sorted(set(persons))
    if not case.about_units:
        return ids
    about = set(case.about_units)
    return [p.pk for p in Person.objects.filter(pk__in=ids) if not about & org.standing(p).lineage]


def moment(at: datetime | str | None) -> str:
    """Say a time as people do: 3月2日 17:00."""
    if not at:
        return ""
    local = clock.local(datetime.fromisoformat(at) if isinstance(at, str) else at)
    return f"{local.month}月{local.day}日 {local:%H:%M}"
