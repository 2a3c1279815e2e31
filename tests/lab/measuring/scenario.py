"""The reference network with one fault at a time, and what the measurement says of it."""

import os
from collections.abc import Callable
from dataclasses import replace

from measuring.reference_network import Crossing, Fault, in_site, reference_network

from controller.domain.intents import Attachment
from controller.domain.topology import Direction, PerDirection
from lab.measure.expectation import ExpectedLab, ExpectedLine
from lab.measure.sockets import SocketDataPlane
from lab.measure.verify import Effort, Report, verify

A_TO_Z, Z_TO_A = Direction
MS = 1_000_000


def line(name: str, a: Attachment, z: Attachment, delay_ms: tuple[int, int], mbps: int) -> ExpectedLine:
    return ExpectedLine(
        tenant="acme",
        name=name,
        a=a,
        z=z,
        cir_bps=PerDirection.both(mbps * 10**6),
        burst_bits=PerDirection.both(mbps * 3 * 10**5),
        delay_ns=PerDirection(*(delay * MS for delay in delay_ms)),
        mtu_bytes=1500,
        route=("pe-1", "p", "pe-2"),
    )


LAB = ExpectedLab(
    sites=("s1", "s2", "s3", "s4", "s5", "s6"),
    lines=(
        line("port", Attachment(site="s1"), Attachment(site="s2"), (3, 5), 4),
        line("vlan", Attachment(site="s3", vlan=100), Attachment(site="s4", vlan=200), (4, 4), 3),
        line("other", Attachment(site="s3", vlan=101), Attachment(site="s5", vlan=101), (1, 1), 2),
    ),
)


def on(name: str, direction: Direction | None, change: Callable[[Crossing], list[Crossing] | None]) -> Fault:
    """``change``, for the frames of one line (in one direction, or both)."""

    def fault(crossing: Crossing) -> list[Crossing] | None:
        concerned = crossing.line.name == name and direction in (None, crossing.direction)
        return change(crossing) if concerned else None

    return fault


def holding(ethertype: str, change: Callable[[Crossing], list[Crossing] | None]) -> Callable[[Crossing], list | None]:
    """``change``, for the frames that have ``ethertype`` behind at most one tag."""
    wanted = bytes.fromhex(ethertype)
    return lambda crossing: change(crossing) if wanted in (crossing.frame[12:14], crossing.frame[16:18]) else None


def setting(**values: object) -> Callable[[Crossing], None]:
    def change(crossing: Crossing) -> None:
        for name, value in values.items():
            setattr(crossing, name, value)

    return change


def vanish(_: Crossing) -> list[Crossing]:
    return []


def spoil(crossing: Crossing) -> None:
    crossing.frame = crossing.frame[:-1] + bytes((crossing.frame[-1] ^ 1,))


def twice(crossing: Crossing) -> list[Crossing]:
    return [crossing, replace(crossing)]


def also_to(site: str) -> Callable[[Crossing], None]:
    return lambda crossing: crossing.outputs.append(site)


def forget_vid(crossing: Crossing) -> None:
    crossing.frame = crossing.frame[:15] + b"\x64" + crossing.frame[16:]


def forget_priority(crossing: Crossing) -> None:
    crossing.frame = crossing.frame[:14] + bytes((crossing.frame[14] & 0x1F,)) + crossing.frame[15:]


def swap_s2_and_s6(crossing: Crossing) -> list[Crossing] | None:
    crossing.outputs[:] = [{"s2": "s6", "s6": "s2"}.get(site, site) for site in crossing.outputs]
    return None


def nothing(_: Crossing) -> None:
    return None


FAULTS: dict[str, Fault] = {
    "none": nothing,
    "drop-lldp": on("port", A_TO_Z, holding("88cc", vanish)),
    "alter-mpls": on("port", Z_TO_A, holding("8847", spoil)),
    "duplicate-ipv6": on("vlan", A_TO_Z, holding("86dd", twice)),
    "leak": on("port", A_TO_Z, also_to("s6")),
    "leak-under-load": on("vlan", A_TO_Z, lambda c: also_to("s5")(c) if len(c.frame) == 1518 else None),
    "come-back": on("port", A_TO_Z, holding("0806", also_to("s1"))),
    "slow": on("vlan", A_TO_Z, setting(delay_s=0.014)),
    "fast": on("port", None, setting(delay_s=0.0)),
    "unpoliced": on("port", A_TO_Z, setting(cir_bps=1e9)),
    "half-rate": on("vlan", Z_TO_A, setting(cir_bps=1.5e6)),
    "vid-kept": on("vlan", A_TO_Z, forget_vid),
    "priority-lost": on("vlan", Z_TO_A, forget_priority),
    "rule-deleted": on("other", None, vanish),
    "swapped": swap_s2_and_s6,
}

FAULTS_OF_RATE = frozenset({"none", "unpoliced", "half-rate"})

ADMITTED: dict[str, Callable[[str, bytes], tuple[str, Direction] | None]] = {
    "untagged-admitted": lambda site, frame: (
        ("acme/vlan", Z_TO_A) if site == "s4" and frame[12:14] not in (b"\x81\x00", b"\x88\xa8") else None
    ),
    "s-tag-admitted": lambda site, frame: (
        ("acme/vlan", Z_TO_A) if site == "s4" and frame[12:14] == b"\x88\xa8" else None
    ),
    "deleted-line-left": lambda site, _: ("acme/port", Z_TO_A) if site == "s6" else None,
}


def measured(fault: str) -> Report:
    """What the measurement says of the network with ``fault``."""
    # The burst alone fills a short flood, so that only the faults of a rate need a longer one to show.
    effort = Effort(flood_seconds=1.0 if fault in FAULTS_OF_RATE else 0.4)
    change = FAULTS.get(fault, nothing)
    with reference_network(LAB, change, ADMITTED.get(fault, lambda _site, _frame: None)) as sites:
        if fault == "interface-down":
            in_site(next(port for port in sites if port.site == "s2"), "ip link set dev eth0 down")
        with SocketDataPlane("reference", sites) as data_plane:
            return verify(data_plane, LAB, os.getpid(), effort)
