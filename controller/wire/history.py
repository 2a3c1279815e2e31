"""What became of an intent -> ``trunkline.v1`` messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controller.documents.spec_fields import spec_fields
from controller.domain.kinds import Intent
from controller.store.records import HistoryEntry
from controller.wire.gen.trunkline.v1 import describe_pb2
from controller.wire.intents import timestamp


def history_to_wire(entries: Iterable[HistoryEntry]) -> Iterator[describe_pb2.HistoryEntry]:
    """Oldest first. The first entry of a generation tells what changed with it; of the oldest generation that is kept,
    that is known only if it is the very first."""
    generation, spec = 0, None
    for entry in entries:
        message = describe_pb2.HistoryEntry(
            revision=entry.revision,
            time=timestamp(entry.at),
            state=entry.state,
            generation=entry.generation,
            request_id=entry.request_id,
            reason=entry.reason,
            message=entry.message,
            caller=entry.caller,
        )
        if entry.spec is not None and entry.generation != generation and (spec is not None or entry.generation == 1):
            message.changes.extend(_changes(spec, entry.spec))
        generation, spec = entry.generation, entry.spec
        yield message


def _changes(before: Intent | None, after: Intent) -> Iterator[describe_pb2.FieldChange]:
    """Field by field, in the words of documents."""
    was, now = ({} if before is None else spec_fields(before)), spec_fields(after)
    for field in dict.fromkeys((*now, *was)):
        if was.get(field, "") != now.get(field, ""):
            yield describe_pb2.FieldChange(field=field, before=was.get(field, ""), after=now.get(field, ""))
