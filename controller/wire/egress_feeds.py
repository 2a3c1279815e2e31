"""Feeds of routes -> ``trunkline.v1`` messages."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from controller.service.egress.routing import FeedView
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb


def feed_to_wire(view: FeedView) -> pb.RouteFeed:
    age = Duration()
    age.FromNanoseconds(round(view.since_s * 1e9))
    return pb.RouteFeed(
        gateway=view.feed.gateway,
        ip_version=view.feed.version,
        source=view.source,
        state=view.state,
        state_age=age,
        routes=view.routes,
        heard=view.heard,
        held=view.held,
        stale=view.stale,
        why=view.why,
        too_many=view.too_many,
    )
