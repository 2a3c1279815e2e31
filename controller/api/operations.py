"""``trunkline.v1.OperationsService``: requests to use cases, outcomes to answers. No decision is made here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controller.api.answering import answered
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.topology import Topology
from controller.service.brownfield import Brownfield
from controller.service.differing import Differing
from controller.service.egress.drains import Drains
from controller.service.freeze import Freeze
from controller.service.status import StatusService
from controller.wire.gen.trunkline.v1 import operations_pb2 as pb
from controller.wire.gen.trunkline.v1 import operations_pb2_grpc as pb_grpc
from controller.wire.operations import (
    difference_to_wire,
    drain_to_wire,
    foreign_to_wire,
    freeze_to_wire,
    status_to_wire,
)

LONGEST_REASON = 500


class OperationsServicer(pb_grpc.OperationsServiceServicer):
    """See proto/trunkline/v1/operations.proto."""

    def __init__(
        self,
        status: StatusService,
        freeze: Freeze,
        brownfield: Brownfield,
        differing: Differing,
        topology: Topology,
        drains: Drains,
        why_traffic_waits: Callable[[], str],
    ) -> None:
        """``why_traffic_waits``: why it does not move away from a drained gateway for now; empty: it does."""
        self._status = status
        self._freeze = freeze
        self._brownfield = brownfield
        self._differing = differing
        self._drains = drains
        self._why_traffic_waits = why_traffic_waits
        self.topology = topology

    @answered
    async def GetStatus(self, request: pb.GetStatusRequest) -> pb.ServerStatus:  # noqa: N802
        return status_to_wire(await self._status.status(), self._why_traffic_waits())

    @answered
    async def Freeze(self, request: pb.FreezeRequest) -> pb.FreezeState:  # noqa: N802
        _check_reason(request.reason)
        return freeze_to_wire(await self._freeze.press(request.reason))

    @answered
    async def Unfreeze(self, request: pb.UnfreezeRequest) -> pb.FreezeState:  # noqa: N802
        await self._freeze.release()
        return freeze_to_wire(self._freeze.state)

    @answered
    async def DrainGateway(self, request: pb.DrainGatewayRequest) -> pb.DrainState:  # noqa: N802
        _check_reason(request.reason)
        drained = await self._drains.drain(_gateway(request.gateway), request.reason)
        return drain_to_wire(request.gateway, drained, self._why_traffic_waits())

    @answered
    async def UndrainGateway(self, request: pb.UndrainGatewayRequest) -> pb.DrainState:  # noqa: N802
        await self._drains.undrain(_gateway(request.gateway))
        return drain_to_wire(request.gateway, self._drains.get(request.gateway), self._why_traffic_waits())

    @answered
    async def ListForeignRules(self, request: pb.ListForeignRulesRequest) -> pb.ListForeignRulesResponse:  # noqa: N802
        listing = await self._brownfield.listing(request.devices)
        return pb.ListForeignRulesResponse(rules=map(foreign_to_wire, listing.rules), unread=listing.unread)

    @answered
    async def AdoptRules(self, request: pb.AdoptRulesRequest) -> pb.AdoptRulesResponse:  # noqa: N802
        listing = await self._brownfield.adopt(_named(request.devices))
        return pb.AdoptRulesResponse(rules=map(foreign_to_wire, listing.rules), unread=listing.unread)

    @answered
    async def ReleaseRules(self, request: pb.ReleaseRulesRequest) -> pb.ReleaseRulesResponse:  # noqa: N802
        return pb.ReleaseRulesResponse(released=await self._brownfield.release(_named(request.devices)))

    @answered
    async def Diff(self, request: pb.DiffRequest) -> pb.DiffResponse:  # noqa: N802
        found = await self._differing.diff(request.devices, repair=request.repair)
        return pb.DiffResponse(devices=map(difference_to_wire, found))


def _named(devices: Sequence[str]) -> Sequence[str]:
    """At least one name: nobody means all by naming none."""
    if not devices:
        raise InvalidInput(
            (Fault(reason=Reason.MISSING_PROPERTY, field="devices", message="is empty: name devices, or - for all"),)
        )
    return devices


def _gateway(name: str) -> str:
    if not name:
        raise InvalidInput(
            (Fault(reason=Reason.MISSING_PROPERTY, field="gateway", message="is empty: name a gateway"),)
        )
    return name


def _check_reason(reason: str) -> None:
    if len(reason) > LONGEST_REASON:
        raise _invalid("reason", f"has {len(reason)} characters: at most {LONGEST_REASON}")
    if not all(letter.isprintable() for letter in reason):
        raise _invalid("reason", "has line breaks or control characters: write it as one line of plain text")


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=field, message=message),))
