"""Made-up words: what residents say, what units write, what comes back. Deterministic for one random generator."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from demo.city import Category


@dataclass(frozen=True)
class Report:
    title: str
    words: str
    kind: str  # consult, help, complain, tip_off, suggest


WORDS = tomllib.loads((Path(__file__).parent / "texts.toml").read_text(encoding="utf-8"))
EMPTY_REPLY = tuple(WORDS["empty_reply"])  # what a unit must not write; the process warns about it


def weights(on: date) -> dict[str, float]:
    """Return how often each category is reported around a date: heating from mid-October, snow in winter."""
    by_season = WORDS["weights"]
    out: dict[str, float] = dict(by_season["common"])
    heated = (on.month, on.day) >= (10, 12) or (on.month, on.day) <= (4, 15)
    layers = ["heating"] if heated else []
    layers += ["winter"] if on.month in (11, 12, 1, 2) else ["summer"] if on.month in (6, 7, 8, 9) else []
    for layer in layers:
        for code, weight in by_season[layer].items():
            out[code] = out.get(code, 0) + weight
    return out


def say(rng: random.Random, key: str, **slots: str) -> str:
    """Return one of the sayings under a key of texts.toml with its slots filled."""
    return _fill(rng, rng.choice(WORDS[key]), **slots)


def _fill(rng: random.Random, text: str, **slots: str) -> str:
    return text.format_map({
        "b": f"{rng.randint(1, 14)}号楼", "n": rng.choice("两三四五六"), "t": rng.choice(WORDS["times"]),
        "c": rng.choice(("13", "14", "15", "16")), "w": rng.choice(("19", "20", "21", "22")),
        "day": rng.choice(("当天", "次日", "前天", "昨天")), "other": "产权单位", "lead": "主办单位", **slots,
    })


def kind_of(rng: random.Random, category: Category) -> str:
    """Choose one of the five kinds of 北京市接诉即办工作条例 article 2."""
    group = category.code[:4]
    if group == "9018":
        return "consult"
    if group == "9019":
        return "suggest"
    if category.code == "902003":
        return "tip_off"
    if group == "9020":
        return "complain"
    if category.code in ("200101", "901302", "901304") and rng.random() < 0.4:
        return "tip_off"
    return "help"


def report(rng: random.Random, category: Category, place: str) -> Report:
    """Return what a resident says about a matter at a place; a title of at most 30 characters, and words."""
    options = WORDS["sayings"].get(category.code) or ("{p}附近" + category.name + "有问题：" + category.open_condition,)
    said = _fill(rng, rng.choice(options), p=place)
    kind = kind_of(rng, category)
    if kind == "consult":
        return Report(said[:30], said + say(rng, "asks_consult"), kind)
    if kind == "suggest":
        return Report(said[:30], said + rng.choice(("。", "，大家都方便。", "，请研究。")), kind)
    words = said + say(rng, "since") + say(rng, "impact") + say(rng, "asks")
    title = said.split("，")[0][:30]
    return Report(title, words, kind)


def result(rng: random.Random, category: Category) -> str:
    """Return what was done, as the handler notes it."""
    known = WORDS["done"]
    options = known.get("lid" if "井盖" in category.name else category.code)
    options = options or (f"到现场核查，已按要求处理：{category.close_condition}",)
    return _fill(rng, rng.choice(options)) + "。"


def reply(rng: random.Random, category: Category, place: str, unit: str, done: str) -> str:
    """Return the answer to the resident: what was found, what was done, what next."""
    opening = say(rng, "reply_open", p=place, m=category.name, u=unit)
    return opening + done + say(rng, "reply_close")


def comment(rng: random.Random, solved: str, satisfied: int) -> str:
    """Return what a resident adds to a rating; often nothing."""
    if rng.random() < 0.35:
        return ""
    mood = "angry" if solved == "unsolved" else "so_so" if satisfied <= 3 or solved == "partly" else "praise"
    return say(rng, mood)
