from django.test import Client
from pytest_django import Settings

from conftest import Town
from gongzhi.base import clock, crypto
from gongzhi.desk.tests import matters
from gongzhi.notify import actions, queries
from gongzhi.notify.models import Notice

VALUES = {"code": "4830195726", "due": "3月2日 17:00"}
ABOUT = ("case", 7)


def tell(town: Town, name: str, key: str = "event:1") -> Notice:
    actions.tell_people([town.people[name].pk], template="test.overdue", values=VALUES, about=ABOUT, key=key)
    return Notice.objects.get(key=key)


def signed_in(town: Town, name: str) -> Client:
    client = Client()
    client.force_login(town.people[name])
    return client


def test_the_inbox_shows_mine_and_opening_one_reads_it_and_goes_to_the_case(town: Town) -> None:
    mine, other = tell(town, "street"), tell(town, "east", key="event:2")
    client = signed_in(town, "street")
    page = client.get("/inbox/").content.decode()
    assert f"/inbox/{mine.pk}/" in page and f"/inbox/{other.pk}/" not in page and "1 件未读" in page
    answer = client.get(f"/inbox/{mine.pk}/")
    assert answer.headers["Location"] == "/desk/cases/4830195726/"
    assert queries.unread(town.actor("street").standing) == 0
    assert client.get(f"/inbox/{other.pk}/").status_code == 404
    assert queries.unread(town.actor("east").standing) == 1
    assert "没有这样的消息" in client.get("/inbox/?show=unread").content.decode()


def left(page: str) -> str:
    return page.split('<nav class="side"')[1].split("</nav>")[0]


def test_the_inbox_stands_beside_the_lists_of_the_desk_and_the_messages_beside_the_pages_of_setup(town: Town) -> None:
    client = signed_in(town, "street")
    desk, inbox = (left(client.get(address).content.decode()) for address in ("/desk/", "/inbox/"))
    assert "待派单" in inbox and "待办" in inbox and 'aria-current="page"' in desk and "aria-current" not in inbox
    assert inbox == desk.replace(' aria-current="page"', "").replace(' aria-current="true"', "")
    setup = left(signed_in(town, "admin").get("/setup/messages/").content.decode())
    assert 'href="/setup/places/"' in setup and 'href="/setup/messages/" aria-current="page"' in setup
    assert 'href="/setup/places/"' in left(signed_in(town, "admin").get("/feedback/all/").content.decode())


def test_all_are_read_at_once(town: Town) -> None:
    for n in range(3):
        tell(town, "street", key=f"event:{n}")
    assert signed_in(town, "street").post("/inbox/read/").status_code == 302
    assert queries.unread(town.actor("street").standing) == 0


def about(town: Town, n: int, case_id: int, code: str) -> None:
    actions.tell_people([town.people["street"].pk], template="test.overdue", values={**VALUES, "code": code},
                        about=("case", case_id), key=f"event:{n}")


def test_the_inbox_has_a_line_for_each_matter_and_what_is_unread_first(town: Town) -> None:
    for n, (case_id, code) in enumerate([(7, "4830195726"), (8, "4830195734"), (7, "4830195726"), (9, "4830195742")]):
        about(town, n, case_id, code)
    client, standing = signed_in(town, "street"), town.actor("street").standing
    assert queries.unread(standing) == 3
    newest = Notice.objects.get(key="event:3")
    client.get(f"/inbox/{newest.pk}/")
    page = client.get("/inbox/").content.decode()
    assert [t.notice.key for t in queries.threads(standing).rows] == ["event:2", "event:1", "event:3"]
    assert "这件事共 2 条" in page and "未读 2" in page and "2 件未读" in page
    assert [t.notice.key for t in queries.threads(standing, q="4830195734").rows] == ["event:1"]
    assert [t.notice.key for t in queries.threads(standing, show="unread").rows] == ["event:2", "event:1"]
    client.get(f"/inbox/{Notice.objects.get(key='event:2').pk}/")
    assert not Notice.objects.filter(about_id=7, read_at=None).exists(), "opening one reads all about the matter"


def test_threads_go_by_key_in_both_directions_also_across_what_is_read(town: Town) -> None:
    n = 2 * queries.PAGE + 5
    for i in range(n):
        about(town, i, i + 1, "4830195726")
    Notice.objects.filter(about_id__gt=n - 10).update(read_at=clock.now())
    standing = town.actor("street").standing
    first = queries.threads(standing)
    second = queries.threads(standing, after=first.next)
    last = queries.threads(standing, after=second.next)
    ids = [t.notice.about_id for page in (first, second, last) for t in page.rows]
    assert ids == [*range(n - 10, 0, -1), *range(n, n - 10, -1)]
    assert (first.previous, last.next) == ("", "")
    back = queries.threads(standing, before=last.previous)
    assert [t.notice.pk for t in back.rows] == [t.notice.pk for t in second.rows] and back.previous and back.next
    assert queries.threads(standing, before=second.previous).previous == ""


def test_the_bell_counts_matters_that_wait_for_the_person_and_opening_one_reads_what_was_told(town: Town) -> None:
    waits, elsewhere = matters.accepted(town), matters.dispatched(town)
    about(town, 1, waits.pk, waits.code)
    about(town, 2, waits.pk, waits.code)
    about(town, 3, elsewhere.pk, elsewhere.code)
    client, standing = signed_in(town, "street"), town.actor("street").standing
    assert (queries.waiting(standing), queries.unread(standing), queries.waiting(None)) == (1, 2, 0)
    assert 'aria-label="消息，1 件要您办的还没看"' in client.get("/desk/").content.decode()
    assert [t.notice.code for t in queries.threads(standing, show="todo").rows] == [waits.code]
    assert 'aria-label="消息"' in client.get(f"/desk/cases/{waits.code}/").content.decode()
    assert (queries.waiting(standing), queries.unread(standing)) == (0, 1)


def test_strangers_have_no_inbox_and_only_administrators_see_deliveries(town: Town) -> None:
    assert Client().get("/inbox/").headers["Location"].startswith("/sign-in/")
    assert signed_in(town, "street").get("/setup/messages/").status_code == 403
    assert signed_in(town, "street").post("/setup/messages/1/resend/").status_code == 403


def text_to(phone: str, key: str = "event:1") -> Notice:
    actions.tell_phone(crypto.seal(phone), template="test.overdue", values=VALUES, about=ABOUT, key=key)
    return Notice.objects.get(key=key)


def test_the_demo_shows_what_would_be_sent_and_finds_it_by_the_last_four_digits(db: None) -> None:
    text_to("13800001234")
    text_to("13900005678", key="event:2")
    page = Client().get("/demo/sms/").content.decode()
    assert "138********" in page and "139********" in page and "1234" not in page
    assert "【共治】4830195726 应于 3月2日 17:00 前办结" in page and "计 1 条" in page
    found = Client().get("/demo/sms/?tail=1234").content.decode()
    assert "138********" in found and "139*" not in found
    assert "没有找到" in Client().get("/demo/sms/?tail=9999").content.decode()


def test_the_demo_page_is_not_there_outside_the_demo(settings: Settings, town: Town) -> None:
    settings.GONGZHI_DEMO = False
    assert Client().get("/demo/sms/").status_code == 302
    assert signed_in(town, "admin").get("/demo/sms/").status_code == 403


def test_deliveries_show_no_words_and_resend_what_failed(town: Town) -> None:
    notice = text_to("13800001234")
    Notice.objects.update(channel="sms", state="failed", tries=7, fault="对方回答 503", sent_at=None)
    client = signed_in(town, "admin")
    page = client.get("/setup/messages/?channel=sms&state=failed").content.decode()
    assert "居民的手机" in page and "对方回答 503" in page and "应于 3月2日" not in page
    assert "1234" not in page and VALUES["code"] not in page  # they would open the matter
    answer = client.post(f"/setup/messages/{notice.pk}/resend/", {"channel": "sms", "state": "failed"})
    assert answer.headers["Location"] == "/setup/messages/?channel=sms&state=failed"
    notice.refresh_from_db()
    assert (notice.state, notice.tries) == ("waiting", 0)
    assert "马上重发" in client.get(answer.headers["Location"]).content.decode()
    Notice.objects.update(state="failed")
    client.post("/setup/messages/resend/", {"channel": "sms"})
    assert queries.unsent() == {"waiting": 1}


def test_what_the_demo_only_shows_is_never_called_sent(town: Town) -> None:
    text_to("13800001234")
    admin = signed_in(town, "admin")

    def rows(query: str) -> str:
        return admin.get(f"/setup/messages/?{query}").content.decode().partition("<tbody>")[2]

    for query in ("", "channel=demo_sms", "state=shown"):
        assert "只在演示页" in rows(query) and "已发送" not in rows(query)
    assert rows("state=sent") == ""
    Notice.objects.update(channel="sms")
    assert "已发送" in rows("state=sent") and "只在演示页看" not in rows("") and rows("state=shown") == ""


def test_nonsense_in_the_address_is_ignored(town: Town) -> None:
    text_to("13800001234")
    client = signed_in(town, "admin")
    for query in ("channel=pigeon", "state=x", "show=x", "after=2-1", "before=abc",
                  "before=1-" + "9" * 30, "before=" + "9" * 40, "after=-1", "tail=%20"):
        assert client.get(f"/setup/messages/?{query}").status_code == 200
        assert client.get(f"/demo/sms/?{query}").status_code == 200
        assert client.get(f"/inbox/?{query}").status_code == 200


def test_pages_go_by_key_in_both_directions(town: Town) -> None:
    n = 2 * queries.PAGE + 5
    for i in range(n):
        tell(town, "street", key=f"event:{i}")
    rows = queries.inbox(town.actor("street").standing)
    newest = [row.pk for row in rows.order_by("-pk")]
    first = queries.page(rows)
    second = queries.page(rows, before=first.older)
    last = queries.page(rows, before=second.older)
    assert [r.pk for p in (first, second, last) for r in p.rows] == newest
    assert first.newer is None and last.older is None
    back = queries.page(rows, after=second.newer)
    assert [r.pk for r in back.rows] == [r.pk for r in first.rows] and back.newer is None
    assert [r.pk for r in queries.page(rows, after=last.newer).rows] == [r.pk for r in second.rows]
