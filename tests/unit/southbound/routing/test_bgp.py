"""UPDATEs and attributes, written by os-ken or by hand, read."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running.bmp_router import end_of_table, update

from controller.domain.prefixes import Prefix, parse_prefix
from controller.domain.routes import Path
from controller.southbound.routing.bgp import (
    IPV4,
    IPV6,
    Malformed,
    Update,
    read_path,
    read_prefixes,
    read_update,
)

SYSTEMS = st.integers(1, 2**32 - 1)
SEGMENTS = st.lists(
    st.lists(SYSTEMS, min_size=1, max_size=5) | st.sets(SYSTEMS, min_size=1, max_size=3), min_size=1, max_size=3
)
FOUR = st.builds(
    lambda bits, length: Prefix(4, bits & Prefix(4, 0, length).mask, length),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)
SIX = st.builds(
    lambda bits, length: Prefix(6, bits & Prefix(6, 0, length).mask, length),
    st.integers(0, 2**128 - 1),
    st.integers(0, 128),
)


@given(
    st.lists(FOUR | SIX, max_size=5), st.lists(FOUR | SIX, max_size=5), SEGMENTS, st.lists(st.integers(0, 2**32 - 1))
)
def test_reads_what_another_hand_wrote(
    announced: list[Prefix], withdrawn: list[Prefix], segments: list[list[int] | set[int]], communities: list[int]
) -> None:
    written = bytes(update([*map(str, announced)], [*map(str, withdrawn)], segments, communities).serialize())
    read = read_update(written, 4, "g")
    assert sorted(read.announced) == sorted(announced)
    assert sorted(read.withdrawn) == sorted(withdrawn)
    last = segments[-1]
    path = Path(
        "g",
        last[-1] if isinstance(last, list) else None,
        sum(len(segment) if isinstance(segment, list) else 1 for segment in segments),
        tuple(sorted(communities)),
    )
    assert read.path == (path if announced else None)


@pytest.mark.parametrize("systems", [[1, 514, 3], [512], [1, 2, 513, 512]])
def test_as_numbers_have_the_size_that_is_said_and_none_is_guessed(systems: list[int]) -> None:
    """Read as numbers of 16 bits, these paths make sense, too."""
    written = bytes(update(["10.0.0.0/8"], systems=[systems]).serialize())
    assert read_update(written, 4, "g").path == Path("g", systems[-1], len(systems))


def test_numbers_of_two_bytes_and_the_origin_that_does_not_fit_them() -> None:
    written = bytes(update(["10.0.0.0/8"], systems=[[7, 8]], as_bytes=2).serialize())
    assert read_update(written, 2, "g").path == Path("g", 8, 2)
    narrow = attribute(2, struct.pack("!BBHH", 2, 2, 7, 23456)) + attribute(17, struct.pack("!BBI", 2, 1, 400_000))
    assert read_path(narrow, 2, "g") == Path("g", 400_000, 2)


def test_confederations_do_not_count() -> None:
    """RFC 5065 5.3."""
    value = struct.pack("!BBII", 3, 2, 64_512, 64_513) + struct.pack("!BBII", 2, 2, 1, 2)
    assert read_path(attribute(2, value), 4, "g") == Path("g", 2, 2)


@pytest.mark.parametrize(("version", "family"), [(4, IPV4), (6, IPV6)])
def test_the_end_of_a_table(version: int, family: tuple[int, int]) -> None:
    assert read_update(bytes(end_of_table(version).serialize()), 4, "g") == Update(ends=family)
    assert read_update(bytes(update(withdrawn=["10.0.0.0/8", "fd00::/16"]).serialize()), 4, "g").ends is None


def test_prefixes_whose_path_cannot_be_read_have_none() -> None:
    """RFC 7606: treat as withdrawn, rather than end the session."""
    written = bytearray(update(["10.0.0.0/8"]).serialize())
    where = written.index(bytes((2, 10, 2, 2)))  # the header of AS_PATH, and its segment's
    written[where + 2] = 9
    assert read_update(bytes(written), 4, "g") == Update(announced=(parse_prefix("10.0.0.0/8"),), identifiers=(0,))


@given(
    st.lists(FOUR | SIX, max_size=5),
    st.lists(FOUR | SIX, max_size=5),
    st.sets(st.sampled_from([4, 6])),
    st.integers(1, 2**32 - 1),
)
def test_several_paths_are_told_apart_where_a_version_has_them(announced, withdrawn, several, identifier):
    """Each version as the peers agreed for it."""
    for version in (4, 6):
        here = [[str(one) for one in given if one.version == version] for given in (announced, withdrawn)]
        numbered = identifier if version in several else None
        written = bytes(update(*here, identifier=numbered).serialize())
        read = read_update(written, 4, "g", several)
        assert sorted(map(str, read.announced)) == sorted(here[0])
        assert sorted(map(str, read.withdrawn)) == sorted(here[1])
        assert set(read.identifiers) <= {identifier if version in several else 0}
        assert len(read.identifiers) == len(here[0]) + len(here[1])


def test_an_identifier_stands_before_the_prefix_that_it_is_for():
    """RFC 7911 3, byte by byte: path 7 to 10.0.0.0/8 and path 258 to 192.0.2.0/24 are gone."""
    withdrawn = b"\0\0\0\x07\x08\x0a" + b"\0\0\x01\x02\x18\xc0\0\x02"
    body = struct.pack("!H", len(withdrawn)) + withdrawn + b"\0\0"
    message = b"\xff" * 16 + struct.pack("!HB", 19 + len(body), 2) + body
    read = read_update(message, 4, "g", {4})
    assert (read.withdrawn, read.identifiers) == ((parse_prefix("10.0.0.0/8"), parse_prefix("192.0.2.0/24")), (7, 258))
    cut = message[:16] + struct.pack("!HBH", 19 + 2 + 4 + 2, 2, 4) + withdrawn[:4] + b"\0\0"
    with pytest.raises(Malformed, match="within the identifier"):
        read_update(cut, 4, "g", {4})


def test_other_families_are_passed_over() -> None:
    vpn = attribute(14, struct.pack("!HBB4sB", 1, 128, 4, b"\0" * 4, 0) + b"\x70" + b"\0" * 14)
    body = struct.pack("!HH", 0, len(vpn)) + vpn
    message = b"\xff" * 16 + struct.pack("!HB", 19 + len(body), 2) + body
    assert read_update(message, 4, "g") == Update()


@pytest.mark.parametrize(
    ("data", "version"), [(bytes((33, 1, 2, 3, 4, 5)), 4), (bytes((24, 1, 2)), 4), (bytes((129,)) + b"\0" * 17, 6)]
)
def test_prefixes_that_are_none_are_refused(data: bytes, version: int) -> None:
    with pytest.raises(Malformed, match="prefix"):
        list(read_prefixes(data, version))


def test_bits_beyond_the_length_have_no_meaning() -> None:
    assert list(read_prefixes(bytes((12, 10, 0xFF)), 4)) == [parse_prefix("10.240.0.0/12")]


@given(st.data())
def test_whatever_comes_is_read_or_refused_as_malformed(data: st.DataObject) -> None:
    """Nothing else is raised, however bytes are changed, cut or added."""
    whole = bytearray(update(["10.0.0.0/8", "fd00::/16"], ["10.1.0.0/16", "fd01::/16"]).serialize())
    for place in data.draw(st.lists(st.integers(16, len(whole) - 1), max_size=4)):
        whole[place] = data.draw(st.integers(0, 255))
    cut: Sequence[int] = whole[: data.draw(st.integers(0, len(whole)))]
    for message in (bytes(whole), bytes(cut)):
        try:
            read = read_update(message, 4, "g")
        except Malformed:
            continue
        assert all(prefix.bits & ~prefix.mask == 0 for prefix in (*read.announced, *read.withdrawn))


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!BBH", 0xD0, kind, len(value)) + value
