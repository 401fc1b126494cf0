"""What is filled in with an act: each field checked by its kind, all faults told at once."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from gongzhi.base import clock
from gongzhi.base.errors import Faults
from gongzhi.flow import registry, roles
from gongzhi.flow.definition import Field
from gongzhi.flow.models import Case
from gongzhi.flow.registry import FormField
from gongzhi.org.models import Unit

GAP = "____"  # stands in a ready-made text for what is not known yet
EMPTY: tuple[Any, ...] = (None, "", [], ())


def clean(fields: Iterable[Field], given: Mapping[str, Any], case: Case) -> dict[str, Any]:
    """Check a form against its fields; return clean values (JSON) or raise Faults with a sentence by field."""
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for wanted in fields:
        spec = registry.fields[wanted.name]
        raw = given.get(wanted.name)
        if isinstance(raw, str):
            raw = raw.replace("\x00", "").strip()
        if raw in EMPTY:
            if wanted.required:
                faults[wanted.name] = _("请填写{title}。").format(title=spec.title)
            elif spec.clears and wanted.name in given:
                values[wanted.name] = None
            continue
        try:
            values[wanted.name] = registry.cleaners[spec.kind](spec, raw, case)
        except ValueError as fault:
            faults[wanted.name] = str(fault)
    lead = values.get("lead") if "lead" in given else case.fields.get("lead")
    if lead and lead in values.get("helpers", []):
        name = Unit.objects.get(pk=lead).short_name
        faults["helpers"] = _("{unit}是主办单位，不能同时协办，请从协办里去掉。").format(unit=name)
    if faults:
        raise Faults(faults)
    return values


@registry.cleaner("line")
@registry.cleaner("text")
def _text(spec: FormField, raw: Any, case: Case) -> str:
    text = str(raw)
    if len(text) > spec.max_length:
        raise ValueError(_("{title}最多 {n} 个字，现在是 {m} 个字。").format(
            title=spec.title, n=spec.max_length, m=len(text)))
    if spec.to_resident and GAP in text:
        raise ValueError(_("{title}里还有没填的空（{gap}），请补上。").format(title=spec.title, gap=GAP))
    return text


@registry.cleaner("files")
def _files(spec: FormField, raw: Any, case: Case) -> list[str]:
    """Keep the names of files that came with the act; the files themselves are its attachments."""
    return [str(name)[:120] for name in (raw if isinstance(raw, list | tuple) else [raw])]


@registry.cleaner("choice")
def _choice(spec: FormField, raw: Any, case: Case) -> str:
    if str(raw) not in {value for value, _title in spec.choices}:
        raise ValueError(_("请在{title}里选一项。").format(title=spec.title))
    return str(raw)


@registry.cleaner("number")
def _number(spec: FormField, raw: Any, case: Case) -> int:
    try:
        number = int(raw)
    except (TypeError, ValueError):
        raise ValueError(_("{title}要填整数。").format(title=spec.title)) from None
    if not 0 < number <= 1000:
        raise ValueError(_("{title}要在 1 到 1000 之间。").format(title=spec.title))
    return number


@registry.cleaner("yes")
def _yes(spec: FormField, raw: Any, case: Case) -> bool:
    return str(raw).lower() in ("1", "true", "on", "yes")


@registry.cleaner("moment")
def _moment(spec: FormField, raw: Any, case: Case) -> str:
    try:
        moment = datetime.fromisoformat(str(raw))
    except ValueError:
        raise ValueError(_("{title}不是有效的时间。").format(title=spec.title)) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=clock.CHINA)
    if moment <= clock.now():
        raise ValueError(_("{title}要晚于现在。").format(title=spec.title))
    return moment.isoformat()


@registry.cleaner("unit")
def _unit(spec: FormField, raw: Any, case: Case) -> int:
    return _unit_of(spec, raw).pk


@registry.cleaner("units")
def _units(spec: FormField, raw: Any, case: Case) -> list[int]:
    return list(dict.fromkeys(_unit_of(spec, each).pk for each in (raw if isinstance(raw, list | tuple) else [raw])))


@registry.cleaner("section")
def _section(spec: FormField, raw: Any, case: Case) -> int:
    unit, lead = _unit_of(spec, raw), case.fields.get("lead")
    if lead not in unit.path or unit.pk == lead:
        raise ValueError(_("二级派单只能派给本单位下面的科室、社区或网格。"))
    if roles.is_recused(unit, case):
        raise ValueError(_("不能派给被投诉的单位或它的下级。"))
    if not roles.somebody_may(unit.pk, "", case):
        raise ValueError(_("{unit}现在没有人在岗，派过去没有人办。").format(unit=unit.name))
    return unit.pk


def _unit_of(spec: FormField, raw: Any) -> Unit:
    unit = Unit.objects.filter(pk=int(raw), active_to=None).first() if str(raw).isdecimal() else None
    if unit is None:
        raise ValueError(_("没有找到这个单位，请重新选择{title}。").format(title=spec.title))
    return unit


def logged(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what the log may hold: ids, codes and numbers, never words."""
    return {name: value for name, value in values.items() if registry.fields[name].logged}
