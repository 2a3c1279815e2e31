"""A network that is steered in memory: entries lead to gateways, and plans move them off those that are away.

What is decided is simple (each source to the first gateway by name that is there); when, why and whether it is carried
out is what the tests are about. The clock is a number.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from controller.compiler.egress import EgressPlan
from controller.compiler.egress_conditions import NOTHING_TAKEN
from controller.compiler.plan import Movement, Plan, Round, RoundKind
from controller.compiler.steering.inputs import SteeringPlan
from controller.domain.egress import TrafficClass
from controller.domain.rules import Change, FlowRule, Match, Table
from controller.domain.steering import DestinationGroup, Entry, Steering
from controller.domain.topology import Gateway, Link, Node, PerDirection, Role, Topology
from controller.service.egress.agenda import Agenda
from controller.service.egress.cycle import EgressCycle, Pace
from controller.service.egress.measuring import MeasuredDemand
from controller.service.egress.report import Losses, Mode, Reports
from controller.service.freeze import Freeze

GBPS = 10**9
GATEWAYS = ("igw-gz", "igw-sh")
SOURCES = ("pe-bj", "pe-xa")
TOPOLOGY = Topology(
    name="small",
    nodes=tuple(Node(name=name, role=Role.PE, region=name) for name in (*SOURCES, "p-gw")),
    links=tuple(
        Link(
            name=f"{name}-gw",
            a=name,
            z="p-gw",
            a_port=1,
            z_port=number,
            capacity_bps=PerDirection.both(100 * GBPS),
            delay_ns=PerDirection.both(1_000_000),
        )
        for number, name in enumerate(SOURCES)
    ),
    gateways=tuple(
        Gateway(name=name, node="p-gw", port=10 + number, capacity_bps=100 * GBPS, delays_ns=(("japan", 5_000_000),))
        for number, name in enumerate(GATEWAYS)
    ),
)


def entry(source, gateway, rate_bps=0):
    return Entry(source=source, group=1, traffic_class=TrafficClass.BULK, gateways=(gateway,), rate_bps=rate_bps)


def rule(one):
    return FlowRule(cookie=1, table=Table.STEER, priority=1, match=Match(group=one.group), actions=())


A_RULE = FlowRule(cookie=1, table=Table.ROUTE, priority=1, match=Match(), actions=())


class SteeringInMemory:
    """``work`` of a cycle. ``failing``: errors that carrying out raises, the next one first."""

    def __init__(self, entries):
        self.steering = Steering(
            groups=(DestinationGroup(number=1, region="japan", gateways=GATEWAYS),), entries=tuple(entries)
        )
        self.policies = []
        self.asked = []
        self.failing = []
        self.carried_out = 0
        self.held = ()
        self.taken = NOTHING_TAKEN
        self.exceeded = ()
        self.memory = 0
        self.prefixes_left = 0
        self.pressed = []
        self.under_way = 0
        self.deciding = asyncio.Lock()
        self.inside = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def standing(self):
        return self.steering, self.policies

    async def plan(self, inputs):
        self.asked.append(inputs)
        there = [name for name in GATEWAYS if name not in inputs.gateways_away]
        entries = tuple(
            one if one.gateways[0] in there or one.source in inputs.nodes_away else replace(one, gateways=(there[0],))
            for one in self.steering.entries
        )
        moved = [(old, new) for old, new in zip(self.steering.entries, entries, strict=True) if old != new]
        rounds = tuple(
            Round(kind=RoundKind.FLIP, changes=((new.source, (Change(before=rule(old), after=rule(new)),)),))
            for old, new in moved
        )
        after = replace(self.steering, entries=entries)
        movement = Movement(steering_out=self.steering, steering_in=after) if moved else Movement()
        self.memory += 1
        written = 0 if inputs.routes_wait else min(self.prefixes_left, inputs.most_route_rules)
        self.prefixes_left -= written
        if written:
            rounds += (
                Round(kind=RoundKind.FLIP, changes=(("pe-xa", (Change(before=None, after=A_RULE),) * written),)),
            )
            movement = Movement(steering_out=self.steering, steering_in=after)
        return SteeringPlan(
            plan=Plan(
                topology="small", verdicts=(), movement=movement, links=(), rounds=rounds, exceeded=self.exceeded
            ),
            egress=EgressPlan(verdicts=(), bps={}, price_ns={}, solved=None, taken=self.taken),
            moved_bps=sum(new.rate_bps for _, new in moved),
            held=self.held,
            memory=self.memory,
            prefixes_left=self.prefixes_left,
        )

    async def steer(self, decide, *, urgent=False):
        self.pressed.append(urgent)
        async with self.deciding:
            plan = await decide()
            if plan.plan.changes_something:
                await self._carry_out(plan)
            return plan

    async def _carry_out(self, plan):
        self.under_way += 1
        assert self.under_way == 1, "two at a time"
        self.inside.set()
        await self.go.wait()
        self.inside.clear()
        self.under_way -= 1
        if self.failing:
            raise self.failing.pop(0)
        self.steering = plan.plan.movement.steering_in
        self.carried_out += 1

    @property
    def leads(self):
        return [one.gateways[0] for one in self.steering.entries]


class MemoryStore:
    async def set_frozen(self, frozen):
        pass


class Here:
    """A cycle with all that it works with. ``clock``: another one than the number ``clock_s``."""

    def __init__(self, mode=Mode.ON, every_s=None, entries=None, agenda=None, clock=None, patience_s=1000.0):
        self.clock_s = 1000.0
        clock = (lambda: self.clock_s) if clock is None else clock
        self.losses = Losses()
        self.device_changed = asyncio.Event()
        self.reads = 0
        self.readable = asyncio.Event()
        self.readable.set()
        given = (
            [entry("pe-bj", "igw-gz", 40 * GBPS), entry("pe-xa", "igw-sh", 10 * GBPS)] if entries is None else entries
        )
        self.work = SteeringInMemory(given)
        self.demand = MeasuredDemand(TOPOLOGY, SOURCES, given)
        self.freeze = Freeze(MemoryStore(), None, lambda: 0.0)
        self.told = []
        self.agenda = Agenda(settle_s=0.02, gap_s=1.0) if agenda is None else agenda
        self.cycle = EgressCycle(
            topology=TOPOLOGY,
            work=self.work,
            demand=self.demand,
            read=self.read,
            away=lambda: self.losses,
            changed=self.changed,
            freeze=self.freeze,
            mode=mode,
            pace=Pace(every_s=every_s, settle_s=0.0, patience_s=patience_s),
            now=lambda: 1_700_000_000.0 + self.clock_s,
            clock=clock,
            reports=Reports(),
            told=self.told.append,
            agenda=self.agenda,
        )

    async def read(self):
        self.reads += 1
        await self.readable.wait()

    async def changed(self):
        await self.device_changed.wait()

    def tell_of_device(self):
        """One came, or went."""
        self.device_changed.set()
        self.device_changed = asyncio.Event()

    def lose(self, *, links=(), gateways=(), unreachable=()):
        self.losses = Losses(links=frozenset(links), gateways=frozenset(gateways), unreachable=frozenset(unreachable))

    async def scheduled(self):
        """The cycle that it is time for."""
        self.agenda.tell(self.clock_s, "it is time", scheduled=True)
        return await self.turn()

    async def turn(self):
        """The cycle that is due, when it is."""
        assert self.agenda.due_s is not None
        self.clock_s = max(self.clock_s, self.agenda.due_s)
        return await self.cycle.turn()
