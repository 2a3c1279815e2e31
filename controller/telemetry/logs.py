"""Log lines on standard error: text for people, or one JSON object a line; both with the request they belong to."""

from __future__ import annotations

import json
import logging
import sys
import time
from enum import StrEnum

from controller.telemetry.bearing import request_id


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request_id"}


def configure(level: str, log_format: LogFormat) -> None:
    """Log to standard error from ``level`` on, unless the process has handlers already (a test's, a program's)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else TextFormatter())
    handler.addFilter(add_request_id)
    logging.basicConfig(level=level.upper(), handlers=[handler])


def add_request_id(record: logging.LogRecord) -> bool:
    """A filter that lets every record through and notes on whose behalf it was made; called where it was made."""
    record.request_id = request_id()
    return True


class TextFormatter(logging.Formatter):
    """``2026-11-20 14:16:08,123 INFO    trunkline: text [request 4711]``"""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        line = super().formatMessage(record)
        bearer = getattr(record, "request_id", "")
        # A client chooses the id: it must not be able to write a line of its own.
        return f"{line} [request {bearer if bearer.isprintable() else ascii(bearer)}]" if bearer else line


class JsonFormatter(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, request if there is one, and whatever the line was given
    beside its text (``extra``): device, txn, lines, seconds."""

    def format(self, record: logging.LogRecord) -> str:
        shown: dict[str, object] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if bearer := getattr(record, "request_id", ""):
            shown["request"] = bearer
        shown |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)
        return json.dumps(shown, ensure_ascii=False, default=str)
