"""The gRPC server: intents, paths, operations, egress, health, reflection."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as aio_health  # type: ignore[attr-defined]
from grpc_reflection.v1alpha import reflection

from controller.api.address import check_free
from controller.api.calls import Calls
from controller.api.egress import EgressServicer
from controller.api.garbled import GarbledRequests
from controller.api.intents import IntentServicer
from controller.api.operations import OperationsServicer
from controller.api.paths import PathServicer
from controller.domain.topology import Topology
from controller.service.inspection import Inspection
from controller.service.intents import IntentService
from controller.service.paths import PathService
from controller.telemetry.metrics import Metrics
from controller.wire.gen.trunkline.v1 import (
    egress_pb2,
    egress_pb2_grpc,
    intent_pb2,
    intent_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
    path_pb2,
    path_pb2_grpc,
)

# 20,000 intents are some 3 MB, their plan some 20.
LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024
OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE_BYTES),
    ("grpc.max_send_message_length", LARGEST_MESSAGE_BYTES),
    # A second server on one port would get half of the calls.
    ("grpc.so_reuseport", 0),
)


class ApiServer:
    """Serves on ``HOST:PORT`` or ``unix:PATH``; ``OSError`` from the constructor when it cannot."""

    def __init__(
        self,
        intents: IntentService,
        inspection: Inspection,
        paths: PathService,
        operations: OperationsServicer,
        egress: EgressServicer,
        topology: Topology,
        address: str,
        metrics: Metrics,
    ) -> None:
        check_free(address)
        self._intents = intents
        self._egress = egress
        self._server = grpc.aio.server(interceptors=(Calls(metrics), GarbledRequests()), options=OPTIONS)
        self._health = aio_health.HealthServicer()
        intent_pb2_grpc.add_IntentServiceServicer_to_server(IntentServicer(intents, inspection, topology), self._server)
        path_pb2_grpc.add_PathServiceServicer_to_server(PathServicer(paths, topology), self._server)
        operations_pb2_grpc.add_OperationsServiceServicer_to_server(operations, self._server)
        egress_pb2_grpc.add_EgressServiceServicer_to_server(egress, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        ours = (intent_pb2.DESCRIPTOR, path_pb2.DESCRIPTOR, operations_pb2.DESCRIPTOR, egress_pb2.DESCRIPTOR)
        names = [service.full_name for file in ours for service in file.services_by_name.values()] + [HEALTH]
        self._services = ("", *names)
        reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), self._server)
        try:
            self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error

    async def start(self) -> None:
        """Answer calls; health says NOT_SERVING until ``set_serving``."""
        await self._set(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.start()

    async def set_serving(self) -> None:
        await self._set(health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_s: float) -> None:
        """Take no more calls and let those under way end; those that would not are ended."""
        self._intents.end_watches()
        self._egress.end_watches()
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)

    async def _set(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in self._services:
            await self._health.set(service, status)
