import base64
import io
import json
import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from openapi_spec_validator import validate
from PIL import Image

from conftest import MONDAY, PASSWORD, Town
from gongzhi.account import passwords
from gongzhi.base import clock
from gongzhi.flow.models import Case, Task
from gongzhi.org import actions as org
from gongzhi.requests.models import Request
from gongzhi.requests.tests.walking import Walk


@pytest.fixture
def sign(town: Town, client: Client) -> Any:
    def by(name: str) -> dict[str, str]:
        answer = client.post("/api/v1/token", {"user": name, "password": PASSWORD}, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    return by


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "JPEG")
    return out.getvalue()


def report(client: Client, town: Town, grid: str = "west-south-1", **more: Any) -> Any:
    lon, lat = town.point(grid)
    body = {"lon": lon, "lat": lat, "words": "家里暖气不热", "phone": "13800001111", **more}
    return client.post("/api/v1/reports", body, content_type="application/json")


def test_a_report_answers_with_code_secret_deadline_and_link(town: Town, client: Client) -> None:
    answer = report(client, town)
    assert answer.status_code == 201
    got = answer.json()
    assert len(got["code"]) == 10 and got["code"] in got["link"] and got["due_at"]


def test_the_same_key_twice_opens_one_case(town: Town, client: Client) -> None:
    first, second = (report(client, town, submitted_key="abc").json() for _ in range(2))
    assert first["code"] == second["code"] and not second["is_new"]


def test_a_point_outside_the_city_is_told_by_field(town: Town, client: Client) -> None:
    answer = client.post("/api/v1/reports", {"lon": 0, "lat": 0, "words": "x"}, content_type="application/json")
    assert answer.status_code == 422 and "place" in answer.json()["faults"]
    assert not Case.objects.exists()


@pytest.mark.parametrize("wrong", [{"words": ""}, {"phone": "12a45"}, {"words": "字" * 20000}, {"photos": ["%%"]},
                                   {"photos": [base64.b64encode(b"text called jpg").decode()]}])
def test_bad_input_writes_nothing(town: Town, client: Client, wrong: dict[str, Any]) -> None:
    answer = report(client, town, **wrong)
    assert answer.status_code == 422 and answer.json()["faults"]
    assert not Case.objects.exists()


def test_a_photo_is_kept_without_its_exif(town: Town, client: Client) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "JPEG", exif=Image.Exif())
    answer = report(client, town, words="", photos=[base64.b64encode(out.getvalue()).decode()])
    assert answer.status_code == 201
    assert Case.objects.get(code=answer.json()["code"]).attachments.get().original


def test_the_status_needs_the_secret(town: Town, client: Client) -> None:
    got = report(client, town).json()
    assert client.get(f"/api/v1/reports/{got['code']}?secret=wrong").status_code == 404
    assert client.get(f"/api/v1/reports/1234567897?secret={got['secret']}").status_code == 404
    status = client.get(f"/api/v1/reports/{got['code']}?secret={got['secret']}").json()
    assert status["state"] == "received" and status["rule"]


def test_a_stranger_gets_401_everywhere_inside(town: Town, client: Client) -> None:
    for path in ("/api/v1/tasks", "/api/v1/cases/1234567897", "/api/v1/cases/1234567897/actions"):
        assert client.get(path).status_code == 401
    assert client.post("/api/v1/tasks/1/actions/accept", {}, content_type="application/json").status_code == 401


def test_a_machine_key_may_report_but_not_read(town: Town, client: Client) -> None:
    key = {"Authorization": f"Bearer {org.issue_token(name='kiosk', by=None)}"}
    lon, lat = town.point("west-south-1")
    answer = client.post("/api/v1/reports", {"lon": lon, "lat": lat, "words": "积水"}, content_type="application/json",
                         headers=key)
    assert answer.status_code == 201
    assert client.get("/api/v1/tasks", headers=key).status_code == 401


def test_a_case_is_worked_through_the_api_as_on_the_pages(town: Town, client: Client, sign: Any) -> None:
    got = report(client, town).json()
    lon, lat = town.point("west-south-1")

    def act(name: str, action: str, **form: Any) -> Any:
        headers = sign(name)
        offers = client.get(f"/api/v1/cases/{got['code']}/actions", headers=headers).json()
        task = next(o for o in offers if o["name"] == action)["task_id"]
        path = f"/api/v1/tasks/{task}/actions/{action}" if task else f"/api/v1/cases/{got['code']}/actions/{action}"
        return client.post(path, json.dumps({"form": form}), content_type="application/json", headers=headers)

    steps = [
        ("operator", "accept", {"category": "900401", "place": [lon, lat]}),
        ("street", "dispatch", {"lead": town.units["housing"].pk, "helpers": [town.units["heating"].pk]}),
        ("department", "sign", {}), ("department", "contact", {"contact_note": "已约"}),
        ("department", "finish", {"result": "换阀", "reply": "已换阀门，室温二十度。"}), ("department_leader", "agree", {}),
    ]
    for name, action, form in steps:
        answer = act(name, action, **form)
        assert answer.status_code == 200, (name, action, answer.content.decode())
    assert answer.json()["stage"] == "confirming"
    status = client.get(f"/api/v1/reports/{got['code']}?secret={got['secret']}").json()
    assert status["state"] == "to_rate" and any("换阀门" in s["words"] for s in status["steps"])


def test_a_case_that_moved_on_answers_409_with_a_sentence(town: Town, client: Client, sign: Any) -> None:
    got = report(client, town).json()
    lon, lat = town.point("west-south-1")
    headers = sign("operator")
    task = client.get("/api/v1/tasks", headers=headers).json()["tasks"][0]["id"]
    path, form = f"/api/v1/tasks/{task}/actions/accept", {"form": {"category": "900401", "place": [lon, lat]}}
    assert client.post(path, form, content_type="application/json", headers=headers).status_code == 200
    again = client.post(path, form, content_type="application/json", headers=headers)
    assert again.status_code == 409 and again.json()["code"] == "moved"
    assert Request.objects.filter(case__code=got["code"]).count() == 1


def test_a_task_of_another_unit_is_not_found(town: Town, client: Client, sign: Any) -> None:
    report(client, town)
    task = Case.objects.get().tasks.get().pk
    answer = client.post(f"/api/v1/tasks/{task}/actions/accept", {"form": {}}, content_type="application/json",
                         headers=sign("department"))
    assert answer.status_code == 404


def test_the_queue_pages_by_key_without_gap_or_repeat(town: Town, client: Client, sign: Any) -> None:
    for i in range(5):
        with clock.at(MONDAY):
            assert report(client, town, words=f"第 {i} 件暖气不热").status_code == 201
    headers, seen, after = sign("operator"), [], ""
    while True:
        page = client.get("/api/v1/tasks", {"limit": 2, "after": after}, headers=headers).json()
        seen += [t["id"] for t in page["tasks"]]
        after = page["next"]
        if not after:
            break
    assert len(seen) == 5 == len(set(seen))


def test_the_queue_pages_on_to_tasks_without_a_due_time(town: Town, client: Client, sign: Any) -> None:
    for i in range(5):
        assert report(client, town, words=f"第 {i} 件暖气不热").status_code == 201
    Task.objects.filter(pk__in=list(Task.objects.values_list("pk", flat=True)[:3])).update(due_at=None)
    headers, seen, after = sign("operator"), [], ""
    while after is not None:
        page = client.get("/api/v1/tasks", {"limit": 1, "after": after}, headers=headers).json()
        seen += [t["id"] for t in page["tasks"]]
        after = page["next"]
    assert len(seen) == 5 == len(set(seen))


@pytest.mark.parametrize("after", ["x", "2026-03-02T09:00:00|1", "|", "2026-03-02T09:00:00+08:00|x"])
def test_a_cursor_that_is_not_ours_is_refused(town: Town, client: Client, sign: Any, after: str) -> None:
    answer = client.get("/api/v1/tasks", {"after": after}, headers=sign("operator"))
    assert answer.status_code == 422 and "翻页" in answer.json()["detail"]


def chinese(answer: Any) -> str:
    """Check that an answer is a refusal in JSON and in Chinese; return its words."""
    body = answer.json()
    assert {"detail", "code", "faults"} <= set(body)
    words = [body["detail"], *body["faults"].values()]
    assert all(re.search("[一-鿿]", w) and not re.search(r"[A-Za-z]{9}", w) for w in words), words
    return "".join(words)


@pytest.mark.parametrize(("body", "field", "words"), [
    ({"lon": "east"}, "lon", "应是数字"), ({"lon": float("nan"), "lat": float("inf")}, "lon", "应是数字"),
    ({"photos": "x"}, "photos", "应是一组值"), ({"photos": ["QQ=="] * 7}, "photos", "最多 6 个"),
    ({"photos": ["%%"]}, "photos", "不是 base64"), ({"voice": "ä"}, "voice", "不是 base64"),
    ({"submitted_key": "x" * 41}, "submitted_key", "最多 40 字"), ({"words": 3}, "words", "应是文字"),
])
def test_a_wrong_field_is_told_in_plain_words(
    town: Town, client: Client, body: dict[str, Any], field: str, words: str
) -> None:
    answer = client.post("/api/v1/reports", json.dumps(body), content_type="application/json")
    assert answer.status_code == 422 and words in answer.json()["faults"][field]
    chinese(answer)


@pytest.mark.parametrize("body", ["{", "", "[1]", '"x"', "\xff"])
def test_what_is_no_json_is_refused_in_words(town: Town, client: Client, body: str) -> None:
    answer = client.generic("POST", "/api/v1/reports", body.encode("latin-1"), content_type="application/json")
    assert answer.status_code in (400, 422)
    chinese(answer)


def test_a_form_is_no_json(town: Town, client: Client) -> None:
    client.raise_request_exception = False
    for answer in (client.post("/api/v1/reports", {"words": "x"}),
                   client.post("/api/v1/reports", "words=x", content_type="application/x-www-form-urlencoded")):
        assert answer.status_code in (400, 422)
        chinese(answer)


@pytest.mark.parametrize("given", [{"photos": ["%%"]}, {"documents": ["%%"]}, {"photos": ["QQ=="]},
                                   {"documents": ["QQ=="]}, {"form": []}, {"stage": 1}])
def test_wrong_files_of_an_act_are_refused(town: Town, client: Client, sign: Any, given: dict[str, Any]) -> None:
    report(client, town)
    task = Case.objects.get().tasks.get().pk
    answer = client.post(f"/api/v1/tasks/{task}/actions/accept", json.dumps(given), content_type="application/json",
                         headers=sign("operator"))
    assert answer.status_code == 422
    chinese(answer)


def test_a_report_takes_the_largest_photo_and_no_more_than_a_form_can_have(
    town: Town, client: Client, settings: Any
) -> None:
    photo = jpeg() + bytes(12 * 1024 * 1024 - 4096)  # as large as files.PHOTO_LIMIT allows
    answer = report(client, town, photos=[base64.b64encode(photo).decode()])
    assert answer.status_code == 201, answer.content[:300]
    settings.API_BODY = 1024 * 1024
    answer = report(client, town, photos=[base64.b64encode(photo).decode()])
    assert answer.status_code == 413 and "最多 1 MB" in chinese(answer)


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/api/v1/nowhere", 404), ("GET", "/api/nowhere", 404), ("DELETE", "/api/v1/reports", 405),
    ("POST", "/api/v1/docs", 200), ("GET", "/api/v1/tasks%00", 400),
])
def test_every_refusal_of_the_api_is_json(town: Town, client: Client, method: str, path: str, status: int) -> None:
    answer = client.generic(method, path)
    assert answer.status_code == status
    if status != 200:
        chinese(answer)
    if status == 405:
        assert answer["Allow"] == "POST"


def test_another_host_is_told_so_in_json(client: Client) -> None:
    answer = client.get("/api/v1/openapi.json", headers={"host": "elsewhere.example"})
    assert answer.status_code == 400
    chinese(answer)


def test_a_flood_of_sign_ins_from_one_address_is_stopped(
    town: Town, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "BURST", 3)
    monkeypatch.setattr(passwords, "PER_MINUTE", 1)  # a slow machine must not earn a try meanwhile
    wrong = [{"user": f"nobody{n}", "password": "wrong-password"} for n in range(5)]
    answers = [client.post("/api/v1/token", w, content_type="application/json") for w in wrong[:3]]
    pages = [client.post("/sign-in/", {"username": w["user"], "password": w["password"]}) for w in wrong[3:]]
    assert [a.status_code for a in (*answers, *pages)] == [401, 401, 401, 429, 429]
    assert "太频繁" in pages[0].content.decode()
    answer = client.post("/api/v1/token", wrong[0], content_type="application/json")
    assert answer.status_code == 429
    assert "太频繁" in answer.json()["detail"]


def test_locate_names_grid_community_and_worker(town: Town, client: Client) -> None:
    lon, lat = town.point("west-south-1")
    got = client.get("/api/v1/places/locate", {"lon": lon, "lat": lat}).json()
    assert got["worker"] == "王网格员" and got["grid_code"]
    assert client.get("/api/v1/places/locate", {"lon": 0, "lat": 0}).status_code == 404


def test_five_wrong_passwords_lock_the_name(town: Town, client: Client) -> None:
    wrong = {"user": "street", "password": "wrong-password"}
    for _ in range(5):
        assert client.post("/api/v1/token", wrong, content_type="application/json").status_code == 401
    right = {"user": "street", "password": PASSWORD}
    assert client.post("/api/v1/token", right, content_type="application/json").status_code == 401


def test_the_description_is_valid_openapi_and_the_page_shows_every_door(town: Town, client: Client) -> None:
    spec = client.get("/api/v1/openapi.json").json()
    validate(spec)
    page = client.get("/api/v1/docs").content.decode()
    assert all(path in page for path in spec["paths"])


JUNK: list[Any] = [None, True, -1, 1e30, 10**30, "x", "字" * 6000, [], [None], [[]], {}, {"x": 1}, [1, "x"], ["nan", "inf"]]


def test_junk_in_a_field_of_an_act_is_refused_and_never_breaks(town: Town, client: Client, sign: Any) -> None:
    report(client, town)
    client.raise_request_exception = False
    lon, lat = town.point("west-south-1")
    good = {"category": "900401", "place": [lon, lat], "kind": "complain", "summary": "暖气",
            "about_unit": town.units["housing"].pk}
    headers, path, broken = sign("operator"), f"/api/v1/tasks/{Case.objects.get().tasks.get().pk}/actions/accept", []
    for field in good:
        for junk in JUNK:
            with transaction.atomic():
                body = json.dumps({"form": {**good, field: junk}})
                answer = client.post(path, body, content_type="application/json", headers=headers)
                transaction.set_rollback(True)
            if answer.status_code not in (200, 409, 422):
                broken.append((field, str(junk)[:20], answer.status_code))
    assert broken == []


def test_an_empty_reply_is_warned_about_but_not_refused(town: Town, client: Client, sign: Any) -> None:
    walk = Walk(town, now=clock.now()).dispatched()
    for reply, n in (("您好，已转相关部门。", 1), ("已更换阀门，室温 20 度。", 0)):
        answer = client.post(f"/api/v1/cases/{walk.case.code}/actions/finish", {"form": {"result": "好", "reply": reply}},
                             content_type="application/json", headers=sign("department"))
        assert answer.status_code == 200, answer.content
        assert len(answer.json()["warnings"]) == n
        walk.decides("department_leader", "refuse", reason="重写")
