"""A file, or a name of topohub's, to a topology."""

from __future__ import annotations

from pathlib import Path

from controller.documents.faults import FaultLog, refuse_if_faulty
from controller.documents.files import MAX_BYTES, read_file
from controller.documents.importing.assembling import Defaults, Imported, assemble
from controller.documents.importing.graph import not_readable
from controller.documents.importing.graphml import read_graphml
from controller.documents.importing.node_link import read_node_link
from controller.documents.importing.topohub import topohub_json


def import_topology(file_or_name: str, defaults: Defaults) -> Imported:
    """Read GraphML or node-link JSON, from a file or from topohub; what it is, its first character tells.

    ``InvalidInput`` when it cannot be found or read.
    """
    path = Path(file_or_name)
    if not path.is_file():
        return assemble(read_node_link(topohub_json(file_or_name), file_or_name, path.name), defaults)
    log = FaultLog(file_or_name)
    data = read_file(path, log)
    refuse_if_faulty((log,))
    if len(data) > MAX_BYTES:
        raise not_readable(file_or_name, "a network that we read", f"it is larger than {MAX_BYTES // 1024**2} MiB")
    match data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]:
        case b"<":
            graph = read_graphml(data, file_or_name, path.stem)
        case b"{":
            graph = read_node_link(data, file_or_name, path.stem)
        case _:
            raise not_readable(file_or_name, "a network", "expected GraphML (<...) or node-link JSON ({...)")
    return assemble(graph, defaults)
