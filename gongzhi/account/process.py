"""What a person is told of the own account."""

from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from gongzhi.notify import registry

registry.template("account.new_browser", _("新的登录"),
                  _("您的账号在一个新的浏览器登录：{where}。不是您本人，请马上改密码并退出其他登录。"))
registry.template("account.factor_added", _("登录方式有变化"), _("您的账号登记了“{name}”。不是您本人，请马上联系安全管理员。"))
registry.template("account.factor_removed", _("登录方式有变化"), _("您的账号删除了“{name}”。不是您本人，请马上联系安全管理员。"))
registry.template("account.recovery_used", _("用了一个备用码"), _("您用备用码登录了，还剩 {n} 个。快用完时请重新生成。"))
registry.template("account.reset", _("登录方式已重置"), _("安全管理员重置了您的二次验证，下次登录时请重新登记。"))
registry.template("account.password", _("密码已改"), _("您的密码改过了，其他地方的登录已退出。不是您本人，请马上联系安全管理员。"))
registry.pages["account"] = reverse_lazy("account:home")
