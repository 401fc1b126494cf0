"""Long work at a browser: the line above every page of the desk, and the page where it is stopped."""

import pytest

from conftest import Town
from demo import living
from gongzhi.base import listing, progress
from gongzhi.base.models import Progress
from gongzhi.desk import jobs, views
from gongzhi.desk.models import Export
from gongzhi.desk.tests import matters
from tests.browser.conftest import Team


def test_the_line_about_the_demo_moves_on_then_goes_and_nothing_jumps(town: Town, team: Team) -> None:
    living.begin(3300, 1)
    row = Progress.objects.get()
    progress.step(row, 745)
    street = team["street"].go("/desk/")
    line = street.page.locator(".work-line")
    line.get_by_text("745 / 3,300").wait_for()
    street.fits()
    street.accessible()
    street.shot("work-line")
    place = street.page.locator("#main").bounding_box()
    progress.step(row, 746)
    line.get_by_text("746 / 3,300").wait_for()
    progress.step(row, 3300)
    progress.end(row)
    street.page.wait_for_selector(".work-line.is-over")
    assert street.page.locator("#main").bounding_box() == place and not line.inner_text()
    street.forget()
    assert not street.go("/desk/").page.locator(".work-line").count()


def test_the_administrator_stops_long_work_and_lets_it_go_on(town: Town, team: Team) -> None:
    living.begin(3300, 1)
    row = Progress.objects.get()
    progress.begin("x", "别的长任务", done=4, total=8)
    progress.step(row, 745)
    admin = team["admin"].go("/setup/work/").reads("演示诉求：编出来的人正在办理", "745 / 3,300")
    button = admin.page.locator(f"#stop-{row.pk}")
    button.focus()
    progress.step(row, 746)
    admin.reads("746 / 3,300")
    assert button.evaluate("e => e === document.activeElement"), "who is about to press keeps the button"
    admin.fits()
    admin.accessible()
    admin.shot("work")
    with admin.page.expect_navigation():
        button.press("Enter")
    admin.reads("已停止")
    admin.shot("work-stopped")
    with admin.page.expect_navigation():
        admin.page.click(f"#resume-{row.pk}")
    assert Progress.objects.get(pk=row.pk).state == "running"


def test_a_long_list_is_asked_for_watched_and_fetched(town: Town, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "EXPORT_SHORT", 1)
    monkeypatch.setattr(listing, "STEP", 1)
    for words in ("暖气不热了", "暖气漏水", "供暖太差"):
        matters.accepted(town, words=words)
    street = team["street"].go("/desk/export/?view=dispatching&category=9004").reads("3 件")
    street.fits()
    street.accessible()
    street.shot("export-ask")
    with street.page.expect_navigation():
        street.page.click("button:has-text('生成 Excel 文件')")
    export = Export.objects.get()
    street.reads("正在排队")
    progress.step(export.progress, 2)
    street.reads("2 / 3")
    street.fits()
    street.accessible()
    street.shot("export-running")
    jobs.write_export(export.pk)
    street.page.wait_for_selector(f"#get-{export.pk}")
    street.fits()
    street.accessible()
    street.shot("export-ready")
    with street.page.expect_download() as fetched:
        street.page.click(f"#get-{export.pk}")
    assert fetched.value.suggested_filename.startswith("待派单-")
    street.go("/inbox/").reads("清单已生成")
    export.path.unlink()
