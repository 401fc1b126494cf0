"""Matters at every stage, for the tests of the desk: each a sentence."""

from typing import Any

from django.test import Client

from conftest import Town
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.requests import actions as requests

WORDS = "家里暖气不热，只有 15 度"


def client(town: Town, name: str) -> Client:
    """Sign one of the cast in."""
    browser = Client()
    browser.force_login(town.people[name])
    return browser


def reported(town: Town, words: str = WORDS, grid: str = "west-south-1", **more: Any) -> Case:
    lon, lat = town.point(grid)
    got = requests.report(requests.Report(lon, lat, words=words, phone="13800001111", name="王女士", **more),
                          by=Actor("anyone"))
    return Case.objects.get(pk=got.case_id)


def accepted(town: Town, category: str = "900401", **more: Any) -> Case:
    case = reported(town, **{k: more.pop(k) for k in ("words", "grid", "photos") if k in more})
    form = {"category": category, "place": f"{case.lon},{case.lat}", **more}
    return flow.act(case.pk, "accept", by=town.actor("operator"), form=form)


def complained(town: Town) -> Case:
    """A complaint about the west street's office, taken in with a summary."""
    return accepted(town, "900501", words="街道办的老刘态度恶劣，还骂人", kind="complain", summary="反映窗口服务态度",
                    about_unit=town.units["west"].pk)


def dispatched(town: Town, lead: str = "housing", **more: Any) -> Case:
    case = accepted(town, **more)
    return flow.act(case.pk, "dispatch", by=town.actor("street"), form={"lead": town.units[lead].pk})


def finished(town: Town) -> Case:
    case = dispatched(town)
    by = town.actor("department")
    flow.act(case.pk, "sign", by=by)
    flow.act(case.pk, "contact", by=by, form={"contact_note": "约好下午上门"})
    return flow.act(case.pk, "finish", by=by, form={"result": "修好阀门", "reply": "已更换阀门，室温 20 度。"})
