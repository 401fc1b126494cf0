from procrastinate.contrib.django import app

from gongzhi.hotline import actions


@app.periodic(cron="43 19 * * *")  # 03:43 in China
@app.task(lock="hotline_forget", queueing_lock="hotline_forget")
def forget(timestamp: int) -> None:
    """Delete what hotlines sent, and what they were sent, once it is old enough."""
    actions.forget()
