"""``trunkline completion``: the shell's TAB key."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from controller.cli.app import trunkline


@trunkline.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: eval "$(trunkline completion bash)"
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(trunkline, {}, "trunkline", "_TRUNKLINE_COMPLETE").source())
