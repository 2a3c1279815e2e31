"""``trunkline.v1.IntentService``: requests to use cases, outcomes to answers. No decision is made here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from controller.api.answering import Stopping, answered, streamed
from controller.api.pages import page_start, page_token
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.topology import Topology
from controller.service.inspection import Inspection
from controller.service.intents import IntentService
from controller.service.outcomes import Changed, Fares, Gone, WatchEvent
from controller.wire.errors import in_request
from controller.wire.explanations import described_to_wire, explanation_to_wire
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1 import intent_pb2_grpc as pb_grpc
from controller.wire.intents import fares_to_wire, gone_to_wire, view_to_wire, wanted_from_wire
from controller.wire.names import intent_key, tenant_of
from controller.wire.plans import plan_to_wire

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
        with _fields_of_intents():
            lines = [one.line for one in wanted_from_wire(request.intents)]
            plan = await self._intents.plan(lines, deletes)
        return pb.PlanResponse(plan=plan_to_wire(plan, self.topology))

    @answered
    async def Apply(self, request: pb.ApplyRequest) -> pb.ApplyResponse:  # noqa: N802
        _check_count("intents", len(request.intents), least=1)
        _check_request_id(request.request_id)
        with _fields_of_intents():
            wanted = wanted_from_wire(request.intents)
            applied = await self._intents.apply(
                wanted, request.request_id, partial=request.partial, confirm=_confirmed(request)
            )
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
        applied = await self._intents.delete(keys, request.etag, request.request_id, confirm=_confirmed(request))
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
            with _fields_of_intents():
                found = await self._inspection.explain([one.line for one in wanted_from_wire(request.intents)])
        return pb.ExplainResponse(explanations=map(explanation_to_wire, found))

    @answered
    async def Describe(self, request: pb.DescribeRequest) -> pb.DescribeResponse:  # noqa: N802
        return described_to_wire(await self._inspection.describe(intent_key(request.name, "name")))


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
def _fields_of_intents() -> Iterator[None]:
    """Faults of intents name their fields from the top of the request."""
    try:
        yield
    except InvalidInput as error:
        raise in_request(error) from error


def _check_count(field: str, count: int, least: int, most: int = MOST_INTENTS) -> None:
    if not least <= count <= most:
        raise _invalid(field, f"has {count} entries: {least} to {most} are taken in one request")


def _confirmed(request: pb.ApplyRequest | pb.DeleteRequest) -> int | None:
    return request.confirm if request.HasField("confirm") else None


def _check_request_id(request_id: str) -> None:
    if len(request_id) > LONGEST_REQUEST_ID:
        raise _invalid("request_id", f"has {len(request_id)} characters: at most {LONGEST_REQUEST_ID}")


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=field, message=message),))
