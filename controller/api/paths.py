"""``trunkline.v1.PathService``: requests to use cases, outcomes to answers. No decision is made here."""

from __future__ import annotations

from collections.abc import AsyncIterator

from controller.api.answering import answered, streamed
from controller.compiler.whatif import Toll
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.path_query import MOST_ALTERNATIVES
from controller.domain.topology import Topology
from controller.service.paths import PathService
from controller.wire.gen.trunkline.v1 import path_pb2 as pb
from controller.wire.gen.trunkline.v1 import path_pb2_grpc as pb_grpc
from controller.wire.paths import answer_to_wire, in_queries, queries_from_wire
from controller.wire.whatif import at_risk_to_wire, impact_to_wire

MOST_QUERIES = 10_000
MOST_ROUTES = 20_000
MOST_FAILED = 1_000


class PathServicer(pb_grpc.PathServiceServicer):
    """See proto/trunkline/v1/path.proto."""

    def __init__(self, paths: PathService, topology: Topology) -> None:
        self._paths = paths
        self.topology = topology

    @answered
    async def ComputePaths(self, request: pb.ComputePathsRequest) -> pb.ComputePathsResponse:  # noqa: N802
        if not 1 <= len(request.queries) <= MOST_QUERIES:
            count = len(request.queries)
            raise _invalid("queries", f"has {count} entries: 1 to {MOST_QUERIES} are taken in one request")
        try:
            queries = queries_from_wire(request.queries)
            routes = sum(min(query.routes, MOST_ALTERNATIVES) for query in queries)
            if routes > MOST_ROUTES:
                raise _invalid("queries", f"ask for {routes} routes together: at most {MOST_ROUTES}; split the request")
            answers = await self._paths.compute(queries, sequential=request.sequential)
        except InvalidInput as error:
            raise in_queries(error) from error
        return pb.ComputePathsResponse(answers=map(answer_to_wire, answers))

    @streamed
    async def WhatIf(self, request: pb.WhatIfRequest) -> AsyncIterator[pb.WhatIfResponse]:  # noqa: N802
        if len(request.fail) > MOST_FAILED:
            raise _invalid("fail", f"has {len(request.fail)} entries: at most {MOST_FAILED} can fail together")
        analysis = await self._paths.what_if(request.fail)
        header = pb.WhatIfHeader(topology=self.topology.name, lines=analysis.lines, failures=analysis.failures)
        yield pb.WhatIfResponse(header=header)
        toll = Toll()
        async for impact in analysis.impacts:
            toll.add(impact)
            yield pb.WhatIfResponse(impact=impact_to_wire(impact, lines=request.lines))
        yield pb.WhatIfResponse(summary=pb.WhatIfSummary(at_risk=map(at_risk_to_wire, toll.at_risk())))


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=field, message=message),))
