"""What of the network has limited room for internet traffic, and what a change asks of it beyond that."""

from __future__ import annotations

from typing import NamedTuple

from controller.domain.topology import Direction

Resource = tuple[str, Direction | None]
"""What has limited room: a link in a direction, or (``None``) a gateway."""


class Exceeded(NamedTuple):
    """A resource that has more than its room: before, or at most meanwhile and after."""

    resource: Resource
    room_bps: int
    before_bps: int
    most_bps: int

    @property
    def by_the_change(self) -> bool:
        """The change brings more there than there is room for and than there was before."""
        return self.most_bps > max(self.room_bps, self.before_bps)
