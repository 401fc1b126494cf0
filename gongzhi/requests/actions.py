"""Every write about requests that is not an act of their process."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from gongzhi.base import chinese, clock, codes, crypto, files, worktime
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case
from gongzhi.log import actions as log
from gongzhi.notify import actions as notify
from gongzhi.notify import queries as notices
from gongzhi.places import index
from gongzhi.places.index import Found
from gongzhi.requests import access, classify, defaults, intake, queries, rules
from gongzhi.requests.models import Answer, Category, Default, Message, Opening, Rating, Request, Supporter

WORDS_LIMIT = 5000
ADDRESS_LIMIT = 160
CALLS_SHOWN = 10  # earlier matters of a caller
LINKS_A_DAY = 3  # how often the link is texted again (default, no source)


@dataclass
class Report:
    """What somebody reports. One of words, voice, photos is enough; `photos` and `voice` are raw bytes.

    Only a clerk leaves the point out: a question answered at once may concern no particular place.
    """

    lon: float | None
    lat: float | None
    words: str = ""
    photos: list[bytes] = field(default_factory=list)
    voice: bytes | None = None
    address: str = ""
    compound_id: int | None = None
    phone: str = ""
    name: str = ""
    kind: str = ""
    channel: str = "portal"
    on_behalf: bool = False
    suggested: Category | None = None  # what the reporter chose from the list, if he did; a dispatcher still decides
    submitted_key: str | None = None
    theirs: rules.Theirs | None = None  # of a matter that another house sends
    area: Found | None = None  # where it lies as far as is known, if nobody knows the point yet


@dataclass(frozen=True)
class Receipt:
    """What the reporter takes along: the code, the secret of the link, the deadline and whether it was new."""

    case_id: int
    code: str
    secret: str
    due_at: datetime
    is_new: bool = True


def report(given: Report, *, by: Actor) -> Receipt:
    """Take in a report; raise Faults by field. The same form sent twice by the same sender opens one case."""
    phone = _check(given)
    found = _located(given, by)
    if found is None:
        raise Faults({"place": _("这个地点不在本区范围内，请重新选择。")})
    key = _key(given, by)
    draft = _draft(given, found, phone, by, key)
    if given.submitted_key is None and not given.photos and given.voice is None:
        case_id, code, due_at = intake.write(draft)  # one statement is its own transaction
        return Receipt(case_id, code, draft.values["secret"], due_at)
    try:
        with transaction.atomic():
            attachments = _store(given)
            case_id, code, due_at = intake.write(draft)
            for attachment in attachments:
                attachment.case_id = case_id
                attachment.save()
    except IntegrityError as fault:
        return _sent_before(key, fault)
    return Receipt(case_id, code, draft.values["secret"], due_at)


def _located(given: Report, by: Actor) -> Found | None:
    """Find the grid of the point; a matter of no place lies in the area of the clerk who takes it in."""
    if given.lon is not None and given.lat is not None:
        return index.locate(given.lon, given.lat)
    if given.area is not None:
        return given.area
    held = by.standing.held
    return next((Found(h.place_id, h.place_path) for h in held if h.post == "operator" and h.place_id), None)


def _check(given: Report) -> str:
    """Raise Faults for what is wrong; return the phone's national digits."""
    faults = {}
    phone = rules.phone_digits(given.phone) if given.phone else ""
    given.words = given.words.replace("\x00", "").strip()
    if not (given.words or given.photos or given.voice):
        faults["words"] = _("请写几句话、说一段话或拍张照片，有一样就行。")
    if len(given.words) > WORDS_LIMIT:
        faults["words"] = _("最多写 {n} 个字，现在是 {m} 个字。").format(n=WORDS_LIMIT, m=len(given.words))
    if len(given.address) > ADDRESS_LIMIT:
        faults["address"] = _("地址最多 {n} 个字。").format(n=ADDRESS_LIMIT)
    if given.phone and not phone:
        faults["phone"] = _("电话号码不对，请检查；也可以不留。")
    if len(given.photos) > 6:
        faults["photos"] = _("最多 6 张照片。")
    if len(given.name) > 40:
        faults["name"] = _("称呼最多 40 个字。")
    if given.kind and given.kind not in rules.KINDS:
        faults["kind"] = _("请选诉求类型。")
    if faults:
        raise Faults(faults)
    return phone


def _key(given: Report, by: Actor) -> str | None:
    """Bind the key of a form to what it says and who sends it: to nobody else does it give the case it opened."""
    if given.submitted_key is None:
        return None
    said = [by.line, given.channel, given.submitted_key, given.words, given.address, given.phone, given.name, given.kind,
            given.lon, given.lat, given.compound_id, given.on_behalf,
            *(hashlib.sha256(file).hexdigest() for file in [*given.photos, given.voice or b""]),
            *([given.suggested.code] if given.suggested else [])]
    return crypto.blind(json.dumps(said)).hex()[:40]


def _draft(given: Report, found: Found, phone: str, by: Actor, key: str | None) -> intake.Draft:
    category = given.suggested or _guessed(given.words)
    standard, source = (category.limit, category.limit_source) if category else defaults.standard()
    return intake.Draft(
        place_id=found.place_id, path=list(found.path), lon=given.lon, lat=given.lat,
        title=_title(given), kind=given.kind or defaults.kind_of(given.words), channel=given.channel,
        origin="staff" if by.kind == "person" and given.channel == "grid" and not given.on_behalf else "resident",
        standard=standard, standard_source=source, actor=by.line, opened_by=by.person_id,
        urgent=bool(category and category.urgent), suggested=category.pk if category else None,
        theirs=given.theirs or rules.Theirs(""), fields=_fields(given),
        values={
            "words": given.words, "address": given.address.strip(), "compound": given.compound_id,
            "secret": codes.new_secret(), "phone": crypto.seal(phone), "phone_index": crypto.blind(phone),
            "phone_tail": crypto.blind("tail:" + phone[-4:]) if phone else b"",
            "caller_name": crypto.seal(given.name.strip()), "on_behalf": given.on_behalf,
            "tokens": chinese.bigrams(f"{given.words} {given.address}"), "submitted_key": key,
        },
    )


def _fields(given: Report) -> dict[str, Any]:
    """Say what the case knows from the start: that its reporter asked not to be named, that its point is yet to be found."""
    secret = {"hide_reporter": True, "asked_secrecy": True} if given.theirs and given.theirs.secret else {}
    return secret | ({"unplaced": True} if given.area is not None and given.lon is None else {})


def _guessed(words: str) -> Category | None:
    guesses = classify.guess(words, 1)
    return classify.category(guesses[0].code) if guesses else None


def _title(given: Report) -> str:
    return rules.title(given.words) or (_("（录音）") if given.voice else _("（照片）"))


def _store(given: Report) -> list[Attachment]:
    stored = [Attachment(file=files.store_photo(data).stored, kind="photo", original=True) for data in given.photos]
    if given.voice is not None:
        stored.append(Attachment(file=files.store_voice(given.voice), kind="voice", original=True))
    return stored


def _sent_before(key: str | None, fault: IntegrityError) -> Receipt:
    same = Request.objects.select_related("case").filter(submitted_key=key).first() if key else None
    if same is None or same.case.due_at is None:
        raise fault
    return Receipt(same.pk, same.case.code, same.secret, same.case.due_at, is_new=False)


@transaction.atomic
def join(case: Case, *, device: str, phone: str = "") -> Supporter:
    """Say 我也遇到 on an open case: one browser counts once; whoever left a phone is told of progress, never listed."""
    if phone and not rules.phone_digits(phone):
        raise Faults({"phone": _("电话号码不对，请检查；也可以不留。")})
    supporter, new = Supporter.objects.get_or_create(
        case=case, device=crypto.blind("device:" + device),
        defaults={"phone": crypto.seal(rules.phone_digits(phone)) if phone else b"", "secret": codes.new_secret()},
    )
    if new:
        flow.act(case.pk, "support", by=Actor("anyone"))
    elif phone:
        leave_phone(supporter, phone)
    return supporter


def leave_phone(supporter: Supporter, phone: str) -> None:
    """Leave a number with one 我也遇到, to be told of progress."""
    if not rules.phone_digits(phone):
        raise Faults({"phone": _("电话号码不对，请检查；也可以不留。")})
    supporter.phone = crypto.seal(rules.phone_digits(phone))
    supporter.save(update_fields=["phone"])


def _not_recused(case: Case, by: Actor) -> None:
    if set(case.about_units) & by.standing.lineage:
        raise Refused(_("没有找到这件事。"), code="missing")


@transaction.atomic
def say(case: Case, words: str, *, by: Actor) -> Message:
    """Write a message between the reporter and the handlers, also after the case is closed."""
    _not_recused(case, by)
    words = words.replace("\x00", "").strip()
    if not words:
        raise Faults({"words": _("请写点什么再发送。")})
    if len(words) > 1000:
        raise Faults({"words": _("最多写 {n} 个字，现在是 {m} 个字。").format(n=1000, m=len(words))})
    unit = by.unit_in(set(case.unit_ids)) if by.kind == "person" else None
    message = Message.objects.create(
        case=case, from_reporter=by.kind == "reporter", person_id=by.person_id, unit_id=unit, words=words,
    )
    log.append("request.message", actor=by.line, subject=("case", case.pk), places=case.path,
               data={"message": message.pk, "from_reporter": message.from_reporter})
    return message


@transaction.atomic
def open_guarded(case: Case, what: str, purpose: str, *, by: Actor) -> Opening:
    """Open the `original` of a complaint or a `phone` number: with a purpose, a log line, and the reporter sees it."""
    may = {"original": access.may_ask_original, "phone": access.may_ask_phone}[what]
    if by.person_id is None or not may(by.standing, case):
        raise Refused(_("没有找到这件事。"), code="missing")
    purpose = purpose.replace("\x00", "").strip()
    if len(purpose) < 4:
        raise Faults({"purpose": _("请写明查看的目的（至少 4 个字），诉求人可以看到。")})
    opening = Opening.objects.create(case=case, person_id=by.person_id, what=what, purpose=purpose[:200])
    log.append("person.view", actor=by.line, subject=("case", case.pk), places=case.path,
               data={"what": what, "opening": opening.pk})
    return opening


@transaction.atomic
def change_rating(case: Case, *, solved: str, satisfied: int, said: str, by: Actor) -> Rating:
    """Change a rating once given: the first values stay, and both count publicly (改评, rights 4.4).

    The hotline does it for one who asks by phone; he is told, so that nobody changes it behind his back (rights 4.11).
    """
    rating = Rating.objects.select_for_update().filter(case=case).first()
    if rating is None or not _speaks(case, by):
        raise Refused(_("还没有评价可以修改。"))
    if not queries.may_change(case):
        raise Refused(_("归档超过 %(n)s 天，评价不能再改。") % {"n": queries.CHANGE_DAYS})
    if solved not in rules.SOLVED or satisfied not in rules.SATISFACTION:
        raise Faults({"satisfied": _("请选择是否解决和满意程度。")})
    rating.solved, rating.satisfied, rating.said, rating.changed_at = solved, satisfied, said[:1000], clock.now()
    rating.save()
    log.append("request.rerate", actor=by.line, subject=("case", case.pk), places=case.path,
               data={"solved": solved, "satisfied": satisfied, **_on_behalf(by)})
    return rating


@transaction.atomic
def press_reported(case: Case, *, by: Actor) -> None:
    """有人要求我改评价: tell the supervising level (rights 4.4)."""
    if not _speaks(case, by) or not Rating.objects.filter(case=case).exists():
        raise Refused(_("没有找到这件事。"), code="missing")
    log.append("request.pressed", actor=by.line, subject=("case", case.pk), places=case.path, data=_on_behalf(by))


def _speaks(case: Case, by: Actor) -> bool:
    if by.kind == "reporter":
        return by.case_id == case.pk
    return by.kind == "person" and access.may_speak_for(by.standing, case)


def _on_behalf(by: Actor) -> dict[str, Any]:
    return {"on_behalf": True} if by.kind == "person" else {}


@transaction.atomic
def resend_link(request: Request) -> None:
    """Text the link once more to the phone that was left, a few times a day at most; nothing where none was left."""
    code, day = request.case.code, clock.today()
    keys = [f"link:{request.pk}:{day}:{n}" for n in range(LINKS_A_DAY)]
    free = next((key for key in keys if key not in notices.told(keys)), None)
    if free:
        link = f"{settings.BASE_URL}/r/{code}/{request.secret}/"
        notify.tell_phone(request.phone, template="request.again", values={"code": code, "link": link},
                          about=("case", request.pk), key=free)


@transaction.atomic
def take_call(given: Report, form: dict[str, Any], *, by: Actor, files: list[Attachment] | None = None) -> Receipt:
    """Register a call and accept it in one go, as the clerk does with the caller on the line."""
    receipt = report(given, by=by)
    if receipt.is_new:
        action = form.pop("action", "accept")
        flow.act(receipt.case_id, action, by=by, form=form, files=files)
    return receipt


@transaction.atomic
def look_up(phone: str, *, since: datetime, by: Actor) -> list[Request]:
    """Find what a caller reported since a day, for the clerk on the line: each look-up writes a line (rights 4.3).

    The line holds which cases were shown, so that "who looked at me" has an answer.
    """
    digits = rules.phone_digits(phone)
    if not digits:
        raise Faults({"phone": _("电话号码不对，请检查；也可以不留。")})
    if not by.standing.holds("operator"):
        raise Refused(_("只有坐席员可以按号码查来电。"), code="missing")
    found = list(queries.of_caller(by.standing, digits).filter(reported_at__gte=since)[:CALLS_SHOWN])
    log.append("person.lookup", actor=by.line, subject=("person", None),
               data={"n": len(found), "cases": [r.pk for r in found]})
    return found


@transaction.atomic
def write_answer(answer: Answer, *, by: Actor) -> Answer:
    """Keep an entry of the knowledge base, new or changed, with its source and date."""
    faults = {}
    for name, title, most in (("title", _("标题"), 120), ("words", _("答复"), 2000), ("source", _("来源"), 160)):
        value = getattr(answer, name).replace("\x00", "").strip()
        setattr(answer, name, value)
        if not value:
            faults[name] = _("请填写{title}。").format(title=title)
        elif len(value) > most:
            faults[name] = _("{title}最多 {n} 个字，现在是 {m} 个字。").format(title=title, n=most, m=len(value))
    if answer.source_date is None:
        faults["source_date"] = _("请填写来源的日期，例如 2026-03-01。")
    elif answer.source_date > clock.today():
        faults["source_date"] = _("来源的日期不能晚于今天。")
    if len(answer.keywords) > 20 or any(len(k) > 20 for k in answer.keywords):
        faults["keywords"] = _("最多 20 个关键词，每个最多 20 个字。")
    if faults:
        raise Faults(faults)
    answer.tokens = chinese.bigrams(f"{answer.title} {' '.join(answer.keywords)} {answer.words}")
    new = answer.pk is None
    answer.save()
    log.append("knowledge.write", actor=by.line, subject=("answer", answer.pk), data={"new": new})
    return answer


@transaction.atomic
def set_default(name: str, value: str, source: str, *, by: Actor) -> Default:
    """Say what stands instead of one of our defaults, with its source; raise Faults by field."""
    assert by.person_id is not None
    known, before = defaults.KNOWN[name], defaults.text(name)
    value = "\n".join(line.strip() for line in value.replace("\x00", "").splitlines() if line.strip())
    source = _sourced(source, _wrong_default(known, value))
    row, _new = Default.objects.update_or_create(name=name, defaults={
        "value": value, "source": source, "changed_by_id": by.person_id, "changed_at": clock.now()})
    log.append("default.write", actor=by.line, subject=("default", row.pk),
               data={"name": name, "before": before, "after": value, "source": source})
    transaction.on_commit(defaults.forget)
    return row


@transaction.atomic
def set_limit(category: Category, limit: str, source: str, *, by: Actor) -> None:
    """Say what time limit a category has in this city, with its source; raise Faults by field. Open matters keep theirs."""
    source, before = _sourced(source, _wrong_duration(limit)), category.limit
    category.limit, category.limit_source = limit, source
    category.staged_limits = rules.restaged(category.staged_limits, limit)
    category.save(update_fields=["limit", "limit_source", "staged_limits"])
    log.append("category.limit", actor=by.line, subject=("category", category.pk),
               data={"code": category.code, "before": before, "after": limit, "source": source})
    transaction.on_commit(classify.forget)


def _sourced(source: str, wrong: str) -> str:
    """Give the source of a value, clean; raise Faults where it is missing, or where the value is wrong."""
    source = source.replace("\x00", "").strip()
    faults = {"value": wrong} if wrong else {}
    if not source or len(source) > 160:
        faults["source"] = _("请写明依据，最多 160 个字；没有依据就写“本市规定”和日期。")
    if faults:
        raise Faults(faults)
    return source


def _wrong_duration(text: str) -> str:
    try:
        worktime.parse_duration(text)
    except ValueError:
        return _("请填 1 以上的整数，再选单位；最长十年。")
    return ""


def _wrong_default(known: defaults.Known, value: str) -> str:
    """Say what is wrong with a value for a default; "" if nothing is."""
    if not value or len(value) > 2000:
        return _("请填写，最多 {n} 个字。").format(n=2000)
    if known.kind == "number" and not (value.isascii() and value.isdecimal() and 1 <= int(value) <= 10_000):
        return _("请填 1 到 10000 的整数。")
    if known.kind == "yes" and value not in (defaults.YES, defaults.NO):
        return _("请选是或否。")
    if known.kind == "duration":
        return _wrong_duration(value)
    if known.kind == "text" and (missing := [g for g in known.gaps if "{" + g + "}" not in value]):
        return _("要留着空位 {gaps}，用的时候填。").format(gaps=" ".join("{" + g + "}" for g in missing))
    return ""
