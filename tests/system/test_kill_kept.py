"""kill -9 at every step of a kept plan's change, and of a forced delete: as ``test_kill`` does for the plain ones."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from running import KILLS
from running.controllers import called
from running.kill_points import COMMIT_POINT
from running.kill_sample import points_of
from running.kill_scenarios import (
    APPLY,
    CHANGE,
    DELETE,
    Scenario,
    begun,
    check,
    committed,
    kill_during_change,
    steps_of,
)
from running.simulated import simulated

from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1 import saved_plan_pb2
from controller.wire.intents import line_to_wire
from controller.wire.names import intent_name

SHARES = 2


@dataclass(frozen=True, kw_only=True)
class KeptPlan(Scenario):
    """The plan is made first, once for each network; then it is carried out by its id."""

    hold_s: int | None = None
    plan_ids: dict[Path, str] = field(default_factory=dict)

    def change(self, net, request_id):
        if net.directory not in self.plan_ids:
            request = pb.PlanRequest(intents=[line_to_wire(one) for one in self.after], save=True)
            if self.hold_s is not None:
                request.hold.CopyFrom(Duration(seconds=self.hold_s))
            self.plan_ids[net.directory] = called(net.stub.Plan, request).plan.plan_id
        return called(net.stub.Apply, pb.ApplyRequest(plan_id=self.plan_ids[net.directory], request_id=request_id))


@dataclass(frozen=True, kw_only=True)
class ForcedDelete(Scenario):
    def change(self, net, request_id):
        gone = [one for one in self.before if one.name not in {other.name for other in self.after}]
        names = [intent_name(one.key) for one in gone]
        return called(net.stub.Delete, pb.DeleteRequest(names=names, request_id=request_id, force=True))


KEPT = KeptPlan(name="a kept plan", before=APPLY.before, after=APPLY.after, certain=APPLY.certain)
HELD = KeptPlan(name="a held plan", before=APPLY.before, after=APPLY.after, certain=APPLY.certain, hold_s=3600)
FORCED = ForcedDelete(name="a forced delete", before=DELETE.before, after=DELETE.after, certain=DELETE.certain)


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("scenario", [KEPT, FORCED], ids=["kept plan", "forced delete"])
def test_killed_at_any_step_it_is_all_or_nothing(processes, record_property, scenario, share):
    with simulated(processes) as net:
        steps = steps_of(net, scenario)
    points = points_of(steps, scenario.name, share=None)[share::SHARES]
    record_property(KILLS, (scenario.name, len(steps), len(points)))
    for point in points:
        with killed(processes, scenario, point) as net:
            net.start()
            check(net, scenario, changed=committed(steps, point), begun=begun(point))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_hold_lasts_until_the_commit_point_and_no_longer(processes, moment):
    with killed(processes, HELD, (COMMIT_POINT, moment)) as net:
        net.start()
        plan = called(net.stub.ListPlans, saved_plan_pb2.ListPlansRequest()).plans[0]
        assert plan.HasField("hold_expire_time") is (moment == "before")
        assert plan.HasField("apply_time") is (moment == "after")
        if moment == "before":
            with pytest.raises(RemoteError, match="INTERRUPTED"):
                HELD.change(net, CHANGE)
            HELD.change(net, "again")
        check(net, HELD, changed=True, begun=True, request_id="again" if moment == "before" else CHANGE)


@contextmanager
def killed(processes, scenario, point):
    """A network whose controller has been killed at this point of the change."""
    with simulated(processes) as net:
        net.start(kill_points={"request_id": CHANGE, "kill": point})
        net.apply(*scenario.before)
        kill_during_change(net, scenario, point)
        yield net
