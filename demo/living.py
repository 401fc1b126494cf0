"""Let made-up people live through ninety days: report, dispatch, sign, handle, answer, rate, all by the real process.

Each report is lived from its first word to the present in one transaction, on the one clock of the code. So the
worker's clock, which runs at the real time, never meets a case that is still in the past.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from time import monotonic, sleep
from typing import Any

import django
from django.db import connection, transaction
from django.utils.translation import gettext_noop

from demo.lives import Life
from demo.town import Plan, Town
from gongzhi.base import progress
from gongzhi.base.errors import Faults, Refused
from gongzhi.base.models import Progress
from gongzhi.log import actions as log

LIVED = "demo.live"  # the line that says which plan was lived, and as which case
PROGRESS, TITLE = "demo-reports", gettext_noop("演示诉求：编出来的人正在办理")


def pour(
    n: int, *, of: int, seed: int = 1, hands: int = 1, say: Callable[[int, int], Any] = lambda done, total: None
) -> int:
    """Live the first n reports that are missing, in the order of their days; return how many acts were refused.

    `hands`: how many processes share the work.
    """
    done = _there()
    plans = sorted((p for p in Plan.all(min(n, of), seed) if p.key not in done), key=lambda p: p.at)
    refused = 0
    for count, more in enumerate(_lived(plans, hands), 1):
        refused += more
        say(count, len(plans))
    return refused


def begin(total: int, seed: int) -> bool:
    """Show that the missing reports are being lived; False where somebody stopped that, who alone lets it go on."""
    row = Progress.objects.filter(name=PROGRESS).first()
    if row and row.cancelled:
        return False
    if row is None or row.ended_at or not row.data:
        progress.begin(PROGRESS, TITLE, done=len(_there()), total=total, data={"total": total, "seed": seed})
    return True


def pour_a_while(total: int, seed: int, *, seconds: float = 60) -> bool:
    """Live missing reports for a minute behind the running pages; say whether to go on with more. It may be stopped."""
    if not begin(total, seed):
        return False
    done, began = _there(), monotonic()
    row, n_done, town = Progress.objects.get(name=PROGRESS), len(done), Town()
    for plan in (p for p in Plan.all(total, seed) if p.key not in done):
        if not progress.step(row, n_done, total):
            return False
        if monotonic() - began > seconds:
            return True
        start = monotonic()
        live(plan, town)
        n_done += 1
        sleep(min(0.5, (monotonic() - start) / 3))  # people who look at the pages come first
    progress.step(row, n_done, total)
    progress.end(row)
    return False


def _lived(plans: list[Plan], hands: int) -> Iterator[int]:
    if not plans:
        return
    town = Town()
    if hands == 1:
        yield from (live(plan, town) for plan in plans)
        return
    with ProcessPoolExecutor(hands, multiprocessing.get_context("spawn"), initializer=django.setup) as pool:
        yield from pool.map(_live_in_my_town, plans, chunksize=4)


def _live_in_my_town(plan: Plan) -> int:
    try:
        return live(plan, _my_town())
    except (Refused, Faults) as fault:  # it cannot travel between processes as it is
        raise RuntimeError(f"{plan.key}: {fault}") from None


@cache
def _my_town() -> Town:
    return Town()


def missing(total: int) -> int:
    """Tell how many of the reports have not been lived yet."""
    return total - len(_there())


def _there() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT data->>'plan' FROM log_event WHERE verb = %s", [LIVED])
        return {key for (key,) in cursor.fetchall()}


def live(plan: Plan, town: Town) -> int:
    """Live one report to the present, all of it or nothing; return how many acts were refused."""
    with transaction.atomic():
        life = Life(plan, town)
        life.run()
        log.append(LIVED, actor="system", subject=("case", life.case_id), data={"plan": plan.key})
    return life.refused
