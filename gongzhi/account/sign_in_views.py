"""Signing in: by password and, where there is one, a second factor; by passkey; by the city's own sign-in. Signing out."""

import json
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gongzhi.account import actions, oidc, passkeys, passwords, queries, rules
from gongzhi.base import clock
from gongzhi.base.access import access
from gongzhi.base.errors import Refused
from gongzhi.org import queries as org
from gongzhi.org.models import Person
from gongzhi.org.rules import POWERS, Standing


def safe_target(request: HttpRequest) -> str:
    """Give where the visitor wanted to go, as long as it is one of our addresses."""
    target = request.POST.get("next") or request.GET.get("next", "")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}) else ""


def first_page(standing: Standing) -> str:
    """Choose the surface a person works on."""
    if standing.posts and standing.posts <= POWERS:
        return "/account/people/" if standing.posts == {"security"} else "/setup/"
    return "/field/" if standing.posts and standing.posts <= {"gridworker", "gridpart"} else "/desk/"


def _form(request: HttpRequest, error: str = "", status: int = 200, **context: Any) -> HttpResponse:
    values = {"target": safe_target(request), "error": error, "username": "", "shared": bool(request.POST.get("shared")),
              "oidc": settings.OIDC_TITLE if oidc.offered() else ""}
    return render(request, "sign_in.html", {**values, **context}, status=status)


@access("public")
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for user name and password; who has a second factor is asked for that next."""
    if request.method == "GET":
        return _form(request, _("太久没有操作，已经退出，请重新登录。") if request.GET.get("idle") else "")
    username = request.POST.get("username", "").strip()[:40]
    if passwords.too_many(request):
        return _form(request, _("登录太频繁，请过一分钟再试。"), 429, username=username)
    person, said = passwords.check(request, username, request.POST.get("password", ""))
    if person is None:
        return _form(request, said, 422, username=username)
    if queries.has_second(person):
        return _ask_second(request, person, "password", target=safe_target(request), shared=bool(request.POST.get("shared")))
    return _enter(request, person, ["password"])


def _ask_second(request: HttpRequest, person: Person, first: str, *, target: str, shared: bool) -> HttpResponse:
    """Keep who has proved the first half, and how, and ask for the second."""
    request.session["half"] = {"person": person.pk, "by": first, "at": clock.now().timestamp(), "next": target,
                               "shared": shared, "hash": person.get_session_auth_hash()}
    return redirect("site:second")


def _enter(request: HttpRequest, person: Person, by: list[str], *, shared: bool | None = None, target: str = "") -> HttpResponse:
    """Open the session and go where the person wanted to."""
    shared = bool(request.POST.get("shared")) if shared is None else shared
    actions.sign_in(request, person, by=by, shared=shared)
    answer = redirect(target or safe_target(request) or first_page(org.standing(person)))
    if not shared:
        answer.set_cookie(passwords.KNOWN, passwords.known_cookie(person), max_age=passwords.KNOWN_FOR, samesite="Lax",
                          secure=settings.HTTPS, httponly=True)
    return answer


def _half(request: HttpRequest) -> tuple[Person | None, dict[str, Any]]:
    """Give who has told the password a moment ago; nobody once the password has changed since."""
    half = request.session.get("half") or {}
    if not half or clock.now().timestamp() - half["at"] > rules.HALF.total_seconds():
        return None, {}
    person = Person.objects.filter(pk=half["person"], is_active=True).first()
    return (person, half) if person and person.get_session_auth_hash() == half["hash"] else (None, {})


@access("public")
@never_cache
@require_http_methods(["GET", "POST"])
def second(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor: a one-time code, a recovery code or a passkey."""
    person, half = _half(request)
    if person is None:
        return redirect("site:sign_in")
    error = ""
    if request.method == "POST":
        try:
            by = _passkey_of(request, person) if request.POST.get("answer") else actions.prove(person, request.POST.get("code", ""))
            if by:
                del request.session["half"]
                return _enter(request, person, [half["by"], by], shared=half["shared"], target=half["next"])
            error = _("不对，请再看一下；每个数字只能用一次。")
        except Refused as fault:
            error = fault.sentence
    kinds = set(person.factors.values_list("kind", flat=True))
    return render(request, "account/second.html", {"kinds": kinds, "error": error}, status=422 if error else 200)


def _passkey_of(request: HttpRequest, person: Person) -> str:
    factor = _passkey(request)
    if factor is None or factor.person_id != person.pk:
        raise Refused(_("通行密钥没有通过，请再试一次。"))
    return "passkey"


def _passkey(request: HttpRequest) -> Any:
    """Read a passkey's answer to what this session was asked; None where it is not right."""
    state = request.session.pop("passkey", None)
    try:
        factor, counter = passkeys.read_known(state, json.loads(request.POST.get("answer", "")[:20_000]))
    except (passkeys.NotRight, ValueError):
        return None
    actions.used_passkey(factor, counter)
    return factor


@access("public")
@never_cache
@require_POST
def passkey_options(request: HttpRequest) -> JsonResponse:
    """Give what the browser's passkey is asked; whose it is, only after the password."""
    if passwords.too_many(request):
        return JsonResponse({"detail": _("登录太频繁，请过一分钟再试。")}, status=429)
    options, request.session["passkey"] = passkeys.ask_for_known(_half(request)[0])
    return JsonResponse(options)


@access("public")
@never_cache
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """Sign in by a passkey alone: the device has asked for a finger, a face or its code."""
    factor = _passkey(request)
    if factor is None or not factor.person.is_active:
        return _form(request, _("通行密钥没有通过，请再试一次，或用密码登录。"), 422)
    return _enter(request, factor.person, ["passkey"])


@access("public")
@never_cache
@require_GET
def oidc_go(request: HttpRequest) -> HttpResponse:
    """Send the browser to the city's own sign-in."""
    if not oidc.offered() or passwords.too_many(request):
        return _form(request, _("现在不能用统一身份认证登录，请用密码。"), 422)
    try:
        address, kept = oidc.ask()
    except oidc.NotRight:
        return _form(request, _("统一身份认证现在连不上，请用密码登录。"), 422)
    request.session["oidc"] = {**kept, "next": safe_target(request), "shared": bool(request.GET.get("shared"))}
    return redirect(address)


@access("public")
@never_cache
@require_GET
def oidc_back(request: HttpRequest) -> HttpResponse:
    """Take the browser back from the city's own sign-in."""
    kept = request.session.pop("oidc", None)
    if kept is None or not oidc.offered():
        return _form(request, _("登录已过期，请重新开始。"), 422)
    try:
        person = actions.identify(oidc.read(kept, request.GET.dict()))
    except oidc.NotRight:
        return _form(request, _("统一身份认证没有通过，请再试一次，或用密码登录。"), 422)
    except Refused as fault:
        return _form(request, fault.sentence, 422)
    if queries.has_second(person) and not settings.OIDC_SECOND:
        return _ask_second(request, person, "oidc", target=kept["next"], shared=kept["shared"])
    return _enter(request, person, ["oidc"], shared=kept["shared"], target=kept["next"])


@access("public")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out and go to the portal."""
    if request.user.is_authenticated:
        actions.sign_out(request)
    logout(request)
    return redirect("/")
