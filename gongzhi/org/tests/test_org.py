from datetime import timedelta

import pytest

from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.log import queries as log
from gongzhi.org import actions, queries
from gongzhi.org.actions import NewPerson, NewPost, NewUnit
from gongzhi.org.models import Appointment, Person, Post, Token
from gongzhi.org.rules import NOBODY
from gongzhi.org.tests import organisation

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def org():
    return organisation.make()


def post(unit, name):
    return Post.objects.get(unit=unit, name=name)


def test_a_person_is_what_the_appointments_of_today_say(org):
    worker = org.people["gridworker@grid-0"]
    standing = queries.standing(worker)
    assert standing.posts == {"gridworker"} and standing.units == {org.units["grid-0"].pk}
    assert standing.places == {org.town.grids[0].pk}
    assert standing.lineage == {org.units[k].pk for k in ("grid-0", "community-0", "street-0", "district")}
    actions.end_appointment(worker.appointments.get(), to_date=clock.today(), by=None)
    assert queries.standing(worker).posts == {"gridworker"}
    with clock.at(clock.now() + DAY):
        assert queries.standing(worker).posts == frozenset()


def test_an_appointment_holds_from_its_day_on(org):
    new = actions.add_people([NewPerson("new", "新来的")], by=None)[0]
    extra = actions.add_posts([NewPost(org.units["street-0"], "checker")], by=None)[0]
    actions.appoint(new, extra, from_date=clock.today() + DAY, by=1)
    assert not queries.standing(new).held
    with clock.at(clock.now() + DAY):
        assert queries.standing(new).holds("checker")


def test_strangers_and_people_who_left_are_nobody(org):
    from django.contrib.auth.models import AnonymousUser

    worker = org.people["gridworker@grid-0"]
    worker.is_active = False
    assert queries.standing(worker) == NOBODY == queries.standing(AnonymousUser())


def test_two_posts_add_up_and_only_overseeing_posts_see_a_whole_place(org):
    handler, leader = org.people["handler@street-0"], org.people["leader@housing"]
    assert queries.standing(handler).places == frozenset()
    assert queries.standing(leader).places == frozenset()  # a department governs no place
    post = actions.add_posts([NewPost(org.units["community-3"], "dispatcher")], by=None)[0]
    actions.appoint(handler, post, from_date=clock.today(), by=None)
    standing = queries.standing(handler)
    assert standing.units == {org.units["street-0"].pk, org.units["community-3"].pk}
    assert standing.places == {org.town.communities[3].pk}
    assert handler in queries.double_posted() and leader not in queries.double_posted()
    assert handler in queries.double_posted(org.units["street-0"].pk)
    assert handler not in queries.double_posted(org.units["housing"].pk)


def test_outside_handlers_are_known_as_such(org):
    assert queries.standing(org.people["handler@heating"]).is_outside
    assert not queries.standing(org.people["handler@street-0"]).is_outside


def test_a_vacancy_is_a_seat_without_a_person(org):
    seat = actions.add_posts([NewPost(org.units["street-1"], "reviewer", seats=2)], by=None)[0]
    assert [(p.pk, p.n_people, p.seats) for p in queries.vacancies()] == [(seat.pk, 0, 2)]
    people = actions.add_people([NewPerson("a", "甲"), NewPerson("b", "乙"), NewPerson("c", "丙")], by=None)
    actions.appoint(people[0], seat, from_date=clock.today(), by=None)
    assert queries.vacancies().get().n_people == 1
    actions.appoint(people[1], seat, from_date=clock.today(), by=None)
    assert not queries.vacancies().exists()
    with pytest.raises(Refused, match="已满"):
        actions.appoint(people[2], seat, from_date=clock.today(), by=None)
    actions.end_appointment(Appointment.objects.get(person=people[0]), to_date=clock.today() - DAY, by=None)
    assert queries.vacancies().get().n_people == 1


def test_nobody_is_appointed_twice_to_one_post_or_ended_before_the_beginning(org):
    leader = org.people["leader@street-0"]
    with pytest.raises(Refused, match="已在"):
        actions.appoint(leader, post(org.units["street-0"], "leader"), from_date=clock.today(), by=None)
    with pytest.raises(Refused):
        actions.end_appointment(leader.appointments.get(), to_date=organisation.SINCE - 5 * DAY, by=None)


def test_the_unit_that_governs_a_place_is_the_office_before_the_party_committee(org):
    path = org.town.grids[9].path
    assert queries.governing("grid", path) == org.units["grid-9"]
    assert queries.governing("community", path) == org.units["community-2"]
    assert queries.governing("street", path) == org.units["street-1"]
    assert queries.governing("street", path, "dispatcher") == org.units["street-1"]
    assert queries.governing("district", path, "operator") == org.units["centre"]
    assert queries.governing("street", path, "auditor") is None


def test_holders_of_a_post_and_the_worker_of_a_grid(org):
    assert list(queries.holders(org.units["centre"].pk, "operator")) == [org.people["operator@centre"]]
    assert queries.holders(org.units["centre"].pk).count() == 6
    assert queries.grid_worker(org.town.grids[3].pk) == org.people["gridworker@grid-3"]
    assert queries.grid_worker(org.town.streets[0].pk) is None
    assert set(queries.within(org.units["street-0"].pk)) >= {org.units["community-1"], org.units["grid-7"]}


def test_every_act_is_one_line_with_its_actor(org):
    person = org.people["handler@street-0"]
    seat = actions.add_posts([NewPost(org.units["street-0"], "checker")], by=9)[0]
    row = actions.appoint(person, seat, from_date=clock.today(), by=9)
    actions.end_appointment(row, to_date=clock.today(), by=9)
    actions.set_password(person, "long-enough-for-us", by=9)
    lines = log.of_subject("person", person.pk)
    assert [x.verb for x in lines] == ["person.appoint", "person.dismiss", "person.password"]
    assert {x.actor for x in lines} == {"person:9"}
    assert "long-enough" not in str([x.data for x in lines])


def test_a_weak_password_is_refused_and_a_good_one_signs_in(org, client):
    person = org.people["handler@street-0"]
    assert not person.has_usable_password()
    for weak in ("short", "password12", ""):
        with pytest.raises(Refused):
            actions.set_password(person, weak, by=None)
    actions.set_password(person, "水岸小区的一棵树2026", by=None)
    assert Person.objects.get(pk=person.pk).check_password("水岸小区的一棵树2026")


def test_a_token_is_known_by_its_digest_only_and_ends_when_revoked_expired_or_the_person_left(org):
    person = org.people["handler@street-0"]
    text = actions.issue_token(name="手机", person=person, by=person.pk, expires_at=clock.now() + DAY)
    assert text not in str(list(Token.objects.values()))
    assert queries.person_of_token(text) == person
    assert queries.person_of_token(text + "x") is None and queries.person_of_token("") is None
    with clock.at(clock.now() + 2 * DAY):
        assert queries.person_of_token(text) is None
    Person.objects.filter(pk=person.pk).update(is_active=False)
    assert queries.person_of_token(text) is None
    machine = actions.issue_token(name="城管平台", by=None)
    assert queries.token(machine).name == "城管平台" and queries.person_of_token(machine) is None
    assert actions.revoke_token(Token.objects.get(person=None).digest, by=None)
    assert queries.token(machine) is None


def test_units_of_unknown_kind_and_user_names_in_use_are_refused(org):
    with pytest.raises(Refused):
        actions.add_units([NewUnit("army", "government", "某部")], by=None)
    with pytest.raises(Refused):
        actions.add_people([NewPerson("handler@heating", "重名")], by=None)
    with pytest.raises(Refused):
        actions.add_posts([NewPost(org.units["heating"], "king")], by=None)
