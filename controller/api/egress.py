"""``trunkline.v1.EgressService``: requests to use cases, outcomes to answers. No decision is made here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

from controller.api.answering import Stopping, answered, streamed
from controller.compiler.egress_options import sources_named
from controller.domain.egress import TrafficClass
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Topology
from controller.service.egress.feeds import Feeds
from controller.service.egress.quality import MeasuredQuality
from controller.service.egress.report import Reports
from controller.service.egress.showing import Showing
from controller.wire.egress import cycle_to_wire
from controller.wire.egress_feeds import feed_to_wire
from controller.wire.egress_picture import Wanted, picture_to_wire
from controller.wire.egress_quality import measurement_from_wire, qualities_to_wire
from controller.wire.egress_view import reasons_to_wire, simulation_to_wire
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb
from controller.wire.gen.trunkline.v1 import egress_pb2_grpc as pb_grpc

MOST_FAILED: Final = 1_000
MOST_MEASUREMENTS: Final = 10_000
LARGEST_SCALE: Final = 1_000
IP_VERSIONS: Final = (4, 6)


class EgressServicer(pb_grpc.EgressServiceServicer):
    """See proto/trunkline/v1/egress.proto."""

    def __init__(
        self, reports: Reports, showing: Showing, feeds: Feeds, topology: Topology, quality: MeasuredQuality
    ) -> None:
        self._reports = reports
        self._showing = showing
        self._feeds = feeds
        self._quality = quality
        self.topology = topology

    def end_watches(self) -> None:
        """The server stops."""
        self._reports.end()

    @answered
    async def GetAssignments(self, request: pb.GetAssignmentsRequest) -> pb.GetAssignmentsResponse:  # noqa: N802
        traffic_class = _traffic_class(request.traffic_class)
        sources = sources_named(request.source, self.topology) if request.source else ()
        if request.destination:
            self._check_destination(request.destination)
        wanted = Wanted(sources, request.destination, traffic_class)
        picture = await self._showing.picture()
        return await self._showing.apart(
            lambda: picture_to_wire(
                self.topology,
                picture,
                None if request.figures_only else wanted,
                comparison=request.comparison,
            )
        )

    @answered
    async def Why(self, request: pb.WhyRequest) -> pb.WhyResponse:  # noqa: N802
        for field in ("source", "destination"):
            if not getattr(request, field):
                raise _invalid(field, "is missing", Reason.MISSING_PROPERTY)
        traffic_class = _traffic_class(request.traffic_class)
        found = await self._showing.why(request.source, request.destination, traffic_class)
        return pb.WhyResponse(flows=map(reasons_to_wire, found))

    @answered
    async def Simulate(self, request: pb.SimulateRequest) -> pb.SimulateResponse:  # noqa: N802
        if len(request.fail) > MOST_FAILED:
            raise _invalid("fail", f"has {len(request.fail)} entries: at most {MOST_FAILED} can fail together")
        scale = request.scale if request.HasField("scale") else 1.0
        if not 0 < scale <= LARGEST_SCALE:
            raise _invalid("scale", f"{scale:g} is no factor: more than 0, and at most {LARGEST_SCALE}")
        # As it is written: 1.2 is six fifths.
        found = await self._showing.simulate(request.fail, Fraction(str(scale)))
        return await self._showing.apart(lambda: simulation_to_wire(self.topology.name, found))

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

    @answered
    async def ListFeeds(self, request: pb.ListFeedsRequest) -> pb.ListFeedsResponse:  # noqa: N802
        return pb.ListFeedsResponse(feeds=map(feed_to_wire, self._feeds.all()))

    @answered
    async def AcceptFeed(self, request: pb.AcceptFeedRequest) -> pb.AcceptFeedResponse:  # noqa: N802
        if not request.gateway:
            raise _invalid("gateway", "is empty: name a gateway", Reason.MISSING_PROPERTY)
        if request.ip_version not in (0, *IP_VERSIONS):
            raise _invalid("ip_version", f"{request.ip_version} is none: 4 or 6, or 0 for both")
        versions = (request.ip_version,) if request.ip_version else IP_VERSIONS
        return pb.AcceptFeedResponse(accepted=map(feed_to_wire, self._feeds.accept(request.gateway, versions)))

    @answered
    async def ReportMeasurements(self, request: pb.ReportMeasurementsRequest) -> pb.ReportMeasurementsResponse:  # noqa: N802
        count = len(request.measurements)
        if count > MOST_MEASUREMENTS:
            raise _invalid("measurements", f"has {count} entries: at most {MOST_MEASUREMENTS} are taken at a time")
        now_s = self._quality.now_s
        measured = [measurement_from_wire(one, now_s) for one in request.measurements]
        try:
            answers = self._quality.report(measured)
        except InvalidInput as error:
            raise InvalidInput(
                tuple(replace(one, field=f"measurements[{one.document}].{one.field}") for one in error.faults)
            ) from error
        held = [pb.HeldMeasurement(index=index, why=why) for index, why in enumerate(answers) if why]
        return pb.ReportMeasurementsResponse(held=held)

    @answered
    async def ListMeasurements(self, request: pb.ListMeasurementsRequest) -> pb.ListMeasurementsResponse:  # noqa: N802
        return qualities_to_wire(self._quality)

    def _check_destination(self, name: str) -> None:
        abroad = {region for gateway in self.topology.gateways for region, _ in gateway.delays_ns}
        if name not in abroad:
            near = did_you_mean(name, sorted(abroad))
            message = f"no gateway serves a region {name[:80]!r}{near}"
            raise _invalid("destination", message, Reason.REFERENCE_NOT_FOUND)


def _traffic_class(name: str) -> TrafficClass | None:
    """``None``: of all classes."""
    if not name:
        return None
    try:
        return TrafficClass(name)
    except ValueError as error:
        raise _invalid("traffic_class", f"{name[:40]!r} is none of {', '.join(TrafficClass)}") from error


def _check_not_negative(field: str, value: int) -> None:
    if value < 0:
        raise _invalid(field, f"{value} is negative; 0 means: all there are")


def _invalid(field: str, message: str, reason: Reason = Reason.INVALID_VALUE) -> InvalidInput:
    return InvalidInput((Fault(reason=reason, field=field, message=message),))
