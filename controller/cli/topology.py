"""``trunkline topology``: look at a network, check it, make one from what others have published."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import click

from controller.cli.app import output_option, topology_option, trunkline
from controller.cli.failing import EXIT_ERROR, EXIT_INFEASIBLE, telling, usage
from controller.cli.output import Format, emit, note
from controller.cli.topology_words import findings_json, findings_table, topology_json, topology_tables
from controller.cli.words import counted
from controller.compiler.findings import Severity
from controller.compiler.topology_check import check_topology
from controller.documents import load_topology, write_topology
from controller.documents.importing.assembling import Defaults, Imported
from controller.domain.errors import InvalidInput
from controller.domain.topology import Topology
from controller.domain.units import parse_delay_ns, parse_rate_bps

MAPS = (".svg", ".html", ".png")


def _a_number(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    """``nan`` is within every range, as click sees it."""
    if isnan(value):
        raise click.BadParameter("nan is not a number")
    return value


@trunkline.group(short_help="Show, check or import a network.", invoke_without_command=True)
@click.pass_context
def topology(context: click.Context) -> None:
    """Show a network, check it, or make one from what others have published."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@topology.command(short_help="Print a network and draw its map.")
@topology_option(required=False)
@click.option(
    "--map",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Draw a map into this file ({', '.join(MAPS)}) as well.",
)
@output_option
def show(topology_file: Path | None, target: Path | None, output: Format) -> None:
    """Print a network: nodes, links, sites, gateways, totals, and a map of letters.

    -o yaml prints the document itself.
    """
    if target is not None and target.suffix not in MAPS:
        raise usage(f"--map {target}: the name has to end in {', '.join(MAPS[:-1])} or {MAPS[-1]}")
    with telling():
        network = load_topology(_given(topology_file))
    if target is not None:
        _draw(network, target)
    if output is Format.YAML:
        click.echo(write_topology(network), nl=False)
    else:
        emit(output, topology_json(network), topology_tables(network))


@topology.command(short_help="Find what is wrong with a network.")
@topology_option(required=False)
@output_option
def check(topology_file: Path | None, output: Format) -> None:
    """Find what is wrong with a network.

    Errors cannot be so or cannot work; warnings are what whoever runs it should know, such as single points of
    failure. Exit code 2: there are errors; 1: the file cannot be read as a topology; 0: neither.
    """
    path = _given(topology_file)
    try:
        network = load_topology(path)
    except InvalidInput as error:
        # For a script, what is wrong with the document stands where it looks for findings, too.
        if output is not Format.TABLE:
            emit(output, findings_json(path.stem, (), error.faults), lambda _: None)
        with telling():
            raise
    findings = check_topology(network)
    emit(output, findings_json(network.name, findings), findings_table(network, findings))
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise SystemExit(EXIT_INFEASIBLE)


@topology.command("import", short_help="Make a topology file from a published network.")
@click.argument("source", metavar="FILE|NAME")
@click.option("--default-capacity", default="100Gbps", show_default=True, help="Of links whose capacity is not told.")
@click.option(
    "--default-delay", default="1ms", show_default=True, help="Of links of which neither length nor ends are known."
)
@click.option(
    "--route-factor",
    type=click.FloatRange(1, 10),
    callback=_a_number,
    default=1.3,
    show_default=True,
    help="How much longer than the great circle, or the length told, a cable is.",
)
@click.option(
    "--sites", type=click.IntRange(0, 100), default=1, show_default=True, help="Customer sites to add at each node."
)
@click.option(
    "--to", "target", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to write the YAML."
)
def import_(
    source: str, default_capacity: str, default_delay: str, route_factor: float, sites: int, target: Path | None
) -> None:
    """Make a topology file from a published network.

    FILE is GraphML (the Internet Topology Zoo's) or node-link JSON (topohub's, with SNDlib's networks); NAME is one
    of topohub's, such as sndlib/germany50, if that package is installed. What the source does not tell is assumed,
    and every assumption told on standard error and at the head of the file.
    """
    defaults = Defaults(
        capacity_bps=_quantity("--default-capacity", default_capacity),
        delay_ns=_quantity("--default-delay", default_delay),
        route_factor=route_factor,
        sites_per_node=sites,
    )
    from controller.documents.importing.reading import import_topology

    with telling():
        imported = import_topology(source, defaults)
    for line in imported.notes:
        note(line)
    _write(imported, source, target)


def _given(topology_file: Path | None) -> Path:
    if topology_file is None:
        raise usage("a server does not tell its topology yet: give the file that it was started with, -t FILE")
    return topology_file


def _quantity(option: str, text: str) -> int:
    try:
        value = parse_rate_bps(text) if option == "--default-capacity" else parse_delay_ns(text)
    except ValueError as error:
        raise usage(f"{option}: {error}") from error
    if value == 0:
        raise usage(f"{option}: it must be more than 0")
    return value


def _write(imported: Imported, source: str, target: Path | None) -> None:
    text = write_topology(imported.topology, header=[f"Imported from {source}.", "", *imported.notes])
    if target is None:
        click.echo(text, nl=False)
        return
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from error
    about = imported.topology
    in_numbers = (
        f"{counted(len(about.nodes), 'node')}, {counted(len(about.links), 'link')}, {counted(len(about.sites), 'site')}"
    )
    note(f"written: {target} ({in_numbers})")


def _draw(network: Topology, target: Path) -> None:
    from controller.cli.maps.drawing import draw

    try:
        draw(network, target)
    except ImportError as error:
        note(f"error: a PNG needs matplotlib (pip install 'trunkline[bench]'); .svg and .html need nothing: {error}")
        raise SystemExit(EXIT_ERROR) from error
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from error
    note(f"drawn: {target}")
