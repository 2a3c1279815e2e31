"""The change that is measured: on every device one cross-connect moves to other slots, and back the next time."""

from __future__ import annotations

from controller.domain.otn import OduType
from controller.domain.rules import Change, ClientEnd, CrossConnect, LineEnd, Owner, cookie

_HERE = LineEnd(port=101, tributary_port=1, slots=tuple(range(1, 10)))
_THERE = LineEnd(port=102, tributary_port=1, slots=tuple(range(11, 20)))


def _through(end: LineEnd) -> CrossConnect:
    return CrossConnect(cookie=cookie(Owner.LINE, 1), number=1, odu=OduType.ODU2E, a=ClientEnd(port=1), z=end)


FIRST = Change(before=None, after=_through(_HERE))
"""Before anything is measured."""
_THERE_AND_BACK = (
    Change(before=_through(_HERE), after=_through(_THERE)),
    Change(before=_through(_THERE), after=_through(_HERE)),
)


def change(number: int) -> Change:
    """The change of this number, from 0, after ``FIRST``."""
    return _THERE_AND_BACK[number % 2]
