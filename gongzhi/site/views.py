"""Switches that every surface has, health, and error pages."""

from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from gongzhi.account.sign_in_views import safe_target
from gongzhi.base.access import access
from gongzhi.open311 import answers
from gongzhi.site import health, queries


@access("public")
@require_POST
def switch(request: HttpRequest, name: str) -> HttpResponse:
    """Remember the elder mode or the language, and go back to the page."""
    target = safe_target(request) or "/"
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
