"""By which rules the controller is told of answers to its pings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from steered_networks import ABROAD_MAC, GATEWAY_PORT, TABLE, entry, group, network, steered

from controller.compiler.steering.probes import PROBE_KBPS, Probe, probe_meters, probes_of
from controller.compiler.steering.rules import VIRTUAL_MAC, steering_rules
from controller.domain.rules import EchoReply, FlowRule, MeterRule, Owner, Police, Table, TellController, owner_of
from controller.forwarding.echo import Echo, reply_frame, request_frame
from controller.forwarding.switch import Switch

REFERENCES = (("north-america", "198.51.100.1"), ("europe", "2001:db8:ff::1"))


@pytest.fixture
def topology():
    """Two gateways at ``sh`` ping, and none elsewhere."""
    topology = network()
    pinging = [
        replace(gateway, name=f"{gateway.name}-{port}", port=port, probes=REFERENCES)
        for gateway in topology.gateways
        if gateway.node == "sh"
        for port in (GATEWAY_PORT + 1, GATEWAY_PORT)
    ]
    others = [gateway for gateway in topology.gateways if gateway.node != "sh"]
    return replace(topology, gateways=(*pinging, *others))


def rules_at(topology, node):
    steering, trunks = steered(topology, [entry("gd", "igw-gz")], [group()])
    return [rule for device, rule in steering_rules(topology, steering, TABLE, trunks) if device == node]


def telling(rules):
    return [rule for rule in rules if isinstance(rule, FlowRule) and TellController() in rule.actions]


def test_a_ping_goes_from_our_address_of_its_version_to_the_next_hop(topology):
    assert probes_of(topology)[:2] == tuple(
        Probe(
            gateway="igw-sh-21",
            region=region,
            node="sh",
            port=GATEWAY_PORT,
            source="2001:db8::2" if ":" in address else "192.0.2.2",
            destination=address,
            next_hop=ABROAD_MAC["sh"],
        )
        for region, address in sorted(REFERENCES)
    )
    assert {probe.gateway for probe in probes_of(topology)} == {"igw-sh-21", "igw-sh-22"}


def test_gateways_without_probes_tell_the_controller_nothing(topology):
    for node in ("gz", "bj", "gd"):
        assert telling(rules_at(topology, node)) == []
        assert not any(isinstance(rule, MeterRule) for rule in rules_at(topology, node))


def test_each_gateway_has_a_meter_of_its_own(topology):
    rules = rules_at(topology, "sh")
    meters = [rule for rule in rules if isinstance(rule, MeterRule)]
    assert sorted(meter.meter_id for meter in meters) == [60_001, 60_002]
    assert {meter.rate_kbps for meter in meters} == {PROBE_KBPS}
    assert {name: meter.meter_id for name, meter in probe_meters(topology).items()} == {
        "igw-sh-21": 60_001,
        "igw-sh-22": 60_002,
    }
    for rule in telling(rules):
        assert rule.table is Table.CLASSIFY
        assert owner_of(rule.cookie)[0] is Owner.EDGE
        assert rule.actions == (Police(60_001 if rule.match.in_port == GATEWAY_PORT else 60_002), TellController())


def test_the_controller_is_told_of_answers_to_its_pings_and_of_nothing_else(topology):
    rules = rules_at(topology, "sh")
    assert {rule.match.echo_reply for rule in telling(rules)} == {
        EchoReply(source="198.51.100.1", destination="192.0.2.2"),
        EchoReply(source="2001:db8:ff::1", destination="2001:db8::2"),
    }
    switch = Switch(rules)
    for probe in probes_of(topology):
        ping = Echo(source=probe.source, destination=probe.destination, identifier=1, sequence=2, payload=b"x" * 16)
        answer = reply_frame(request_frame(ping, VIRTUAL_MAC, probe.next_hop))
        assert heard(switch, probe.port, answer) == [answer]
        assert heard(switch, 11, answer) == []
        assert heard(switch, probe.port, request_frame(ping, probe.next_hop, VIRTUAL_MAC)) == []
        stranger = replace(ping, destination="2001:db8:ff::2" if ":" in ping.source else "198.51.100.2")
        assert heard(switch, probe.port, reply_frame(request_frame(stranger, VIRTUAL_MAC, probe.next_hop))) == []


def heard(switch, port, frame):
    told = []
    assert switch.receive(port, frame, on_told=lambda _, frame: told.append(frame)) == []
    return told
