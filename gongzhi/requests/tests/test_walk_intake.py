"""Taking in: answering at once, the six lawful ways not to dispatch, the phone clerk, joining, and bad input."""

import io
from pathlib import Path

import pytest
from django.db import connection
from django.http import Http404
from PIL import Image

from conftest import Town
from gongzhi.base import clock
from gongzhi.base.errors import Faults, Refused
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case
from gongzhi.places import index
from gongzhi.places.models import Place
from gongzhi.requests import access, queries, rules
from gongzhi.requests import actions as requests
from gongzhi.requests.models import Answer, Request, Supporter
from gongzhi.requests.tests.walking import COLD, NOISE, PHONE, Walk

ANYONE = Actor("anyone")


def a_photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "JPEG")
    return out.getvalue()


def given(town: Town, **more: object) -> requests.Report:
    lon, lat = town.point("west-south-1")
    return requests.Report(**{"lon": lon, "lat": lat, "words": "家里暖气不热", **more})  # type: ignore[arg-type]


# Taking in ------------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_at_once_and_counted_apart(town: Town) -> None:
    entry = Answer.objects.get()
    walk = Walk(town, "请问居住证怎么办")
    assert walk.case.request.kind == "consult" and queries.answers("居住证怎么办")[0] == entry
    assert walk.cannot("street", "answer", answer="带身份证")
    walk.does("operator", "answer", knowledge=entry.pk, answer=entry.words)
    assert (walk.stage, walk.case.outcome) == ("answered", "answer") and walk.last("answer")["knowledge"] == entry.pk
    (shown,) = queries.entries_for(None, walk.case)
    assert shown.values["answer"] == entry.words


DECLINES = {
    "emergency": ({"emergency_line": "119", "time_told": "已三方通话转接"}, False),
    "legal": ({"legal_channel": "court", "told": "请向人民法院起诉"}, True),
    "repeat": ({"told": "同一事项已办结，结果如下"}, True),
    "secret": ({"told": "涉及他人隐私，不能提供"}, True),
    "outside": ({"channel": "消费者协会", "told": "可以向消费者协会反映"}, True),
    "unlawful": ({"told": "要求与法律不符，请理解"}, True),
}


@pytest.mark.parametrize("way", DECLINES)
def test_article_11_each_lawful_way_not_to_dispatch(town: Town, way: str) -> None:
    form, reviewed = DECLINES[way]
    walk = Walk(town)
    if way == "repeat":
        assert walk.cannot("operator", "repeat", same_case=walk.case.code, **form)
        form = {**form, "same_case": Walk(town).dispatched().case.code}
    assert walk.cannot("operator", way), "nothing filled in"
    assert walk.cannot("street", way, **form)
    walk.does("operator", way, **form)
    if reviewed:
        assert walk.stage == "receiving" and (walk.asked.unit_id, walk.asked.post) == (walk.unit("centre"), "reviewer")
        assert walk.cannot("operator2", "agree", task=walk.asked)
        walk.decides("reviewer", "agree")
    assert (walk.stage, walk.case.outcome, walk.case.fields["public"]) == ("declined", way, "done")
    assert way in rules.DECLINES and len(queries.entries_for(None, walk.case)) == 1


def test_a_way_not_to_dispatch_that_is_not_reviewed_in_time_or_refused_stays_on_the_desk(town: Town) -> None:
    walk = Walk(town)
    walk.does("operator", "unlawful", told="请理解")
    walk.decides("reviewer", "refuse", reason="应当受理")
    assert walk.stage == "receiving" and not queries.entries_for(None, walk.case)
    walk.does("operator", "unlawful", told="请理解")
    walk.wait(days=1)
    assert walk.stage == "receiving" and walk.lines()[-1] in ("late", "unlawful.refuse")


def test_a_reviewer_who_was_the_clerk_does_not_review(town: Town) -> None:
    town.person("both", "双岗", ("centre", "operator"), ("centre", "reviewer"))
    walk = Walk(town)
    walk.does("both", "comment", note="已核对")
    walk.does("operator", "unlawful", told="请理解")
    assert "回避" in walk.cannot("both", "agree", task=walk.asked)
    walk.decides("reviewer", "agree")


def test_the_clerk_registers_and_accepts_in_one_go(town: Town) -> None:
    lon, lat = town.point("west-south-1")
    by = town.actor("operator")
    receipt = requests.take_call(given(town, phone=PHONE, channel="phone", submitted_key="call-1"),
                                 {"category": NOISE, "place": f"{lon},{lat}"}, by=by)
    case = Case.objects.get(pk=receipt.case_id)
    assert case.stage == "dispatching" and case.opened_by_id == by.person_id and case.origin == "resident"
    again = requests.take_call(given(town, phone=PHONE, channel="phone", submitted_key="call-1"),
                               {"category": NOISE, "place": f"{lon},{lat}"}, by=by)
    assert (again.code, again.is_new) == (receipt.code, False) and Case.objects.count() == 1
    with pytest.raises(Faults):
        requests.take_call(given(town, channel="phone"), {"place": f"{lon},{lat}"}, by=by)
    assert Case.objects.count() == 1, "a call that could not be accepted leaves nothing behind"


def test_i_met_it_too_counts_a_browser_once_and_lists_nobody(town: Town) -> None:
    walk = Walk(town).accepted()
    for device in ("a", "b", "a"):
        requests.join(walk.case, device=device)
    assert Supporter.objects.count() == 2 and walk.lines().count("support") == 2
    for who in ("operator", "reporter"):
        assert walk.cannot(who, "support")
    assert rules.supporters_words(2) == "<5" and rules.supporters_words(7) == "7"
    requests.join(walk.case, device="a", phone="13900003333")
    assert "13900003333" not in str(Supporter.objects.values_list()) and "13900003333" not in str(walk.lines())
    with pytest.raises(Faults):
        requests.join(walk.case, device="c", phone="abc")
    walk.does("reporter", "withdraw")
    with pytest.raises(Refused):
        requests.join(walk.case, device="d")
    assert Supporter.objects.count() == 2


def test_what_is_near_is_shown_without_words_or_private_kinds(town: Town) -> None:
    walk = Walk(town).accepted(COLD)
    Walk(town, "楼上太吵").accepted(NOISE)  # private: noise
    Walk(town, "还没受理的")
    (row,) = queries.nearby_for_public(walk.lon, walk.lat).rows
    assert row["code"] == walk.case.code and not {"words", "title", "phone"} & row.keys()
    assert queries.nearby_for_public(walk.lon + 0.002, walk.lat).rows == []


def test_the_number_and_the_name_are_stored_sealed(town: Town) -> None:
    walk = Walk(town, name="王小明")
    with connection.cursor() as cursor:
        cursor.execute("SELECT r::text || c::text FROM requests_request r JOIN flow_case c ON c.id = r.case_id")
        (row,) = cursor.fetchone() or ("",)
    assert PHONE not in row and "1111" not in row.replace(walk.case.code, "") and "王小明" not in row


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("more", "field"), [
    ({"words": ""}, "words"), ({"words": " \n\x00 "}, "words"), ({"words": "长" * 20_000}, "words"),
    ({"phone": "1380000abcd"}, "phone"), ({"phone": "12"}, "phone"), ({"phone": "1" * 40}, "phone"),
    ({"lon": 0.0, "lat": 0.0}, "place"), ({"lon": float("nan"), "lat": 40.0}, "place"),
    ({"lon": float("inf"), "lat": 40.0}, "place"), ({"lon": 1e300, "lat": 1e300}, "place"),
    ({"address": "长" * 161}, "address"), ({"name": "长" * 41}, "name"), ({"kind": "nonsense"}, "kind"),
    ({"photos": [b"x"] * 7}, "photos"),
])
def test_bad_input_is_said_in_a_sentence_and_writes_nothing(town: Town, more: dict[str, object], field: str) -> None:
    with pytest.raises(Faults) as faults:
        requests.report(given(town, **more), by=ANYONE)
    assert field in faults.value.faults and faults.value.faults[field].endswith(("。", "个字。"))
    assert not Case.objects.exists()


@pytest.mark.parametrize("more", [
    {"photos": [b"this is a text called photo.jpg"]}, {"photos": [a_photo(), b"\xff\xd8\xff broken"]},
    {"photos": [b"\xff\xd8" + b"0" * (13 * 1024 * 1024)]}, {"voice": b"no sound at all"},
])
def test_a_file_that_is_none_is_refused_and_writes_nothing(town: Town, more: dict[str, object]) -> None:
    with pytest.raises(Refused) as refusal:
        requests.report(given(town, **more), by=ANYONE)
    assert refusal.value.field in ("photos", "voice")
    assert not Case.objects.exists() and not Attachment.objects.exists()


@pytest.mark.parametrize("words", [
    "😀🚰 水管爆了", "<script>alert(1)</script>", "'; DROP TABLE flow_case; --", "%(code)s {code} %s", "长" * 5000,
    "\u202e反着写", "一\r\n二\t三",
])
def test_odd_words_are_kept_as_they_are(town: Town, words: str) -> None:
    receipt = requests.report(given(town, words=words), by=ANYONE)
    assert Request.objects.get(pk=receipt.case_id).words == words


def test_photo_or_voice_alone_is_enough(town: Town) -> None:
    photo = requests.report(given(town, words="", photos=[a_photo()]), by=ANYONE)
    voice = requests.report(given(town, words="", voice=b"OggS" + b"\x00" * 64), by=ANYONE)
    assert [Case.objects.get(pk=r.case_id).title for r in (photo, voice)] == ["（照片）", "（录音）"]
    assert {a.kind for a in Attachment.objects.all()} == {"photo", "voice"}


def test_the_same_form_sent_twice_opens_one_case(town: Town) -> None:
    form = {"submitted_key": "form-1", "photos": [a_photo()]}
    first, again = (requests.report(given(town, **form), by=ANYONE) for _ in range(2))
    assert (first.code, first.secret, first.due_at) == (again.code, again.secret, again.due_at)
    assert first.is_new and not again.is_new
    assert Case.objects.count() == Attachment.objects.count() == 1


def test_unknown_codes_wrong_digits_and_tampered_links_get_one_answer_and_five_lock(town: Town) -> None:
    walk = Walk(town)
    code, secret = walk.receipt.code, walk.receipt.secret
    assert access.by_secret(code, secret).pk == access.by_tail(f" {code[:4]} {code[4:]}", "1111").pk == walk.id
    for wrong in (secret[:-1] + ("a" if secret[-1] != "a" else "b"), "", secret + "x"):
        with pytest.raises(Http404):
            access.by_secret(code, wrong)
    with pytest.raises(Refused, match="编号或后四位不对"):
        access.by_tail("0000000000", "1111")
    for _ in range(5):
        with pytest.raises(Refused, match="编号或后四位不对"):
            access.by_tail(code, "2222")
    with pytest.raises(Refused, match="锁定 1 小时"):
        access.by_tail(code, "1111")
    with clock.at(clock.now().replace(year=clock.now().year + 1)):
        assert access.by_tail(code, "1111").pk == walk.id


@pytest.mark.parametrize(("form", "field"), [
    ({"category": "000000"}, "category"), ({"category": COLD, "place": "1,2"}, "place"),
    ({"category": COLD, "place": "here"}, "place"), ({"category": COLD, "kind": "x"}, "kind"),
    ({"category": COLD, "about_unit": "99999999"}, "about_unit"),
    ({"category": COLD, "about_unit": "DROP"}, "about_unit"),
    ({"category": COLD, "summary": "长" * 501}, "summary"),
])
def test_a_faulty_form_says_which_field(town: Town, form: dict[str, str], field: str) -> None:
    walk = Walk(town)
    with pytest.raises(Faults) as faults:
        walk.does("operator", "accept", **{"place": f"{walk.lon},{walk.lat}", **form})
    assert list(faults.value.faults) == [field] and walk.stage == "receiving"


def test_no_secret_number_or_name_is_in_the_log(town: Town) -> None:
    walk = Walk(town, "我叫王小明，暖气不热", name="王小明").confirming()
    walk.does("reporter", "rate", solved="partly", satisfied="1", said="太差了")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, ' ') FROM log_event e")
        (lines,) = cursor.fetchone() or ("",)
    for word in (PHONE, "王小明", "太差了", walk.receipt.secret, "更换阀门", "暖气"):
        assert word not in lines


def test_the_process_file_on_disk_is_the_one_that_was_walked(town: Town) -> None:
    text = (Path(__file__).parents[3] / "processes" / "request.toml").read_text()
    assert Walk(town).case.version.text == text


def test_a_key_gives_nobody_the_case_of_another(town: Town) -> None:
    """A key can be guessed or copied; it is bound to what was said and who said it."""
    mine = requests.report(given(town, submitted_key="form-1"), by=ANYONE)
    others = [
        requests.report(given(town, submitted_key="form-1", address="别处"), by=ANYONE),
        requests.report(given(town, submitted_key="form-1", channel="qr"), by=ANYONE),
        requests.report(given(town, submitted_key="form-1"), by=Actor("key", key="one")),
        requests.report(given(town, submitted_key="form-1"), by=Actor("key", key="two")),
    ]
    assert len({r.secret for r in [mine, *others]}) == 5 and all(r.is_new for r in others)
    again = requests.report(given(town, submitted_key="form-1"), by=Actor("key", key="two"))
    assert again.secret == others[3].secret and not again.is_new


def test_a_device_s_position_is_kept_only_about(town: Town) -> None:
    """rights 4.1: the position of a device is thrown away after placing."""
    lon, lat = town.point("west-south-1")
    lon, lat = lon + 0.001234, lat + 0.002345
    about = queries.spot_of_device(lon, lat)
    assert about and (about.lon, about.lat) == (round(lon, 3), round(lat, 3)) and about.compound_id is None
    edge = queries.spot_of_device(town.point("west-south")[0] + 0.0001, lat)  # would be rounded into the next grid
    assert edge and (edge.lon, edge.lat) == pytest.approx(town.point("west-south-2"))
    grid = town.places["west-south-1"]
    near = Place.objects.create(parent=grid, kind="compound", name="祥和花园", lon=lon + 0.0005, lat=lat)
    Place.objects.filter(pk=near.pk).update(path=[*grid.path, near.pk])
    index.reload()
    beside = queries.spot_of_device(lon, lat)
    assert beside and (beside.compound_id, beside.lon) == (near.pk, round(lon + 0.0005, 6))
    exact = queries.spot(lon, lat)
    assert exact and exact.lon == round(lon, 6)  # a pin put by hand
    assert queries.spot_of_device(1, 1) is None
