"""Writing the place tree: in bulk, with codes and their history. Every change raises the tree's version."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import shapely
from django.db import connection, transaction
from django.db.models import F, OuterRef, Q, Subquery
from shapely.geometry.base import BaseGeometry

from gongzhi.base import chinese, clock
from gongzhi.base.errors import Refused
from gongzhi.log import actions as log
from gongzhi.places import index, rules
from gongzhi.places.models import Place, PlaceCode

RAISE = """
INSERT INTO places_treeversion (id, number) VALUES (1, nextval('places_treeversion_id_seq') + 1)
ON CONFLICT (id) DO UPDATE SET number = EXCLUDED.number
"""


@dataclass(eq=False)
class NewPlace:
    """A place to add. `parent`: one that exists, or one earlier in the same batch. `codes`: system → code."""

    kind: str
    name: str
    parent: "Place | NewPlace | None" = None
    codes: dict[str, str] = field(default_factory=dict)
    lon: float | None = None
    lat: float | None = None
    outline: BaseGeometry | bytes | None = None
    made_up: bool = False
    attrs: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()  # other names people search by


@transaction.atomic
def add_places(rows: Sequence[NewPlace], *, by: int | None, source: str, from_date: date | None = None) -> list[Place]:
    """Add places in one batch and return them in order; parents must come before their children."""
    if not rows:
        return []
    from_date = from_date or clock.today()
    made: dict[int, Place] = {}
    for row, new_id in zip(rows, _new_ids(len(rows)), strict=True):
        made[id(row)] = _place(row, new_id, made, from_date)
    places = list(made.values())
    Place.objects.bulk_create(places, batch_size=1000)
    codes = [(p, s, c) for row, p in zip(rows, places, strict=True) for s, c in row.codes.items()]
    _refuse_used([(s, c) for _, s, c in codes])
    kept = [PlaceCode(place=p, system=s, code=c, valid_from=from_date, source=source) for p, s, c in codes]
    PlaceCode.objects.bulk_create(kept, batch_size=2000)
    _note("place.add", by, places[0], n=len(places))
    return places


def _new_ids(n: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('places_place_id_seq') FROM generate_series(1, %s)", [n])
        return [row[0] for row in cursor.fetchall()]


def _place(row: NewPlace, new_id: int, made: dict[int, Place], from_date: date) -> Place:
    parent = made[id(row.parent)] if isinstance(row.parent, NewPlace) else row.parent
    if (parent.kind if parent else None) not in rules.ABOVE[row.kind]:
        above = f"“{parent.name}”" if parent else "最上层"
        raise Refused(f"{rules.KINDS[row.kind]}“{row.name}”不能放在{above}下面。", "parent")
    for system, code in row.codes.items():
        rules.check_code(row.kind, system, code, parent.code if parent and row.kind == "grid" else "")
    wkb = _wkb(row.outline)
    lon, lat = (row.lon, row.lat) if row.lon is not None else _label_point(wkb)
    return Place(
        id=new_id, parent=parent, kind=row.kind, name=row.name, path=[*(parent.path if parent else []), new_id],
        code=row.codes.get(rules.SYSTEM_OF.get(row.kind, "qr"), ""), lon=lon, lat=lat, outline=wkb,
        made_up=row.made_up, attrs=row.attrs, pinyin=chinese.pinyin(row.name),
        tokens=chinese.bigrams(" ".join((row.name, *row.also))), valid_from=from_date,
    )


def _wkb(outline: BaseGeometry | bytes | None) -> bytes | None:
    """Give an outline as WKB; refuse what is no polygon or crosses itself."""
    if outline is None:
        return None
    shape = shapely.from_wkb(outline) if isinstance(outline, bytes) else outline
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty or not shape.is_valid:
        raise Refused("边界应是一个不自相交的面。", "outline")
    return bytes(shapely.to_wkb(shape))


def _label_point(wkb: bytes | None) -> tuple[float | None, float | None]:
    if wkb is None:
        return None, None
    point = shapely.from_wkb(wkb).representative_point()
    return round(point.x, 6), round(point.y, 6)


def _refuse_used(codes: list[tuple[str, str]]) -> None:
    for system in {s for s, _ in codes}:
        mine = [c for s, c in codes if s == system]
        used = PlaceCode.objects.filter(system=system, code__in=mine, valid_to=None).select_related("place").first()
        if used:
            raise Refused(f"编码 {used.code} 已由“{used.place.name}”使用。", "code")
        if len(mine) != len(set(mine)):
            raise Refused(f"编码 {next(c for c in mine if mine.count(c) > 1)} 在这一批中出现了两次。", "code")


@transaction.atomic
def set_code(place: Place, *, system: str, code: str, from_date: date, source: str, by: int | None) -> PlaceCode:
    """Give a place a code from a date on; the one it had ends the day before."""
    Place.objects.select_for_update().get(pk=place.pk)
    parent = place.parent
    rules.check_code(place.kind, system, code, parent.code if parent and place.kind == "grid" else "")
    if not source.strip():
        raise Refused("请写明编码的来源，例如文件号。", "source")
    _refuse_used([(system, code)])
    former = PlaceCode.objects.filter(place=place, system=system, valid_to=None).first()
    if former and former.valid_from >= from_date:
        raise Refused(f"新编码的启用日期应晚于现用编码的启用日期 {former.valid_from}。", "from_date")
    if former:
        former.valid_to = from_date - timedelta(days=1)
        former.save(update_fields=["valid_to"])
    row = PlaceCode.objects.create(place=place, system=system, code=code, valid_from=from_date, source=source.strip())
    keep_codes(place)
    _note("place.code", by, place, system=system, code=code, from_date=from_date.isoformat())
    return row


def keep_codes(place: Place | None = None) -> int:
    """Bring Place.code up to today's codes, of one place or (daily) of all; return how many changed."""
    today = clock.today()
    total = 0
    for kind in rules.KINDS:
        system = rules.SYSTEM_OF.get(kind, "qr")
        code = PlaceCode.objects.filter(
            Q(valid_to=None) | Q(valid_to__gte=today), place=OuterRef("pk"), system=system, valid_from__lte=today
        ).order_by("-valid_from").values("code")[:1]
        rows = Place.objects.filter(kind=kind, **({"pk": place.pk} if place else {}))
        rows = rows.annotate(due_code=Subquery(code)).filter(due_code__isnull=False).exclude(code=F("due_code"))
        total += rows.update(code=Subquery(code))
    if total:
        _raise_version()
    if place:
        place.refresh_from_db(fields=["code"])
    return total


@transaction.atomic
def set_outline(place: Place, *, outline: BaseGeometry | bytes, made_up: bool, by: int | None) -> None:
    """Redraw a place."""
    place.outline, place.made_up = _wkb(outline), made_up
    place.lon, place.lat = _label_point(place.outline)
    place.save(update_fields=["outline", "made_up", "lon", "lat"])
    _note("place.outline", by, place)


@transaction.atomic
def rename(place: Place, *, name: str, by: int | None) -> None:
    """Give a place another name; it stays the same place."""
    name = name.strip()
    if not name:
        raise Refused("请填写名称。", "name")
    place.name, place.pinyin, place.tokens = name[:80], chinese.pinyin(name), chinese.bigrams(name)
    place.save(update_fields=["name", "pinyin", "tokens"])
    _note("place.rename", by, place)


@transaction.atomic
def close(place: Place, *, to_date: date, by: int | None) -> None:
    """End a place after a date; its matters stay where they were."""
    if place.children.filter(Q(valid_to=None) | Q(valid_to__gt=to_date)).exists():
        raise Refused("下面还有未撤销的地点，请先处理它们。")
    place.valid_to = to_date
    place.save(update_fields=["valid_to"])
    PlaceCode.objects.filter(place=place, valid_to=None).update(valid_to=to_date)
    _note("place.close", by, place, to_date=to_date.isoformat())


def _note(verb: str, by: int | None, place: Place, **data: Any) -> None:
    """Write the line (of a batch: about its first place) and raise the version."""
    log.append(verb, actor=log.actor(by), subject=("place", place.pk), places=place.path, data=data)
    _raise_version()


def _raise_version() -> None:
    """Raise the version by a sequence: a number that was rolled back never comes again."""
    with connection.cursor() as cursor:
        cursor.execute(RAISE)
    index.look_again()
