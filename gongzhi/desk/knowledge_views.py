"""The knowledge base for answering at once: everybody at a desk reads it, leaders and administrators write it."""

import re
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from gongzhi.base import chinese
from gongzhi.base.access import access
from gongzhi.base.errors import Faults
from gongzhi.desk.views import shell
from gongzhi.flow.actors import person as acting
from gongzhi.requests import actions
from gongzhi.requests.forms import categories
from gongzhi.requests.models import Answer, Category

PAGE = 30
WRITERS = ("leader", "admin")


@access("staff")
@require_GET
def knowledge(request: HttpRequest) -> HttpResponse:
    """List the answers, the newest first, or those that fit the words searched for."""
    q, before = request.GET.get("q", "").strip()[:60], request.GET.get("before", "")
    rows = Answer.objects.select_related("category").order_by("-id")
    if q:
        rows = rows.filter(tokens__contains=chinese.bigrams(q))
    total = rows.count()
    page = list(rows.filter(**({"pk__lt": int(before)} if before.isdecimal() else {}))[: PAGE + 1])
    onward = f"?{'q=' + q + '&' if q else ''}before={page[PAGE - 1].pk}" if len(page) > PAGE else ""
    may_write = request.standing.holds(*WRITERS)  # type: ignore[attr-defined]
    return render(request, "desk/knowledge.html", {
        **shell(request, at="knowledge"), "rows": page[:PAGE], "q": q, "total": total, "onward": onward,
        "may_write": may_write, "saved": request.GET.get("saved", "")})


@access("post", *WRITERS)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, answer_id: int | None = None) -> HttpResponse:
    """Write an answer, new or changed; it carries its source and that source's date."""
    answer = get_object_or_404(Answer, pk=answer_id) if answer_id else Answer()
    given, faults = _shown(answer), {}
    if request.method == "POST":
        given = {name: request.POST.get(name, "") for name in given}
        try:
            actions.write_answer(_filled(answer, given), by=acting(request.standing))  # type: ignore[attr-defined]
            return redirect(reverse("desk:knowledge") + "?saved=1")
        except Faults as fault:
            faults = fault.faults
    return render(request, "desk/knowledge_edit.html", {
        **shell(request, at="knowledge"), "given": given, "faults": faults, "categories": categories(),
        "is_new": answer_id is None},
        status=422 if faults else 200)


def _shown(answer: Answer) -> dict[str, str]:
    return {
        "title": answer.title, "words": answer.words, "keywords": " ".join(answer.keywords), "source": answer.source,
        "source_date": answer.source_date.isoformat() if answer.source_date else "",
        "category": answer.category.code if answer.category else "", "active": "1" if answer.active else "",
    }


def _filled(answer: Answer, given: dict[str, str]) -> Answer:
    answer.title, answer.words, answer.source = given["title"], given["words"], given["source"]
    answer.keywords = [k for k in re.split(r"[\s,，、;；]+", given["keywords"]) if k]
    answer.source_date = _date(given["source_date"])  # type: ignore[assignment]
    answer.category = Category.objects.filter(code=given["category"]).first() if given["category"] else None
    answer.active = bool(given["active"])
    return answer


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
