from django.test import Client

from conftest import Town
from gongzhi.requests.tests.walking import Walk


def test_the_page_of_a_merged_matter_shows_how_the_other_one_stands(town: Town, client: Client) -> None:
    walk, twin = Walk(town).dispatched(), Walk(town, phone="13800002222").accepted()
    twin.does("street", "merge", same_case=walk.case.code)
    page = f"/r/{twin.receipt.code}/{twin.receipt.secret}/"
    shown = client.get(page).content.decode()
    assert "办理中" in shown and "区住建局" in shown and walk.receipt.secret not in shown
    walk.finished()
    answered = client.get(page).content.decode()
    assert "请您评价" in answered and "已更换阀门，室温 20 度。" in answered and walk.case.code not in answered
