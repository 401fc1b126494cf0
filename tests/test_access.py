"""Every address, with real ids, as every role and as a stranger: what it declares is what happens, nothing breaks."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from PIL import Image

from conftest import Town
from gongzhi.base import clock, codes, files
from gongzhi.base.access import KINDS
from gongzhi.base.models import Progress
from gongzhi.desk.models import Export, Handover, SavedView, Snippet
from gongzhi.duties.tests.lists import RUBBISH, drafted, in_force, line
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case
from gongzhi.hotline.models import CategoryMap, Order, Outgoing, Source
from gongzhi.hotline.models import Handover as HotlineHandover
from gongzhi.imports.models import Import
from gongzhi.notify.models import Notice
from gongzhi.open311.forms import veil
from gongzhi.org import actions as org
from gongzhi.org.models import Appointment, Leave
from gongzhi.requests import actions as requests
from gongzhi.requests import forms
from gongzhi.requests.models import Answer
from gongzhi.requests.tests.walking import Walk

ROLES = ["admin", "auditor", "operator", "district", "reviewer", "checker", "chief", "street", "street_leader", "party",
         "community", "community_worker", "grid", "department", "department_leader", "section", "section_leader",
         "heating"]
RECUSED = ["community", "community_worker", "grid"]  # of the unit the complaint is about, or below it
REFUSALS = {401, 403, 404, 405}
# What these roles may do depends on the case too: who must call, who answers the reporter.
ASK_THE_CASE = {"desk/cases/<str:code>/open/<slug:what>/", "desk/cases/<str:code>/say/", "field/cases/<str:code>/phone/"}
BY_KEY = "open311/v2/requests.<slug:form>"  # anybody reads; to report, a machine's key comes with the form
MAY_BE_RED = {"/healthz"}  # no worker runs here
WORDS, SUMMARY = "社区干事态度恶劣", "反映社区工作作风"


def doors(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from doors(each.url_patterns, prefix + str(each.pattern))
        else:
            yield prefix + str(each.pattern), each


DOORS = list(doors(get_resolver().url_patterns))


def test_every_address_declares_who_may() -> None:
    undeclared = [path for path, door in DOORS if not hasattr(door.callback, "access")]
    assert undeclared == []
    assert {door.callback.access.kind for _path, door in DOORS} <= KINDS


def test_no_address_is_there_twice() -> None:
    paths = [path for path, _door in DOORS]
    assert sorted({path for path in paths if paths.count(path) > 1}) == []


@dataclass
class Filled:
    """The addresses of one case: each parameter with the id of a real row that has to do with it."""

    town: Town
    case: Case
    secret: str

    def __post_init__(self) -> None:
        task = self.case.tasks.order_by("-pk").first()
        people, units = self.town.people, self.town.units
        work = Progress.objects.create(name=f"of {self.case.pk}", title="导出清单")
        self.values: dict[str, Any] = {
            "code": self.case.code, "secret": self.secret, "action": "supervise", "name": "supervise", "what": "phone",
            "task_id": task.pk if task else 0, "attachment_id": self._attachment(), "file_id": self._attachment(),
            "place_id": self.town.places["west-south"].pk, "unit_id": units["west-south"].pk, "scope_id": 0,
            "person_id": people["community"].pk, "work_id": work.pk,
            "appointment_id": Appointment.objects.get(person=people["community"]).pk,
            "leave_id": Leave.objects.create(person=people["community"], from_date=clock.today(), to_date=clock.today(),
                                             entered_at=clock.now()).pk,
            "answer_id": Answer.objects.get().pk, "token": forms.keep(_stored()),
            "export_id": Export.objects.create(person=people["street"], progress=work, view="dispatching", query="",
                                               language="zh-hans").pk,
            **self._list(), **self._of_hotline(), "form": "xml", "service_code": self.case.request.category.code,
            "request_id": veil("request", self.case.pk),
            "factor_id": people["street"].factors.create(kind="totp", name="手机").pk, "digest": "ab" * 32,
            "sign_in_id": people["street"].sign_ins.create(session_key=f"of{self.case.pk}", how="password", agent="").pk,
            "import_id": Import.objects.create(key="unit-names", by=people["admin"], name="名册.xlsx").pk, "key": "unit-names",
            "view_id": SavedView.objects.create(person=people["street"], title=str(self.case.pk), query="").pk,
            "snippet_id": Snippet.objects.create(person=people["street"], title=str(self.case.pk), words="您好").pk,
            "handover_id": Handover.objects.create(
                unit=units["west"], giver=people["street"], taker=people["street_leader"],
                held={"since": "2026-03-02T09:00+08:00", "until": "2026-03-02T21:00+08:00", "due": [self.case.pk]}).pk,
            "notice_id": Notice.objects.create(key=f"of {self.case.pk}", channel="inbox", person=people["community"],
                                               recipient=f"person:{people['community'].pk}", title="有新工单",
                                               about_kind="case", about_id=self.case.pk).pk,
        }

    def _list(self) -> dict[str, Any]:
        """A list that is being prepared, one to compare it with, and a line in force."""
        said = line("1", "环境卫生", RUBBISH, part="lawful")
        other = drafted(self.town, "community", said, title=f"of {self.case.pk}")
        standing = in_force(self.town, "community", said, line("2", "供热", "900401", part="lawful"),
                            line("3", "作风", "900501", part="lawful"), title=f"since {self.case.pk}", since=clock.today())
        return {"list_name": "community", "version_id": other.pk, "other_id": standing.pk,
                "line_id": standing.lines.get(number="1").pk}
    def _of_hotline(self) -> dict[str, int]:
        source, _new = Source.objects.get_or_create(key="city", defaults={"title": "市热线", "area": self.town.places["district"]})
        order = Order.objects.create(source=source, number=f"N{self.case.pk}", case=self.case)
        out = Outgoing.objects.create(key=f"of {self.case.pk}", source=source, order=order, event="replied", seq=1,
                                      made_at=self.case.opened_at, state="failed")
        return {"source_id": source.pk, "outgoing_id": out.pk,
                "map_id": CategoryMap.objects.create(source=source, theirs=f"C{self.case.pk}").pk,
                "reply_sheet_id": HotlineHandover.objects.create(source=source, person=self.town.people["operator"], n=0).pk}

    def _attachment(self) -> int:
        return Attachment.objects.create(case=self.case, file=_stored(), kind="photo", original=True).pk

    def address(self, path: str, door: URLPattern) -> str:
        """Fill in a path; a parameter that nobody has given a real row is a KeyError, so that new doors are walked."""
        special = {"boards/places/": {"scope_id": self.values["place_id"]}, "switch/": {"name": "elder"},
                   "account/people/": {"name": "unlock"}, "boards/units/": {"scope_id": self.values["unit_id"]},
                   "r/poster/": {"code": self.town.places["west-south"].code}}
        values = self.values | next((v for start, v in special.items() if path.startswith(start)), {})
        for name in door.pattern.converters:
            for form in (f"<{name}>", *(f"<{k}:{name}>" for k in ("int", "str", "slug", "path", "uuid"))):
                path = path.replace(form, str(values[name]))
        return "/" + path


def _stored() -> files.StoredFile:
    path = files.path_of("cd" * 32)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path, "JPEG")
    row, _new = files.StoredFile.objects.get_or_create(
        sha256="cd" * 32, defaults={"media_type": "image/jpeg", "size": path.stat().st_size})
    return row


@pytest.fixture
def cast(town: Town) -> Town:
    """The town with two more people: who audits, and who leads the party's line of the west street."""
    town.person("auditor", "审计员", ("centre", "auditor"))
    town.person("party", "西街党工委书记", ("west-party", "leader"))
    return town


@pytest.fixture
def ordinary(cast: Town) -> Filled:
    """A matter about heating in the west street, dispatched to the housing department."""
    walk = Walk(cast).dispatched()
    return Filled(cast, walk.case, walk.receipt.secret)


@pytest.fixture
def complaint(cast: Town) -> Filled:
    """A complaint about the south community of the west street, accepted by the operator."""
    lon, lat = cast.point("west-south-1")
    got = requests.report(requests.Report(lon, lat, words=WORDS, phone="13800001111"), by=Actor("anyone"))
    flow.act(got.case_id, "accept", by=cast.actor("operator"), form={
        "category": "900501", "place": f"{lon},{lat}", "kind": "complain", "summary": SUMMARY,
        "about_unit": cast.units["west-south"].pk})
    return Filled(cast, Case.objects.get(pk=got.case_id), got.secret)


def ask(client: Client, method: str, address: str, **more: Any) -> Any:
    """Ask once and undo what it did, so that each asks in the same town."""
    with transaction.atomic():
        answer = client.generic(method, address, **more)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        answer.text_there = body.decode(errors="replace")
        if answer.get("Content-Type", "").startswith("application/json"):  # where Chinese may stand as numbers
            answer.text_there = json.dumps(json.loads(answer.text_there), ensure_ascii=False)
        transaction.set_rollback(True)
    return answer


def signed_in(town: Town, who: str) -> Client:
    client = Client(raise_request_exception=False)
    if who != "stranger":
        client.force_login(town.people[who])
    return client


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", ["stranger", *ROLES])
def test_what_an_address_declares_is_what_happens(cast: Town, ordinary: Filled, who: str, method: str) -> None:
    client = signed_in(cast, who)
    posts = cast.actor(who).standing.posts if who != "stranger" else frozenset()
    form = {} if method == "GET" else {"content_type": "application/x-www-form-urlencoded"}
    wrong = []
    for path, door in DOORS:
        address = ordinary.address(path, door)
        if address.startswith("/sign-out"):
            continue
        answer = ask(client, method, address, **form)
        if path in ASK_THE_CASE and answer.status_code == 403:
            continue
        if path == BY_KEY and method == "POST":
            wrong += [(method, address, answer.status_code, "open without a key")] if answer.status_code != 403 else []
            continue
        if (problem := _problem(who, posts, door.callback.access, answer)) and address not in MAY_BE_RED:
            wrong.append((method, address, answer.status_code, problem))
    assert wrong == []


def _problem(who: str, posts: frozenset[str], rule: Any, answer: Any) -> str:
    """Say how an answer differs from what its address declares; the empty string where it does not."""
    asked_to_sign_in = answer.status_code == 302 and "/sign-in/" in answer["Location"] or answer.status_code == 401
    if answer.status_code >= 500:
        return "it breaks"
    if rule.kind in ("public", "demo"):
        return "closed to everybody" if answer.status_code == 403 or asked_to_sign_in and rule.kind == "demo" else ""
    if rule.kind == "token":  # a sign-in of the pages is no token
        return "" if answer.status_code in (401, 405) else "open without a token"
    if who == "stranger":
        return "" if asked_to_sign_in or answer.status_code == 405 else "open to strangers"
    if rule.posts and not posts & set(rule.posts):
        return "" if answer.status_code == 403 else "open to a role it does not name"
    return "closed to a role it names" if answer.status_code == 403 or asked_to_sign_in else ""


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", ROLES)
def test_the_doors_of_the_api_open_by_token(cast: Town, ordinary: Filled, who: str, method: str) -> None:
    client = Client(raise_request_exception=False)
    token = org.issue_token(name="test", by=None, person=cast.people[who])
    wrong = []
    for path, door in DOORS:
        if not path.startswith("api/"):
            continue
        address = ordinary.address(path, door)
        for body in (b"", b"{}", b'{"form": {}}')[: 1 if method == "GET" else 3]:
            more = {"content_type": "application/json", "headers": {"Authorization": f"Bearer {token}"}, "data": body}
            answer = ask(client, method, address, **more)
            if answer.status_code >= 500 or answer.status_code in (401, 403) and door.callback.access.kind == "token":
                wrong.append((method, address, body, answer.status_code))
            if answer.status_code >= 400 and answer["Content-Type"].split(";")[0] != "application/json":
                wrong.append((method, address, body, answer["Content-Type"]))
    assert wrong == []


def test_a_revoked_a_foreign_and_a_machines_token_open_nothing(cast: Town, ordinary: Filled) -> None:
    client = Client(raise_request_exception=False)
    revoked = org.issue_token(name="test", by=None, person=cast.people["operator"])
    org.revoke_token(org.digest(revoked), by=None)
    for token in (revoked, "gz_made-up", "", org.issue_token(name="kiosk", by=None)):
        for path, door in DOORS:
            if door.callback.access.kind == "token":
                for method in ("GET", "POST"):
                    answer = ask(client, method, ordinary.address(path, door), content_type="application/json",
                                 headers={"Authorization": f"Bearer {token}"})
                    assert answer.status_code in (401, 405), path


@pytest.mark.parametrize("who", RECUSED)
def test_a_complaint_is_nowhere_for_those_it_is_about(cast: Town, complaint: Filled, who: str) -> None:
    """rights 4.2: no page, search, count, export, map or API of theirs shows the case."""
    client, code = signed_in(cast, who), complaint.case.code
    token = org.issue_token(name="test", by=None, person=cast.people[who])
    shown = []
    for path, door in DOORS:
        if door.callback.access.kind not in ("staff", "post", "token"):
            continue
        more = {"headers": {"Authorization": f"Bearer {token}"}} if door.callback.access.kind == "token" else {}
        address = complaint.address(path, door)
        for query in ("", f"?q={code}&code={code}", "?q=作风"):
            answer = ask(client, "GET", address + query, **more)
            if SUMMARY in answer.text_there or WORDS in answer.text_there:
                shown.append((address + query, "words"))
            repeats = bool(query) or code in address  # a page may say back what was asked for
            if not repeats and (code in answer.text_there or codes.show_code(code) in answer.text_there):
                shown.append((address, "code"))
    assert shown == []


@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_complaint_is_nowhere_for_everybody_through_open311(cast: Town, complaint: Filled, ordinary: Filled, form: str) -> None:
    complaint.values["form"] = form
    doors = [(path, door) for path, door in DOORS if path.startswith("open311/")]
    for path, door in doors:
        address, number = complaint.address(path, door), complaint.values["request_id"]
        for query in ("", f"?service_request_id={number}", f"?service_code=900501&page_size=1&q={complaint.case.code}"):
            answer = ask(Client(), "GET", address + query)
            said = answer.text_there
            assert SUMMARY not in said and WORDS not in said and complaint.case.code not in said, address + query
            assert number not in said or number in address, address + query
    assert len(doors) == 7
    number = ordinary.values["request_id"]
    assert number in ask(Client(), "GET", f"/open311/v2/requests.{form}?service_request_id={number}").text_there


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", RECUSED)
def test_no_address_of_a_complaint_opens_for_those_it_is_about(
    cast: Town, complaint: Filled, who: str, method: str
) -> None:
    client = signed_in(cast, who)
    token = org.issue_token(name="test", by=None, person=cast.people[who])
    opened = []
    for path, door in DOORS:
        if door.callback.access.kind == "public" or not {"code", "task_id", "attachment_id"} & set(door.pattern.converters):
            continue
        address = complaint.address(path, door)
        kind = "application/json" if path.startswith("api/") else "application/x-www-form-urlencoded"
        answer = ask(client, method, address, content_type=kind, data=b"{}" if path.startswith("api/") else b"",
                     headers={"Authorization": f"Bearer {token}"} if door.callback.access.kind == "token" else {})
        if answer.status_code not in REFUSALS:
            opened.append((address, answer.status_code))
    assert opened == []


def test_the_complaint_is_there_for_those_it_is_not_about(cast: Town, complaint: Filled) -> None:
    """Else the walks above would pass over an empty town."""
    code = complaint.case.code
    for who in ("operator", "street", "chief"):
        token = org.issue_token(name="test", by=None, person=cast.people[who])
        assert SUMMARY in ask(signed_in(cast, who), "GET", f"/desk/cases/{code}/").text_there
        answer = ask(Client(), "GET", f"/api/v1/cases/{code}", headers={"Authorization": f"Bearer {token}"})
        assert SUMMARY in answer.text_there


def test_a_department_without_part_in_a_case_does_not_find_it(cast: Town, complaint: Filled) -> None:
    for who in ("parks", "section_leader", "department"):
        assert signed_in(cast, who).get(f"/desk/cases/{complaint.case.code}/").status_code == 404, who


HUGE = "9" * 20
STRANGE = [
    f"?place={HUGE}&unit={HUGE}&after=~{HUGE}&before={HUGE}&case={HUGE}&task={HUGE}&q={HUGE}",
    f"?view=all&place={HUGE}&since=0001-01-01&until=9999-12-31&after=9999-12-31T23:59:59~{HUGE}&m=opened&lon=nan&lat=inf",
    "?from=2026-01-01&to=9999-12-31&m=opened&after=9e300_1&point=nan,inf&lon=1e400&lat=-1&list=mine",
    f"?start_date=0001-01-01T00:00:00%2B14:00&end_date=9999-12-31T00:00:00Z&page={HUGE}&service_request_id={HUGE}&api_key=%ff",
    f"?page=10000&page_size=1000&service_code=900401,{HUGE}&status=,&api_key={HUGE}&jurisdiction_id={HUGE}",
    f"?from=0001-01-01&to=0001-01-02&after=2026-01-01~{HUGE}&code=%00&tail=%00&q=%00&view=done&sort=due&do=%00",
]


@pytest.mark.parametrize("who", ["district", "grid", "admin"])
@pytest.mark.parametrize("query", STRANGE)
def test_no_address_is_strange_enough_to_break_a_page(cast: Town, ordinary: Filled, who: str, query: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(cast.people[who])
    ids = re.compile(r"(?<=/)\d+(?=/)")
    broken = []
    for path, door in DOORS:
        if path == "healthz" or path.startswith(("sign-out", "api/")):
            continue
        address = ordinary.address(path, door)
        broken += [each + query for each in {address, ids.sub(HUGE, address)} if client.get(each + query).status_code == 500]
    assert broken == []
