"""Each test marked ``lab`` runs in namespaces of its own: this process starts a second pytest there for the one test
and passes its reports on. So a test is written as any other, may make links and start daemons as it likes, leaves
nothing behind, and is killed with all it started at its hard limit: ``@pytest.mark.lab(limit_s=300)``, 120 s without.
One that runs NETCONF servers says so: ``@pytest.mark.lab(netconf=True)``.

Labs run one after the other on a machine (a lock in ``/run/trunkline-lab``), for the sake of what they measure. Without
root or Open vSwitch they are skipped; where ``TRUNKLINE_REQUIRE_LAB=1`` says that nothing may be skipped, they fail.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from contextlib import contextmanager

import pytest

from lab import named, requirements
from lab.errors import LabUnavailable
from lab.isolation import Isolated

INSIDE = "TRUNKLINE_LAB_REPORTS"
"""In the environment of the pytest inside: the file descriptor that its reports go to."""

DEFAULT_LIMIT_S = 120

# Taken out of the environment: a pytest that a test starts is not inside in this sense.
reports_file = os.environ.pop(INSIDE, None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    if reports_file is not None or item.get_closest_marker("lab") is None or obstacle(item) is not None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    with lock():
        for report in run_isolated(item):
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    # What the test before left standing for this one (its module) is torn down here, as the usual protocol would.
    item.session._setupstate.teardown_exact(nextitem)
    return True


def pytest_runtest_setup(item):
    if reports_file is None and item.get_closest_marker("lab") is not None:
        if os.environ.get("TRUNKLINE_REQUIRE_LAB") == "1":
            pytest.fail(f"a lab is required here: {obstacle(item)}", pytrace=False)
        pytest.skip(str(obstacle(item)))


def pytest_configure(config):
    if reports_file is not None:
        config.pluginmanager.register(ReportsToOutside(config, int(reports_file)))


class ReportsToOutside:
    def __init__(self, config, file):
        self.config = config
        self.file = file

    def pytest_runtest_logreport(self, report):
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        with os.fdopen(os.dup(self.file), "w") as stream:
            stream.write(json.dumps(data) + "\n")


def obstacle(item):
    """Why a test's lab cannot run here; None when it can."""
    try:
        requirements.check()
        if item.get_closest_marker("lab").kwargs.get("netconf", False):
            requirements.check_netconf()
    except LabUnavailable as error:
        return str(error)
    return None


@contextmanager
def lock():
    """Only one lab test on this machine at a time."""
    named.ROOT.mkdir(exist_ok=True)
    with (named.ROOT / ".tests").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_isolated(item):
    """The reports of one test that ran inside; that it died without any is a report, too."""
    marker = item.get_closest_marker("lab")
    heard, told = os.pipe()
    command = [
        sys.executable,
        "-m",
        "pytest",
        item.nodeid,
        f"--rootdir={item.config.rootpath}",
        "-p",
        "no:cacheprovider",
    ]
    with open(heard) as reports, tempfile.TemporaryFile("w+") as output:
        try:
            isolated = Isolated(
                command,
                limit_s=marker.kwargs.get("limit_s", DEFAULT_LIMIT_S),
                pass_fds=[told],
                env={**os.environ, INSIDE: str(told)},
                stdout=output,
                stderr=output,
            )
        finally:
            os.close(told)
        with isolated:
            data = [json.loads(line) for line in reports]
            code = isolated.wait()
        read = item.config.hook.pytest_report_from_serializable
        yield from (read(config=item.config, data=entry) for entry in data)
        if not any(entry["when"] == "teardown" for entry in data):
            output.seek(0)
            yield pytest.TestReport(
                nodeid=item.nodeid,
                location=item.location,
                keywords={},
                outcome="failed",
                longrepr=f"the lab ended with status {code} before the test did\n{output.read()}",
                when="call",
            )
