"""``PrivateLine`` documents to lines, each with the place where it is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from controller.documents.envelope import PRIVATE_LINE, open_documents
from controller.documents.faults import FaultLog, refuse_if_faulty
from controller.documents.files import read_file
from controller.documents.models import PrivateLineShape
from controller.documents.shape import Document, read_shape
from controller.documents.yaml_tree import line_of
from controller.domain.errors import Fault
from controller.domain.intents import Attachment, Avoid, PrivateLine
from controller.domain.topology import PerDirection, Topology
from controller.domain.validation import check_conflicts, check_lines, check_values


@dataclass(frozen=True, slots=True)
class LocatedIntent:
    """An intent and where it is written: ``document`` counts from 0 within ``source``, ``lines`` gives the line of
    every field that is written by its path (``spec.a.vlan``)."""

    intent: PrivateLine
    source: str
    document: int
    lines: Mapping[str, int] = field(repr=False)

    def locate(self, fault: Fault) -> Fault:
        """Return a fault of this intent, found by whomever, with its place: the line of the field, or of the
        nearest thing around it that is written."""
        line = line_of(self.lines, fault.field)
        return replace(fault, source=self.source, line=line, document=self.document)


def load_intents(paths: Iterable[str | os.PathLike[str]]) -> tuple[LocatedIntent, ...]:
    """Read intents from files, all taken together; ``InvalidInput`` with the faults of all of them."""
    log_of = {source: FaultLog(source) for source in (os.fspath(path) for path in paths)}
    return _read([(source, read_file(source, log)) for source, log in log_of.items()], log_of)


def read_intents(data: str | bytes, source: str) -> tuple[LocatedIntent, ...]:
    """Return the intents in a YAML text, in its order; ``InvalidInput`` with every fault in it otherwise.

    ``source`` names the text in faults. Names are not looked up: ``check_intents`` does that.
    """
    return _read([(source, data)], {source: FaultLog(source)})


def check_intents(located: Sequence[LocatedIntent], topology: Topology) -> None:
    """Raise ``InvalidInput``, with file and line, when intents do not fit the topology or each other."""
    log_of = {one.source: FaultLog(one.source) for one in located}
    _tell(check_lines([one.intent for one in located], topology, place=_place(located)), located, log_of)
    refuse_if_faulty(log_of.values())


def _read(texts: Sequence[tuple[str, str | bytes]], log_of: Mapping[str, FaultLog]) -> tuple[LocatedIntent, ...]:
    located = [
        one
        for source, data in texts
        if not log_of[source].count
        for document in open_documents(data, log_of[source], PRIVATE_LINE)
        if (one := _intent(document)) is not None
    ]
    for one in located:
        _tell(check_values(one.intent), (one,), log_of)
    _tell(check_conflicts([one.intent for one in located], place=_place(located)), located, log_of)
    refuse_if_faulty(log_of.values())
    return tuple(located)


def _intent(document: Document) -> LocatedIntent | None:
    shape = read_shape(PrivateLineShape, document.root, "", document)
    if shape is None:
        return None
    spec = shape.spec
    line = PrivateLine(
        tenant=shape.metadata.tenant,
        name=shape.metadata.name,
        a=Attachment(site=spec.a.site, vlan=spec.a.vlan),
        z=Attachment(site=spec.z.site, vlan=spec.z.vlan),
        cir_bps=PerDirection(spec.bandwidth.a_to_z, spec.bandwidth.z_to_a),
        max_delay_ns=spec.max_delay,
        mtu_bytes=spec.mtu,
        protection=spec.protection,
        disjoint=spec.disjoint,
        avoid=Avoid(
            nodes=tuple(spec.avoid.nodes),
            links=tuple(spec.avoid.links),
            srlgs=tuple(spec.avoid.srlgs),
            regions=tuple(spec.avoid.regions),
        ),
        via=tuple(spec.via.nodes),
        objective=spec.objective,
        priority=spec.priority,
        layer=spec.layer,
        isolation=spec.isolation,
    )
    return LocatedIntent(line, document.log.source, document.index, document.lines)


def _tell(faults: Iterable[Fault], located: Sequence[LocatedIntent], log_of: Mapping[str, FaultLog]) -> None:
    """Put faults, whose ``document`` is an index in ``located``, into the logs of their files."""
    for fault in faults:
        placed = located[fault.document].locate(fault)
        log_of[placed.source].add(
            placed.reason, placed.field, placed.message, line=placed.line, document=placed.document
        )


def _place(located: Sequence[LocatedIntent]) -> Callable[[int], str]:
    return lambda index: f"{located[index].source}:{line_of(located[index].lines, 'metadata.name')}"
