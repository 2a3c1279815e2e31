"""Which class a packet is in, and how links know it.

On the way in the DSCP says the class (RFC 4594 tells what each code point is for); inside the network it is written
into the traffic class field of the trunk label (TC, 3 bits, RFC 5462), by which every link tells what goes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from controller.domain.egress import TrafficClass

DSCP_OF_CLASS: Final[Mapping[TrafficClass, tuple[int, ...]]] = MappingProxyType(
    {
        # EF, VOICE-ADMIT; CS5; AF41, AF42, AF43; CS4: telephony, signalling, conferences, interactive video.
        TrafficClass.GOLD: (46, 44, 40, 34, 36, 38, 32),
        # AF31, AF32, AF33; CS3; AF21, AF22, AF23; CS2: streams, broadcast video, transactions, operations.
        TrafficClass.SILVER: (26, 28, 30, 24, 18, 20, 22, 16),
        TrafficClass.BULK: (),  # all others
    }
)

LINE_TC: Final = 5
"""Private lines go before all internet traffic: what they reserve is theirs whatever bursts."""
TC_OF_CLASS: Final[Mapping[TrafficClass, int]] = MappingProxyType(
    {TrafficClass.GOLD: 3, TrafficClass.SILVER: 2, TrafficClass.BULK: 0}
)
