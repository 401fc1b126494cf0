"""Signing in and out, switches that every surface has, health, and error pages."""

from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import login, logout
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from gongzhi.base.access import access
from gongzhi.base.errors import Refused
from gongzhi.open311 import answers
from gongzhi.org import actions as org_actions
from gongzhi.org import queries as org
from gongzhi.org import sign_in as checking
from gongzhi.org.models import Person
from gongzhi.org.rules import Standing
from gongzhi.site import health, queries

FIRST = "first_sign_in"


@access("public")
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in by user name and password; five wrong tries lock the name for a quarter of an hour."""
    target = _safe_target(request)
    if request.method == "GET":
        return render(request, "sign_in.html", {"target": target, "error": "", "username": ""})
    username = request.POST.get("username", "").strip()[:40]
    if checking.too_many(request):
        said = _("登录太频繁，请过一分钟再试。")
        return render(request, "sign_in.html", {"target": target, "error": said, "username": username}, status=429)
    if first := checking.by_word(username, request.POST.get("password", "")):
        request.session[FIRST] = [first.person_id, first.digest]
        return redirect("site:first_sign_in")
    person, said = checking.check(request, username, request.POST.get("password", ""))
    if person is None:
        return render(request, "sign_in.html", {"target": target, "error": said, "username": username}, status=422)
    login(request, person)
    return redirect(target or first_page(org.standing(person)))


@access("public")
@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "POST"])
def first_sign_in(request: HttpRequest) -> HttpResponse:
    """Choose a password, having signed in with the word that was given out; it is used up by this."""
    person_id, digest = request.session.get(FIRST) or (0, "")
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None:
        return redirect("site:sign_in")
    if request.method == "GET":
        return render(request, "first_sign_in.html", {"person": person, "fault": None})
    password = request.POST.get("password", "")
    try:
        if password != request.POST.get("again", ""):
            raise Refused(_("两次写的不一样。"), "again")
        org_actions.use_word(person, digest, password)
    except Refused as fault:
        return render(request, "first_sign_in.html", {"person": person, "fault": fault}, status=422)
    request.session.pop(FIRST)
    login(request, person)
    return redirect(first_page(org.standing(person)))


def _safe_target(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next", "")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}) else ""


def first_page(standing: Standing) -> str:
    """Choose the surface a person works on."""
    return "/field/" if standing.posts and standing.posts <= {"gridworker", "gridpart"} else "/desk/"


@access("public")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out and go to the portal."""
    logout(request)
    return redirect("/")


@access("public")
@require_POST
def switch(request: HttpRequest, name: str) -> HttpResponse:
    """Remember the elder mode or the language, and go back to the page."""
    target = _safe_target(request) or "/"
    response = redirect(target)
    if name == "elder":
        value = "0" if request.COOKIES.get("elder") == "1" else "1"
    else:
        name, value = settings.LANGUAGE_COOKIE_NAME, "en" if request.POST.get("to") == "en" else "zh-hans"
    response.set_cookie(name, value, max_age=365 * 86400, samesite="Lax", secure=settings.HTTPS, httponly=True)
    return response


@access("public")
@never_cache
@require_GET
def work_line(request: HttpRequest) -> HttpResponse:
    """Give the line about the demo's reports anew; empty, and never asked for again, once they are there.

    Public, but empty for a stranger: sent to sign in, a page whose sign-in ran out would lose what is typed on it.
    """
    work = queries.pouring() if request.user.is_authenticated else None
    return render(request, "_work_line.html", {"work": work, "again": True})


@access("public")
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """Say that this process answers and reaches the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


@access("public")
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Say how each part does: migrations, worker, projections' lag, partitions, calendar. 503 if one is red."""
    parts = health.parts()
    return JsonResponse(
        {"ok": all(p["ok"] for p in parts.values()), "parts": parts},
        status=200 if all(p["ok"] for p in parts.values()) else 503,
        json_dumps_params={"ensure_ascii": False, "indent": 1},
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Tell plainly that the form went stale; what was typed is kept by the page's draft."""
    return render(request, "403_csrf.html", {"back": quote(request.path)}, status=403)


def error_400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error(request, 400, _("这个请求我们看不懂。"))


def error_403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error(request, 403, _("您没有权限做这件事。"))


def error_404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error(request, 404, _("没有找到，可能不存在，或不归您查看。"))


def error_500(request: HttpRequest) -> HttpResponse:
    return error(request, 500, _("出错了，没有保存。请稍后再试。"))


def error(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    """Refuse in one sentence: to a machine as JSON or as it asked, to a person as a page that says what to do next."""
    if request.path.startswith("/api/"):
        body = {"detail": sentence, "code": "refused", "faults": {}}
        return JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    if request.path.startswith("/open311/"):
        return answers.refuse_address(request.path, status, sentence)
    return render(request, f"{status}.html", status=status)
