"""Long sheets are looked at and written behind the pages; sheets are deleted after their days."""

from django.utils import translation
from procrastinate.contrib.django import app

from gongzhi.imports import actions


@app.task(lock="import")
def go_on(import_id: int, language: str) -> None:
    """Look at a sheet, or write its good lines from where it stopped."""
    with translation.override(language):
        actions.go_on(import_id)


@app.periodic(cron="*/5 * * * *")
@app.task(lock="import", queueing_lock="import_pick_up")
def pick_up(timestamp: int) -> None:
    """Go on with short sheets whose process died."""
    actions.pick_up()


@app.periodic(cron="41 19 * * *")  # 03:41 in China
@app.task(queueing_lock="forget_imports")
def forget_imports(timestamp: int) -> None:
    """Delete the sheets after their days."""
    actions.forget()
