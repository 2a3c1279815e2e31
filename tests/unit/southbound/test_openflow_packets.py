"""What of IP packets, ARP and neighbour discovery flows ask for and do, in bytes; and what no flow of ours does."""

import pytest
from openflow_bytes import apply_actions, cut_actions, one_flow
from openflow_rules import ROUTED, SENT, STEERED

from controller.domain.rules import AnswerArp, AnswerNeighbour, GoTo, Opaque, SetClass, SetGroup, Table, key_of
from controller.southbound.driver import FlowCount
from controller.southbound.openflow.actions import decode_instructions, encode_instructions
from controller.southbound.openflow.oxm import NotOurs, decode_match
from controller.southbound.openflow.readback import read_counts

UNTAGGED_IPV4 = "80000a02 0800 80000c02 0000"
UNTAGGED_IPV6 = "80000a02 86dd 80000c02 0000"


@pytest.mark.parametrize(
    "fields",
    [
        f"{UNTAGGED_IPV4} 80001908 0a000000 ff00ff00",  # a mask with a gap
        f"{UNTAGGED_IPV4} 80001908 0a000001 ffffff00",  # host bits
        f"{UNTAGGED_IPV4} 80001908 0a000001 ffffffff",  # a mask for one address
        f"{UNTAGGED_IPV4} 80001908 00000000 00000000",  # and for any
        f"{UNTAGGED_IPV4} 80001708 0a000000 ff00ff00",  # sources by a mask with a gap
        f"{UNTAGGED_IPV4} 80001708 0a000001 ff000000",  # a prefix of theirs with host bits
        f"{UNTAGGED_IPV4} 80001708 0a000001 ffffffff",  # a mask for one of them
        f"{UNTAGGED_IPV4} 80001708 00000005 00000000",
        f"{UNTAGGED_IPV4} 80001603 0a0000",
        f"{UNTAGGED_IPV4} 80001801 0a",
        f"{UNTAGGED_IPV4} 80003610 {'00' * 16}",  # an address of the other version
        f"{UNTAGGED_IPV4} 80001401 06",  # TCP
        f"{UNTAGGED_IPV4} 80000504 00000000",  # a metadata field too short
        f"{UNTAGGED_IPV4} 80000408 0000000000000000",  # all of the metadata
        f"{UNTAGGED_IPV4} 80000510 0000000000000001 000000000000ffff",  # bits that are no group
        f"{UNTAGGED_IPV4} 80000510 0000000000000001 00000000ff000000",  # bits outside the mask
        f"{UNTAGGED_IPV6} 80003e10 {'00' * 16}",  # whatever has a target
        f"{UNTAGGED_IPV6} 80001401 3a 80003a01 88 80003c01 00 80003e10 {'00' * 16}",  # an advertisement
        "80000a02 0806 80000c02 0000 80002a02 0002 80002e04 0a000001",  # an ARP reply
        "80000a02 0806 80000c02 0000 80002e04 0a000001",  # any ARP
        "80000a02 0800 80001804 0a000001",  # in a tag, too
        "80000c02 0000 80002e04 0a000001",
        "80000706 020000000001 02000000",
    ],
)
def test_a_match_on_packets_that_no_rule_of_ours_has_is_not_ours(fields):
    with pytest.raises(NotOurs):
        decode_match(bytes.fromhex(fields))


NOTED = "00020018 00000000"
ANSWERS = {AnswerArp("02:54:4c:00:00:0a"): 9, AnswerNeighbour("02:54:4c:00:00:0a"): 10}
GO_ON = "00010008 03000000"


@pytest.mark.parametrize(
    "instructions",
    [
        "00020010 00000000 0000000000000000",  # write_metadata cut off
        f"{NOTED} 0000000000000005 0000000000ffffff",  # noted, and gone nowhere
        f"{NOTED} 0000000000000005 00000000ffffffff {GO_ON}",  # both class and group
        f"{NOTED} 0000000001000005 0000000000ffffff {GO_ON}",  # more than the mask lets through
        "00050008 00000000",  # clear_actions
        "00010008 63000000",  # goto a table that we do not use
    ],
)
def test_other_instructions_are_opaque(instructions):
    found = decode_instructions(bytes.fromhex(instructions))
    assert isinstance(found[0], Opaque)


def test_a_class_and_a_group_are_noted_apart():
    noted = {SetClass(0x7F): "000000007f000000 00000000ff000000", SetGroup(5): "0000000000000005 0000000000ffffff"}
    for action, value_and_mask in noted.items():
        instructions = bytes.fromhex(f"{NOTED} {value_and_mask} {GO_ON}")
        assert encode_instructions((action, GoTo(Table.STEER))) == instructions
        assert decode_instructions(instructions) == (action, GoTo(Table.STEER))


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_with_a_part_missing_or_changed_is_none(answer):
    parts = [part.hex() for part in cut_actions(encode_instructions((answer,))[8:])]
    assert len(parts) == ANSWERS[answer]
    assert decode_instructions(apply_actions(*parts)) == (answer,)
    for position, part in enumerate(parts):
        for rest in ([], [f"{part[:-2]}ff"]):
            found = decode_instructions(apply_actions(*parts[:position], *rest, *parts[position + 1 :]))
            assert answer not in found
            assert any(isinstance(action, Opaque) for action in found)


def test_counts_of_our_flows_are_read_by_what_identifies_them():
    carried = one_flow(STEERED, s=90, ns=500_000_000, packets=7, bytes=700)
    stranger = one_flow(STEERED, cookie=0x99, packets=9)
    assert list(read_counts([carried + stranger, one_flow(SENT, table=7), one_flow(ROUTED)])) == [
        (key_of(STEERED), FlowCount(bytes=700, packets=7, seconds=90.5)),
        (key_of(ROUTED), FlowCount(bytes=0, packets=0, seconds=0)),
    ]
