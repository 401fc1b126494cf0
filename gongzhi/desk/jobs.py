"""Long lists are written behind the pages, one at a time, and deleted after their day."""

from procrastinate.contrib.django import app

from gongzhi.desk import actions


@app.task(lock="export")
def write_export(export_id: int) -> None:
    """Write a list that somebody asked for."""
    actions.write_export(export_id)


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="forget_exports")
def forget_exports(timestamp: int) -> None:
    """Delete exported lists after their day."""
    actions.forget_exports()
