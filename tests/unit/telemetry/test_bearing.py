"""On whose behalf code runs, also where a stream is closed from elsewhere."""

import contextvars

from controller.telemetry.bearing import bearing, caller, request_id


def served():
    with bearing("r-1", "unix:"):
        yield request_id(), caller()


def test_outside_of_a_request_there_is_none():
    with bearing("r-1", "unix:"):
        with bearing("r-2"):
            assert (request_id(), caller()) == ("r-2", "")
        assert (request_id(), caller()) == ("r-1", "unix:")
    assert (request_id(), caller()) == ("", "")


def test_a_stream_that_nobody_reads_any_more_is_closed_in_another_context():
    stream = served()
    assert contextvars.copy_context().run(next, stream) == ("r-1", "unix:")
    contextvars.copy_context().run(stream.close)
    assert (request_id(), caller()) == ("", "")
