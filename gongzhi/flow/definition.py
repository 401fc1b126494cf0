"""What a process is: plain frozen data read from one TOML file, no Django, no database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LEVELS = ("grid", "community", "street", "district", "city", "level", "place")  # `level` is the case's own
JOINS = ("all", "any", "lead")
PERS = ("case", "visit", "unit", "person")
SILENCES = ("refuse", "agree", "wait")
ALWAYS = ("anyone", "system", "elsewhere")  # role words that need no line under [roles]

# The six states a resident may see; never more, never the inner stages.
PUBLIC_STATES = {
    "received": "已收到",
    "dispatching": "正在派单",
    "handling": "办理中",
    "to_rate": "待您评价",
    "done": "已办完",
    "redoing": "正在重办",
}

# Verbs every process may offer beside its actions, with the word on the button.
VERBS = {
    "assign": "二级派单",
    "extend": "申请延期",
    "hold": "挂起",
    "resume": "恢复办理",
    "urge": "催办",
    "supervise": "督办",
    "withdraw": "撤回",
    "support": "我也遇到",
    "comment": "补充说明",
    "attach": "补充材料",
    "watch": "关注",
}


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a process file: the line (0 when none can be named) and what to do about it."""

    line: int
    sentence: str

    def __str__(self) -> str:
        return f"第 {self.line} 行：{self.sentence}" if self.line else self.sentence


class Faulty(Exception):
    """A process file that cannot be used, with everything that is wrong in it."""

    def __init__(self, problems: list[Problem]):
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True)
class Field:
    """A form field by its registered name; written `name!` when it must be filled."""

    name: str
    required: bool = False


@dataclass(frozen=True)
class Role:
    """
    A role word and who it means.

    | written                              | kind     | source      | what        | level |
    |--------------------------------------|----------|-------------|-------------|-------|
    | `case.FIELD`, `parent.FIELD`         | `field`  | case/parent | FIELD       |       |
    | `post:NAME@LEVEL`                    | `post`   |             | NAME        | LEVEL |
    | `head:ROLE@LEVEL`                    | `head`   |             | ROLE (post) | LEVEL |
    | `head:case.FIELD`                    | `head`   | case        | FIELD       |       |
    | `each:KIND@LEVEL`                    | `each`   |             | KIND        | LEVEL |
    | `any:KIND@PLACE`, `any:KIND`         | `any`    |             | KIND        | PLACE |
    | `anyone`, `system`, `elsewhere`      | the word |             |             |       |
    """

    name: str
    text: str
    kind: str
    what: str = ""
    level: str = ""
    source: str = ""

    @property
    def has_desk(self) -> bool:
        """Say whether this role gets tasks; populations and the clock do not."""
        return self.kind not in ("any", *ALWAYS)


@dataclass(frozen=True)
class Approve:
    """Somebody else must agree first; `silence` says what no answer within `within` means.

    With `wait` it means nothing: the head of the approver is told, the case is marked as supervised, and the task stays.
    """

    by: tuple[str, ...]
    within: str = ""
    silence: str = "refuse"


@dataclass(frozen=True)
class Opens:
    """A child case; `each` names a case field with several units, one child for every unit."""

    process: str
    each: str = ""


@dataclass(frozen=True)
class Deadline:
    """
    When a stage or case is due.

    `rule` is a duration (`30m`, `2h`, `5d`, `24h calendar`), `standard` (from the category), `case` (when the
    case is due, at once if that has passed) or `on:FIELD`; or it is chosen among `choices` by the value of the
    field `by` (`parent.FIELD` reads the parent case). `since = "open"` counts from the opening of the case.
    """

    rule: str = ""
    by: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    since: str = ""

    def __bool__(self) -> bool:
        return bool(self.rule or self.choices)

    def rule_for(self, value: str = "") -> str:
        """Return the rule, chosen by the value of the field `by` where there are choices."""
        return self.choices.get(value, "") if self.choices else self.rule

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(self.choices.values()) or ((self.rule,) if self.rule else ())


@dataclass(frozen=True)
class Late:
    """
    One step of a ladder: at `80%` of the deadline, so long after entry (`350d calendar`), or `on:FIELD`.

    `do` is an action of the same stage, taken by the system; where its condition or limit refuses, the step is
    passed over. Steps run in the order of the file.
    """

    at: str
    notify: tuple[str, ...] = ()
    flag: str = ""
    raise_: bool = False
    do: str = ""
    opens: Opens | None = None

    @property
    def percent(self) -> int | None:
        """Return the share of the deadline at which the step is due, None when it goes by another clock."""
        number = self.at.removesuffix("%")
        return int(number) if number != self.at and number.isascii() and number.isdecimal() else None

    @property
    def on_field(self) -> str:
        return self.at[3:] if self.at.startswith("on:") else ""

    @property
    def only_tells(self) -> bool:
        """Say whether the step may run as one statement over many rows."""
        return not (self.do or self.raise_ or self.opens)


@dataclass(frozen=True)
class Action:
    """
    What somebody can do in a stage.

    No `to` stays in the stage; `each` finishes the actor's own task and leaves it to `join` and `then`.
    `when` names conditions that must hold, `unless` flags that must not be set, `flag` sets one.
    `public` shows residents this state instead of the next stage's own (a redo is 正在重办).
    """

    name: str
    title: str
    by: tuple[str, ...]
    to: str = ""
    form: tuple[Field, ...] = ()
    each: bool = False
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    flag: str = ""
    approve: Approve | None = None
    opens: Opens | None = None
    public: str = ""

    @property
    def by_system(self) -> bool:
        return "system" in self.by

    @property
    def by_people(self) -> bool:
        return any(role not in ("system", "elsewhere") for role in self.by)

    @property
    def only_by_clock(self) -> bool:
        """Whether nobody but our own clock takes it."""
        return all(role == "system" for role in self.by)


@dataclass(frozen=True)
class Stage:
    """
    Where a case can be.

    `tasks` are the roles that get a task here, one for every unit the role yields. `expects` maps an action to
    the time in which it must have been done once, by each who has a task and may do it and whom its early conditions
    let, or by those of `expects_of` alone; where it can be expected of none of them, it falls to the desk of
    `expects_else`, as a task of its own: a duty. `join` says when the `each` tasks are enough (`all`, `any`,
    or `lead`: the task of the first role of `tasks`, or of a section inside that unit), `then` where it goes.
    While a case is in a `private` stage only the desks with a part in it see it, not those who oversee the place:
    whom a report complains of is not known before somebody has read it. In a stage that `waits` the case's own clock
    stands still: the work is done and somebody outside is asked; it goes on where it was if the case comes back.
    """

    name: str
    title: str
    tasks: tuple[str, ...] = ()
    deadline: Deadline = Deadline()
    expects: Mapping[str, str] = field(default_factory=dict)
    expects_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    expects_else: Mapping[str, str] = field(default_factory=dict)
    late: tuple[Late, ...] = ()
    join: str = ""
    then: str = ""
    children: str = ""
    opens: Opens | None = None
    watch: tuple[str, ...] = ()
    public: str = ""
    private: bool = False
    waits: bool = False
    raise_: bool = False
    actions: Mapping[str, Action] = field(default_factory=dict)

    @property
    def is_end(self) -> bool:
        return not self.actions

    @property
    def next_stages(self) -> tuple[str, ...]:
        """Return the names of the stages the actions lead to, `then` included, each once."""
        return tuple(dict.fromkeys(n for n in (*(a.to for a in self.actions.values()), self.then) if n))


@dataclass(frozen=True)
class Open:
    """Who may begin a case, with which form, under which parent process ("" = from nothing), when."""

    by: tuple[str, ...] = ()
    form: tuple[Field, ...] = ()
    parent: tuple[str, ...] = ()
    when: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verb:
    """
    A verb common to all stages: by whom, in which stages (none named: in every stage but an end), how often.

    `limit` per `per`, at most once per `every`, for at most `max` (extend, hold); `within = "unit"` keeps an
    assignment inside the unit, whose `late` is the ladder of its inner deadline; `to` is the end a withdrawn case
    enters; `tell` are the roles who get a notice.
    """

    name: str
    title: str
    by: tuple[str, ...]
    in_: tuple[str, ...] = ()
    within: str = ""
    limit: int = 0
    per: str = "case"
    every: str = ""
    max: str = ""
    form: tuple[Field, ...] = ()
    approve: Approve | None = None
    tell: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    late: tuple[Late, ...] = ()
    to: str = ""


@dataclass(frozen=True)
class Limit:
    """
    How often the actions in `of` (`stage.action`, or `*.action`) may be taken together, per `per`.

    `then` names the action offered only when the group is used up; the group itself is refused from then on.
    """

    name: str
    of: tuple[str, ...]
    max: int
    per: str = "case"
    then: str = ""

    def covers(self, stage: str, action: str) -> bool:
        return f"{stage}.{action}" in self.of or f"*.{action}" in self.of

    def opens(self, stage: str, action: str) -> bool:
        return self.then in (f"{stage}.{action}", f"*.{action}")


@dataclass(frozen=True)
class Process:
    """A whole process; `text` is the file as published and `digest` the SHA-256 of exactly that text."""

    key: str
    title: str
    start: str
    stages: Mapping[str, Stage]
    roles: Mapping[str, Role]
    open: Open = Open()
    deadline: Deadline = Deadline()
    late: tuple[Late, ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    emergency: Mapping[str, Stage] = field(default_factory=dict)
    text: str = ""
    digest: str = ""

    def stage(self, name: str, *, emergency: bool = False) -> Stage:
        """Return a stage, in its emergency variant while the place is switched."""
        return self.emergency.get(name, self.stages[name]) if emergency else self.stages[name]

    def apart_from(self, role: str) -> frozenset[str]:
        """Return the roles nobody may hold who acts as `role`."""
        return frozenset(b for pair in self.apart for a, b in (pair, pair[::-1]) if a == role)

    def limits_on(self, stage: str, action: str) -> tuple[Limit, ...]:
        """Return the limits that count this action."""
        return tuple(limit for limit in self.limits.values() if limit.covers(stage, action))

    def limits_before(self, stage: str, action: str) -> tuple[Limit, ...]:
        """Return the limits one of which must be used up before this action is offered; none: always offered."""
        return tuple(limit for limit in self.limits.values() if limit.opens(stage, action))

    def verb_in(self, verb: str, stage: str) -> Verb | None:
        """Return the verb if it can be used in this stage."""
        found = self.verbs.get(verb)
        usable = found and (stage in found.in_ if found.in_ else not self.stages[stage].is_end)
        return found if usable else None

    def all_actions(self) -> Iterator[tuple[Stage, Action]]:
        """Yield every action with its stage, the emergency variants included."""
        for stage in (*self.stages.values(), *self.emergency.values()):
            for action in stage.actions.values():
                yield stage, action
