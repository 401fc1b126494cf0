"""Old sign-ins are forgotten every day."""

from procrastinate.contrib.django import app

from gongzhi.account import actions


@app.periodic(cron="47 19 * * *")  # 03:47 in China
@app.task(queueing_lock="forget_sign_ins")
def forget_sign_ins(timestamp: int) -> None:
    """Delete what is known of old sign-ins, and the sessions that are over."""
    actions.forget()
