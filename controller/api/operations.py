"""``trunkline.v1.OperationsService``: requests to use cases, outcomes to answers. No decision is made here."""

from __future__ import annotations

from collections.abc import Sequence

from controller.api.answering import answered
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.topology import Topology
from controller.service.brownfield import Brownfield
from controller.service.differing import Differing
from controller.service.freeze import Freeze
from controller.service.status import StatusService
from controller.wire.gen.trunkline.v1 import operations_pb2 as pb
from controller.wire.gen.trunkline.v1 import operations_pb2_grpc as pb_grpc
from controller.wire.operations import difference_to_wire, foreign_to_wire, freeze_to_wire, status_to_wire

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
    ) -> None:
        self._status = status
        self._freeze = freeze
        self._brownfield = brownfield
        self._differing = differing
        self.topology = topology

    @answered
    async def GetStatus(self, request: pb.GetStatusRequest) -> pb.ServerStatus:  # noqa: N802
        return status_to_wire(await self._status.status())

    @answered
    async def Freeze(self, request: pb.FreezeRequest) -> pb.FreezeState:  # noqa: N802
        if len(request.reason) > LONGEST_REASON:
            raise _invalid("reason", f"has {len(request.reason)} characters: at most {LONGEST_REASON}")
        if not all(letter.isprintable() for letter in request.reason):
            raise _invalid("reason", "has line breaks or control characters: write it as one line of plain text")
        return freeze_to_wire(await self._freeze.press(request.reason))

    @answered
    async def Unfreeze(self, request: pb.UnfreezeRequest) -> pb.FreezeState:  # noqa: N802
        await self._freeze.release()
        return freeze_to_wire(self._freeze.state)

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


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=field, message=message),))
