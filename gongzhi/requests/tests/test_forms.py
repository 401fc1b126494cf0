"""The generated forms of acts: what stands in them, what may be chosen, what comes back."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template import engines
from django.test import RequestFactory
from PIL import Image

from conftest import Town
from gongzhi.base import clock
from gongzhi.base.errors import Faults
from gongzhi.flow import actions as flow
from gongzhi.flow import offers
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.org.rules import NOBODY
from gongzhi.requests import actions, forms
from gongzhi.requests.models import Category
from gongzhi.requests.tests.walking import Walk


def opened(town: Town, words: str = "3 号楼暖气不热") -> Case:
    lon, lat = town.point("west-south-1")
    receipt = actions.report(actions.Report(lon, lat, words=words, phone="13800001234"), by=Actor("anyone"))
    return Case.objects.get(pk=receipt.case_id)


def offer(case: Case, town: Town, who: str, name: str) -> offers.Offer:
    return next(o for o in offers.available(case, town.actor(who)) if o.name == name)


def drawn(case: Case, town: Town, who: str, name: str, **more: Any) -> dict[str, forms.BoundField]:
    return {f.name: f for f in forms.bound_fields(offer(case, town, who, name), case, **more)}


def photo() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "blue").save(out, "JPEG")
    return SimpleUploadedFile("后照.jpg", out.getvalue())


def test_the_form_of_accept_comes_with_the_suggested_category_and_the_place(town: Town) -> None:
    case = opened(town)
    fields = drawn(case, town, "operator", "accept")
    assert fields["category"].value == "900401" and fields["category"].required
    assert fields["place"].value == f"{case.lon:.6f},{case.lat:.6f}"
    assert fields["kind"].value == "help"


def test_what_was_typed_stands_with_its_fault(town: Town) -> None:
    case = opened(town)
    fields = drawn(case, town, "operator", "accept", data={"summary": "写了一半"}, faults={"category": "请选类别"})
    assert fields["summary"].value == "写了一半" and fields["category"].error == "请选类别"


def test_a_lawful_branch_is_prefilled_with_its_text(town: Town) -> None:
    fields = drawn(opened(town), town, "operator", "legal")
    assert "依法应当通过____途径" in fields["told"].value


def test_suggested_units_come_first_and_a_recused_one_never(town: Town) -> None:
    case = opened(town)
    flow.act(case.pk, "accept", by=town.actor("operator"), form={"category": "900401", "place": [case.lon, case.lat]})
    case.refresh_from_db()
    choices = drawn(case, town, "street", "dispatch")["lead"].choices
    assert choices[0] == (str(town.units["housing"].pk), "区住建局（推荐）")
    case.about_units = [town.units["housing"].pk]
    values = {v for v, _t in forms._handlers(case)}
    assert str(town.units["housing"].pk) not in values and str(town.units["west-south"].pk) in values


def test_photos_are_read_as_attachments_and_lists_as_lists(town: Town) -> None:
    case = opened(town)
    request = RequestFactory().post("/", {"note": "在办", "photos": [photo()]})
    made = offers.Offer("interim", "阶段反馈", (offers.Field("note", True), offers.Field("photos")), "lead")
    given = forms.read(request, made, by=town.actor("department"))
    assert given.values == {"note": "在办"} and [a.kind for a in given.attachments] == ["photo"]
    request = RequestFactory().post("/", {"lead": "1", "helpers": ["2", "3"]})
    made = offers.Offer("dispatch", "派单", (offers.Field("lead", True), offers.Field("helpers")), "dispatcher")
    assert forms.read(request, made, by=town.actor("street")).values == {"lead": "1", "helpers": ["2", "3"]}
    assert case.pk


def test_a_text_file_called_jpg_is_refused_next_to_its_field(town: Town) -> None:
    request = RequestFactory().post("/", {"photos": [SimpleUploadedFile("假.jpg", b"just words")]})
    made = offers.Offer("attach", "补充材料", (offers.Field("photos", True),), "lead")
    with pytest.raises(Faults) as caught:
        forms.read(request, made, by=town.actor("department")).check()
    assert "photos" in caught.value.faults


def test_a_file_of_a_form_that_came_back_is_attached_by_whoever_sent_it_and_nobody_else(town: Town) -> None:
    made = offers.Offer("attach", "补充材料", (offers.Field("photos", True),), "lead")

    def read(who: str, **posted: Any) -> forms.Given:
        return forms.read(RequestFactory().post("/", posted), made, by=town.actor(who))

    (kept,) = read("department", photos=[photo()]).kept["photos"]
    again = read("department", **{"kept-photos": [kept.token], "photos": [photo()]})  # the same one chosen once more
    assert [(a.kind, a.name) for a in again.attachments] == [("photo", "后照.jpg")] and not again.faults
    assert again.kept["photos"] == [kept]  # as old as it was
    for who, token in (("parks", kept.token), ("department", kept.token[:-1]), ("department", "x")):
        other = read(who, **{"kept-photos": [token]})
        assert not other.attachments and "请重新选择" in other.faults["photos"]


@pytest.mark.parametrize(("who", "name"), [("operator", "accept"), ("operator", "emergency"), ("operator", "answer")])
def test_the_form_is_drawn_with_every_field(town: Town, who: str, name: str) -> None:
    case = opened(town)
    made = offer(case, town, who, name)
    request = RequestFactory().get("/")
    request.standing = NOBODY  # type: ignore[attr-defined]
    page = engines["jinja2"].from_string(
        '{% import "act.html" as act with context %}{{ act.act_form(fields, "/x/", made.title, case.stage) }}')
    text = page.render({"fields": forms.bound_fields(made, case), "made": made, "case": case}, request)
    assert all(f'name="{"about_q" if f.name == "about_unit" else f.name}"' in text for f in made.form)
    assert 'name="stage" value="receiving"' in text and "csrfmiddlewaretoken" in text


def test_what_the_category_demands_is_not_called_optional(town: Town) -> None:
    walk = Walk(town).dispatched()
    walk.does("department", "sign")
    for wanted in ("none", "photo"):
        Category.objects.filter(pk=walk.case.request.category_id).update(evidence=wanted)
        with clock.at(walk.now):
            assert drawn(walk.case, town, "department", "finish")["evidence"].required == (wanted == "photo")
