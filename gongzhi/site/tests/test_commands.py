from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from conftest import Town
from gongzhi.flow import actions as flow
from gongzhi.requests.tests.walking import Walk

REQUEST = Path(__file__).parents[3] / "processes" / "request.toml"


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_the_process_files_that_come_along_have_no_fault() -> None:
    assert "request.toml：没有问题" in run("processes", "check")


def test_a_faulty_file_is_told_in_sentences_with_lines(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(REQUEST.read_text().replace('to = "archived"', 'to = "nowhere"', 1))
    for what in ("check", "publish", "diagram"):
        with pytest.raises(CommandError, match=r"wrong.toml：第 \d+ 行：.*nowhere"):
            run("processes", what, str(wrong))
    with pytest.raises(CommandError, match="没有这个文件"):
        run("processes", "check", str(tmp_path / "none.toml"))


def test_a_process_is_drawn_compared_and_published(town: Town, tmp_path: Path) -> None:
    assert run("processes", "diagram", str(REQUEST)).startswith("stateDiagram-v2")
    assert run("processes", "diff", str(REQUEST)).strip() == ""
    newer = tmp_path / "request.toml"
    newer.write_text(REQUEST.read_text().replace('title    = "待受理"', 'title    = "等受理"'))
    assert '+title    = "等受理"' in run("processes", "diff", str(newer))
    assert "第 2 版" in run("processes", "publish", str(newer))
    assert "第 2 版" in run("processes", "publish", str(newer)), "the same text is the same version"


def test_running_cases_move_along_where_no_visited_stage_changed(town: Town) -> None:
    fresh, handled = Walk(town), Walk(town).dispatched()
    text = REQUEST.read_text()
    flow.publish(text.replace('title    = "待受理"', 'title    = "等受理"'))
    assert "2 件改用新版，0 件" in run("processes", "move", str(REQUEST))
    flow.publish(text.replace('sign = "2h"', 'sign = "1h"'))
    assert "1 件改用新版，1 件" in run("processes", "move", str(REQUEST))
    assert (fresh.case.version.version, handled.case.version.version) == (3, 2)
    handled.does("department", "sign")


def test_the_names_a_file_may_use_are_listed() -> None:
    assert "category" in run("processes", "fields") and "not_to_a_recused_unit" in run("processes", "conditions")


def test_settings_are_listed_with_their_meaning_and_secrets_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONGZHI_WEBHOOK_SECRET", "very-secret")
    listed = run("settings")
    assert "GONGZHI_BASE_URL" in listed and "GONGZHI_WEBHOOK_SECRET = (set)" in listed and "very-secret" not in listed
