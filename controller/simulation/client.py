"""A simulation from outside: one method for each request of its control socket (``controller.simulation.control``)."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

from controller.domain.topology import PerDirection


class SimulationError(Exception):
    """The simulation refused a request, or is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A port of a node; ``site`` when a customer's site is there, ``gateway`` when that is."""

    node: str
    port: int
    site: str | None
    gateway: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A frame that came out, ``delay_ns`` after it had entered, across ``nodes``."""

    place: Place
    frame: bytes
    delay_ns: int
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a frame that entered at ``entered_ns``; ``fault`` is what was wrong with the network itself."""

    entered_ns: int
    arrivals: tuple[Arrived, ...]
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flooded:
    """What became of a flood: frames that entered, and frames and bytes that came out, by place."""

    sent_frames: int
    arrived_frames: Mapping[Place, int]
    arrived_bytes: Mapping[Place, int]
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Packets from an address to another that enter at a site at ``rate_bps``; with ``source_bits`` they are spread
    evenly over so many last bits of the source address."""

    site: str
    source: str
    destination: str
    rate_bps: int
    dscp: int = 0
    source_bits: int = 0
    frame_bytes: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """Where a stream comes out, in bits per second; ``fault`` as of ``Sent``."""

    out_bps: Mapping[Place, int]
    fault: str


class SimulationClient:
    """One connection to a control socket; a context manager. Not for use by two threads at once.

    Every method raises ``SimulationError``, ``OSError`` when the socket fails, ``TimeoutError`` after ``timeout_s``.
    """

    def __init__(self, path: str | os.PathLike[str], timeout_s: float = 120.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout_s)
            self._socket.connect(os.fspath(path))
        except BaseException:
            self._socket.close()
            raise
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> SimulationClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def send(self, frames: Sequence[tuple[str, bytes]], interval_ns: int = 0) -> list[Sent]:
        """Let (site, frame) enter one after the other, ``interval_ns`` apart. Time then stands at the last arrival."""
        return self._send([{"site": site, "frame": frame.hex()} for site, frame in frames], interval_ns)

    def send_at(self, node: str, port: int, frame: bytes) -> Sent:
        """Let a frame enter at any port, also one in the middle of the network."""
        return self._send([{"node": node, "port": port, "frame": frame.hex()}], 0)[0]

    def flood(self, floods: Sequence[tuple[str, bytes, int]], duration_ns: int, drain_ns: int = 10**9) -> list[Flooded]:
        """Floods (site, frame, bits of whole frames a second) at the same time. What arrives later than ``drain_ns``
        after the end is not counted."""
        wanted = [{"site": site, "frame": frame.hex(), "rate_bps": rate_bps} for site, frame, rate_bps in floods]
        answer = self._ask("flood", floods=wanted, duration_ns=duration_ns, drain_ns=drain_ns)
        return [_flooded(tally) for tally in answer["tallies"]]

    def declare_traffic(self, streams: Sequence[Stream]) -> list[Streaming]:
        """Let these go on from now, in place of all before: counted by every flow that they meet, but not sent."""
        return self._streaming(streams=[asdict(stream) for stream in streams])

    def traffic(self) -> list[Streaming]:
        """Where the declared streams come out now, in the order in which they were declared."""
        return self._streaming()

    def advance(self, duration_ns: int) -> int:
        """Let time pass, so that meters fill. Returns the time that it is then, in nanoseconds."""
        now_ns: int = self._ask("advance", duration_ns=duration_ns)["now_ns"]
        return now_ns

    def set_link(
        self, link: str, *, up: bool | None = None, delay_ns: PerDirection[int] | None = None, loss: float | None = None
    ) -> None:
        """Change what is given. ``loss`` is the share of frames that are lost, 0 to 1."""
        delays = None if delay_ns is None else {"aToZ": delay_ns.a_to_z, "zToA": delay_ns.z_to_a}
        self._ask("set_link", link=link, up=up, delay_ns=delays, loss=loss)

    def set_abroad(self, gateway: str, region: str, *, delay_ns: int | None = None, loss: float | None = None) -> None:
        """Change what is given of the way from a gateway to a region, which pings take: ``delay_ns`` one way; ``loss``,
        the share of pings without an answer, 0 to 1."""
        members = {} if delay_ns is None else {"delay_ns": delay_ns}
        self._ask("set_abroad", gateway=gateway, region=region, loss=loss, **members)

    def plug(self, *, site: str | None = None, gateway: str | None = None, plugged: bool) -> None:
        """Let whoever is at a site or a gateway go (``plugged`` false), or come back."""
        where = {"gateway": gateway} if site is None else {"site": site}
        self._ask("plug", **where, plugged=plugged)

    def set_switch(
        self,
        node: str,
        *,
        connected: bool | None = None,
        frozen: bool | None = None,
        restart: bool = False,
        limits: Mapping[str, int] | None = None,
        clear_faults: bool = False,
    ) -> None:
        """See ``set_switch`` of the control socket. ``limits`` by ``flows``, ``groups``, ``meters``."""
        self._ask(
            "set_switch",
            node=node,
            connected=connected,
            frozen=frozen,
            restart=restart,
            limits=None if limits is None else dict(limits),
            clear_faults=clear_faults,
        )

    def order_fault(self, node: str, kind: str, *, after: int = 0, count: int = 1, error: str = "UNKNOWN") -> None:
        """Make a switch do wrong (``kind``: refuse, ignore, hang-up, leave) with ``count`` changes, after so many more.
        ``error`` (with refuse) is a name of ``controller.simulation.refusal.NamedError``."""
        self._ask("set_switch", node=node, fault={"kind": kind, "after": after, "count": count, "error": error})

    def by_hand(self, node: str, messages: bytes) -> bytes:
        """Have a switch carry out OpenFlow messages beside those of its controller. Returns what it answers: errors."""
        return bytes.fromhex(self._ask("by_hand", node=node, messages=messages.hex())["answers"])

    def set_otn(
        self,
        node: str,
        *,
        powered: bool | None = None,
        frozen: bool | None = None,
        drop_sessions: bool = False,
        edit: str = "",
        clear_faults: bool = False,
    ) -> None:
        """See ``set_otn`` of the control socket. ``edit`` is XML."""
        self._ask(
            "set_otn",
            node=node,
            powered=powered,
            frozen=frozen,
            drop_sessions=drop_sessions,
            edit=edit,
            clear_faults=clear_faults,
        )

    def order_rpc_fault(
        self, node: str, kind: str, rpc: str, *, after: int = 0, count: int = 1, tag: str = "operation-failed"
    ) -> None:
        """Make an OTN node do wrong (``kind``: refuse, ignore, hang, hang-up, do-and-hang-up) with ``count`` RPCs of
        this name, after so many more: ``edit-config``, ``commit``, ``confirm``, ``cancel-commit`` ..."""
        fault = {"kind": kind, "rpc": rpc, "after": after, "count": count, "tag": tag}
        self._ask("set_otn", node=node, fault=fault)

    def tables(self, node: str) -> list[str]:
        """All rules of a switch, or cross-connects of an OTN node, one line of text each."""
        rules: list[str] = self._ask("tables", node=node)["rules"]
        return rules

    def counters(self) -> dict[str, Any]:
        """``network``: frames and the time; ``switches``: by node, ``connected``, ``rules`` and events; ``otn_nodes``:
        by node, ``connected``, ``powered`` and events."""
        return self._ask("counters")

    def _send(self, frames: list[dict[str, Any]], interval_ns: int) -> list[Sent]:
        answer = self._ask("send", frames=frames, interval_ns=interval_ns)
        return [
            Sent(
                entered_ns=outcome["entered_ns"],
                fault=outcome["fault"],
                arrivals=tuple(
                    Arrived(
                        place=_place(arrival),
                        frame=bytes.fromhex(arrival["frame"]),
                        delay_ns=arrival["delay_ns"],
                        nodes=tuple(arrival["nodes"]),
                    )
                    for arrival in outcome["arrivals"]
                ),
            )
            for outcome in answer["outcomes"]
        ]

    def _streaming(self, **members: Any) -> list[Streaming]:
        return [
            Streaming(out_bps={_place(out): out["rate_bps"] for out in stream["out"]}, fault=stream["fault"])
            for stream in self._ask("traffic", **members)["streams"]
        ]

    def _ask(self, what: str, **members: Any) -> dict[str, Any]:
        self._socket.sendall(json.dumps({"do": what, **members}).encode() + b"\n")
        line = self._answers.readline()
        if not line:
            raise SimulationError("the simulation has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SimulationError(answer["error"])
        accepted: dict[str, Any] = answer["ok"]
        return accepted


def _place(arrival: dict[str, Any]) -> Place:
    return Place(node=arrival["node"], port=arrival["port"], site=arrival["site"], gateway=arrival["gateway"])


def _flooded(tally: dict[str, Any]) -> Flooded:
    return Flooded(
        sent_frames=tally["sent_frames"],
        arrived_frames={_place(entry): entry["frames"] for entry in tally["arrived"]},
        arrived_bytes={_place(entry): entry["bytes"] for entry in tally["arrived"]},
        fault=tally["fault"],
    )
