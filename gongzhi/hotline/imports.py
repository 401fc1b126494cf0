"""Orders from a sheet, for a hotline that sends files, or for the day its wire is down. The numbers keep them one."""

import hashlib
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from gongzhi.base import clock, imports, sheets
from gongzhi.base.errors import Refused
from gongzhi.base.imports import Importer
from gongzhi.base.sheets import Column, Fault, Row
from gongzhi.flow.actors import person as acting
from gongzhi.hotline import arrivals, queries, rules
from gongzhi.hotline.models import CategoryMap, Source
from gongzhi.org import queries as org
from gongzhi.org.models import Person
from gongzhi.requests.actions import ADDRESS_LIMIT, WORDS_LIMIT
from gongzhi.requests.rules import phone_digits

KEPT = ("type", "number", "words", "caller_name", "caller_phone", "secret", "address", "received_at", "due_at",
        "category_code", "category_name", "kind", "reason", "solved", "satisfied")


def _number(text: str) -> str:
    if not (found := rules.number(text)):
        raise Refused(say("编号只能有数字、字母和 - _ . / 号，最多 60 个字符。"))
    return found


def _phone(text: str) -> str:
    if not (found := phone_digits(text)):
        raise Refused(say("电话号码不对。"))
    return found


def _type(text: str) -> str:
    if not (found := rules.kind(text)):
        words = "、".join(map(str, rules.KINDS.values()))
        raise Refused(say("不认识“{text}”，可填：{words}。").format(text=text[:20], words=words))
    return found


def _kind(text: str) -> str:
    if not (found := rules.about(text)):
        raise Refused(say("诉求类型只有咨询、求助、投诉、举报、建议。"))
    return found


def _words(text: str) -> str:
    if len(text) > WORDS_LIMIT:
        raise Refused(say("最多写 {n} 个字，现在是 {m} 个字。").format(n=WORDS_LIMIT, m=len(text)))
    return text


def _secret(text: str) -> str:
    return "1" if text.strip() in ("保密", *rules.YES) else "0"


def check(rows: Sequence[Row], by: int) -> Iterable[Fault]:
    """Say what is wrong with which line: a number that is here already, or twice in the file, is refused and named."""
    if not queries.of_centre(org.standing(Person.objects.get(pk=by))):
        yield from (Fault(row.n, "number", say("只有热线中心的人可以导入。")) for row in rows)
        return
    known = list(Source.objects.filter(active=True))
    of = {row.n: _source(row, known) for row in rows}
    here = {source.pk: queries.known_numbers(source, {row["number"] for row in rows if of[row.n] == source}) for source in known}
    mapped = {(row.source_id, row.theirs): row.category_id for row in CategoryMap.objects.all()}
    seen: dict[tuple[int, str], int] = {}
    for row in rows:
        source = of[row.n]
        if source is None:
            yield Fault(row.n, "source", say("写明是哪条热线：{names}。").format(names="、".join(s.title for s in known)) if known
                        else say("还没有连接热线，请先在“来源”里连接。"))
            continue
        yield from _numbered(row, source, here[source.pk], seen)
        yield from _said(row, source, mapped)


def _source(row: Row, known: Sequence[Source]) -> Source | None:
    """Find the hotline a line is of; where there is one only, it need not be said."""
    name = row["source"]
    if not name:
        return known[0] if len(known) == 1 else None
    return next((source for source in known if name in (source.title, source.key)), None)


def _numbered(row: Row, source: Source, here: dict[str, str], seen: dict[tuple[int, str], int]) -> Iterable[Fault]:
    number, is_order = row["number"], (row["type"] or "order") == "order"
    if is_order and number in here:
        yield Fault(row.n, "number", say("编号 {number} 已经收过，是本区 {code}。").format(number=number, code=here[number]))
    elif is_order and (first := seen.setdefault((source.pk, number), row.n)) != row.n:
        yield Fault(row.n, "number", say("编号 {number} 和第 {n} 行相同。").format(number=number, n=first))
    elif not is_order and number not in here and (source.pk, number) not in seen:
        yield Fault(row.n, "number", say("编号 {number} 的工单还没有到，先记着，到了再办。").format(number=number), "warn")
    if is_order and not row["words"]:
        yield Fault(row.n, "words", say("没有填。"))


def _said(row: Row, source: Source, mapped: dict[tuple[int, str], int | None]) -> Iterable[Fault]:
    """Warn of what an operator will have to settle; the line is taken all the same."""
    theirs = row["category_code"] or row["category_name"]
    known = [mapped.get((source.pk, name)) for name in (row["category_code"], row["category_name"]) if name]
    if theirs and not any(known) and not queries.ours_called(row["category_name"] or ""):
        yield Fault(row.n, "category_name", say("类别“{name}”还没有对应到我们的类别，由坐席员定。").format(name=theirs), "warn")
    if row["due_at"] and row["due_at"] < clock.now():
        yield Fault(row.n, "due_at", say("时限已经过了，收下就是超期。"), "warn")


def take(rows: Sequence[Row], by: int) -> int:
    """Take lines in as the messages they are; a line that cannot be done is refused with its sentence."""
    actor, known = acting(org.standing(Person.objects.get(pk=by))), list(Source.objects.filter(active=True))
    for row in rows:
        source = _source(row, known)
        if source is None:
            raise Refused(say("还没有连接热线，请先在“来源”里连接。"), "source")
        told = arrivals.receive(source, _given(row), by=actor)
        if told.state in ("faulty", "refused"):
            raise Refused(told.said, "number")
    return len(rows)


def _given(row: Row) -> dict[str, str]:
    """Make a message of a line; its id is what it says, so that the same line brought in twice is one."""
    moments = {name: row[name].isoformat() for name in ("received_at", "due_at") if row[name]}
    given = {name: str(row[name]) for name in KEPT if row[name] not in (None, "")} | moments
    given["address"] = given.get("address", "")[:ADDRESS_LIMIT]
    return {**given, "id": f"sheet-{hashlib.sha256(rules.dump(given).encode()).hexdigest()[:40]}"}


imports.register(Importer(
    key="hotline", title=_("市热线工单"), posts=("operator", "dispatcher", "admin"), check=check, take=take,
    back="hotline:orders", hint=_("市热线导出的工单表。同一个编号只收一次；类别对不上的也收，由坐席员定。"), columns=(
        Column("number", _("热线工单编号"), needed=True, parse=_number, example="SH2026030200001",
               aliases=("工单编号", "工单号", "编号", "诉求编号", "受理编号")),
        Column("words", _("诉求内容"), parse=_words, example="家里暖气不热，只有 15 度",
               aliases=("工单内容", "内容", "诉求描述", "问题描述", "反映内容", "主要内容")),
        Column("caller_name", _("诉求人"), aliases=("来电人", "姓名", "反映人", "诉求人姓名"), example="张三"),
        Column("caller_phone", _("联系电话"), parse=_phone, example="13800001111",
               aliases=("来电号码", "电话", "手机", "联系方式")),
        Column("secret", _("是否保密"), parse=_secret, aliases=("保密", "是否保密工单"), example="否"),
        Column("address", _("地址"), aliases=("诉求地址", "事发地址", "发生地址", "问题地点", "地点"), example="祥和花园 3 号楼"),
        Column("received_at", _("受理时间"), parse=sheets.moment, example="2026-03-02 08:40",
               aliases=("来电时间", "登记时间", "诉求时间")),
        Column("due_at", _("办结时限"), parse=sheets.moment, aliases=("截止时间", "到期时间", "办理时限", "要求办结时间"),
               example="2026-03-09 18:00"),
        Column("category_code", _("类别编码"), aliases=("分类编码", "事项编码")),
        Column("category_name", _("类别名称"), aliases=("类别", "分类", "诉求类别", "问题类别", "事项类别", "三级分类")),
        Column("kind", _("诉求类型"), parse=_kind, aliases=("类型", "工单类型", "诉求性质"), example="求助"),
        Column("type", _("消息种类"), parse=_type, aliases=("操作",), hint=_("不填就是新工单"), example="工单"),
        Column("reason", _("说明或理由"), aliases=("说明", "理由", "退回原因", "重办原因")),
        Column("solved", _("是否解决"), aliases=("解决情况",), hint=_("只有回访结果要填")),
        Column("satisfied", _("满意度"), aliases=("满意情况", "是否满意"), hint=_("只有回访结果要填")),
        Column("source", _("来源热线"), aliases=("来源", "热线"), hint=_("只连接了一条热线时不用填")),
    )))
