"""我的账号: second factors, sessions, password; and for the security administrator, those of other people."""

import json
from typing import Any

import segno
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gongzhi.account import actions, passkeys, queries, rules
from gongzhi.account.models import Factor, SignedIn
from gongzhi.base.access import access
from gongzhi.base.errors import Refused
from gongzhi.org import queries as org
from gongzhi.org import rules as org_rules
from gongzhi.org.models import Person, Token

PEOPLE_SHOWN = 50


def _me(request: HttpRequest) -> Person:
    assert isinstance(request.user, Person)
    return request.user


def _page(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    said = [str(m) for m in messages.get_messages(request)]
    return render(request, f"account/{template}.html", {"said": said, "fault": None, "codes": (), **context}, status=status)


@access("staff")
@never_cache
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show what I sign in with and where I am signed in."""
    return _home(request)


def _home(request: HttpRequest, **context: Any) -> HttpResponse:
    person = _me(request)
    must = rules.must_have_second(settings.SECOND_FACTOR, org.standing(person).posts)
    return _page(request, "home", **{
        "factors": list(person.factors.order_by("id")), "left": queries.recovery_left(person), "must": must,
        "enrol": bool(request.session.get("enrol")), "sign_ins": list(queries.sign_ins(person)),
        "here": request.session.session_key, "tokens": list(queries.tokens(person)), **context})


def _enrolled(request: HttpRequest, codes: list[str], said: str) -> HttpResponse:
    """Let a session that was waiting for a second factor go on, and show new recovery codes, once."""
    request.session.pop("enrol", None)
    if codes:
        return _page(request, "codes", codes=codes)
    messages.success(request, said)
    return redirect("account:home")


@access("staff")
@never_cache
@require_http_methods(["GET", "POST"])
def totp(request: HttpRequest) -> HttpResponse:
    """Add an authenticator app: show its QR code, take its first code."""
    person, fault = _me(request), None
    secret = request.session.get("totp") or rules.new_secret()
    request.session["totp"] = secret
    if request.method == "POST":
        try:
            codes = actions.add_totp(person, secret, request.POST.get("code", ""), request.POST.get("name", ""))
            del request.session["totp"]
            return _enrolled(request, codes, _("动态口令已登记。"))
        except Refused as refused:
            fault = refused
    address = rules.totp_address(secret, person.username, f"{settings.CITY_NAME} 共治")
    drawn = segno.make(address, error="m").svg_inline(scale=5, border=2)
    return _page(request, "totp", status=422 if fault else 200, fault=fault, drawn=drawn, name=request.POST.get("name", ""),
                 secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)))


@access("staff")
@never_cache
@require_POST
def passkey_options(request: HttpRequest) -> JsonResponse:
    """Give what the browser is asked to make a passkey."""
    options, request.session["passkey"] = passkeys.ask_for_new(_me(request))
    return JsonResponse(options)


@access("staff")
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """Add the passkey the browser has made."""
    try:
        answer = json.loads(request.POST.get("answer", "")[:20_000])
        codes = actions.add_passkey(_me(request), request.session.pop("passkey", None), answer, request.POST.get("name", ""))
    except ValueError:
        return _home(request, fault=Refused(_("没有登记成功，请再试一次。")), status=422)
    except Refused as fault:
        return _home(request, fault=fault, status=422)
    return _enrolled(request, codes, _("通行密钥已登记。"))


@access("staff")
@require_POST
def remove(request: HttpRequest, factor_id: int) -> HttpResponse:
    """Take one of my factors away."""
    factor = get_object_or_404(Factor, pk=factor_id, person=_me(request))
    try:
        actions.remove(factor, by=_me(request).pk)
    except Refused as fault:
        return _home(request, fault=fault, status=422)
    messages.success(request, _("已删除。"))
    return redirect("account:home")


@access("staff")
@never_cache
@require_POST
def codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes and show them once."""
    try:
        return _page(request, "codes", codes=actions.new_codes(_me(request)))
    except Refused as fault:
        return _home(request, fault=fault, status=422)


@access("staff")
@require_POST
def end(request: HttpRequest, sign_in_id: int) -> HttpResponse:
    """End one of my sessions elsewhere."""
    actions.end(get_object_or_404(SignedIn, pk=sign_in_id, person=_me(request)), by=_me(request).pk)
    messages.success(request, _("已退出那里的登录。"))
    return redirect("account:home")


@access("staff")
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """End all my sessions but this one."""
    n = actions.end_others(_me(request), request.session.session_key or "", by=_me(request).pk)
    messages.success(request, _("已退出其他 {n} 处登录。").format(n=n))
    return redirect("account:home")


@access("staff")
@require_POST
def revoke(request: HttpRequest, digest: str) -> HttpResponse:
    """Take back one of my tokens of the API."""
    actions.revoke(get_object_or_404(Token, pk=digest, person=_me(request)), by=_me(request).pk)
    messages.success(request, _("令牌已收回。"))
    return redirect("account:home")


@access("staff")
@sensitive_post_parameters("old", "new", "again")
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Choose another password."""
    fault = None
    if request.method == "POST":
        try:
            actions.change_password(_me(request), *(request.POST.get(name, "") for name in ("old", "new", "again")))
            actions.end_others(_me(request), request.session.session_key or "", by=_me(request).pk)
            _keep(request)
            messages.success(request, _("密码已改，其他地方的登录已退出。"))
            return redirect("account:home")
        except Refused as refused:
            fault = refused
    return _page(request, "password", status=422 if fault else 200, fault=fault)


def _keep(request: HttpRequest) -> None:
    """Keep this session although the password it was opened with is no longer."""
    from django.contrib.auth import update_session_auth_hash

    key = request.session.session_key
    update_session_auth_hash(request, _me(request))
    SignedIn.objects.filter(session_key=key).update(session_key=request.session.session_key)


# The security administrator -------------------------------------------------------------------------------------------


def _may_keep(request: HttpRequest) -> None:
    """Let the security administrators in, and while there is none, the system administrators."""
    standing = request.standing  # type: ignore[attr-defined]
    if not standing.holds("security") and queries.keepers():
        raise PermissionDenied


@access("post", "security", "admin")
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """Find a person whose sign-in means need looking after."""
    _may_keep(request)
    q = request.GET.get("q", "").replace("\x00", "").strip()[:40]
    rows = Person.objects.filter(is_active=True).order_by("name", "id")
    found = list(rows.filter(Q(name__contains=q) | Q(username__startswith=q))[:PEOPLE_SHOWN]) if q else []
    without = org.current().filter(post__name__in=org_rules.POSTS, person__is_active=True, person__factors=None)
    return _page(request, "people", q=q, rows=found, n_without=without.values("person").distinct().count(),
                 must=settings.SECOND_FACTOR != "off")


@access("post", "security", "admin")
@require_GET
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """Show what a person signs in with."""
    _may_keep(request)
    return _person(request, person_id)


def _person(request: HttpRequest, person_id: int, **context: Any) -> HttpResponse:
    found = get_object_or_404(Person, pk=person_id)
    return _page(request, "person", **{
        "person": found, "factors": list(found.factors.order_by("id")), "left": queries.recovery_left(found),
        "sign_ins": list(queries.sign_ins(found)), "tokens": list(queries.tokens(found)), "locked": queries.is_locked(found),
        "identities": list(found.identities.all()), **context})


@access("post", "security", "admin")
@require_POST
def keep(request: HttpRequest, person_id: int, name: str) -> HttpResponse:
    """Unlock a person, reset the second factors, end the sessions, or unbind the city's own sign-in."""
    _may_keep(request)
    found, me = get_object_or_404(Person, pk=person_id), _me(request).pk
    try:
        if name == "unlock":
            actions.unlock(found, by=me)
        elif name == "reset":
            actions.reset(found, by=me)
        elif name == "end":
            actions.end_others(found, request.session.session_key or "", by=me)
        elif name == "unbind":
            for identity in found.identities.all():
                actions.unbind(identity, by=me)
        else:
            return redirect("account:person", found.pk)
    except Refused as fault:
        return _person(request, person_id, fault=fault, status=422)
    messages.success(request, _("已办。"))
    return redirect("account:person", found.pk)
