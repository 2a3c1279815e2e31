"""What the values of the options of ``serve`` mean."""

from __future__ import annotations

import re
from pathlib import Path

import click

from controller.cli.app import checked_address


def openflow_address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value.startswith("unix:"):
        return checked_address(value)
    if not value.startswith("tcp:"):
        raise click.BadParameter(f"{value!r} is neither tcp:HOST:PORT nor unix:PATH")
    return "tcp:" + checked_address(value.removeprefix("tcp:"), least_port=0)


def control_address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith("unix:"):
        raise click.BadParameter(f"{value!r} is not unix:PATH")
    return value if value is None else checked_address(value)


def tcp_address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and value.startswith("unix:"):
        raise click.BadParameter(f"{value!r} is not HOST:PORT: this goes over TCP")
    return value if value is None else checked_address(value, least_port=0)


def confirm_above(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int | None, int | None]:
    """(lines, devices); ``None``: no limit."""
    if value == "off":
        return None, None
    found = re.fullmatch(r"(\d{1,9})(?:,(\d{1,9}))?", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is neither LINES, nor LINES,DEVICES, nor off")
    return int(found[1]), None if found[2] is None else int(found[2])


def max_routes(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, int | None]:
    """(of each feed, of all); ``None``: as many as is usual."""
    found = re.fullmatch(r"(\d{1,9})(?:,(\d{1,9}))?", value)
    if found is None or 0 in (int(found[1]), int(found[2] if found[2] is not None else 1)):
        raise click.BadParameter(f"{value!r} is neither EACH nor EACH,ALL: numbers of routes, as in 1500000,5000000")
    return int(found[1]), None if found[2] is None else int(found[2])


def ribs(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str | None, Path], ...]:
    """(gateway, file); ``None``: whose routes they are is told by the peers' addresses."""
    found = [value.partition("=") for value in values]
    return tuple((name, Path(file)) if equals else (None, Path(name)) for name, equals, file in found)


def size(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    """Bytes; 0: off."""
    if value == "off":
        return 0
    found = re.fullmatch(r"(\d{1,6})(KiB|MiB|GiB)", value)
    if found is None or not int(found[1]):
        raise click.BadParameter(f"{value!r} is neither a size (512KiB, 16MiB) nor off")
    return int(found[1]) * {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[found[2]]


def fresh_for(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """Seconds."""
    seconds = None if value == "off" else read_every(context, parameter, value)
    if seconds is None:
        raise click.BadParameter(f"{value!r} is no duration (90s, 10m, 1h)")
    return seconds


def read_every(_context: click.Context, _parameter: click.Parameter, value: str) -> float | None:
    """Seconds; ``None``: off."""
    if value == "off":
        return None
    found = re.fullmatch(r"(\d{1,6})(ms|s|m|h)", value)
    seconds = int(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}[found[2]] if found else 0.0
    if seconds <= 0:
        raise click.BadParameter(f"{value!r} is neither a duration (500ms, 30s, 10m, 1h) nor off")
    return seconds
