"""A lab whose switches get what the compiler plans over the real southbound, without a server: lines and policies are
planned, adopted and carried out round by round."""

import asyncio
import threading
from contextlib import ExitStack
from itertools import count

from attached_switches import LIMIT_S, Attached, carry_out

from controller.compiler.planner import Planner
from controller.compiler.steering.inputs import SteeringInputs
from controller.documents import load_topology
from controller.documents.intents import load_all
from controller.domain.topology import OpenFlowDevice
from lab.init import SHARED
from lab.measure.egress import Hosts
from lab.measure.exits import Exit, ExpectedTraffic
from lab.measure.traffic import Listener, Traffic
from lab.network import Lab

SOCKET = SHARED / "openflow.sock"


class SteeredLab:
    """A context manager. ``lab`` and ``planner`` are free to be used."""

    def __init__(self, topology_file):
        self.topology = load_topology(topology_file)
        self.planner = Planner(self.topology)
        self._numbers = count()
        self._stack = ExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._stack.callback(self._end)
        datapaths = {
            node.device.datapath_id: node.name
            for node in self.topology.nodes
            if isinstance(node.device, OpenFlowDevice)
        }
        self._attached = self._run(self._start(datapaths))
        self._stack.callback(lambda: self._run(self._attached.southbound.close()))
        self.lab = self._stack.enter_context(Lab(self.topology, controller=SOCKET))
        self._run(self._attached.until_all_are_here())
        return self

    def __exit__(self, *_):
        self._stack.close()

    def apply(self, *files):
        """Lines and policies, and then what steers."""
        intents = [one.intent for one in load_all(files).all]
        self._carry_out(self.planner.plan(intents))
        return self.steer()

    def steer(self, **inputs):
        """What ``Planner.plan_steering`` decided."""
        decided = self.planner.plan_steering(SteeringInputs(**inputs))
        self._carry_out(decided.plan)
        return decided

    @property
    def hosts(self):
        return Hosts(
            customers={name: host.pid for name, host in self.lab.hosts.items()},
            listeners=[
                Listener(region=name, gateway=gateway, pid=region.pid, interface=interface)
                for name, region in self.lab.abroad.items()
                for gateway, interface in region.interfaces.items()
            ],
        )

    def traffic(self, streams):
        return Traffic(self.hosts.customers, self.hosts.listeners, streams)

    def expected(self, decided):
        """What ``lab verify`` would expect of that decision."""
        site_of = {site.node: site.name for site in self.topology.sites if site.prefixes}
        found = []
        for verdict in decided.egress.verdicts:
            policy = self.planner.policies[verdict.key]
            for source in policy.sources.resolved(self.topology):
                exits = [one for one in verdict.assignments if one.source == source]
                found.append(
                    ExpectedTraffic(
                        policy=f"{policy.tenant}/{policy.name}",
                        site=site_of[source],
                        source=source,
                        region=policy.to_region,
                        traffic_class=policy.traffic_class,
                        destinations=policy.prefixes,
                        exits=tuple(
                            Exit(gateway=one.gateway, rate_bps=one.rate_bps, delay_ns=one.delay_ns, nodes=one.nodes)
                            for one in exits
                        ),
                    )
                )
        return found

    def _carry_out(self, plan):
        assert plan.feasible
        self._run(self._on_devices(plan))
        self.planner.adopt(plan)

    async def _on_devices(self, plan):
        for part in plan.rounds:
            await asyncio.gather(
                *(
                    carry_out(self._attached.driver(device), *changes, txn=f"t{next(self._numbers)}")
                    for device, changes in part.changes
                )
            )

    async def _start(self, datapaths):
        attached = Attached(datapaths)
        await attached.southbound.start(f"unix:{SOCKET}")
        return attached

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(LIMIT_S)

    def _end(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
