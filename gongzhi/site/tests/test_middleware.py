"""What holds for every request, whatever it asks for."""

import json
import logging

import pytest
from django.test import Client

from conftest import PASSWORD, Town
from gongzhi.site import logs

DOORS = ["/worker/?q=%00", "/r/search?q=%00", "/r/new?place=%00", "/r/1234567897/%00/", "/r/%00/x/", "/%00",
         "/sign-in/?next=%00", "/api/v1/tasks?code=%00", "/api/v1/reports/%00?secret=x", "/setup/places/?q=%00",
         "/static/%00", "/desk/?q=%00", "/?%00=1"]


@pytest.mark.parametrize("door", DOORS)
def test_a_nul_is_refused_in_words(town: Town, client: Client, door: str) -> None:
    answer = client.get(door)
    assert answer.status_code == 400
    assert "不能用的字符" in answer.content.decode() if door.startswith("/api/") else "看不懂" in answer.content.decode()


def test_a_nul_in_a_form_a_cookie_or_a_json_body_is_refused(town: Town, client: Client) -> None:
    assert client.post("/sign-in/", {"username": "a\0b", "password": PASSWORD}).status_code == 400
    assert client.post("/sign-in/", {"username\0": "ab", "password": PASSWORD}).status_code == 400
    answer = client.post("/api/v1/token", {"user": "a\0b", "password": "x"}, content_type="application/json")
    assert answer.status_code == 400 and answer.json()["detail"]
    client.cookies["sessionid"] = "a\0b"
    assert client.get("/desk/").status_code == 400


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
def test_a_balancer_that_asks_by_address_is_answered(db: None, client: Client, settings: object, path: str) -> None:
    settings.ALLOWED_HOSTS = ["city.cn"]
    for ask in (client.get, client.head):
        assert ask(path, headers={"host": "10.0.0.7:8000"}).status_code in (200, 503)
    assert client.get("/", headers={"host": "10.0.0.7:8000"}).status_code == 400
    assert client.get("/livez", headers={"host": "10.0.0.7:8000"}).content == b"ok\n"


def test_an_address_that_takes_no_such_method_says_so_on_a_page(db: None, client: Client) -> None:
    answer = client.get("/sign-out/")
    assert answer.status_code == 405 and answer["Allow"] == "POST"
    assert "请从页面上的按钮进入" in answer.content.decode()


def test_a_body_larger_than_any_form_is_refused_on_a_page(db: None, client: Client, settings: object) -> None:
    settings.FORM_BODY = 10
    answer = client.post("/sign-in/", {"username": "somebody", "password": "x" * 40})
    assert answer.status_code == 413 and "太大" in answer.content.decode()


@pytest.mark.parametrize("path", ["/nowhere/", "/sign-out/", "/%00"])
def test_the_line_about_a_refusal_carries_the_id_of_its_answer(db: None, client: Client, path: str) -> None:
    records: list[logging.LogRecord] = []
    logger = logging.getLogger("django.request")
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel("WARNING")
    try:
        answer = client.get(path)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    lines = [json.loads(logs.Line().format(record)) for record in records]
    assert lines and all(line["request"] == answer["X-Request-ID"] for line in lines)
