"""Slots and client ports that others use at an OTN node are given to no line."""

from controller.compiler.circuits import Circuits, Stretch
from controller.compiler.undo import UndoLog
from controller.domain.foreign import SlotsInUse
from controller.domain.otn import OduType
from controller.domain.topology import Link, Node, PerDirection, Role, Topology


def link(name, a, z, port, *, odu=None):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=port,
        z_port=port,
        capacity_bps=PerDirection.both(10**10),
        delay_ns=PerDirection.both(1000),
        odu=odu,
    )


EAST = link("in", "pe-a", "o-a", 1)
FIBRE = link("fibre", "o-a", "o-z", 101, odu=OduType.ODU1)
WEST = link("out", "o-z", "pe-z", 2)
ROLES = {"pe-a": Role.PE, "o-a": Role.OTN, "o-z": Role.OTN, "pe-z": Role.PE}
NETWORK = Topology(
    name="line", nodes=tuple(Node(name=name, role=role) for name, role in ROLES.items()), links=(EAST, FIBRE, WEST)
)
ALONG = Stretch(nodes=("o-a", "o-z"), entry="in", exit="out", links=("fibre",))


def test_slots_at_either_end_of_a_link_are_kept_out_of_use():
    for node in FIBRE.a, FIBRE.z:
        circuits = Circuits(NETWORK, UndoLog())
        circuits.set_aside(node, [SlotsInUse(port=101, slots=(1,))])
        assert not circuits.has_room(FIBRE, OduType.ODU1)
        assert circuits.take(OduType.ODU0, ALONG).slots[0].slots == (2,)
        assert not circuits.has_room(FIBRE, OduType.ODU0)


def test_a_client_port_of_somebody_else_is_kept_out_of_use_until_it_is_free():
    circuits = Circuits(NETWORK, UndoLog())
    circuits.set_aside("o-a", [SlotsInUse(port=1)])
    assert not circuits.has_room(EAST, OduType.ODU0)
    assert circuits.has_room(WEST, OduType.ODU0)
    circuits.set_aside("o-a", [])
    assert circuits.has_room(EAST, OduType.ODU0)
