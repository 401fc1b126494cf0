"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from gongzhi.desk import undo
from gongzhi.desk import views as desk
from gongzhi.notify import queries as notices
from gongzhi.org.rules import NOBODY
from gongzhi.site import queries, setup_views


def page(request: HttpRequest) -> dict[str, Any]:
    """Give templates the person, the city's names, the demo mark and the elder mode."""
    standing = getattr(request, "standing", None)
    return {
        "standing": standing,
        "n_unread": SimpleLazyObject(lambda: notices.waiting(standing)),
        "city": settings.CITY_NAME,
        "hotline": settings.HOTLINE,
        "filing_number": settings.FILING_NUMBER,
        "demo": settings.GONGZHI_DEMO,
        "desk_side": SimpleLazyObject(lambda: desk.side(request) if standing and standing.person_id else {}),
        "undo": SimpleLazyObject(lambda: undo.last(request) if standing and standing.person_id else None),
        "setup_menu": SimpleLazyObject(lambda: setup_views.menu(request.path, standing or NOBODY)),
        "pouring": SimpleLazyObject(queries.pouring) if settings.GONGZHI_DEMO else None,
        "elder": request.COOKIES.get("elder") == "1",
        "language": request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "zh-hans"),
        "path": request.get_full_path(),
    }
