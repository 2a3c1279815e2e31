"""Lines of the ring, and their frames."""

from __future__ import annotations

from controller.domain.intents import Attachment, Avoid, LayerChoice, PrivateLine, Protection
from controller.domain.topology import PerDirection

MBPS = 10**6


def line(name, a, z, mbps=4, avoid=(), *, protected=False, avoid_links=(), layer="packet"):
    """``a`` and ``z``: a site, or a site and its VLAN (``a1.100``). ``protected``: 1:1."""
    return PrivateLine(
        tenant="acme",
        name=name,
        a=_attachment(a),
        z=_attachment(z),
        cir_bps=PerDirection.both(mbps * MBPS),
        avoid=Avoid(nodes=tuple(avoid), links=tuple(avoid_links)),
        protection=Protection.ONE_TO_ONE if protected else Protection.NONE,
        layer=LayerChoice(layer),
    )


def _attachment(text):
    site, _, vlan = text.partition(".")
    return Attachment(site=site, vlan=int(vlan) if vlan else None)


def ways(lines, mark=0):
    """Both directions of each line: (line, where a frame enters, the frame, where it must come out, as what)."""
    for one in lines:
        for enters, leaves in ((one.a, one.z), (one.z, one.a)):
            yield one, enters.site, frame(one, enters, mark), leaves.site, frame(one, leaves, mark)


def frame(one, at, mark):
    """A frame of a line as it is at one of its ends, tagged or not; no other line and no other mark has the same."""
    tag = b"" if at.vlan is None else b"\x81\x00" + at.vlan.to_bytes(2, "big")
    return b"\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b" + tag + b"\x88\xb5" + f"{mark:08} {one.name}".encode().ljust(60, b".")
