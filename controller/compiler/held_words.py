"""Moves that would be better and are not made now, in words."""

from __future__ import annotations

from typing import Final

from controller.compiler.egress_damping import HeldMove
from controller.domain.units import format_delay, format_rate
from controller.egress.damping import Why

_WHY: Final = {
    Why.SMALL: "that is too little to move for",
    Why.EARLY: "it has not been so for long enough",
    Why.BOUND: "as much moves already as may at a time",
    Why.NO_ROOM: "what would have to make room does not move",
    Why.URGENT: "only what is needed moves now",
}


def held_words(move: HeldMove) -> str:
    """``25Gbps of pe-gz to europe (gold) would gain 13.28ms by igw-gz instead of igw-bj: only what is needed ...``"""
    source, region, traffic_class, _ = move.flow
    gain = "could not stay" if move.gain_ns == float("inf") else f"would gain {format_delay(round(move.gain_ns))}"
    return (
        f"{format_rate(move.rate_bps)} of {source} to {region} ({traffic_class}) {gain} by {move.target} instead of "
        f"{move.origin}: {_WHY[move.why]}"
    )
