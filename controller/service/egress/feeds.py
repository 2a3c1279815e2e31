"""Where routes come from, for people: how each feed stands, and what a held one says accepted after all."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from controller.domain.errors import Fault, InvalidInput, Reason, TrunklineError
from controller.domain.routes import Feed
from controller.domain.topology import Topology
from controller.domain.validation import unknown
from controller.service.egress.routing import FeedView, Routing

log = logging.getLogger(__name__)


class Feeds:
    """All feeds of a server. What is accepted counts from the next take-over of routes on, within a second or two; what
    of it takes routes away is urgent there, as a withdrawal is."""

    def __init__(self, topology: Topology, routing: Routing) -> None:
        self._gateways = tuple(gateway.name for gateway in topology.gateways)
        self._routing = routing

    def all(self) -> tuple[FeedView, ...]:
        """By gateway and IP version."""
        return self._routing.feeds()

    def accept(self, gateway: str, versions: Iterable[int]) -> tuple[FeedView, ...]:
        """Have what held feeds of a gateway say count, those of these IP versions; return them as they are now, and
        none if none was held. ``InvalidInput``: there is no such gateway; ``TABLE_FULL``: it says more than is kept."""
        if gateway not in self._gateways:
            fault = unknown("gateway", "gateway", gateway, self._gateways)
            raise InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, field="gateway", message=fault.message),))
        wanted = {Feed(gateway, version) for version in versions}
        held = [view for view in self._routing.feeds() if view.held and view.feed in wanted]
        for view in held:
            if view.too_many:
                raise TrunklineError(Reason.TABLE_FULL, f"{gateway} (IPv{view.feed.version}) {view.why}")
        for view in held:
            log.warning("accepted: %s (IPv%d) has %d routes (%s)", gateway, view.feed.version, view.heard, view.why)
            self._routing.accept(view.feed)
        accepted = {view.feed for view in held}
        return tuple(view for view in self._routing.feeds() if view.feed in accepted)
