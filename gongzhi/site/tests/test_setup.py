import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection

from gongzhi.base import clock
from gongzhi.desk.tests import matters
from gongzhi.flow import registry
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case
from gongzhi.org import queries as org
from gongzhi.org.models import Appointment, Person, Post, Unit
from gongzhi.places.models import PlaceCode
from gongzhi.requests import actions as requests
from gongzhi.requests import defaults
from gongzhi.requests.models import Category, Default

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(town, client):
    client.force_login(town.people["admin"])
    return client


def test_every_page_of_the_trees_opens_for_the_administrator(town, admin):
    pages = ["/setup/places/?q=西街", "/setup/places/?q=zzz", "/setup/units/", "/setup/units/?line=party",
             "/setup/units/?vacant=1", "/setup/units/?q=西街", "/setup/people/", "/setup/people/?show=double",
             "/setup/people/?q=张"]
    pages += [f"/setup/places/{p.pk}/" for p in town.places.values()]
    pages += [f"/setup/places/{p.pk}/outlines.json" for p in town.places.values()]
    pages += [f"/setup/units/{u.pk}/" for u in town.units.values()]
    pages += [f"/setup/people/{p.pk}/" for p in town.people.values()]
    for page in pages:
        assert admin.get(page).status_code == 200, page
    pages = ["/setup/places/", "/setup/places/?kind=street", "/setup/places/?kind=x&at=y", "/setup/defaults/limits/"]
    assert [admin.get(page).status_code for page in pages] == [200] * 4
    assert admin.get("/setup/places/999999/").status_code == 404


@pytest.mark.parametrize("name", ["operator", "street", "community", "department"])
def test_nobody_but_administrator_and_auditor_sees_the_setup(town, client, name):
    client.force_login(town.people[name])
    for page in ("/setup/places/", "/setup/units/", "/setup/people/"):
        assert client.get(page).status_code == 403


def test_an_auditor_reads_and_changes_nothing(town, client):
    post = Post.objects.create(unit=town.units["centre"], name="auditor")
    auditor = Person.objects.create(username="auditor", name="审计")
    Appointment.objects.create(post=post, person=auditor, from_date=clock.today())
    client.force_login(auditor)
    page = client.get(f"/setup/units/{town.units['west'].pk}/").content.decode()
    assert "张派单" in page and "增加岗位" not in page
    assert client.post(f"/setup/units/{town.units['west'].pk}/rename/", {"name": "x"}).status_code == 403


def test_a_new_code_is_set_and_the_page_shows_both(town, admin):
    grid, tomorrow = town.places["west-south-1"], clock.today() + timedelta(1)
    values = {"system": "qr", "code": "QR-77", "from_date": tomorrow.isoformat(), "source": "印制单"}
    assert admin.post(f"/setup/places/{grid.pk}/code/", values).status_code == 302
    page = admin.get(f"/setup/places/{grid.pk}/").content.decode()
    assert "QR-77" in page and grid.code in page and "印制单" in page


def test_a_wrong_code_is_refused_beside_its_field_and_what_was_typed_stays(town, admin):
    grid = town.places["west-south-1"]
    values = {"system": "grid", "code": "12345", "from_date": "2099-01-01", "source": "我的来源"}
    answer = admin.post(f"/setup/places/{grid.pk}/code/", values)
    page = answer.content.decode()
    assert answer.status_code == 422 and "15 位" in page and "我的来源" in page and 'value="12345"' in page
    assert PlaceCode.objects.filter(place=grid).count() == 1


def test_a_vacancy_is_marked_until_somebody_is_appointed(town, admin):
    unit = town.units["west"]
    assert admin.post(f"/setup/units/{unit.pk}/post/", {"post": "checker", "seats": 1}).status_code == 302
    assert "缺 1 人" in admin.get(f"/setup/units/{unit.pk}/").content.decode()
    post = Post.objects.get(unit=unit, name="checker")
    values = {"post_id": post.pk, "username": "nobody", "from_date": clock.today().isoformat()}
    refused = admin.post(f"/setup/units/{unit.pk}/appoint/", values)
    assert refused.status_code == 422 and "没有这个用户名" in refused.content.decode()
    assert admin.post(f"/setup/units/{unit.pk}/appoint/", {**values, "username": "community"}).status_code == 302
    page = admin.get(f"/setup/units/{unit.pk}/").content.decode()
    assert "缺 1 人" not in page and "兼任" in page
    assert org.standing(town.people["community"]).holds("checker")


def test_an_appointment_is_ended_with_its_last_day(town, admin):
    person = town.people["street"]
    row, yesterday = person.appointments.get(), clock.today() - timedelta(1)
    bad = admin.post(f"/setup/people/{person.pk}/end/{row.pk}/", {"to_date": "never"})
    assert bad.status_code == 422 and "请选择日期" in bad.content.decode()
    assert admin.post(f"/setup/people/{person.pk}/end/{row.pk}/", {"to_date": yesterday}).status_code == 302
    assert "今天没有岗位" in admin.get(f"/setup/people/{person.pk}/").content.decode()


def test_a_person_s_page_says_what_is_seen_and_why(town, admin):
    street = admin.get(f"/setup/people/{town.people['street'].pk}/").content.decode()
    assert "西街街道的全部事项" in street and "看不到对以下单位的投诉和举报" in street
    assert "的全部事项" not in admin.get(f"/setup/people/{town.people['department'].pk}/").content.decode()
    assert "只有文字和地点" in admin.get(f"/setup/people/{town.people['heating'].pk}/").content.decode()


def test_a_unit_is_added_below_another_and_renamed(town, admin):
    unit = town.units["housing"]
    assert admin.post(f"/setup/units/{unit.pk}/add/", {"kind": "section", "new_name": "电梯科"}).status_code == 302
    new = Unit.objects.get(name="电梯科")
    assert new.path == [*unit.path, new.pk] and new.line == unit.line
    assert admin.post(f"/setup/units/{new.pk}/rename/", {"name": " "}).status_code == 422
    assert admin.post(f"/setup/units/{new.pk}/rename/", {"name": "电梯安全科"}).status_code == 302
    assert Unit.objects.get(pk=new.pk).name == "电梯安全科"


def test_pages_go_on_by_key_and_count_truly(town, admin):
    Unit.objects.bulk_create(
        Unit(kind="grid", line="service", name=f"格{n}", short_name=f"格{n}", parent=town.units["west"], path=[0])
        for n in range(120))
    total, seen, page = Unit.objects.filter(line="service").count(), [], "?line=service"
    while page:
        text = unescape(admin.get("/setup/units/" + page).content.decode())
        seen.append(re.findall(r"/setup/units/(\d+)/", text))
        assert f"共 {total} 件" in text
        page, last = next(iter(re.findall(r'href="(\?[^"]+)" rel="next"', text)), ""), text
    assert len({pk for rows in seen for pk in rows}) == sum(map(len, seen)) == total
    back = re.findall(r'href="(\?[^"]+)" rel="prev"', last)[0]
    assert re.findall(r"/setup/units/(\d+)/", admin.get("/setup/units/" + back).content.decode()) == seen[-2]


def test_the_first_page_says_in_words_what_is_wrong_and_how_much_is_unstaffed(town, admin):
    Post.objects.create(unit=town.units["west"], name="checker")
    page = admin.get("/setup/").content.decode()
    assert "后台任务没有运行" in page and "数据库是最新的" in page
    assert re.search(r"空缺岗位</span><b>1<", page)


def test_a_default_is_changed_with_its_source_and_used_at_once(town, admin, django_capture_on_commit_callbacks):
    page = admin.get("/setup/defaults/").content.decode()
    assert "已转相关部门" in page and "默认值，无来源" in page and "DB11/T 2021" in page
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin.post("/setup/defaults/empty_phrases/", {"value": "已阅\n\n 敬请谅解 ", "source": "区办〔2026〕3号"})
    assert answer.status_code == 302
    assert defaults.empty_phrases("敬请谅解，高度重视") == ["敬请谅解"]
    page = admin.get("/setup/defaults/").content.decode()
    assert "区办〔2026〕3号" in page and town.people["admin"].name in page and "高度重视" not in page
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM log_event WHERE verb = 'default.write'")
        ((data,),) = cursor.fetchall()
    assert "高度重视" in str(data) and "敬请谅解" in str(data)


def test_the_words_of_a_return_reason_are_the_citys_own(town, admin, django_capture_on_commit_callbacks):
    assert ("not_mine", "不属于本单位职责") in [(code, str(title)) for code, title in registry.fields["return_code"].choices]
    with django_capture_on_commit_callbacks(execute=True):
        admin.post("/setup/defaults/return_not_mine/", {"value": "不在三定职责内", "source": "区编办〔2026〕1号"})
    assert ("not_mine", "不在三定职责内") in [(code, str(title)) for code, title in registry.fields["return_code"].choices]


@pytest.mark.parametrize(("name", "value", "field"), [
    ("check_one_in", "零", "value"), ("check_one_in", "0", "value"), ("check_one_in", "10001", "value"),
    ("decline_legal", "请走法定途径", "value"), ("empty_phrases", " \n ", "value")])
def test_a_default_that_makes_no_sense_is_refused_and_stays_typed(town, admin, name, value, field):
    answer = admin.post(f"/setup/defaults/{name}/", {"value": value, "source": "试"})
    assert answer.status_code == 422 and not Default.objects.exists()
    assert value.strip() in answer.content.decode()
    assert admin.post(f"/setup/defaults/{name}/", {"value": str(defaults.KNOWN[name].value), "source": ""}).status_code == 422
    assert admin.post("/setup/defaults/nothing/", {"value": "x", "source": "x"}).status_code == 404


def test_the_defaults_are_changed_by_the_administrator_alone(town, client):
    client.force_login(town.people["street"])
    assert client.get("/setup/defaults/").status_code == 403
    assert client.post("/setup/defaults/check_one_in/", {"value": "1", "source": "x"}).status_code == 403


def test_what_the_city_wrote_decides_deadline_kind_sample_and_the_words_of_a_refusal(town):
    by = town.actor("admin")
    for name, value in (("standard", "3d"), ("kind_suggest", "希望"), ("check_one_in", "1"), ("decline_secret", "不便公开。")):
        requests.set_default(name, value, "区里定的", by=by)
    defaults.forget()
    lon, lat = town.point("west-south-1")
    got = requests.report(requests.Report(lon, lat, words="希望多装几盏灯"), by=Actor("anyone"))
    case = Case.objects.get(pk=got.case_id)
    assert (case.standard, case.standard_source, case.request.kind) == ("3d", "区里定的", "suggest")
    assert defaults.is_sampled(case.pk) and defaults.decline_text("secret") == "不便公开。"


def test_the_place_tree_is_folded_below_the_streets_opens_to_a_place_and_lists_a_kind(town, admin):
    street, grid = town.places["west"], town.places["west-south-1"]
    page = admin.get("/setup/places/").content.decode()
    assert street.name in page and grid.name not in page and f"/setup/places/{street.pk}/branch/" in page
    branch = admin.get(f"/setup/places/{street.pk}/branch/").content.decode()
    assert town.places["west-south"].name in branch and grid.name not in branch
    opened = admin.get(f"/setup/places/?at={grid.pk}").content.decode()
    assert f'<a href="/setup/places/{grid.pk}/" aria-current="true">' in opened
    listed = admin.get("/setup/places/?kind=grid").content.decode()
    assert grid.name in listed and f'href="/setup/places/{street.pk}/"' not in listed
    found = admin.get("/setup/places/?kind=grid&q=西南").content.decode()
    assert grid.name in found and 'name="kind" value="grid"' in found


def test_the_units_of_a_place_are_a_few_and_a_list_of_their_own(town, admin):
    district, housing = town.places["district"], town.units["housing"]
    section = Unit.objects.create(parent=housing, kind="section", line="service", name="住房保障科", place=district)
    page = admin.get(f"/setup/places/{district.pk}/").content.decode()
    n = Unit.objects.filter(place=district, active_to=None).count()
    assert f"看全部 {n} 个单位" in page and section.name not in page
    assert section.name in admin.get(f"/setup/units/?place={district.pk}").content.decode()


def test_a_time_limit_is_said_in_chinese_and_typed_as_a_number_with_its_unit(town, admin):
    page = admin.get("/setup/defaults/").content.decode()
    assert "7 个自然日" in page and ">7d" not in page and "例如 7d" not in page
    for n, unit in (("", "d"), ("0", "d"), ("1.5", "d"), ("2", "weeks"), ("9999999", "d")):
        refused = admin.post("/setup/defaults/standard/", {"n": n, "unit": unit, "source": "试"})
        assert refused.status_code == 422 and "请填 1 以上的整数" in refused.content.decode()
    form = {"n": "6", "unit": "d calendar", "source": "区办〔2026〕5号"}
    assert admin.post("/setup/defaults/standard/", form).status_code == 302
    assert Default.objects.get(name="standard").value == "6d calendar"


def test_the_limit_of_a_category_is_found_and_changed_with_its_source(town, admin, django_capture_on_commit_callbacks):
    category = Category.objects.get(code="900401")
    Category.objects.filter(pk=category.pk).update(staged_limits="测温 4h; 修好 24h calendar")
    open_before = matters.accepted(town)
    page = admin.get("/setup/defaults/").content.decode()
    assert 'href="/setup/defaults/limits/"' in page
    assert category.name in admin.get("/setup/defaults/limits/?q=供暖").content.decode()
    assert category.name not in admin.get("/setup/defaults/limits/?q=供暖&bare=1").content.decode()
    address = f"/setup/defaults/limits/{category.code}/"
    refused = admin.post(address, {"n": "0", "unit": "h", "source": ""})
    assert refused.status_code == 422 and "请写明依据" in refused.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        assert admin.post(address, {"n": "12", "unit": "h calendar", "source": "区办〔2026〕6号"}).status_code == 302
    category.refresh_from_db()
    assert (category.limit, category.limit_source) == ("12h calendar", "区办〔2026〕6号")
    assert category.staged_limits == "测温 4h; 修好 12h calendar"
    assert "12 小时" in admin.get(address).content.decode()
    open_before.refresh_from_db()
    assert (open_before.standard, matters.accepted(town).standard) == ("24h calendar", "12h calendar")
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM log_event WHERE verb = 'category.limit'")
        assert "12h calendar" in str(cursor.fetchall())


def test_the_limit_of_a_category_is_changed_by_the_administrator_alone(town, client):
    post = Post.objects.create(unit=town.units["centre"], name="auditor")
    auditor = Person.objects.create(username="auditor", name="审计")
    Appointment.objects.create(post=post, person=auditor, from_date=clock.today())
    client.force_login(auditor)
    address = "/setup/defaults/limits/900401/"
    assert "保存" not in client.get(address).content.decode()
    assert client.post(address, {"n": "1", "unit": "h", "source": "x"}).status_code == 403
