"""Whatever comes in, what comes out is a value of the domain or ``InvalidInput``."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controller.documents import LocatedIntent, read_intents, read_topology, yaml_tree
from controller.domain.errors import Fault, InvalidInput
from controller.domain.topology import Topology
from controller.domain.validation import check_values

ROOT = Path(__file__).parents[3]
SEEDS = [
    Path(__file__).with_name("example-topology.yaml").read_text(),
    (ROOT / "topologies/lab-small.yaml").read_text(),
    (ROOT / "intents/lab-small-evpl.yaml").read_text(),
    "apiVersion: trunkline/v1\nkind: PrivateLine\nmetadata: {tenant: t, name: n}\n"
    "spec: {a: {site: a}, z: {site: z}, bandwidth: 1bps}",
]
# What tends to break readers: YAML's own signs, odd scalars, keys of ours in wrong places.
ODD = r"""
{} [] {}: [ ] { } : - ? | > & * ! % @ ` ' " # , --- ... << &a !!str null ~ yes 0x1 01 .nan -.inf 1e999 1:1 -1 0 500 1.5
5ms 5Mbps 1e3 true driver driver: spec name: openflow netconf aToZ {aToZ: \0 \x 9999999999999999999999999999999999999999
"""
BLANKS = ["", "\t", "\r", "\n", "\n  ", "\x85", "\u2028", "\ufeff", "<<: *a"]
FRAGMENTS = st.one_of(st.text(max_size=6), st.sampled_from(ODD.split() + BLANKS))
MUTATIONS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), FRAGMENTS), min_size=1, max_size=6)

# What a value of a document may be, as YAML writes it.
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


def mutated(seed: str, mutations: list[tuple[float, int, str]]) -> str:
    for place, length, fragment in mutations:
        start = int(place * len(seed))
        seed = seed[:start] + fragment + seed[start + length :]
    return seed


def survives(text: str | bytes) -> None:
    """Read a text as either; what is accepted must keep to the rules, what is refused must say why and where."""
    for read in (read_topology, read_intents):
        result, faults = outcome(read, text)
        assert (result is None) == bool(faults)
        assert all(fault.message and fault.source == "fuzz.yaml" for fault in faults)
        assert all(fault.line <= text_lines(text) for fault in faults)
        if isinstance(result, Topology):
            assert all(link.a in result.node and link.z in result.node for link in result.links)
            assert len(result.link) == len(result.links)
        elif result is not None:
            assert result
            assert [fault for located in result for fault in check_values(located.intent)] == []


def outcome(read: Callable, text: str | bytes) -> tuple[Topology | tuple[LocatedIntent, ...] | None, tuple[Fault, ...]]:
    try:
        return read(text, "fuzz.yaml"), ()
    except InvalidInput as refusal:
        return None, refusal.faults


def text_lines(text: str | bytes) -> int:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return len(decoded.splitlines()) + 1


@pytest.fixture(params=["libyaml", "python"], autouse=True, scope="module")
def loader(request: pytest.FixtureRequest) -> Iterator[None]:
    """PyYAML may come without libyaml: its own scanner must do as well."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "python":
            patch.setattr(yaml_tree, "_LOADER", yaml.SafeLoader)
        yield


@settings(deadline=None)
@given(st.sampled_from(SEEDS), MUTATIONS)
def test_mutated_documents(seed: str, mutations: list[tuple[float, int, str]]) -> None:
    survives(mutated(seed, mutations))


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
@example("%YAML 1." + "9" * 5000 + "\n---\n")
@example('"\\UFFFFFFFF"')
@example("\ud800")
def test_random_text(text: str | bytes) -> None:
    survives(text)


@settings(deadline=None)
@given(st.sampled_from(SEEDS[:3]), st.randoms(use_true_random=False), VALUES)
def test_any_value_in_any_place(seed: str, random: Random, value: object) -> None:
    """Well-formed YAML, with a value of any type and shape put at a place chosen at random."""
    documents = list(yaml.safe_load_all(seed))
    places: list[Callable[[], None]] = []

    def visit(node: object) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, inner in items:
            places.append(lambda node=node, key=key: node.__setitem__(key, value))
            visit(inner)

    visit(documents)
    random.choice(places)()
    survives(yaml.safe_dump_all(documents, allow_unicode=True))
