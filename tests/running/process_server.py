"""Starts controllers and simulations quickly: has everything imported, and forks for each.

Reads requests on its standard input, one JSON object a line, and answers each with one: ``{"run": "serve" |
"simulation", "arguments": [...], "log": PATH, "kill_points": {...} | null, "limits": {...} | null,
"netconf_limits": {...} | null}`` -> ``{"pid"}``;
``{"ended": PID}`` -> ``{"status": returncode as of subprocess, or null as long as it runs}``.
When its input ends, it kills what is left and ends.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import json
import os
import signal
import sys
import traceback

import controller.service.egress.cycle as egress_cycle
import controller.service.reconciler  # noqa: F401 - a child needs it: import it once, here
import controller.simulation.dialler as dialler
import controller.southbound.netconf.southbound as netconf
import controller.southbound.openflow.southbound as southbound
from controller.__main__ import serve
from controller.egress.warm import warm as warm_egress
from controller.paths.warm import warm
from controller.service.egress.agenda import Agenda
from controller.simulation.__main__ import main as simulate
from controller.southbound.netconf.connection import Limits as NetconfLimits
from controller.southbound.openflow.connection import Limits
from running.kill_points import KillPoints

PR_SET_PDEATHSIG = 1

SOON_S = 0.1
"""Egress cycles come so close after each other here, and a simulated switch tries so often to connect again: a second
apart they would be most of what tests wait for."""


def main():
    children = set()
    warm()  # a child has its kernels at once
    warm_egress()
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        if "run" in request:
            pid = os.fork()
            if pid == 0:
                become(request)
            children.add(pid)
            answer = {"pid": pid}
        else:
            pid, status = os.waitpid(request["ended"], os.WNOHANG)
            children.discard(pid)
            answer = {"status": os.waitstatus_to_exitcode(status) if pid else None}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def become(request):
    """The child: never returns."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        if request["kill_points"] is not None:
            points = KillPoints(**request["kill_points"])
            points.lay_over()
            points.lay_over_edits()
        if request["limits"] is not None:
            southbound.OpenFlowSouthbound = functools.partial(
                southbound.OpenFlowSouthbound, limits=Limits(**request["limits"])
            )
        if request["netconf_limits"] is not None:
            netconf.NetconfSouthbound = functools.partial(
                netconf.NetconfSouthbound, limits=NetconfLimits(**request["netconf_limits"])
            )
        egress_cycle.Agenda = functools.partial(Agenda, gap_s=SOON_S)
        dialler.LAST_RETRY_S = SOON_S
        if request["run"] == "serve":
            serve.main(request["arguments"], prog_name="trunkline serve", standalone_mode=False)
            status = 0
        else:
            sys.argv[1:] = request["arguments"]
            status = simulate()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
