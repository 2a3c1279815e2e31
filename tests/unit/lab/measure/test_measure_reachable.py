"""The quick look at many lines: what does not come out as it should is named, and only that is sent again."""

from __future__ import annotations

from measured_lab import LAB, PORT, VLAN

from controller.domain.topology import Direction
from lab.measure.dataplane import Arrival, Exchange
from lab.measure.frames import mark_of, with_vid
from lab.measure.reachable import ATTEMPTS, unreached

ALL = [(line, way) for line in (PORT, VLAN) for way in Direction]


class Network:
    """Carries the lines of ``LAB``, but for what ``spoil`` (attempt, line, direction, arrival) makes of an arrival."""

    name = "carries"

    def __init__(self, spoil=lambda attempt, line, way, arrival: arrival):
        self.spoil = spoil
        self.sent = []

    def exchange(self, sendings, window_ns):
        self.sent.append(len(sendings))
        arrivals = []
        for sending in sendings:
            line, way = next((line, way) for line, way in ALL if line.ends(way)[0].site == sending.site)
            far = line.ends(way)[1]
            frame = sending.frame if far.vlan is None else with_vid(sending.frame, far.vlan)
            arrival = Arrival(site=far.site, frame=frame, mark=mark_of(frame))
            arrivals.append(self.spoil(len(self.sent), line, way, arrival))
        return Exchange(arrivals=tuple(one for one in arrivals if one is not None), refused={})


def test_all_lines_reach_both_ways():
    network = Network()
    assert unreached(network, LAB, 7) == []
    assert network.sent == [4]


def test_what_never_arrives_is_named_after_all_attempts():
    network = Network(lambda _, line, way, arrival: None if (line, way) == (VLAN, Direction.Z_TO_A) else arrival)
    assert unreached(network, LAB, 7) == ["acme/vlan zToA"]
    assert network.sent == [4] + [1] * (ATTEMPTS - 1)


def test_what_a_busy_machine_lost_is_sent_again():
    network = Network(lambda attempt, line, way, arrival: None if attempt == 1 else arrival)
    assert unreached(network, LAB, 7) == []
    assert network.sent == [4, 4]


def test_a_frame_at_the_wrong_place_or_with_the_wrong_tag_has_not_arrived():
    def astray(_attempt, line, _way, arrival):
        if line is PORT:
            return Arrival(site="s5", frame=arrival.frame, mark=arrival.mark)
        return Arrival(site=arrival.site, frame=with_vid(arrival.frame, 999), mark=arrival.mark)

    assert len(unreached(Network(astray), LAB, 7)) == 4
