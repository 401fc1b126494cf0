"""The how-tos carried out with throw-away examples, so that they cannot rot."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from conftest import Town
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.places import queries as places
from gongzhi.requests import actions as requests
from gongzhi.requests import rules
from gongzhi.requests.actions import Receipt, Report

HOWTO = (Path(__file__).resolve().parents[1] / "docs/howto/add-a-report-channel.md").read_text()


def test_a_report_channel_is_a_name_and_a_door(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    code = HOWTO.split("```python")[2].split("```")[0]
    names: dict[str, Any] = {"Receipt": Receipt, "Report": Report, "Actor": Actor, "places": places, "requests": requests}
    exec("\n".join(line.removeprefix("   ") for line in code.splitlines()), names)
    channels: Mapping[str, Any] = {**rules.CHANNELS, "kiosk": "自助终端"}
    monkeypatch.setattr(rules, "CHANNELS", channels)
    receipt = names["kiosk"]("路灯不亮", town.places["west-south-1"].code)
    assert Case.objects.get(pk=receipt.case_id).request.channel == "kiosk"
