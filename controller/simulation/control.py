"""The control socket of a simulation: a Unix socket, JSON lines, one answer for each request, in order.

A request is an object with ``do`` and what that needs; an answer is ``{"ok": {...}}`` or ``{"error": "why"}``.
A *place* is ``{"site": NAME}``, ``{"gateway": NAME}`` or ``{"node": NAME, "port": NUMBER}``; frames are in hexadecimal,
times in virtual nanoseconds.

=========== ===========================================================================================================
send        ``frames`` [place + ``frame``], ``interval_ns`` (0) between them -> ``outcomes`` [``entered_ns``, ``fault``,
            ``arrivals`` [place, ``frame``, ``delay_ns``, ``nodes`` crossed]]
flood       ``floods`` [place + ``frame``, ``rate_bps``], ``duration_ns``, ``drain_ns`` (0)
            -> ``tallies`` [``sent_frames``, ``fault``, ``arrived`` [place, ``frames``, ``bytes``]]
traffic     ``streams`` [place + ``source``, ``destination``, ``rate_bps``, ``dscp`` (0), ``source_bits`` (0),
            ``frame_bytes`` (1000)]: packets that go on until told otherwise, counted but not sent (absent: those of
            before) -> ``streams`` [``fault``, ``out`` [place, ``rate_bps``]], as they go now
advance     ``duration_ns`` -> ``now_ns``: time passes, meters fill
set_link    ``link``, and any of ``up``, ``delay_ns`` {``aToZ``, ``zToA``}, ``loss`` (0..1)
set_abroad  ``gateway``, ``region`` and any of ``delay_ns`` (one way), ``loss`` (0..1): when pings from there are
            answered, and how many are not
plug        place, ``plugged``: whether somebody is there, outside the network
set_switch  ``node``, and any of ``limits`` {``flows`` in each table, ``groups``, ``meters``}; ``clear_faults`` (true);
            ``fault`` {``kind`` refuse | ignore | hang-up | leave, ``after`` (0) more changes, ``count`` (1), ``error``
            a name of ``NamedError``}; ``restart`` (true: rules are lost); ``frozen`` (connected, but answering
            nothing); ``connected`` (false: stays away until true)
by_hand     ``node``, ``messages``: OpenFlow in hexadecimal, as from somebody beside the controller; -> ``answers``
set_otn     ``node``, and any of ``clear_faults`` (true); ``fault`` {``kind`` refuse | ignore | hang | hang-up |
            do-and-hang-up, ``rpc`` by name (``confirm``: a commit that confirms), ``after`` (0) more of these,
            ``count`` (1), ``tag`` of the error}; ``drop_sessions`` (true); ``frozen`` (connected, but answering
            nothing); ``powered`` (false: no session, nothing passes; true: again, with what was confirmed);
            ``edit`` (what somebody at the device does: the inside of an edit-config's ``<config>``)
tables      ``node`` -> ``rules``: one line of text each, of an OTN node its cross-connects
counters    -> ``network`` and, by node, ``switches`` {``connected``, ``rules``, and events by name} and ``otn_nodes``
            {``connected``, ``powered``, and events by name, RPCs among them}
=========== ===========================================================================================================

An arrival at a port without a site has ``"site": null``, and so with ``"gateway"``. The ``fault`` of a frame is what
was wrong with the network itself (a loop, two rules of one priority that both match), and empty otherwise.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from controller.domain.topology import PerDirection
from controller.simulation.agent import Agent
from controller.simulation.faults import Fault, FaultKind
from controller.simulation.fields import BadRequest, Fields
from controller.simulation.flood import Flood, Tally
from controller.simulation.network import Outcome
from controller.simulation.otn_control import OtnControl
from controller.simulation.refusal import NamedError
from controller.simulation.simulator import Simulator
from controller.simulation.tables import Limits
from controller.simulation.traffic import Stream

REQUEST_BYTES: Final = 256 << 20
"""The longest request: some 80,000 frames of 1,500 bytes."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Control:
    """Requests in, answers out; the socket is ``serve``'s business."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._network = simulator.network
        self._otn = OtnControl(simulator)
        self._commands: dict[str, Callable[[Fields], Awaitable[dict[str, Any]]]] = {
            "send": self._send,
            "flood": self._flood,
            "traffic": self._traffic,
            "advance": self._advance,
            "set_link": self._set_link,
            "set_abroad": self._set_abroad,
            "plug": self._plug,
            "set_switch": self._set_switch,
            "by_hand": self._by_hand,
            "set_otn": self._otn.set_otn,
            "tables": self._tables,
            "counters": self._counters,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it goes."""
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self.answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as error:  # ValueError: a line beyond REQUEST_BYTES
            _log.warning("control connection ended: %s", error)
        finally:
            writer.close()

    async def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line. Whatever is wrong with a request is said and hurts nobody."""
        try:
            request = Fields(json.loads(line), "the request")
            name = request.text("do")
            if name not in self._commands:
                raise BadRequest(f"there is no {name!r}: one of {', '.join(self._commands)}")
            answer = await self._commands[name](request)
        except (BadRequest, ValueError, RecursionError) as error:
            return {"error": str(error)}
        return {"ok": answer}

    async def _send(self, request: Fields) -> dict[str, Any]:
        frames = [(*self._place(entry), entry.frame("frame")) for entry in request.entries("frames")]
        outcomes = await self._simulator.send(frames, request.number("interval_ns", 0))
        return {"outcomes": [self._outcome(outcome) for outcome in outcomes]}

    async def _flood(self, request: Fields) -> dict[str, Any]:
        floods = []
        for entry in request.entries("floods"):
            node, port = self._place(entry)
            rate_bps = entry.number("rate_bps")
            floods.append(Flood(node=node, port=port, frame=entry.frame("frame"), rate_bps=rate_bps))
        tallies = await self._simulator.flood(floods, request.number("duration_ns"), request.number("drain_ns", 0))
        return {"tallies": [self._tally(tally) for tally in tallies]}

    async def _traffic(self, request: Fields) -> dict[str, Any]:
        if request.has("streams"):
            self._network.traffic.declare([self._stream(entry) for entry in request.entries("streams")])
        carried = [
            {
                "fault": stream.fault,
                "out": [{**self._named(*place), "rate_bps": rate_bps} for place, rate_bps in stream.out_bps.items()],
            }
            for stream in self._network.traffic.carried()
        ]
        return {"streams": carried}

    async def _advance(self, request: Fields) -> dict[str, Any]:
        return {"now_ns": await self._simulator.advance(request.number("duration_ns"))}

    async def _set_link(self, request: Fields) -> dict[str, Any]:
        link = request.text("link")
        if link not in self._network.topology.link:
            raise BadRequest(f"there is no link {link!r}")
        delays = request.part("delay_ns")
        self._simulator.set_link(
            link,
            up=request.switch("up"),
            delay_ns=None if delays is None else PerDirection(delays.number("aToZ"), delays.number("zToA")),
            loss=request.share("loss"),
        )
        return {}

    async def _set_abroad(self, request: Fields) -> dict[str, Any]:
        delay_ns = request.number("delay_ns") if request.has("delay_ns") else None
        gateway, region = request.text("gateway"), request.text("region")
        self._simulator.abroad.set_way(gateway, region, delay_ns, request.share("loss"))
        return {}

    async def _plug(self, request: Fields) -> dict[str, Any]:
        node, port = self._place(request)
        plugged = request.switch("plugged")
        if plugged is None:
            raise BadRequest("the request: plugged is missing")
        self._simulator.plug(node, port, plugged)
        return {}

    async def _set_switch(self, request: Fields) -> dict[str, Any]:
        node = self._node(request)
        datapath, dialler = self._network.datapaths[node], self._simulator.diallers[node]
        # All is read before anything is done: a request that is wrong in one point does nothing.
        limits = _limits(request.part("limits"), datapath.tables.limits)
        fault = _fault(request.part("fault"))
        clear, restart = request.switch("clear_faults"), request.switch("restart")
        frozen, connected = request.switch("frozen"), request.switch("connected")
        datapath.tables.limits = limits
        if clear:
            datapath.faults.clear()
        if fault is not None:
            datapath.faults.order(fault)
        if restart:
            self._simulator.restart(node)
        if frozen is not None:
            dialler.freeze(frozen)
        if connected is not None:
            (dialler.come_back if connected else dialler.stay_away)()
        return {}

    async def _by_hand(self, request: Fields) -> dict[str, Any]:
        datapath = self._network.datapaths[self._node(request)]
        return {"answers": Agent(datapath).receive(request.frame("messages")).hex()}

    async def _tables(self, request: Fields) -> dict[str, Any]:
        if self._otn.knows(request.text("node")):
            return {"rules": self._otn.tables(request.text("node"))}
        return {"rules": self._network.datapaths[self._node(request)].dump()}

    async def _counters(self, _: Fields) -> dict[str, Any]:
        switches = {
            node: {
                "connected": self._simulator.diallers[node].connected,
                "rules": len(datapath.tables.switch.rules),
                **datapath.counters,
            }
            for node, datapath in self._network.datapaths.items()
        }
        network = {"now_ns": self._network.now_ns, **self._network.counters}
        return {"network": network, "switches": switches, "otn_nodes": self._otn.counters()}

    def _node(self, request: Fields) -> str:
        node = request.text("node")
        if node not in self._network.datapaths:
            raise BadRequest(f"there is no simulated switch {node!r}")
        return node

    def _stream(self, entry: Fields) -> Stream:
        node, port = self._place(entry)
        return Stream(
            node=node,
            port=port,
            source=entry.text("source"),
            destination=entry.text("destination"),
            rate_bps=entry.number("rate_bps"),
            dscp=entry.number("dscp", 0),
            source_bits=entry.number("source_bits", 0),
            frame_bytes=entry.number("frame_bytes", 1_000),
        )

    def _place(self, entry: Fields) -> tuple[str, int]:
        if entry.has("gateway"):
            gateway = entry.text("gateway")
            try:
                return self._network.port_of_gateway(gateway)
            except KeyError:
                raise BadRequest(f"there is no gateway {gateway!r}") from None
        if not entry.has("site"):
            return self._node(entry), entry.number("port")
        site = entry.text("site")
        if site not in self._network.topology.site:
            raise BadRequest(f"there is no site {site!r}")
        return self._network.port_of(site)

    def _outcome(self, outcome: Outcome) -> dict[str, Any]:
        arrivals = [
            {
                **self._named(arrival.node, arrival.port),
                "frame": arrival.frame.hex(),
                "delay_ns": arrival.delay_ns,
                "nodes": arrival.nodes,
            }
            for arrival in outcome.arrivals
        ]
        return {"entered_ns": outcome.entered_ns, "fault": outcome.fault, "arrivals": arrivals}

    def _tally(self, tally: Tally) -> dict[str, Any]:
        arrived = [
            {**self._named(*place), "frames": frames, "bytes": tally.arrived_bytes[place]}
            for place, frames in tally.arrived_frames.items()
        ]
        return {"sent_frames": tally.sent_frames, "fault": tally.fault, "arrived": arrived}

    def _named(self, node: str, port: int) -> dict[str, Any]:
        site, gateway = self._network.site_at.get((node, port)), self._network.gateway_at.get((node, port))
        return {"site": site, "gateway": gateway, "node": node, "port": port}


def _limits(asked: Fields | None, now: Limits) -> Limits:
    if asked is None:
        return now
    return Limits(
        flows=asked.number("flows", now.flows),
        groups=asked.number("groups", now.groups),
        meters=asked.number("meters", now.meters),
    )


def _fault(asked: Fields | None) -> Fault | None:
    if asked is None:
        return None
    return Fault(
        kind=_one_of({kind.value: kind for kind in FaultKind}, asked.text("kind"), "kind of fault"),
        after=asked.number("after", 0),
        count=asked.number("count", 1),
        error=_one_of(NamedError.__members__, asked.text("error", NamedError.UNKNOWN.name), "error"),
    )


def _one_of(choices: Mapping[str, T], name: str, what: str) -> T:
    if name not in choices:
        raise BadRequest(f"there is no {what} {name!r}: one of {', '.join(choices)}")
    return choices[name]
