"""One line's rules on a switch by ovs-ofctl, as a script would have it: a call for each kind of rule, and read back.

The rules are those that the server had on the switch, in Open vSwitch's own words, so that the work is the same.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from controller.bench.checking import Disagreement


class Switch:
    """``management`` is where ovs-ofctl reaches the switch. Made while the switch has what it is to have: the customer
    port's rules are the head end, and come last. The verbs are those of ``ncclients.Node``."""

    def __init__(self, management: str, customer_port: int) -> None:
        self._management = management
        self._flows, self._groups, self._meters = self._held()
        head = f"in_port={customer_port},"
        self._head = [flow for flow in self._flows if head in flow]
        self._inner = [flow for flow in self._flows if head not in flow]
        if not (self._head and self._inner and self._groups and self._meters):
            raise Disagreement(f"{management} does not hold a line")
        self._found: tuple[Sequence[str], ...] = ()

    def prepare(self) -> None:
        for meter in self._meters:
            self._call("add-meter", meter)
        self._call("add-groups", "-", text=self._groups)
        self._call("add-flows", "-", text=self._inner)

    def read_back(self) -> None:
        self._found = self._held()

    def confirm(self) -> None:
        """Nothing: a switch has no confirmed commit."""

    def flip(self) -> None:
        self._call("add-flows", "-", text=self._head)
        self._found = self._held()

    def check(self) -> None:
        """``Disagreement`` unless all of it was read back after the flip."""
        if self._found != (self._flows, self._groups, self._meters):
            raise Disagreement(f"ovs-ofctl's rules are not on {self._management}: {self._found}")

    def clear(self) -> None:
        """Outside the time."""
        for command in ("del-flows", "del-groups", "del-meters"):
            self._call(command)

    def _held(self) -> tuple[list[str], list[str], list[str]]:
        """Flows, groups, meters, each as the command that adds it takes them."""
        flows = [line for line in self._call("dump-flows", "--no-stats").splitlines() if "cookie=" in line]
        groups = [line for line in self._call("dump-groups").splitlines() if "group_id=" in line]
        _, *meters = self._call("dump-meters").split("meter=")
        return (
            sorted(line.strip() for line in flows),
            sorted(line.strip() for line in groups),
            sorted(_meter(words.split()) for words in meters),
        )

    def _call(self, command: str, *arguments: str, text: Sequence[str] = ()) -> str:
        words = ["ovs-ofctl", "-O", "OpenFlow13", command, self._management, *arguments]
        done = subprocess.run(words, input="\n".join(text), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Disagreement(f"{' '.join(words)}: {done.stderr.strip()}")
        return done.stdout


def _meter(words: Sequence[str]) -> str:
    """``1 kbps burst bands= type=drop rate=..`` as ``add-meter`` takes it."""
    return f"meter={','.join(words)}".replace("bands=,", "bands=")
