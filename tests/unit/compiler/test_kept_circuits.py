"""Plans that are kept, of lines over the optical layer: a hold keeps slots and client ports."""

from controller.compiler.planner import Planner
from controller.domain.intents import Attachment, Isolation, LayerChoice, PrivateLine
from controller.domain.otn import OduType
from controller.domain.topology import Link, NetconfDevice, Node, OpenFlowDevice, PerDirection, Role, Site, Topology

PLAN = "p1"
MBPS = 10**6
NETCONF = NetconfDevice(host="192.0.2.1", port=830, username="trunkline", key_file="id")


def link(name, a, z, port, *, odu=None):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=port,
        z_port=port,
        capacity_bps=PerDirection.both(10**10),
        delay_ns=PerDirection.both(10**6),
        odu=odu,
    )


def network(clients=2):
    """Two PEs, an OTN node at each, an ODU1 (two slots) between these; so many client links at either end."""
    pes = [Node(name=f"pe-{end}", role=Role.PE, device=OpenFlowDevice(datapath_id=n)) for n, end in enumerate("az")]
    nodes = (*pes, *(Node(name=f"o-{end}", role=Role.OTN, device=NETCONF) for end in "az"))
    ends = [link(f"{end}{n}", f"pe-{end}", f"o-{end}", n) for end in "az" for n in range(1, clients + 1)]
    sites = tuple(Site(name=f"at-{end}", node=f"pe-{end}", port=99) for end in "az")
    return Topology(
        name="two", nodes=nodes, links=(*ends, link("fibre", "o-a", "o-z", 101, odu=OduType.ODU1)), sites=sites
    )


def line(vlan, mbps=100):
    return PrivateLine(
        tenant="acme",
        name=f"line{vlan}",
        a=Attachment(site="at-a", vlan=vlan),
        z=Attachment(site="at-z", vlan=vlan),
        cir_bps=PerDirection.both(mbps * MBPS),
        layer=LayerChoice.OTN,
        isolation=Isolation.DEDICATED,
    )


def kept(planner, *wanted, hold):
    plan = planner.plan(wanted)
    assert plan.feasible
    planner.kept.keep(PLAN, plan.movement, hold=hold)
    return plan


def slots_used(planner):
    return {use.slots_used for use in planner.link_use() if use.link == "fibre"}


def test_a_hold_keeps_slots_and_client_ports():
    planner = Planner(network(clients=3))
    plan = kept(planner, line(1), line(2), hold=True)
    assert slots_used(planner) == {2}
    assert not planner.plan([line(3)]).feasible
    assert planner.plan_again(PLAN, [line(1), line(2)], (), plan.movement) == plan
    planner.adopt(planner.plan_again(PLAN, [line(1), line(2)], (), plan.movement), fulfils=PLAN)
    assert slots_used(planner) == {2}


def test_what_a_hold_kept_is_free_when_it_ends():
    planner = Planner(network())
    kept(planner, line(1), line(2), hold=True)
    planner.kept.end_hold(PLAN)
    assert slots_used(planner) == {0}
    assert planner.plan([line(3), line(4)]).feasible


def test_a_client_port_that_others_have_now_makes_a_plan_stale():
    planner = Planner(network())
    plan = kept(planner, line(1), hold=False)
    planner.adopt(planner.plan([line(2)]))
    again = planner.plan_again(PLAN, [line(1)], (), plan.movement)
    (refusal,) = again.verdicts[0].refusals
    assert refusal.reason == "PLAN_STALE"
    assert "a1 has no room for an ODU0" in refusal.message


def test_a_circuit_number_that_others_have_now_does_not():
    planner = Planner(network())
    plan = kept(planner, line(1), hold=False)
    (first,) = plan.movement.lines_in
    # Another line takes the number, and goes elsewhere.
    planner._inventory.circuits._numbers.hold((first.circuits[0].number,))
    (again,) = planner.plan_again(PLAN, [line(1)], (), plan.movement).movement.lines_in
    assert again.circuits[0].number != first.circuits[0].number
    assert again.circuits[0].slots == first.circuits[0].slots


def test_a_hold_of_a_changed_line_keeps_only_what_is_new():
    planner = Planner(network())
    planner.adopt(planner.plan([line(1)]))
    plan = kept(planner, line(1, mbps=200), hold=True)
    assert slots_used(planner) == {1}  # the same circuit holds the new rate
    planner.adopt(planner.plan_again(PLAN, [line(1, mbps=200)], (), plan.movement), fulfils=PLAN)
    assert slots_used(planner) == {1}
