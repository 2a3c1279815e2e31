"""A disk without room: a limit on the size of files that the kernel sets on a running controller from outside."""

from __future__ import annotations

import resource
from contextlib import contextmanager


@contextmanager
def no_room(net):
    """The controller can write no byte beyond what its files hold."""
    _, most = resource.prlimit(net.controller, resource.RLIMIT_FSIZE)
    try:
        resource.prlimit(net.controller, resource.RLIMIT_FSIZE, (0, most))
        yield
    finally:
        resource.prlimit(net.controller, resource.RLIMIT_FSIZE, (most, most))
