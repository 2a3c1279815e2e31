"""Each test marked ``lab`` runs in namespaces of its own (see ``forked``), and its reports are passed on. So a test is
written as any other, may make links and start daemons as it likes, leaves nothing behind, and is killed with all it
started at its hard limit: ``@pytest.mark.lab(limit_s=900)``, 300 s without. One that runs NETCONF servers says so:
``@pytest.mark.lab(netconf=True)``.

Three labs may run side by side on a machine, in workers of xdist or of several checkouts; a test that measures times or
losses has the machine to itself: ``@pytest.mark.lab(alone=True)``. Without root or Open vSwitch all are skipped;
where ``TRUNKLINE_REQUIRE_LAB=1`` says that nothing may be skipped, they fail.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from forked import run_inside

from lab import init, named, requirements
from lab.errors import LabUnavailable

DEFAULT_LIMIT_S = 300
SIDE_BY_SIDE = 3
"""Labs on one machine at a time."""


def pytest_collection_modifyitems(items):
    """Long ones first, so that no worker is left alone with one in the end; then those that workers wait for."""
    items.sort(key=lambda item: (_of_lab(item, "alone", False), -_of_lab(item, "limit_s", DEFAULT_LIMIT_S)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    if item.get_closest_marker("lab") is None or obstacle(item) is not None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    with room(alone=_of_lab(item, "alone", False)):
        reports = run_isolated(item)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    # What the test before left standing for this one (its module) is torn down here, as the usual protocol would.
    item.session._setupstate.teardown_exact(nextitem)
    return True


def pytest_runtest_setup(item):
    if item.get_closest_marker("lab") is not None and (why := obstacle(item)) is not None:
        if os.environ.get("TRUNKLINE_REQUIRE_LAB") == "1":
            pytest.fail(f"a lab is required here: {why}", pytrace=False)
        pytest.skip(why)


def obstacle(item):
    """Why a test's lab cannot run here; None when it can."""
    try:
        requirements.check()
        if _of_lab(item, "netconf", False):
            requirements.check_netconf()
    except LabUnavailable as error:
        return str(error)
    return None


def _of_lab(item, name, otherwise):
    """What a test's mark says."""
    marker = item.get_closest_marker("lab")
    return otherwise if marker is None else marker.kwargs.get(name, otherwise)


def room(*, alone):
    """One of the places for labs on this machine; all of them for a test that measures. A context manager."""
    named.ROOT.mkdir(exist_ok=True)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    held = ExitStack()
    for place in range(SIDE_BY_SIDE) if alone else [worker % SIDE_BY_SIDE]:
        file = held.enter_context((named.ROOT / f".tests-{place}").open("w"))
        fcntl.flock(file, fcntl.LOCK_EX)
    return held


def run_isolated(item):
    """The reports of one test that ran inside; that it died without any is a report, too."""
    limit_s = _of_lab(item, "limit_s", DEFAULT_LIMIT_S)
    written, status = run_inside(lambda stream: report_to(stream, item), limit_s=limit_s)
    data = [json.loads(line) for line in written.splitlines()]
    reports = [item.config.hook.pytest_report_from_serializable(config=item.config, data=entry) for entry in data]
    if not any(report.when == "teardown" for report in reports):
        why = f"at its limit of {limit_s} s" if status == init.EXIT_TIME_LIMIT else f"with status {status}"
        reports.append(
            pytest.TestReport(
                nodeid=item.nodeid,
                location=item.location,
                keywords={},
                outcome="failed",
                longrepr=f"the lab ended {why} before the test did\n{left_of_output(item.config)}",
                when="call",
            )
        )
    return reports


def report_to(stream, item):
    """Run a test and write a line for each report. In the child: what is set up and torn down here is so here only."""
    config, session = item.config, item.session
    config.option.basetemp = Path(os.environ["TMPDIR"]) / "pytest"
    config._tmp_path_factory = pytest.TempPathFactory.from_config(config, _ispytest=True)
    session._setupstate = type(session._setupstate)()
    for report in _run(item):
        data = config.hook.pytest_report_to_serializable(config=config, report=report)
        stream.write(json.dumps(data).encode() + b"\n")


def _run(item):
    from _pytest.runner import runtestprotocol

    return runtestprotocol(item, log=False, nextitem=None)


def left_of_output(config):
    """What a test that was killed had printed."""
    captured = config.pluginmanager.getplugin("capturemanager").read_global_capture()
    return captured.out + captured.err
