"""Whose duty is this? The four lists asked in plain words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import CharField, F, Func, IntegerField, Q, QuerySet, Value

from gongzhi.base import chinese
from gongzhi.duties import queries, rules
from gongzhi.duties.rules import Quoted
from gongzhi.org import queries as org
from gongzhi.org.models import Unit
from gongzhi.org.rules import Standing
from gongzhi.places.models import Place
from gongzhi.requests import classify
from gongzhi.requests.models import Category, ListVersion

LONGEST = 200  # characters of what is asked
CANDIDATES = 200  # lines of one list that are weighed
SHOWN = 30
HEADING = 0.6  # how much a heading says of what was guessed below it (default, no source)


class Common(Func):
    """How many elements two arrays have in common."""

    template = "(SELECT count(*) FROM (SELECT unnest(%(expressions)s)) common)"
    arg_joiner = ") INTERSECT SELECT unnest("
    output_field = IntegerField()


@dataclass(frozen=True)
class Hit:
    """A line that fits, and how well."""

    quoted: Quoted
    line: Any
    score: float


def versions_for(standing: Standing, names: Iterable[str] = rules.LISTS) -> dict[str, list[ListVersion]]:
    """List the versions in force where a person works: over his places, and of those below them."""
    held = {h.place_id for h in standing.held if h.place_id}
    around = {place for h in standing.held for place in h.place_path} or set(
        Place.objects.filter(parent=None).values_list("pk", flat=True))
    here = Q(place_id__in=around) | Q(place__path__overlap=sorted(held or around))
    return {name: list(queries.in_force(name).filter(here).select_related("place").order_by("pk")) for name in names}


def versions_at(path: Sequence[int], names: Iterable[str] = rules.LISTS) -> dict[str, list[ListVersion]]:
    """List the version of each list that is in force for a place."""
    return {name: [v for v in [queries.version_for(name, path)] if v] for name in names}


def ask(words: str, versions: dict[str, list[ListVersion]], limit: int = SHOWN) -> list[Hit]:
    """Find the lines that fit plain words, the best first, in some versions; lines of a catalogue without versions too."""
    words = " ".join(words.replace("\x00", "").split())[:LONGEST]
    if not words:
        return []
    tokens = chinese.bigrams(words)
    guessed = _guessed(words)
    hits = [hit for name, some in versions.items() for hit in _of_list(name, some, words, tokens, guessed)]
    best = sorted(hits, key=lambda pair: (-pair[2], list(rules.LISTS).index(pair[0]), pair[1].pk))[:limit]
    quoted = _quoted([(name, line) for name, line, _score in best])
    return [Hit(quoted[name, line.pk], line, score) for name, line, score in best]


def _guessed(words: str) -> dict[str, float]:
    """Guess the categories from the words, with the headings they stand under: lists often name only these."""
    found = {g.code: g.confidence for g in classify.guess(words, 3)}
    under = Category.objects.filter(code__in=list(found), parent__isnull=False)
    for code, parent in under.values_list("code", "parent__code"):
        found[parent] = max(found.get(parent, 0.0), HEADING * found[code])
    return found


def _of_list(name: str, versions: Sequence[ListVersion], words: str, tokens: list[str],
             guessed: dict[str, float]) -> list[tuple[str, Any, float]]:
    rows = _rows(name, versions)
    fits = Q(text__icontains=words) | Q(tokens__overlap=tokens)
    if name == "catalogue":
        fits |= Q(category__code__in=list(guessed)) | Q(category__name__icontains=words)
    else:
        fits |= Q(categories__overlap=list(guessed))
    given = Value(tokens, output_field=ArrayField(CharField(max_length=40)))
    found = rows.filter(fits).annotate(n_common=Common(F("tokens"), given)).order_by("-n_common", "pk")[:CANDIDATES]
    weighed = [(name, line, _weigh(name, line, words, tokens, guessed)) for line in found]
    least = max((score for _n, _l, score in weighed), default=0) / 4  # 怎么办 alone is said of everything
    return [row for row in weighed if row[2] >= max(least, 1)]


def _rows(name: str, versions: Sequence[ListVersion]) -> QuerySet[Any]:
    rows: QuerySet[Any] = queries.LINES[name]._default_manager.filter(version__in=[v.pk for v in versions])
    if name != "catalogue":
        return rows.select_related("version", "lead")
    return (rows | queries.unversioned()).select_related("version", "lead", "category")


def _weigh(name: str, line: Any, words: str, tokens: list[str], guessed: dict[str, float]) -> float:
    text = f"{line.text} {line.category.name}" if name == "catalogue" else line.text
    return rules.score(words, tokens, {"text": text, "tokens": line.tokens, "keywords": line.keywords,
                                       "categories": queries.codes_of(name, line)}, guessed)


def _quoted(best: Sequence[tuple[str, Any]]) -> dict[tuple[str, int], Quoted]:
    found = {}
    for name in rules.LISTS:
        some = [line for of, line in best if of == name]
        found.update({(name, q.line_id or 0): q for q in queries.quote(name, some)})
    return found


def units(words: str, path: Sequence[int], limit: int = 10) -> list[tuple[Unit, Quoted]]:
    """Find units by what the lists in force for a place say: who leads a line, or whose list it is."""
    found: dict[int, tuple[Unit, Quoted]] = {}
    bodies: dict[str, Unit | None] = {}
    for hit in ask(words, versions_at(path)):
        unit = hit.line.lead
        if hit.quoted.part in ("basic", "lawful"):  # what the street or the community does itself
            name = hit.quoted.of_list
            bodies.setdefault(name, org.governing(name, path))
            unit = bodies[name]
        if unit is not None:
            found.setdefault(unit.pk, (unit, hit.quoted))
    return list(found.values())[:limit]
