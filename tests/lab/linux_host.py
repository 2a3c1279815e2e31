"""A Linux host with a network stack of its own at a port of a switch."""

import json
import socket
import subprocess

from lab.tap import inside_netns

LIMIT_S = 10


class LinuxHost:
    """Takes the customer's end of a port; ends with its ``with`` block."""

    def __init__(self, interface):
        self.interface = interface
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo here; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self):
        assert self._holder.stdout.readline() == b"here\n"
        self._run("ip", "link", "set", self.interface, "netns", str(self._holder.pid), inside=False)
        self._run("sysctl", "-qw", f"net.ipv6.conf.{self.interface}.disable_ipv6=0")
        self._run("ip", "link", "set", self.interface, "up")
        return self

    def __exit__(self, *_):
        self._holder.stdin.close()
        self._holder.wait(LIMIT_S)
        self._holder.stdout.close()

    def configure(self, address, router):
        version = "-6" if ":" in address else "-4"
        usable_at_once = ("nodad",) if version == "-6" else ()
        self._run("ip", version, "address", "add", address, "dev", self.interface, *usable_at_once)
        self._run("ip", version, "route", "add", "default", "via", router)

    def send_udp(self, address, payload=b"hello"):
        """Whoever the packet must be handed to is looked for first; the packet waits."""
        with inside_netns(self._holder.pid), socket.socket(_family(address), socket.SOCK_DGRAM) as sender:
            sender.sendto(payload, (address, 9))

    def mac(self):
        (link,) = json.loads(self._run("ip", "-j", "link", "show", "dev", self.interface))
        return link["address"]

    def neighbours(self):
        """(MAC address, whether it says to be a router) by address, of those that were found."""
        told = json.loads(self._run("ip", "-j", "neighbour", "show"))
        return {entry["dst"]: (entry["lladdr"], "router" in entry) for entry in told if "lladdr" in entry}

    def _run(self, *command, inside=True):
        entering = ("nsenter", "-t", str(self._holder.pid), "-n") if inside else ()
        done = subprocess.run((*entering, *command), capture_output=True, text=True, check=False, timeout=LIMIT_S)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET
