"""Where a command draws: what a picture's file may be called, and what to say when it cannot be drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from controller.cli.failing import usage
from controller.cli.output import note

PLOT: Final = "plot"
"""The output format that is a picture."""
PICTURES: Final = (".svg", ".png")
ENDINGS: Final = " or ".join(PICTURES)

target_option = click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Where -o plot draws: {ENDINGS}.",
)


def check_target(output: str, target: Path | None) -> None:
    """A picture has a file, and nothing else has one. Ends the command where that is not so."""
    if (output == PLOT) != (target is not None):
        raise usage("-o plot and --to FILE belong together")
    if target is not None:
        check_ending(target)


def check_ending(target: Path) -> None:
    if target.suffix not in PICTURES:
        raise usage(f"--to {target}: the name has to end in {ENDINGS}")


@contextmanager
def drawing(target: Path) -> Iterator[None]:
    """Around what draws into a file; afterwards the file is named."""
    try:
        yield
    except ImportError as error:
        raise click.ClickException(f"a picture needs matplotlib: pip install 'trunkline[bench]' ({error})") from error
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from error
    note(f"drawn: {target}")
