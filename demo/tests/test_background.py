"""What is left of the demo's reports is left to the worker once, however often the demo is started."""

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from gongzhi.site import jobs


@pytest.mark.django_db(transaction=True)
def test_the_rest_is_left_to_the_worker_once():
    jobs.keep_pouring(3, 1)
    jobs.keep_pouring(3, 1)
    assert ProcrastinateJob.objects.filter(task_name="gongzhi.site.jobs.pour_demo", status="todo").count() == 1
