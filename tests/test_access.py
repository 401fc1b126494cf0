"""Every address, as every role and as a stranger: what it declares is what happens, and nothing breaks."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from conftest import Town
from gongzhi.base import files
from gongzhi.base.access import KINDS
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case
from gongzhi.requests import actions as requests

ROLES = ["admin", "operator", "district", "reviewer", "street", "community", "grid", "department", "section", "heating"]
KNOWN_ENDS = {200, 204, 302, 303, 400, 401, 403, 404, 405, 409, 422, 429}


def doors(patterns: list[Any], prefix: str = "", space: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from doors(each.url_patterns, prefix + str(each.pattern), each.namespace or space)
        else:
            yield prefix + str(each.pattern), each


DOORS = list(doors(get_resolver().url_patterns))


def test_every_address_declares_who_may() -> None:
    undeclared = [path for path, door in DOORS if not hasattr(door.callback, "access")]
    assert undeclared == []
    assert {door.callback.access.kind for _path, door in DOORS} <= KINDS


@pytest.fixture
def filled(town: Town) -> Any:
    """Addresses with their parameters filled in by a real case of the west street about its south community."""
    lon, lat = town.point("west-south-1")
    got = requests.report(requests.Report(lon, lat, words="社区干事态度恶劣", phone="13800001111"), by=Actor("anyone"))
    flow.act(got.case_id, "accept", by=town.actor("operator"), form={
        "category": "900501", "place": f"{lon},{lat}", "kind": "complain", "summary": "反映社区工作作风",
        "about_unit": town.units["west-south"].pk})
    case = Case.objects.get(pk=got.case_id)
    from PIL import Image

    path = files.path_of("cd" * 32)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path, "JPEG")
    stored, _ = files.StoredFile.objects.get_or_create(
        sha256="cd" * 32, defaults={"media_type": "image/jpeg", "size": path.stat().st_size})
    attachment = Attachment.objects.create(case=case, file=stored, kind="photo", original=True)
    values = {"code": case.code, "secret": got.secret, "action": "accept", "name": "elder", "task_id": 1, "place_id": 1,
              "unit_id": 1, "person_id": 1, "attachment_id": attachment.pk, "file_id": attachment.pk, "pk": 1, "id": 1}

    def fill(path: str, door: URLPattern) -> str:
        for name, converter in door.pattern.converters.items():
            kind = type(converter).__name__
            value = values.get(name, 1 if kind == "IntConverter" else "x")
            for form in (f"<{name}>", *(f"<{k}:{name}>" for k in ("int", "str", "slug", "path", "uuid"))):
                path = path.replace(form, str(value))
        return "/" + path

    return fill, case


@pytest.mark.parametrize("who", ["stranger", *ROLES])
def test_what_an_address_declares_is_what_happens(town: Town, filled: Any, who: str) -> None:
    fill, _case = filled
    client = Client(raise_request_exception=False)
    posts: frozenset[str] = frozenset()
    if who != "stranger":
        client.force_login(town.people[who])
        posts = town.actor(who).standing.posts
    wrong = []
    for path, door in DOORS:
        rule, address = door.callback.access, fill(path, door)
        if address.startswith("/sign-out"):
            continue
        answer = client.get(address)
        allowed = rule.kind in ("public", "demo") or (
            rule.kind != "token" and who != "stranger" and (not rule.posts or bool(posts & set(rule.posts))))
        broken = answer.status_code not in KNOWN_ENDS and path != "healthz"  # no worker runs here: red is right
        if broken:
            wrong.append((address, answer.status_code))
        elif not allowed and answer.status_code == 200:
            wrong.append((address, f"open to {who}"))
        elif not allowed and who == "stranger" and answer.status_code == 302 and "/sign-in/" not in answer["Location"]:
            wrong.append((address, answer["Location"]))
    assert wrong == []


@pytest.mark.parametrize("who", ["community", "community_worker", "grid"])
def test_a_complaint_is_nowhere_for_those_it_is_about(town: Town, filled: Any, who: str) -> None:
    """rights 4.2: no page, search, count, export, map or API of theirs shows the case."""
    fill, case = filled
    client = Client(raise_request_exception=False)
    client.force_login(town.people[who])
    shown = []
    for path, door in DOORS:
        address = fill(path, door)
        if door.callback.access.kind not in ("staff", "post"):
            continue
        for query in ("", f"?q={case.code}", "?q=作风"):
            answer = client.get(address + query)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            text = body.decode(errors="replace")
            if answer.status_code == 200 and ("反映社区工作作风" in text or (
                    not query and (case.code in text or f"{case.code[:3]} {case.code[3:6]} {case.code[6:]}" in text))):
                shown.append(address + query)
    assert shown == []


def test_a_department_without_part_in_a_case_does_not_find_it(town: Town, filled: Any) -> None:
    _fill, case = filled
    client = Client()
    client.force_login(town.people["parks"])
    assert client.get(f"/desk/cases/{case.code}/").status_code == 404


HUGE = "9" * 20
STRANGE = [
    f"?place={HUGE}&unit={HUGE}&after=~{HUGE}&before={HUGE}&case={HUGE}&task={HUGE}&q={HUGE}",
    f"?view=all&place={HUGE}&since=0001-01-01&until=9999-12-31&after=9999-12-31T23:59:59~{HUGE}&m=opened&lon=nan&lat=inf",
    "?from=2026-01-01&to=9999-12-31&m=opened&after=9e300_1&point=nan,inf&lon=1e400&lat=-1&list=mine",
    f"?from=0001-01-01&to=0001-01-02&after=2026-01-01~{HUGE}&code=%00&tail=%00&q=%00&view=done&sort=due&do=%00",
]


@pytest.mark.parametrize("who", ["district", "grid", "admin"])
@pytest.mark.parametrize("query", STRANGE)
def test_no_address_is_strange_enough_to_break_a_page(town: Town, filled: Any, who: str, query: str) -> None:
    fill, _case = filled
    client = Client(raise_request_exception=False)
    client.force_login(town.people[who])
    broken = []
    for path, door in DOORS:
        if path == "healthz" or path.startswith(("sign-out", "api/")):
            continue
        address = fill(path, door)
        for each in {address, address.replace("/1/", f"/{HUGE}/")}:
            if client.get(each + query).status_code == 500:
                broken.append(each + query)
    assert broken == []
