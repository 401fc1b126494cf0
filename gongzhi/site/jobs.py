"""What is done every day or every minute, once however many workers there are."""

import contextlib

from django.db import transaction
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Status

from gongzhi.base import files
from gongzhi.log import actions as log
from gongzhi.places import actions as places


@app.periodic(cron="7 19 * * *")  # 03:07 in China
@app.task
def make_partitions(timestamp: int) -> None:
    """Make the log's next month, 24 months ahead."""
    log.make_partitions()


@app.periodic(cron="13 16 * * *")  # 00:13 in China
@app.task
def keep_codes(timestamp: int) -> None:
    """Bring the place codes that begin today into force."""
    places.keep_codes()


@app.periodic(cron="31 19 * * *")  # 03:31 in China
@app.task(lock="sweep_files", queueing_lock="sweep_files")
def sweep_files(timestamp: int) -> None:
    """Delete photos and recordings that were chosen for a form that was never sent."""
    if n := files.sweep():
        log.append("files.sweep", actor="system", subject=("files", None), data={"n": n})


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Give the jobs of a worker that died to the others; one whose like waits already, and for its lock, is given up."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        try:
            await manager.retry_job(job)
        except UniqueViolation:
            await manager.finish_job(job, Status.FAILED, delete_job=False)


@app.periodic(cron="23 19 * * *")
@app.task(pass_context=True)
async def forget_jobs(context: JobContext, timestamp: int) -> None:
    """Delete the rows of jobs that ended well a week ago."""
    await context.app.job_manager.delete_old_jobs(nb_hours=7 * 24)


@app.task(queueing_lock="pour_demo", lock="pour_demo")
def pour_demo(total: int, seed: int) -> None:
    """Let the demo's made-up people work on, a minute at a time, until all their reports are there."""
    from demo import living

    if living.pour_a_while(total, seed):
        _defer(total, seed)


def keep_pouring(total: int, seed: int) -> None:
    """Leave the rest of the demo's reports to the worker, once; not where somebody stopped it."""
    from demo import living

    if living.begin(total, seed):
        _defer(total, seed)


def _defer(total: int, seed: int) -> None:
    with contextlib.suppress(AlreadyEnqueued), transaction.atomic():  # a savepoint: the caller's act goes on
        pour_demo.defer(total=total, seed=seed)
