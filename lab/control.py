"""A lab's control socket: one JSON request a line, ``{"act": ..., ...arguments}``; the answer is ``{"ok": ...}`` or
``{"error": "one line"}``."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.acts import Acts
from lab.errors import LabError

_LIMIT_S = 60.0


class ControlServer:
    """Answers requests on ``path`` while its context is open; acts are done one at a time."""

    def __init__(self, path: Path, acts: Acts) -> None:
        self._server = _Server(str(path), _Handler)
        self._server.acts = acts
        path.chmod(0o600)
        self._thread = threading.Thread(target=self._server.serve_forever, name="lab-control")

    def __enter__(self) -> ControlServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def ask(path: Path, act: str, **arguments: Any) -> Any:
    """Have the lab whose control socket is ``path`` do something; ``LabError`` when it will not or is not there."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_LIMIT_S)
            connection.connect(str(path))
            connection.sendall(json.dumps({"act": act, **arguments}).encode() + b"\n")
            line = connection.makefile("rb").readline()
    except OSError as error:
        raise LabError(f"no lab answers at {path}: {error}") from error
    if not line:
        raise LabError(f"the lab at {path} ended before it answered")
    answer = json.loads(line)
    if "error" in answer:
        raise LabError(answer["error"])
    return answer["ok"]


class _Server(socketserver.UnixStreamServer):
    acts: Acts


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    timeout = _LIMIT_S

    def handle(self) -> None:
        for line in self.rfile:
            try:
                request = json.loads(line)
                answer = {"ok": self.server.acts.perform(request.pop("act"), request)}
            except LabError as error:
                answer = {"error": str(error)}
            except (ValueError, KeyError, AttributeError) as error:
                answer = {"error": f"not a request: {error!r}"}
            self.wfile.write(json.dumps(answer).encode() + b"\n")
