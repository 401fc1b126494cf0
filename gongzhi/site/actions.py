"""Begin a city; what the administrator does to long work: stop it, let it go on."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time

from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.account.passwords import DEMO_PASSWORD
from gongzhi.base import calendar, clock, progress
from gongzhi.base.errors import Refused
from gongzhi.base.models import CalendarDay, OfficeHours, Progress
from gongzhi.desk import actions as desk
from gongzhi.flow import actions as flow
from gongzhi.flow import handing
from gongzhi.flow.actors import Actor
from gongzhi.log import actions as log
from gongzhi.org import actions as org
from gongzhi.org import queries as org_queries
from gongzhi.org.models import Person
from gongzhi.places import actions as places
from gongzhi.places.models import Place
from gongzhi.site import jobs, queries
from gongzhi.site.settings import ROOT

CENTRE_POSTS = ("operator", "dispatcher", "reviewer", "checker", "leader", "admin", "security", "auditor")
GO_ON: dict[str, Callable[..., None]] = {queries.POURING: jobs.keep_pouring}  # what can go on where it was stopped


@transaction.atomic
def stop_work(row: Progress, *, by: int) -> None:
    """Stop long work; its job ends at its next step."""
    if not progress.stop(row.pk):
        raise Refused(_("已经结束了。"))
    log.append("work.stop", actor=log.actor(by), subject=("work", row.pk), data={"name": row.name})


@transaction.atomic
def resume_work(row: Progress, *, by: int) -> None:
    """Let stopped work go on where it was."""
    if row.name not in GO_ON or not progress.resume(row.pk):
        raise Refused(_("这项工作不能继续。"))
    log.append("work.resume", actor=log.actor(by), subject=("work", row.pk), data={"name": row.name})
    GO_ON[row.name](**row.data)


@transaction.atomic
def let_go(person: Person, *, last_day: date, to: Mapping[int, Person | None], views_to: Person | None, by: Actor) -> int:
    """Let somebody leave: tasks and saved lists go over, posts end, sessions and tokens too; all of it or nothing."""
    if person.pk == by.person_id:
        raise Refused(_("不能给自己办离职，请另一位系统管理员办。"), "person")
    admins = Person.objects.filter(is_active=True, pk__in=org_queries.current().filter(post__name="admin").values("person"))
    if admins.filter(pk=person.pk).exists() and not admins.exclude(pk=person.pk).exists():
        raise Refused(_("这是最后一位系统管理员，请先任命另一位。"), "person")
    handing.hand_over(person, to, by=by)
    desk.hand_over_views(person, views_to, by=by)
    return org.dismiss(person, last_day=last_day, by=by.person_id)


@transaction.atomic
def set_day(day: date, *, working: bool | None, name: str, source: str, by: int | None) -> None:
    """Say of a day whether the office is open; None: as its weekday says. What was reckoned before stays as it is."""
    if working is None:
        if not CalendarDay.objects.filter(date=day).delete()[0]:
            raise Refused(_("这一天本来就和星期一样。"), "date")
    else:
        if not name.strip():
            raise Refused(_("请写名称。"), "name")
        if not source.strip():
            raise Refused(_("请写来源。"), "source")
        CalendarDay.objects.update_or_create(date=day, defaults={
            "is_working": working, "name": name.strip()[:40], "source": source.strip()[:120]})
    calendar.forget()
    log.append("calendar.day", actor=log.actor(by), subject=("calendar", None),
               data={"date": day.isoformat(), "working": working})


@transaction.atomic
def set_days(rows: Sequence[CalendarDay], *, by: int) -> None:
    """Write days from a sheet over those that are there."""
    CalendarDay.objects.bulk_create(rows, update_conflicts=True, unique_fields=["date"],
                                    update_fields=["is_working", "name", "source"])
    calendar.forget()
    log.append("calendar.day", actor=log.actor(by), subject=("calendar", None), data={"n": len(rows)})


@transaction.atomic
def set_hours(spans: Mapping[int, Sequence[tuple[time, time]]], *, source: str, by: int | None) -> None:
    """Write the office hours of the week."""
    if not source.strip():
        raise Refused(_("请写来源。"), "hours_source")
    if not any(spans.values()):
        raise Refused(_("一周至少要有一段办公时间。"), "day-0")
    OfficeHours.objects.all().delete()
    OfficeHours.objects.bulk_create(
        OfficeHours(weekday=weekday, opens=opens, closes=closes, source=source.strip()[:120])
        for weekday, day in spans.items() for opens, closes in day)
    calendar.forget()
    log.append("calendar.hours", actor=log.actor(by), subject=("calendar", None), data={"n": sum(map(len, spans.values()))})


@transaction.atomic
def begin_city(name: str, *, code: str, username: str, person: str, password: str) -> Person:
    """Make a real city's first rows: district, its centre with posts, an administrator, the processes, the calendar."""
    if Place.objects.exists() or Person.objects.exists():
        raise Refused("这个数据库里已经有地点或人员，只能在空的数据库里开始。")
    if password == DEMO_PASSWORD:
        raise Refused("演示密码只在演示中有效。", "password")
    codes = {"nbs": code.ljust(12, "0")} if code else {}
    (district,) = places.add_places([places.NewPlace("district", name, codes=codes)], by=None, source="gongzhi init")
    government = org.NewUnit("district", "government", f"{name}人民政府", name, "district", place=district, key="district")
    centre = org.NewUnit("centre", "government", f"{name}接诉即办中心", "接诉即办中心", "district", government, district, "centre")
    _government, made = org.add_units([government, centre], by=None)
    posts = {post.name: post for post in org.add_posts([org.NewPost(made, post) for post in CENTRE_POSTS], by=None)}
    (admin,) = org.add_people([org.NewPerson(username, person)], by=None)
    org.set_password(admin, password, by=None)
    org.appoint(admin, posts["admin"], from_date=clock.today(), by=None)
    for file in sorted((ROOT / "processes").glob("*.toml")):
        flow.publish(file.read_text(encoding="utf-8"))
    calendar.seed()
    return admin
