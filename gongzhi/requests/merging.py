"""并单: one matter handled together with another. Its reporter keeps code and link, reads the answer, rates it himself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from gongzhi.base import codes, crypto
from gongzhi.base.errors import Refused
from gongzhi.flow import actions as flow
from gongzhi.flow import deadlines, queries
from gongzhi.flow.actors import SYSTEM, Actor
from gongzhi.flow.forms import GAP
from gongzhi.flow.models import Case, Entry
from gongzhi.flow.registry import FormField, Values, cleaner, condition, does, form_field, keeps
from gongzhi.log import actions as log
from gongzhi.requests.models import Merge, Supporter
from gongzhi.requests.queries import TAKES_IN, merged_into

ENDS = ("withdraw", "answer", "emergency", "legal", "repeat", "secret", "outside", "unlawful", "solve_here")
TOGETHER = ("lead", "helpers")  # what a case that was answered with another takes over from it

form_field("replies", _("并入的各件分别答复"), "replies", max_length=10_000, to_resident=True,
           help=_("不填的用上面同一个答复"))
does("request.answered", "request.set_free")


@cleaner("replies")
def _replies(spec: FormField, raw: Any, case: Case) -> dict[str, str]:
    """Take one reply for each merged matter, by its code; those left out get the same as the first."""
    if not isinstance(raw, Mapping):
        raise ValueError(_("{title}的格式不对。").format(title=spec.title))
    known = set(merged_into(case).values_list("case__code", flat=True))
    found = {str(code): str(words).replace("\x00", "").strip() for code, words in raw.items()}
    found = {code: words for code, words in found.items() if words}
    if set(found) - known:
        raise ValueError(str(_("有一件已经拆回，不再一起答复，请刷新后再提交。")))
    for words in found.values():
        if len(words) > spec.max_length:
            raise ValueError(str(_("每件答复最多 {n} 个字。")).format(n=spec.max_length))
        if GAP in words:
            raise ValueError(str(_("{title}里还有没填的空（{gap}），请补上。")).format(title=spec.title, gap=GAP))
    return found


@condition()
def the_same_matter_is_open(case: Case, by: Actor, form: Mapping[str, Any]) -> str | Refused | None:
    """Merge into a case that waits for its answer, that one may see, and that does not complain of other units."""
    found = queries.visible_to(by.standing).filter(code=form.get("same_case", ""), closed_at=None).first()
    if found is None or found.about_units != case.about_units:
        return Refused(str(_("要并入的事项不存在或已经办结。")), "same_case")
    if found.stage == "merged":
        return Refused(str(_("要并入的事项自己也并入了别的事项，请并入那一件：{code}。")).format(
            code=codes.show_code(str(found.fields.get("same_case", "")))), "same_case")
    if found.stage not in TAKES_IN:
        return Refused(str(_("要并入的事项还没有受理，或者已经答复，不能再并入。")), "same_case")
    return None


@keeps("request.merge")
def _merged(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Let a matter go on in another one; what it has taken in itself, and who said 我也遇到 of it, come along."""
    target = Case.objects.select_for_update().get(code=values["same_case"])
    for one in Case.objects.filter(merge__into=case):
        one.fields = {**one.fields, "same_case": target.code}
        one.save(update_fields=["fields"])
        Merge.objects.filter(case=one).update(into=target)
    case.fields = {**case.fields, "same_case": target.code}
    if queries.definition(case.version_id).stages["merged"].is_end:  # of a version in which it was over with that
        _carry(case, target, bytes(case.request.phone))
        return {}
    made = Merge.objects.create(case=case, into=target, carried=_carry(case, target), former_due_at=target.due_at)
    promised = min((at for at in (case.due_at, target.due_at) if at), default=None)
    _promise(target, promised)
    _note(target, "merged_in", by, case, made)
    return {"into": target.pk}


def _carry(case: Case, target: Case, phone: bytes = b"") -> list[int]:
    """Let who said 我也遇到 follow the other one too; the reporter counts as one more, and is told by his own link."""
    followers = {bytes(s.device): s.phone for s in case.supporters.all()}
    followers[crypto.blind(f"merged:{case.code}")] = phone
    there = {bytes(device) for device in target.supporters.values_list("device", flat=True)}
    rows = Supporter.objects.bulk_create([  # their links to this one stay good
        Supporter(case=target, phone=phone, device=device, secret=codes.new_secret())
        for device, phone in followers.items() if device not in there
    ])
    return [row.pk for row in rows]


def _promise(target: Case, due_at: datetime | None) -> None:
    """Give a case another deadline, and its present step: an earlier one, or the one that an earlier had taken away."""
    if due_at is None or due_at == target.due_at:
        return
    process, former = queries.definition(target.version_id), target.due_at
    target.due_at = due_at
    times = deadlines.ladder(process.late, process.deadline, target, target.opened_at, due_at)
    deadlines.set_ladder(target, times, step=target.next_step)
    target.save(update_fields=["due_at", "ladder", "next_at", "next_step"])
    stage = process.stages[target.stage]
    for task in target.tasks.filter(done_at=None, stage=target.stage, kind="work").exclude(due_at=None):
        assert task.due_at is not None
        if task.due_at > due_at or (task.due_at == former and former < due_at):
            task.due_at = due_at
            if task.ladder and task.role != "handler":
                steps = deadlines.ladder(stage.late, stage.deadline, target, task.opened_at, due_at)
                deadlines.set_ladder(task, steps, step=task.next_step)
            task.save(update_fields=["due_at", "ladder", "next_at", "next_step"])


def _note(target: Case, verb: str, by: Actor, case: Case, made: Merge) -> None:
    """Write into the other one's history that a matter joined or left it."""
    due = target.due_at.isoformat() if target.due_at else None
    log.append(f"request.{verb}", actor=by.line, subject=("case", target.pk), places=target.path,
               data={"case": case.pk, "n": Merge.objects.filter(into=target).count(), **({"due": due} if due else {})})


@keeps("request.take_apart", "request.set_free")
def _apart(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Take a merged matter out again: what it brought along goes with it, the other one has its own deadline back."""
    made = Merge.objects.select_related("into").filter(case=case).first()
    case.fields = {**case.fields, "same_case": None}
    if made is None:
        return {}
    target = Case.objects.select_for_update().get(pk=made.into_id)
    Supporter.objects.filter(pk__in=made.carried, case=target).delete()
    made.delete()
    if target.closed_at is None and target.due_at == case.due_at and made.former_due_at:
        others = Case.objects.filter(merge__into=target).exclude(due_at=None).values_list("due_at", flat=True)
        _promise(target, min([made.former_due_at, *(at for at in others if at)]))
    _note(target, "set_apart", by, case, made)
    return {"into": target.pk}


@keeps("request.finish", "request.explain")
def _answered(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Give every merged matter the answer, one for all or each its own; from then on it goes its own way."""
    own = values.pop("replies", None) or {}
    entry.values = {name: value for name, value in entry.values.items() if name != "replies"}
    entry.save(update_fields=["values"])
    together = list(Case.objects.filter(merge__into=case, closed_at=None))
    for one in together:
        flow.act(one.pk, "answered", by=SYSTEM)
        said = one.entries.filter(action="answered").latest("id")
        said.values = {"result": values.get("result", ""),
                       "reply": own.get(one.code) or values.get("reply") or values.get("explanation", "")}
        said.unit_id = entry.unit_id
        said.save(update_fields=["values", "unit"])
    return {"together": [one.pk for one in together]}


@keeps("request.answered")
def _goes_on(case: Case, values: Values, by: Actor, entry: Entry) -> Values:
    """Let who answered the other one answer for this one too, should it have to be done again."""
    made = Merge.objects.select_related("into").get(case=case)
    target = made.into
    case.fields = {**case.fields, **{name: target.fields.get(name) for name in TOGETHER}}
    case.unit_ids = list(dict.fromkeys([*case.unit_ids, *(target.fields.get("helpers") or []),
                                        *([target.fields["lead"]] if target.fields.get("lead") else [])]))
    entry.public = True
    entry.save(update_fields=["public"])
    made.delete()
    return {"lead": target.fields.get("lead"), "into": target.pk}


@keeps(*(f"request.{name}" for name in ENDS))
def _let_go(case: Case, values: Values, by: Actor, entry: Entry) -> None:
    """Let what was merged into a case go its own way where that ends without an answer for all."""
    for one in Case.objects.filter(merge__into=case, closed_at=None):
        flow.act(one.pk, "set_free", by=SYSTEM)
