"""The made city loads, and its people live to the present by the real process."""

import pytest
from django.db import connection

from demo import city, living, loading
from gongzhi.base import clock
from gongzhi.base.models import Progress
from gongzhi.flow.models import Case, Task
from gongzhi.org import queries as org
from gongzhi.org.models import Person, Unit
from gongzhi.places import index
from gongzhi.places.models import Place

N = 14


@pytest.mark.django_db
def test_the_city_loads_and_its_people_live_to_the_present(settings, tmp_path):
    settings.GONGZHI_HOME = tmp_path
    loading.load(city.build())
    index.reload()
    grid = Place.objects.get(kind="grid", code="150102001001001")
    assert index.locate(grid.lon, grid.lat).place_id == grid.pk
    assert Person.objects.get(username="street").check_password(loading.PASSWORD)
    assert not Person.objects.exclude(username__in=[s.username for s in city.SIGN_INS])[0].has_usable_password()
    centre = Unit.objects.get(key="centre")
    assert org.governing("district", grid.path, "operator") == centre
    assert org.grid_worker(grid.pk).username == "grid"

    living.pour(N, of=N)
    now = clock.now()
    assert Case.objects.count() == N
    assert living.missing(N) == 0
    assert not Task.objects.filter(done_at=None, case__held_at=None, next_at__lt=now).exists()
    assert not Task.objects.filter(done_at__gt=now).exists()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT at < lag(at) OVER (PARTITION BY subject_id ORDER BY id) AS back"
            " FROM log_event WHERE subject_kind = 'case') e WHERE back"
        )
        assert cursor.fetchone() == (0,)
    assert living.pour(N, of=N) == 0  # who has lived does not live again

    assert not living.pour_a_while(N + 1, 1)
    row = Progress.objects.get(name=living.PROGRESS)
    assert (row.done, row.total) == (N + 1, N + 1)
    assert row.ended_at
