"""People without a programmer: first sign-in by a printed word, leaving with everything handed over, why somebody sees."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client

from gongzhi.base import clock, codes
from gongzhi.desk.models import SavedView
from gongzhi.desk.tests import matters
from gongzhi.flow import queries as flow
from gongzhi.flow import reasons
from gongzhi.flow.models import Case
from gongzhi.log import projections
from gongzhi.log import queries as log
from gongzhi.org import actions as org
from gongzhi.org import queries
from gongzhi.org.actions import NewPerson
from gongzhi.org.models import Appointment, Person, Post

pytestmark = pytest.mark.django_db
PASSWORD = "a horse that is correct"


@pytest.fixture
def admin(town, client):
    client.force_login(town.people["admin"])
    return client


def page(client, address):
    return unescape(client.get(address).content.decode())


# First sign-in


def test_a_printed_word_signs_in_once_and_a_password_is_chosen(town, admin):
    person, = org.add_people([NewPerson("xiaowang", "小王")], by=None)
    assert "小王" in page(admin, "/setup/people/words/")
    slips = admin.post("/setup/people/words/")
    assert "no-store" in slips["Cache-Control"]
    word = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", slips.content.decode())[0]
    assert word not in page(admin, "/setup/people/words/")
    browser = Client()
    answer = browser.post("/sign-in/", {"username": "xiaowang", "password": word.lower()})
    assert answer["Location"] == "/sign-in/first/" and "_auth_user_id" not in browser.session
    first = browser.get("/sign-in/first/").content.decode()
    assert "小王" in first
    assert browser.post("/sign-in/first/", {"password": PASSWORD, "again": "else"}).status_code == 422
    short = browser.post("/sign-in/first/", {"password": "short", "again": "short"})
    assert short.status_code == 422 and "至少 10 位" in short.content.decode()
    assert browser.post("/sign-in/first/", {"password": PASSWORD, "again": PASSWORD}).status_code == 302
    assert browser.session["_auth_user_id"] == str(person.pk)
    assert Client().post("/sign-in/", {"username": "xiaowang", "password": word}).status_code == 422
    assert Client().post("/sign-in/", {"username": "xiaowang", "password": PASSWORD}).status_code == 302


def test_a_word_opens_no_door_of_the_api_and_nobody_skips_the_first_page(town, admin):
    person, = org.add_people([NewPerson("xiaowang", "小王")], by=None)
    (_who, word), = org.give_words([person], by=None)
    answer = Client().post("/api/v1/sign-in", {"username": "xiaowang", "password": word}, "application/json")
    assert answer.status_code >= 400
    assert Client().get("/sign-in/first/")["Location"] == "/sign-in/"


def test_a_new_word_ends_the_old_password_and_its_sessions(town, admin):
    street = matters.client(town, "street")
    assert street.get("/desk/").status_code == 200
    assert admin.post(f"/setup/people/{town.people['street'].pk}/word/").status_code == 200
    assert street.get("/desk/").status_code == 302


# Leaving


def named(town, who="department"):
    case = matters.dispatched(town)
    task = case.tasks.get(done_at=None, kind="work")
    task.person, task.post = town.people[who], town.people[who].appointments.get().post.name
    task.save()
    return case, task


def second(town, who, post):
    """Let somebody hold the post of another too."""
    seat = Post.objects.get(pk=town.people[post].appointments.first().post_id)
    Appointment.objects.create(post=seat, person=town.people[who], from_date=clock.today())


def leave(town, admin, who="department", **form):
    values = {"last_day": clock.today(), "heir": "", **form}
    return admin.post(f"/setup/people/{town.people[who].pk}/leaving/", values)


def test_nobody_leaves_while_a_task_stays_without_an_owner(town, admin):
    case, task = named(town)
    assert leave(town, admin, **{f"task-{task.pk}": "heir"}).status_code == 422
    answer = leave(town, admin, **{f"task-{task.pk}": "0"})
    assert answer.status_code == 422 and "没有人接" in answer.content.decode()
    task.refresh_from_db()
    assert task.person == town.people["department"] and Person.objects.get(username="department").is_active
    answer = leave(town, admin, heir="parks", **{f"task-{task.pk}": "heir"})
    assert answer.status_code == 422 and "不在这件事的岗位上" in answer.content.decode()


def test_all_goes_over_in_one_act_and_the_account_ends(town, admin):
    case, task = named(town)
    second(town, "parks", "department")
    SavedView.objects.create(person=town.people["department"], title="我的", query="?view=late")
    token, browser = org.issue_token(name="x", by=None, person=town.people["department"]), matters.client(town, "department")
    shown = page(admin, f"/setup/people/{town.people['department'].pk}/leaving/")
    assert codes.show_code(case.code) in shown and town.people["parks"].name in shown and "还有别人" in shown
    assert leave(town, admin, heir="parks", **{f"task-{task.pk}": "heir"}).status_code == 302
    task.refresh_from_db()
    assert task.person == town.people["parks"] and SavedView.objects.get().person == town.people["parks"]
    assert queries.token(token) is None and browser.get("/desk/").status_code == 302
    assert not Person.objects.get(username="department").is_active
    line = next(e for e in log.of_subject("case", case.pk) if e.verb == "request.handed")
    assert line.data["to_person"] == town.people["parks"].pk and line.actor == f"person:{town.people['admin'].pk}"
    assert "任务交接给他人" in page(matters.client(town, "district"), f"/desk/cases/{case.code}/")


def test_one_task_may_go_back_to_its_desk_and_a_desk_left_empty_is_shown(town, admin):
    _case, task = named(town)
    shown = page(admin, f"/setup/people/{town.people['department'].pk}/leaving/")
    assert "他走后空缺" in shown
    second(town, "parks", "department")
    assert leave(town, admin, **{f"task-{task.pk}": "0"}).status_code == 302
    task.refresh_from_db()
    assert task.person is None
    post = town.people["department"].appointments.first().post
    Post.objects.filter(pk=post.pk).update(seats=2)
    unit = page(admin, f"/setup/units/{post.unit_id}/")
    assert "缺 1 人" in unit and "岗位上有 1 件" in unit


def test_the_last_administrator_and_oneself_do_not_leave(town, admin):
    assert leave(town, admin, "admin").status_code == 422
    assert Person.objects.get(username="admin").is_active


def test_a_task_the_administrator_may_not_see_goes_to_its_desk_without_a_word(town, admin):
    case, task = named(town)
    Case.objects.filter(pk=case.pk).update(about_units=[town.units["centre"].pk])  # a complaint about his own unit
    shown = page(admin, f"/setup/people/{town.people['department'].pk}/leaving/")
    assert codes.show_code(case.code) not in shown and case.title not in shown
    assert leave(town, admin).status_code == 302
    task.refresh_from_db()
    assert task.person is None


# Why


def ask(admin, town, who, what):
    return page(admin, f"/setup/people/{town.people[who].pk}/?why={what}")


def test_it_is_said_by_which_post_a_matter_is_seen(town, admin):
    case = matters.dispatched(town)
    street, housing, parks = (ask(admin, town, who, case.code) for who in ("street", "department", "parks"))
    assert "事情在他看的地方里" in street and "他的单位参与办理" in housing and "他的单位也没有参与" in parks
    today = clock.today()
    org.enter_leave(town.people["department"], from_date=today, to_date=today + timedelta(2), stand_in=town.people["parks"],
                    by=queries.standing(town.people["admin"]))
    again = ask(admin, town, "parks", case.code)
    assert f"代{town.people['department'].name}顶岗，到 {today + timedelta(2)}" in again and "看得到</" in again


def test_the_grounds_are_those_of_the_lists_for_everybody(town):
    cases = [matters.reported(town), matters.dispatched(town), matters.complained(town)]
    for person in town.people.values():
        standing = queries.standing(person)
        seen = set(flow.visible_to(standing).values_list("pk", flat=True))
        for case in cases:
            case.refresh_from_db()
            assert reasons.why(case, standing)[0] == (case.pk in seen), (person.username, case.stage)


def test_who_is_recused_is_told_as_such_to_an_administrator_who_may_see_the_case(town, admin):
    case = matters.complained(town)
    assert "应当回避" in ask(admin, town, "street", case.code)


def test_a_complaint_about_the_administrator_s_unit_is_answered_like_no_complaint(town, admin):
    case = matters.complained(town)
    Case.objects.filter(pk=case.pk).update(about_units=[town.units["centre"].pk])
    missing = codes.new_code()
    there, none = ask(admin, town, "street", case.code), ask(admin, town, "street", missing)
    bare = lambda text, code: re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"', "", text).replace(code, "")  # noqa: E731
    assert bare(there, case.code) == bare(none, missing) and "不归您查看" in there


def test_it_is_said_which_post_opens_a_page(town, admin):
    mine = ask(admin, town, "admin", "/setup/units/")
    assert "打得开</" in mine and "系统管理员岗位" in mine
    closed = ask(admin, town, "street", "/setup/units/")
    assert "打不开</" in closed and "要有这些岗位之一：系统管理员、审计员" in closed
    assert "不用登录" in ask(admin, town, "street", "/sign-in/") and "没有这个编号或页面" in ask(admin, town, "street", "/nowhere/")


def test_handing_over_breaks_no_projection(town, admin, monkeypatch):
    finished_only = "log_after(%s, %s::text::xid8, %s, %s)"  # this test's own transaction is not
    monkeypatch.setattr(log, "AFTER", log.AFTER.replace(finished_only, finished_only[:-1] + ", true)"))
    _case, task = named(town)
    second(town, "parks", "department")
    leave(town, admin, heir="parks", **{f"task-{task.pk}": "heir"})
    assert projections.catch_up() > 0
