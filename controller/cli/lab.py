"""``trunkline lab``: hands over to the package ``lab``, which the controller itself does not know."""

from __future__ import annotations

import os
import sys

import click

from controller.cli.app import trunkline


@trunkline.command(
    short_help="The emulated network (needs root).",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab(arguments: tuple[str, ...]) -> None:
    """The emulated network: lab up, run, verify, fail, exec, status, down (needs root)."""
    os.execv(sys.executable, [sys.executable, "-m", "lab", *arguments])
