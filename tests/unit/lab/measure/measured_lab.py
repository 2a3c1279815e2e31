"""A lab of two lines and an idle site, and what a network that keeps every promise would show of it."""

from controller.domain.intents import Attachment
from controller.domain.topology import PerDirection
from lab.measure.dataplane import Arrival, Exchange
from lab.measure.expectation import ExpectedLab, ExpectedLine
from lab.measure.probes import Marks, Purpose, lab_probes


def line(**changes):
    values = {
        "tenant": "acme",
        "name": "port",
        "a": Attachment(site="s1"),
        "z": Attachment(site="s2"),
        "cir_bps": PerDirection(10_000_000, 4_000_000),
        "burst_bits": PerDirection(5_000_000, 2_000_000),
        "delay_ns": PerDirection(20_000_000, 30_000_000),
        "mtu_bytes": 1500,
        "route": ("pe-1", "p", "pe-2"),
    }
    return ExpectedLine(**{**values, **changes})


PORT = line()
VLAN = line(name="vlan", a=Attachment(site="s3", vlan=100), z=Attachment(site="s4", vlan=200))
LAB = ExpectedLab(sites=("s1", "s2", "s3", "s4", "s5"), lines=(PORT, VLAN))


def probes_of(name, lab=LAB):
    return [probe for probe in lab_probes(lab, Marks(1)) if probe.line == name]


def arrival(probe, **changes):
    return Arrival(**{"site": probe.far_site, "frame": probe.arrival, "mark": probe.mark, **changes})


def ideal(probes):
    return [arrival(probe) for probe in probes if probe.purpose is Purpose.CARRIED]


def exchange(arrivals, refused=None, lost_by_prober=0):
    return Exchange(arrivals=tuple(arrivals), refused={} if refused is None else refused, lost_by_prober=lost_by_prober)
