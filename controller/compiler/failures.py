"""What fails, as people name it: a link, a node or an SRLG by its name, its kind before it where names are alike."""

from __future__ import annotations

from collections.abc import Sequence

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Topology
from controller.paths.whatif import Element, Failure, single_failures


def failures_to_try(names: Sequence[str], topology: Topology) -> list[tuple[Failure, ...]]:
    """One failure of all that is named, as ``named_failure``; without a name, every single failure."""
    return [named_failure(names, topology)] if names else [(one,) for one in single_failures(topology)]


def named_failure(names: Sequence[str], topology: Topology) -> tuple[Failure, ...]:
    """What the names mean, each thing once. ``InvalidInput``, with fields ``fail[0]``, ``fail[1]`` ..., for a name that
    nothing has, or that several things have; ``link/NAME``, ``node/NAME`` and ``srlg/NAME`` say which is meant."""
    known = {
        Element.LINK: topology.link.keys(),
        Element.NODE: topology.node.keys(),
        Element.SRLG: topology.srlgs,
    }
    meant: dict[Failure, None] = {}
    faults = []
    for index, text in enumerate(names):
        kinds, name = _read(text)
        found = [Failure(element=kind, name=name) for kind in kinds if name in known[kind]]
        if len(found) == 1:
            meant[found[0]] = None
            continue
        field = f"fail[{index}]"
        if found:
            there = " or ".join(map(failure_name, found))
            message = f"{name!r} names several things: write {there}"
            faults.append(Fault(reason=Reason.INVALID_VALUE, field=field, message=message))
        else:
            near = did_you_mean(name, [other for kind in kinds for other in sorted(known[kind])])
            message = f"there is no {_one_of(kinds)} {name[:80]!r} in the topology{near}"
            faults.append(Fault(reason=Reason.REFERENCE_NOT_FOUND, field=field, message=message))
    if faults:
        raise InvalidInput(tuple(faults))
    return tuple(meant)


def failure_name(failure: Failure) -> str:
    """``link/bj-zz-1``: a name that is never ambiguous."""
    return f"{failure.element}/{failure.name}"


def _read(text: str) -> tuple[tuple[Element, ...], str]:
    """(the kinds it may be of, its name)."""
    kind, slash, name = text.partition("/")
    if slash and kind in set(Element):
        return (Element(kind),), name
    return tuple(Element), text


def _one_of(kinds: Sequence[Element]) -> str:
    words = ["SRLG" if kind is Element.SRLG else str(kind) for kind in kinds]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
