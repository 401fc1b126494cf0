"""Somebody is away: who stands in has the posts of those days and no others, and acts under his own name."""

from datetime import timedelta

import pytest

from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.org import actions, queries
from gongzhi.org.actions import NewAppointment, NewPerson, NewPost
from gongzhi.org.models import Leave, Person
from gongzhi.org.rules import Standing
from gongzhi.org.tests import organisation

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def org():
    return organisation.make()


def away(org, who="liaison@housing", stand_in="leader@housing", *, start=0, days=3, by="admin@centre"):
    first = clock.today() + start * DAY
    other = org.people[stand_in] if stand_in else None
    by = queries.standing(org.people[by])
    return actions.enter_leave(org.people[who], from_date=first, to_date=first + days * DAY, stand_in=other, by=by)


def refusal(*args, **more):
    with pytest.raises(Refused) as fault:
        away(*args, **more)
    return fault.value.sentence


def on(day, person):
    with clock.at(clock.now() + day * DAY):
        return queries.standing(person)


def test_the_posts_are_the_stand_in_s_from_the_first_day_to_the_last(org):
    away(org, start=1, days=2)
    other, housing = org.people["leader@housing"], org.units["housing"].pk
    seats = [(housing, "liaison") in on(day, other).seats for day in range(5)]
    assert seats == [False, True, True, True, False]
    now = on(1, other)
    assert now.stands_for == {org.people["liaison@housing"].pk} and now.persons == {other.pk, *now.stands_for}
    held = next(h for h in now.held if h.for_id)
    assert held.for_name == org.people["liaison@housing"].name and held.until == clock.today() + 3 * DAY
    assert now.with_posts_of(None).posts == {"leader"}


def test_what_closes_a_case_to_either_closes_it_to_the_stand_in(org):
    away(org, who="leader@community-0", stand_in="leader@housing")
    lineage = queries.standing(org.people["leader@housing"]).lineage
    assert {org.units["community-0"].pk, org.units["housing"].pk} <= lineage


def test_there_is_no_chain(org):
    away(org, who="liaison@housing", stand_in="leader@housing")
    assert "在代" in refusal(org, who="leader@housing", stand_in="handler@housing-1")
    away(org, who="handler@housing-1", stand_in="leader@housing")
    assert "自己也不在岗" in refusal(org, who="dispatcher@district", stand_in="liaison@housing")
    # Entered past the rule, the posts still go no further than one step.
    Leave.objects.create(person=org.people["leader@housing"], stand_in=org.people["leader@district"],
                         from_date=clock.today(), to_date=clock.today(), entered_at=clock.now())
    assert queries.standing(org.people["leader@district"]).stands_for == {org.people["leader@housing"].pk}


def test_leaves_that_overlap_are_refused_and_next_to_each_other_are_not(org):
    away(org, days=2)
    assert "已经登记" in refusal(org, start=2, days=1)
    away(org, start=3, days=1)


@pytest.mark.parametrize(("who", "stand_in", "said"), [
    ("liaison@housing", "liaison@housing", "代自己"),
    ("liaison@housing", "handler@heating", "外部单位"),
    ("handler@heating", "liaison@housing", "外部单位"),
])
def test_who_cannot_stand_in(org, who, stand_in, said):
    assert said in refusal(org, who=who, stand_in=stand_in)


def test_nobody_administers_and_audits_even_for_a_day(org):
    post = actions.add_posts([NewPost(org.units["centre"], "auditor")], by=None)[0]
    org.people["auditor"] = actions.add_people([NewPerson("auditor", "审计")], by=None)[0]
    actions.appoint_many([NewAppointment(org.people["auditor"], post, clock.today())], by=None)
    assert "一个人兼任" in refusal(org, who="auditor", stand_in="admin@centre")
    assert "一个人兼任" in refusal(org, who="admin@centre", stand_in="auditor")
    # The leader of the centre leads both, and chooses nobody for them.
    assert "只有本人" in refusal(org, who="admin@centre", stand_in="operator@centre", by="leader@centre")


def test_oneself_one_s_leader_and_the_administrator_may_enter_it(org):
    away(org, by="liaison@housing", days=0)
    away(org, who="handler@housing-1", by="leader@housing")
    away(org, who="leader@community-0", stand_in=None, by="leader@street-0")
    assert "只有本人" in refusal(org, who="leader@community-1", by="handler@housing-1")
    assert "只有本人" in refusal(org, who="leader@district", by="leader@housing")
    with pytest.raises(Refused):
        actions.enter_leave(org.people["liaison@housing"], from_date=clock.today() + 9 * DAY,
                            to_date=clock.today() + 9 * DAY, stand_in=None, by=Standing())


def test_the_days_are_checked(org):
    assert "早于第一天" in refusal(org, days=-1)
    assert "今天以后" in refusal(org, start=-5, days=1)
    assert "366" in refusal(org, days=400)


def test_a_leave_is_ended_earlier_and_the_rights_with_it(org):
    row = away(org)
    admin, other = queries.standing(org.people["admin@centre"]), org.people["leader@housing"]
    with pytest.raises(Refused):
        actions.end_leave(row, last_day=row.to_date, by=admin)
    actions.end_leave(row, last_day=clock.today() - DAY, by=admin)
    assert not queries.standing(other).stands_for and not Leave.objects.exists()


def test_who_left_stands_in_for_nobody_and_nobody_stands_in_for_who_left(org):
    away(org)
    Person.objects.filter(pk=org.people["liaison@housing"].pk).update(is_active=False)
    assert not queries.standing(org.people["leader@housing"]).stands_for


def test_what_the_portal_calls_the_grid_worker_is_who_is_there(org):
    grid = org.units["grid-0"].place_id
    assert queries.grid_worker(grid) == org.people["gridworker@grid-0"]
    away(org, who="gridworker@grid-0", stand_in="gridworker@grid-1")
    assert queries.grid_worker(grid) == org.people["gridworker@grid-1"]


def test_a_first_word_works_once_and_not_after_its_days(org):
    person = org.people["liaison@housing"]
    (_who, first), = actions.give_words([person], by=None)
    (_who, word), = actions.give_words([person], by=None)
    assert queries.by_word(person.username, first) is None
    row = queries.by_word(person.username, word.lower().replace("-", " "))
    assert row is not None
    with clock.at(clock.now() + 15 * DAY):
        assert queries.by_word(person.username, word) is None
    actions.use_word(person, row.digest, "correct horse battery")
    assert queries.by_word(person.username, word) is None
    assert Person.objects.get(pk=person.pk).check_password("correct horse battery")
    with pytest.raises(Refused):
        actions.use_word(person, row.digest, "another horse battery")


def test_dismissal_ends_posts_tokens_and_the_account(org):
    person, today = org.people["liaison@housing"], clock.today()
    token = actions.issue_token(name="x", by=None, person=person)
    away(org, who="handler@housing-1", stand_in="liaison@housing")
    with pytest.raises(Refused, match="代别人顶岗"):
        actions.dismiss(person, last_day=today, by=None)
    Leave.objects.all().delete()
    with pytest.raises(Refused, match="还没到"):
        actions.dismiss(person, last_day=today + DAY, by=None)
    assert actions.dismiss(person, last_day=today - DAY, by=None) == 1
    assert queries.token(token) is None and not queries.standing(Person.objects.get(pk=person.pk)).posts
    assert not queries.holders(org.units["housing"].pk, "liaison")
