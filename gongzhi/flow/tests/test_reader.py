import copy
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gongzhi.flow import diagram, reader, registry, versions
from gongzhi.flow.checks import Known, check, load
from gongzhi.flow.definition import Faulty, Field, Role
from gongzhi.flow.tests import toml

ROOT = Path(__file__).parents[3]
REQUEST = (ROOT / "processes/request.toml").read_text()

Doc = dict[str, Any]


def a_process() -> Doc:
    """A small process that uses most of the grammar."""
    return {
        "key": "small",
        "title": "小流程",
        "start": "asking",
        "deadline": "standard",
        "late": [{"at": "100%", "notify": ["clerk"], "flag": "late"}],
        "apart": [["checker", "lead"]],
        "open": {"by": ["anyone"], "form": ["words!"]},
        "roles": {
            "clerk": "post:operator@level",
            "lead": "case.lead",
            "checker": "post:checker@district",
            "crowd": "any:resident@place",
        },
        "verbs": {
            "hold": {"by": "clerk", "max": "30d", "form": ["reason!"]},
            "resume": {"by": "clerk"},
            "withdraw": {"by": "clerk", "in": ["asking"], "to": "withdrawn"},
        },
        "limits": {"returns": {"of": ["working.return"], "max": 2, "then": "working.appeal"}},
        "stages": {
            "asking": {
                "title": "待派单",
                "task": "clerk",
                "deadline": "2h",
                "public": "received",
                "late": [{"at": "80%", "notify": ["clerk"]}, {"at": "100%", "do": "lapse"}],
                "actions": {
                    "give": {"title": "派单", "to": "working", "form": ["lead!"]},
                    "lapse": {"title": "到期", "to": "ended", "by": "system"},
                },
            },
            "working": {
                "title": "办理中",
                "tasks": ["lead"],
                "deadline": "standard",
                "public": "handling",
                "expects": {"sign": "2h"},
                "join": "lead",
                "then": "checking",
                "actions": {
                    "sign": {"title": "签收"},
                    "finish": {
                        "title": "办结",
                        "each": True,
                        "form": ["reply!"],
                        "approve": {"by": "clerk", "within": "4h"},
                    },
                    "return": {"title": "退单", "to": "asking", "unless": "fixed"},
                    "appeal": {"title": "异议", "to": "checking", "flag": "fixed"},
                },
            },
            "checking": {
                "title": "待核查",
                "task": "checker",
                "deadline": "case",
                "public": "to_rate",
                "raise": True,
                "actions": {
                    "pass": {"title": "通过", "to": "ended", "when": "has_words"},
                    "fail": {"title": "不通过", "to": "working", "public": "redoing"},
                },
            },
            "ended": {"title": "已归档", "public": "done"},
            "withdrawn": {"title": "已撤回", "public": "done"},
        },
        "emergency": {"stages": {"working": {"expects": {"sign": "30m calendar"}}}},
    }


def problems(doc: Doc, known: Known | None = None) -> list[reader.Problem]:
    try:
        load(toml.dump(doc), known or Known(done=()))
    except Faulty as fault:
        return fault.problems
    return []


def put(doc: Doc, path: str, value: Any) -> None:
    *way, last = path.split("/")
    for key in way:
        doc = doc[key]
    if value is None:
        del doc[last]
    else:
        doc[last] = value


def line_of(text: str, path: str) -> int:
    return reader.Lines(text)(*path.split("/"))


# (what is broken, with what, what the sentence says); the line is that of the deepest part that stands in the file
FAULTS = [
    ("stages/asking/titel", "待办", "是不是想写“title”"),
    ("stages/asking/title", None, "缺少“title”"),
    ("stages/asking/title", 5, "加引号的词"),
    ("stages/asking/tasks", ["clerk"], "只写一个"),
    ("stages/asking/task", "clark", "是不是想写“clerk”"),
    ("stages/asking/task", "crowd", "收不到待办"),
    ("stages/asking/task", None, "没有写 task"),
    ("stages/asking/deadline", "two hours", "不是时限"),
    ("stages/asking/deadline", None, "没有写 deadline"),
    ("stages/asking/since", "start", "since 只能写 open"),
    ("stages/asking/public", "secret", "received（已收到）"),
    ("stages/asking/public", None, "没有写 public"),
    ("stages/asking/children", "maybe", "before_leaving"),
    ("stages/asking/watch", ["nobody"], "[roles] 里没有它"),
    ("stages/asking/join", "all", "没有 each = true"),
    ("stages/asking/late", "soon", "一列步骤"),
    ("stages/asking/late", [{"at": "80%"}], "什么也没做"),
    ("stages/asking/late", [{"at": "80 %", "flag": "late"}], "百分比看不懂"),
    ("stages/asking/late", [{"at": "later", "flag": "late"}], "不是时限"),
    ("stages/asking/late", [{"at": "100%", "flag": "a"}, {"at": "80%", "flag": "b"}], "百分比小的在前"),
    ("stages/asking/late", [{"at": "80%", "notify": ["anyone"]}], "不是可以通知的人"),
    ("stages/asking/late", [{"at": "100%", "do": "lapsed"}], "是不是想写“lapse”"),
    ("stages/asking/late", [{"at": "100%", "do": "give"}], "by 里没有 system"),
    ("stages/asking/late", [{"at": "100%", "flag": "late"}], "没有 late 步骤"),
    ("stages/asking/late", [{"at": "100%", "do": "lapse", "to": "x"}], "里没有“to”这个键"),
    ("stages/asking/actions/give/to", "wurking", "是不是想写“working”"),
    ("stages/asking/actions/give/by", ["clerk", 3], "一列词"),
    ("stages/asking/actions/give/by", "boss", "[roles] 里没有它"),
    ("stages/asking/actions/give/title", "到期", "分不清按钮"),
    ("stages/asking/actions/give/public", "soon", "received（已收到）"),
    ("stages/asking/actions/give/flag", "a_flag_far_too_long", "太长"),
    ("stages/asking/actions/give/form", [], "永远没有人"),
    ("stages/asking/actions/lapse/form", ["reason!"], "系统填不了"),
    ("stages/asking/actions/lapse/to", "asking", "自己带着转圈"),
    ("stages/asking/actions/GIVE", {"title": "派"}, "小写英文字母"),
    ("stages/asking/actions/an_action_with_too_long_a_name", {"title": "长"}, "太长"),
    ("stages/working/expects", {"signed": "2h"}, "是不是想写“sign”"),
    ("stages/working/expects", {"sign": "soon"}, "不是时限"),
    ("stages/working/expects", {"sign": {"of": "lead"}}, "缺少“within”"),
    ("stages/working/expects", {"sign": {"within": "2h", "of": "clerk"}}, "要等角色“clerk”"),
    ("stages/working/expects", {"sign": {"within": "2h", "else": "clerk"}}, "没有别人能做时归角色“clerk”"),
    ("stages/working/expects", {"sign": {"within": "2h", "else": "cleark"}}, "是不是想写“clerk”"),
    ("verbs/hold/late", [{"at": "80%", "notify": ["clerk"]}], "只有 assign"),
    ("verbs/assign", {"by": "lead", "late": [{"at": "80%", "notify": ["clerk"], "flag": "late"}]}, "按百分比的提醒"),
    ("verbs/assign", {"by": "lead", "late": [{"at": "80%", "notify": ["nobody"]}]}, "写了角色“nobody”"),
    ("stages/working/join", "some", "join 只能写"),
    ("stages/working/join", None, "要写 join"),
    ("stages/working/then", None, "要写 then"),
    ("stages/working/then", "done", "写的阶段“done”不存在"),
    ("stages/working/actions/finish/by", "checker", "永远等不到"),
    ("stages/working/actions/finish/to", "ended", "同时写了 each 和 to"),
    ("stages/working/actions/finish/by", "clerk", "没有一个角色在这个阶段有待办"),
    ("stages/working/actions/finish/each", "yes", "true 或 false"),
    ("stages/working/actions/finish/approve", {"by": "lead", "within": "4h"}, "自己批自己"),
    ("stages/working/actions/finish/approve", {"by": "anyone", "within": "4h"}, "批准人“anyone”收不到待办"),
    ("stages/working/actions/finish/approve", {"by": "clerk"}, "要写 within"),
    ("stages/working/actions/finish/approve", {"by": "clerk", "within": "4h", "silence": "maybe"}, "silence 只能写"),
    ("stages/working/actions/return/unless", "fixt", "没有任何动作或步骤用 flag"),
    ("stages/checking/raise", "yes", "true 或 false"),
    ("stages/checking/private", 1, "true 或 false"),
    ("stages/checking/actions", {"again": {"title": "再查"}}, "走不到终点"),
    ("stages/ended/deadline", "2h", "是终点"),
    ("stages/lost", {"title": "没人来", "public": "done"}, "没有任何动作通向它"),
    ("start", "begin", "“begin”不存在"),
    ("start", "ended", "一开始就结束了"),
    ("start", None, "缺少“start”"),
    ("title", None, "缺少“title”"),
    ("owner", "me", "里没有“owner”这个键"),
    ("key", "Small", "小写英文字母"),
    ("deadline", None, "整件事没有写 deadline"),
    ("deadline", "case", "整件事没有写 deadline"),
    ("late", [{"at": "100%", "do": "vanish"}], "没有这个动作"),
    ("apart", ["checker", "lead"], "成对的角色"),
    ("apart", [["checker", "checker"]], "和自己成对"),
    ("apart", [["checker", "system"]], "不是某个单位的人"),
    ("apart", [["checker", "leed"]], "是不是想写“lead”"),
    ("open/by", ["everyone"], "[roles] 里没有它"),
    ("open", {}, "永远不会开始"),
    ("roles/clerk", "operator", "看不懂"),
    ("roles/clerk", "post:operator@moon", "看不懂"),
    ("roles/clerk", "post:operator@street", "没有一个角色写 @level"),
    ("roles/anyone", "case.lead", "固定的词"),
    ("roles/section", "case.section", "没有任何表单填写“section”"),
    ("verbs/resume", None, "没有人能恢复"),
    ("verbs/delay", {"by": "clerk"}, "没有“delay”这个通用动作"),
    ("verbs/hold/by", ["boss"], "[roles] 里没有它"),
    ("verbs/hold/max", "long", "不是时限"),
    ("verbs/hold/in", ["ended"], "是终点"),
    ("verbs/hold/to", "ended", "只有 withdraw 会离开阶段"),
    ("verbs/hold/per", "day", "per 只能写"),
    ("verbs/hold/limit", "one", "正整数"),
    ("verbs/withdraw/to", None, "撤回后进入哪个终点"),
    ("verbs/withdraw/to", "working", "不是终点"),
    ("verbs/resume/within", "city", "within 只能写 unit"),
    ("limits/returns/of", ["working.give"], "“working.give”不存在"),
    ("limits/returns/then", "working.apeal", "是不是想写“working.appeal”"),
    ("limits/returns/then", "asking.give", "可用"),
    ("limits/returns/then", "working.return", "不能算在自己里面"),
    ("limits/returns/max", 0, "正整数"),
    ("limits/returns/per", "week", "per 只能写"),
    ("limits/checks", {"of": ["checking.pass", "checking.fail"], "max": 3}, "用完就出不去了"),
    ("emergency/stages/sleeping", {"deadline": "1h"}, "不存在"),
    ("emergency/stages/working/expects", {"sign": "soon"}, "不是时限"),
]


@pytest.mark.parametrize(("path", "value", "said"), FAULTS, ids=[f"{p}={v}"[:60] for p, v, _ in FAULTS])
def test_a_fault_is_told_with_its_line(path, value, said):
    doc = a_process()
    put(doc, path, value)
    told = [problem for problem in problems(doc) if said in problem.sentence]
    assert told, problems(doc)
    assert all(problem.line for problem in told) or "/" not in path


def test_the_small_process_is_good():
    assert problems(a_process()) == []


def test_a_fault_is_found_on_the_line_where_it_stands():
    text = REQUEST.replace(
        'dispatch  = { title = "派单",     to = "handling"', 'dispatch  = { title = "派单",     to = "handing"'
    )
    (problem,) = _problems(text)
    assert text.splitlines()[problem.line - 1].startswith("dispatch ")
    assert "“handing”不存在，是不是想写“handling”" in problem.sentence


def test_what_is_no_toml_is_told_with_its_line():
    (problem,) = _problems('key = "a"\ntitle = "没有收尾\n')
    assert (problem.line, "写法有误" in problem.sentence) == (2, True)


def test_all_problems_are_told_at_once():
    doc = a_process()
    put(doc, "stages/asking/task", "clark")
    put(doc, "stages/working/expects", {"sign": "soon"})
    assert len({problem.line for problem in problems(doc)}) >= 2


def _problems(text: str) -> list[reader.Problem]:
    with pytest.raises(Faulty) as caught:
        load(text)
    return caught.value.problems


def test_names_that_no_room_registered_are_told():
    known = Known(fields={"words", "lead", "reason"}, conditions={"has_word"}, processes={"small"})
    told = " ".join(str(problem) for problem in problems(a_process(), known))
    assert "表单字段“reply”没有登记" in told
    assert "条件“has_words”没有登记，是不是想写“has_word”" in told
    known = Known(fields={"words", "lead", "reason", "reply"}, conditions={"has_words"}, processes=())
    assert problems(a_process(), known) == []


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("case.lead", Role("r", "case.lead", "field", "lead", source="case")),
        ("parent.opener_unit", Role("r", "parent.opener_unit", "field", "opener_unit", source="parent")),
        ("post:operator@district", Role("r", "post:operator@district", "post", "operator", "district")),
        ("head:dispatcher@level", Role("r", "head:dispatcher@level", "head", "dispatcher", "level")),
        ("head:case.lead", Role("r", "head:case.lead", "head", "lead", source="case")),
        ("each:street@district", Role("r", "each:street@district", "each", "street", "district")),
        ("any:resident@place", Role("r", "any:resident@place", "any", "resident", "place")),
        ("any:organisation", Role("r", "any:organisation", "any", "organisation")),
        ("anyone", Role("r", "anyone", "anyone")),
        ("system", Role("r", "system", "system")),
    ],
)
def test_every_role_of_the_grammar_is_read(text, role):
    assert _told(reader.role("r", text)) == _told(role)


def _told(role: Role | None) -> tuple[str | None, ...]:
    assert role
    return (role.kind, role.what or None, role.level or None, role.source or None)


@pytest.mark.parametrize(
    "text", ["", "lead", "case.", "post:x", "post:x@moon", "head:parent.lead", "each:x", "case.a.b"]
)
def test_what_is_outside_the_grammar_of_roles_is_no_role(text):
    assert reader.role("r", text) is None


def test_the_digest_is_of_the_text():
    assert reader.read(REQUEST).digest == hashlib.sha256(REQUEST.encode()).hexdigest()
    assert reader.read(REQUEST + "# a remark\n").digest != reader.read(REQUEST).digest


def test_the_emergency_variant_lays_its_keys_over_the_stage():
    process = load(REQUEST)
    plain, switched = process.stage("handling"), process.stage("handling", emergency=True)
    assert plain.expects["sign"] == "2h"
    assert switched.expects["sign"] == "30m calendar"
    assert switched.actions == plain.actions
    assert process.stage("hard", emergency=True) == process.stage("hard")


# ---- may a running case move to a new version?

SAFE = [
    ("title", "新名"),
    ("stages/asking/title", "新名"),
    ("stages/asking/public", "dispatching"),
    ("stages/asking/actions/give/title", "派"),
    ("stages/asking/actions/give/form", ["lead!", "note"]),
    ("stages/asking/late", [{"at": "100%", "do": "lapse"}]),
    ("stages/checking/deadline", "3d"),
    ("stages/new", {"title": "新", "public": "done"}),
    ("open/form", ["words!", "photos"]),
]
UNSAFE = [
    ("roles/clerk", "post:clerk@level"),
    ("stages/asking/deadline", "4h"),
    ("stages/asking/task", "checker"),
    ("stages/asking/actions/give/to", "checking"),
    ("stages/asking/actions/give/by", "checker"),
    ("stages/asking/actions/extra", {"title": "另一个", "to": "ended"}),
    ("stages/asking/actions/lapse", None),
    ("stages/working/join", "all"),
    ("stages/working/expects", {"sign": "4h"}),
    ("stages/working/expects", {"sign": {"within": "2h", "of": "lead"}}),
    ("stages/asking", None),
    ("limits/returns/max", 3),
    ("emergency/stages/working/expects", {"sign": "1h"}),
    ("apart", [["clerk", "lead"]]),
    ("deadline", "5d"),
]


@pytest.mark.parametrize(("path", "value"), SAFE)
def test_titles_notices_forms_and_unvisited_stages_stop_no_move(path, value):
    new = a_process()
    put(new, path, value)
    assert versions.unsafe_for(_read(a_process()), _read(new), {"asking", "working"}) == set()


@pytest.mark.parametrize(("path", "value"), UNSAFE)
def test_who_when_and_where_to_stop_a_move(path, value):
    new = a_process()
    put(new, path, value)
    assert versions.unsafe_for(_read(a_process()), _read(new), {"asking", "working"})


def _read(doc: Doc):
    return reader.read(toml.dump(doc))


# ---- any process at all

NAMES = st.text("abcdefghijklmnop_", min_size=1, max_size=8).map(lambda text: f"s{text}")
RULES = st.sampled_from(["30m", "2h", "5d", "24h calendar", "standard", "case"])


@st.composite
def any_process(draw) -> Doc:
    """A chain of stages to an end, with whatever else the grammar allows thrown in."""
    doc = a_process()
    doc["limits"] = {}
    doc["emergency"] = {}
    doc["verbs"] = {"comment": {"by": "anyone", "every": "1d"}}
    names = draw(st.lists(NAMES, min_size=2, max_size=7, unique=True))
    doc["start"] = names[0]
    doc["stages"] = {name: draw(any_stage(names, n)) for n, name in enumerate(names)}
    doc["open"]["form"] = ["words!", "lead"]
    return doc


@st.composite
def any_stage(draw, names, n) -> Doc:
    stage: Doc = {"title": draw(st.text("待办核查回访", min_size=1, max_size=4)), "public": "handling"}
    if n == len(names) - 1:
        return stage
    stage["tasks"] = draw(st.sampled_from([["clerk"], ["lead", "checker"], ["checker", "lead", "clerk"]]))
    stage["deadline"] = draw(RULES)
    stage["late"] = draw(
        st.sampled_from([[], [{"at": "80%", "notify": ["clerk"]}, {"at": "2d calendar", "flag": "old"}]])
    )
    stage["raise"] = draw(st.booleans())
    onward: Doc = {"title": "往前", "form": draw(st.sampled_from([[], ["reason!"], ["note", "photos"]]))}
    if draw(st.booleans()):
        stage |= {"join": draw(st.sampled_from(["all", "any", "lead"])), "then": names[n + 1]}
        onward["each"] = True
    else:
        onward["to"] = names[n + 1]
    stage["actions"] = {"onward": onward}
    for extra, to in enumerate(draw(st.lists(st.sampled_from(names), max_size=3))):
        stage["actions"][f"extra{extra}"] = {
            "title": f"另{extra}",
            "to": to,
            "by": draw(st.sampled_from(["clerk", "lead"])),
        }
    return stage


@settings(max_examples=60)
@given(any_process())
def test_any_process_of_the_grammar_is_accepted_and_drawn(doc):
    process = load(toml.dump(doc))
    assert list(process.stages) == list(doc["stages"])
    drawn = diagram.mermaid(process)
    assert all(f"\n  {name}: " in drawn for name in doc["stages"])


@settings(max_examples=60)
@given(any_process(), st.data())
def test_any_fault_in_any_process_is_found_on_its_line(doc, data):
    stage = data.draw(st.sampled_from([name for name in doc["stages"] if "actions" in doc["stages"][name]]))
    path, value, said = data.draw(
        st.sampled_from(
            [
                (f"stages/{stage}/actions/onward/to", "nowhere", "“nowhere”不存在"),
                (f"stages/{stage}/actions/onward/by", "nobody", "“nobody”"),
                (f"stages/{stage}/actions/onward/forms", ["x"], "是不是想写“form”"),
                (f"stages/{stage}/deadline", "3 weeks", "不是时限"),
                (f"stages/{stage}/tasks", ["nobody"], "“nobody”"),
                (f"stages/{stage}/join", "most", "join 只能写"),
                (f"stages/{stage}/late", [{"at": "100%", "do": "vanish"}], "“vanish”"),
                ("roles/clerk", "whoever", "看不懂"),
                ("start", "nowhere", "“nowhere”不存在"),
            ]
        )
    )
    broken = copy.deepcopy(doc)
    put(broken, path, value)
    line = line_of(toml.dump(broken), path)
    assert any(said in problem.sentence and problem.line == line for problem in problems(broken)), problems(broken)


@settings(max_examples=200)
@given(st.text(), st.integers(0, len(REQUEST)), st.integers(0, 200))
def test_a_file_spoilt_anyhow_is_read_or_refused_but_never_crashes(junk, at, cut):
    try:
        check(reader.read(REQUEST[:at] + junk + REQUEST[at + cut :]))
    except Faulty as fault:
        assert fault.problems


# ---- the files that are there


@pytest.mark.parametrize("path", sorted((ROOT / "processes").glob("*.toml")), ids=lambda path: path.stem)
def test_every_process_file_is_good_and_uses_only_registered_names(path):
    keys = {file.stem for file in path.parent.glob("*.toml")}
    known = Known(fields=registry.fields, conditions=registry.conditions, processes=keys, done=registry.done)
    assert load(path.read_text(), known).key == path.stem


def test_the_example_of_the_how_to_is_good():
    text = re.search(r"```toml\n(.*?)```", (ROOT / "docs/howto/write-a-process.md").read_text(), re.DOTALL)
    assert text and load(text[1]).key == "room_booking"


def test_beijing_rule_11_the_six_ways_not_to_dispatch_lead_to_one_end():
    receiving = load(REQUEST).stages["receiving"]
    ways = [name for name, action in receiving.actions.items() if action.to == "declined"]
    assert ways == ["emergency", "legal", "repeat", "secret", "outside", "unlawful"]
    assert all(receiving.actions[name].approve for name in ways if name != "emergency")


def test_beijing_rule_23_the_call_back_is_timed_from_the_deadline_of_the_case():
    confirming = load(REQUEST).stages["confirming"]
    assert confirming.deadline.rule == "case"
    assert [step.do for step in confirming.late] == ["tell", "check", "call", "unheard"]


def test_nobody_of_a_handling_unit_rates_calls_back_or_checks():
    process = load(REQUEST)
    for stage, action in process.all_actions():
        if Field("solved", True) in action.form:
            for role in set(action.by) - {"elsewhere"}:  # the house that sent it has no unit of ours
                assert {"lead", "helpers"} <= process.apart_from(role), f"{stage.name}.{action.name}: {role}"
    assert {"lead", "helpers"} <= process.apart_from("checker")


def test_a_rating_has_no_default_and_no_rating_is_no_praise():
    process = load(REQUEST)
    for stage, action in process.all_actions():
        rated = Field("solved", True) in action.form
        assert rated or action.to != "archived" or action.name in ("archive", "unrated", "unheard"), stage.name


def test_a_third_return_is_an_objection_and_a_designated_unit_returns_nothing():
    process = load(REQUEST)
    handling = process.stages["handling"]
    assert process.limits["returns"].max == 2
    assert process.limits_before("handling", "appeal") == (process.limits["returns"],)
    assert process.limits_on("handling", "return") == (process.limits["returns"],)
    assert handling.actions["return"].unless == handling.actions["appeal"].unless == ("designated",)
    assert handling.actions["appeal"].approve and handling.actions["appeal"].approve.by == ("reviewer",)


def test_after_three_redos_it_goes_one_level_up():
    process = load(REQUEST)
    assert process.limits["redo"].max == 3
    for stage in ("confirming", "calling", "checking"):
        assert process.limits_before(stage, "hard") == (process.limits["redo"],)
    assert process.stages["hard"].raise_


def test_every_stage_shows_residents_one_of_six_states():
    assert {stage.public for stage in load(REQUEST).stages.values()} == {
        "received", "dispatching", "handling", "to_rate", "done",
    }  # fmt: skip
    assert load(REQUEST).stages["calling"].actions["redo"].public == "redoing"
