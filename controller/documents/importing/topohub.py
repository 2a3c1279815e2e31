"""Networks of the Python package topohub (MIT): SNDlib, the Topology Zoo, CAIDA's, by their names there."""

from __future__ import annotations

from importlib.resources import files

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean


def topohub_json(name: str) -> bytes:
    """Return what topohub has by this name (``sndlib/germany50``); ``InvalidInput`` says what would be right."""
    try:
        data = files("topohub") / "data"
    except ModuleNotFoundError as error:
        raise _unknown(name, "nor is topohub installed, which has networks by name (pip install topohub)") from error
    folder, _, rest = name.rpartition("/")
    try:
        return data.joinpath(f"{name}.json").read_bytes()
    except (OSError, ValueError) as error:
        try:
            known = [entry.name.removesuffix(".json") for entry in data.joinpath(folder).iterdir()]
        except (OSError, ValueError):
            known = []
        hint = did_you_mean(rest, known) if folder else ""
        raise _unknown(name, f"nor does topohub have a network of this name, such as sndlib/germany50{hint}") from error


def _unknown(name: str, why: str) -> InvalidInput:
    message = f"there is no file {name!r}, {why}"
    return InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, message=message),))
