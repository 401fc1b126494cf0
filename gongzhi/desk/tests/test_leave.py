"""A colleague is away: his desk is on the stand-in's, who acts under his own name, and not where he is recused."""

from datetime import timedelta

import pytest

from conftest import Town
from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.desk.tests import matters
from gongzhi.flow import actions as flow
from gongzhi.flow import queries
from gongzhi.log import queries as log
from gongzhi.notify import actions as notify
from gongzhi.notify import queries as notices
from gongzhi.org import actions
from gongzhi.org import queries as org
from gongzhi.org.models import Leave

pytestmark = pytest.mark.django_db
PAGE = "/desk/leave/"


def away(town: Town, who: str, stand_in: str) -> Leave:
    today = clock.today()
    return actions.enter_leave(town.people[who], from_date=today, to_date=today + timedelta(2), stand_in=town.people[stand_in],
                               by=org.standing(town.people["admin"]))


def test_the_stand_in_acts_under_his_own_name_for_whom_he_stands_in(town: Town) -> None:
    case = matters.dispatched(town)
    with pytest.raises(Refused):
        flow.act(case.pk, "sign", by=town.actor("parks"))
    away(town, "department", "parks")
    task = case.tasks.get(done_at=None, kind="work")
    task.person = town.people["department"]
    task.save()
    assert queries.queue(org.standing(town.people["parks"])).filter(pk=task.pk).exists()
    flow.act(case.pk, "sign", by=town.actor("parks"))
    line = [e for e in log.of_subject("case", case.pk) if e.verb == "request.sign"][0]
    assert line.actor == f"person:{town.people['parks'].pk}" and line.data["for"] == town.people["department"].pk
    page = matters.client(town, "district").get(f"/desk/cases/{case.code}/").content.decode()
    assert f"{town.people['parks'].name}（代{town.people['department'].name}）" in page
    with clock.at(clock.now() + timedelta(3)):
        assert not queries.queue(org.standing(town.people["parks"])).filter(pk=task.pk).exists()


def test_what_his_own_posts_allow_he_does_for_himself(town: Town) -> None:
    away(town, "street", "street_leader")
    case = matters.dispatched(town)
    flow.act(case.pk, "supervise", by=town.actor("street_leader"), form={"comment": "抓紧", "reason": "抓紧"})
    line = [e for e in log.of_subject("case", case.pk) if e.verb == "request.supervise"][0]
    assert "for" not in line.data


def test_who_is_recused_sees_nothing_of_it_as_a_stand_in_and_is_told_nothing(town: Town) -> None:
    case = matters.complained(town)
    away(town, "district", "street")
    assert queries.visible_to(org.standing(town.people["district"])).filter(pk=case.pk).exists()
    standing = org.standing(town.people["street"])
    assert not queries.visible_to(standing).filter(pk=case.pk).exists()
    assert not queries.queue(standing).filter(case=case).exists()
    notify.tell_people([town.people["district"].pk], template="list.ready", values={"list": "x", "n": "1"},
                       about=("case", case.pk), key="k")
    assert not notices.inbox(standing).exists() and notices.inbox(org.standing(town.people["district"])).exists()


def test_notices_come_to_the_stand_in_too(town: Town) -> None:
    away(town, "department", "parks")
    notify.tell_people([town.people["department"].pk], template="list.ready", values={"list": "x", "n": "1"},
                       about=("list", 1), key="k")
    assert notices.inbox(org.standing(town.people["parks"])).count() == 1


def test_the_page_enters_and_ends_a_leave_and_refuses_beside_the_field(town: Town) -> None:
    browser, today = matters.client(town, "department"), clock.today()
    form = {"from_date": today, "to_date": today, "stand_in": "nobody here"}
    answer = browser.post(PAGE, form)
    assert answer.status_code == 422 and "在职人员" in answer.content.decode() and "nobody here" in answer.content.decode()
    assert browser.post(PAGE, {**form, "stand_in": "parks"}).status_code == 302
    assert "您在代" in matters.client(town, "parks").get("/desk/").content.decode()
    row = Leave.objects.get()
    assert browser.post(f"{PAGE}{row.pk}/end/", {"last_day": "2200-01-01"}).status_code == 422
    assert matters.client(town, "parks").post(f"{PAGE}{row.pk}/end/", {"last_day": today}).status_code == 404
    assert browser.post(f"{PAGE}{row.pk}/end/", {"last_day": today - timedelta(1)}).status_code == 302
    assert not Leave.objects.exists()


def test_a_leader_enters_it_for_his_people_and_nobody_for_strangers(town: Town) -> None:
    whom = town.people["department"].pk
    assert matters.client(town, "parks").get(f"{PAGE}?person={whom}").status_code == 403
    leader = matters.client(town, "department_leader")
    assert town.people["department"].name in leader.get(f"{PAGE}?person={whom}").content.decode()
    today = clock.today()
    form = {"from_date": today, "to_date": today, "stand_in": ""}
    assert leader.post(f"{PAGE}?person={whom}", form).status_code == 302
    assert Leave.objects.get().entered_by == town.people["department_leader"]
