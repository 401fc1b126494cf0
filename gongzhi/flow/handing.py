"""What is named to a person goes to another who sits at the same desk, or back to the desk; the case stays where it is."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from gongzhi.base.errors import Refused
from gongzhi.flow import queries
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Task
from gongzhi.flow.queries import visible_to
from gongzhi.log import actions as log
from gongzhi.org import queries as org
from gongzhi.org.models import Person
from gongzhi.org.rules import Standing


def named_to(person_id: int) -> QuerySet[Task]:
    """List the open tasks that are one person's by name."""
    return Task.objects.filter(person=person_id, done_at=None).select_related("case__version", "unit").order_by("due_at", "id")


def candidates(task: Task, person_id: int) -> list[Person]:
    """List who else sits at the desk of a task and may see its case."""
    if task.unit_id is None:
        return []
    people = org.holders(task.unit_id, task.post).exclude(pk=person_id)
    return [p for p in people if not set(task.case.about_units) & org.standing(p).lineage]


@transaction.atomic
def hand_over(person: Person, to: Mapping[int, Person | None], *, by: Actor) -> int:
    """Give each open task of a person to whom `to` names, or to its desk; refuse while one has nobody at its desk.

    A task of a case that who does this may not see is not spoken of: it goes to its desk (rights 4.2).
    """
    seen = set(visible_to(by.standing).filter(tasks__in=named_to(person.pk)).values_list("pk", flat=True))
    rows = list(named_to(person.pk).select_for_update(of=("self",)))
    for task in rows:
        heir = to.get(task.pk)
        if task.case_id in seen:
            _check(task, heir, person.pk)
        task.person = heir if task.case_id in seen else None
        task.save(update_fields=["person"])
        process = queries.definition(task.case.version_id)
        log.append(f"{process.key}.handed", actor=by.line, subject=("case", task.case_id), places=task.case.path,
                   data={"task": task.pk, "from_person": person.pk, "to_person": task.person_id})
    return len(rows)


def _check(task: Task, heir: Person | None, person_id: int) -> None:
    able = candidates(task, person_id)
    if heir is None and not able:
        raise Refused(_("“{title}”没有人接：先给岗位补上人，再交接。").format(title=task.case.title), f"task-{task.pk}")
    if heir is not None and heir not in able:
        raise Refused(_("{name}不在这件事的岗位上，或应当回避。").format(name=heir.name), f"task-{task.pk}")


def on_desk(unit_id: int, post: str, asker: Standing) -> int:
    """Count what lies on a desk for nobody in particular, as far as who asks may know of it."""
    lying = Task.objects.filter(queries.not_recused(asker, "case__"), unit=unit_id, post=post, person=None, done_at=None)
    return lying.count()
