"""The command group and the options that commands share."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

from controller.cli.failing import EXIT_ERROR, EXIT_INTERRUPTED
from controller.cli.output import Format, note

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_SERVER = "127.0.0.1:50051"

_HOST_AND_PORT = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.%]+\]):(\d{1,5})")
# Of sun_path in struct sockaddr_un, less the NUL at its end.
_LONGEST_SOCKET_PATH = 107


MODULES = {
    "adopt": "operate",
    "apply": "change",
    "bench": "bench",
    "completion": "complete",
    "delete": "change",
    "describe": "describe",
    "diff": "diff",
    "drain": "drain",
    "egress": "egress",
    "explain": "explain",
    "freeze": "operate",
    "get": "look",
    "history": "rollback",
    "lab": "lab",
    "plan": "plan",
    "rollback": "rollback",
    "status": "operate",
    "topology": "topology",
    "undrain": "drain",
    "watch": "look",
    "whatif": "whatif",
}
"""Where each command stands, in ``controller.cli``. (``serve``, which wires a server together, is in ``__main__``.)"""


class Commands(click.Group):
    """Loads a command when it is used: nobody should wait for what the others import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *MODULES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in MODULES:
            import_module(f"controller.cli.{MODULES[cmd_name]}")
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="trunkline")
@click.pass_context
def trunkline(context: click.Context) -> None:
    """Trunkline: an intent-driven WAN controller.

    `plan` with a topology file (-t) works offline, `serve` is the server, and the others speak with one.
    Exit codes: 0 done, 1 error, 2 a plan has infeasible intents, or something differs.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def checked_address(value: str, least_port: int = 1) -> str:
    """``HOST:PORT`` or ``unix:PATH`` as it is; ``BadParameter`` for anything else, which gRPC and asyncio would
    take for a host name to look up, and have no good words for what comes of that."""
    if value.startswith("unix:"):
        path = value.removeprefix("unix:")
        length = len(os.fsencode(path))
        if 0 < length <= _LONGEST_SOCKET_PATH:
            return value
        raise click.BadParameter(f"the path of a socket has 1 to {_LONGEST_SOCKET_PATH} bytes, {path!r} has {length}")
    found = _HOST_AND_PORT.fullmatch(value)
    if found is None or not least_port <= int(found[2]) < 65536:
        raise click.BadParameter(f"{value!r} is neither HOST:PORT (127.0.0.1:50051, [::1]:50051) nor unix:PATH")
    return value


def server_address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    return checked_address(value)


def output_option(command: Command) -> Command:
    return click.option(
        "-o",
        "--output",
        type=click.Choice([str(choice) for choice in Format]),
        default="table",
        show_default=True,
        callback=_format,
        help="For people, or for scripts.",
    )(command)


def server_option(command: Command) -> Command:
    return click.option(
        "--server",
        envvar="TRUNKLINE_SERVER",
        default=DEFAULT_SERVER,
        show_default=True,
        show_envvar=True,
        metavar="HOST:PORT|unix:PATH",
        callback=server_address,
        help="The server to speak with.",
    )(command)


def topology_option(*, required: bool, help: str = "Topology file.") -> Callable[[Command], Command]:  # noqa: A002
    return click.option(
        "-t",
        "--topology",
        "topology_file",
        required=required,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=help,
    )


def files_option(*, required: bool) -> Callable[[Command], Command]:
    return click.option(
        "-f",
        "--file",
        "files",
        multiple=True,
        required=required,
        type=click.Path(path_type=Path),
        metavar="FILE",
        callback=_standard_input,
        help="File of intents (YAML), - for standard input; may be given several times.",
    )


def _standard_input(_context: click.Context, _parameter: click.Parameter, files: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(Path("/dev/stdin") if str(file) == "-" else file for file in files)


def _format(_context: click.Context, _parameter: click.Parameter, value: str) -> Format:
    return Format(value)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, by default that of the process. Raises ``SystemExit`` unless all went well. A wrong use
    of it is an error like any other (1): 2 says something about a plan."""
    try:
        trunkline.main(arguments, prog_name="trunkline", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(EXIT_ERROR)
    except click.ClickException as error:
        note(f"error: {error.format_message()}")
        sys.exit(EXIT_ERROR)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough; keep Python from complaining about it at exit.
        sys.stdout = None
        sys.exit(EXIT_ERROR)
    except OSError as error:
        # Mostly standard output itself: a full disk.
        note(f"error: {error}")
        sys.exit(EXIT_ERROR)
