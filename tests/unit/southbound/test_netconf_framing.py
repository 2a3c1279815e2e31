"""Bytes to messages, however they are cut, and nothing that is too large or no NETCONF."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.southbound.netconf.framing import BadFraming, Deframer, framed

MOST = 1_000
messages = st.lists(st.binary(min_size=1, max_size=MOST).filter(lambda text: b"]]>]]>" not in text), max_size=4)


def fed(deframer, data, cuts):
    found, begin = [], 0
    for cut in (*sorted(cuts), len(data)):
        found += deframer.feed(data[begin:cut])
        begin = cut
    while more := deframer.feed(b""):
        found += more
    return found


@given(sent=messages, chunked=st.booleans(), data=st.data())
def test_messages_come_out_however_the_bytes_are_cut(sent, chunked, data):
    stream = b"".join(framed(message, chunked) for message in sent)
    if not chunked and any(message.endswith((b"]", b">")) for message in sent):
        return  # an XML document ends in ">", and then the mark is what follows; other bytes may run into it
    cuts = data.draw(st.sets(st.integers(0, len(stream))))
    deframer = Deframer(MOST)
    deframer.chunked = chunked
    assert fed(deframer, stream, cuts) == sent
    assert deframer.held_bytes == 0


@given(parts=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=8), data=st.data())
def test_a_message_may_come_in_many_chunks(parts, data):
    stream = b"".join(b"\n#%d\n%s" % (len(part), part) for part in parts) + b"\n##\n"
    deframer = Deframer(MOST)
    deframer.chunked = True
    assert fed(deframer, stream, data.draw(st.sets(st.integers(0, len(stream))))) == [b"".join(parts)]


def test_after_the_hello_the_rest_is_in_chunks():
    deframer = Deframer(MOST)
    hello = framed(b"<hello/>", chunked=False)
    assert deframer.feed(hello + framed(b"<a/>", chunked=True)) == [b"<hello/>"]
    deframer.chunked = True
    assert deframer.feed(b"") == [b"<a/>"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_message_beyond_the_limit_ends_it_before_it_is_held(chunked):
    deframer = Deframer(MOST)
    deframer.chunked = chunked
    part = b"\n#100\n" + b"x" * 100 if chunked else b"x" * 100
    for _ in range(MOST // 100):
        deframer.feed(part)
    with pytest.raises(BadFraming, match="more than 1000 bytes"):
        deframer.feed(part)
    assert deframer.held_bytes <= MOST + len(part)


@pytest.mark.parametrize(
    "header", [b"hello", b"\n#0\n", b"\n#05\n", b"\n#x\n", b"\n##\n", b"\n#12345678901234567890", b"\nx"]
)
def test_what_is_no_chunk_ends_it(header):
    deframer = Deframer(MOST)
    deframer.chunked = True
    with pytest.raises(BadFraming):
        deframer.feed(header)


@given(data=st.binary(max_size=300), chunked=st.booleans())
def test_any_bytes_are_messages_or_an_error(data, chunked):
    deframer = Deframer(MOST)
    deframer.chunked = chunked
    try:
        found = deframer.feed(data)
    except BadFraming:
        return
    assert sum(map(len, found)) + deframer.held_bytes <= len(data)
