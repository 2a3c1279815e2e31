"""Process 1 of a lab's namespaces. Started by ``lab.isolation`` as a script, it imports only the standard library.

It makes the namespaces fit to live in (loopback up, private ``/run`` and ``/dev/shm``), runs one command, reaps what
the command leaves behind, and ends when the first of these does: the command, its time limit, or whoever holds the
other end of the lifetime pipe. When it ends the kernel kills every process in the namespace, and with the last of them
go the links, the mounts and the private files; nothing has to be cleaned up, so nothing can be forgotten.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

EXIT_TIME_LIMIT = 124
"""What ``timeout(1)`` answers, too."""

EXIT_ORPHANED = 125

GRACE_S = 10.0
"""How long a command may take to end after it was asked to."""

SHARED = Path("/run/trunkline")
"""Where sockets go: private to the lab, or, for a lab with a name, the directory that is visible from outside."""

TEMPORARY = Path("/run/tmp")

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where the programs of a lab may be that are not on everybody's PATH."""

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_MS_NOSUID, _MS_NODEV, _MS_BIND = 2, 4, 4096


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lifetime", type=int, help="file descriptor of a pipe: 't' asks to end, its end ends at once")
    parser.add_argument("--limit", type=float, help="seconds")
    parser.add_argument("--shared", help="directory to be seen as /run/trunkline")
    parser.add_argument(
        "--keep", type=int, action="append", default=[], help="file descriptor to hand on to the command"
    )
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    furnish(options.shared)
    return supervise(options.command, options.keep, options.lifetime, options.limit)


def furnish(shared: str | None) -> None:
    """Loopback up; fresh ``/run`` (Mininet, Open vSwitch and sockets live there) and ``/dev/shm``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    # Opened first: the directory may itself be under /run.
    shared_fd = None if shared is None else os.open(shared, os.O_PATH | os.O_DIRECTORY)
    _mount("tmpfs", "/run", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755")
    _mount("tmpfs", "/dev/shm", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=1777")
    SHARED.mkdir()
    TEMPORARY.mkdir(mode=0o700)
    if shared_fd is not None:
        _mount(f"/proc/self/fd/{shared_fd}", str(SHARED), None, _MS_BIND, None)
        os.close(shared_fd)


def supervise(command: list[str], keep: list[int], lifetime: int | None, limit_s: float | None) -> int:
    """Run ``command`` to its end and return its exit status; 128 + n when signal n ended it, as a shell does."""
    # A Ctrl-C reaches the command as well; it decides, this process only waits.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(
        command,
        pass_fds=keep,
        env={**os.environ, **environment()},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    return attend(child.pid, lifetime, limit_s)


def environment() -> dict[str, str]:
    """What the command finds in its environment besides what this process has."""
    return {"TMPDIR": str(TEMPORARY), "PATH": f"{os.environ.get('PATH', os.defpath)}:{SBIN}"}


def attend(command: int, lifetime: int | None, limit_s: float | None) -> int:
    """Wait for the end of the child process ``command``, and reap all others that end; the status is as of
    ``supervise``."""
    deadline = None if limit_s is None else time.monotonic() + limit_s
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    poller = select.poll()
    poller.register(woken, select.POLLIN)
    if lifetime is not None:
        poller.register(lifetime, select.POLLIN)
    while True:
        status = _reap(command)  # it may have ended before this process listened for that
        if status is not None:
            return status
        left_ms = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        asked_to_end = False
        for fd, _ in poller.poll(left_ms):
            heard = os.read(fd, 4096)
            if fd == lifetime and not heard:
                return EXIT_ORPHANED
            asked_to_end |= fd == lifetime or signal.SIGTERM in heard
        if asked_to_end:
            os.kill(command, signal.SIGTERM)
            grace = time.monotonic() + GRACE_S
            deadline = grace if deadline is None else min(deadline, grace)
        if deadline is not None and time.monotonic() >= deadline:
            status = _reap(command)
            if status is not None:
                return status
            sys.stderr.write(f"the lab was killed at its time limit ({limit_s} s, or {GRACE_S} s to end)\n")
            return EXIT_TIME_LIMIT


def _reap(command: int) -> int | None:
    """Collect every child that has ended; return the exit status of ``command`` if it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == command:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    encoded = [None if text is None else text.encode() for text in (source, target, kind, data)]
    if libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"mount on {target}: {os.strerror(error)}")


if __name__ == "__main__":
    sys.exit(main())
