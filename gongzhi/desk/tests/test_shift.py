"""交接班 and 常用语: the note makes itself and is signed for; phrases are filled and inserted, one's own and shared."""

from datetime import timedelta

import pytest

from conftest import MONDAY, Town
from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.desk import actions, phrases
from gongzhi.desk.models import Handover, SavedView, Snippet
from gongzhi.desk.tests import matters
from gongzhi.desk.tests.matters import client
from gongzhi.flow import actions as flow
from gongzhi.flow.actors import reporter
from gongzhi.log import queries as log
from gongzhi.notify.models import Notice
from gongzhi.org import queries as org


def test_a_shift_is_handed_on_signed_for_and_kept(town: Town) -> None:
    with clock.at(MONDAY):
        urged, late = matters.dispatched(town, words="催过的事"), matters.dispatched(town, words="超期的事")
        flow.act(urged.pk, "urge", by=reporter(urged.pk))
        late.tasks.filter(done_at=None).update(due_at=MONDAY - timedelta(hours=1))
        giver, taker = client(town, "department"), client(town, "department_leader")
        page = giver.get("/desk/handover/").content.decode()
        assert "催过的事" in page and "超期的事" in page and town.people["department_leader"].name in page
        wrong = giver.post("/desk/handover/", {"words": "重点看供热"})
        assert wrong.status_code == 422 and "请选接班的人" in wrong.content.decode() and "重点看供热" in wrong.content.decode()
        sent = giver.post("/desk/handover/", {"words": "重点看供热", "taker": town.people["department_leader"].pk})
        assert sent.status_code == 302
    made = Handover.objects.get()
    assert made.held["late"] == [late.pk] and urged.pk in made.held["urged"]
    assert Notice.objects.filter(person=town.people["department_leader"], title="请接班").exists()
    giver.post(f"/desk/handover/{made.pk}/take/")
    assert Handover.objects.get().taken_at is None, "nobody signs for himself"
    shown = taker.get(f"/desk/handover/{made.pk}/").content.decode()
    assert "签字接班" in shown and "重点看供热" in shown and "超期的事" in shown
    taker.post(f"/desk/handover/{made.pk}/take/")
    assert Handover.objects.get().taken_at is not None
    with pytest.raises(Refused, match="已经签过字"):
        actions.take_over(made, by=town.actor("department_leader"))
    assert client(town, "parks").get(f"/desk/handover/{made.pk}/").status_code == 404
    assert not [x for x in log.of_subject("handover", made.pk) if "供热" in str(x.data)], "no words in the log"


def test_a_note_shows_nobody_what_he_may_not_see(town: Town) -> None:
    case = matters.dispatched(town, words="催过的事")
    made = actions.hand_over(town.units["housing"].pk, town.people["department_leader"].pk, "", by=town.actor("department"))
    case.about_units, made.held["due"] = [town.units["housing"].pk], [case.pk]
    case.save(), made.save()
    assert "催过的事" not in client(town, "department_leader").get(f"/desk/handover/{made.pk}/").content.decode()


def write(town: Town, who: str, title: str, words: str, **more: object) -> Snippet:
    given = {"category": "", "shared": False, **more}
    return actions.write_snippet(None, title=title, words=words, by=town.actor(who), **given)  # type: ignore[arg-type]


def test_phrases_are_filled_and_stand_beside_the_form(town: Town) -> None:
    case = matters.dispatched(town)
    write(town, "department", "已修好", "您反映的{事项}（{编号}），{承办单位}已于{今天}修好。", category="900401")
    write(town, "department_leader", "共用的", "谢谢您", shared=True)
    write(town, "department", "别类的", "垃圾已清走", category="200102")
    write(town, "parks", "外单位的", "不该看到", shared=True)
    page = client(town, "department").get(f"/desk/cases/{case.code}/?do=finish").content.decode()
    assert f"您反映的{case.title}（{case.code[:3]} {case.code[3:6]} {case.code[6:]}），区住建局已于" in page
    assert "谢谢您" in page and "垃圾已清走" not in page and "不该看到" not in page
    assert phrases.fill("请于{到期}前{空}", {}) == "请于____前{空}"


def test_phrases_are_changed_by_who_wrote_them_or_leads_the_unit(town: Town) -> None:
    shared = write(town, "department", "共用的", "谢谢您", shared=True)
    own = write(town, "department", "自己的", "您好")
    leader, other = client(town, "department_leader"), client(town, "parks")
    form = {"title": "共用的", "words": "谢谢您的反映", "shared": "1"}
    assert leader.post(f"/desk/snippets/{shared.pk}/", form).status_code == 302
    assert leader.post(f"/desk/snippets/{own.pk}/drop/").status_code == 404
    assert other.post(f"/desk/snippets/{shared.pk}/", form).status_code == 404
    browser = client(town, "department")
    wrong = browser.post("/desk/snippets/", {"title": "", "words": "话留着"})
    assert wrong.status_code == 422 and "起个名字" in wrong.content.decode() and "话留着" in wrong.content.decode()
    browser.post("/desk/snippets/", {"title": "空话", "words": "已转相关部门"})
    assert "没有说做了什么" in browser.get("/desk/snippets/").content.decode()
    browser.post(f"/desk/snippets/{own.pk}/drop/")
    assert not Snippet.objects.filter(pk=own.pk).exists()


def test_a_view_is_shared_in_a_unit_and_shown_apart(town: Town) -> None:
    browser = client(town, "department")
    browser.post("/desk/views/", {"title": "供热急件", "query": "?flag=urgent", "shared": "1"})
    browser.post("/desk/views/", {"title": "自己看的", "query": "?flag=held"})
    shown = client(town, "department_leader").get("/desk/").content.decode()
    assert "单位共用的视图" in shown and "供热急件" in shown and "自己看的" not in shown
    assert "供热急件" not in client(town, "parks").get("/desk/").content.decode()
    view = SavedView.objects.get(title="供热急件")
    client(town, "parks").post(f"/desk/views/{view.pk}/drop/")
    assert SavedView.objects.filter(pk=view.pk).exists()
    client(town, "department_leader").post(f"/desk/views/{view.pk}/drop/")
    assert not SavedView.objects.filter(pk=view.pk).exists()


def test_the_page_asks_how_many_urgent_matters_there_are(town: Town) -> None:
    case = matters.dispatched(town)
    browser = client(town, "department")
    assert 'data-newest="0"' in browser.get("/desk/urgent/").content.decode()
    case.urgent = True
    case.save()
    answer = browser.get("/desk/urgent/").content.decode()
    assert "紧急 1 件" in answer and f'data-newest="{case.tasks.get(done_at=None, role="lead").pk}"' in answer
    assert 'hx-get="/desk/urgent/"' in browser.get("/desk/").content.decode()
    assert org.standing(town.people["department"]).person_id
