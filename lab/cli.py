"""``lab up | run | verify | exec | fail | status | down``: the emulated network for people and scripts."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from controller.domain.units import parse_delay_ns, parse_rate_bps
from lab import launch, requirements
from lab.control import ask
from lab.demo import demo_command
from lab.errors import LabError
from lab.named import DEFAULT_NAME, NamedLab
from lab.places import controller_command


class _Lab(click.Group):
    """Says what went wrong in one line and exits with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise click.ClickException(str(error)) from error


def _quantity(parse: Callable[[str], int]) -> Callable[[str], int]:
    """A type for click: a number with its unit."""

    def quantity(text: str) -> int:
        try:
            return parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return quantity


_TOPOLOGY = click.option(
    "-t", "--topology", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True
)
_CONTROLLER = click.option(
    "--controller",
    metavar="COMMAND",
    default=shlex.join(controller_command()),
    help="The controller to run inside, if not `trunkline serve`: it must listen at /run/trunkline/openflow.sock and "
    "api.sock. An empty text: none.",
)
_LIMIT = click.option("--limit", type=click.FloatRange(min=1), metavar="SECONDS", help="Kill the lab after this time.")
_NAME = click.option("--name", default=DEFAULT_NAME, show_default=True, help="Which lab, when there are several.")
_DIRECTION = click.option("--direction", type=click.Choice(["aToZ", "zToA"]), help="Only this direction of the link.")
_TRAILING = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.group(cls=_Lab)
def lab() -> None:
    """An emulated network in namespaces of its own; nothing of it remains when it ends. Needs root."""


@lab.command()
@_TOPOLOGY
@_NAME
@_CONTROLLER
@_LIMIT
def up(topology: Path, name: str, controller: str, limit: float | None) -> None:
    """Bring a topology and a controller up in the background."""
    requirements.check()
    named = NamedLab(name)
    launch.up(named, topology, controller=controller, limit_s=limit)
    about = ask(named.control_socket, "describe")
    counts = ", ".join(f"{len(about[kind])} {kind}" for kind in ("nodes", "links", "sites"))
    click.echo(f"lab {name} is up: {about['topology']}, {counts}")
    click.echo(f"  controller   export TRUNKLINE_SERVER={named.server}" if controller else _where_to_listen(named))
    click.echo(f"  at a site    lab exec --name {name} --site SITE -- COMMAND")
    click.echo(f"  faults       lab fail --name {name} cut LINK")
    click.echo(f"  log          {named.log}")
    click.echo(f"  end          lab down --name {name}")


def _where_to_listen(named: NamedLab) -> str:
    return f"  controller   none; the switches look for one at unix:{named.directory / 'openflow.sock'}"


@lab.command()
@_NAME
def down(name: str) -> None:
    """End a lab that runs in the background."""
    NamedLab(name).end()
    click.echo(f"lab {name} is down")


@lab.command(context_settings=_TRAILING)
@_TOPOLOGY
@_CONTROLLER
@_LIMIT
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Without COMMAND: apply these intents, measure every line, report.",
)
@click.argument("command", nargs=-1)
def run(
    topology: Path, controller: str, limit: float | None, files: tuple[Path, ...], command: tuple[str, ...]
) -> None:
    """Bring a topology and a controller up, run COMMAND inside, tear all down; exits as COMMAND does."""
    if bool(files) == bool(command):
        raise click.UsageError("give either intents to apply and measure (-f FILE), or a COMMAND to run")
    requirements.check()
    inside = list(command) if command else demo_command(topology, files)
    sys.exit(launch.run_inside(topology, inside, controller=controller, limit_s=limit))


@lab.command()
@_NAME
@click.option("--seconds", type=click.FloatRange(min=0.5), default=10.0, show_default=True, help="Load on each line.")
@click.option("--change-over", is_flag=True, help="Cut the working routes of protected lines, and measure the others.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def verify(name: str, seconds: float, change_over: bool, output: str) -> None:
    """Measure every line that the controller of a lab has placed; exits with 1 when one is not as planned."""
    inside = [sys.executable, "-m", "lab.verifying", "--seconds", str(seconds), "--output", output]
    inside += ["--change-over"] if change_over else []
    sys.exit(launch.enter(NamedLab(name), inside, netns_pid=None))


@lab.command("exec", context_settings=_TRAILING)
@_NAME
@click.option("--site", help="Run at the host of this site.")
@click.option("--node", help="Run in the network namespace of this switch.")
@click.option("--region", help="Run at the host of this region abroad.")
@click.argument("command", nargs=-1, required=True)
def exec_(name: str, site: str | None, node: str | None, region: str | None, command: tuple[str, ...]) -> None:
    """Run COMMAND inside a lab that is up; exits as COMMAND does."""
    named = NamedLab(name)
    pid = None
    if sum(given is not None for given in (site, node, region)) > 1:
        raise LabError("give one of --site, --node and --region")
    for kind, what, wanted in (("sites", "site", site), ("nodes", "node", node), ("abroad", "region abroad", region)):
        if wanted is not None:
            known = ask(named.control_socket, "describe")[kind]
            if wanted not in known:
                raise LabError(f"lab {name} has no such {what}: {wanted}; it has {', '.join(known)}")
            if "pid" not in known[wanted]:
                raise LabError(f"{wanted} is an OTN node: nothing can be run there, ask it over NETCONF")
            pid = known[wanted]["pid"]
    sys.exit(launch.enter(named, command, netns_pid=pid))


@lab.command()
@_NAME
def status(name: str) -> None:
    """Show what is where in a lab, as JSON."""
    click.echo(json.dumps(ask(NamedLab(name).control_socket, "describe"), indent=2))


@lab.command(context_settings=_TRAILING, add_help_option=False)
@click.argument("arguments", nargs=-1)
def demo(arguments: tuple[str, ...]) -> None:
    """Show the main job once, end to end: apply, measure, report, tear down. Without root: simulated."""
    # In place of this process, not as its child: whoever ends this process ends the demo.
    os.execv(sys.executable, [sys.executable, "-m", "lab.demo", *arguments])


@lab.group()
@_NAME
@click.pass_context
def fail(context: click.Context, name: str) -> None:
    """Do harm to a lab that is up, and undo it."""
    context.obj = NamedLab(name).control_socket


@fail.command()
@click.argument("link")
@click.pass_obj
def cut(control: Path, link: str) -> None:
    """Cut a link: no carrier at either end."""
    ask(control, "cut", name=link)


@fail.command()
@click.argument("link")
@click.pass_obj
def restore(control: Path, link: str) -> None:
    """Mend a link that was cut."""
    ask(control, "restore", name=link)


@fail.command()
@click.argument("link")
@click.argument("other")
@click.pass_obj
def swap(control: Path, link: str, other: str) -> None:
    """Exchange the far (z) ends of two links, as a mistake at a patch panel would."""
    ask(control, "swap", name=link, other=other)


@fail.command()
@click.argument("link")
@click.argument("delay", type=_quantity(parse_delay_ns))
@_DIRECTION
@click.pass_obj
def delay(control: Path, link: str, delay: int, direction: str | None) -> None:
    """Set the one-way delay of a link, such as 30ms."""
    ask(control, "delay", name=link, delay_ns=delay, direction=direction)


@fail.command()
@click.argument("link")
@click.argument("rate", type=_quantity(parse_rate_bps))
@_DIRECTION
@click.pass_obj
def rate(control: Path, link: str, rate: int, direction: str | None) -> None:
    """Set the rate of a link, such as 10Mbps."""
    ask(control, "rate", name=link, rate_bps=rate, direction=direction)


@fail.command()
@click.argument("link")
@click.argument("loss", type=click.FloatRange(0, 1))
@_DIRECTION
@click.pass_obj
def loss(control: Path, link: str, loss: float, direction: str | None) -> None:
    """Set the share of frames that a link loses, 0 to 1."""
    ask(control, "loss", name=link, loss=loss, direction=direction)


@fail.command()
@click.argument("node")
@click.pass_obj
def off(control: Path, node: str) -> None:
    """Cut the power of a switch: its rules are lost. An OTN node loses its management, and goes on carrying."""
    ask(control, "off", node=node)


@fail.command()
@click.argument("node")
@click.pass_obj
def on(control: Path, node: str) -> None:
    """Give a node its power back."""
    ask(control, "on", node=node)
