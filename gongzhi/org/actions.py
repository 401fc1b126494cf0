"""Writing the organisation: each act one transaction and one line, of a batch about its first row."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from gongzhi.base import chinese, clock
from gongzhi.base.errors import Refused
from gongzhi.log import actions as log
from gongzhi.org import queries, rules
from gongzhi.org.models import Appointment, FirstSignIn, Leave, Person, Post, Token, Unit
from gongzhi.org.rules import Standing, digest
from gongzhi.places.models import Place


@dataclass(eq=False)
class NewUnit:
    """A unit to add. `parent`: one that exists, or one earlier in the same batch."""

    kind: str
    line: str
    name: str
    short_name: str = ""
    level: str = ""
    parent: "Unit | NewUnit | None" = None
    place: Place | None = None
    key: str = ""
    phone: str = ""


@dataclass(frozen=True)
class NewPerson:
    """A person to add; without a password nobody can sign in as this person until one is set."""

    username: str
    name: str
    work_phone: str = ""
    email: str = ""
    password: str | None = None
    made_up: bool = False


@dataclass(frozen=True)
class NewPost:
    """A post to add, over a place of its own or its unit's."""

    unit: Unit
    name: str
    place: Place | None = None
    seats: int = 1


@dataclass(frozen=True)
class NewAppointment:
    """A person who takes a post on a day."""

    person: Person
    post: Post
    from_date: date


@transaction.atomic
def add_units(rows: Sequence[NewUnit], *, by: int | None) -> list[Unit]:
    """Add units and return them in order; parents must come before their children."""
    if not rows:
        return []
    made: dict[int, Unit] = {}
    for row, new_id in zip(rows, _new_ids("org_unit_id_seq", len(rows)), strict=True):
        made[id(row)] = _unit(row, new_id, made)
    units = list(made.values())
    Unit.objects.bulk_create(units, batch_size=1000)
    _note("unit.add", by, ("unit", units[0].pk), n=len(units))
    return units


def _new_ids(sequence: str, n: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s) FROM generate_series(1, %s)", [sequence, n])
        return [row[0] for row in cursor.fetchall()]


def _unit(row: NewUnit, new_id: int, made: dict[int, Unit]) -> Unit:
    if row.kind not in rules.UNIT_KINDS or row.line not in rules.LINES or row.level not in ("", *rules.LEVELS):
        raise Refused(f"“{row.name}”的类别、条线或层级不对。", "kind")
    if not row.name.strip():
        raise Refused("请填写单位名称。", "name")
    parent = made[id(row.parent)] if isinstance(row.parent, NewUnit) else row.parent
    return Unit(
        id=new_id, parent=parent, kind=row.kind, line=row.line, level=row.level, name=row.name.strip(),
        short_name=(row.short_name or row.name).strip()[:40], key=row.key, place=row.place, phone=row.phone,
        path=[*(parent.path if parent else []), new_id], pinyin=chinese.pinyin(row.name),
    )


@transaction.atomic
def rename_unit(unit: Unit, *, name: str, short_name: str = "", by: int | None) -> None:
    """Give a unit another name; it stays the same unit."""
    if not name.strip():
        raise Refused("请填写单位名称。", "name")
    unit.name, unit.short_name = name.strip()[:80], (short_name or name).strip()[:40]
    unit.pinyin = chinese.pinyin(unit.name)
    unit.save(update_fields=["name", "short_name", "pinyin"])
    _note("unit.rename", by, ("unit", unit.pk))


@transaction.atomic
def add_people(rows: Sequence[NewPerson], *, by: int | None) -> list[Person]:
    """Add people and return them in order."""
    if not rows:
        return []
    taken = Person.objects.filter(username__in=[r.username for r in rows]).first()
    if taken:
        raise Refused(f"用户名 {taken.username} 已经有人用了。", "username")
    people = [
        Person(username=r.username, name=r.name, work_phone=r.work_phone, email=r.email, made_up=r.made_up,
               password=make_password(r.password))
        for r in rows
    ]
    Person.objects.bulk_create(people, batch_size=1000)
    _note("person.add", by, ("person", people[0].pk), n=len(people))
    return people


@transaction.atomic
def add_posts(rows: Sequence[NewPost], *, by: int | None) -> list[Post]:
    """Add posts and return them in order; a unit has each post once over each place."""
    if not rows:
        return []
    for row in rows:
        if row.name not in rules.POSTS:
            raise Refused("没有这种岗位。", "post")
        if not 1 <= row.seats <= 500:
            raise Refused("席位数应在 1 到 500 之间。", "seats")
    if len(rows) == 1 and Post.objects.filter(unit=rows[0].unit, name=rows[0].name, place=rows[0].place).exists():
        raise Refused(f"{rows[0].unit.name}已有“{rules.POSTS[rows[0].name]}”岗位。", "post")
    posts = [Post(unit=r.unit, name=r.name, place=r.place, seats=r.seats) for r in rows]
    Post.objects.bulk_create(posts, batch_size=1000)
    _note("post.add", by, ("post", posts[0].pk), n=len(posts), unit=rows[0].unit.pk)
    return posts


@transaction.atomic
def appoint(person: Person, post: Post, *, from_date: date, by: int | None) -> Appointment:
    """Put a person into a post from a day on; refuse a full post, and the same person twice."""
    Post.objects.select_for_update().get(pk=post.pk)
    held = Appointment.objects.filter(Q(to_date=None) | Q(to_date__gte=from_date), post=post)
    if held.filter(person=person).exists():
        raise Refused(f"{person.name}已在这个岗位上。", "person")
    others = Appointment.objects.filter(Q(to_date=None) | Q(to_date__gte=from_date), person=person)
    if other := rules.clashing(others.values_list("post__name", flat=True), post.name):
        raise Refused(f"{person.name}已是{rules.POSTS[other]}：系统、安全、审计三种管理员不能由一个人兼任。", "person")
    if held.count() >= post.seats:
        raise Refused(f"这个岗位的 {post.seats} 个席位已满，请先结束一人的任职或增加席位。", "post")
    row = Appointment.objects.create(person=person, post=post, from_date=from_date)
    _note("person.appoint", by, ("person", person.pk), post=post.pk, unit=post.unit_id, from_date=from_date.isoformat())
    return row


@transaction.atomic
def appoint_many(rows: Sequence[NewAppointment], *, by: int | None) -> list[Appointment]:
    """Appoint a batch of people, as an import does; seats grow to hold them."""
    if not rows:
        return []
    made = Appointment.objects.bulk_create(
        [Appointment(person=r.person, post=r.post, from_date=r.from_date) for r in rows], batch_size=2000
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE org_post p SET seats = n FROM (SELECT post_id, count(*) AS n FROM org_appointment"
            " WHERE to_date IS NULL AND post_id = ANY(%s) GROUP BY post_id) a WHERE a.post_id = p.id AND n > p.seats",
            [list({r.post.pk for r in rows})],
        )
    _note("person.appoint", by, ("person", rows[0].person.pk), n=len(made))
    return made


@transaction.atomic
def end_appointment(appointment: Appointment, *, to_date: date, by: int | None) -> None:
    """End an appointment after its last day; rights end with it."""
    if to_date < appointment.from_date - timedelta(days=1):
        raise Refused("结束日期不能早于任职日期。", "to_date")
    if appointment.to_date and appointment.to_date < clock.today():
        raise Refused("这项任职已经结束。", "to_date")
    appointment.to_date = to_date
    appointment.save(update_fields=["to_date"])
    _note("person.dismiss", by, ("person", appointment.person_id), post=appointment.post_id,
          to_date=to_date.isoformat())


@transaction.atomic
def set_password(person: Person, password: str, *, by: int | None) -> None:
    """Set a person's password; sessions opened with the former one end."""
    try:
        validate_password(password, person)
    except ValidationError as fault:
        raise Refused("密码至少 10 位，不能是常见的密码。", "password") from fault
    person.set_password(password)
    person.save(update_fields=["password"])
    _note("person.password", by, ("person", person.pk))


@transaction.atomic
def give_words(people: Sequence[Person], *, by: int | None) -> list[tuple[Person, str]]:
    """Give each a word to sign in with once; former words and passwords end. The words are shown now and never again."""
    if not people:
        return []
    ids = [p.pk for p in people]
    words = [(p, rules.new_word()) for p in people]
    FirstSignIn.objects.filter(person__in=ids).delete()
    until = clock.now() + rules.WORD_LASTS
    FirstSignIn.objects.bulk_create(
        [FirstSignIn(person=p, digest=rules.word_digest(word), expires_at=until) for p, word in words], batch_size=1000)
    Person.objects.filter(pk__in=ids).update(password=make_password(None))
    _note("person.word", by, ("person", ids[0]), n=len(ids))
    return words


@transaction.atomic
def use_word(person: Person, word_digest: str, password: str) -> None:
    """Choose a password with the word of a first sign-in, which is used up by it."""
    row = FirstSignIn.objects.select_for_update().filter(person=person, digest=word_digest).first()
    if row is None or row.expires_at <= clock.now() or not person.is_active:
        raise Refused(_("初始密码已用过或已过期，请找系统管理员再要一个。"), "word")
    set_password(person, password, by=person.pk)
    row.delete()


@transaction.atomic
def issue_token(*, name: str, by: int | None, person: Person | None = None, expires_at: datetime | None = None) -> str:
    """Make a bearer token, of a person or of a machine, and return it."""
    token = "gz_" + secrets.token_urlsafe(32)
    row = Token(digest=digest(token), name=name[:80], person=person, made_at=clock.now(), expires_at=expires_at)
    row.save(force_insert=True)
    _note("token.issue", by, ("person", person.pk if person else None), token=row.digest[:12])
    return token


@transaction.atomic
def revoke_token(token_digest: str, *, by: int | None) -> bool:
    """Take a token back; say whether there was one in force."""
    now = clock.now()
    n = Token.objects.filter(digest=token_digest, revoked_at=None).update(revoked_at=now)
    if n:
        _note("token.revoke", by, ("person", None), token=token_digest[:12])
    return bool(n)


# Away and gone --------------------------------------------------------------------------------------------------------


@transaction.atomic
def enter_leave(person: Person, *, from_date: date, to_date: date, stand_in: Person | None, by: Standing) -> Leave:
    """Enter that a person is away and who stands in; the rights of it begin and end by themselves.

    The person, who leads him, or an administrator may; of an administrator or auditor not who merely leads him.
    """
    _lock(person, stand_in)
    if not may_enter_leave(person, by):
        raise Refused(_("只有本人、本人的负责人和系统管理员可以登记。"), "person")
    if to_date < from_date:
        raise Refused(_("最后一天不能早于第一天。"), "to_date")
    if to_date < clock.today() or to_date - from_date > rules.LEAVE_MOST:
        raise Refused(_("最后一天应在今天以后，一次不超过 {n} 天。").format(n=rules.LEAVE_MOST.days), "to_date")
    during = Leave.objects.filter(from_date__lte=to_date, to_date__gte=from_date)
    if during.filter(person=person).exists():
        raise Refused(_("这几天已经登记过，请先取消原来的。"), "from_date")
    other = during.filter(stand_in=person).select_related("person").first()
    if other:
        raise Refused(_("这几天{name}在代{other}顶岗，请先给{other}换人。").format(
            name=person.name, other=other.person.name), "from_date")
    if stand_in is not None:
        _check_stand_in(person, stand_in, from_date, to_date, during)
    row = Leave.objects.create(person=person, stand_in=stand_in, from_date=from_date, to_date=to_date,
                               entered_by_id=by.person_id, entered_at=clock.now())
    _note("person.leave", by.person_id, ("person", person.pk), leave=row.pk, from_date=from_date.isoformat(),
          to_date=to_date.isoformat(), stand_in=stand_in.pk if stand_in else None)
    return row


def may_enter_leave(person: Person, by: Standing) -> bool:
    """Say whether somebody may say that a person is away: himself, his leader, an administrator."""
    if by.person_id == person.pk or "admin" in by.with_posts_of(None).posts:
        return True
    guarded = rules.POWERS & queries.standing(person).posts  # a leader would choose himself who administers or audits
    return not guarded and queries.led_by(by).filter(pk=person.pk).exists()


def _lock(*people: Person | None) -> None:
    """Hold the people's rows, always in one order: two leaves that cross are entered one after the other."""
    ids = [p.pk for p in people if p]
    list(Person.objects.select_for_update().filter(pk__in=ids).order_by("pk"))


def _check_stand_in(person: Person, other: Person, from_date: date, to_date: date, during: QuerySet[Leave]) -> None:
    """Refuse who is away himself, left, works outside where the other does not, or would hold what is kept apart."""
    if other.pk == person.pk:
        raise Refused(_("不能代自己顶岗。"), "stand_in")
    if not other.is_active:
        raise Refused(_("{name}已离职。").format(name=other.name), "stand_in")
    if during.filter(person=other).exists():
        raise Refused(_("这几天{name}自己也不在岗，请另选一人。").format(name=other.name), "stand_in")
    held = Appointment.objects.filter(Q(to_date=None) | Q(to_date__gte=from_date), from_date__lte=to_date)
    own, his = (list(held.filter(person=p).select_related("post__unit")) for p in (person, other))
    if not his:
        raise Refused(_("{name}没有岗位，不能顶岗。").format(name=other.name), "stand_in")
    if len({a.post.unit.kind == "outside" for a in (*own, *his)}) > 1:
        raise Refused(_("外部单位的人和机关、社区的人不能互相顶岗。"), "stand_in")
    if rules.too_many_powers(a.post.name for a in (*own, *his)):
        raise Refused(_("系统、安全、审计三种管理员不能由一个人兼任。"), "stand_in")


@transaction.atomic
def end_leave(leave: Leave, *, last_day: date, by: Standing) -> None:
    """End a leave earlier, after its last day; one that has not begun by then is taken out."""
    if not may_enter_leave(leave.person, by):
        raise Refused(_("只有本人、本人的负责人和系统管理员可以登记。"), "person")
    if last_day >= leave.to_date:
        raise Refused(_("只能提前，不能延长；要延长请再登记一次。"), "last_day")
    if last_day < clock.today() - timedelta(days=1):
        raise Refused(_("最早到昨天为止。"), "last_day")
    if last_day < leave.from_date:
        leave.delete()
    else:
        leave.to_date = last_day
        leave.save(update_fields=["to_date"])
    _note("person.back", by.person_id, ("person", leave.person_id), last_day=last_day.isoformat(),
          stand_in=leave.stand_in_id)


@transaction.atomic
def dismiss(person: Person, *, last_day: date, by: int | None) -> int:
    """End all a person's posts, leaves, tokens, words and sessions and close the account; return how many posts ended."""
    _lock(person)
    if last_day > clock.today():
        raise Refused(_("最后一天还没到，请到那天再办；任职可以先填结束日期。"), "last_day")
    if Leave.objects.filter(stand_in=person, to_date__gte=clock.today()).exists():
        raise Refused(_("还在代别人顶岗，请先给他们换人。"), "person")
    rows = Appointment.objects.filter(Q(to_date=None) | Q(to_date__gt=last_day), person=person)
    began_later = rows.filter(from_date__gt=last_day)
    n = began_later.delete()[0] + rows.update(to_date=last_day)
    Leave.objects.filter(person=person, from_date__gt=last_day).delete()
    Leave.objects.filter(person=person, to_date__gt=last_day).update(to_date=last_day)
    FirstSignIn.objects.filter(person=person).delete()
    tokens = Token.objects.filter(person=person, revoked_at=None).update(revoked_at=clock.now())
    person.is_active = False
    person.password = make_password(None)  # sessions hang on it
    person.save(update_fields=["is_active", "password"])
    _note("person.left", by, ("person", person.pk), last_day=last_day.isoformat(), posts=n, tokens=tokens)
    return n


# From a sheet ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def change_units(rows: Sequence[Unit], fields: Sequence[str], *, by: int | None) -> None:
    """Write what a sheet says anew of units."""
    if rows:
        Unit.objects.bulk_update(rows, fields, batch_size=500)
        _note("unit.change", by, ("unit", rows[0].pk), n=len(rows))


@transaction.atomic
def change_people(rows: Sequence[Person], fields: Sequence[str], *, by: int | None) -> None:
    """Write what a sheet says anew of people."""
    if rows:
        Person.objects.bulk_update(rows, fields, batch_size=500)
        _note("person.change", by, ("person", rows[0].pk), n=len(rows))


@transaction.atomic
def end_many(rows: Sequence[tuple[Appointment, date]], *, by: int | None) -> None:
    """End a batch of appointments after their last days."""
    for row, last_day in rows:
        row.to_date = last_day
    if rows:
        Appointment.objects.bulk_update([row for row, _day in rows], ["to_date"], batch_size=500)
        _note("person.dismiss", by, ("person", rows[0][0].person_id), n=len(rows))


def _note(verb: str, by: int | None, subject: tuple[str, int | None], **data: Any) -> None:
    log.append(verb, actor=log.actor(by), subject=subject, data=data)
