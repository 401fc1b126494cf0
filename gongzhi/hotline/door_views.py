"""The door of hotlines: POST /hotline/v1/orders, JSON, signed. It says at once what became of a message."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from gongzhi.base import clock, crypto
from gongzhi.base.access import access
from gongzhi.base.errors import Refused
from gongzhi.hotline import arrivals, forms, process, queries, rules
from gongzhi.hotline.models import Source
from gongzhi.hotline.rules import Told
from gongzhi.requests import defaults


@csrf_exempt  # no cookie opens anything here
@access("public")
def orders(request: HttpRequest) -> HttpResponse:
    """Take in an order, or a further message about one."""
    if request.method != "POST":
        answer = _say(405, "refused", _("这个地址只收 POST。"))
        answer["Allow"] = "POST"
        return answer
    source = _signed(request)
    if source is None:
        return _say(401, "refused", _("签名、时间或来源标识不对。"))
    try:
        given = forms.read(request.body, source.names_in)
    except Refused as fault:
        return _say(400, "faulty", fault.sentence)
    given.setdefault("id", request.headers.get("webhook-id", "")[:80])
    return _told(arrivals.receive(source, given))


def _signed(request: HttpRequest) -> Source | None:
    """Find the hotline whose key signed a request, not long ago."""
    head = request.headers
    source, stamp = queries.by_key(head.get("hotline-key", "")), head.get("webhook-timestamp", "")
    if source is None or not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 12):
        return None
    if abs(clock.now().timestamp() - int(stamp)) > timedelta(minutes=defaults.number(process.WINDOW)).total_seconds():
        return None
    right = rules.sign(crypto.open_sealed(source.secret), head.get("webhook-id", ""), stamp, request.body)
    return source if any(constant_time_compare(right, given) for given in head.get("webhook-signature", "").split()) else None


def _told(told: Told) -> HttpResponse:
    """Answer 200 for what is settled, 202 for what waits for its order, 422 for what is wrong in it."""
    status = {"faulty": 422, "parked": 202}.get(told.state, 200)
    return _say(status, told.state, told.said, code=told.code, again=told.again, faults=dict(told.faults))


def _say(status: int, result: str, said: str, **more: object) -> HttpResponse:
    body = {"result": result, "said": said, **{name: value for name, value in more.items() if value}}
    return JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
