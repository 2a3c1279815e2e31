"""A small network that does what lines promise, or exactly one thing else: what the measurement is measured against.

Every site is a network namespace of its own with a TAP device whose other side is read and written here, in a process
of its own. TAP hands over whole frames with all tags, so nothing is shared with the sockets that are being tested.
Times are monotonic seconds.
"""

import fcntl
import heapq
import os
import select
import signal
import struct
import subprocess
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from controller.domain.topology import Direction
from lab.measure.expectation import ExpectedLab, ExpectedLine
from lab.measure.raw_port import SitePort

_TUNSETIFF = 0x400454CA
_IFF_TAP_NO_PI = 0x1002


@dataclass
class Crossing:
    """A customer's frame on its way through ``line``; a fault may change what becomes of it."""

    line: ExpectedLine
    direction: Direction
    frame: bytes
    outputs: list[str]
    delay_s: float
    cir_bps: float


Fault = Callable[[Crossing], Iterable[Crossing] | None]
"""Changes a crossing in place, or returns what is to happen instead."""


@dataclass
class Bucket:
    """A token bucket that starts full: bits."""

    size: float
    level: float = field(init=False)
    filled_at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.size

    def take(self, bits: int, rate_bps: float, now: float) -> bool:
        self.level = min(self.size, self.level + (now - self.filled_at) * rate_bps)
        self.filled_at = now
        if self.level < bits:
            return False
        self.level -= bits
        return True


class ReferenceNetwork:
    """Classifies, polices, translates and delays as ``lab`` says. ``classify_more`` may admit what it would not."""

    def __init__(
        self,
        lab: ExpectedLab,
        taps: dict[str, int],
        fault: Fault,
        classify_more: Callable[[str, bytes], tuple[str, Direction] | None],
    ) -> None:
        self._lines = {str(line): line for line in lab.lines}
        self._taps = taps
        self._fault = fault
        self._classify_more = classify_more
        self._entries = {}
        for line in lab.lines:
            for direction in Direction:
                near, _ = line.ends(direction)
                self._entries[near.site, near.vlan] = (line, direction)
        self._buckets = {
            (str(line), direction): Bucket(line.burst_bits[direction]) for line in lab.lines for direction in Direction
        }
        self._due: list[tuple[float, int, str, bytes]] = []
        self._sequence = 0

    def run(self) -> None:
        # Whatever else the machine does, this is the network: its delays are what the tests rely on.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(2))
        site_of = {fd: site for site, fd in self._taps.items()}
        while True:
            # Not epoll: it waits for whole milliseconds.
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for fd in select.select(site_of, (), (), wait)[0]:
                self._enter(site_of[fd], os.read(fd, 65536), time.monotonic())
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, site, frame = heapq.heappop(self._due)
                with suppress(OSError):  # the site's interface is down
                    os.write(self._taps[site], frame)

    def _enter(self, site: str, frame: bytes, now: float) -> None:
        entry = self._entries.get((site, None)) or self._entries.get((site, outer_vid(frame)))
        if entry is None:
            admitted = self._classify_more(site, frame)
            if admitted is None:
                return
            entry = (self._lines[admitted[0]], admitted[1])
        line, direction = entry
        _, far = line.ends(direction)
        if far.vlan is not None and frame[12:14] in (b"\x81\x00", b"\x88\xa8"):
            (control,) = struct.unpack("!H", frame[14:16])
            frame = frame[:14] + struct.pack("!H", control & 0xF000 | far.vlan) + frame[16:]
        crossing = Crossing(
            line, direction, frame, [far.site], line.delay_ns[direction] / 1e9, float(line.cir_bps[direction])
        )
        for outcome in self._outcomes(crossing):
            if self._buckets[str(line), direction].take(len(outcome.frame) * 8, outcome.cir_bps, now):
                for output in outcome.outputs:
                    self._sequence += 1
                    heapq.heappush(self._due, (now + outcome.delay_s, self._sequence, output, outcome.frame))

    def _outcomes(self, crossing: Crossing) -> Iterator[Crossing]:
        changed = self._fault(crossing)
        yield from (crossing,) if changed is None else changed


def outer_vid(frame: bytes) -> int | None:
    """The VID of an outer 0x8100 tag."""
    return struct.unpack("!H", frame[14:16])[0] & 0xFFF if frame[12:14] == b"\x81\x00" else None


@contextmanager
def reference_network(
    lab: ExpectedLab, fault: Fault, classify_more: Callable[[str, bytes], tuple[str, Direction] | None]
) -> Iterator[tuple[SitePort, ...]]:
    """The network running in a process of its own; yields where its sites are."""
    with ExitStack() as stack:
        sites = {site: stack.enter_context(_site(site)) for site in lab.sites}
        network = ReferenceNetwork(lab, {site: tap for site, (_, tap) in sites.items()}, fault, classify_more)
        forwarding = os.fork()
        if forwarding == 0:
            try:
                network.run()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        try:
            yield tuple(port for port, _ in sites.values())
        finally:
            os.kill(forwarding, signal.SIGKILL)
            os.waitpid(forwarding, 0)


@contextmanager
def _site(site: str) -> Iterator[tuple[SitePort, int]]:
    """A namespace with an interface, and the file descriptor of what is plugged into it."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{holder.pid}/ns/net") == own:
            assert holder.poll() is None, "unshare --net failed"
            os.sched_yield()
        tap = os.open("/dev/net/tun", os.O_RDWR)
        try:
            fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH", f"tap-{site}".encode(), _IFF_TAP_NO_PI))
            subprocess.run(["ip", "link", "set", "dev", f"tap-{site}", "netns", str(holder.pid)], check=True)
            port = SitePort(site=site, pid=holder.pid, interface="eth0")
            in_site(port, f"ip link set dev tap-{site} name eth0")
            in_site(port, "ip link set dev eth0 addrgenmode none")
            in_site(port, "ip link set dev eth0 up")
            yield port, tap
        finally:
            os.close(tap)
    finally:
        holder.kill()
        holder.wait()


def in_site(port: SitePort, command: str) -> None:
    """Run ``command`` in the site's namespace."""
    subprocess.run(["nsenter", f"--net=/proc/{port.pid}/ns/net", *command.split()], check=True)
