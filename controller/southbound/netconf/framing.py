"""Messages in a stream of bytes: NETCONF 1.0's end mark and 1.1's chunks (RFC 6242). No I/O.

What a device sends is bounded here, before anything reads it: a message beyond the limit ends the session.
"""

from __future__ import annotations

END_OF_MESSAGE = b"]]>]]>"
_LONGEST_HEADER = 13
"""``\\n#`` + at most ten digits + ``\\n``."""


class BadFraming(Exception):
    """These bytes are no NETCONF messages, or one is larger than is taken."""


class Deframer:
    """Feed it what came; it returns the messages that are complete."""

    def __init__(self, most_bytes: int) -> None:
        self.chunked = False
        """Whether both sides have said that they speak 1.1."""
        self._most = most_bytes
        self._waiting = bytearray()
        self._searched = 0
        self._message = bytearray()
        self._missing = 0

    def feed(self, data: bytes) -> list[bytes]:
        """``BadFraming`` for what cannot be; nothing can be fed after that."""
        self._waiting += data
        messages: list[bytes] = []
        while (message := self._chunks() if self.chunked else self._until_mark()) is not None:
            messages.append(message)
            if not self.chunked:
                break  # it may be the hello after which the rest is in chunks
        return messages

    @property
    def held_bytes(self) -> int:
        return len(self._waiting) + len(self._message)

    def _until_mark(self) -> bytes | None:
        end = self._waiting.find(END_OF_MESSAGE, self._searched)
        if end < 0:
            self._searched = max(0, len(self._waiting) - len(END_OF_MESSAGE) + 1)
            self._check(len(self._waiting))
            return None
        self._check(end)
        message = bytes(self._waiting[:end])
        del self._waiting[: end + len(END_OF_MESSAGE)]
        self._searched = 0
        return message

    def _chunks(self) -> bytes | None:
        """Take chunks off the front until one message is complete; ``None`` when more bytes are needed for that."""
        done = 0
        try:
            while True:
                if self._missing:
                    taken = self._waiting[done : done + self._missing]
                    self._message += taken
                    self._missing -= len(taken)
                    done += len(taken)
                    if self._missing:
                        return None
                end = self._waiting.find(b"\n", done + 1, done + _LONGEST_HEADER)
                header = bytes(
                    self._waiting[done : done + _LONGEST_HEADER] if end < 0 else self._waiting[done : end + 1]
                )
                if end < 0:
                    if len(header) >= _LONGEST_HEADER or not _may_begin(header):
                        raise BadFraming(f"{header!r} where a chunk should begin")
                    return None
                done = end + 1
                if header == b"\n##\n":
                    if not self._message:
                        raise BadFraming("a message of no chunks")
                    message, self._message = bytes(self._message), bytearray()
                    return message
                self._missing = _chunk_size(header)
                self._check(len(self._message) + self._missing)
        finally:
            del self._waiting[:done]

    def _check(self, size: int) -> None:
        if size > self._most:
            raise BadFraming(f"a message of more than {self._most} bytes")


def _may_begin(header: bytes) -> bool:
    return not header or (header[:1] == b"\n" and (len(header) < 2 or header[1:2] == b"#"))


def _chunk_size(header: bytes) -> int:
    digits = header[2:-1]
    if header[:2] != b"\n#" or not digits.isdigit() or digits[:1] == b"0":
        raise BadFraming(f"{header!r} where a chunk should begin")
    return int(digits)


def framed(message: bytes, chunked: bool) -> bytes:
    """A message as it goes over the wire."""
    return b"\n#%d\n%s\n##\n" % (len(message), message) if chunked else message + END_OF_MESSAGE
