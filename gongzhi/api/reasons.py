"""Why what was sent does not fit the description of the API, in plain words: pydantic says it in English."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _


def say(error: Mapping[str, Any]) -> str:
    """Say one fault that pydantic found."""
    kind, given = str(error["type"]), error.get("ctx", {})
    if kind == "value_error":  # raised by a check of ours, in words of ours
        return str(given.get("error") or _("格式不对。"))
    words = {
        "missing": _("必须填写。"),
        "string_type": _("应是文字。"),
        "string_too_long": _("最多 {max_length} 字。"),
        "too_long": _("最多 {max_length} 个。"),
        "finite_number": _("应是数字。"),
        "float_type": _("应是数字。"),
        "float_parsing": _("应是数字。"),
        "int_type": _("应是整数。"),
        "int_parsing": _("应是整数。"),
        "int_from_float": _("应是整数。"),
        "int_parsing_size": _("数字太大。"),
        "greater_than_equal": _("不能小于 {ge}。"),
        "less_than_equal": _("不能大于 {le}。"),
        "bool_type": _("应是 true 或 false。"),
        "bool_parsing": _("应是 true 或 false。"),
        "list_type": _("应是一组值。"),
        "dict_type": _("应是一组名称和值。"),
        "model_attributes_type": _("应是一组名称和值。"),
        "model_type": _("应是一组名称和值。"),
    }
    return words.get(kind, _("格式不对。")).format(**given)
