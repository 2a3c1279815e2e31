"""What applying a file would change of stored intents, field by field."""

from __future__ import annotations

from dataclasses import replace

from controller.cli.spec_diff import compared_with_stored
from controller.domain.intents import Attachment, Avoid, PrivateLine
from controller.domain.topology import PerDirection

LINE = PrivateLine(
    tenant="acme",
    name="one",
    a=Attachment(site="a1", vlan=100),
    z=Attachment(site="z1", vlan=200),
    cir_bps=PerDirection.both(4_000_000),
)


def fields(wanted, stored=LINE):
    found = compared_with_stored(wanted, stored, carried=True)
    return [(one.name, one.stored_words, one.wanted_words) for one in found.fields]


def test_what_is_new_and_what_is_the_same():
    assert compared_with_stored(LINE, None, carried=False).standing == "new"
    same = compared_with_stored(LINE, LINE, carried=True)
    assert (same.standing, same.differs, same.fields) == ("unchanged", False, ())
    again = compared_with_stored(LINE, LINE, carried=False)
    assert (again.standing, again.differs) == ("not carried", True)


def test_each_field_that_differs_is_named_as_in_the_file():
    wanted = replace(
        LINE,
        cir_bps=PerDirection(5_000_000, 4_000_000),
        max_delay_ns=12_500_000,
        avoid=Avoid(nodes=("p-n", "p-s")),
        z=Attachment(site="z1", vlan=201),
        priority=2,
    )
    assert fields(wanted) == [
        ("spec.z.vlan", "200", "201"),
        ("spec.bandwidth", "4Mbps", "(none)"),
        ("spec.priority", "4", "2"),
        ("spec.bandwidth.aToZ", "(none)", "5Mbps"),
        ("spec.bandwidth.zToA", "(none)", "4Mbps"),
        ("spec.maxDelay", "(none)", "12.5ms"),
        ("spec.avoid.nodes", "(none)", "p-n, p-s"),
    ]
    assert compared_with_stored(wanted, LINE, carried=True).standing == "changed"
