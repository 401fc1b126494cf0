"""What a grid worker reports on the spot: an own find, solved at once or handed on, or a resident's matter (代录)."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from gongzhi.base import files
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment
from gongzhi.places import index
from gongzhi.places import queries as places
from gongzhi.places.queries import Hit
from gongzhi.requests import actions, forms, queries
from gongzhi.requests.models import Category
from gongzhi.requests.queries import Spot

OWN, RESIDENT = "own", "resident"


@dataclass
class Find:
    """The form as it stands."""

    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    words: str = ""
    address: str = ""
    q: str = ""
    place_id: int | None = None
    point: str = ""
    device: bool = False  # the point is the phone's own position
    category: str = ""
    who: str = OWN
    name: str = ""
    phone: str = ""
    solved: bool = False
    result: str = ""
    photos: list[bytes] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    voice: bytes | None = None
    kept_voice: str = ""  # the token of a recording that came with an earlier try
    after: list[tuple[Attachment, forms.Kept]] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def solves(self) -> bool:
        """Whether it was solved on the spot; a resident's matter never is, or it would vanish from the rates."""
        return self.solved and self.who == OWN


def read(request: HttpRequest, *, by: Actor) -> Find:
    """Read a posted form and what is wrong with its files."""
    def text(name: str, most: int = 6000) -> str:
        return str(request.POST.get(name, "")).replace("\x00", "").strip()[:most]

    place = text("place", 20)
    find = Find(
        key=text("key", 40) or uuid.uuid4().hex, words=text("words", 20_000), address=text("address"),
        q=text("q", 120), place_id=int(place) if place.isdecimal() else None, point=text("point", 40),
        device=text("device") == "1",
        category=text("category", 10) or text("other", 10), who=RESIDENT if text("who") == RESIDENT else OWN,
        name=text("name"), phone=text("phone", 40), solved=text("solved") == "1", result=text("result"),
        kept=[t for t in request.POST.getlist("kept")[: forms.N_FILES] if forms.kept_photo(t)],
    )
    find.kept_voice = next((t for t in request.POST.getlist("kept_voice") if forms.kept_photo(t)), "")
    find.voice = next((f.read() for f in request.FILES.getlist("voice")), None)
    find.after, wrong = forms.take(request, "after", by=by)
    if wrong:
        find.faults["after"] = wrong
    return find


def spot(find: Find) -> Spot | None:
    """Settle the place: the chosen one, the point, or the only one the words mean."""
    if find.place_id and (chosen := queries.spot_of(find.place_id)):
        return chosen
    try:
        lon, lat = (float(part) for part in find.point.split(","))
    except ValueError:
        found = places.search(find.q, kinds=queries.FINE[:2], limit=2) if find.q else []
        return queries.spot_of(found[0].id) if len(found) == 1 else None
    if find.device:
        return queries.spot_of_device(lon, lat)
    return queries.spot(lon, lat) if index.locate(lon, lat) else None


def found(find: Find) -> list[Hit] | None:
    """Search places by what was typed; None where nothing was."""
    return places.search(find.q, kinds=queries.FINE[:2], limit=8) if find.q else None


def check(find: Find, where: Spot | None) -> None:
    """Say what is missing, next to its field. Own finds need no words where a photo and a kind say it."""
    category = Category.objects.filter(code=find.category, active=True).first() if find.category else None
    if category and category.name not in find.words:
        find.words = f"{category.name}：{find.words}" if find.words else category.name
    if where is None:
        outside = "," in find.point and not find.place_id
        none = _("请定地点：现在的位置、小区或搜索。")
        find.faults["place"] = _("这个地点不在本区范围内，请换一个。") if outside else none
    if find.solves and category is None:
        find.faults["category"] = _("自办要选是什么事。")
    if find.solves and not find.result:
        find.faults["result"] = _("请写一句怎么解决的。")


def report(find: Find, where: Spot) -> actions.Report:
    """Give what was found as a report."""
    kept = [files.path_of(sha256).read_bytes() for t in find.kept if (sha256 := forms.kept_photo(t))]
    resident = find.who == RESIDENT
    spoken = forms.kept_photo(find.kept_voice) if find.kept_voice and find.voice is None else None
    voice = files.path_of(spoken).read_bytes() if spoken else find.voice
    return actions.Report(
        where.lon, where.lat, words=find.words, photos=[*kept, *find.photos], voice=voice, address=find.address,
        compound_id=where.compound_id, phone=find.phone if resident else "", name=find.name if resident else "",
        channel="grid", on_behalf=resident, submitted_key=find.key, kind="" if resident else "help",
    )


def act(find: Find) -> dict[str, Any]:
    """Give the form of 自办."""
    return {"action": "solve_here", "category": find.category, "result": find.result}
