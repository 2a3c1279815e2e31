"""A router as BGP and BMP see it, written with os-ken's serialisers: another hand than that which reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from os_ken.lib.packet import bgp, bmp

ROUTER_AS = 65_000


def attributes(
    systems: Sequence[list[int] | set[int]], communities: Sequence[int] = (), *, as_bytes: int = 4
) -> list[Any]:
    """ORIGIN, AS_PATH, NEXT_HOP and COMMUNITIES."""
    found = [
        bgp.BGPPathAttributeOrigin(0),
        bgp.BGPPathAttributeAsPath(list(systems), as_pack_str="!I" if as_bytes == 4 else "!H"),
        bgp.BGPPathAttributeNextHop("192.0.2.1"),
    ]
    if communities:
        found.append(bgp.BGPPathAttributeCommunities(list(communities)))
    return found


def prefix_of(text: str, kind: Any) -> Any:
    address, length = text.split("/")
    return kind(int(length), address)


def numbered(prefix: Any, identifier: int | None) -> Any:
    """A prefix with the identifier of its path before it (RFC 7911), which os-ken does not write."""
    if identifier is not None:
        written = identifier.to_bytes(4, "big") + bytes(prefix.serialize())
        prefix.serialize = lambda: written
    return prefix


def update(
    announced: Sequence[str] = (),
    withdrawn: Sequence[str] = (),
    systems: Sequence[list[int] | set[int]] = ([1, 2],),
    communities: Sequence[int] = (),
    *,
    as_bytes: int = 4,
    identifier: int | None = None,
) -> bgp.BGPUpdate:
    """An UPDATE about prefixes of either version: IPv6 goes by MP_REACH_NLRI and MP_UNREACH_NLRI. ``identifier``: of
    this path, where peers send several a prefix."""

    def reached(text: str, kind: Any) -> Any:
        return numbered(prefix_of(text, kind), identifier)

    path = attributes(systems, communities, as_bytes=as_bytes) if announced else []
    six = [reached(text, bgp.IP6AddrPrefix) for text in announced if ":" in text]
    gone_six = [reached(text, bgp.IP6AddrPrefix) for text in withdrawn if ":" in text]
    if six:
        path.append(bgp.BGPPathAttributeMpReachNLRI(2, 1, "2001:db8::1", six))
    if gone_six:
        path.append(bgp.BGPPathAttributeMpUnreachNLRI(2, 1, gone_six))
    return bgp.BGPUpdate(
        withdrawn_routes=[reached(text, bgp.BGPWithdrawnRoute) for text in withdrawn if ":" not in text],
        path_attributes=path,
        nlri=[reached(text, bgp.BGPNLRI) for text in announced if ":" not in text],
    )


def end_of_table(version: int) -> bgp.BGPUpdate:
    """RFC 4724 2."""
    return bgp.BGPUpdate(path_attributes=[] if version == 4 else [bgp.BGPPathAttributeMpUnreachNLRI(2, 1, [])])


def open_message(versions: Sequence[int] = (4, 6), extra: Sequence[Any] = ()) -> bgp.BGPOpen:
    families = [bgp.BGPOptParamCapabilityMultiprotocol(1 if version == 4 else 2, 1) for version in versions]
    return bgp.BGPOpen(my_as=ROUTER_AS, bgp_identifier="192.0.2.1", opt_param=[*families, *extra])


def additional_paths(way: int, version: int = 4) -> Any:
    """ADD-PATH of unicast (RFC 7911): 1 receives, 2 sends, 3 both."""
    return bgp.BGPOptParamCapabilityUnknown(69, bytes((0, 1 if version == 4 else 2, 1, way)))


class Router:
    """What a router says to a monitoring station of one peer."""

    def __init__(self, peer: str = "10.9.0.1", **flags: Any) -> None:
        self._header = {
            "peer_type": 0,
            "is_post_policy": False,
            "peer_distinguisher": 0,
            "peer_address": peer,
            "peer_as": 65_001,
            "peer_bgp_id": "10.9.0.1",
            "timestamp": 1.5,
        } | flags

    @staticmethod
    def initiation(name: str = "edge-1") -> bytes:
        info = [
            {"type": bmp.BMP_INIT_TYPE_SYSDESCR, "value": b"a router"},
            {"type": bmp.BMP_INIT_TYPE_SYSNAME, "value": name.encode()},
        ]
        return bytes(bmp.BMPInitiation(info).serialize())

    @staticmethod
    def termination() -> bytes:
        info = [{"type": bmp.BMP_TERM_TYPE_REASON, "value": 0}]
        return bytes(bmp.BMPTermination(info).serialize())

    def up(self, sent: bgp.BGPOpen | None = None, received: bgp.BGPOpen | None = None) -> bytes:
        ours = "2001:db8::2" if ":" in self._header["peer_address"] else "10.9.0.254"
        return bytes(
            bmp.BMPPeerUpNotification(
                local_address=ours,
                local_port=179,
                remote_port=40_000,
                sent_open_message=open_message() if sent is None else sent,
                received_open_message=open_message() if received is None else received,
                **self._header,
            ).serialize()
        )

    def down(self) -> bytes:
        return bytes(
            bmp.BMPPeerDownNotification(
                bmp.BMP_PEER_DOWN_REASON_REMOTE_NO_NOTIFICATION, None, **self._header
            ).serialize()
        )

    def says(self, message: bgp.BGPUpdate) -> bytes:
        return bytes(bmp.BMPRouteMonitoring(message, **self._header).serialize())
