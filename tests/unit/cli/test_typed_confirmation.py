"""A number typed at the terminal: what cannot be one is asked for again."""

from __future__ import annotations

import io
import sys

import grpc
import pytest

from controller.cli.confirming import asked_twice
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("typed", ["99999999999", "-1", "many"])
def test_what_is_no_count_is_asked_for_again(monkeypatch, typed):
    monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n3\n"))
    monkeypatch.setattr(sys, "stderr", Terminal())
    sent = []

    def call(request):
        sent.append(request.confirm if request.HasField("confirm") else None)
        if sent[-1] is None:
            raise RemoteError(grpc.StatusCode.FAILED_PRECONDITION, "CONFIRMATION_REQUIRED", "3 lines", lines=3)
        return "done"

    assert asked_twice(call, pb.ApplyRequest()) == "done"
    assert sent == [None, 3]
