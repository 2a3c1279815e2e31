"""Numbered frames over lines at a steady pace, both ways, while something else goes on; and what came of them."""

from __future__ import annotations

import re
import select
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from running.processes import until

from lab.punctual import punctual

PACE_S = 0.002
"""Between two frames of one way: 500 a second, of 82 bytes; less than the slowest line carries."""
SILENCE_S = 2.0
"""When nothing has come for so long after the last frame was sent, nothing more is on its way."""

_ADDRESSES = bytes.fromhex("02000000000a02000000000b")
_PAYLOAD = re.compile(rb"\x88\xb5(\d{8}) (\S+) (\S+) +$")


@dataclass
class Way:
    """Frames of one line that enter at one of its ends. ``arrived`` has their numbers in the order in which they came,
    ``came_out`` the sites and VIDs where."""

    line: str
    site: str
    vid: int
    sent: int = 0
    arrived: list[int] = field(default_factory=list)
    came_out: set[tuple[str, int]] = field(default_factory=set)

    def next_frame(self):
        text = f"{self.sent:08} {self.line} {self.site}".encode().ljust(64)
        self.sent += 1
        return _ADDRESSES + b"\x81\x00" + self.vid.to_bytes(2, "big") + b"\x88\xb5" + text

    @property
    def lost(self):
        return self.sent - len(set(self.arrived))

    @property
    def doubled(self):
        return len(self.arrived) - len(set(self.arrived))

    @property
    def overtaken(self):
        """How many came after one that was sent later."""
        latest, count = -1, 0
        for number in self.arrived:
            count += number < latest
            latest = max(latest, number)
        return count

    def __str__(self):
        return (
            f"{self.line} from {self.site}: {self.sent} sent, {self.lost} lost, {self.doubled} doubled, "
            f"{self.overtaken} overtaken, out at {sorted(self.came_out)}"
        )


class Stream:
    """``ports``: raw ports by site; ``ends``: (line, site, VID) where frames enter."""

    def __init__(self, ports, ends):
        self._ports = ports
        self.ways = {(line, site): Way(line, site, vid) for line, site, vid in ends}
        self._sites = {port.fileno(): site for site, port in ports.items()}
        self._stop = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run)

    def go_on(self, frames=100):
        """Return when so many more frames have been sent each way."""
        goal = {key: way.sent + frames for key, way in self.ways.items()}
        until(
            lambda: self._error is not None or all(self.ways[key].sent >= sent for key, sent in goal.items()),
            "frames to be sent",
        )

    def end(self):
        """Stop sending, and return when nothing is on its way any more."""
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self):
        try:
            with punctual():
                self._send_and_receive()
        except BaseException as error:
            self._error = error

    def _send_and_receive(self):
        due = time.monotonic()
        while not self._stop.is_set():
            for way in self.ways.values():
                self._ports[way.site].send(way.next_frame())
            due += PACE_S
            while (left := due - time.monotonic()) > 0:
                self._receive(left)
        while any(way.lost for way in self.ways.values()) and self._receive(SILENCE_S):
            pass
        assert not any(port.lost() for port in self._ports.values()), "the prober lost frames itself"

    def _receive(self, timeout_s):
        """Take what has come, waiting for it for a while; whether anything had."""
        ready, _, _ = select.select(list(self._sites), [], [], timeout_s)
        for number in ready:
            site = self._sites[number]
            while (received := self._ports[site].receive()) is not None:
                self._count(site, received[0])
        return bool(ready)

    def _count(self, site, data):
        found = _PAYLOAD.search(data)
        if found is not None:
            way = self.ways[found[2].decode(), found[3].decode()]
            way.arrived.append(int(found[1]))
            way.came_out.add((site, int.from_bytes(data[14:16], "big") & 0xFFF))


@contextmanager
def streaming(ports, ends):
    """A stream that sends inside; it has ended, and all is counted, behind."""
    stream = Stream(ports, ends)
    stream._thread.start()
    try:
        yield stream
    finally:
        stream.end()
