"""交接班: what a shift leaves to the next, read from the desk itself."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from gongzhi.base import clock
from gongzhi.desk import later, queries, rules
from gongzhi.desk.models import Handover
from gongzhi.flow import queries as flow
from gongzhi.flow.models import Case, Entry
from gongzhi.org import queries as org
from gongzhi.org.models import Person
from gongzhi.org.rules import Standing

LISTS = ("late", "due", "calls", "urged", "later")


def of_units(standing: Standing) -> QuerySet[Handover]:
    """List the notes of a person's units, the newest first."""
    rows = Handover.objects.filter(unit__in=sorted(standing.units)).select_related("unit", "giver", "taker")
    return rows.order_by("-made_at", "-id")


def takers(standing: Standing, unit_id: int) -> list[Person]:
    """List who may take over: the others who work in the unit."""
    held = org.current().filter(post__unit_id=unit_id, person__is_active=True).exclude(person=standing.person_id or 0)
    return list(Person.objects.filter(pk__in=held.values("person")).order_by("name", "pk"))


def held(standing: Standing, unit_id: int) -> dict[str, Any]:
    """Put together what lies on the desks a person hands over: counts by stage, and the matters to know of by id."""
    now = clock.now()
    tasks = flow.queue(standing).filter(unit=unit_id)
    stages = tasks.values("kind", "stage").annotate(n=Count("pk")).order_by("kind", "stage")
    last = Handover.objects.filter(unit=unit_id).order_by("-made_at").values_list("made_at", flat=True).first()
    since = max(last or now - rules.SHIFT, now - 2 * rules.SHIFT)
    open_cases = tasks.order_by().values("case")
    urged = Entry.objects.filter(case__in=open_cases, action="urge", at__gt=since).order_by().values_list("case", flat=True)
    running = tasks.filter(case__held_at=None)
    return {
        "since": since.isoformat(), "until": (now + rules.SHIFT).isoformat(),
        "stages": [[row["kind"], row["stage"], row["n"]] for row in stages],
        "late": _ids(running.filter(due_at__lt=now).order_by("due_at")),
        "due": _ids(running.filter(due_at__gte=now, due_at__lt=now + rules.SHIFT).order_by("due_at")),
        "calls": _ids(tasks.filter(Q(stage="calling") | Q(kind="duty")).order_by("due_at")),
        "urged": list(dict.fromkeys(urged))[: rules.HANDED_MOST],
        "later": list(tasks.filter(case__in=later.asleep(standing)).values_list("case", flat=True)[: rules.HANDED_MOST]),
    }


def _ids(tasks: Any) -> list[int]:
    return list(dict.fromkeys(tasks.values_list("case", flat=True)[: rules.HANDED_MOST]))


def shown(standing: Standing, what: dict[str, Any]) -> dict[str, list[queries.Row]]:
    """Give the lines of each list of a note, as far as the reader may see the matters now."""
    ids = {pk for name in LISTS for pk in what.get(name, [])}
    seen = flow.visible_to(standing).filter(pk__in=ids) | Case.objects.filter(
        pk__in=flow.queue(standing).filter(case__in=ids).values("case"))
    rows = {row.case_id: row for row in queries.rows_of(queries.cases_for_rows(seen.distinct()))} if ids else {}
    open_tasks = flow.queue(standing).filter(case__in=rows).exclude(due_at=None).order_by("-due_at")
    for case_id, due_at, since in open_tasks.values_list("case", "due_at", "opened_at"):
        rows[case_id].due_at, rows[case_id].since, rows[case_id].clock = due_at, since, ""  # of the step, the next one last
    return {name: [rows[pk] for pk in what.get(name, []) if pk in rows] for name in LISTS}


def stage_lines(what: dict[str, Any]) -> list[tuple[str, int]]:
    """Say how much lies at each stage: [(title, n)]."""
    titles = dict(queries.stages())
    special = {"approval": str(rules.VIEWS["reviewing"].title), "duty": str(rules.VIEWS["contacting"].title)}
    found: dict[str, int] = {}
    for kind, stage, n in what.get("stages", []):
        title = special.get(kind) or titles.get(stage, stage)
        found[title] = found.get(title, 0) + n
    return list(found.items())


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


