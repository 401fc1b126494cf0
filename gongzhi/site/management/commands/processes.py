"""`gongzhi processes check|diagram|diff|publish|move [FILE …]`, `gongzhi processes fields|conditions`."""

import difflib
import inspect
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gongzhi.flow import actions, checks, diagram, reader, registry
from gongzhi.flow.definition import Faulty
from gongzhi.flow.models import ProcessVersion
from gongzhi.site.settings import ROOT

FOLDER = ROOT / "processes"


class Command(BaseCommand):
    help = "Check, draw, compare and publish process files; list the field and condition names they may use."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=[*DONE, "fields", "conditions"])
        parser.add_argument("files", nargs="*", type=Path, help="default: all of processes/")

    def handle(self, *args: Any, what: str, files: list[Path], **options: Any) -> None:
        if what in ("fields", "conditions"):
            self.stdout.write("\n".join(fields() if what == "fields" else conditions()))
            return
        paths = files or sorted(FOLDER.glob("*.toml"))
        if missing := [str(p) for p in paths if not p.is_file()]:
            raise CommandError(f"没有这个文件：{'、'.join(missing)}")
        texts = [(path, path.read_text(encoding="utf-8")) for path in paths]
        if wrong := [f"{path.name}：{problem}" for path, text in texts for problem in problems(text)]:
            raise CommandError("\n".join(wrong))
        for path, text in texts:
            self.stdout.write(DONE[what](path, text))


def _check(path: Path, text: str) -> str:
    return f"{path.name}：没有问题"


def _diagram(path: Path, text: str) -> str:
    return diagram.mermaid(reader.read(text))


def _diff(path: Path, text: str) -> str:
    """Compare with the published version, line by line."""
    key = reader.read(text).key
    last = ProcessVersion.objects.filter(key=key).order_by("-version").first()
    before, name = (last.text, f"{last.key} {last.version}") if last else ("", "未发布")
    return "".join(difflib.unified_diff(before.splitlines(True), text.splitlines(True), name, path.name))


def _publish(path: Path, text: str) -> str:
    version = actions.publish(text)
    return f"{version.title}（{version.key}）第 {version.version} 版"


def _move(path: Path, text: str) -> str:
    """Take running cases along to the published version."""
    moved, stay = actions.move_cases(reader.read(text).key)
    return f"{path.name}：{moved} 件改用新版，{stay} 件仍用原来的版本"


DONE = {"check": _check, "diagram": _diagram, "diff": _diff, "publish": _publish, "move": _move}


def problems(text: str) -> list[str]:
    """Say what is wrong in a process file, with the names registered here and the processes beside it."""
    try:
        keys = {reader.read(p.read_text(encoding="utf-8")).key for p in FOLDER.glob("*.toml")}
        keys |= {reader.read(text).key}
        checks.load(text, checks.Known(registry.fields, registry.conditions, keys, registry.demands, registry.done))
    except Faulty as faulty:
        return [str(problem) for problem in faulty.problems]
    return []


def fields() -> list[str]:
    """List the form fields by name: title and kind."""
    return [f"{name:<16} {spec.kind:<9} {spec.title}" for name, spec in sorted(registry.fields.items())]


def conditions() -> list[str]:
    """List the conditions by name with what they demand."""
    return [f"{name:<30} {_first_line(rule.check)}" for name, rule in sorted(registry.conditions.items())]


def _first_line(check: registry.Condition) -> str:
    return (inspect.getdoc(check) or "").partition("\n")[0]
