"""The doors of Open311 GeoReport v2. Reading is for everybody; reporting needs a machine's key (`gongzhi apikey`)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from gongzhi.base import clock
from gongzhi.base.access import View, access
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow.actors import Actor
from gongzhi.open311 import answers, forms, queries
from gongzhi.open311.forms import Fault, Wrong
from gongzhi.org import queries as org
from gongzhi.requests import actions

FORM = "application/x-www-form-urlencoded"


def door(*methods: str) -> Callable[[Callable[..., HttpResponse]], View]:
    """Open a view to everybody by some methods; what is wrong is told in the format that was asked for."""

    def decorate(view: Callable[..., HttpResponse]) -> View:
        @wraps(view)
        def answering(request: HttpRequest, form: str, **values: Any) -> HttpResponse:
            if form not in answers.FORMS:
                return answers.refuse("xml", [Fault(_("格式只有 xml 和 json。"))])
            if request.method not in methods:
                said = answers.refuse(form, [Fault(_("这个地址不能这样打开。"), 405)])
                said["Allow"] = ", ".join(methods)
                return said
            try:
                forms.check_jurisdiction(request.POST if request.method == "POST" else request.GET)
                return view(request, form, **values)
            except Wrong as wrong:
                return answers.refuse(form, wrong.faults)
            except Faults as fault:
                return answers.refuse(form, [Fault(sentence) for sentence in fault.faults.values()])
            except Refused as fault:
                return answers.refuse(form, [Fault(fault.sentence)])

        return csrf_exempt(access("public")(answering))  # no cookie opens anything here

    return decorate


@door("GET", "HEAD")
def discovery(request: HttpRequest, form: str) -> HttpResponse:
    """Say what is served where."""
    return answers.send(form, "discovery", queries.discovery())


@door("GET", "HEAD")
def services(request: HttpRequest, form: str) -> HttpResponse:
    """List what can be reported."""
    return answers.send(form, "services", queries.services())


@door("GET", "HEAD")
def service(request: HttpRequest, form: str, service_code: str) -> HttpResponse:
    """Define a service: none has attributes."""
    found = forms.service(service_code)
    return answers.send(form, "service_definition", {"service_code": found.code, "attributes": []})


@door("GET", "HEAD", "POST")
def requests(request: HttpRequest, form: str) -> HttpResponse:
    """List requests; take one in by POST, which needs a key."""
    if request.method == "POST":
        return _report(request, form)
    key = _key(request, needed=False)
    return answers.send(form, "service_requests", queries.found(forms.search(request.GET), key))


def _report(request: HttpRequest, form: str) -> HttpResponse:
    key = _key(request, needed=True)
    if request.content_type != FORM:
        raise Wrong(Fault(_("请按 {type} 提交。").format(type=FORM)))
    receipt = actions.report(forms.report(request.POST), by=Actor("key", key=key or ""))
    link = f"{settings.BASE_URL}/r/{receipt.code}/{receipt.secret}/"
    notice = _("编号 {code}，{due} 前答复。查询和评价：{link}（只交给反映人）").format(
        code=receipt.code, due=receipt.due_at.astimezone(clock.CHINA).strftime("%Y-%m-%d %H:%M"), link=link)
    made = {"service_request_id": forms.veil("request", receipt.case_id), "service_notice": notice, "account_id": None}
    return answers.send(form, "service_requests", [made], 201)


@door("GET", "HEAD")
def request(request: HttpRequest, form: str, request_id: str) -> HttpResponse:
    """Show one request, as a list of one."""
    return answers.send(form, "service_requests", [_one(request, request_id)])


@door("GET", "HEAD")
def token(request: HttpRequest, form: str, request_id: str) -> HttpResponse:
    """Give the id of a token: ids are given at once, so that every id is its own token."""
    found = _one(request, request_id)["service_request_id"]
    return answers.send(form, "service_requests", [{"service_request_id": found, "token": found}])


@door("GET", "HEAD")
def updates(request: HttpRequest, form: str) -> HttpResponse:
    """List what happened to requests that are named (an extension)."""
    found = forms.search(request.GET)
    if found.ids is None:
        raise Wrong(Fault(_("请给出 service_request_id，一个或几个用逗号分开。")))
    return answers.send(form, "service_requests_updates", queries.updates(found.ids))


def _one(request: HttpRequest, request_id: str) -> dict[str, Any]:
    key, number = _key(request, needed=False), forms.unveil("request", request_id)
    rows = queries.found(forms.Search(ids=[number]), key) if number is not None else []
    if not rows:
        raise Wrong(Fault(_("没有这个 service_request_id，或它不公开。"), 404))
    return rows[0]


def _key(request: HttpRequest, *, needed: bool) -> str | None:
    """Give the name of the machine whose key came along; raise Wrong (403) for a wrong one, or none where it is needed."""
    given = forms.text(request.POST, "api_key") or forms.text(request.GET, "api_key")
    if not given:
        if needed:
            raise Wrong(Fault(_("请带上 api_key。"), 403))
        return None
    found = org.token(given)
    if found is None or found.person_id is not None:
        raise Wrong(Fault(_("api_key 不对，或已停用。"), 403))
    return found.name
