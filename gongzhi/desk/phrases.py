"""常用语: what somebody writes often, his own or his unit's, with gaps filled from the case it is inserted for."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from gongzhi.base import clock, codes, html
from gongzhi.desk import queries, rules
from gongzhi.desk.models import Snippet
from gongzhi.flow.forms import GAP
from gongzhi.flow.models import Case
from gongzhi.org.models import Unit
from gongzhi.org.rules import Standing


def of(standing: Standing) -> QuerySet[Snippet]:
    """List the phrases a person may insert: his own and those of his units."""
    rows = Snippet.objects.filter(Q(person_id=standing.person_id or 0, unit=None) | Q(unit__in=sorted(standing.units)))
    return rows.select_related("unit", "category", "person").order_by("unit_id", "title", "id")


def may_change(standing: Standing, snippet: Snippet) -> bool:
    """Say whether somebody may change a phrase: who wrote it, and of a unit's who leads the unit."""
    if snippet.person_id == standing.person_id:
        return True
    return snippet.unit_id is not None and (snippet.unit_id, "leader") in standing.seats


def for_case(standing: Standing, case: Case) -> list[tuple[str, str]]:
    """List what fits a case, filled in: (title, words), those of its category first."""
    category = case.request.category_id
    rows = [s for s in of(standing) if s.category_id in (None, category)][: rules.SNIPPETS_SHOWN]
    if not rows:
        return []
    known = gaps(standing, case)
    return [(s.title, fill(s.words, known)) for s in sorted(rows, key=lambda s: s.category_id is None)]


def gaps(standing: Standing, case: Case) -> dict[str, str]:
    """Say what stands in each gap of a phrase for a case."""
    lead = Unit.objects.filter(pk=case.fields.get("lead") or 0).values_list("short_name", flat=True).first()
    due = case.due_at
    return {"编号": codes.show_code(case.code), "事项": case.title, "地点": queries.lies(case), "承办单位": lead or "",
            "到期": html.when(due) if due else "", "今天": f"{clock.today():%m月%d日}", "我": standing.name}


def fill(words: str, known: dict[str, str]) -> str:
    """Fill the gaps of a phrase; what is not known stays a gap, which no reply may have."""
    for name in rules.SNIPPET_GAPS:
        words = words.replace("{" + name + "}", known.get(name) or GAP)
    return words


def wrong(title: str, words: str) -> dict[str, str]:
    """Say what is wrong with a phrase, by field."""
    faults = {}
    if not 1 <= len(title) <= 20:
        faults["title"] = _("起个名字，最多 20 个字。")
    if not 1 <= len(words) <= 1000:
        faults["words"] = _("写上常用的话，最多 1000 个字。")
    return faults
