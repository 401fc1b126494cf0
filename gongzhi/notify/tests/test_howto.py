"""docs/howto/add-a-notice-channel.md, carried out with a throw-away channel."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Town
from gongzhi.base import clock
from gongzhi.notify import actions, channels, rules
from gongzhi.notify.conftest import Gateway
from gongzhi.notify.models import Notice

HOWTO = Path(__file__).resolve().parents[3] / "docs" / "howto" / "add-a-notice-channel.md"


@pytest.fixture
def pigeon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (code,) = re.findall(r"```python\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.S)
    folder = tmp_path / "pigeon"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "channel.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(channels, "__path__", [*channels.__path__, str(tmp_path)])
    channels.found.cache_clear()
    yield "pigeon"
    channels.found.cache_clear()
    for name in [n for n in sys.modules if n.startswith("gongzhi.notify.channels.pigeon")]:
        del sys.modules[name]


def test_a_new_folder_is_a_channel(
    pigeon: str, gateway: Gateway, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIGEON_URL", gateway.url)
    gateway.answers = [503]
    person, now = town.people["street"], clock.now()
    with clock.at(now):
        actions.tell_people(
            [person.pk], template="test.overdue", values={"code": "4830195726", "due": "17:00"}, about=("case", 7),
            key="k", channels=("inbox", pigeon),
        )  # fmt: skip
        assert pigeon in channels.sending() and actions.send_due(pigeon) == 1
    with clock.at(now + rules.WAITS[0]):
        assert actions.send_due(pigeon) == 1
    sent = Notice.objects.get(channel=pigeon)
    assert (sent.state, sent.tries) == ("sent", 2)
    assert [body["id"] for _, body, _ in gateway.got] == [str(sent.sent_as)] * 2
    assert gateway.got[-1][1]["to"] == person.username


def test_the_howto_fits_one_screen() -> None:
    assert len(HOWTO.read_text(encoding="utf-8").splitlines()) <= 60
