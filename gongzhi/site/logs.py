"""Structured logs: one JSON object a line, with the request's id."""

import json
import logging
from contextvars import ContextVar

from gongzhi.base import links

request_id: ContextVar[str] = ContextVar("request_id", default="")
_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "request", "taskName"}


class Line(logging.Formatter):
    """Format a record as one JSON line; what a caller passes in `extra` becomes a field.

    No line holds the secret of a resident's link, whoever wrote it: Django names the address of every 404.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request": request_id.get() or getattr(getattr(record, "request", None), "id", ""),
            **{k: v for k, v in record.__dict__.items() if k not in _STANDARD},
        }
        if record.exc_info:
            line["fault"] = self.formatException(record.exc_info)
        return links.redacted(json.dumps({k: v for k, v in line.items() if v != ""}, ensure_ascii=False, default=str))
