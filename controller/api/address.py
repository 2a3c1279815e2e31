"""Whether a server can listen at an address, and if not, why: gRPC says no more than that it could not."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path


def check_free(address: str) -> None:
    """Raise ``OSError``, with a reason for people, when a server cannot listen at ``HOST:PORT`` or ``unix:PATH``.

    For a Unix socket that matters beyond words: gRPC removes a socket that it finds at the path, also one at
    which another server listens, which would then run on unreachable.
    """
    try:
        if address.startswith("unix:"):
            _check_path(address.removeprefix("unix:"))
        else:
            host, _, port = address.rpartition(":")
            _check_port(host.removeprefix("[").removesuffix("]"), int(port))
    except OSError as error:
        raise OSError(f"cannot listen on {address}: {error.strerror or error}") from error


def _check_path(path: str) -> None:
    directory = Path(path).absolute().parent
    if not directory.is_dir():
        raise OSError(f"there is no directory {directory}")
    if os.path.lexists(path):
        if not Path(path).is_socket():
            raise OSError("there is a file of this name that is no socket")
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(path) != errno.ECONNREFUSED:
                raise OSError("a server listens there already")
        os.unlink(path)  # left behind by a server that was killed
    with socket.socket(socket.AF_UNIX) as probe:
        probe.bind(path)
    os.unlink(path)


def _check_port(host: str, port: int) -> None:
    for family, kind, protocol, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            # As gRPC does: connections of an earlier server that are still closing are no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
