"""Lines that are to be placed -> what the path engine is asked for each; and which customer ports they may not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from controller.compiler.attachments import Attachments
from controller.compiler.ends_taken import EndsTaken
from controller.domain.errors import Fault, InvalidInput
from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.kinds import Intent
from controller.domain.topology import Topology
from controller.paths.request import PathRequest, request_for


def line_requests(
    topology: Topology,
    ends_taken: EndsTaken,
    wanted: Sequence[Intent],
    changed: Sequence[PrivateLine],
    unwanted: Sequence[IntentKey],
) -> dict[IntentKey, PathRequest]:
    """Of each line ``changed``, which are among ``wanted``. Raises ``InvalidInput``, with indices in ``wanted``, when a
    customer port is taken or the engine does not know what is asked; ``ValueError`` when something is named twice."""
    index = {intent.key: position for position, intent in enumerate(wanted)}
    if len(index) < len(wanted) or len(set(unwanted)) < len(unwanted) or not index.keys().isdisjoint(unwanted):
        raise ValueError("an intent is named twice")
    moving = {line.key for line in changed} | set(unwanted)
    asked = Attachments()
    requests: dict[IntentKey, PathRequest] = {}
    faults: list[Fault] = []
    for line in changed:
        taken = [
            replace(fault, document=index[line.key])
            for end, attachment in (("a", line.a), ("z", line.z))
            for fault in ends_taken.faults(f"spec.{end}", attachment, line, moving, asked)
        ]
        if not taken:
            asked.hold(line)
        faults += taken
        try:
            requests[line.key] = request_for(line, topology)
        except InvalidInput as error:
            faults += [replace(fault, document=index[line.key]) for fault in error.faults]
    if faults:
        raise InvalidInput(tuple(faults))
    return requests
