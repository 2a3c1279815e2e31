"""A command at a terminal of a given width: what it draws there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from running.command import ROOT

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def on_a_terminal(*arguments, columns=80):
    """(exit code, everything that came to the screen)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "controller", *map(str, arguments)]
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    env["TERM"] = "xterm"
    with subprocess.Popen(command, cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        said = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    return running.returncode, said


def plain(screen):
    """The text without colours and movements."""
    return _CONTROL.sub("", screen)


def _read(terminal):
    try:
        return os.read(terminal, 65_536)
    except OSError:  # nobody has the other end any more
        return b""
