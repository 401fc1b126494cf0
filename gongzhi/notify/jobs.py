from procrastinate.contrib.django import app

from gongzhi.notify import actions


@app.periodic(cron="11 19 * * *")  # 03:11 in China
@app.task
def forget_phones(timestamp: int) -> None:
    """Delete residents' numbers from messages that are old enough."""
    actions.forget_phones()
