"""What the administrator does to long work: stop it, let it go on."""

from collections.abc import Callable

from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.base import progress
from gongzhi.base.errors import Refused
from gongzhi.base.models import Progress
from gongzhi.log import actions as log
from gongzhi.site import jobs, queries

GO_ON: dict[str, Callable[..., None]] = {queries.POURING: jobs.keep_pouring}  # what can go on where it was stopped


@transaction.atomic
def stop_work(row: Progress, *, by: int) -> None:
    """Stop long work; its job ends at its next step."""
    if not progress.stop(row.pk):
        raise Refused(_("已经结束了。"))
    log.append("work.stop", actor=log.actor(by), subject=("work", row.pk), data={"name": row.name})


@transaction.atomic
def resume_work(row: Progress, *, by: int) -> None:
    """Let stopped work go on where it was."""
    if row.name not in GO_ON or not progress.resume(row.pk):
        raise Refused(_("这项工作不能继续。"))
    log.append("work.resume", actor=log.actor(by), subject=("work", row.pk), data={"name": row.name})
    GO_ON[row.name](**row.data)
