"""What the organisation takes from sheets: units, people with their posts, and appointments that end."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as say
from django.utils.translation import gettext_noop as _

from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.base.imports import Importer, register
from gongzhi.base.sheets import Column, Fault, Row, day, one_of
from gongzhi.org import actions, rules
from gongzhi.org.actions import NewAppointment, NewPerson, NewPost
from gongzhi.org.models import Appointment, Person, Post, Unit
from gongzhi.org.naming import Places, Units, phone, short
from gongzhi.org.unit_sheet import SAME, UNIT_COLUMNS, check_units, parents_first, take_units
from gongzhi.places.models import Place


def email(text: str) -> str:
    """Read an address of e-mail."""
    try:
        validate_email(text)
    except ValidationError as fault:
        raise Refused(say("“{text}”不是邮箱地址。").format(text=text[:40])) from fault
    return text


def username(text: str) -> str:
    """Read a user name."""
    if not rules.USERNAME.fullmatch(text):
        raise Refused(say("用户名只用字母、数字和 . _ @ -，2 到 40 位。"))
    return text


# People ---------------------------------------------------------------------------------------------------------------

_OF_POST = (
    Column("unit", _("单位"), parse=short(200), aliases=("所在单位", "部门"), example="西街街道办事处",
           hint=_("名称、标识，或写全的路径，像“区住建局/物业科”。")),
    Column("post", _("岗位"), parse=one_of({v: k for k, v in rules.POSTS.items()}), aliases=("职务", "岗位名称"),
           example="经办人"),
    Column("place", _("岗位管辖地点"), parse=short(200), aliases=("管辖地点", "网格"), example="150102007001",
           hint=_("和单位的管辖地点一样就不填。")),
)
PEOPLE_COLUMNS = (
    Column("username", _("用户名"), needed=True, parse=username, aliases=("账号", "登录名"), example="wangfang",
           hint=_("登录用。一个人有几个岗位就写几行，用户名一样。")),
    Column("name", _("姓名"), needed=True, parse=short(40), example="王芳"),
    Column("work_phone", _("工作电话"), parse=phone, aliases=("办公电话", "联系电话", "电话"), example="0471-1234567",
           hint=_("居民看得到，不要填私人号码。")),
    Column("email", _("工作邮箱"), parse=email, aliases=("邮箱",), example="wangfang@example.org"),
    *_OF_POST,
    Column("from_date", _("任职日期"), parse=day, aliases=("起始日期", "到岗日期"), example="2026-03-02", hint=_("不填是今天。")),
)
END_COLUMNS = (
    Column("username", _("用户名"), needed=True, parse=username, aliases=("账号", "登录名"), example="wangfang"),
    *(Column(c.key, c.title, c.key != "place", c.parse, c.aliases, c.example, c.hint) for c in _OF_POST),
    Column("to_date", _("最后一天"), needed=True, parse=day, aliases=("结束日期", "离任日期"), example="2026-06-30"),
)


class PostSheet:
    """The lines of a sheet that name posts, with the people, posts and appointments that are there."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.units, self.places = Units.read(), Places.read(row["place"] or "" for row in rows)
        names = {row["username"] for row in rows}
        self.people = {p.username: p for p in Person.objects.filter(username__in=names)}
        held = Appointment.objects.filter(person__username__in=names).select_related("post").order_by("from_date")
        self.held: dict[tuple[str, int, str, int | None], list[Appointment]] = {}
        for row in held.select_related("person"):
            at = (row.person.username, row.post.unit_id, row.post.name, row.post.place_id)
            self.held.setdefault(at, []).append(row)

    def seat(self, row: Row) -> tuple[int, str, int | None]:
        """Say which post a line means: the unit, the post, the place if it is not the unit's own."""
        try:
            unit = self.units.one(row["unit"]).unit
        except Refused as fault:
            raise Refused(fault.sentence, "unit") from fault
        assert unit is not None
        try:
            place = self.places.one(row["place"]).id if row["place"] else None
        except Refused as fault:
            raise Refused(fault.sentence, "place") from fault
        return unit.pk, row["post"], None if place == unit.place_id else place

    def open(self, who: str, seat: tuple[int, str, int | None], on: date) -> Appointment | None:
        """Find an appointment to a post that has not ended by a day."""
        return next((a for a in self.held.get((who, *seat), ()) if a.to_date is None or a.to_date >= on), None)


def check_people(rows: Sequence[Row], by: int) -> Iterator[Fault]:
    """Say which lines contradict another, or somebody who is there, or name no unit; and which say nothing new."""
    sheet, first, seen = PostSheet(rows), dict[str, Row](), dict[Any, int]()
    lowered = {p.lower(): p for p in Person.objects.filter(is_active=True).values_list("username", flat=True)}
    posts = _posts_of(sheet, rows)
    for row in rows:
        who = row["username"]
        before = first.setdefault(who.lower(), row)
        try:
            _check_name(row, before, sheet.people.get(who), lowered.get(who.lower(), who))
            if bool(row["unit"]) != bool(row["post"]):
                raise Refused(say("单位和岗位要一起填。"), "post" if row["unit"] else "unit")
            if rules.too_many_powers(posts.get(who, ())):
                raise Refused(say("系统、安全、审计三种管理员不能由一个人兼任。"), "post")
            seat = sheet.seat(row) if row["unit"] else None
            at = seen.setdefault((who, seat), row.n)
            if at != row.n:
                raise Refused(say("和第 {n} 行重复。").format(n=at), "post")
        except Refused as fault:
            yield Fault(row.n, fault.field, fault.sentence)
            continue
        person = sheet.people.get(who)
        if person and not _new_words(row, person) and (seat is None or sheet.open(who, seat, _from(row))):
            yield Fault(row.n, "username", say(SAME), "same")


def _check_name(row: Row, before: Row, person: Person | None, spelled: str) -> None:
    """Refuse a user name that is somebody else's, here or in the sheet."""
    if before["name"] != row["name"] or before["username"] != row["username"]:
        raise Refused(say("用户名和第 {n} 行的{name}一样。").format(n=before.n, name=before["name"]), "username")
    if spelled != row["username"]:
        raise Refused(say("已有用户名 {name}，只是大小写不同。").format(name=spelled), "username")
    if person and not person.is_active:
        raise Refused(say("用户名 {name} 是已离职的人的，请另起一个。").format(name=person.username), "username")
    if person and person.name != row["name"]:
        raise Refused(say("用户名 {username} 已经是{name}的。").format(username=person.username, name=person.name),
                      "username")


def _posts_of(sheet: PostSheet, rows: Sequence[Row]) -> dict[str, set[str]]:
    """Say which posts each would hold of those that are kept apart."""
    found: dict[str, set[str]] = {}
    for (who, _unit, post, _place), held in sheet.held.items():
        if any(a.to_date is None or a.to_date >= clock.today() for a in held):
            found.setdefault(who, set()).add(post)
    for row in rows:
        found.setdefault(row["username"], set()).add(row["post"])
    return found


def _from(row: Row) -> date:
    return row["from_date"] or clock.today()


def _new_words(row: Row, person: Person) -> bool:
    """Say whether a line has another phone or address than the person."""
    return any(row[name] and row[name] != getattr(person, name) for name in ("work_phone", "email"))


def take_people(rows: Sequence[Row], by: int) -> int:
    """Add the people who are not there, write new phones and addresses of the others, and appoint them all."""
    sheet = PostSheet(rows)
    new: dict[str, NewPerson] = {}
    for row in rows:
        who = row["username"]
        if who not in sheet.people and who not in new:
            new[who] = NewPerson(who, row["name"], row["work_phone"] or "", row["email"] or "")
    made = {p.username: p for p in actions.add_people(list(new.values()), by=by)}
    changed: dict[int, Person] = {}
    for row in rows:
        person = sheet.people.get(row["username"])
        if person and _new_words(row, person):
            person.work_phone, person.email = row["work_phone"] or person.work_phone, row["email"] or person.email
            changed[person.pk] = person
    actions.change_people(list(changed.values()), ("work_phone", "email"), by=by)
    people = sheet.people | made
    wanted = [(row, sheet.seat(row)) for row in rows if row["unit"]]
    wanted = [(row, seat) for row, seat in wanted if sheet.open(row["username"], seat, _from(row)) is None]
    posts = _posts({seat for _row, seat in wanted}, by)
    actions.appoint_many([NewAppointment(people[row["username"]], posts[seat], _from(row)) for row, seat in wanted], by=by)
    return len(rows)


def _posts(seats: Iterable[tuple[int, str, int | None]], by: int) -> dict[tuple[int, str, int | None], Post]:
    """Find posts, and add those a unit does not have yet."""
    wanted = set(seats)
    there = Post.objects.filter(unit__in={unit for unit, _post, _place in wanted})
    found = {(p.unit_id, p.name, p.place_id): p for p in there}
    missing = sorted(wanted - set(found), key=str)
    units = Unit.objects.in_bulk([unit for unit, _post, _place in missing])
    places = Place.objects.in_bulk([place for _unit, _post, place in missing if place])
    new = [NewPost(units[unit], post, places.get(place or 0)) for unit, post, place in missing]
    return found | dict(zip(missing, actions.add_posts(new, by=by), strict=True))


# Ends -----------------------------------------------------------------------------------------------------------------


def check_ends(rows: Sequence[Row], by: int) -> Iterator[Fault]:
    """Say which lines name an appointment that is not there, or end it before it begins."""
    sheet = PostSheet(rows)
    for row in rows:
        try:
            _row, same = _ending(sheet, row)
        except Refused as fault:
            yield Fault(row.n, fault.field, fault.sentence)
            continue
        if same:
            yield Fault(row.n, "to_date", say(SAME), "same")


def _ending(sheet: PostSheet, row: Row) -> tuple[Appointment, bool]:
    """Find the appointment a line ends; say whether it ends on that day already."""
    if row["username"] not in sheet.people:
        raise Refused(say("没有这个用户名。"), "username")
    held = sheet.held.get((row["username"], *sheet.seat(row)), [])
    last = held[-1] if held else None
    if last is None:
        raise Refused(say("这个人没有这项任职。"), "post")
    if last.to_date == row["to_date"]:
        return last, True
    if last.to_date and last.to_date < clock.today():
        raise Refused(say("这项任职到 {day} 已经结束。").format(day=last.to_date), "to_date")
    if row["to_date"] < last.from_date:
        raise Refused(say("最后一天早于任职日期 {day}。").format(day=last.from_date), "to_date")
    return last, False


def take_ends(rows: Sequence[Row], by: int) -> int:
    """End appointments after their last days."""
    sheet = PostSheet(rows)
    actions.end_many([(_ending(sheet, row)[0], row["to_date"]) for row in rows], by=by)
    return len(rows)


register(Importer("units", _("单位"), ("admin",), UNIT_COLUMNS, check_units, take_units, "setup:units",
                  _("一行一个单位。上级可以写在下级后面；再导一次同样的表，什么都不会变。"), parents_first))
register(Importer("people", _("人员和任职"), ("admin",), PEOPLE_COLUMNS, check_people, take_people, "setup:people",
                  _("一行一项任职，表里不写密码：导入后在“初始密码”里给每人印一条。")))
register(Importer("ends", _("结束任职"), ("admin",), END_COLUMNS, check_ends, take_ends, "setup:people",
                  _("一行结束一项任职；权限在最后一天过后自己停。")))
