"""Begin a city; what the administrator does to long work: stop it, let it go on."""

from collections.abc import Callable

from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.account.passwords import DEMO_PASSWORD
from gongzhi.base import calendar, clock, progress
from gongzhi.base.errors import Refused
from gongzhi.base.models import Progress
from gongzhi.flow import actions as flow
from gongzhi.log import actions as log
from gongzhi.org import actions as org
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
