"""Whether all that one match asks is asked by another, too: which flows a change or question that is not strict means
(OpenFlow 1.3.5, 6.4). Pure."""

from __future__ import annotations

from typing import Final

from controller.domain.prefixes import ADDRESS_BITS, Prefix, parse_prefix
from controller.domain.rules import Match, SourceSlice
from controller.southbound.openflow.eompls import ETH_TYPE_MPLS

_EVERYTHING: Final = Match()
_IP_ETHERTYPES: Final = {4: 0x0800, 6: 0x86DD}
_ARP_ETHERTYPE: Final = 0x0806
_ASKED_WHOLE: Final = (
    "in_port",
    "vlan",
    "mpls_label",
    "eth_dst",
    "dscp",
    "arp_target",
    "nd_target",
    "traffic_class",
    "group",
    "echo_reply",
)


def covers(general: Match, special: Match) -> bool:
    """Whether every frame that ``special`` matches is one that ``general`` matches."""
    if not _covers_prefix(general.ip_dst, special):  # first, as it is what tells most of 100,000 apart
        return False
    if general == _EVERYTHING:
        return True
    return (
        all(getattr(general, name) in (None, getattr(special, name)) for name in _ASKED_WHOLE)
        and general.ethertype in (None, _ethertype(special))
        and _covers_source(general.source, special.source)
    )


def _covers_prefix(general: Prefix | None, special: Match) -> bool:
    if general is None:
        return True
    if special.nd_target is not None:
        return general.version == 6 and general.length == 0
    if special.echo_reply is not None:
        return general.covers(parse_prefix(special.echo_reply.destination))
    return special.ip_dst is not None and general.covers(special.ip_dst)


def _covers_source(general: SourceSlice | Prefix | None, special: SourceSlice | Prefix | None) -> bool:
    if general is None or special is None:
        return general is None
    if isinstance(general, Prefix):
        return isinstance(special, Prefix) and general.covers(special)
    if isinstance(special, Prefix):  # the last bits are known of one address only
        last_bits = special.bits & (1 << general.width) - 1
        return special.length == ADDRESS_BITS[special.version] and last_bits == general.value
    return general.width <= special.width and special.value & (1 << general.width) - 1 == general.value


def _ethertype(match: Match) -> int | None:
    """What a match says of the ethertype, be it by naming something that only frames of one have."""
    if match.mpls_label is not None:
        return ETH_TYPE_MPLS
    if match.arp_target is not None:
        return _ARP_ETHERTYPE
    if match.nd_target is not None:
        return _IP_ETHERTYPES[6]
    if match.echo_reply is not None:
        return _IP_ETHERTYPES[parse_prefix(match.echo_reply.destination).version]
    return match.ethertype if match.ip_dst is None else _IP_ETHERTYPES[match.ip_dst.version]
