"""The how-tos carried out with throw-away examples, so that they cannot rot."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from conftest import Town
from gongzhi.base import sheets
from gongzhi.base.imports import importers
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


def test_an_import_is_a_file_of_its_room(town: Town) -> None:
    code = (Path(__file__).resolve().parents[1] / "docs/howto/add-an-import.md").read_text().split("```python")[1].split("```")[0]
    exec(code, {})
    importer = importers.pop("office-days")
    table = sheets.read("日期,名称,上班,依据\n2027/10/1,国庆节,否,通知\n昨天,中秋节,否,通知\n".encode(), importer.columns)
    rows, faults = sheets.check(table, importer.columns, sheets.match(table.headers, importer.columns))
    assert [fault.n for fault in faults] == [3] and not list(importer.check(rows, 0))
    assert importer.take(rows, 0) == 1 and [fault.kind for fault in importer.check(rows, 0)] == ["same"]
