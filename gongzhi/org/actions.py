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
from django.db.models import Q

from gongzhi.base import chinese, clock
from gongzhi.base.errors import Refused
from gongzhi.log import actions as log
from gongzhi.org import rules
from gongzhi.org.models import Appointment, Person, Post, Token, Unit
from gongzhi.org.rules import digest
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


def _note(verb: str, by: int | None, subject: tuple[str, int | None], **data: Any) -> None:
    log.append(verb, actor=log.actor(by), subject=subject, data=data)
