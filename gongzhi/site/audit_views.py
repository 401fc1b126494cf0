"""审计: who did what and when, for the auditor, who can change nothing."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from gongzhi.base.access import access
from gongzhi.site import audit as reading
from gongzhi.site.audit import PAGE, Asked


@access("post", "auditor")
@never_cache
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    """List what people did, the newest first: of one person everything, else all but the handling of matters."""
    asked = Asked.read(request.GET)
    of = reading.person(asked.q) if asked.q else None
    fault = _("没有这个用户名，或同名的不止一人：请填用户名。") if asked.q and of is None else ""
    rows = [] if fault else reading.rows(asked, of)
    query = request.GET.copy()
    query["before"] = str(rows[PAGE - 1].id) if len(rows) > PAGE else ""
    return render(request, "setup/audit.html", {
        "asked": asked, "of": of, "fault": fault, "rows": rows[:PAGE], "more": f"?{query.urlencode()}" if query["before"] else "",
        "groups": {name: title for name, (title, _verbs) in reading.GROUPS.items()}})
