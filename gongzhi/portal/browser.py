"""What this browser remembers of its visitor, in signed cookies and nowhere else."""

from typing import Any

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse

from gongzhi.requests import access as doors
from gongzhi.requests import queries as matters
from gongzhi.requests.models import Request

MINE, DEVICE, PLACE = "mine", "device", "place"  # own matters, a random mark for 我也遇到, own place
REMEMBERED = 5  # own matters on the home page
HALF_A_YEAR = 180 * 86400


def get(request: HttpRequest, name: str, default: Any) -> Any:
    """Read a signed cookie; the default where it is missing or not ours."""
    try:
        return signing.loads(request.COOKIES.get(name, ""), salt=name)
    except signing.BadSignature:
        return default


def put(response: HttpResponse, name: str, value: Any) -> None:
    """Write a signed cookie."""
    response.set_cookie(name, signing.dumps(value, salt=name), max_age=HALF_A_YEAR, samesite="Lax", httponly=True,
                        secure=settings.HTTPS)


def remember(request: HttpRequest, response: HttpResponse, code: str, secret: str) -> None:
    """Keep a matter in this browser's list of its own, the newest first."""
    others = [pair for pair in get(request, MINE, []) if pair[0] != code]
    put(response, MINE, [[code, secret], *others][:REMEMBERED])


def own_matters(request: HttpRequest) -> list[Request]:
    """List the matters this browser reported or opened, the newest first."""
    return [found for pair in get(request, MINE, []) if (found := _remembered(pair))]


def own_spot(request: HttpRequest) -> matters.Spot | None:
    """Give the place this browser chose as its own."""
    place_id = get(request, PLACE, None)
    return matters.spot_of(place_id) if isinstance(place_id, int) else None


def _remembered(pair: list[str]) -> Request | None:
    try:
        return doors.by_secret(pair[0], pair[1])
    except Http404:
        return None
