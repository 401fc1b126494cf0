"""The doors of phrases: one's own and the unit's, on one page."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from gongzhi.base.access import access
from gongzhi.base.errors import Faults
from gongzhi.desk import actions, phrases, queries
from gongzhi.desk.models import Snippet
from gongzhi.desk.rules import SNIPPET_GAPS
from gongzhi.desk.views import _actor, _say, _standing, shell
from gongzhi.requests import defaults


@access("staff")
@never_cache
@require_http_methods(["GET", "POST"])
def snippets(request: HttpRequest, snippet_id: int = 0) -> HttpResponse:
    """Show the phrases with one to write or change, and keep it."""
    standing = _standing(request)
    found = _mine(request, snippet_id) if snippet_id else None
    given, faults = request.POST, {}
    if request.method == "POST":
        try:
            kept = actions.write_snippet(
                found, title=given.get("title", ""), words=given.get("words", ""), category=given.get("category", ""),
                shared=given.get("shared") == "1", by=_actor(request))
            _say(request, _("已保存常用语“{title}”").format(title=kept.title))
            return redirect("desk:snippets")
        except Faults as fault:
            faults = fault.faults
    rows = [(s, phrases.may_change(standing, s)) for s in phrases.of(standing)]
    return render(request, "desk/snippets.html", {
        **shell(request, at="snippets"), "rows": rows, "of": found, "given": given, "faults": faults,
        "gaps": SNIPPET_GAPS, "categories": queries.categories(),
        "warned": {s.pk: defaults.warning(defaults.empty_phrases(s.words)) for s, _may in rows},
    }, status=422 if faults else 200)


@access("staff")
@require_POST
def drop_snippet(request: HttpRequest, snippet_id: int) -> HttpResponse:
    """Forget a phrase."""
    found = _mine(request, snippet_id)
    actions.drop_snippet(found, by=_actor(request))
    _say(request, _("已删除常用语“{title}”").format(title=found.title))
    return redirect("desk:snippets")


def _mine(request: HttpRequest, snippet_id: int) -> Snippet:
    found = Snippet.objects.filter(pk=snippet_id).first()
    if found is None or not phrases.may_change(_standing(request), found):
        raise Http404
    return found
