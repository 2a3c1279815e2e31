"""Plans that are kept -> ``trunkline.v1`` messages."""

from __future__ import annotations

from controller.compiler.plan import Verdict
from controller.domain.topology import Topology
from controller.service.outcomes import Planned
from controller.store.records import SavedPlan
from controller.wire.gen.trunkline.v1 import plan_pb2
from controller.wire.gen.trunkline.v1 import saved_plan_pb2 as pb
from controller.wire.intents import timestamp
from controller.wire.names import intent_name
from controller.wire.plans import plan_to_wire, verdict_to_wire


def planned_to_wire(planned: Planned, topology: Topology) -> plan_pb2.Plan:
    """A plan, with the id under which it is kept if it is."""
    message = plan_to_wire(planned.plan, topology)
    saved = planned.saved
    if saved is not None:
        message.plan_id = saved.plan_id
        message.expire_time.CopyFrom(timestamp(saved.expires_at))
        if saved.held_until is not None:
            message.hold_expire_time.CopyFrom(timestamp(saved.held_until))
    return message


def saved_plan_to_wire(saved: SavedPlan) -> pb.SavedPlan:
    placed = {one.line.key: one for one in saved.movement.lines_in}
    return pb.SavedPlan(
        plan_id=saved.plan_id,
        intents=[verdict_to_wire(Verdict(key=intent.key, placed=placed.get(intent.key))) for intent in saved.wanted],
        deletes=map(intent_name, saved.unwanted),
        caller=saved.caller,
        create_time=timestamp(saved.created_at),
        expire_time=timestamp(saved.expires_at),
        hold_expire_time=None if saved.held_until is None else timestamp(saved.held_until),
        apply_time=None if saved.applied_at is None else timestamp(saved.applied_at),
    )
