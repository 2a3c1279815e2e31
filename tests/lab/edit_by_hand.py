"""``python edit_by_hand.py DIRECTORY PORT EDIT``: a person's change to an OTN node of the lab around us.

Plain NETCONF, at the node's ``PORT``; ``DIRECTORY`` has the lab's keys.
"""

import sys
from pathlib import Path
from types import SimpleNamespace

from netconf_rig import by_hand, otn_config

from controller.southbound.netconf.endpoint import Endpoint, known_host_key


def main(directory, port, edit):
    endpoint = Endpoint(
        host="127.0.0.1",
        port=port,
        username="root",
        key_file=str(directory / "keys/id"),
        host_key=known_host_key(directory / "keys/known_hosts", "127.0.0.1", port),
    )
    with by_hand(SimpleNamespace(endpoint=lambda _: endpoint), "it") as session:
        session.edit_config(target="candidate", config=otn_config(edit))
        session.commit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
