"""Function middleware, each one thing."""

import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from gongzhi.account import actions as account
from gongzhi.base import html
from gongzhi.org import queries as org
from gongzhi.site import logs, views

Handler = Callable[[HttpRequest], HttpResponseBase]
log = logging.getLogger("gongzhi.http")


def request_id(get_response: Handler) -> Handler:
    """Give each request an id that is in every log line and in the answer, and log slow or failed ones."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        token = logs.request_id.set(uuid.uuid4().hex[:12])
        request.id = logs.request_id.get()  # type: ignore[attr-defined]  # Django writes its line after all middleware
        began = time.perf_counter()
        try:
            response = get_response(request)
            spent = (time.perf_counter() - began) * 1000
            response["X-Request-ID"] = logs.request_id.get()
            response["Server-Timing"] = f"app;dur={spent:.1f}"
            if response.status_code >= 500 or spent > 1000:
                log.warning("slow or failed", extra={"path": request.path, "status": response.status_code,
                                                     "ms": round(spent)})
            return response
        finally:
            logs.request_id.reset(token)

    return middleware


def security_headers(get_response: Handler) -> Handler:
    """Set the content security policy and its companions on every answer."""
    tiles = settings.TILE_URL.split("/{")[0].split("/", 3)[:3] if settings.TILE_URL else []
    policy = "; ".join([
        "default-src 'self'",
        f"script-src 'self' {html.import_map_hash()}".strip(),
        "style-src 'self'",
        f"img-src 'self' data: blob: {'/'.join(tiles)}".strip(),
        f"connect-src 'self' {'/'.join(tiles)}".strip(),
        "media-src 'self' blob:", "worker-src 'self'", "object-src 'none'", "base-uri 'none'",
        "frame-ancestors 'none'", "form-action 'self'",
    ])
    fixed = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(self)",
    }
    if settings.HTTPS:
        fixed["Strict-Transport-Security"] = "max-age=31536000"

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in fixed.items():
            response.headers.setdefault(name, value)
        return response

    return middleware


def language(get_response: Handler) -> Handler:
    """Speak Chinese unless the visitor chose English; never guess from the browser."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        with translation.override("en" if chosen == "en" else "zh-hans"):
            return get_response(request)

    return middleware


def probes(get_response: Handler) -> Handler:
    """Answer those who ask whether we live, whatever Host they name: balancers ask by address."""
    doors: dict[str, Handler] = {"/livez": views.livez, "/healthz": views.healthz}

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return doors.get(request.path, get_response)(request)

    return middleware


def plain_errors(get_response: Handler) -> Handler:
    """Say a bare refusal in words, as a page or, to a machine, as JSON: Django's own 405 is empty."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        bare = not response.streaming and response.headers.get("Content-Type") != "application/json"
        if response.status_code == 405 and bare:
            said = views.error(request, 405, _("这个地址不能这样打开。"))
            said.headers["Allow"] = response.headers.get("Allow", "")
            return said
        return response

    return middleware


def refuse_large(get_response: Handler) -> Handler:
    """Refuse a body that no form of ours can have, before it is read."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        limits = {"/api/": settings.API_BODY, "/open311/": settings.OPEN311_BODY}
        limit = next((n for start, n in limits.items() if request.path.startswith(start)), settings.FORM_BODY)
        length = request.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > limit:
            return views.error(request, 413, _("提交的内容太大，最多 {size} MB。").format(size=limit >> 20))
        return get_response(request)

    return middleware


def refuse_nul(get_response: Handler) -> Handler:
    """Refuse the character that nobody can type and no text column holds, wherever it stands."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if _has_nul(request):
            return views.error(request, 400, _("提交的内容里有不能用的字符。"))
        return get_response(request)

    return middleware


def _has_nul(request: HttpRequest) -> bool:
    api = request.path.startswith("/api/")
    if api and rb"\u0000" in request.body:
        return True
    texts = [request.path_info, *(request.COOKIES.values() if request.META.get("HTTP_COOKIE") else ())]
    asked = [request.GET] if request.META.get("QUERY_STRING") else []
    for form in asked if api else [*asked, request.POST]:
        texts += [text for name, values in form.lists() for text in (name, *values)]
    return any("\0" in text for text in texts)


def sessions(get_response: Handler) -> Handler:
    """End a session that nobody used for too long; lead one that lacks its second factor to where it is set up."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        found = request.user
        request.user = SimpleLazyObject(lambda: _of_session(request, found))  # type: ignore[assignment]
        return get_response(request)

    def process_view(request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponseBase | None:
        rule = getattr(view, "access", None)
        if rule is None or rule.kind in ("public", "token", "demo") or request.path.startswith("/account/"):
            return None
        if request.user.is_authenticated and request.session.get("enrol"):
            if request.headers.get("HX-Request"):
                return HttpResponse(status=204, headers={"HX-Redirect": reverse("account:home")})
            return redirect("account:home")
        return None

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def _of_session(request: HttpRequest, found: Any) -> Any:
    if not found.is_authenticated or account.seen(request):
        return found
    request.idled = True  # type: ignore[attr-defined]  # the page to sign in says why
    return AnonymousUser()


def standing(get_response: Handler) -> Handler:
    """Say who is asking: `request.standing`, looked up once when first needed."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        request.standing = SimpleLazyObject(lambda: org.standing(request.user))  # type: ignore[attr-defined]
        return get_response(request)

    return middleware


def refuse_undeclared(get_response: Handler) -> Handler:
    """Refuse a view that does not say who may call it: forgetting must fail closed."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    def process_view(request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> None:
        if not hasattr(view, "access"):
            raise ImproperlyConfigured(f"{request.path} does not declare who may call it")

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware
