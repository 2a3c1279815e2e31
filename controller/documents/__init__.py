"""What engineers write (YAML) to values of the domain and back, with file, line and field for every fault.

The way of a document: ``files`` (bytes, bounded) -> ``yaml_tree`` (values that remember their lines) -> ``envelope``
(apiVersion and kind) -> ``models`` (shape and quantities) -> ``topology`` or ``intents`` (the domain, references).
"""

from controller.documents.intents import (
    LocatedIntent,
    LocatedPolicy,
    Written,
    check_all,
    check_intents,
    load_all,
    load_intents,
    read_intents,
)
from controller.documents.located import Located
from controller.documents.topology import load_topology, read_topology
from controller.documents.topology_writing import write_topology
from controller.documents.writing import write_intent

__all__ = [
    "Located",
    "LocatedIntent",
    "LocatedPolicy",
    "Written",
    "check_all",
    "check_intents",
    "load_all",
    "load_intents",
    "load_topology",
    "read_intents",
    "read_topology",
    "write_intent",
    "write_topology",
]
