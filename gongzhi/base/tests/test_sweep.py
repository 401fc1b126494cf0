"""Files that were never sent with anything are swept, and never one that is being attached at the same moment."""

import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction

from conftest import Town, build_town
from gongzhi.base import clock, files
from gongzhi.base.models import StoredFile
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Attachment, Case
from gongzhi.requests import actions as requests
from gongzhi.site import jobs

VOICE = b"OggS" + b"\x01" * 64
AGES = files.UNUSED_FOR + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _own_home(settings: Any, tmp_path: Path) -> None:
    settings.GONGZHI_HOME = tmp_path


def a_case(town: Town) -> Case:
    lon, lat = town.point("west-south-1")
    got = requests.report(requests.Report(lon, lat, words="暖气不热"), by=Actor("anyone"))
    return Case.objects.get(pk=got.case_id)


def old_voice() -> StoredFile:
    """Store a recording that was never sent, long ago."""
    with clock.at(clock.now() - AGES):
        return files.store_voice(VOICE)


def attach(case: Case, stored: StoredFile) -> None:
    Attachment.objects.create(case=case, file=stored, kind="voice")


def is_whole(stored: StoredFile) -> bool:
    """Row and bytes are both there, or (False) both gone."""
    row, path = StoredFile.objects.filter(pk=stored.pk).exists(), files.path_of(stored.pk).exists()
    assert row == path
    return row


def test_what_was_never_sent_is_swept_after_two_days_and_written_down(db: None) -> None:
    stored = files.store_voice(VOICE)
    with clock.at(clock.now() + files.UNUSED_FOR - timedelta(minutes=1)):
        jobs.sweep_files(0)
        assert is_whole(stored)
    with clock.at(clock.now() + files.UNUSED_FOR + timedelta(minutes=1)):
        jobs.sweep_files(0)
        assert not is_whole(stored)
        jobs.sweep_files(0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data->>'n' FROM log_event WHERE verb = 'files.sweep'")
        assert cursor.fetchall() == [("1",)]


def test_what_is_attached_stays(town: Town) -> None:
    stored = old_voice()
    attach(a_case(town), stored)
    assert files.sweep() == 0 and is_whole(stored)


def test_what_was_attached_after_the_sweep_had_listed_it_stays(town: Town) -> None:
    stored = old_voice()
    attach(a_case(town), stored)
    assert not files._drop(stored.pk, clock.now()) and is_whole(stored)


def test_the_same_bytes_chosen_again_wait_their_two_days_anew(db: None) -> None:
    stored = old_voice()
    files.store_voice(VOICE)
    assert files.sweep() == 0 and is_whole(stored)


def test_the_same_bytes_come_back_after_they_were_swept(db: None) -> None:
    assert old_voice() and files.sweep() == 1
    assert is_whole(files.store_voice(VOICE))


def test_a_row_whose_bytes_are_gone_gets_them_back(db: None) -> None:
    stored = old_voice()
    files.path_of(stored.pk).unlink()  # a sweep that died between the two
    assert is_whole(files.store_voice(VOICE))


def test_bytes_whose_row_was_rolled_back_are_swept_too(db: None) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        stored = files.store_voice(VOICE)
        raise ZeroDivisionError
    path = files.path_of(stored.pk)
    half = path.with_suffix(".7.part")
    half.write_bytes(b"Og")
    files.sweep()
    assert path.exists() and half.exists(), "they may be new"
    for each in (path, half):
        os.utime(each, ((clock.now() - AGES).timestamp(),) * 2)
    assert files.sweep() == 1
    assert not path.exists() and not half.exists() and not StoredFile.objects.exists()


def test_adopted_bytes_that_are_stored_again_are_as_good_as_new(db: None) -> None:
    stored = old_voice()
    StoredFile.objects.all().delete()
    os.utime(files.path_of(stored.pk), ((clock.now() - AGES).timestamp(),) * 2)
    files._adopt(clock.now())
    assert StoredFile.objects.get().media_type == ""
    assert files.store_voice(VOICE).media_type == StoredFile.objects.get().media_type == "audio/ogg"
    assert files.sweep() == 0 and is_whole(stored)


# Two at once ----------------------------------------------------------------------------------------------------------


def beside(act: Callable[[], object]) -> threading.Thread:
    """Do something on a connection of its own."""

    def run() -> None:
        try:
            act()
        finally:
            connections["default"].close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def until_somebody_waits_for_a_lock() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND"
                           " database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                           " OR NOT granted AND locktype = 'transactionid'")
            if (cursor.fetchone() or (0,))[0]:
                return
    raise AssertionError("nobody waits")


def test_a_file_that_is_being_attached_is_left_alone(transactional_db: None) -> None:
    case, stored = a_case(build_town()), old_voice()
    attached, swept, failed = threading.Event(), threading.Event(), []

    def attach_slowly() -> None:
        again = files.store_voice(VOICE)  # as a form does: first stored, then in a transaction attached
        with transaction.atomic():
            attach(case, again)
            attached.set()
            if not swept.wait(60):
                failed.append("the sweep waits for us")

    other = beside(attach_slowly)
    assert attached.wait(60)
    assert files.sweep() == 0
    swept.set()
    other.join(60)
    assert not failed and is_whole(stored) and Attachment.objects.count() == 1
    assert files.sweep() == 0 and is_whole(stored)


def test_a_file_stored_in_a_transaction_is_safe_until_it_is_attached_in_it(transactional_db: None) -> None:
    case, stored = a_case(build_town()), old_voice()
    with transaction.atomic():
        with clock.at(clock.now() - AGES):  # so that its age does not save it
            again = files.store_voice(VOICE)
        swept: list[int] = []
        beside(lambda: swept.append(files.sweep())).join(60)
        assert swept == [0]
        attach(case, again)
    assert is_whole(stored)


def test_who_stores_the_same_bytes_while_they_are_swept_gets_them_written_anew(transactional_db: None) -> None:
    case, stored = a_case(build_town()), old_voice()
    with transaction.atomic():
        assert files._drop(stored.pk, clock.now())  # the bytes are gone, the row not yet for others
        other = beside(lambda: attach(case, files.store_voice(VOICE)))
        until_somebody_waits_for_a_lock()
        assert not files.path_of(stored.pk).exists()
    other.join(60)
    assert is_whole(stored) and Attachment.objects.get().file_id == stored.pk
