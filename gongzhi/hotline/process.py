"""What the hotline's room adds to the city's own numbers, and what it keeps when one matter is merged into another."""

from django.utils.translation import gettext_lazy as _

from gongzhi.flow import actions as flow
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case, Entry
from gongzhi.flow.registry import Values, keeps
from gongzhi.hotline.models import Order
from gongzhi.requests import defaults
from gongzhi.requests.defaults import Known

DAYS, WINDOW = "hotline_days", "hotline_window"
defaults.KNOWN[DAYS] = Known(_("市热线来件原文保存天数"), "number", "90",
                             help=_("到期删除来件原文和已送达的答复副本；工单和办理记录不受影响"))
defaults.KNOWN[WINDOW] = Known(_("市热线消息的时间允许相差几分钟"), "number", "5",
                               help=_("超过的不收，防止旧消息被人重放"))


@keeps("request.merge")
def _merged(case: Case, values: Values, by: Actor, entry: Entry) -> None:
    """Let the orders of a merged case go on in the other, with their deadline where it is the earlier one."""
    orders = list(Order.objects.filter(case=case) | Order.objects.filter(goes_on_in=case))
    if not orders:
        return
    target = Case.objects.get(code=values["same_case"])
    Order.objects.filter(pk__in=[order.pk for order in orders]).update(goes_on_in=target)
    if case.bound_at and (target.bound_at is None or case.bound_at < target.bound_at):
        flow.set_bound(target.pk, case.bound_at, case.bound_source, by=by)
