"""The JSON API at /api/v1/: the same actions and the same refusals as the pages."""

import base64
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from django.conf import settings
from django.db.models import F, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Query, Router, Status
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import HttpBearer

from gongzhi.account import actions as account
from gongzhi.account import passwords
from gongzhi.api import reasons, schemas
from gongzhi.base import clock, files, limits
from gongzhi.base.access import access
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import access as flow_access
from gongzhi.flow import actions as flow
from gongzhi.flow import deadlines, offers, queries, registry
from gongzhi.flow.actors import Actor
from gongzhi.flow.actors import person as acting
from gongzhi.flow.actors import reporter as reporting
from gongzhi.flow.models import Attachment, Case, Task
from gongzhi.org import actions as org_actions
from gongzhi.org import queries as org
from gongzhi.org.models import Unit
from gongzhi.org.rules import Standing
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.requests import access as requests_access
from gongzhi.requests import actions as requests
from gongzhi.requests import classify, defaults, rules
from gongzhi.requests import queries as requests_queries

TOKEN_LIFE = timedelta(hours=12)
PAGE = 100


class Bearer(HttpBearer):
    """Read `Authorization: Bearer …`: of a person (POST token) or, for reporting, of a machine (`gongzhi apikey`)."""

    def authenticate(self, request: HttpRequest, token: str) -> Standing | None:
        person = org.person_of_token(token)
        return org.standing(person) if person else None


api = NinjaAPI(title="共治 gongzhi", version="1", docs_url=None, urls_namespace="api", openapi_url="/openapi.json")
public, staff = Router(tags=["公众"]), Router(auth=Bearer(), tags=["工作人员"])
ERRORS = {401: schemas.Refusal, 403: schemas.Refusal, 404: schemas.Refusal, 409: schemas.Refusal, 422: schemas.Refusal}


# Public ---------------------------------------------------------------------------------------------------------------


@public.post("/reports", response={201: schemas.ReceiptOut, 422: schemas.Refusal, 429: schemas.Refusal})
def report(request: HttpRequest, given: schemas.ReportIn) -> Any:
    """Report a matter. No sign-in; a machine's key lifts the rate limit."""
    by = _machine(request)
    if by is None:
        if not limits.allow("report", limits.address(request), per_minute=30, burst=60):
            return Status(429, {"detail": _("提交太频繁，请过一分钟再试。"), "code": "rate"})
        by = Actor("anyone")
    receipt = requests.report(_report(given), by=by)
    link = f"{settings.BASE_URL}/r/{receipt.code}/{receipt.secret}/"
    answer = {"code": receipt.code, "secret": receipt.secret, "due_at": receipt.due_at, "link": link,
              "is_new": receipt.is_new}
    return JsonResponse(answer, status=201)  # not through its schema: of all doors this one must be fast


def _report(given: schemas.ReportIn) -> requests.Report:
    compound = places.by_code(given.place) if given.place else None
    if given.place and compound is None:
        raise Faults({"place": _("没有这个地点编码。")})
    if compound and compound.kind not in requests_queries.FINE:
        raise Faults({"place": _("这个编码范围太大：请给小区编码，或经纬度。")})
    lon, lat = (given.lon, given.lat) if compound is None else (compound.lon, compound.lat)
    if lon is None or lat is None:
        raise Faults({"place": _("请给出地点：经纬度或小区编码。")})
    return requests.Report(
        lon, lat, words=given.words, address=given.address, phone=given.phone, name=given.name, kind=given.kind,
        photos=[base64.b64decode(p) for p in given.photos], voice=base64.b64decode(given.voice) or None, channel="api",
        compound_id=compound.pk if compound and compound.kind == "compound" else None, submitted_key=given.submitted_key,
    )


@public.get("/reports/{code}", response={200: schemas.StatusOut, 404: schemas.Refusal})
def report_status(request: HttpRequest, code: str, secret: str) -> Any:
    """Tell how a report stands, to whoever has its secret."""
    found = requests_access.by_secret(code, secret)
    case = found.case
    state = requests_queries.public_state(case)
    lead = Unit.objects.filter(pk=case.fields.get("lead")).first()
    entries = requests_queries.entries_for(None, case)
    process = queries.definition(case.version_id)
    titles = {a.name: a.title for _s, a in process.all_actions()} | {v.name: v.title for v in process.verbs.values()}
    return {
        "code": case.code, "state": state, "state_title": str(rules.PUBLIC_STATES[state]), "title": case.title,
        "handler": lead.name if lead else "", "due_at": case.due_at,
        "rule": rules.time_limit(case.standard, case.standard_source), "opened_at": case.opened_at,
        "steps": [{"at": e.at, "title": titles.get(e.action, e.action),
                   "words": str(e.values.get("reply") or e.values.get("answer") or e.values.get("told")
                                or e.values.get("explanation") or e.values.get("reason") or "")} for e in entries],
    }


@public.post("/reports/{code}/actions/{action}", response={200: schemas.ActedOut, **ERRORS})
def act_as_reporter(request: HttpRequest, code: str, action: str, secret: str, given: schemas.ReporterActIn) -> Any:
    """Rate, ask to redo, urge, withdraw or add a word, as whoever has the secret of a report."""
    found = requests_access.by_secret(code, secret)
    return _acted(flow.act(found.pk, action, by=reporting(found.pk), form=given.form))


def _rule(case: Case) -> str:
    process = queries.definition(case.version_id)
    return f"{deadlines.rule_words(process.deadline, case)}（{case.standard_source}）"


@public.get("/places/locate", response={200: schemas.LocatedOut, 404: schemas.Refusal})
def locate(request: HttpRequest, lon: schemas.Degrees, lat: schemas.Degrees) -> Any:
    """Tell which grid a point lies in, and who works there."""
    found = index.locate(lon, lat)
    if found is None:
        raise Http404
    nodes = {n.kind: n for n in map(index.node, found.path) if n}
    worker = org.grid_worker(found.place_id)
    return {
        "grid": nodes["grid"].name, "grid_code": nodes["grid"].code, "community": nodes["community"].name,
        "community_code": nodes["community"].code, "street": nodes["street"].name,
        "worker": worker.name if worker else "", "worker_phone": worker.work_phone if worker else "",
    }


@public.post("/token", response={200: schemas.TokenOut, 401: schemas.Refusal, 429: schemas.Refusal})
def token(request: HttpRequest, given: schemas.TokenIn) -> Any:
    """Sign in by user and password; the token lasts twelve hours. Five wrong tries lock the name for a quarter of an hour."""
    if passwords.too_many(request):
        return Status(429, {"detail": _("登录太频繁，请过一分钟再试。"), "code": "rate"})
    name = given.user.strip()
    person, sentence = passwords.check(request, name, given.password)
    if person is None:
        return Status(401, {"detail": sentence, "code": "sign_in"})
    if fault := account.signed_in_by_api(person, given.code):
        return Status(401, {"detail": fault, "code": "second_factor"})
    expires_at = clock.now() + TOKEN_LIFE
    return {"token": org_actions.issue_token(name="api", by=person.pk, person=person, expires_at=expires_at),
            "expires_at": expires_at}


_keys: dict[str, tuple[float, Actor | None]] = {}
KEY_REMEMBERED = 5.0  # seconds a revoked key may still report


def _machine(request: HttpRequest) -> Actor | None:
    kind, _sep, text = request.headers.get("Authorization", "").partition(" ")
    if kind != "Bearer" or not text:
        return None
    seen, actor = _keys.get(text, (0.0, None))
    if actor is None or time.monotonic() - seen > KEY_REMEMBERED:
        key = org.token(text)
        actor = Actor("key", key=key.name) if key and key.person_id is None else None
        if actor:
            _keys[text] = (time.monotonic(), actor)
    return actor


# Staff ----------------------------------------------------------------------------------------------------------------


@staff.get("/tasks", response={200: schemas.TasksOut, **ERRORS})
def tasks(request: HttpRequest, stage: str = "", late: bool | None = None, code: str = "", after: str = "",
          limit: Annotated[int, Query(ge=1, le=PAGE)] = 50) -> Any:
    """My queue, the soonest due first, page by page."""
    rows = queries.queue(_standing(request)).select_related("case__version", "unit")
    if stage:
        rows = rows.filter(stage=stage)
    if code:
        rows = rows.filter(case__code=code)
    if late is not None:
        rows = rows.filter(due_at__lt=clock.now()) if late else rows.exclude(due_at__lt=clock.now())
    if after:
        rows = rows.filter(_behind(after))
    page = list(rows.order_by(F("due_at").asc(nulls_last=True), "pk")[: limit + 1])
    last = page[limit - 1] if len(page) > limit else None
    return {"tasks": [_task(t) for t in page[:limit]],
            "next": f"{last.due_at.isoformat() if last.due_at else ''}|{last.pk}" if last else None}


def _behind(cursor: str) -> Q:
    """Choose what comes after a cursor: due time and number, the time empty where no more tasks have any."""
    due, _sep, last = cursor.partition("|")
    try:
        pk, at = int(last), datetime.fromisoformat(due.replace(" ", "+")) if due else None
        if at and at.tzinfo is None:
            raise ValueError
    except ValueError:
        raise Faults({"after": _("翻页标记不对，请从第一页开始。")}) from None
    return Q(due_at__gt=at) | Q(due_at=at, pk__gt=pk) | Q(due_at=None) if at else Q(due_at=None, pk__gt=pk)


def _task(task: Task) -> dict[str, Any]:
    case = task.case
    return {
        "id": task.pk, "code": case.code, "title": case.title, "kind": task.kind, "stage": task.stage,
        "stage_title": queries.definition(case.version_id).stages[task.stage].title,
        "unit": task.unit.name if task.unit else "", "post": task.post, "due_at": task.due_at,
        "late": bool(task.due_at and task.due_at < clock.now()), "flags": case.flags, "place": requests_queries.where(case),
    }


@staff.get("/cases/{code}", response={200: schemas.CaseOut, **ERRORS})
def case(request: HttpRequest, code: str) -> Any:
    """One case, as far as this person may see it."""
    standing = _standing(request)
    found = flow_access.case(standing, code)
    request_row = found.request
    process = queries.definition(found.version_id)
    original = requests_access.may_read_original(standing, found)
    wanted = [found.fields.get("lead"), *(found.fields.get("helpers") or [])]
    names = dict(Unit.objects.filter(pk__in=[u for u in wanted if u]).values_list("pk", "name"))
    return {
        "code": found.code, "title": found.title, "stage": found.stage, "stage_title": process.stages[found.stage].title,
        "state": found.fields.get("public", ""), "kind": request_row.kind,
        "category": request_row.category.name if request_row.category else "",
        "words": request_row.words if original else request_row.summary, 
        "place": requests_queries.whereabouts(request_row, reads=original),
        "lon": found.lon, "lat": found.lat, "lead": names.get(found.fields.get("lead"), ""),
        "helpers": [names[u] for u in found.fields.get("helpers") or [] if u in names],
        "opened_at": found.opened_at, "due_at": found.due_at, "first_due_at": found.first_due_at, "rule": _rule(found),
        "flags": found.flags, "closed_at": found.closed_at, "outcome": found.outcome,
        "tasks": [_task(t) for t in found.tasks.filter(done_at=None).select_related("case__version", "unit")],
        "entries": [] if standing.is_outside else [
            {"at": e.at, "action": e.action, "unit": e.unit.name if e.unit else "", "state": e.state, "values": e.values}
            for e in requests_queries.entries_for(standing, found)],
    }


@staff.get("/cases/{code}/actions", response={200: list[schemas.ActionOut], **ERRORS})
def case_actions(request: HttpRequest, code: str) -> Any:
    """What I can do with a case now, with each action's fields; a refused one says why."""
    standing = _standing(request)
    return [_offer(o) for o in offers.available(flow_access.case(standing, code), acting(standing))]


def _offer(offer: offers.Offer) -> dict[str, Any]:
    specs = [(f, registry.fields[f.name]) for f in offer.form]
    return {
        "name": offer.name, "title": offer.title, "task_id": offer.task_id, "refused": offer.refused,
        "fields": [{"name": f.name, "title": str(s.title), "kind": s.kind, "required": f.required, "help": str(s.help),
                    "choices": [(v, str(t)) for v, t in s.choices]} for f, s in specs],
    }


@staff.get("/cases/{code}/suggestions", response={200: schemas.SuggestionsOut, **ERRORS})
def suggestions(request: HttpRequest, code: str) -> Any:
    """Suggest categories from the words, and units from catalogue, place and rule, each with its reasons."""
    standing = _standing(request)
    found = flow_access.case(standing, code)
    words = found.request.words if requests_access.may_read_original(standing, found) else found.request.summary
    guesses = classify.guess(words)
    units = requests_queries.suggest_units(found, found.request.category or found.request.suggested)
    return {
        "categories": [{"code": g.code, "name": g.name, "confidence": g.confidence, "because": g.because} for g in guesses],
        "units": [{"id": u.unit_id, "name": u.unit_name, "confidence": u.confidence, "reasons": u.reasons} for u in units],
    }


@staff.post("/tasks/{int:task_id}/actions/{action}", response={200: schemas.ActedOut, **ERRORS})
def act_on_task(request: HttpRequest, task_id: int, action: str, given: schemas.ActIn) -> Any:
    """Take an action on one of my tasks."""
    standing = _standing(request)
    task = flow_access.task(standing, task_id)
    return _acted(flow.act(task.case_id, action, by=acting(standing), form=given.form, task_id=task.pk,
                           stage=given.stage, files=_files(given)), given.form)


@staff.post("/cases/{code}/actions/{action}", response={200: schemas.ActedOut, **ERRORS})
def act_on_case(request: HttpRequest, code: str, action: str, given: schemas.ActIn) -> Any:
    """Take an action that needs no task of mine, such as supervising."""
    standing = _standing(request)
    found = flow_access.case(standing, code)
    return _acted(flow.act(found.pk, action, by=acting(standing), form=given.form, stage=given.stage,
                           files=_files(given)), given.form)


def _acted(case: Case, form: dict[str, Any] | None = None) -> dict[str, Any]:
    title = queries.definition(case.version_id).stages[case.stage].title
    return {"code": case.code, "stage": case.stage, "stage_title": title, "closed": case.closed_at is not None,
            "warnings": list(filter(None, [defaults.warning(defaults.empty_in(form or {}))]))}


def _files(given: schemas.ActIn) -> list[Attachment]:
    stored = [Attachment(file=files.store_photo(base64.b64decode(p)).stored, kind="photo") for p in given.photos]
    return stored + [Attachment(file=files.store_document(base64.b64decode(d)), kind="document")
                     for d in given.documents]


def _standing(request: HttpRequest) -> Standing:
    standing: Standing = request.auth  # type: ignore[attr-defined]
    return standing


# Refusals and the doors ------------------------------------------------------------------------------------------------


@api.exception_handler(Faults)
def _on_faults(request: HttpRequest, fault: Faults) -> HttpResponse:
    return _refuse(request, 422, str(fault), "faults", fault.faults)


@api.exception_handler(Refused)
def _on_refused(request: HttpRequest, fault: Refused) -> HttpResponse:
    status = 404 if fault.code == "missing" else 422 if fault.field else 409
    return _refuse(request, status, fault.sentence, fault.code, {fault.field: fault.sentence} if fault.field else {})


@api.exception_handler(Http404)
def _on_missing(request: HttpRequest, fault: Http404) -> HttpResponse:
    return _refuse(request, 404, _("没有找到，可能不存在，或不归您查看。"), "missing")


@api.exception_handler(AuthenticationError)
def _on_stranger(request: HttpRequest, fault: AuthenticationError) -> HttpResponse:
    return _refuse(request, 401, _("请先登录，或带上有效的令牌。"), "token")


@api.exception_handler(ValidationError)
def _on_invalid(request: HttpRequest, fault: ValidationError) -> HttpResponse:
    faults = {_field(e["loc"]): reasons.say(e) for e in fault.errors}
    return _refuse(request, 422, _("提交的内容格式不对。"), "faults", faults)


def _field(path: Sequence[Any]) -> str:
    """Name the field a fault is about: the last word of its path, without the places in lists."""
    return next((str(part) for part in reversed(path) if not isinstance(part, int)), "")


@api.exception_handler(HttpError)
def _on_unreadable(request: HttpRequest, fault: HttpError) -> HttpResponse:
    return _refuse(request, fault.status_code, _("提交的内容不是能读的 JSON。"), "json")


def _refuse(request: HttpRequest, status: int, detail: str, code: str,
            faults: dict[str, str] | None = None) -> HttpResponse:
    return api.create_response(request, {"detail": detail, "code": code, "faults": faults or {}}, status=status)


@access("public")
def docs(request: HttpRequest) -> HttpResponse:
    """Show the API as a page, from its own OpenAPI description."""
    return render(request, "api/docs.html", {"spec": api.get_openapi_schema()})


api.add_router("", public)
api.add_router("", staff)
