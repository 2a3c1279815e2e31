"""What there is on this machine that a lab could leave behind, and ways to find the processes of one."""

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

from waiting import wait_until


def snapshot():
    """Processes, network namespaces in use, links, mounts and the files where labs put any."""
    processes, namespaces = set(), set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                processes.add((int(entry.name), (entry / "comm").read_text()))
                namespaces.add(os.readlink(entry / "ns/net"))
                namespaces.add(os.readlink(entry / "ns/mnt"))
    links = subprocess.run(["ip", "-j", "link"], capture_output=True, check=True, text=True)
    # The program just run is no longer there; what it was told is.
    return {
        "processes": processes,
        "namespaces": namespaces,
        "links": {link["ifname"] for link in json.loads(links.stdout)},
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "files": {str(path) for place in ("/run", "/dev/shm") for path in Path(place).rglob("*")},
    }


def assert_nothing_remains(before):
    def differences():
        after = snapshot()
        return {what: (before[what], after[what]) for what in before if before[what] != after[what]}

    wait_until(lambda: not differences(), lambda: f"the machine as it was before; (before, after): {differences()}")


def children(pid):
    """The child processes of ``pid``; none when it does not exist."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def descendants(pid):
    below = children(pid)
    return below + [further for child in below for further in descendants(child)]


def command_line(pid):
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []
