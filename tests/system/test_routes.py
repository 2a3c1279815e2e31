"""A real server that steers by routes: from a file, and from a router that tells of them as they change."""

from __future__ import annotations

import json
import re
import socket
import struct
from contextlib import contextmanager
from pathlib import Path

import pytest
from os_ken.lib import mrtlib
from os_ken.lib.packet import bgp
from running.bmp_router import Router, attributes, end_of_table, open_message, prefix_of, update
from running.command import trunkline
from running.processes import LIMIT_S, until
from running.simulated import simulated

from controller.simulation.client import Stream

GATEWAYS = Path(__file__).parents[1] / "running" / "gateways.yaml"
GBPS = 10**9
POLICY = """
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: a-to-japan}
spec:
  from: {nodes: [pe-a]}
  to: {region: japan}
  demand: 2Gbps
"""
JAPAN_AS = 2497
TO_JAPAN = Stream(site="prov-a", source="10.44.0.16", destination="198.51.100.7", rate_bps=2 * GBPS, source_bits=4)
NORTH, SOUTH = Router("192.0.2.1"), Router("192.0.2.65")
TABLE = update(["198.51.100.0/24", "203.0.113.0/24"], systems=[[64_500, JAPAN_AS]])


@pytest.fixture
def net(processes):
    with simulated(processes, topology=GATEWAYS) as made:
        (made.directory / "regions.csv").write_text(f"asn,region\nAS{JAPAN_AS},japan\n")
        (made.directory / "policy.yaml").write_text(POLICY)
        yield made


def start(net, *more):
    net.start("--regions", net.directory / "regions.csv", "--egress-every", "1s", *more)


def apply(net):
    answer = trunkline("apply", "-f", net.directory / "policy.yaml", "--server", net.server)
    assert answer.code == 0, answer.err
    net.switches.declare_traffic([TO_JAPAN])


def leaves_by(net, *expected):
    def out():
        return [sorted(place.gateway or place.node for place in one.out_bps) for one in net.switches.traffic()]

    until(lambda: out() == [sorted(expected)], lambda: f"{expected}, it is {out()}")


def cycles(net):
    answer = trunkline("egress", "cycles", "--last", "5", "--server", net.server, "-o", "json")
    return json.loads(answer.out)["cycles"]


def until_settled(net):
    """Wait until a cycle finds nothing to change."""
    until(lambda: [one for one in cycles(net)[-1:] if one["ending"] == "unchanged"], lambda: cycles(net))


@contextmanager
def router(net):
    """A connection to where the newest server listens for routers."""
    port = int(re.findall(r"BMP on 127\.0\.0\.1:(\d+)", net.log.read_text())[-1])
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        yield connection


def tell_all(connection):
    connection.sendall(NORTH.initiation())
    for one in (NORTH, SOUTH):
        told = (one.up(), one.says(TABLE), one.says(end_of_table(4)), one.says(end_of_table(6)))
        connection.sendall(b"".join(told))


def dump(*peers):
    """An MRT file: two prefixes, each reached by all peers."""
    table = mrtlib.TableDump2PeerIndexTableMrtMessage(
        "192.0.2.9", [mrtlib.MrtPeer("192.0.2.9", address, 64_500) for address in peers]
    )
    records = [(1, table)]
    for number, text in enumerate(("198.51.100.0/24", "203.0.113.0/24")):
        entries = [mrtlib.MrtRibEntry(peer, 0, attributes([[64_500, JAPAN_AS]])) for peer in range(len(peers))]
        prefix = prefix_of(text, bgp.IPAddrPrefix)
        records.append((2, mrtlib.TableDump2RibIPv4UnicastMrtMessage(number, prefix, entries)))
    bodies = [(subtype, bytes(message.serialize())) for subtype, message in records]
    return b"".join(struct.pack("!IHHI", 0, 13, subtype, len(body)) + body for subtype, body in bodies)


def test_a_withdrawal_takes_traffic_elsewhere_and_a_restart_leaves_it_there(net):
    start(net, "--bmp", "127.0.0.1:0")
    with router(net) as connection:
        tell_all(connection)
        apply(net)
        leaves_by(net, "igw-n")
        connection.sendall(NORTH.says(update(withdrawn=["198.51.100.0/24"])))
        leaves_by(net, "igw-s")
        # Packets go there before what they have left is taken away.
        until(lambda: any("gateways have lost routes" in one["causes"] for one in cycles(net)), lambda: cycles(net))
        until_settled(net)
        tables = net.tables()
    # Without anybody who tells of routes, prefixes lead where they did.
    net.end()
    start(net, "--bmp", "127.0.0.1:0")
    until_settled(net)
    assert net.tables() == tables
    with router(net) as connection:
        tell_all(connection)
        connection.sendall(SOUTH.says(update(withdrawn=["198.51.100.0/24"])))
        leaves_by(net, "igw-n")


def test_a_feed_that_loses_nearly_all_at_once_is_held_and_the_report_says_so(net):
    many = [f"198.18.{third}.0/24" for third in range(256)]
    start(net, "--bmp", "127.0.0.1:0")
    with router(net) as connection:
        connection.sendall(NORTH.initiation() + NORTH.up(open_message([4]), open_message([4])))
        connection.sendall(NORTH.says(update([*many, "198.51.100.0/24"], systems=[[JAPAN_AS]])))
        connection.sendall(NORTH.says(end_of_table(4)))
        apply(net)
        leaves_by(net, "igw-n")
        connection.sendall(NORTH.says(update(withdrawn=[*many, "198.51.100.0/24"])))
        why = "routes of igw-n (IPv4) are held as they were: 257 of 257 routes gone at once"
        until(lambda: [one for one in cycles(net) if why in one["reasons"]], lambda: cycles(net))
        leaves_by(net, "igw-n")


def feeds(net):
    answer = trunkline("egress", "routes", "--server", net.server, "-o", "json")
    assert answer.code == 0, answer.err
    return {(one["gateway"], one["ipVersion"]): one for one in json.loads(answer.out)["feeds"]}


def test_what_a_held_feed_says_counts_once_it_is_accepted(net):
    many = [f"198.18.{third}.0/24" for third in range(256)]
    start(net, "--bmp", "127.0.0.1:0")
    assert feeds(net) == {}
    with router(net) as connection:
        tell_all(connection)
        connection.sendall(NORTH.says(update(many, systems=[[JAPAN_AS]])))
        apply(net)
        leaves_by(net, "igw-n")
        until(lambda: feeds(net)["igw-n", 4]["routes"] == 258, lambda: feeds(net))
        connection.sendall(NORTH.says(update(withdrawn=[*many, "198.51.100.0/24"])))
        until(lambda: feeds(net)["igw-n", 4]["held"], lambda: feeds(net))
        held, other = feeds(net)["igw-n", 4], feeds(net)["igw-s", 4]
        assert (held["routes"], held["heard"], held["why"]) == (258, 1, "257 of 258 routes gone at once")
        assert (other["state"], other["routes"], other["held"], other["stale"]) == ("LIVE", 2, False, False)

        asked = ("egress", "accept", "igw-n", "--server", net.server)
        assert "nothing to accept" in trunkline(*asked, "--ip", "6").out
        leaves_by(net, "igw-n")
        assert trunkline(*asked).out == "igw-n (IPv4) has 1 route\n"
        leaves_by(net, "igw-s")
        assert not feeds(net)["igw-n", 4]["held"]
        assert "accepted: igw-n (IPv4) has 1 routes" in net.log.read_text()


def test_only_a_gateway_has_feeds_to_accept(net):
    start(net)
    answer = trunkline("egress", "accept", "igw-m", "--server", net.server)
    assert answer.code == 1
    assert "igw-m" in answer.err
    assert "did you mean" in answer.err


def test_a_feed_with_more_routes_than_are_kept_stays_as_it_was(net):
    start(net, "--bmp", "127.0.0.1:0", "--max-routes", "5", "--bmp-policy", "post")
    after = Router("192.0.2.1", is_post_policy=True), Router("192.0.2.65", is_post_policy=True)
    with router(net) as connection:
        connection.sendall(b"".join((NORTH.initiation(), NORTH.up(open_message([4])), SOUTH.up(open_message([4])))))
        connection.sendall(b"".join((*(one.says(TABLE) for one in after), NORTH.says(update(["10.0.0.0/8"])))))
        connection.sendall(b"".join(one.says(end_of_table(4)) for one in after))
        apply(net)
        leaves_by(net, "igw-n")
        assert {one["routes"] for one in feeds(net).values()} == {2}
        many = [f"100.64.{number}.0/24" for number in range(4)]
        connection.sendall(after[0].says(update(many, systems=[[JAPAN_AS]])))
        until(lambda: feeds(net)["igw-n", 4]["tooMany"], lambda: feeds(net))
        connection.sendall(after[0].says(update(withdrawn=["198.51.100.0/24"])))
        refused = trunkline("egress", "accept", "igw-n", "--server", net.server)
        assert "says more than 5 routes" in refused.err
        assert "TABLE_FULL" in refused.err
        leaves_by(net, "igw-n")
        assert "serve --bmp-policy pre" in net.log.read_text()


@pytest.mark.parametrize("value", ["0", "5,0", "1e6", "-1", "5,", "many"])
def test_a_limit_that_is_none_is_refused(value):
    answer = trunkline("serve", "-t", GATEWAYS, "--max-routes", value)
    assert answer.code == 1
    assert "is neither EACH nor EACH,ALL" in answer.err


def test_a_router_that_goes_leaves_its_routes(net):
    start(net, "--bmp", "127.0.0.1:0")
    with router(net) as connection:
        tell_all(connection)
        apply(net)
        leaves_by(net, "igw-n")
        tables = net.tables()
    until(lambda: "closed the connection" in net.log.read_text(), "the server to notice")
    assert net.tables() == tables


def test_routes_from_files_are_the_gateways_by_address_or_by_name(net):
    south = net.directory / "south.mrt"
    south.write_bytes(dump("192.0.2.65"))
    start(net, "--rib", south)
    apply(net)
    leaves_by(net, "igw-s")
    net.end()
    named = net.directory / "whose.mrt"
    named.write_bytes(dump("10.0.0.1"))
    start(net, "--rib", f"igw-n={named}")
    leaves_by(net, "igw-n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rib", "igw-x={dump}"), "igw-x"),
        (("--rib", "{dump}"), "none of its peers (10.0.0.1) is the next hop of a gateway"),
        (("--regions", "{dump}"), "dump.mrt"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_starts(tmp_path, arguments, words):
    file = tmp_path / "dump.mrt"
    file.write_bytes(dump("10.0.0.1"))
    given = [argument.format(dump=file) for argument in arguments]
    answer = trunkline("serve", "-t", GATEWAYS, "--state", tmp_path / "state.db", *given)
    assert answer.code == 1
    assert words in answer.err
    assert not (tmp_path / "state.db").exists()
