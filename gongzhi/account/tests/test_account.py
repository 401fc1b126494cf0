"""Signing in: second factors, locks with a way back, sessions that end, three powers apart."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.core.cache import cache
from django.db import connection
from django.test import Client

from conftest import PASSWORD, Town
from gongzhi.account import actions, passwords, rules
from gongzhi.account.models import Factor, RecoveryCode, SignedIn
from gongzhi.base import clock, crypto, limits
from gongzhi.base.errors import Refused
from gongzhi.notify.models import Notice
from gongzhi.org import actions as org
from gongzhi.org.actions import NewPost
from gongzhi.org.models import Person


@pytest.fixture(autouse=True)
def _fresh() -> None:
    cache.clear()
    limits.forget()


def sign_in(town: Town, who: str = "street", client: Client | None = None, password: str = PASSWORD, **more: str) -> Any:
    client = client or Client()
    return client, client.post("/sign-in/", {"username": town.people[who].username, "password": password, **more})


def code_of(secret: str, shift: int = 0) -> str:
    import base64

    at = clock.now().timestamp() + shift * 30
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(at)).decode()


def with_totp(town: Town, who: str = "street") -> tuple[Person, str, list[str]]:
    person, secret = town.people[who], rules.new_secret()
    return person, secret, actions.add_totp(person, secret, code_of(secret), "手机")


def verbs() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT verb FROM log_event WHERE verb LIKE 'factor.%%' OR verb LIKE 'session.%%' OR verb LIKE 'person.%%'"
                       " ORDER BY id")
        return [verb for (verb,) in cursor.fetchall()]


# Second factor ---------------------------------------------------------------------------------------------------------


def test_who_has_a_second_factor_is_not_in_before_it_and_no_code_works_twice(town: Town) -> None:
    _person, secret, _codes = with_totp(town)
    client, answer = sign_in(town)
    assert answer["Location"] == "/sign-in/second/" and client.get("/desk/").status_code == 302
    assert client.post("/sign-in/second/", {"code": code_of(secret)}).status_code == 422  # it was shown at enrolment
    with clock.at(clock.now() + timedelta(seconds=60)):
        assert client.post("/sign-in/second/", {"code": "000000"}).status_code == 422
        answer = client.post("/sign-in/second/", {"code": code_of(secret)})
        assert answer["Location"] == "/desk/" and client.get("/desk/").status_code == 200
        assert SignedIn.objects.get().how == "password+totp"
        other, _answer = sign_in(town)
        assert other.post("/sign-in/second/", {"code": code_of(secret)}).status_code == 422


def test_a_recovery_code_works_once_and_its_person_is_told(town: Town) -> None:
    person, _secret, codes = with_totp(town)
    assert len(codes) == 10 and RecoveryCode.objects.filter(digest__in=codes).count() == 0  # not kept as they are
    for expected in (302, 422):
        client, _answer = sign_in(town)
        assert client.post("/sign-in/second/", {"code": codes[0].upper().replace("-", " ")}).status_code == expected
    assert Notice.objects.filter(person=person, title="用了一个备用码").exists()


def test_the_second_half_waits_five_minutes_and_dies_with_the_password(town: Town) -> None:
    person, secret, codes = with_totp(town)
    client, _answer = sign_in(town)
    with clock.at(clock.now() + timedelta(minutes=6)):
        assert client.post("/sign-in/second/", {"code": codes[1]})["Location"] == "/sign-in/"
    client, _answer = sign_in(town)
    org.set_password(person, "another-long-one", by=None)
    assert client.post("/sign-in/second/", {"code": codes[1]})["Location"] == "/sign-in/"


def test_codes_are_not_guessed(town: Town) -> None:
    with_totp(town)
    client, _answer = sign_in(town)
    for _n in range(5):
        assert client.post("/sign-in/second/", {"code": "123456"}).status_code == 422
    assert "15 分钟" in client.post("/sign-in/second/", {"code": "123456"}).content.decode()


def test_who_must_have_one_sets_it_up_before_anything_else(town: Town, settings: Any) -> None:
    settings.SECOND_FACTOR = "all"
    client, answer = sign_in(town)
    assert answer.status_code == 302
    assert client.get("/desk/")["Location"] == "/account/"
    assert client.get("/desk/", headers={"HX-Request": "true"})["HX-Redirect"] == "/account/"
    assert client.get("/").status_code == 200  # a resident's page stays open
    page = client.get("/account/").content.decode()
    assert "请先登记一种" in page
    client.get("/account/totp/")
    wrong = client.post("/account/totp/", {"code": "000000"})
    assert wrong.status_code == 422 and 'id="f-code-e"' in wrong.content.decode()
    done = client.post("/account/totp/", {"code": code_of(client.session["totp"]), "name": "我的手机"})
    assert done.content.decode().count("<code>") == 10
    assert client.get("/desk/").status_code == 200
    factor = Factor.objects.get()
    assert client.post(f"/account/factors/{factor.pk}/remove/").status_code == 422  # the last one stays
    assert bytes(factor.secret)[:1] == b"\x01" and crypto.open_sealed(factor.secret)


def test_powers_only_means_the_three_administrators() -> None:
    assert rules.must_have_second("powers", frozenset({"security"})) and rules.must_have_second("all", frozenset({"handler"}))
    assert not rules.must_have_second("powers", frozenset({"dispatcher"}))
    assert not rules.must_have_second("off", frozenset({"admin"}))


def test_the_api_asks_for_it_too(town: Town, settings: Any) -> None:
    _person, secret, codes = with_totp(town)
    body = {"user": "street", "password": PASSWORD}
    body["user"] = town.people["street"].username
    client = Client()
    assert client.post("/api/v1/token", body, content_type="application/json").json()["code"] == "second_factor"
    assert client.post("/api/v1/token", body | {"code": codes[0]}, content_type="application/json").status_code == 200
    settings.SECOND_FACTOR = "all"
    other = {"user": town.people["community"].username, "password": PASSWORD}
    assert client.post("/api/v1/token", other, content_type="application/json").status_code == 401


# Sessions -------------------------------------------------------------------------------------------------------------


def test_a_session_nobody_uses_ends_sooner_on_a_shared_machine(town: Town) -> None:
    own, _answer = sign_in(town)
    shared, _answer = sign_in(town, shared="1")
    assert shared.session.get_expire_at_browser_close() and passwords.KNOWN not in shared.cookies
    with clock.at(clock.now() + timedelta(minutes=16)):
        assert own.get("/desk/").status_code == 200
        sent = shared.get("/desk/")
        assert "太久没有操作" in shared.get(sent["Location"]).content.decode()
    assert SignedIn.objects.get(shared=True).ended_at and not SignedIn.objects.get(shared=False).ended_at
    with clock.at(clock.now() + timedelta(minutes=200)):
        assert own.get("/desk/").status_code == 200
    with clock.at(clock.now() + timedelta(minutes=200 + 241)):
        assert own.get("/desk/").status_code == 302


def test_a_person_sees_the_own_sessions_and_ends_them(town: Town) -> None:
    here, _answer = sign_in(town)
    there, _answer = sign_in(town)
    stranger, _answer = sign_in(town, "community")
    page = here.get("/account/").content.decode()
    assert "就是这里" in page and page.count("退出那里") == 1
    row = SignedIn.objects.get(session_key=there.session.session_key)
    assert stranger.post(f"/account/sessions/{row.pk}/end/").status_code == 404
    assert here.post(f"/account/sessions/{row.pk}/end/").status_code == 302
    assert there.get("/desk/").status_code == 302 and here.get("/desk/").status_code == 200
    again, _answer = sign_in(town)
    here.post("/account/sessions/end/")
    assert again.get("/desk/").status_code == 302 and here.get("/desk/").status_code == 200
    assert verbs().count("session.end") == 2


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(town: Town) -> None:
    here, _answer = sign_in(town)
    there, _answer = sign_in(town)
    given = {"old": PASSWORD, "new": "gut-gehuetet-7", "again": "gut-gehuetet-7"}
    for field, wrong in (("old", {"old": "x"}), ("again", {"again": "y"}), ("new", {"new": PASSWORD, "again": PASSWORD}),
                         ("new", {"new": "kurz", "again": "kurz"})):
        answer = here.post("/account/password/", given | wrong)
        assert answer.status_code == 422 and f'id="f-{field}-e"' in answer.content.decode()
    assert here.post("/account/password/", given).status_code == 302
    assert here.get("/desk/").status_code == 200 and there.get("/desk/").status_code == 302
    assert SignedIn.objects.filter(ended_at=None).count() == 1
    assert SignedIn.objects.get(ended_at=None).session_key == here.session.session_key


def test_a_new_browser_is_told_of_but_not_the_first(town: Town) -> None:
    known, _answer = sign_in(town)
    assert not Notice.objects.filter(title="新的登录").exists()
    sign_in(town, client=known)
    assert not Notice.objects.filter(title="新的登录").exists()
    sign_in(town)
    assert Notice.objects.get(title="新的登录").person == town.people["street"]


def test_old_sign_ins_are_forgotten(town: Town) -> None:
    sign_in(town)
    with clock.at(clock.now() + timedelta(days=91)):
        assert actions.forget() == 1


# Locks and the way back -----------------------------------------------------------------------------------------------


def test_who_locks_a_name_from_elsewhere_does_not_lock_its_person_out(town: Town) -> None:
    known, _answer = sign_in(town)
    known.post("/sign-out/")
    for _n in range(6):
        _client, answer = sign_in(town, password="wrong")
    assert "15 分钟" in answer.content.decode() and verbs().count("person.locked") == 1
    assert sign_in(town)[1].status_code == 422  # right, but from a browser nobody knows
    assert sign_in(town, client=known)[1].status_code == 302
    forged = Client()
    forged.cookies[passwords.KNOWN] = known.cookies[passwords.KNOWN].value[:-2] + "xx"
    assert sign_in(town, client=forged)[1].status_code == 422


def test_the_security_administrator_unlocks_and_resets_and_until_there_is_one_the_system_administrator(town: Town) -> None:
    person, _secret, _codes = with_totp(town)
    admin = Client()
    admin.force_login(town.people["admin"])
    for _n in range(5):
        sign_in(town, password="wrong")
    assert "已锁住" in admin.get(f"/account/people/{person.pk}/").content.decode()
    admin.post(f"/account/people/{person.pk}/unlock/")
    assert sign_in(town)[1]["Location"] == "/sign-in/second/"
    town.person("keeper", "安全员", ("centre", "security"))
    assert admin.get("/account/people/").status_code == 403  # now there is one
    keeper = Client()
    keeper.force_login(town.people["keeper"])
    assert person.name in keeper.get("/account/people/?q=" + person.username).content.decode()
    keeper.post(f"/account/people/{person.pk}/reset/")
    assert sign_in(town)[1]["Location"] == "/desk/" and not RecoveryCode.objects.exists()
    own = keeper.post(f"/account/people/{town.people['keeper'].pk}/reset/")
    assert own.status_code == 422 and "不能重置自己的" in own.content.decode()
    assert keeper.get("/setup/people/").status_code == 403  # builds nothing


def test_one_person_is_one_of_the_three_administrators_only(town: Town) -> None:
    (post,) = org.add_posts([NewPost(town.units["centre"], "security")], by=None)
    with pytest.raises(Refused, match="不能由一个人兼任"):
        org.appoint(town.people["admin"], post, from_date=clock.today(), by=None)
    org.appoint(town.people["street"], post, from_date=clock.today(), by=None)


def test_words_for_browsers() -> None:
    chrome = "Mozilla/5.0 (Linux; Android 14; HarmonyOS) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
    assert rules.agent_words(chrome) == "Chrome · 鸿蒙" and rules.agent_words("curl/8") == ""
