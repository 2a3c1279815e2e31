"""``trunkline.v1.EgressService``: requests to use cases, outcomes to answers. No decision is made here."""

from __future__ import annotations

from collections.abc import AsyncIterator

from controller.api.answering import Stopping, answered, streamed
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.topology import Topology
from controller.service.egress.report import Reports
from controller.wire.egress import cycle_to_wire
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb
from controller.wire.gen.trunkline.v1 import egress_pb2_grpc as pb_grpc


class EgressServicer(pb_grpc.EgressServiceServicer):
    """See proto/trunkline/v1/egress.proto."""

    def __init__(self, reports: Reports, topology: Topology) -> None:
        self._reports = reports
        self.topology = topology

    def end_watches(self) -> None:
        """The server stops."""
        self._reports.end()

    @answered
    async def ListCycles(self, request: pb.ListCyclesRequest) -> pb.ListCyclesResponse:  # noqa: N802
        _check_not_negative("most", request.most)
        reports = self._reports.all
        wanted = reports[-request.most :] if request.most else reports
        return pb.ListCyclesResponse(cycles=map(cycle_to_wire, wanted))

    @streamed
    async def Watch(self, request: pb.WatchCyclesRequest) -> AsyncIterator[pb.Cycle]:  # noqa: N802
        _check_not_negative("after_number", request.after_number)
        async for report in self._reports.watch(request.after_number):
            yield cycle_to_wire(report)
        raise Stopping


def _check_not_negative(field: str, value: int) -> None:
    if value < 0:
        message = f"{value} is negative; 0 means: all there are"
        raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=field, message=message),))
