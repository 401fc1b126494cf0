"""Several matters at once: signed for, dispatched, merged; each tells what came of it, and nothing is lost."""

from conftest import Town
from gongzhi.desk.tests import matters
from gongzhi.desk.tests.matters import client
from gongzhi.flow import actions as flow
from gongzhi.flow.models import Case


def test_many_are_signed_for_at_once_and_each_says_what_came_of_it(town: Town) -> None:
    first, second, signed = (matters.dispatched(town) for _n in range(3))
    flow.act(signed.pk, "sign", by=town.actor("department"))
    hidden = matters.accepted(town, grid="east-south-1")
    browser = client(town, "department")
    page = browser.get("/desk/", {"view": "signing"}).content.decode()
    assert "批量签收" in page and page.count("data-pick") == 2
    answer = browser.post("/desk/sign/", {"case": [c.code for c in (first, second, signed, hidden)] + ["x"]}).content.decode()
    assert "办成 2 件，没有办成 2 件" in answer and "没有等您签收的" in answer and "没有找到这件事" in answer
    for case in (first, second):
        assert case.expectations.exclude(met_at=None).filter(name="sign").exists()
    assert signed.entries.filter(action="sign").count() == 1


def test_a_dispatch_that_is_refused_says_why_and_keeps_what_was_chosen(town: Town) -> None:
    ready, moved = matters.accepted(town), matters.accepted(town)
    browser = client(town, "street")
    page = browser.get("/desk/batch/", {"case": [ready.code, moved.code]}).content.decode()
    assert page.count('name="lead-') == 2
    housing = str(town.units["housing"].pk)
    town.people["department"].appointments.all().delete()
    town.people["department_leader"].appointments.all().delete()
    answer = browser.post("/desk/batch/", {"case": [ready.code, moved.code], f"lead-{ready.code}": housing,
                                           f"lead-{moved.code}": ""}).content.decode()
    assert "现在没有人在岗" in answer and "您选了先不派" in answer and "还没有派的" in answer
    assert f'<option value="{housing}" selected>' in answer
    assert {Case.objects.get(pk=c.pk).stage for c in (ready, moved)} == {"dispatching"}


def test_what_is_no_longer_to_be_dispatched_is_said_and_not_left_out(town: Town) -> None:
    gone, here = matters.dispatched(town), matters.accepted(town)
    page = client(town, "street").get("/desk/batch/", {"case": [gone.code, here.code]}).content.decode()
    assert "这件事现在不由您派单：办理中" in page and f"lead-{here.code}" in page


def test_several_become_one_with_twins_suggested_first(town: Town) -> None:
    kept, picked, alike = matters.dispatched(town), matters.accepted(town), matters.accepted(town)
    browser = client(town, "street")
    page = browser.get("/desk/merge/", {"case": [picked.code, kept.code]}).content.decode()
    assert page.index(alike.code[:3] + " ") < page.index("您选中的") and f'name="keep" value="{kept.code}" checked' in page
    answer = browser.post("/desk/merge/", {"case": [picked.code, alike.code, kept.code], "keep": kept.code}).content.decode()
    assert "办成 2 件" in answer
    assert {Case.objects.get(pk=c.pk).stage for c in (picked, alike)} == {"merged"}
    there = client(town, "department").get(f"/desk/cases/{kept.code}/?do=finish").content.decode()
    assert "一起办的" in there and f'name="reply-{picked.code}"' in there and "分别答复" in there
    apart = browser.post(f"/desk/cases/{picked.code}/act/take_apart/", {"reason": "不是同一户", "stage": "merged"})
    assert apart.status_code == 302 and Case.objects.get(pk=picked.pk).stage == "dispatching"


def test_a_merge_of_one_or_into_nothing_is_refused_in_words(town: Town) -> None:
    one, handled = matters.accepted(town), matters.dispatched(town)
    browser = client(town, "street")
    answer = browser.post("/desk/merge/", {"case": [one.code], "keep": one.code})
    assert answer.status_code == 422 and "请选两件以上" in answer.content.decode()
    told = browser.post("/desk/merge/", {"case": [one.code, handled.code], "keep": one.code}).content.decode()
    assert "没有办成 1 件" in told and "只有待派单的可以并入" in told
    assert client(town, "department").get("/desk/merge/").status_code == 403


def test_the_form_of_a_split_keeps_what_was_typed(town: Town) -> None:
    case = matters.accepted(town, words="家里暖气不热，楼下垃圾也没人收")
    browser = client(town, "street")
    page = browser.get(f"/desk/cases/{case.code}/?do=split").content.decode()
    assert 'name="part-2-summary"' in page and "与原来相同" in page
    form = {"stage": "dispatching", "part-1-summary": "暖气不热", "part-1-category": "900401",
            "part-1-lead": town.units["housing"].pk, "part-2-summary": "垃圾没人收", "part-2-category": "200102"}
    wrong = browser.post(f"/desk/cases/{case.code}/act/split/", form)
    assert wrong.status_code == 422 and "第 2 件没有选主办单位" in wrong.content.decode()
    assert "垃圾没人收" in wrong.content.decode()
    done = browser.post(f"/desk/cases/{case.code}/act/split/", form | {"part-2-lead": town.units["parks"].pk})
    assert done.status_code == 302 and Case.objects.filter(parent=case).count() == 1
    assert "拆成的各件" in browser.get(f"/desk/cases/{case.code}/").content.decode()
