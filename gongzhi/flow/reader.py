"""Read a process file: TOML text in, a Process out, or one Faulty that lists everything wrong in it."""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from gongzhi.flow.definition import (
    LEVELS,
    VERBS,
    Action,
    Approve,
    Deadline,
    Faulty,
    Field,
    Late,
    Limit,
    Open,
    Opens,
    Problem,
    Process,
    Role,
    Stage,
    Verb,
)

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
HEADER = re.compile(r"^\s*\[+\s*([A-Za-z0-9_.\-\s]+?)\s*\]+\s*(#.*)?$")
KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+)\s*=")
ROLE_FORMS = (
    (re.compile(r"(?P<source>case|parent)\.(?P<what>[a-z][a-z0-9_]*)\Z"), "field"),
    (re.compile(r"head:(?P<source>case)\.(?P<what>[a-z][a-z0-9_]*)\Z"), "head"),
    (re.compile(r"(?P<kind>post|head|each|any):(?P<what>[a-z][a-z0-9_]*)@(?P<level>[a-z]+)\Z"), ""),
    (re.compile(r"any:(?P<what>[a-z][a-z0-9_]*)\Z"), "any"),
    (re.compile(r"(?P<kind>anyone|system|elsewhere)\Z"), ""),
)
ROLE_HELP = (
    "可以写 case.字段、parent.字段、post:岗位@层级、head:岗位@层级、head:case.字段、each:单位类别@层级、"
    f"any:人群@范围、anyone、system、elsewhere；层级是 {'、'.join(LEVELS)} 之一。"
)
KEYS = {
    part: tuple(listed.split())
    for part, listed in {
        "process": "key title start deadline late apart open roles verbs limits stages emergency",
        "open": "by form parent when",
        "verb": "title by in within limit per every max form approve tell when late to",
        "limit": "of max per then",
        "stage": "title task tasks deadline since expects late join then children opens watch public private waits raise"
        " actions",
        "expected": "within of else",
        "action": "title to by form each when unless flag approve opens public",
        "late": "at notify flag raise do opens",
        "approve": "by within silence",
        "opens": "process each",
        "emergency": "stages",
    }.items()
}

Path = tuple[str, ...]
T = TypeVar("T")


def read(text: str) -> Process:
    """Turn the text of a process file into a Process; raise Faulty with every problem of its form."""
    reader = Reader(text)
    process = reader.process(reader.document())
    if reader.problems:
        raise Faulty(reader.problems)
    return process


def role(name: str, text: str) -> Role | None:
    """Return what a role word means, or None when it is not in the grammar."""
    for form, kind in ROLE_FORMS:
        if match := form.match(text):
            parts = match.groupdict()
            if parts.get("level", "level") in LEVELS:
                return Role(name=name, text=text, **{"kind": kind, **parts})
    return None


class Lines:
    """Where things stand in the text, found by looking, because tomllib keeps no line numbers."""

    def __init__(self, text: str):
        self.at: dict[Path, int] = {}
        header: Path = ()
        for number, line in enumerate(text.splitlines(), 1):
            if match := HEADER.match(line):
                header = tuple(part.strip() for part in match[1].split("."))
                self.at.setdefault(header, number)
            elif match := KEY.match(line):
                self.at.setdefault((*header, "tasks" if match[1] == "task" else match[1]), number)

    def __call__(self, *path: str) -> int:
        """Return the line of the longest part of the path that stands in the file, 0 if none does."""
        return next((self.at[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.at), 0)


class Reader:
    """Builds a Process and notes every problem with its line; carries on after each with something harmless."""

    def __init__(self, text: str):
        self.text = text
        self.lines = Lines(text)
        self.problems: list[Problem] = []

    def document(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            place = re.search(r"line (\d+)", str(error))
            line = int(place[1]) if place else len(self.text.splitlines())
            sentence = f"这里写法有误：引号、括号或逗号不配对，或者同一个名字写了两次（{error}）。"
            raise Faulty([Problem(line, sentence)]) from error

    def wrong(self, path: Path, sentence: str) -> None:
        self.problems.append(Problem(self.lines(*path), sentence))

    # ---- parts of the file, from the whole to the smallest

    def process(self, doc: dict[str, Any]) -> Process:
        self.keys((), doc, KEYS["process"], needed=("key", "title", "start", "roles", "stages"))
        stages = self.table((), doc, "stages")
        return Process(
            key=self.name((), doc, "key"),
            title=self.word((), doc, "title"),
            start=self.word((), doc, "start"),
            stages=self.each(("stages",), stages, self.stage),
            roles=self.roles(self.table((), doc, "roles")),
            open=self.open(self.table((), doc, "open")),
            deadline=self.deadline((), doc),
            late=self.late((), doc),
            apart=self.apart(doc),
            verbs=self.each(("verbs",), self.table((), doc, "verbs"), self.verb),
            limits=self.each(("limits",), self.table((), doc, "limits"), self.limit),
            emergency=self.emergency(self.table((), doc, "emergency"), stages),
            text=self.text,
            digest=hashlib.sha256(self.text.encode()).hexdigest(),
        )

    def roles(self, body: dict[str, Any]) -> dict[str, Role]:
        found = {}
        for name in body:
            text = self.word(("roles",), body, name)
            if meaning := role(name, text):
                found[name] = meaning
            elif text:
                self.wrong(("roles", name), f"角色“{name}”的写法“{text}”看不懂。{ROLE_HELP}")
        return found

    def open(self, body: dict[str, Any]) -> Open:
        path = ("open",)
        self.keys(path, body, KEYS["open"])
        return Open(
            by=self.words(path, body, "by"),
            form=self.form(path, body),
            parent=self.words(path, body, "parent"),
            when=self.words(path, body, "when"),
        )

    def verb(self, path: Path, name: str, body: dict[str, Any]) -> Verb:
        if name not in VERBS:
            self.wrong(path, f"没有“{name}”这个通用动作{self.guess(name, VERBS)}。可用的有：{'、'.join(VERBS)}。")
        self.keys(path, body, KEYS["verb"], needed=("by",))
        return Verb(
            name=name,
            title=self.word(path, body, "title") or VERBS.get(name, name),
            by=self.words(path, body, "by"),
            in_=self.words(path, body, "in"),
            within=self.word(path, body, "within"),
            limit=self.number(path, body, "limit"),
            per=self.word(path, body, "per") or "case",
            every=self.word(path, body, "every"),
            max=self.word(path, body, "max"),
            form=self.form(path, body),
            approve=self.approve(path, body),
            tell=self.words(path, body, "tell"),
            when=self.words(path, body, "when"),
            late=self.late(path, body),
            to=self.word(path, body, "to"),
        )

    def limit(self, path: Path, name: str, body: dict[str, Any]) -> Limit:
        self.keys(path, body, KEYS["limit"], needed=("of", "max"))
        return Limit(
            name=name,
            of=self.words(path, body, "of"),
            max=self.number(path, body, "max"),
            per=self.word(path, body, "per") or "case",
            then=self.word(path, body, "then"),
        )

    def stage(self, path: Path, name: str, body: dict[str, Any]) -> Stage:
        self.keys(path, body, KEYS["stage"], needed=("title",))
        if "task" in body and "tasks" in body:
            self.wrong(path, f"阶段“{name}”里 task 和 tasks 只写一个：一个角色用 task，几个角色用 tasks。")
        tasks = self.words(path, body, "task") or self.words(path, body, "tasks")
        expects = self.table(path, body, "expects")
        actions = self.table(path, body, "actions")
        return Stage(
            name=name,
            title=self.word(path, body, "title"),
            tasks=tasks,
            deadline=self.deadline(path, body),
            expects={action: self.expected(path, expects, action) for action in expects},
            expects_of={action: self.words((*path, "expects"), of, "of") for action, of in expects.items()
                        if isinstance(of, dict) and "of" in of},
            expects_else={action: self.word((*path, "expects"), of, "else") for action, of in expects.items()
                          if isinstance(of, dict) and "else" in of},
            late=self.late(path, body),
            join=self.word(path, body, "join"),
            then=self.word(path, body, "then"),
            children=self.word(path, body, "children"),
            opens=self.opens(path, body),
            watch=self.words(path, body, "watch"),
            public=self.word(path, body, "public"),
            private=self.flag(path, body, "private"),
            waits=self.flag(path, body, "waits"),
            raise_=self.flag(path, body, "raise"),
            actions=self.each((*path, "actions"), actions, partial(self.action, tasks=tasks)),
        )

    def expected(self, path: Path, body: dict[str, Any], action: str) -> str:
        """Read in what time something is expected: a word, or { within = "24h", of = "role", else = "role" }."""
        path, given = (*path, "expects"), body[action]
        if not isinstance(given, dict):
            return self.word(path, body, action)
        self.keys((*path, action), given, KEYS["expected"], needed=("within",))
        return self.word(path, given, "within")

    def action(self, path: Path, name: str, body: dict[str, Any], tasks: tuple[str, ...]) -> Action:
        self.keys(path, body, KEYS["action"], needed=("title",))
        return Action(
            name=name,
            title=self.word(path, body, "title"),
            by=self.words(path, body, "by") or tasks,
            to=self.word(path, body, "to"),
            form=self.form(path, body),
            each=self.flag(path, body, "each"),
            when=self.words(path, body, "when"),
            unless=self.words(path, body, "unless"),
            flag=self.word(path, body, "flag"),
            approve=self.approve(path, body),
            opens=self.opens(path, body),
            public=self.word(path, body, "public"),
        )

    def emergency(self, body: dict[str, Any], stages: dict[str, Any]) -> dict[str, Stage]:
        """Lay the emergency keys over a copy of the stage; an action is laid over key by key."""
        self.keys(("emergency",), body, KEYS["emergency"])
        found = {}
        for name, over in self.table(("emergency",), body, "stages").items():
            path = ("emergency", "stages", name)
            base = stages.get(name)
            if not isinstance(base, dict) or not isinstance(over, dict):
                self.wrong(path, f"应急变体改写的阶段“{name}”不存在{self.guess(name, stages)}。")
                continue
            actions = dict(base.get("actions", {}))
            for action, keys in over.get("actions", {}).items():
                actions[action] = {**actions.get(action, {}), **keys}
            merged = {**base, **over, **({"actions": actions} if actions else {})}
            found[name] = self.stage(path, name, merged)
        return found

    def late(self, path: Path, body: dict[str, Any]) -> tuple[Late, ...]:
        steps = body.get("late", [])
        path = (*path, "late")
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            self.wrong(path, 'late 是一列步骤，写成 late = [{ at = "80%", notify = ["角色"] }]。')
            return ()
        return tuple(self.late_step(path, step) for step in steps)

    def late_step(self, path: Path, body: dict[str, Any]) -> Late:
        self.keys(path, body, KEYS["late"], needed=("at",))
        return Late(
            at=self.word(path, body, "at"),
            notify=self.words(path, body, "notify"),
            flag=self.word(path, body, "flag"),
            raise_=self.flag(path, body, "raise"),
            do=self.word(path, body, "do"),
            opens=self.opens(path, body),
        )

    def deadline(self, path: Path, body: dict[str, Any]) -> Deadline:
        given = body.get("deadline", "")
        since = self.word(path, body, "since")
        if isinstance(given, dict):
            at = (*path, "deadline")
            choices = {key: self.word(at, given, key) for key in given if key != "by"}
            return Deadline(by=self.word(at, given, "by"), choices=choices, since=since)
        return Deadline(rule=self.word(path, body, "deadline"), since=since)

    def approve(self, path: Path, body: dict[str, Any]) -> Approve | None:
        given = self.table(path, body, "approve")
        path = (*path, "approve")
        if not given:
            return None
        self.keys(path, given, KEYS["approve"], needed=("by",))
        silence = self.word(path, given, "silence") or "refuse"
        return Approve(by=self.words(path, given, "by"), within=self.word(path, given, "within"), silence=silence)

    def opens(self, path: Path, body: dict[str, Any]) -> Opens | None:
        given = self.table(path, body, "opens")
        path = (*path, "opens")
        if not given:
            return None
        self.keys(path, given, KEYS["opens"], needed=("process",))
        return Opens(process=self.word(path, given, "process"), each=self.word(path, given, "each"))

    def apart(self, doc: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        pairs = doc.get("apart", [])
        good = isinstance(pairs, list) and all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(word, str) for word in pair) for pair in pairs
        )
        if not good:
            self.wrong(("apart",), 'apart 是成对的角色，写成 apart = [["角色甲", "角色乙"]]。')
            return ()
        return tuple((a, b) for a, b in pairs)

    def form(self, path: Path, body: dict[str, Any]) -> tuple[Field, ...]:
        return tuple(Field(word.removesuffix("!"), word.endswith("!")) for word in self.words(path, body, "form"))

    # ---- values of one key

    def keys(self, path: Path, body: dict[str, Any], known: Iterable[str], needed: Iterable[str] = ()) -> None:
        where = f"“{'.'.join(path)}”" if path else "文件开头"
        for key in set(body) - set(known):
            sentence = f"{where}里没有“{key}”这个键{self.guess(key, known)}。可用的有：{'、'.join(known)}。"
            self.wrong((*path, key), sentence)
        for key in set(needed) - set(body):
            self.wrong(path, f"{where}缺少“{key}”。")

    def each(self, path: Path, body: dict[str, Any], build: Callable[[Path, str, dict[str, Any]], T]) -> dict[str, T]:
        return {name: build((*path, name), name, self.entry(path, body, name)) for name in body}

    def entry(self, path: Path, body: dict[str, Any], name: str) -> dict[str, Any]:
        if not NAME.match(name):
            self.wrong((*path, name), f"名字“{name}”只能用小写英文字母、数字和下划线，以字母开头。")
        return self.table(path, body, name)

    def table(self, path: Path, body: dict[str, Any], key: str) -> dict[str, Any]:
        given = body.get(key, {})
        if isinstance(given, dict):
            return given
        self.wrong((*path, key), f"“{key}”应是一组键值，写成 {{ 键 = 值 }} 或 [段落]。")
        return {}

    def word(self, path: Path, body: dict[str, Any], key: str) -> str:
        given = body.get(key, "")
        if isinstance(given, str):
            return given
        self.wrong((*path, key), f"“{key}”应是一个加引号的词，现在写的是 {given!r}。")
        return ""

    def name(self, path: Path, body: dict[str, Any], key: str) -> str:
        given = self.word(path, body, key)
        if given and not NAME.match(given):
            self.wrong((*path, key), f"“{key}”的值“{given}”只能用小写英文字母、数字和下划线，以字母开头。")
        return given

    def words(self, path: Path, body: dict[str, Any], key: str) -> tuple[str, ...]:
        """Read one word or a list of words; one word stands for a list of one."""
        given = body.get(key, [])
        listed = [given] if isinstance(given, str) else given
        if isinstance(listed, list) and all(isinstance(word, str) for word in listed):
            return tuple(listed)
        self.wrong((*path, key), f'“{key}”应是一个词或一列词，写成 ["甲", "乙"]，现在写的是 {given!r}。')
        return ()

    def number(self, path: Path, body: dict[str, Any], key: str) -> int:
        given = body.get(key, 0)
        if isinstance(given, int) and not isinstance(given, bool) and (given > 0 or key not in body):
            return given
        self.wrong((*path, key), f"“{key}”应是不加引号的正整数，现在写的是 {given!r}。")
        return 0

    def flag(self, path: Path, body: dict[str, Any], key: str) -> bool:
        given = body.get(key, False)
        if isinstance(given, bool):
            return given
        self.wrong((*path, key), f"“{key}”只能写 true 或 false（不加引号），现在写的是 {given!r}。")
        return False

    @staticmethod
    def guess(word: str, known: Iterable[str]) -> str:
        near = difflib.get_close_matches(word, list(known), n=1)
        return f"，是不是想写“{near[0]}”" if near else ""
