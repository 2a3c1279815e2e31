"""Cross-connects of all kinds, the lab's models, and a node's configuration to put them on."""

from hypothesis import strategies as st

from controller.domain.otn import OduType
from controller.domain.rules import Change, ClientEnd, CrossConnect, LineEnd, Owner, cookie
from controller.southbound.netconf.edits import applied, edits
from controller.southbound.netconf.model import Model
from controller.southbound.netconf.profile import profile
from lab.places import YANG

PROFILES = ("otn-node", "slot-matrix")
MODELS = {name: Model(profile(name).modules, YANG) for name in PROFILES}

LINE_PORT = 100
client_ends = st.builds(ClientEnd, port=st.integers(1, 0xFFFF))
line_ends = st.builds(
    LineEnd,
    port=st.integers(1, 0xFFFF),
    tributary_port=st.integers(1, 80),
    slots=st.sets(st.integers(1, 80), min_size=1).map(lambda slots: tuple(sorted(slots))),
)
cross_connects = st.builds(
    CrossConnect,
    cookie=st.builds(cookie, st.sampled_from(Owner), st.integers(0, (1 << 40) - 1)),
    number=st.integers(1, 2**32 - 1),
    odu=st.sampled_from(OduType),
    a=client_ends | line_ends,
    z=line_ends,
)


def cross_connect(number=1, *, odu=OduType.ODU0, slots=(1,)):
    return CrossConnect(
        cookie=cookie(Owner.LINE, number),
        number=number,
        odu=odu,
        a=ClientEnd(port=number),
        z=LineEnd(port=LINE_PORT, tributary_port=number, slots=slots),
    )


def holding(name, rules):
    """The canonical configuration of a device that holds these rules."""
    kind = profile(name)
    config = applied({}, edits(kind, [Change(before=None, after=rule) for rule in rules]))
    return MODELS[name].canonical(config) if rules else {}
