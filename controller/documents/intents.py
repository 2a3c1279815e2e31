"""``PrivateLine`` and ``EgressPolicy`` documents to intents, each with the place where it is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from controller.documents.egress import read_policy
from controller.documents.envelope import EGRESS_POLICY, PRIVATE_LINE, open_documents
from controller.documents.faults import FaultLog, refuse_if_faulty
from controller.documents.files import read_file
from controller.documents.located import Located, places, tell
from controller.documents.models import PrivateLineShape
from controller.documents.shape import Document, read_shape
from controller.domain.egress import EgressPolicy
from controller.domain.egress_validation import check_policies, check_policy_values
from controller.domain.intents import Attachment, Avoid, PrivateLine
from controller.domain.kinds import Intent
from controller.domain.topology import PerDirection, Topology
from controller.domain.validation import check_conflicts, check_lines, check_values

LocatedIntent = Located[PrivateLine]
LocatedPolicy = Located[EgressPolicy]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The intents of files, by kind, each kind in the order of the files."""

    lines: tuple[LocatedIntent, ...]
    policies: tuple[LocatedPolicy, ...]

    @property
    def all(self) -> tuple[Located[Intent], ...]:
        """Lines first, as they are planned."""
        return (*self.lines, *self.policies)


def load_all(paths: Iterable[str | os.PathLike[str]]) -> Written:
    """Read intents of every kind from files, all taken together; ``InvalidInput`` with the faults of all of them."""
    return _load(paths, PRIVATE_LINE, EGRESS_POLICY)


def load_intents(paths: Iterable[str | os.PathLike[str]]) -> tuple[LocatedIntent, ...]:
    """Read private lines from files, each of which holds one; as ``load_all``."""
    return _load(paths, PRIVATE_LINE).lines


def read_intents(data: str | bytes, source: str) -> tuple[LocatedIntent, ...]:
    """Return the private lines in a YAML text, in its order; ``InvalidInput`` with every fault in it otherwise.

    ``source`` names the text in faults. Names are not looked up: ``check_intents`` does that.
    """
    return _read([(source, data)], {source: FaultLog(source)}, (PRIVATE_LINE,)).lines


def check_intents(located: Sequence[LocatedIntent], topology: Topology) -> None:
    """Raise ``InvalidInput``, with file and line, when lines do not fit the topology or each other."""
    check_all(Written(lines=tuple(located), policies=()), topology)


def check_all(written: Written, topology: Topology) -> None:
    """Raise ``InvalidInput``, with file and line, when intents do not fit the topology or each other."""
    lines, policies = written.lines, written.policies
    log_of = {one.source: FaultLog(one.source) for one in (*lines, *policies)}
    tell(check_lines([one.intent for one in lines], topology, place=places(lines)), lines, log_of)
    tell(check_policies([one.intent for one in policies], topology, place=places(policies)), policies, log_of)
    refuse_if_faulty(log_of.values())


def _load(paths: Iterable[str | os.PathLike[str]], *kinds: str) -> Written:
    log_of = {source: FaultLog(source) for source in (os.fspath(path) for path in paths)}
    return _read([(source, read_file(source, log)) for source, log in log_of.items()], log_of, kinds)


def _read(texts: Sequence[tuple[str, str | bytes]], log_of: Mapping[str, FaultLog], kinds: tuple[str, ...]) -> Written:
    lines: list[LocatedIntent] = []
    policies: list[LocatedPolicy] = []
    for source, data in texts:
        log = log_of[source]
        if log.count:
            continue
        for document in open_documents(data, log, *kinds):
            where = (log.source, document.index, document.lines)
            if document.kind == PRIVATE_LINE:
                line = _line(document)
                lines += [] if line is None else [Located(line, *where)]
            else:
                policy = read_policy(document)
                policies += [] if policy is None else [Located(policy, *where)]
    for one in lines:
        tell(check_values(one.intent), (one,), log_of)
    for located in policies:
        tell(check_policy_values(located.intent), (located,), log_of)
    tell(check_conflicts([one.intent for one in lines], place=places(lines)), lines, log_of)
    refuse_if_faulty(log_of.values())
    return Written(lines=tuple(lines), policies=tuple(policies))


def _line(document: Document) -> PrivateLine | None:
    shape = read_shape(PrivateLineShape, document.root, "", document)
    if shape is None:
        return None
    spec = shape.spec
    return PrivateLine(
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
