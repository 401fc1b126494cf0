"""Answers in XML and JSON from the same values: lists are bare arrays in JSON, and named elements in XML."""

import json
import re
from typing import Any
from xml.etree import ElementTree

from django.http import HttpResponse

from gongzhi.open311.forms import Fault

FORMS = {"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}
ITEMS = {  # what one of a list is called in XML
    "services": "service", "service_requests": "request", "errors": "error", "attributes": "attribute", "values": "value",
    "endpoints": "endpoint", "formats": "format", "service_requests_updates": "request_update",
}
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def send(form: str, name: str, value: Any, status: int = 200) -> HttpResponse:
    """Answer with a value of dicts, lists and plain values; `name` is the root element in XML."""
    if form == "json":
        body = json.dumps(value, ensure_ascii=False).encode()
    else:
        body = ElementTree.tostring(_element(name, value), encoding="utf-8", xml_declaration=True)
    return HttpResponse(body, status=status, content_type=FORMS[form])


def refuse(form: str, faults: list[Fault], status: int | None = None) -> HttpResponse:
    """Answer with what is wrong, each with its code; the answer's own is theirs where they agree, else 400."""
    codes = {fault.status for fault in faults}
    body = [{"code": fault.status, "description": fault.description} for fault in faults]
    return send(form, "errors", body, status or (codes.pop() if len(codes) == 1 else 400))


def refuse_address(path: str, status: int, sentence: str) -> HttpResponse:
    """Refuse what never came to a view, in the format the address asks for."""
    return refuse("json" if path.endswith(".json") else "xml", [Fault(sentence, status)])


def _element(name: str, value: Any) -> ElementTree.Element:
    made = ElementTree.Element(name)
    if isinstance(value, dict):
        made.extend(_element(key, part) for key, part in value.items())
    elif isinstance(value, list):
        made.extend(_element(ITEMS[name], part) for part in value)
    elif isinstance(value, bool):
        made.text = "true" if value else "false"
    elif value is not None:
        made.text = NOT_XML.sub("", str(value).replace("\r\n", "\n").replace("\r", "\n"))
    return made
