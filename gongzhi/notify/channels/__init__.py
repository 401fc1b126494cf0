"""Ways to reach people: each folder here with a channel.py is one, and nothing else has to know of it.

The whole contract is two functions and what the channel is called on the page:

    TITLE = _("短信")
    def address(notice) -> str      where this notice goes ("" = nowhere: it is kept and said so)
    def send(notice, to) -> None    hand it over, or raise; Undelivered("sentence") says why on the page

A channel without `send` is a page of ours: what is written there has arrived. A folder demo_X stands in for X in the
demo, so that nothing leaves it.
"""

import pkgutil
from functools import cache
from importlib import import_module
from typing import Any

import httpx
from django.conf import settings

PATIENCE = 10  # seconds a gateway gets to answer


class Undelivered(Exception):
    """Say in a sentence, without numbers, names or keys, why a message was not taken."""


@cache
def found() -> dict[str, Any]:
    """Import every channel: {folder name: its module}."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.ispkg)
    return {name: import_module(f"{__name__}.{name}.channel") for name in names}


def chosen(name: str) -> str:
    """Give the channel that is used for a name: in the demo its stand-in, if it has one."""
    stand_in = f"demo_{name}"
    used = stand_in if settings.GONGZHI_DEMO and stand_in in found() else name
    if used not in found():
        raise ValueError(f"no channel is called {name}")
    return used


def is_page(name: str) -> bool:
    """Say whether the channel is a page of ours."""
    return not hasattr(found()[name], "send")


def sending() -> list[str]:
    """List the channels that somebody has to send."""
    return [name for name in found() if not is_page(name)]


def post(url: str, content: bytes, headers: dict[str, str]) -> None:
    """Post JSON to a gateway that must answer with 2xx."""
    try:
        answer = httpx.post(
            url, content=content, headers={"Content-Type": "application/json", **headers}, timeout=PATIENCE
        )
    except httpx.HTTPError as fault:
        raise Undelivered(f"对方没有应答（{type(fault).__name__}）") from None
    if not answer.is_success:
        raise Undelivered(f"对方回答 {answer.status_code}")
