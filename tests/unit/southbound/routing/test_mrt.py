"""Dumps of routing tables: written by os-ken, and by hand where it cannot write what the standard says."""

from __future__ import annotations

import bz2
import gzip
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from os_ken.lib import mrtlib
from os_ken.lib.packet import bgp
from running.bmp_router import attributes, prefix_of

from controller.domain.errors import InvalidInput, Reason
from controller.domain.prefixes import parse_prefix
from controller.domain.routes import Path, Route
from controller.domain.topology import Gateway, NextHop, Topology
from controller.southbound.routing.mrt import load_dump
from controller.southbound.routing.peers import gateways_by_address

GATEWAYS = {"10.9.0.1": "igw-a", "2001:db8::2": "igw-b"}
PEERS = ("10.9.0.1", "2001:db8::2", "10.9.0.77")


def record(kind, subtype, body):
    return struct.pack("!IHHI", 1_700_000_000, kind, subtype, len(body)) + body


def peers(addresses=PEERS):
    entries = [mrtlib.MrtPeer("192.0.2.9", address, 400_000 + place) for place, address in enumerate(addresses)]
    table = mrtlib.TableDump2PeerIndexTableMrtMessage("192.0.2.9", entries, view_name="main")
    return record(13, 1, bytes(table.serialize()))


def routes_to(text, *paths, number=0):
    """By os-ken: ``paths`` are (peer index, AS numbers)."""
    entries = [mrtlib.MrtRibEntry(peer, 1_700_000_000, attributes([systems])) for peer, systems in paths]
    message = mrtlib.TableDump2RibIPv4UnicastMrtMessage(number, prefix_of(text, bgp.IPAddrPrefix), entries)
    return record(13, 2, bytes(message.serialize()))


def entry(peer, systems, path_id=None):
    """By hand: with MP_REACH_NLRI as RFC 6396 4.3.4 has it, the next hop alone."""
    path = struct.pack(f"!BB{len(systems)}I", 2, len(systems), *systems)
    value = bytes((0x40, 2, len(path))) + path + bytes((0x80, 14, 17, 16)) + b"\x20" * 16
    identifier = b"" if path_id is None else struct.pack("!I", path_id)
    return struct.pack("!HI", peer, 1_700_000_000) + identifier + struct.pack("!H", len(value)) + value


def rib(subtype, text, *entries):
    prefix = parse_prefix(text)
    width = 4 if prefix.version == 4 else 16
    packed = prefix.bits.to_bytes(width, "big")[: (prefix.length + 7) // 8]
    return record(
        13, subtype, struct.pack("!IB", 0, prefix.length) + packed + struct.pack("!H", len(entries)) + b"".join(entries)
    )


WHOLE = (
    peers()
    + routes_to("10.0.0.0/8", (0, [1, 2, 3]), (1, [4, 3]), (2, [5, 3]))
    + routes_to("10.1.0.0/16", (2, [5, 3]))
    + rib(4, "2001:db8::/32", entry(0, [1, 514, 3]))
)
ROUTES = (
    Route(parse_prefix("10.0.0.0/8"), Path("igw-a", 3, 3)),
    Route(parse_prefix("10.0.0.0/8"), Path("igw-b", 3, 2)),
    Route(parse_prefix("2001:db8::/32"), Path("igw-a", 3, 3)),
)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_a_dump_is_read_whether_packed_or_not(tmp_path, pack):
    file = tmp_path / "rib"
    file.write_bytes(pack(WHOLE))
    dump = load_dump(file, GATEWAYS)
    assert (dump.gateways, dump.routes, dump.strangers) == (("igw-a", "igw-b"), ROUTES, ("10.9.0.77",))
    assert dump.feeds == (("igw-a", 4), ("igw-a", 6), ("igw-b", 4))


def test_all_is_one_gateways_if_that_is_said_and_the_shortest_path_counts(tmp_path):
    file = tmp_path / "rib"
    file.write_bytes(WHOLE)
    dump = load_dump(file, {}, gateway="igw-c")
    assert {(str(route.prefix), route.path.gateway, route.path.length) for route in dump.routes} == {
        ("10.0.0.0/8", "igw-c", 2),
        ("10.1.0.0/16", "igw-c", 2),
        ("2001:db8::/32", "igw-c", 3),
    }
    assert dump.strangers == ()


def test_several_paths_of_a_peer(tmp_path):
    """RFC 8050: entries with path identifiers."""
    file = tmp_path / "rib"
    entries = (entry(0, [1, 2, 3], path_id=1), entry(0, [4, 3], path_id=2))
    file.write_bytes(peers() + rib(8, "10.0.0.0/8", *entries) + rib(10, "fd00::/16", *entries))
    dump = load_dump(file, GATEWAYS)
    assert [(str(route.prefix), route.path.length) for route in dump.routes] == [("10.0.0.0/8", 2), ("fd00::/16", 2)]


def test_multicast_and_what_else_may_be_in_a_file_is_passed_over(tmp_path):
    file = tmp_path / "rib"
    file.write_bytes(WHOLE + rib(3, "10.2.0.0/16", entry(0, [1])) + record(16, 4, b"whatever") + record(48, 1, b""))
    assert load_dump(file, GATEWAYS).routes == ROUTES


NO_PATH = struct.pack("!HIH", 0, 0, 4) + bytes((0x40, 1, 1, 0))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no table of peers"),
        (b"apiVersion: trunkline/v1\n", "no MRT file"),
        (WHOLE[:-1], "behind record 3: the file ends 1 bytes before the record does"),
        (WHOLE + b"\0" * 5, "behind record 4: the file ends within a header"),
        (gzip.compress(WHOLE, mtime=0)[:-9], "cannot be unpacked"),
        (gzip.compress(WHOLE, mtime=0)[:40] + b"\0" * 40, "cannot be unpacked"),
        (bz2.compress(WHOLE)[:-5], "cannot be unpacked"),
        (b"BZh9" + b"\0" * 40, "cannot be"),
        (routes_to("10.0.0.0/8", (0, [1])), "record 1: has routes, and no table of peers"),
        (peers() + peers(), "record 2: is a second table of peers"),
        (peers(["10.9.0.77"]), "none of its peers (10.9.0.77) is the next hop of a gateway (igw-a at 10.9.0.1"),
        (record(13, 1, peers()[12:-3]), "record 1: is no table of peers"),
        (peers() + routes_to("10.0.0.0/8", (9, [1])), "record 2: has an entry of peer 9, of 3"),
        (peers() + rib(2, "10.0.0.0/8", NO_PATH), "record 2: there is no AS_PATH"),
        (peers() + record(13, 2, struct.pack("!IB", 0, 60) + b"\0" * 9), "record 2: a prefix of IPv4 has 60 bits"),
        (peers() + record(13, 2, struct.pack("!IBBH", 0, 8, 10, 2)), "record 2: ends within an entry"),
        (peers() + record(13, 2, b"\0\0"), "record 2: ends before its prefix"),
        (record(12, 1, b"\0" * 40), "record 1: is of type TABLE_DUMP,"),
        (record(16, 4, b"whatever"), "no table of peers"),
    ],
)
def test_what_is_no_dump_is_refused_with_the_place(tmp_path, content, words):
    file = tmp_path / "rib"
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        load_dump(file, GATEWAYS)
    (fault,) = refused.value.faults
    assert words in fault.message
    assert (fault.source, fault.reason) == (str(file), Reason.INVALID_FORMAT)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="No such file"):
        load_dump(tmp_path / "none", GATEWAYS)
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_dump(tmp_path, GATEWAYS)


@given(st.data())
def test_whatever_a_file_holds_is_read_or_refused(tmp_path_factory, data):
    """Bytes changed, cut or added lead to no other error."""
    content = bytearray(WHOLE)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=5)):
        content[place] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("mrt") / "rib"
    file.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        dump = load_dump(file, GATEWAYS)
    except InvalidInput:
        return
    assert {route.path.gateway for route in dump.routes} <= set(dump.gateways)


def test_gateways_are_known_by_the_addresses_of_their_next_hops():
    gateways = (
        Gateway(name="a", node="n", port=1, capacity_bps=1, next_hop=NextHop(mac="02:00:00:00:00:01", ip="10.9.0.1")),
        Gateway(
            name="b", node="n", port=2, capacity_bps=1, next_hop=NextHop(mac="02:00:00:00:00:02", ip="2001:DB8:0::2")
        ),
        Gateway(name="c", node="n", port=3, capacity_bps=1),
        Gateway(
            name="d",
            node="n",
            port=4,
            capacity_bps=1,
            next_hop=NextHop(mac="02:00:00:00:00:04", ip="10.9.0.4", ip6="2001:db8::4"),
        ),
    )
    topology = Topology(name="n", nodes=(), links=(), gateways=gateways)
    assert gateways_by_address(topology) == {
        "10.9.0.1": "a",
        "2001:db8::2": "b",
        "10.9.0.4": "d",
        "2001:db8::4": "d",
    }
