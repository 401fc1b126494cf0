"""Write a process as TOML, for tests that make files up."""

from typing import Any


def dump(doc: dict[str, Any], path: tuple[str, ...] = ()) -> str:
    """Return the TOML text: deep tables under headers of their own, small ones on one line, as people write them."""
    deep = {key: value for key, value in doc.items() if _is_deep(value, path)}
    lines = [f"{key} = {_value(value)}" for key, value in doc.items() if key not in deep]
    for key, value in deep.items():
        lines += [f"[{'.'.join((*path, key))}]", dump(value, (*path, key))]
    return "\n".join(lines)


def _is_deep(value: Any, path: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and (len(path) < 1 or path[0] in ("stages", "limits", "emergency") and len(path) < 3)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else f'"{value}"'
