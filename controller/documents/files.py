"""Reading a document from disk: bounded, and with a fault instead of an operating system's error."""

from __future__ import annotations

import os
from typing import Final

from controller.documents.faults import FaultLog
from controller.domain.errors import Reason

MAX_BYTES: Final = 8 * 1024 * 1024


def read_file(path: str | os.PathLike[str], log: FaultLog, most: int = MAX_BYTES) -> bytes:
    """Return what is in a file, as far as a document may be long; a file that cannot be read is a fault.

    One byte more than a document may have is read at most, so that a device file or a pipe without end ends too.
    """
    try:
        with open(path, "rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        log.add(Reason.INVALID_VALUE, "", f"cannot be read: {why}", line=0)
        return b""


def is_bounded(data: str | bytes, log: FaultLog, most: int = MAX_BYTES) -> bool:
    """Whether a file is no larger than it may be; a fault if it is."""
    if len(data) > most:
        log.add(Reason.INVALID_FORMAT, "", f"larger than {most // 1024**2} MiB: split it into several files", line=0)
    return len(data) <= most


def decode(data: str | bytes, log: FaultLog, most: int = MAX_BYTES) -> str | None:
    """Return the text of a document; ``None`` (and a fault) when it is too large or not UTF-8."""
    if not is_bounded(data, log, most):
        return None
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        log.add(Reason.INVALID_FORMAT, "", f"byte 0x{data[error.start]:02x} is not UTF-8 text", line=line)
        return None
