"""Every view says who may: `@access("public")`, `@access("staff")`, `@access("post", "operator", "dispatcher")`.

The middleware refuses a view that says nothing, and a test walks all URLs as every role and as a stranger.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

View = Callable[..., HttpResponseBase]
KINDS = {"public", "staff", "post", "demo", "token"}


@dataclass(frozen=True)
class Access:
    """Who may call a view: everybody, anybody who holds a post today, holders of certain posts, or the demo only.

    `token` is said of API doors, which check the bearer token themselves.
    """

    kind: str
    posts: tuple[str, ...] = ()


def access(kind: str, *posts: str) -> Callable[[View], View]:
    """Declare and enforce who may call a view."""
    if kind not in KINDS or (kind == "post") != bool(posts):
        raise ValueError(f"access({kind!r}, {posts!r})")

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return refusal(request, guarded.access) or view(request, *args, **kwargs)  # type: ignore[attr-defined]

        guarded.access = Access(kind, posts)  # type: ignore[attr-defined]
        return guarded

    return decorate


def refusal(request: HttpRequest, rule: Access) -> HttpResponse | None:
    """Answer with a sign-in page or a refusal, or None where the caller may go on."""
    if rule.kind == "public" or (rule.kind == "demo" and settings.GONGZHI_DEMO):
        return None
    if not request.user.is_authenticated:
        return _ask_to_sign_in(request)
    standing = request.standing  # type: ignore[attr-defined]
    if rule.kind == "demo" or not standing.posts or (rule.posts and not standing.posts & set(rule.posts)):
        raise PermissionDenied
    return None


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": "请先登录，或带上有效的令牌。"}, status=401)
    idle = "idle=1&" if getattr(request, "idled", False) else ""
    target = f"{reverse('site:sign_in')}?{idle}next={request.get_full_path()}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return redirect(target)
