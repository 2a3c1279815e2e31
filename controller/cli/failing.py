"""From errors to messages and exit codes: 0 done, 1 error, 2 the plan has infeasible intents, or something differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
import grpc

from controller.cli.output import note
from controller.cli.words import refusal_words
from controller.documents import Located
from controller.domain.errors import Fault, InvalidInput, TrunklineError
from controller.domain.kinds import Intent
from controller.wire.errors import RemoteError

EXIT_ERROR = 1
EXIT_INFEASIBLE = 2
EXIT_DIFFERS = 2
EXIT_INTERRUPTED = 130  # as a shell has it: 128 and the number of SIGINT


@contextmanager
def telling(server: str = "", located: Sequence[Located[Intent]] = (), *, offline: str = "") -> Iterator[None]:
    """Errors end the command with a message that says what to do next. Faults of intents that were read from
    files are told with file and line, whoever found them. ``offline`` says how to do without a server."""
    try:
        yield
    except InvalidInput as error:
        _tell_faults(error.faults, located)
        raise SystemExit(EXIT_ERROR) from error
    except TrunklineError as error:
        note(f"error: {error.message} [{error.reason}]")
        raise SystemExit(EXIT_ERROR) from error
    except RemoteError as error:
        _tell_remote(error, server, located, offline)
        raise SystemExit(EXIT_ERROR) from error


def _tell_remote(error: RemoteError, server: str, located: Sequence[Located[Intent]], offline: str) -> None:
    if error.faults:
        _tell_faults(error.faults, located)
        _tell_left_out(error, "faults")
    elif error.plan is not None:
        for line in refusal_words(error.plan):
            note(line)
        _tell_left_out(error, "intents are infeasible; `trunkline plan` tells of all")
        note("error: nothing was changed; --partial applies what is feasible")
    elif error.code is grpc.StatusCode.UNAVAILABLE and error.reason == "UNAVAILABLE":  # a server's would say why
        note(f"error: no Trunkline server answers at {server}: start one (`trunkline serve`), or say where one is")
        note(f"with --server HOST:PORT or the environment variable TRUNKLINE_SERVER{offline}")
    else:
        note(f"error: {error.message} [{error.reason}]")


def _tell_left_out(error: RemoteError, what: str) -> None:
    if error.left_out:
        note(f"and {error.left_out} more {what}")


def _tell_faults(faults: Sequence[Fault], located: Sequence[Located[Intent]]) -> None:
    for fault in faults:
        known = located and not fault.source and fault.field.startswith(("metadata", "spec"))
        note(str(located[fault.document].locate(fault) if known else fault))


def usage(message: str) -> click.UsageError:
    return click.UsageError(message)
