"""The forms of acts, generated from the process: what to draw for an offer, and what came back, for every surface."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from gongzhi.base import clock, files, worktime
from gongzhi.base.errors import Faults, Refused
from gongzhi.base.models import StoredFile
from gongzhi.flow import deadlines, registry
from gongzhi.flow import queries as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case
from gongzhi.flow.offers import Offer
from gongzhi.org import queries as org
from gongzhi.org.models import Unit
from gongzhi.requests import defaults, queries, rules, splitting
from gongzhi.requests.models import Answer, Category

Choices = list[tuple[str, str]]
MANY = ("units", "files")
HANDLING = ("department", "centre", "street", "outside")  # kinds of unit that may lead anywhere in the district
N_FILES = 9
INNER_SHARE = 80  # percent of the unit's time left that a section is given (default, no source)
KEPT, ATTACHED, KEPT_FOR = "requests.kept", "requests.attached", 24 * 3600
ABOUT_Q = "about_q"  # the search beside the field of who is complained of
PHOTOS_ONLY = ("photos", "after")


@dataclass(frozen=True)
class BoundField:
    """One field of an act's form as it is drawn: what may be chosen, what stands in it, what is wrong with it."""

    name: str
    title: str
    kind: str
    required: bool
    help: str
    choices: Choices
    value: Any
    error: str
    max_length: int
    typed: str = ""  # what was searched for, where the choices are found by name
    answers: tuple[tuple[Answer, str], ...] = ()  # entries of the knowledge base that fit, with the words to tell
    first: Choices = field(default_factory=list)  # of units that help: those to choose from at once
    of: "Splitting | None" = None  # what may be chosen for each part


@dataclass(frozen=True)
class Kept:
    """A file that was taken in although the form was not: what it is, and the token by which its person attaches it."""

    token: str
    name: str
    kind: str


@dataclass
class Given:
    """What was posted for an act: values for `flow.actions.act`, files by field, and what is wrong with a file."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, list[tuple[Attachment, Kept]]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def attachments(self) -> list[Attachment]:
        return [attachment for found in self.files.values() for attachment, _kept in found]

    @property
    def kept(self) -> dict[str, list[Kept]]:
        return {name: [kept for _attachment, kept in found] for name, found in self.files.items()}

    def check(self) -> None:
        """Raise Faults for a file that is none of its kind; words are checked by the act itself."""
        if self.faults:
            raise Faults(self.faults)


def bound_fields(
    offer: Offer, case: Case, data: Mapping[str, Any] | None = None, faults: Mapping[str, str] | None = None,
    suggested: list[rules.Suggestion] | None = None, kept: Mapping[str, list[Kept]] | None = None,
) -> list[BoundField]:
    """Give the fields of an offer, filled with what was typed, else with what the case already knows.

    `suggested`: the units suggested for the case, where the caller has asked already. `kept`: the files that came with
    what was typed.
    """
    drawn = []
    handlers = cache(lambda: _handlers(case, suggested))  # the same for lead and helpers
    for wanted in offer.form:
        spec = registry.fields[wanted.name]
        if spec.kind == "replies" and not (choices := _merged(case)):
            continue  # nothing was merged into it
        value = _given(data, spec) if data is not None else _known(offer, spec.name, case)
        if spec.kind == "files":
            value = (kept or {}).get(spec.name, [])
        typed = str((data or {}).get(ABOUT_Q, "")).strip()[:40] if spec.name == "about_unit" else ""
        if spec.kind != "replies":
            choices = _found(typed, str(value)) if spec.name == "about_unit" else _choices(spec, case, handlers)
        first = _helpers_first(case, suggested, data, value) if spec.kind == "units" else []
        drawn.append(BoundField(
            spec.name, str(spec.title), spec.kind, wanted.required or _is_demanded(spec.name, case), str(spec.help), choices,
            value, (faults or {}).get(spec.name, ""), spec.max_length, typed,
            answers_for(case, value) if spec.kind == "answer" else (), first,
            split_of(case) if spec.kind == "parts" else None,
        ))
    return drawn


def _is_demanded(name: str, case: Case) -> bool:
    """Say whether the category asks for what the process leaves open: a photo or a document when it is done."""
    category = case.request.category
    return name == "evidence" and category is not None and category.evidence in ("photo", "document")


def read(request: HttpRequest, offer: Offer, *, by: Actor) -> Given:
    """Read what was posted for an offer. Its files are stored: a form that comes back has them attached already."""
    given = Given()
    for wanted in offer.form:
        spec = registry.fields[wanted.name]
        if spec.name == "about_unit" and spec.name not in request.POST:  # not chosen anew: it stays about whom it was
            if request.POST.get(ABOUT_Q, "").strip():
                given.faults[spec.name] = _("请在下面找到的单位里选一个，或选“不指明单位”。")
            continue
        if spec.kind != "files":
            given.values[spec.name] = _given(request.POST, spec)
            continue
        given.files[spec.name], wrong = take(request, spec.name, by=by)
        if wrong:
            given.faults[spec.name] = wrong
    _fill_answer(given.values)
    return given


def _fill_answer(values: dict[str, Any]) -> None:
    """Tell what an entry of the knowledge base says where nothing else was written."""
    chosen = str(values.get("knowledge") or "")
    if chosen.isdecimal() and not values.get("answer") and (found := Answer.objects.filter(pk=int(chosen), active=True).first()):
        values["answer"] = queries.said(found)


def take(request: HttpRequest, name: str, *, by: Actor) -> tuple[list[tuple[Attachment, Kept]], str]:
    """Take in the files of a field, those of an earlier try first; say what is wrong with one that is left out."""
    found: dict[str, tuple[Attachment, Kept]] = {}
    wrong = ""
    for token in request.POST.getlist(f"kept-{name}")[:N_FILES]:
        if (attachment := _attached(token, by)) is None:
            wrong = _("先前选的文件放得太久，请重新选择。")
        else:
            found[attachment.file_id] = attachment, Kept(token, attachment.name, attachment.kind)
    for file in request.FILES.getlist(name)[: N_FILES - len(found)]:
        try:
            attachment = _attachment(name, file)
        except Refused as fault:
            wrong = f"{file.name}：{fault.sentence}"
            continue
        found.setdefault(attachment.file_id, (attachment, _keep(attachment, by)))
    return list(found.values()), wrong


def _keep(attachment: Attachment, by: Actor) -> Kept:
    named = [attachment.file_id, attachment.kind, attachment.name, by.person_id]
    return Kept(signing.dumps(named, salt=ATTACHED), attachment.name, attachment.kind)


def _attached(token: str, by: Actor) -> Attachment | None:
    """Find the file a token attaches; None for one that is not ours or not this person's, or is a day old."""
    try:
        digest, kind, name, person_id = signing.loads(token, salt=ATTACHED, max_age=KEPT_FOR)
    except signing.BadSignature:
        return None
    stored = StoredFile.objects.filter(pk=digest).first() if person_id == by.person_id else None
    return Attachment(file=stored, kind=kind, name=name) if stored else None


def _given(data: Mapping[str, Any], spec: registry.FormField) -> Any:
    if spec.kind == "replies":
        return {name.removeprefix("reply-"): str(data[name]) for name in data if name.startswith("reply-") and data[name]}
    if spec.kind == "parts":
        return splitting.read(data)
    if spec.kind in MANY:
        found = data.getlist(spec.name) if isinstance(data, QueryDict) else data.get(spec.name) or []
        return [value for value in found if value]
    return data.get(spec.name, "")


def _attachment(name: str, file: "UploadedFile[Any]") -> Attachment:
    """Store one file as what it is: a photo by its bytes, whatever its name says; evidence may be a document too."""
    data = file.read()
    title = str(file.name or "")[:120]
    if name == "voice":
        return Attachment(file=files.store_voice(data), kind="voice", name=title)
    if name in PHOTOS_ONLY or not data.startswith(tuple(files.DOCUMENTS)):
        return Attachment(file=files.store_photo(data).stored, kind="photo", name=title)
    return Attachment(file=files.store_document(data), kind="document", name=title)


def keep_photos(uploads: Iterable["UploadedFile[Any]"]) -> tuple[list[str], str]:
    """Take in the photos of a form that goes back to be mended: tokens only this form can use, and what is wrong."""
    tokens, wrong = [], ""
    for file in uploads:
        try:
            tokens.append(keep(files.store_photo(file.read()).stored))
        except Refused as fault:
            wrong = f"{file.name}：{fault.sentence}"
    return tokens, wrong


def keep(stored: StoredFile) -> str:
    """Name a stored file by a token only our forms can use."""
    return signing.dumps(stored.sha256, salt=KEPT)


def kept_file(token: str) -> StoredFile | None:
    """Find the stored file a token names, to show or play it while its form waits."""
    sha256 = kept_photo(token)
    return StoredFile.objects.filter(pk=sha256).first() if sha256 else None


def kept_photo(token: str) -> str | None:
    """Give the stored file a token names; None for a token that is not ours, or a day old."""
    try:
        return str(signing.loads(token, salt=KEPT, max_age=KEPT_FOR))
    except signing.BadSignature:
        return None


def _known(offer: Offer, name: str, case: Case) -> Any:
    """Fill a field that nobody has typed in yet."""
    request = case.request
    if name == "category":
        found = request.category or request.suggested
        return found.code if found else ""
    if name == "place":
        return f"{case.lon:.6f},{case.lat:.6f}" if case.lon is not None else ""
    if name == "kind":
        return request.kind
    if name == "parts":
        return splitting.first(case)
    if name == "about_unit":
        return str(case.about_units[0]) if case.about_units else ""
    if name == "inner_due":
        return _inner_due(case)
    if name in registry.fillers:
        return registry.fillers[name](case, offer.task_id)
    if name in ("told", "time_told") and offer.name in rules.DECLINES:
        return defaults.decline_text(offer.name)
    return [] if registry.fields[name].kind in MANY else {} if registry.fields[name].kind == "replies" else ""


@dataclass(frozen=True)
class Splitting:
    """What may be chosen for each part of a split matter."""

    most: int
    categories: Choices
    leads: Choices
    places: Choices


def split_of(case: Case) -> Splitting:
    """Give the choices for splitting a case."""
    leads = [(value, title.removesuffix(_("（推荐）"))) for value, title in _handlers(case)]
    return Splitting(splitting.MOST, categories(), leads, splitting.places(case))


def _merged(case: Case) -> Choices:
    """List the matters that are answered together with a case: code, and what of it its handlers may read."""
    rows = queries.merged_into(case)
    return [(r.case.code, (r.summary if r.is_guarded else r.words) or r.case.title) for r in rows]


def _inner_due(case: Case) -> str:
    """Suggest an inner deadline that leaves the unit a part of its own time to read what comes back."""
    task = case.tasks.filter(done_at=None, stage=case.stage, kind="work").exclude(due_at=None).order_by("pk").first()
    if task is None or task.due_at is None or task.due_at <= clock.now():
        return ""
    stage = flow.definition(case.version_id).stages[case.stage]
    at = worktime.point(clock.now(), task.due_at, INNER_SHARE, deadlines.clock_of(stage.deadline, case))
    return clock.local(min(at, task.due_at - timedelta(minutes=1))).strftime("%Y-%m-%dT%H:%M")


def answers_for(case: Case, chosen: Any, q: str = "") -> tuple[tuple[Answer, str], ...]:
    """Offer entries of the knowledge base: those searched for, else those the words ask for; the chosen one stays."""
    found = queries.answers(q or case.request.words)
    if str(chosen).isdecimal() and int(chosen) not in {a.pk for a in found}:
        found = [*Answer.objects.filter(pk=int(chosen), active=True), *found]
    return tuple((a, queries.said(a)) for a in found)


# Choices --------------------------------------------------------------------------------------------------------------


def _choices(spec: registry.FormField, case: Case, handlers: Callable[[], Choices]) -> Choices:
    if spec.kind == "unit":
        return handlers()
    if spec.kind == "units":
        return [(value, title.removesuffix(_("（推荐）"))) for value, title in handlers()]  # recommended to lead
    if spec.kind == "section":
        return _sections(case)
    if spec.kind == "category":
        return categories()
    return [(str(value), str(title)) for value, title in spec.choices]


def categories() -> Choices:
    """List the categories a matter may be put in, parts, events and residents' matters, each after its heading."""
    rows = Category.objects.filter(active=True).exclude(limit="").select_related("parent").order_by("code")
    return [(c.code, f"{c.parent.name} · {c.name}" if c.parent else c.name) for c in rows]


def _found(typed: str, chosen: str) -> Choices:
    """List the units of all kinds that a search finds, the chosen one first: anybody can be complained of."""
    own = list(Unit.objects.filter(pk=int(chosen), active_to=None)) if chosen.isdecimal() and len(chosen) < 19 else []
    return [(str(u.pk), u.name) for u in dict.fromkeys([*own, *org.search(typed)])]


def units(recused: tuple[int, ...] | list[int]) -> Choices:
    """List the units that can be named as handler, without those below the recused."""
    rows = Unit.objects.filter(active_to=None, kind__in=HANDLING).exclude(path__overlap=list(recused)).order_by("id")
    return [(str(u.pk), u.name) for u in rows]


def _handlers(case: Case, found: list[rules.Suggestion] | None = None) -> Choices:
    """Suggested units first, then the community of the place, then all that may lead."""
    found = queries.suggest_units(case, case.request.category, 3) if found is None else found
    suggested = [(str(s.unit_id), s.unit_name + _("（推荐）")) for s in found]
    near = [u for u in (org.governing(level, case.path) for level in ("community", "grid")) if u]
    local = [(str(u.pk), u.name) for u in near if not set(u.path) & set(case.about_units)]
    first: dict[str, str] = {}
    for value, title in [*suggested, *local, *units(case.about_units)]:
        first.setdefault(value, title)
    return list(first.items())


def _helpers_first(case: Case, found: list[rules.Suggestion] | None, data: Mapping[str, Any] | None, chosen: Any) -> Choices:
    """List whom the catalogue names as helpers, then who else might lead; who leads or is chosen already is neither."""
    lead = (data or {}).get("lead") or (found[0].unit_id if found else case.fields.get("lead"))
    named = [(str(u.pk), u.name) for u in queries.suggest_helpers(case, case.request.category or case.request.suggested)]
    also = [(str(s.unit_id), s.unit_name) for s in found or []]
    return [pair for pair in dict.fromkeys([*named, *also]) if pair[0] not in (str(lead), *chosen)]


def _sections(case: Case) -> Choices:
    """List what lies below the lead: its sections, or a street's communities and a community's grids."""
    lead = case.fields.get("lead")
    if not lead:
        return []
    below = org.within(lead).exclude(pk=lead).exclude(path__overlap=case.about_units).order_by("kind", "id")
    own = [u for u in below if not u.place_id or u.place_id in case.path] or list(below[:200])
    return [(str(u.pk), u.name) for u in own]
