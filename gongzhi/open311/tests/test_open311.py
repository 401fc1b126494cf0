"""Open311 GeoReport v2: each method in both formats, each error, and who sees what."""

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conftest import MONDAY, Town
from gongzhi.base import clock, crypto
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.open311 import forms
from gongzhi.org import actions as org
from gongzhi.requests import actions as requests
from gongzhi.requests.models import Category, Request
from gongzhi.requests.tests.walking import COLD, MANNERS, NOISE, RUBBISH, Walk

ROOT = Path(__file__).resolve().parents[3]
AT = "/open311/v2"
FIELDS = ["service_request_id", "status", "status_notes", "service_name", "service_code", "description", "agency_responsible",
          "service_notice", "requested_datetime", "updated_datetime", "expected_datetime", "address", "address_id", "zipcode",
          "lat", "long", "media_url"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def now(town: Town) -> Any:
    with clock.at(MONDAY + timedelta(days=3)):
        yield


@pytest.fixture
def key(town: Town) -> str:
    return org.issue_token(name="app", by=None)


def get(client: Client, path: str, **values: Any) -> Any:
    answer = client.get(f"{AT}/{path}", values)
    assert answer.status_code == 200, answer.content.decode()
    return read(answer)


def read(answer: Any) -> Any:
    """Read an answer in its format: JSON, or XML as a list of {name: text} of the root's children."""
    if answer["Content-Type"] == "application/json; charset=utf-8":
        return json.loads(answer.content.decode())
    assert answer["Content-Type"] == "text/xml; charset=utf-8"
    assert answer.content.startswith(b"<?xml")
    return ElementTree.fromstring(answer.content)


def post(client: Client, town: Town, key: str, form: str = "json", *, grid: str = "west-south-1", **values: Any) -> Any:
    lon, lat = town.point(grid)
    given = {"api_key": key, "service_code": RUBBISH, "lat": lat, "long": lon, "description": "路边一堆东西", **values}
    given = {name: value for name, value in given.items() if value is not None}
    return client.post(f"{AT}/requests.{form}", urlencode(given), content_type=FORM)


def posted(client: Client, town: Town, key: str, **values: Any) -> str:
    answer = post(client, town, key, **values)
    assert answer.status_code == 201, answer.content.decode()
    return str(answer.json()[0]["service_request_id"])


def shown(case: Case | int) -> str:
    return forms.veil("request", case if isinstance(case, int) else case.pk)


def errors(answer: Any, status: int) -> list[str]:
    """Check that an answer refuses as the contract says; return the descriptions."""
    assert answer.status_code == status, answer.content.decode()
    got = read(answer)
    if isinstance(got, list):
        assert all(set(e) == {"code", "description"} and isinstance(e["code"], int) for e in got)
        return [e["description"] for e in got]
    assert got.tag == "errors"
    assert all([part.tag for part in e] == ["code", "description"] for e in got.findall("error"))
    return [e.findtext("description") or "" for e in got]


# Discovery and services -----------------------------------------------------------------------------------------------


def test_discovery_in_both_formats(client: Client, settings: Any) -> None:
    settings.OPEN311_CONTACT = "open311@example.org"
    got = get(client, "discovery.json")
    assert set(got) == {"changeset", "contact", "key_service", "endpoints"} and got["contact"] == "open311@example.org"
    endpoint, = got["endpoints"]
    assert endpoint == {"specification": "http://wiki.open311.org/GeoReport_v2", "url": "http://localhost:8000/open311/v2",
                        "changeset": got["changeset"], "type": "test", "formats": ["text/xml", "application/json"]}
    xml = get(client, "discovery.xml")
    assert xml.tag == "discovery" and [f.text for f in xml.findall("endpoints/endpoint/formats/format")] == endpoint["formats"]
    assert TIME.fullmatch(xml.findtext("changeset"))
    settings.OPEN311_CONTACT, settings.GONGZHI_DEMO = "", False
    got = get(client, "discovery.json")
    assert "12345" in got["contact"] and got["endpoints"][0]["type"] == "production"


def test_services_are_the_categories_in_force_without_headings(client: Client, town: Town) -> None:
    heading = Category.objects.create(code="9004", name="供热", kind="matter", limit="", limit_source="", source="made up")
    Category.objects.filter(code=COLD).update(parent=heading)
    Category.objects.filter(code=NOISE).update(active=False)
    got = get(client, "services.json")
    assert [s["service_code"] for s in got] == [RUBBISH, COLD, MANNERS]
    assert got[1] | {"description": ""} == {
        "service_code": COLD, "service_name": "供暖不热", "description": "", "metadata": False, "type": "realtime",
        "keywords": "暖气, 供暖, 不热", "group": "供热"}
    xml = get(client, "services.xml")
    assert xml.tag == "services" and [s.findtext("service_code") for s in xml.findall("service")] == [RUBBISH, COLD, MANNERS]
    assert {s.findtext("metadata") for s in xml} == {"false"}


def test_a_service_has_no_attributes(client: Client) -> None:
    assert get(client, f"services/{COLD}.json") == {"service_code": COLD, "attributes": []}
    xml = get(client, f"services/{COLD}.xml")
    assert xml.tag == "service_definition" and xml.findtext("service_code") == COLD and len(xml.find("attributes")) == 0
    for form in ("xml", "json"):
        assert errors(client.get(f"{AT}/services/nix.{form}"), 404)


# Reporting ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_report_opens_a_case_with_what_was_said(client: Client, town: Town, key: str, form: str) -> None:
    answer = post(client, town, key, form, last_name="张", first_name="三", phone="13800001111", email="a@b.cn",
                  device_id="dev-1", account_id="acc-1", address_string="3 号楼下", media_url="https://x.cn/a.jpg?b=1&c=2")
    assert answer.status_code == 201, answer.content.decode()
    got = read(answer)
    if form == "xml":
        assert got.tag == "service_requests" and got[0].tag == "request"
        got = [{part.tag: part.text for part in got[0]}]
    assert list(got[0]) == ["service_request_id", "service_notice", "account_id"] and not got[0]["account_id"]
    made = Request.objects.get()
    assert got[0]["service_request_id"] == shown(made.pk) and made.secret in got[0]["service_notice"]
    assert made.channel == "open311" and made.category is None and made.suggested and made.suggested.code == RUBBISH
    assert made.case.standard == "4h" and made.case.title == "路边一堆东西" and made.address == "3 号楼下"
    assert made.words.splitlines()[0] == "路边一堆东西" and made.words.endswith("：https://x.cn/a.jpg?b=1&c=2")
    assert crypto.open_sealed(made.caller_name) == "张三" and crypto.open_sealed(made.phone) == "13800001111"
    everything = json.dumps([str(v) for v in [*vars(made).values(), *vars(made.case).values()]])
    assert not any(thrown in everything for thrown in ("dev-1", "acc-1", "a@b.cn"))


def test_what_the_reporter_chose_goes_before_what_his_words_mean(client: Client, town: Town, key: str) -> None:
    posted(client, town, key, service_code=RUBBISH, description="暖气不热")
    suggested = Request.objects.get().suggested
    assert suggested and suggested.code == RUBBISH


def test_without_words_the_service_says_what_it_is(client: Client, town: Town, key: str) -> None:
    posted(client, town, key, description="", media_url="http://x.cn/a.jpg", first_name="John", last_name="Smith")
    made = Request.objects.get()
    assert made.case.title == "暴露垃圾" and crypto.open_sealed(made.caller_name) == "John Smith"


def test_nothing_is_fetched(client: Client, town: Town, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket
    def never(*args: Any, **more: Any) -> None:
        raise AssertionError("a stranger's address was called")
    monkeypatch.setattr(socket, "getaddrinfo", never)
    posted(client, town, key, media_url="http://169.254.169.254/latest/meta-data")


@pytest.mark.parametrize("form", ["xml", "json"])
def test_without_a_machines_key_nothing_is_taken(client: Client, town: Town, key: str, form: str) -> None:
    org.revoke_token(org.digest(key), by=None)
    person = org.issue_token(name="x", by=None, person=town.people["operator"])
    for wrong in (None, "", "gz_made-up", key, person):
        assert errors(post(client, town, wrong, form), 403)  # type: ignore[arg-type]
    assert not Case.objects.exists()


WRONG = [
    ({"service_code": ""}, 400, "service_code"), ({"service_code": "nix"}, 404, "nix"),
    ({"lat": None, "long": None}, 400, "地点"), ({"lat": ""}, 400, "lat"), ({"long": "x"}, 400, "lat"),
    ({"lat": "nan", "long": "inf"}, 400, "lat"), ({"lat": 0, "long": 0}, 400, "范围"),
    ({"description": "字" * 4001}, 400, "4000"), ({"phone": "12a45"}, 400, "电话"), ({"first_name": "名" * 41}, 400, "40"),
    ({"address_string": "址" * 161}, 400, "160"), ({"media_url": "javascript:alert(1)"}, 400, "media_url"),
    ({"media_url": "http://x.cn/a b"}, 400, "media_url"), ({"media_url": "http://[x"}, 400, "media_url"),
    ({"media_url": "http://x.cn/" + "a" * 500}, 400, "media_url"), ({"jurisdiction_id": "elsewhere.org"}, 404, "jurisdiction"),
    ({"lat": None, "long": None, "address_string": "没有的小区"}, 400, "没有找到"),
    ({"lat": None, "long": None, "address_string": "南社区"}, 400, "多个"),
    ({"lat": None, "long": None, "address_id": "990101001001"}, 400, "address_id"),
]


@pytest.mark.parametrize(("wrong", "status", "said"), WRONG)
@pytest.mark.parametrize("form", ["xml", "json"])
def test_what_is_wrong_is_said_and_nothing_is_written(
    client: Client, town: Town, key: str, wrong: dict[str, Any], status: int, said: str, form: str
) -> None:
    told = errors(post(client, town, key, form, **wrong), status)
    assert any(said in sentence for sentence in told), told
    assert not Case.objects.exists()


def test_everything_that_is_wrong_is_said_at_once(client: Client, town: Town, key: str) -> None:
    answer = post(client, town, key, service_code="nix", lat="x", description="字" * 4001, media_url="ftp://x")
    assert len(errors(answer, 400)) == 4
    assert [e["code"] for e in answer.json()] == [404, 400, 400, 400]


@pytest.mark.parametrize("place", [{"address_id": "990101001001001"}, {"address_string": "西南社区第1网格"}])
def test_a_place_may_be_named_instead(client: Client, town: Town, key: str, place: dict[str, str]) -> None:
    posted(client, town, key, lat=None, long=None, **place)
    case = Case.objects.get()
    assert case.place_id == town.places["west-south-1"].pk and (case.lon, case.lat) == town.point("west-south-1")


def test_only_a_form_is_read(client: Client, town: Town, key: str) -> None:
    lon, lat = town.point("west-south-1")
    given = {"api_key": key, "service_code": RUBBISH, "lat": lat, "long": lon}
    assert errors(client.post(f"{AT}/requests.json", given), 400)  # multipart
    assert errors(client.post(f"{AT}/requests.json?api_key={key}", given, content_type="application/json"), 400)
    assert errors(client.post(f"{AT}/requests.xml?api_key={key}", b"<x/>", content_type="text/xml"), 400)
    assert not Case.objects.exists()


def test_no_cookie_is_needed_and_none_is_enough(town: Town, key: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert post(strict, town, key).status_code == 201
    strict.force_login(town.people["operator"])
    assert post(strict, town, "").status_code == 403


@pytest.mark.parametrize(("method", "path", "status"), [
    ("DELETE", "requests.xml", 405), ("POST", "services.xml", 405), ("GET", "nowhere.xml", 404), ("GET", "requests.yaml", 400),
    ("GET", "requests.xml?q=%00", 400),
])
def test_every_refusal_is_in_a_format_of_the_contract(client: Client, method: str, path: str, status: int) -> None:
    answer = client.generic(method, f"{AT}/{path}")
    assert errors(answer, status)
    if path.endswith(".xml") and status != 400:
        assert errors(client.generic(method, f"{AT}/{path[:-3]}json"), status)
    if status == 405:
        assert "GET" in answer["Allow"]


def test_a_large_body_is_refused_in_the_format(client: Client, town: Town, key: str, settings: Any) -> None:
    settings.OPEN311_BODY = 100
    assert "MB" in errors(post(client, town, key, "xml"), 413)[0]


# Reading --------------------------------------------------------------------------------------------------------------


def test_a_public_matter_shows_kind_state_and_about_where(client: Client, town: Town) -> None:
    walk = Walk(town, words="张三家暖气不热，13800001111", address="3 号楼 1 单元 201", name="张三").dispatched()
    for got in (get(client, f"requests/{shown(walk.case)}.json"), get(client, "requests.json")):
        assert len(got) == 1 and list(got[0]) == FIELDS
    row = got[0]
    assert (row["status"], row["status_notes"], row["service_code"]) == ("open", "办理中", COLD)
    assert row["description"] == "供暖不热" and row["agency_responsible"] == "区住建局"
    assert row["expected_datetime"] == walk.case.due_at.astimezone(clock.CHINA).isoformat()  # type: ignore[union-attr]
    assert all(TIME.fullmatch(row[f"{name}_datetime"]) for name in ("requested", "updated", "expected"))
    assert row["address_id"] == "990101001001001" and "第1网格" in row["address"]
    text = client.get(f"{AT}/requests.json").content.decode() + client.get(f"{AT}/requests.xml").content.decode()
    secrets = ("张三", "1380000", "201", walk.case.code, walk.receipt.secret)
    assert [s for s in secrets if s in re.sub("2026-", "", text)] == []


def test_where_it_is_shows_to_about_a_hundred_metres(client: Client, town: Town) -> None:
    walk = Walk(town).dispatched()
    Case.objects.filter(pk=walk.id).update(lon=111.70512345, lat=40.83012345)
    row, = get(client, "requests.json")
    assert (row["long"], row["lat"]) == (111.705, 40.83)


def test_the_same_in_xml(client: Client, town: Town) -> None:
    walk = Walk(town).dispatched()
    for xml in (get(client, "requests.xml"), get(client, f"requests/{shown(walk.case)}.xml")):
        assert xml.tag == "service_requests" and [part.tag for part in xml[0]] == FIELDS
        assert xml[0].findtext("service_request_id") == shown(walk.case) and xml[0].findtext("zipcode") == ""


def hidden(town: Town) -> dict[str, Walk]:
    """One of each kind of matter that is not public."""
    made = {name: Walk(town, words=f"不能看的话 {name}") for name in ("new", "noise", "complaint", "tip", "about", "back")}
    made["noise"].accepted(NOISE)
    made["complaint"].accepted(MANNERS, kind="complain", summary="作风")
    made["tip"].accepted(RUBBISH, kind="tip_off", summary="举报")
    made["about"].accepted(MANNERS, kind="complain", summary="作风", about_unit=town.units["parks"].pk)
    Request.objects.filter(pk=made["about"].id).update(kind="help")
    made["back"].accepted(RUBBISH)
    made["back"].does("reporter", "withdraw")
    return made


def test_what_is_not_public_is_nowhere(client: Client, town: Town) -> None:
    walks = hidden(town)
    ids = ",".join(shown(w.id) for w in walks.values())
    for form in ("xml", "json"):
        for name, walk in walks.items():
            assert errors(client.get(f"{AT}/requests/{shown(walk.id)}.{form}"), 404), name
            assert errors(client.get(f"{AT}/tokens/{shown(walk.id)}.{form}"), 404), name
        for query in ({}, {"service_request_id": ids}, {"status": "open,closed"}):
            assert len(get(client, f"requests.{form}", **query)) == 0
        assert len(get(client, f"servicerequestupdates.{form}", service_request_id=ids)) == 0


def test_who_filed_it_reads_how_it_stands_and_its_own_words(client: Client, town: Town, key: str) -> None:
    number = posted(client, town, key, service_code=MANNERS, description="举报某人，电话 13800002222")
    row, = get(client, f"requests/{number}.json", api_key=key)
    assert row["description"] == "举报某人，电话 13800002222" and row["status"] == "open" and row["service_code"] == MANNERS
    assert [row[name] for name in ("lat", "long", "address", "agency_responsible")] == [None] * 4
    assert [r["service_request_id"] for r in get(client, "requests.json", service_request_id=number, api_key=key)] == [number]
    assert get(client, f"tokens/{number}.json", api_key=key) == [{"service_request_id": number, "token": number}]
    assert get(client, "requests.json", api_key=key) == []  # a list without ids is the public one
    other = org.issue_token(name="another", by=None)
    assert errors(client.get(f"{AT}/requests/{number}.json?api_key={other}"), 404)
    assert errors(client.get(f"{AT}/requests/{number}.json"), 404)
    assert errors(client.get(f"{AT}/requests/{number}.json?api_key=gz_wrong"), 403)


@pytest.mark.parametrize("wrong", ["1", "x" * 32, "f" * 32, "9" * 40, "１" * 32])
@pytest.mark.parametrize("form", ["xml", "json"])
def test_an_id_that_is_none_is_not_found(client: Client, town: Town, wrong: str, form: str) -> None:
    walk = Walk(town).dispatched()
    for each in (wrong, str(walk.id), walk.case.code):
        assert errors(client.get(f"{AT}/requests/{each}.{form}"), 404)
        assert errors(client.get(f"{AT}/tokens/{each}.{form}"), 404)


def test_a_token_is_its_own_id(client: Client, town: Town) -> None:
    number = shown(Walk(town).dispatched().case)
    xml = get(client, f"tokens/{number}.xml")
    assert xml[0].findtext("service_request_id") == xml[0].findtext("token") == number


def test_the_filters(client: Client, town: Town) -> None:
    cold, waste, old = Walk(town).dispatched(), Walk(town, "垃圾").accepted(RUBBISH), Walk(
        town, now=MONDAY - timedelta(days=100)).dispatched()
    Case.objects.filter(pk=waste.id).update(closed_at=clock.now(), outcome="archive")

    def ids(**query: Any) -> set[int]:
        rows = get(client, "requests.json", **query)
        return {w.id for w in (cold, waste, old) if shown(w.id) in {r["service_request_id"] for r in rows}}

    assert ids() == ids(status="", service_code="", start_date="") == {cold.id, waste.id}
    assert ids(status="open") == ids(service_code=COLD) == {cold.id}
    assert ids(status="closed") == ids(service_code=RUBBISH) == {waste.id}
    assert ids(status="open,closed") == ids(service_code=f"{COLD}, {RUBBISH}") == {cold.id, waste.id}
    day = (MONDAY - timedelta(days=101)).isoformat()
    assert ids(end_date=MONDAY.isoformat()) == {cold.id, waste.id}
    assert ids(start_date=day, end_date=(MONDAY - timedelta(days=99)).isoformat()) == {old.id}
    assert old.id in ids(start_date=day)
    every = ",".join(shown(w.id) for w in (cold, waste, old))
    assert ids(service_request_id=every, status="nonsense", start_date="nonsense") == {cold.id, waste.id, old.id}
    unescaped = client.get(f"{AT}/requests.json?start_date={day}")
    assert unescaped.status_code == 200


@pytest.mark.parametrize(("query", "status", "n"), [
    ({"start_date": "2026-01-01T00:00:00+08:00", "end_date": "2026-04-02T00:00:01+08:00"}, 400, 1),
    ({"start_date": "2026-03-02T00:00:00+08:00", "end_date": "2026-03-01T00:00:00+08:00"}, 400, 1),
    ({"start_date": "2026-03-02T00:00:00"}, 400, 1), ({"start_date": "2026-03-02", "end_date": "x"}, 400, 2),
    ({"start_date": "0001-01-01T00:00:00+14:00"}, 400, 1), ({"end_date": "0001-01-02T00:00:00Z"}, 400, 1),
    ({"start_date": "9999-12-31T00:00:00Z"}, 400, 1), ({"status": "openn"}, 400, 1), ({"service_code": "nix"}, 404, 1),
    ({"service_code": "nix,nax"}, 404, 2), ({"service_code": "nix", "status": "x", "page": "0"}, 400, 3),
    ({"page": "x"}, 400, 1), ({"page": "9" * 30}, 400, 1), ({"page_size": "1001"}, 400, 1), ({"page_size": "١"}, 400, 1),
    ({"jurisdiction_id": "x"}, 404, 1),
])
@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_wrong_filter_is_told(client: Client, query: dict[str, str], status: int, n: int, form: str) -> None:
    assert len(errors(client.get(f"{AT}/requests.{form}", query), status)) == n


def test_ninety_days_and_our_own_jurisdiction_are_right(client: Client) -> None:
    get(client, "requests.json", start_date="2026-01-01T00:00:00Z", end_date="2026-04-01T00:00:00Z")
    get(client, "requests.json", jurisdiction_id="localhost")
    get(client, "services.xml", jurisdiction_id="")
    assert errors(client.get(f"{AT}/services.xml?jurisdiction_id=x"), 404)


def test_pages_have_no_gap_and_no_repeat(client: Client, town: Town) -> None:
    walks = [Walk(town, f"第 {n} 件").accepted() for n in range(5)]
    seen: list[str] = []
    for page in (1, 2, 3, 4):
        seen += [r["service_request_id"] for r in get(client, "requests.json", page=page, page_size=2)]
    assert len(seen) == 5 and set(seen) == {shown(w.id) for w in walks}


def test_more_rows_ask_no_more_of_the_database(client: Client, town: Town, key: str) -> None:
    def asked(path: str, **query: Any) -> int:
        with CaptureQueriesContext(connection) as seen:
            get(client, path, **query)
        return len(seen)

    ids = [posted(client, town, key)]
    first = Walk(town).dispatched()
    ids.append(shown(first.id))
    lists = [("requests.json", {}), ("requests.json", {"service_request_id": ids, "api_key": key}), ("services.json", {}),
             ("servicerequestupdates.json", {"service_request_id": ids})]

    def count() -> list[int]:
        return [asked(path, **{k: ",".join(v) if isinstance(v, list) else v for k, v in q.items()}) for path, q in lists]

    count()
    before = count()
    for n in range(4):
        ids += [posted(client, town, key), shown(Walk(town).dispatched(("housing", "parks")[n % 2]).id)]
    assert count() == before
    assert max(before) <= 5


WORDS = "路灯 <b>&amp;]]> 😀 \x0b\x1f\ufffe 坏了\r\n第二行\t完"


def test_emoji_and_characters_that_xml_cannot_hold(client: Client, town: Town, key: str) -> None:
    number = posted(client, town, key, description=WORDS)
    xml = get(client, f"requests/{number}.xml", api_key=key)
    assert xml[0].findtext("description") == "路灯 <b>&amp;]]> 😀  坏了\n第二行\t完"
    assert get(client, f"requests/{number}.json", api_key=key)[0]["description"] == WORDS
    Category.objects.filter(code=RUBBISH).update(name="垃圾 \x01<&>😀")
    assert "垃圾 <&>😀" in [s.findtext("service_name") for s in get(client, "services.xml")]


# Extensions, and the whole way ----------------------------------------------------------------------------------------


def test_updates_are_the_names_of_acts(client: Client, town: Town) -> None:
    walk = Walk(town, words="不能看的话").confirming()
    walk.does("reporter", "rate", solved="solved", satisfied=5, said="也不能看")
    rows = get(client, "servicerequestupdates.json", service_request_id=shown(walk.id))
    assert rows and {r["service_request_id"] for r in rows} == {shown(walk.id)}
    assert [r["description"] for r in rows] == ["办结", "已办完"] and all(TIME.fullmatch(r["updated_datetime"]) for r in rows)
    assert [r["status"] for r in rows] == ["open", "closed"] and len({r["update_id"] for r in rows}) == 2
    answer = client.get(f"{AT}/servicerequestupdates.xml", {"service_request_id": shown(walk.id)})
    assert read(answer).tag == "service_requests_updates" and read(answer)[0].tag == "request_update"
    assert not any(words in answer.content.decode() for words in ("不能看", "更换阀门", "二十度"))
    assert errors(client.get(f"{AT}/servicerequestupdates.xml"), 400)


def test_from_the_report_to_closed(client: Client, town: Town, key: str) -> None:
    with clock.at(MONDAY):
        number = posted(client, town, key, service_code=COLD, description="屋里冷")
    case = Case.objects.get()
    client.force_login(town.people["operator"])
    page = client.get(f"/desk/cases/{case.code}/").content.decode()
    assert "供暖不热" in page and "屋里冷" in page
    assert case.code in client.get("/api/v1/tasks", headers={
        "Authorization": f"Bearer {org.issue_token(name='t', by=None, person=town.people['operator'])}"}).content.decode()
    client.logout()
    walk = Walk.__new__(Walk)
    walk.town, walk.now, walk.id, walk.told = town, MONDAY + timedelta(hours=1), case.pk, 0
    walk.lon, walk.lat = town.point("west-south-1")
    assert errors(client.get(f"{AT}/requests/{number}.xml"), 404)  # nobody has accepted it
    walk.dispatched()
    assert get(client, f"requests/{number}.json")[0]["status"] == "open"
    walk.now += timedelta(hours=1)
    walk.finished()
    assert get(client, f"requests/{number}.json")[0]["status_notes"] == "已答复，等待评价"
    walk.now += timedelta(hours=1)
    walk.does("reporter", "rate", solved="solved", satisfied=5)
    row, = get(client, f"requests/{number}.json")
    assert (row["status"], row["status_notes"]) == ("closed", "已办完")
    assert row["updated_datetime"] == "2026-03-02T12:00:00+08:00" and row["requested_datetime"] == "2026-03-02T09:00:00+08:00"
    assert get(client, "requests.json", status="closed")[0]["description"] == "供暖不热"
    assert get(client, "servicerequestupdates.json", service_request_id=number)[-1]["status"] == "closed"


def test_what_was_answered_at_once_stays_with_the_centre(client: Client, town: Town) -> None:
    walk = Walk(town, "请问居住证怎么办")
    walk.does("operator", "answer", answer="带身份证到社区办理。", kind="consult")
    assert walk.case.closed_at and errors(client.get(f"{AT}/requests/{shown(walk.id)}.json"), 404)


def test_a_report_of_the_json_api_is_read_by_its_key_too(client: Client, town: Town, key: str) -> None:
    lon, lat = town.point("west-south-1")
    got = requests.report(requests.Report(lon, lat, words="积水", channel="api"), by=Actor("key", key="app"))
    assert get(client, f"requests/{shown(got.case_id)}.json", api_key=key)[0]["description"] == "积水"


def test_the_examples_of_the_how_to_work(client: Client, town: Town, key: str) -> None:
    lon, lat = town.point("west-south-1")
    lines = (ROOT / "docs/howto/use-open311.md").read_text().split("```sh\n")[1].split("```")[0].splitlines()
    known = {"SITE": "", "SERVICE": RUBBISH, "KEY": key, "LAT": str(lat), "LONG": str(lon)}
    for line in lines:
        command, address, *rest = shlex.split(re.sub(r"\$([A-Z]+)", lambda found: known[found[1]], line))
        assert command == "curl" and set(rest[::2]) <= {"--data-urlencode"}
        body = dict(part.split("=", 1) for part in rest[1::2])
        answer = client.post(address, urlencode(body), content_type=FORM) if body else client.get(address)
        assert answer.status_code == (201 if body else 200), (line, answer.content.decode())
        if body:
            known["ID"] = answer.json()[0]["service_request_id"]
    assert len(lines) == 9
