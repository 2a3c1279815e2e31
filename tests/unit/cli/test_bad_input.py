"""Whatever is in a file: exit code 1, and for each fault a line ``file:line: field: message [REASON]``."""

from __future__ import annotations

import re

import pytest
from running.command import EPL, INFEASIBLE, LAB_SMALL, plan, trunkline

FAULT = re.compile(r"(?P<file>[^:]+)(:(?P<line>[0-9]+))?: ((?P<field>[A-Za-z][\w.\[\]]*): )?.+ \[(?P<reason>[A-Z_]+)\]")

GOOD = """\
apiVersion: trunkline/v1
kind: PrivateLine
metadata: {tenant: acme, name: good}
spec:
  a: {site: dc-bj-1, vlan: 100}
  z: {site: dc-sh-1, vlan: 200}
  bandwidth: 5Mbps
  maxDelay: 15ms
"""

INTENTS = {
    "malformed YAML": (GOOD + "  mtu: [1500\n", 10, "", "INVALID_FORMAT"),
    "a tab": (GOOD + "\tmtu: 1500\n", 9, "", "INVALID_FORMAT"),
    "no mapping": ("- 1\n- 2\n", 1, "", "INVALID_FORMAT"),
    "empty": ("", 1, "", "INVALID_FORMAT"),
    "only comments": ("# nothing\n", 1, "", "INVALID_FORMAT"),
    "an unknown key": (GOOD + "  bandwith: 3Mbps\n", 9, "spec.bandwith", "UNEXPECTED_PROPERTY"),
    "a key twice": (GOOD + "  maxDelay: 3ms\n", 9, "spec.maxDelay", "INVALID_FORMAT"),
    "a missing key": (GOOD.replace("  bandwidth: 5Mbps\n", ""), 4, "spec.bandwidth", "MISSING_PROPERTY"),
    "no unit": (GOOD.replace("5Mbps", "5"), 7, "spec.bandwidth", "INVALID_VALUE"),
    "a wrong unit": (GOOD.replace("5Mbps", "5ms"), 7, "spec.bandwidth", "INVALID_VALUE"),
    "a delay without unit": (GOOD.replace("15ms", "15"), 8, "spec.maxDelay", "INVALID_VALUE"),
    "nan": (GOOD.replace("15ms", ".nan"), 8, "spec.maxDelay", "INVALID_VALUE"),
    "nan with a unit": (GOOD.replace("15ms", "nanms"), 8, "spec.maxDelay", "INVALID_VALUE"),
    "infinite": (GOOD.replace("5Mbps", ".inf"), 7, "spec.bandwidth", "INVALID_VALUE"),
    "huge": (GOOD.replace("5Mbps", "1e999Mbps"), 7, "spec.bandwidth", "INVALID_VALUE"),
    "many digits": (GOOD.replace("5Mbps", "9" * 5_000 + "Mbps"), 7, "spec.bandwidth", "INVALID_VALUE"),
    "a long whole number": (GOOD + "  mtu: " + "9" * 5_000 + "\n", 9, "spec.mtu", "INVALID_VALUE"),
    "beyond all lines": (GOOD.replace("5Mbps", "2000Tbps"), 7, "spec.bandwidth", "INVALID_VALUE"),
    "negative": (GOOD.replace("5Mbps", "-5Mbps"), 7, "spec.bandwidth", "INVALID_VALUE"),
    "no bandwidth": (GOOD.replace("5Mbps", "0Mbps"), 7, "spec.bandwidth", "INVALID_VALUE"),
    "a VLAN out of range": (GOOD.replace("100", "4095"), 5, "spec.a.vlan", "INVALID_VALUE"),
    "a VLAN at one end": (GOOD.replace(", vlan: 100", ""), 5, "spec.a.vlan", "INVALID_VALUE"),
    "true for a number": (GOOD + "  priority: true\n", 9, "spec.priority", "INVALID_VALUE"),
    "text for a number": (GOOD + "  priority: high\n", 9, "spec.priority", "INVALID_VALUE"),
    "an unknown word": (GOOD + "  protection: 2:1\n", 9, "spec.protection", "INVALID_VALUE"),
    "an unknown site": (GOOD.replace("dc-bj-1", "dc-bj-9"), 5, "spec.a.site", "REFERENCE_NOT_FOUND"),
    "an unknown node": (GOOD + "  avoid: {nodes: [p-xx]}\n", 9, "spec.avoid.nodes[0]", "REFERENCE_NOT_FOUND"),
    "the same name twice": (GOOD + "---\n" + GOOD.replace("00}", "1}"), 12, "metadata.name", "NAME_TAKEN"),
    "the same VLAN twice": (
        GOOD + "---\n" + GOOD.replace("good", "other").replace("200", "201"),
        14,
        "spec.a.vlan",
        "VLAN_IN_USE",
    ),
    "a YAML bomb": ("a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n", 1, "a", "INVALID_FORMAT"),
    "a tag": (GOOD.replace("5Mbps", "!!python/object/apply:os.system [exit]"), 7, "spec.bandwidth", "INVALID_FORMAT"),
    "a merge key": (GOOD + "  <<: {mtu: 1500}\n", 9, "spec", "INVALID_FORMAT"),
    "another version": (GOOD.replace("/v1", "/v2"), 1, "apiVersion", "INVALID_VALUE"),
    "another kind": (GOOD.replace("PrivateLine", "Deployment"), 2, "kind", "INVALID_VALUE"),
    "a kind of ours, but not this one": (LAB_SMALL.read_text(), 13, "kind", "INVALID_VALUE"),
    "deep": ("[" * 5_000, 1, None, "INVALID_FORMAT"),
    "binary": (bytes(range(256)) * 40, 2, "", "INVALID_FORMAT"),
    "UTF-16": (GOOD.encode("utf-16"), 1, "", "INVALID_FORMAT"),
    "a control character": (GOOD.replace("acme", '"ac\x07me"'), 3, "", "INVALID_FORMAT"),
    "an escape sequence": (GOOD.replace("acme", r'"\e[31mred"'), 3, "metadata.tenant", "INVALID_VALUE"),
    "not yet known to the engine": (GOOD + "  protection: restore\n", 9, "spec.protection", "INVALID_VALUE"),
    "10 MB": (GOOD + "#" + "x" * 10 * 1024**2, None, "", "INVALID_FORMAT"),
    "10 MB of documents": ((GOOD + "---\n") * (10 * 1024**2 // len(GOOD)), None, "", "INVALID_FORMAT"),
    "a list without end": (GOOD + "  via: {nodes: [" + "x," * 100_000 + "]}\n", 9, "spec.via.nodes", "INVALID_VALUE"),
}


@pytest.mark.parametrize("case", INTENTS)
def test_intents_that_cannot_be(tmp_path, case):
    content, line, field, reason = INTENTS[case]
    check(plan(LAB_SMALL, *one_file(tmp_path, content)), line, field, reason)


LINK = "{name: l, a: n1, z: n2, aPort: 1, zPort: 1, capacity: 1Gbps, delay: 1ms}"
NET = f"""\
apiVersion: trunkline/v1
kind: Topology
metadata: {{name: net}}
spec:
  nodes:
    - {{name: n1, role: pe, device: {{driver: openflow, datapathId: "0000000000000001"}}}}
    - {{name: n2, role: pe, device: {{driver: openflow, datapathId: "0000000000000002"}}}}
  links:
    - {LINK}
  sites:
    - {{name: s1, node: n1, port: 11}}
    - {{name: s2, node: n2, port: 11}}
"""

TOPOLOGIES = {
    "a node twice": (NET.replace("name: n2, role", "name: n1, role"), 7, "spec.nodes[1].name", "NAME_TAKEN"),
    "a port twice": (NET.replace("node: n1, port: 11", "node: n1, port: 1"), 11, "spec.sites[0].port", "INVALID_VALUE"),
    "a switch twice": (NET.replace("02", "01"), 7, "spec.nodes[1].device.datapathId", "INVALID_VALUE"),
    "a link to nowhere": (NET.replace("z: n2", "z: n3"), 9, "spec.links[0].z", "REFERENCE_NOT_FOUND"),
    "a link to itself": (NET.replace("z: n2", "z: n1"), 9, "spec.links[0].z", "INVALID_VALUE"),
    "a site in the air": (NET.replace("node: n2", "node: n9"), 12, "spec.sites[1].node", "REFERENCE_NOT_FOUND"),
    "no capacity": (NET.replace("1Gbps", "0Gbps"), 9, "spec.links[0].capacity", "INVALID_VALUE"),
    "a negative delay": (NET.replace("1ms", "-1ms"), 9, "spec.links[0].delay", "INVALID_VALUE"),
    "a factor that is nan": (NET + "  overheadFactor: .nan\n", 13, "spec.overheadFactor", "INVALID_VALUE"),
    "an unknown key": (NET + "  speed: fast\n", 13, "spec.speed", "UNEXPECTED_PROPERTY"),
    "two networks": (NET + "---\n" + NET, 15, "kind", "INVALID_VALUE"),
    "no network": (GOOD, 1, "kind", "INVALID_VALUE"),
    "empty": ("", 1, "", "INVALID_FORMAT"),
    "binary": (bytes(range(256)), 2, "", "INVALID_FORMAT"),
}


@pytest.mark.parametrize("case", TOPOLOGIES)
def test_topologies_that_cannot_be(tmp_path, case):
    content, line, field, reason = TOPOLOGIES[case]
    check(plan(*one_file(tmp_path, content), EPL), line, field, reason)


def test_the_good_ones_are_good(tmp_path):
    assert plan(LAB_SMALL, *one_file(tmp_path, GOOD)).code == 0
    fitting = GOOD.replace("dc-bj-1", "s1").replace("dc-sh-1", "s2")
    assert plan(*one_file(tmp_path, NET, "net.yaml"), *one_file(tmp_path, fitting)).code == 0


@pytest.mark.parametrize("role", ["topology", "intents"])
@pytest.mark.parametrize(
    "path",
    [
        "/nowhere/file.yaml",
        "/proc",  # a directory
        f"{EPL}/file.yaml",  # below what is no directory
        "/proc/self/mem",  # can be opened, not read
        "/dev/null",
    ],
)
def test_files_that_cannot_be_read(role, path):
    answer = plan(path, EPL) if role == "topology" else plan(LAB_SMALL, path)
    assert (answer.code, answer.out) == (1, "")
    (told,) = answer.err.splitlines()
    assert FAULT.fullmatch(told)
    assert told.startswith(path)


def test_an_endless_file_is_refused(tmp_path):
    check(plan(LAB_SMALL, "/dev/zero"), None, "", "INVALID_FORMAT")


def test_all_faults_of_all_files_are_told_at_once(tmp_path):
    one = one_file(tmp_path, GOOD.replace("5Mbps", "5").replace("15ms", "15"), "one.yaml")
    two = one_file(tmp_path, GOOD.replace("good", "g o o d"), "two.yaml")
    answer = plan(LAB_SMALL, *one, *two)
    assert answer.code == 1
    told = [FAULT.fullmatch(text) for text in answer.err.splitlines()]
    assert [(found["file"].rpartition("/")[2], found["line"], found["field"]) for found in told] == [
        ("one.yaml", "7", "spec.bandwidth"),
        ("one.yaml", "8", "spec.maxDelay"),
        ("two.yaml", "3", "metadata.name"),
    ]


def test_a_thousand_faults_do_not_flood_the_terminal(tmp_path):
    faulty = GOOD.replace("5Mbps", "5")
    documents = "---\n".join(faulty.replace("good", f"line-{number}") for number in range(1_000))
    answer = plan(LAB_SMALL, *one_file(tmp_path, documents))
    assert answer.code == 1
    assert len(answer.err.splitlines()) <= 51
    assert "more faults" in answer.err.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan",),
        ("plan", "-t", LAB_SMALL),
        ("plan", "-t", LAB_SMALL, "-f"),
        ("plan", "-t", LAB_SMALL, "-f", EPL, "-o", "xml"),
        ("plan", "-t", LAB_SMALL, "-f", EPL, "surplus"),
        ("plan", "-t", LAB_SMALL, "-f", INFEASIBLE, "--hurry"),
        ("bake",),
        ("apply",),
        ("apply", "-f", EPL, "--etag", "1.1"),
        ("delete",),
        ("delete", "acme"),
        ("delete", "acme/a", "acme/b", "--etag", "1.1"),
        ("get", "acme/a/b"),
        ("get", "/"),
        ("get", "tenants/acme"),
        ("get", "--tenant", "a b"),
        ("get", "--tenant", "acme", "acme/a"),
        ("describe",),
        ("describe", "acme/a b"),
        ("watch", "--from-revision", "-1"),
        ("watch", "--from-revision", "9223372036854775808"),
        ("completion", "tcsh"),
        ("serve",),
        ("serve", "-t", LAB_SMALL, "--listen", "here"),
        ("serve", "-t", LAB_SMALL, "--openflow", "127.0.0.1:6653"),
        ("serve", "-t", LAB_SMALL, "--simulation-control", "tcp:127.0.0.1:1"),
        ("status", "--server", ""),
        ("status", "--server", "local host"),
        ("status", "--server", "localhost"),
        ("status", "--server", "localhost:0"),
        ("status", "--server", "localhost:65536"),
        ("status", "--server", "unix:"),
        ("status", "--server", "unix:/" + "x" * 107),
    ],
)
def test_wrong_use_is_an_error_like_any_other(arguments):
    answer = trunkline(*arguments)
    assert (answer.code, answer.out) == (1, "")
    assert "Error: " in answer.err


def check(answer, line, field, reason):
    """The first fault told; ``None`` for a line or field that is not foreseen."""
    assert (answer.code, answer.out) == (1, "")
    told = [FAULT.fullmatch(text) for text in answer.err.splitlines()]
    assert told
    assert all(told), answer.err
    first = told[0]
    assert first["reason"] == reason
    if line is not None:
        assert first["line"] == str(line)
    if field is not None:
        assert (first["field"] or "") == field
    assert len(answer.err) < 20_000


def one_file(tmp_path, content, name="bad.yaml"):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)
    return (path,)
