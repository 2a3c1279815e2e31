"""``trunkline.v1.IntentService``: requests to use cases, outcomes to answers. No decision is made here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from controller.api.answering import Stopping, answered, streamed
from controller.api.pages import page_start, page_token
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.topology import Topology
from controller.service.inspection import Inspection
from controller.service.intents import IntentService
from controller.service.outcomes import Applied, Changed, Fares, Gone, WatchEvent
from controller.wire.errors import in_request
from controller.wire.explanations import described_to_wire, explanation_to_wire
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1 import intent_pb2_grpc as pb_grpc
from controller.wire.gen.trunkline.v1 import saved_plan_pb2
from controller.wire.history import history_to_wire
from controller.wire.intents import duration_s, fares_to_wire, gone_to_wire, view_to_wire, wanted_from_wire
from controller.wire.names import intent_key, tenant_of
from controller.wire.plans import plan_to_wire
from controller.wire.saved_plans import planned_to_wire, saved_plan_to_wire

DEFAULT_PAGE = 100
LARGEST_PAGE = 1_000
LONGEST_REQUEST_ID = 128
MOST_INTENTS = 20_000
# Each takes some dozen searches, and the planner does nothing else meanwhile.
MOST_EXPLAINED = 100


class IntentServicer(pb_grpc.IntentServiceServicer):
    """See proto/trunkline/v1/intent.proto."""

    def __init__(self, intents: IntentService, inspection: Inspection, topology: Topology) -> None:
        self._intents = intents
        self._inspection = inspection
        self.topology = topology

    @answered
    async def Plan(self, request: pb.PlanRequest) -> pb.PlanResponse:  # noqa: N802
        _check_count("deletes", len(request.deletes), least=0)
        deletes = [intent_key(name, f"deletes[{index}]") for index, name in enumerate(request.deletes)]
        _check_count("intents", len(request.intents), least=0 if deletes else 1)
        with _fields_of(request.intents):
            wanted = [one.intent for one in wanted_from_wire(request.intents)]
            hold_s = duration_s(request.hold) if request.HasField("hold") else None
            planned = await self._intents.plan(wanted, deletes, save=request.save, hold_s=hold_s)
        return pb.PlanResponse(plan=planned_to_wire(planned, self.topology))

    @answered
    async def Apply(self, request: pb.ApplyRequest) -> pb.ApplyResponse:  # noqa: N802
        _check_request_id(request.request_id)
        if request.plan_id:
            return self._applied(await self._apply_plan(request))
        _check_count("intents", len(request.intents), least=1)
        with _fields_of(request.intents):
            applied = await self._intents.apply(
                wanted_from_wire(request.intents),
                request.request_id,
                partial=request.partial,
                force=request.force,
                confirm=_confirmed(request),
            )
        return self._applied(applied)

    async def _apply_plan(self, request: pb.ApplyRequest) -> Applied:
        for field, given in (("intents", len(request.intents) > 0), ("partial", request.partial)):
            if given:
                raise _invalid(field, "stands beside plan_id: a plan is carried out as it was shown, all of it")
        return await self._intents.apply_plan(
            request.plan_id, request.request_id, force=request.force, confirm=_confirmed(request)
        )

    def _applied(self, applied: Applied) -> pb.ApplyResponse:
        plan = None if applied.plan is None else plan_to_wire(applied.plan, self.topology)
        return pb.ApplyResponse(intents=map(view_to_wire, applied.intents), plan=plan)

    @answered
    async def Get(self, request: pb.GetRequest) -> pb.Intent:  # noqa: N802
        return view_to_wire(await self._intents.get(intent_key(request.name, "name")))

    @answered
    async def List(self, request: pb.ListRequest) -> pb.ListResponse:  # noqa: N802
        tenant = tenant_of(request.parent, "parent")
        if request.page_size < 0:
            raise _invalid("page_size", f"{request.page_size} is negative; 0 means {DEFAULT_PAGE}")
        size = min(request.page_size, LARGEST_PAGE) if request.page_size else DEFAULT_PAGE
        views, revision = await self._intents.page(tenant, page_start(request.page_token), size)
        token = page_token(views[-1].record.key) if len(views) == size else ""
        return pb.ListResponse(intents=map(view_to_wire, views), next_page_token=token, revision=revision)

    @answered
    async def Delete(self, request: pb.DeleteRequest) -> pb.DeleteResponse:  # noqa: N802
        _check_count("names", len(request.names), least=1)
        _check_request_id(request.request_id)
        if request.etag and len(request.names) != 1:
            raise _invalid("etag", "is for a single name; delete the intents one by one, or leave it empty")
        keys = [intent_key(name, f"names[{index}]") for index, name in enumerate(request.names)]
        if len(set(keys)) != len(keys):
            raise _invalid("names", "one name stands there twice")
        applied = await self._intents.delete(
            keys, request.etag, request.request_id, force=request.force, confirm=_confirmed(request)
        )
        plan = None if applied.plan is None else plan_to_wire(applied.plan, self.topology)
        return pb.DeleteResponse(plan=plan)

    @streamed
    async def Watch(self, request: pb.WatchRequest) -> AsyncIterator[pb.WatchEvent]:  # noqa: N802
        if request.from_revision < 0:
            raise _invalid("from_revision", "is negative; 0 means: all there is, then what comes")
        async for event in self._intents.watch(request.from_revision):
            yield _event_to_wire(event)
        raise Stopping

    @answered
    async def Explain(self, request: pb.ExplainRequest) -> pb.ExplainResponse:  # noqa: N802
        if request.names and request.intents:
            raise _invalid("intents", "stand beside names: ask for the one or the other")
        if request.names:
            _check_count("names", len(request.names), least=1, most=MOST_EXPLAINED)
            keys = [intent_key(name, f"names[{index}]") for index, name in enumerate(request.names)]
            if len(set(keys)) != len(keys):
                raise _invalid("names", "one name stands there twice")
            found = await self._inspection.explain_there(keys)
        else:
            _check_count("intents", len(request.intents), least=1, most=MOST_EXPLAINED)
            with _fields_of(request.intents):
                found = await self._inspection.explain([one.intent for one in wanted_from_wire(request.intents)])
        return pb.ExplainResponse(explanations=map(explanation_to_wire, found))

    @answered
    async def Describe(self, request: pb.DescribeRequest) -> pb.DescribeResponse:  # noqa: N802
        return described_to_wire(await self._inspection.describe(intent_key(request.name, "name")))

    @answered
    async def ListPlans(self, request: saved_plan_pb2.ListPlansRequest) -> saved_plan_pb2.ListPlansResponse:  # noqa: N802
        return saved_plan_pb2.ListPlansResponse(plans=map(saved_plan_to_wire, self._intents.plans.all()))

    @answered
    async def DeletePlan(self, request: saved_plan_pb2.DeletePlanRequest) -> saved_plan_pb2.DeletePlanResponse:  # noqa: N802
        if not request.plan_id:
            raise _invalid("plan_id", "is empty: say which plan")
        released = await self._intents.plans.release(request.plan_id)
        return saved_plan_pb2.DeletePlanResponse(plan=saved_plan_to_wire(released))

    @answered
    async def Rollback(self, request: saved_plan_pb2.RollbackRequest) -> pb.ApplyResponse:  # noqa: N802
        _check_request_id(request.request_id)
        generation = request.to_generation if request.HasField("to_generation") else None
        if generation is not None and generation < 1:
            raise _invalid("to_generation", f"{generation} is not possible: generations are counted from 1")
        applied = await self._intents.rollback(
            intent_key(request.name, "name"), generation, request.etag, request.request_id, confirm=_confirmed(request)
        )
        return self._applied(applied)

    @answered
    async def GetHistory(self, request: saved_plan_pb2.GetHistoryRequest) -> saved_plan_pb2.GetHistoryResponse:  # noqa: N802
        entries = await self._inspection.history(intent_key(request.name, "name"))
        return saved_plan_pb2.GetHistoryResponse(history=history_to_wire(entries))


def _event_to_wire(event: WatchEvent) -> pb.WatchEvent:
    match event:
        case Changed(view=view):
            return pb.WatchEvent(revision=view.record.revision, intent=view_to_wire(view))
        case Gone(key=key, revision=revision):
            return pb.WatchEvent(revision=revision, intent=gone_to_wire(key, revision))
        case Fares():
            return pb.WatchEvent(assurance=fares_to_wire(event))
        case progress:
            return pb.WatchEvent(
                progress=pb.Progress(
                    request_id=progress.request_id,
                    phase=progress.phase,
                    devices_done=progress.devices_done,
                    devices_total=progress.devices_total,
                )
            )


@contextmanager
def _fields_of(intents: Sequence[pb.Intent]) -> Iterator[None]:
    """Faults of intents name their fields from the top of the request."""
    try:
        yield
    except InvalidInput as error:
        raise in_request(error, [intent.WhichOneof("kind") or "" for intent in intents]) from error


def _check_count(field: str, count: int, least: int, most: int = MOST_INTENTS) -> None:
    if not least <= count <= most:
        raise _invalid(field, f"has {count} entries: {least} to {most} are taken in one request")


def _confirmed(request: pb.ApplyRequest | pb.DeleteRequest | saved_plan_pb2.RollbackRequest) -> int | None:
    return request.confirm if request.HasField("confirm") else None


def _check_request_id(request_id: str) -> None:
    if len(request_id) > LONGEST_REQUEST_ID:
        raise _invalid("request_id", f"has {len(request_id)} characters: at most {LONGEST_REQUEST_ID}")


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=field, message=message),))
