"""Has work done in namespaces of its own by a child of this process, which has at once all that is imported here.

::

    this process --(lifetime pipe)--+
      '- a child that unshares      |
           '- process 1 inside  <---+       as of ``lab/init.py``: its end is the end of all others inside
                '- the work

The same as ``lab.isolation`` has for commands; but a pytest that starts anew for each test spends more on its imports
than most tests take.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
import traceback
import warnings

from lab import init

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x08000000, 0x20000000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000


def run_inside(work, *, limit_s):
    """What ``work(stream)`` wrote to the binary stream, and the status inside: 0 when it came to its end,
    ``init.EXIT_TIME_LIMIT`` when it was killed with all it started because that took longer than ``limit_s``."""
    heard, told = os.pipe()
    alive, lifetime = os.pipe()
    with warnings.catch_warnings():
        # A worker of xdist has a thread besides that reads what it is told. It is not missed inside.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os.close(lifetime)
        _or_die(lambda: _unshared(work, told, alive, limit_s))
    os.close(told)
    os.close(alive)
    try:
        with open(heard, "rb") as stream:
            written = stream.read()
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(lifetime)  # interrupted, this ends all that lives inside
    return written, os.waitstatus_to_exitcode(status)


def _unshared(work, told, alive, limit_s):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET), "unshare")
    _check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "keep mounts apart")
    pid = os.fork()
    if pid == 0:
        _or_die(lambda: _process_1(libc, work, told, alive, limit_s))
    os.close(told)
    os.close(alive)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _process_1(libc, work, told, alive, limit_s):
    _check(libc.mount(b"proc", b"/proc", b"proc", 0, None), "mount /proc")
    init.furnish(None)
    pid = os.fork()
    if pid == 0:
        os.close(alive)
        _or_die(lambda: _do(work, told))
    os.close(told)
    return init.attend(pid, alive, limit_s)


def _do(work, told):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(init.environment())
    tempfile.tempdir = None  # it is another directory now
    with open(told, "wb") as stream:
        work(stream)
    return 0


def _or_die(act):
    """Be a process that does this and no more: nothing of what the one it was forked from would do in its end."""
    status = 1
    try:
        status = act()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _check(answer, what):
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
