"""Reading the organisation: what a person is today, and which unit and post answer a role word."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Length

from gongzhi.base import clock
from gongzhi.org.models import Appointment, FirstSignIn, Leave, Person, Post, Token, Unit
from gongzhi.org.rules import GOVERNING, NOBODY, Held, Standing, digest, word_digest
from gongzhi.places.models import Place


def current(appointments: QuerySet[Appointment] | None = None) -> QuerySet[Appointment]:
    """Keep the appointments that hold today."""
    rows = Appointment.objects.all() if appointments is None else appointments
    today = clock.today()
    return rows.filter(Q(to_date=None) | Q(to_date__gte=today), from_date__lte=today)


def standing(person: Any) -> Standing:
    """Add up a person's appointments of today; NOBODY for strangers and people who left."""
    if not isinstance(person, Person) and not getattr(person, "is_authenticated", False):
        return NOBODY
    if not person.is_active:
        return NOBODY
    away = {row.person_id: row for row in away_today().filter(stand_in=person.pk, person__is_active=True)}
    rows = current().filter(person__in=[person.pk, *away])
    own = sorted(rows.select_related("post__unit__place", "post__place", "person"), key=lambda a: (a.person_id in away, a.pk))
    return Standing(person.pk, person.name, tuple(_held(a, away.get(a.person_id)) for a in own))


def _held(appointment: Appointment, leave: Leave | None = None) -> Held:
    post, unit = appointment.post, appointment.post.unit
    place: Place | None = post.place or unit.place
    return Held(
        unit.pk, unit.name, unit.kind, unit.level, tuple(unit.path), post.name,
        place.pk if place else None, tuple(place.path) if place else (),
        *((leave.person_id, appointment.person.name, leave.to_date) if leave else ()),
    )


def away_today() -> QuerySet[Leave]:
    """List the leaves of today."""
    today = clock.today()
    return Leave.objects.filter(from_date__lte=today, to_date__gte=today)


def with_stand_ins(person_ids: Iterable[int]) -> list[int]:
    """Add to some people who stands in for them today."""
    ids = list(dict.fromkeys(person_ids))
    rows = away_today().filter(person__in=ids, stand_in__is_active=True).order_by("id") if ids else Leave.objects.none()
    return list(dict.fromkeys([*ids, *(row.stand_in_id for row in rows if row.stand_in_id)]))


def leaves(person_id: int) -> QuerySet[Leave]:
    """List the leaves of a person that are not over, and those in which the person stands in for another."""
    rows = Leave.objects.filter(Q(person=person_id) | Q(stand_in=person_id), to_date__gte=clock.today())
    return rows.select_related("person", "stand_in").order_by("from_date", "id")


def led_by(standing: Standing) -> QuerySet[Person]:
    """List the people of the units a leader leads, and of all below them."""
    own = [h.unit_id for h in standing.held if h.post == "leader"]
    if not own:
        return Person.objects.none()
    rows = current().filter(post__unit__path__overlap=own)
    return Person.objects.filter(is_active=True, pk__in=rows.values("person")).exclude(pk=standing.person_id or 0).order_by("pk")


def holders(unit_id: int, post: str = "") -> QuerySet[Person]:
    """List the people who hold a post (or any, when "") in a unit today."""
    rows = current().filter(post__unit_id=unit_id, **({"post__name": post} if post else {}))
    return Person.objects.filter(is_active=True, pk__in=rows.values("person")).order_by("pk")


def governing(level: str, path: Iterable[int], post: str = "") -> Unit | None:
    """Find the unit that governs a place at a level, the one with the post if one is asked for.

    The service line answers first: at one level there is an office and a party committee of the same place. Of several
    with the post the lowest does: a district's centre, not its government.
    """
    return next(iter(governing_line(level, path, post)), None)


def governing_line(level: str, path: Iterable[int], post: str = "") -> list[Unit]:
    """List the unit that governs a place at a level, and after it those above it that do so too."""
    units = Unit.objects.filter(level=level, place_id__in=list(path), kind__in=GOVERNING, active_to=None)
    if post:
        units = units.filter(posts__name=post)
    found = sorted(units, key=lambda u: (u.line == "party", -len(u.path) if post else 0, u.pk))
    return [u for u in found if u.pk in found[0].path]


def within(unit_id: int) -> QuerySet[Unit]:
    """List a unit and all below it."""
    return Unit.objects.filter(path__contains=[unit_id], active_to=None)


def search(text: str, limit: int = 8) -> list[Unit]:
    """Find units by part of their name, by pinyin or by its initials."""
    text = " ".join(text.replace("\x00", "").split())[:40]
    if not text:
        return []
    by_letters = Q(pinyin__startswith=text.lower()) | Q(pinyin__contains=f" {text.lower()}")
    wanted = by_letters if text.isascii() else Q(name__contains=text) | Q(short_name__contains=text)
    return list(Unit.objects.filter(wanted, active_to=None).order_by(Length("name"), "id")[:limit])


def team(place_id: int) -> QuerySet[Appointment]:
    """List who works for a place today: a grid's 1+1+1+N, a community's staff."""
    rows = current().filter(Q(post__place_id=place_id) | Q(post__unit__place_id=place_id))
    return rows.select_related("person", "post__unit").order_by("post__name", "id")


def grid_worker(grid_id: int) -> Person | None:
    """Find the full-time worker of a grid, or whoever of its team stands in; of one who is away, who holds the post."""
    order = {"gridworker": 0, "gridmanager": 1, "gridhead": 2, "gridpart": 3}
    rows = [a for a in team(grid_id) if a.post.name in order and a.person.is_active]
    if not rows:
        return None
    found = min(rows, key=lambda a: order[a.post.name]).person
    leave = away_today().filter(person=found, stand_in__is_active=True).select_related("stand_in").first()
    return leave.stand_in if leave else found


def without_password(unit_id: int = 0) -> QuerySet[Person]:
    """List the people at work who have no password yet, all or those of a unit and of all below it."""
    rows = Person.objects.filter(is_active=True, password__startswith="!")
    if unit_id:
        rows = rows.filter(pk__in=current().filter(post__unit__path__contains=[unit_id]).values("person"))
    return rows.order_by("pk")


def by_word(username: str, word: str) -> FirstSignIn | None:
    """Find who signs in for the first time, with the word he was given; it is too long to be found by trying."""
    rows = FirstSignIn.objects.filter(person__username=username, person__is_active=True, expires_at__gt=clock.now())
    return rows.filter(digest=word_digest(word)).select_related("person").first()


def posts(unit_id: int) -> QuerySet[Post]:
    """List the posts of a unit with `n_people`, how many hold them today."""
    return staffed(Post.objects.filter(unit_id=unit_id)).select_related("place").order_by("name", "id")


def staffed(rows: QuerySet[Post]) -> QuerySet[Post]:
    """Add to posts how many people hold them today."""
    return rows.annotate(n_people=_n_people())


def vacancies(rows: QuerySet[Post] | None = None) -> QuerySet[Post]:
    """List posts with fewer people than seats today."""
    rows = Post.objects.all() if rows is None else rows
    return rows.annotate(n_people=_n_people()).filter(n_people__lt=F("seats"))


def _n_people() -> Count:
    today = clock.today()
    holds = Q(appointments__from_date__lte=today, appointments__person__is_active=True)
    return Count("appointments", filter=holds & (Q(appointments__to_date=None) | Q(appointments__to_date__gte=today)))


def double_posted(unit_id: int | None = None) -> QuerySet[Person]:
    """List people who hold more than one post today, all or those with one in a unit."""
    rows = current().values("person").annotate(n=Count("id")).filter(n__gt=1)
    people = Person.objects.filter(is_active=True, pk__in=rows.values("person"))
    return people.filter(pk__in=current().filter(post__unit_id=unit_id).values("person")) if unit_id else people


def token(text: str) -> Token | None:
    """Find a token in force by its words; those of a person who left do not count."""
    row = Token.objects.select_related("person").filter(digest=digest(text), revoked_at=None).first()
    if row is None or (row.expires_at and row.expires_at <= clock.now()):
        return None
    return row if row.person is None or row.person.is_active else None


def person_of_token(text: str) -> Person | None:
    """Find the person a bearer token belongs to; None for wrong, old and machines' tokens."""
    found = token(text)
    return found.person if found else None
