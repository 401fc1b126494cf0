"""What the desk tells people, and where a notice about it leads."""

from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from gongzhi.notify import registry

registry.template("list.ready", _("清单已生成"), _("“{list}”的 Excel 文件已生成，共 {n} 件。请在 24 小时内下载，到时自动删除。"))
registry.template("desk.handover", _("请接班"), _("{name}把{unit}的班交给您，请看过后签字。"))
registry.pages["handover"] = reverse_lazy("desk:handovers")
registry.pages["export"] = reverse_lazy("desk:exports")
