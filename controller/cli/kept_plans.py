"""Plans that a server keeps, listed and released: ``trunkline get plans``, ``trunkline delete plan ID``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from controller.cli.client import Client
from controller.cli.names import shown_name
from controller.cli.output import Format, columns, emit, say
from controller.cli.views import Json, verdict_json
from controller.wire.gen.trunkline.v1 import saved_plan_pb2 as pb

_MOST_NAMED = 3


def show_plans(client: Client, output: Format) -> None:
    """List them, oldest first."""
    plans = list(client.call(client.stub.ListPlans, pb.ListPlansRequest()).plans)

    def words(to: Console) -> None:
        if not plans:
            say(to, "no plans are kept")
            return
        headers = ("plan", "state", "holds until", "kept until", "intents")
        columns(to, headers, [_row(plan) for plan in plans])

    emit(output, {"plans": [_plan_json(plan) for plan in plans]}, words)


def release_plans(client: Client, plan_ids: Sequence[str], output: Format) -> None:
    """Forget plans, and free what they hold."""
    released = [client.call(client.stub.DeletePlan, pb.DeletePlanRequest(plan_id=one)).plan for one in plan_ids]

    def words(to: Console) -> None:
        for plan in released:
            held = ", what it held is free" if plan.HasField("hold_expire_time") else ""
            say(to, f"plan {plan.plan_id} is forgotten{held}")

    emit(output, {"released": [_plan_json(plan) for plan in released]}, words)


def _row(plan: pb.SavedPlan) -> tuple[str, ...]:
    held = _moment(plan.hold_expire_time) if plan.HasField("hold_expire_time") else "-"
    return plan.plan_id, _state(plan), held, _moment(plan.expire_time), ", ".join(_names(plan))


def _state(plan: pb.SavedPlan) -> str:
    if plan.HasField("apply_time"):
        return "applied"
    return "held" if plan.HasField("hold_expire_time") else "saved"


def _names(plan: pb.SavedPlan) -> Iterator[str]:
    names = [f"{verdict.tenant}/{verdict.name}" for verdict in plan.intents]
    names += [f"{shown_name(name)} (delete)" for name in plan.deletes]
    yield from names[:_MOST_NAMED]
    if len(names) > _MOST_NAMED:
        yield f"and {len(names) - _MOST_NAMED} more"


def _moment(moment: Timestamp) -> str:
    return moment.ToDatetime().strftime("%Y-%m-%d %H:%M:%SZ")


def _plan_json(plan: pb.SavedPlan) -> Json:
    shown: Json = {
        "plan": plan.plan_id,
        "state": _state(plan),
        "intents": [verdict_json(verdict) for verdict in plan.intents],
        "deletes": [shown_name(name) for name in plan.deletes],
        "caller": plan.caller,
        "createTime": plan.create_time.ToJsonString(),
        "expires": plan.expire_time.ToJsonString(),
    }
    if plan.HasField("hold_expire_time"):
        shown["holdExpires"] = plan.hold_expire_time.ToJsonString()
    if plan.HasField("apply_time"):
        shown["applyTime"] = plan.apply_time.ToJsonString()
    return shown
