"""The vocabulary of posts, and what a person's appointments add up to."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

# Post names in code and on the screen (docs/words.md). A city that needs another post adds a line.
POSTS = {
    "operator": "坐席员",
    "dispatcher": "派单员",
    "reviewer": "派单审核员",
    "checker": "核查员",
    "leader": "负责人",
    "liaison": "联络员",
    "handler": "经办人",
    "gridhead": "网格长",
    "gridmanager": "网格管理员",
    "gridworker": "专职网格员",
    "gridpart": "兼职网格员",
    "admin": "系统管理员",
    "security": "安全管理员",
    "auditor": "审计员",
}
# System, security and audit are three people's (三权分立, GB/T 22239-2019 8.1.5): one of them goes with no other.
POWERS = frozenset({"admin", "security", "auditor"})
LINES = {"government": "行政", "party": "党组织", "service": "服务", "outside": "外部处置"}
UNIT_KINDS = {
    "district": "区",
    "centre": "中心",
    "department": "部门",
    "section": "科室",
    "street": "街道",
    "community": "社区",
    "grid": "网格",
    "outside": "外部单位",
}
LEVELS = ["grid", "community", "street", "district", "city"]
# Posts that see every matter of their place, in units that govern a place.
OVERSEEING = {"operator", "dispatcher", "reviewer", "checker", "leader", "gridhead", "gridmanager", "gridworker"}
GOVERNING = {"district", "centre", "street", "community", "grid"}


@dataclass(frozen=True)
class Held:
    """One post a person holds today."""

    unit_id: int
    unit_name: str
    unit_kind: str
    unit_level: str
    unit_path: tuple[int, ...]
    post: str
    place_id: int | None
    place_path: tuple[int, ...]


@dataclass(frozen=True)
class Standing:
    """What a person is today: posts held, units worked in, places overseen. Nobody: no posts at all."""

    person_id: int | None = None
    name: str = ""
    held: tuple[Held, ...] = ()
    posts: frozenset[str] = field(init=False)
    units: frozenset[int] = field(init=False)
    lineage: frozenset[int] = field(init=False)  # own units and all above: a complaint about any of them recuses
    places: frozenset[int] = field(init=False)  # every matter under these is seen
    seats: frozenset[tuple[int, str]] = field(init=False)  # (unit, post)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "posts", frozenset(h.post for h in self.held))
        put(self, "units", frozenset(h.unit_id for h in self.held))
        put(self, "lineage", frozenset(u for h in self.held for u in h.unit_path))
        overseen = (h for h in self.held if h.post in OVERSEEING and h.unit_kind in GOVERNING)
        put(self, "places", frozenset(h.place_id for h in overseen if h.place_id))
        put(self, "seats", frozenset((h.unit_id, h.post) for h in self.held))

    @property
    def is_outside(self) -> bool:
        """Whether all posts are with outside handlers, who see text and place only."""
        return bool(self.held) and all(h.unit_kind == "outside" for h in self.held)

    def holds(self, *posts: str) -> bool:
        """Say whether any of the posts is held."""
        return bool(self.posts & set(posts))


NOBODY = Standing()


@dataclass(frozen=True)
class Right:
    """One thing a post lets a person see: every matter of a `place`, or the tasks of a `unit`, and by which post."""

    what: str  # place, unit, outside
    held: Held


def rights(standing: Standing) -> list[Right]:
    """List what a person may see and by which post; complaints about the lineage are hidden whatever stands here."""
    found = []
    for held in standing.held:
        if held.unit_kind == "outside":
            found.append(Right("outside", held))
            continue
        if held.post in OVERSEEING and held.unit_kind in GOVERNING and held.place_id:
            found.append(Right("place", held))
        found.append(Right("unit", held))
    return found


def clashing(held: Iterable[str], post: str) -> str:
    """Give the power somebody holds that does not go with a post; "" where all goes together."""
    return next((p for p in sorted(held) if p in POWERS and p != post), "") if post in POWERS else ""


def digest(token: str) -> str:
    """Give what is kept of a token; its words themselves are shown once and never again."""
    return hashlib.sha256(token.encode()).hexdigest()
