"""A connection to a server, for commands that run once and end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from controller.wire.errors import remote_error
from controller.wire.gen.trunkline.v1 import egress_pb2_grpc, operations_pb2_grpc, path_pb2_grpc
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1 import intent_pb2_grpc as pb_grpc

Request = TypeVar("Request")
Response = TypeVar("Response")

_LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024
_OPTIONS = (
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE_BYTES),
    # A server is near or reached through a tunnel; a proxy for the web, as http_proxy names it, leads to neither.
    ("grpc.enable_http_proxy", 0),
)


class Client:
    """Calls of the APIs. All raise ``RemoteError``."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.stub = pb_grpc.IntentServiceStub(channel)
        self.paths = path_pb2_grpc.PathServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsServiceStub(channel)
        self.egress = egress_pb2_grpc.EgressServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)

    def call(self, method: Callable[[Request], Response], request: Request) -> Response:
        try:
            return method(request)
        except grpc.RpcError as error:
            raise remote_error(error) from error

    def all_intents(self, tenant: str = "-") -> tuple[list[pb.Intent], int]:
        """Every intent of a tenant, or of all, and the revision at which the first page was read."""
        intents: list[pb.Intent] = []
        token, revision = "", None
        while True:
            request = pb.ListRequest(parent=f"tenants/{tenant}", page_size=1000, page_token=token)
            page = self.call(self.stub.List, request)
            intents += page.intents
            revision = page.revision if revision is None else revision
            token = page.next_page_token
            if not token:
                return intents, revision

    def revision(self) -> int:
        """The revision of the store now."""
        return self.call(self.stub.List, pb.ListRequest(parent="tenants/-", page_size=1)).revision

    def serving(self) -> bool:
        """Whether the server has put everything right that an earlier process left, and takes changes."""
        answer = self.call(self._health.Check, health_pb2.HealthCheckRequest())
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def follow(self, call: grpc.CallIterator[Response]) -> Iterator[Response]:
        """What a stream brings, until it ends or is cancelled."""
        try:
            yield from call
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.CANCELLED:
                raise remote_error(error) from error


@contextmanager
def connected(server: str) -> Iterator[Client]:
    """A client of the server at ``HOST:PORT`` or ``unix:PATH``."""
    with grpc.insecure_channel(server, options=_OPTIONS) as channel:
        yield Client(channel)
