"""The configuration of an OTN node as a person reads it: which ports and slots are joined. No code of the controller
that reads devices is used."""

from lxml import etree

from controller.domain.rules import ClientEnd

OTN = "{urn:trunkline:otn-node}"


def cross_connects(xml):
    """All that a node is configured to do, of whomever: (number, owner, ODU, end, end), and the interfaces that no
    connection uses, by name. An end is (port, tributary port, slots); the last two are empty on a client port."""
    config = etree.fromstring(xml.encode())
    interfaces = {_text(one, "name"): one for one in config.iter(f"{OTN}interface")}
    used = set()
    found = set()
    for connection in config.iter(f"{OTN}odu-connection"):
        names = _text(connection, "source/src-if"), _text(connection, "destination/dst-if")
        used |= set(names)
        a, z = (interfaces[name] for name in names)
        rates = {_text(one, "odu/rate").rpartition(":")[2] for one in (a, z)}
        assert len(rates) == 1, f"the ends differ: {xml}"
        found.add((_text(connection, "connection-name"), _text(connection, "circuit-id"), *rates, _end(a), _end(z)))
    return found | (interfaces.keys() - used)


def in_config(rules):
    """The same of what a node should be configured to do."""
    return {
        (
            f"trunkline-{rule.number}",
            f"trunkline/line/{rule.cookie & (1 << 40) - 1}",
            str(rule.odu),
            *map(_wanted, (rule.a, rule.z)),
        )
        for rule in rules
    }


def _wanted(end):
    if isinstance(end, ClientEnd):
        return str(end.port), "", ()
    return str(end.port), str(end.tributary_port), tuple(map(str, sorted(end.slots)))


def _end(interface):
    slots = [slot.text for slot in interface.iter(f"{OTN}tributary-slot")]
    return _text(interface, "supporting-port"), _text(interface, "odu/tributary-port"), tuple(sorted(slots, key=int))


def _text(element, path):
    return element.findtext("/".join(OTN + name for name in path.split("/")), "").strip()
