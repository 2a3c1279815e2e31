"""``trunkline egress``: what is shown is what independent sums say, reasons hold, and wrong uses are told."""

import json
import sys
from fractions import Fraction

import pytest
import yaml
from running.command import EPL, ROOT, trunkline, write

BACKBONE = ROOT / "topologies" / "china-backbone.yaml"
POLICIES = ROOT / "intents" / "china-egress.yaml"
DEMAND = ROOT / "intents" / "china-demand.csv"
BACKBONE_TRAFFIC = ("-t", BACKBONE, "-f", POLICIES, "--demand", DEMAND)
COAST = """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: coast}
spec:
  nodes:
    - {name: pe-gz, role: pe, region: guangdong}
    - {name: pe-sh, role: pe, region: shanghai}
    - {name: pe-hk, role: pe, region: hong-kong}
  links:
    - {name: gz-sh, a: pe-gz, z: pe-sh, aPort: 1, zPort: 1, capacity: 200Gbps, delay: 5ms, srlgs: [coast]}
    - {name: gz-hk, a: pe-gz, z: pe-hk, aPort: 2, zPort: 1, capacity: 10Gbps, delay: 1ms}
  gateways:
    - {name: igw-sh, node: pe-sh, port: 21, capacity: 100Gbps, delays: {north-america: 60ms, japan: 15ms}}
    - {name: igw-gz, node: pe-gz, port: 21, capacity: 40Gbps, delays: {north-america: 64ms}}
    - {name: igw-hk, node: pe-hk, port: 21, capacity: 40Gbps, delays: {north-america: 59ms}}
"""
POLICY = """
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: gd}
spec:
  from: {nodes: [pe-gz]}
  to: {region: north-america}
  demand: measured
  gateways: {deny: [igw-hk], prefer: [igw-sh]}
  class: gold
"""


@pytest.fixture
def coast(tmp_path):
    """Options for a matrix, and a policy for its gold from Guangzhou."""
    network = write(tmp_path / "coast.yaml", COAST)
    policies = write(tmp_path / "policy.yaml", POLICY)

    def options(*rows):
        matrix = tmp_path / "demand.csv"
        matrix.write_text("\n".join(["source,destination,class,rate", *rows]) + "\n")
        return ("-t", network, "-f", policies, "--demand", matrix)

    return options


def shown(*arguments, code=0):
    answer = trunkline("egress", *arguments, "-o", "json")
    assert (answer.code, answer.err) == (code, "")
    return json.loads(answer.out)


def shares(found):
    """(Gbps, ms) of every share of a plan."""
    everything = [one for verdict in found["intents"] for one in verdict["assignments"]]
    everything += [share for one in found["egress"]["unpoliced"] for share in one["assignments"]]
    return [(one["gateway"], one["rateBps"], round(one["delayUs"] * 1000)) for one in everything]


def test_show_agrees_with_the_plan_summed_independently():
    found = shown("show", *BACKBONE_TRAFFIC)
    planned = shares(json.loads(trunkline("plan", *BACKBONE_TRAFFIC, "-o", "json").out))
    for gateway in found["gateways"]:
        carried = sum(rate for name, rate, _ in planned if name == gateway["gateway"])
        assert gateway["carriedBps"] == sum(gateway["byClass"].values()) == carried
        assert gateway["share"] == pytest.approx(carried / gateway["capacityBps"], abs=1e-6)
        assert carried <= gateway["usableBps"] == gateway["capacityBps"] * 95 // 100
    total = sum(rate for _, rate, _ in planned)
    assert found["carriedBps"] == total == sum(one["carriedBps"] for one in found["classes"])
    mean = Fraction(sum(rate * delay for _, rate, delay in planned), total) / 1000
    assert found["delayUs"]["mean"] == pytest.approx(float(mean), rel=1e-12)
    for percent in (50, 95, 99):
        told = round(found["delayUs"][f"p{percent}"] * 1000)
        assert sum(rate for _, rate, delay in planned if delay <= told) * 100 >= percent * total
        assert sum(rate for _, rate, delay in planned if delay < told) * 100 < percent * total
    assert 0 <= found["certifiedGap"] < 1e-4
    assert found["notCarried"] == []


def test_only_full_gateways_have_a_price():
    for gateway in shown("show", *BACKBONE_TRAFFIC)["gateways"]:
        assert gateway["priceUs"] == 0 or gateway["carriedBps"] == gateway["usableBps"]


def test_traffic_leaves_where_delay_and_price_together_are_least():
    found = [one for pair in (("guangdong", "north-america"), ("pe-xa", "europe"), ("liaoning", "japan"))
             for one in shown("why", *pair, *BACKBONE_TRAFFIC)]  # fmt: skip
    assert len(found) == 3
    for one in found:
        eligible = [gateway for gateway in one["gateways"] if gateway["eligible"]]
        for gateway in eligible:
            assert gateway["delayUs"] == pytest.approx(gateway["insideUs"] + gateway["beyondUs"])
            extra = gateway["priceUs"] + gateway["linkPriceUs"] + gateway["notPreferredUs"]
            assert gateway["costUs"] == pytest.approx(gateway["delayUs"] + extra)
        least = min(gateway["costUs"] for gateway in eligible)
        used = [gateway for gateway in eligible if gateway["rateBps"] > 1]  # a bit may be left over by rounding
        assert used
        assert all(gateway["costUs"] <= least + 1 for gateway in used)
        assert sum(gateway["rateBps"] for gateway in one["gateways"]) == one["carriedBps"] == one["demandBps"]
        assert all(gateway["rateBps"] == 0 for gateway in one["gateways"] if not gateway["eligible"])


def test_why_says_why_not_and_what_is_not_preferred(coast):
    traffic = coast("pe-gz,north-america,gold,10Gbps", "pe-gz,japan,bulk,1Gbps")
    (one,) = shown("why", "guangdong", "north-america", *traffic)
    assert (one["policy"], one["class"]) == ("backbone/gd", "gold")
    by_name = {gateway["gateway"]: gateway for gateway in one["gateways"]}
    # 65 ms over Shanghai, which policy prefers; 64 ms here costs 5 ms more, since it is not preferred.
    assert [gateway["gateway"] for gateway in one["gateways"]] == ["igw-sh", "igw-gz", "igw-hk"]
    assert (by_name["igw-sh"]["costUs"], by_name["igw-sh"]["rateBps"]) == (65_000, 10 * 10**9)
    assert (by_name["igw-gz"]["costUs"], by_name["igw-gz"]["notPreferredUs"]) == (69_000, 5_000)
    assert by_name["igw-hk"]["whyNot"] == "denied by the policy"
    (japan,) = shown("why", "pe-gz", "japan", *traffic)
    assert japan["policy"] is None
    not_there = {gateway["whyNot"] for gateway in japan["gateways"] if not gateway["eligible"]}
    assert not_there == {"does not serve japan"}


def test_loss_is_told_beside_delay_and_weighs(coast, tmp_path):
    lossy = COAST.replace("59ms}", "59ms}, losses: {north-america: 0.1%}").replace(
        "64ms}", "64ms}, losses: {north-america: 50ppm}"
    )
    traffic = coast("pe-gz,north-america,bulk,10Gbps")
    write(tmp_path / "coast.yaml", lossy)
    (one,) = shown("why", "guangdong", "north-america", *traffic)
    found = [
        (gateway["gateway"], gateway["lossPpm"], gateway["delayUs"], gateway["costUs"]) for gateway in one["gateways"]
    ]
    assert found == [
        ("igw-gz", 50, 64_000, 64_500),
        ("igw-sh", None, 65_000, 65_000),
        ("igw-hk", 1_000, 60_000, 70_000),
    ]
    said = trunkline("egress", "why", "guangdong", "north-america", *traffic).out
    assert "LOSS" in said
    row = next(line.split() for line in said.splitlines() if "(loss 10" in line)
    assert row[3:] == ["60.00ms", "0.1%", "+10.00ms", "(loss", "10.00ms)", "70.00ms"]
    assert "igw-hk would be 4.00ms faster than igw-gz, and loses 0.1%, which weighs 9.50ms more" in said
    assert shown("show", *traffic)["meanLossPpm"] == 50
    assert "where it is known: mean 0.0050%" in trunkline("egress", "show", *traffic).out
    said = trunkline("egress", "simulate", "--fail", "igw-gz", *traffic).out
    assert next(line for line in said.splitlines() if line.startswith("mean loss")).split() == [
        "mean",
        "loss",
        "0.0050%",
    ]


def test_a_full_link_has_a_price_that_why_adds(coast):
    traffic = coast("pe-gz,north-america,bulk,20Gbps")
    (one,) = shown("why", "pe-gz", "north-america", *traffic)
    by_name = {gateway["gateway"]: gateway for gateway in one["gateways"]}
    # Hong Kong takes 60 ms, and 9.5 Gbps of the link; the rest leaves after 64 ms. So room on the link is worth 4 ms.
    assert (by_name["igw-hk"]["rateBps"], by_name["igw-gz"]["rateBps"]) == (9_500_000_000, 10_500_000_000)
    assert by_name["igw-hk"]["linkPriceUs"] == pytest.approx(4_000)
    (link,) = shown("show", *traffic)["links"]
    assert (link["link"], link["direction"], link["priceUs"]) == ("gz-hk", "aToZ", pytest.approx(4_000))
    assert "split: these cost the same" in trunkline("egress", "why", "pe-gz", "north-america", *traffic).out


def test_a_gateway_that_fails_sends_its_traffic_elsewhere_or_loses_it(coast):
    traffic = coast("pe-sh,north-america,bulk,30Gbps", "pe-sh,japan,bulk,7Gbps")
    found = shown("simulate", *traffic, "--fail", "igw-sh", code=2)
    assert found["failed"] == ["igw-sh"]
    before, after = found["before"], found["after"]
    assert (before["carriedBps"], after["carriedBps"], found["movedBps"]) == (37 * 10**9, 30 * 10**9, 30 * 10**9)
    assert [one["gateway"] for one in after["gateways"]] == ["igw-gz", "igw-hk"]
    na, japan = sorted(found["changes"], key=lambda one: one["to"], reverse=True)
    assert na["before"] == {"igw-sh": 30 * 10**9}
    # By Hong Kong: 5 + 1 + 59 ms, a millisecond before Guangzhou, as much as the link takes.
    assert na["after"] == {"igw-gz": 20_500_000_000, "igw-hk": 9_500_000_000}
    assert (na["movedBps"], na["missingBps"]) == (30 * 10**9, {"before": 0, "after": 0})
    mean_us = (20.5 * 69_000 + 9.5 * 65_000) / 30
    assert na["delayUs"] == {"before": 60_000, "after": pytest.approx(mean_us)}
    assert japan["delayUs"] == {"before": 15_000, "after": None}
    assert (japan["movedBps"], japan["missingBps"]) == (0, {"before": 0, "after": 7 * 10**9})
    unmeasured, missing = after["notCarried"]
    assert (unmeasured["policy"], unmeasured["missingBps"]) == ("backbone/gd", None)
    assert (missing["to"], missing["missingBps"], missing["reason"]) == ("japan", 7 * 10**9, "NO_ELIGIBLE_GATEWAY")
    table = trunkline("egress", "simulate", *traffic, "--fail", "igw-sh")
    assert table.code == 2
    assert "30Gbps leave by another gateway, 7Gbps more are not carried" in table.out
    assert "15.00ms -> none" in table.out


def test_growth_is_no_move(coast):
    found = shown("simulate", *coast("pe-sh,north-america,bulk,30Gbps"), "--scale", "1.5")
    assert (found["movedBps"], found["changes"], found["scale"]) == (0, [], 1.5)
    assert (found["before"]["demandBps"], found["after"]["demandBps"]) == (30 * 10**9, 45 * 10**9)


def test_growth_beyond_all_capacity_is_lost(coast):
    found = shown("simulate", *coast("pe-sh,japan,bulk,60Gbps"), "--scale", "2", code=2)
    assert found["after"]["carriedBps"] == 95 * 10**9
    assert [one["missingBps"] for one in found["changes"]] == [{"before": 0, "after": 25 * 10**9}]


@pytest.mark.parametrize("what", ["gz-sh", "srlg/coast", "coast", "node/pe-sh"])
def test_links_nodes_and_srlgs_fail_too(coast, what):
    found = shown("simulate", *coast("pe-gz,japan,bulk,3Gbps"), "--fail", what, code=2)
    _, missing = found["after"]["notCarried"]
    assert (missing["reason"], missing["missingBps"]) == ("NO_ELIGIBLE_GATEWAY", 3 * 10**9)
    assert "no route in service leads from pe-gz" in missing["message"]


def test_all_gateways_may_fail(coast):
    traffic = coast("pe-gz,japan,bulk,3Gbps", "pe-gz,north-america,gold,3Gbps")
    fails = [part for name in ("igw-sh", "gateway/igw-gz", "igw-hk") for part in ("--fail", name)]
    found = shown("simulate", *traffic, *fails, code=2)
    assert (found["after"]["carriedBps"], found["after"]["gateways"]) == (0, [])
    assert {one["message"].split(" serves")[0] for one in found["after"]["notCarried"]} == {"no gateway"}


def test_what_is_not_carried_is_told_by_policy_and_by_flow(coast):
    found = shown("show", *coast("pe-gz,north-america,gold,500Gbps", "pe-sh,japan,bulk,1Gbps"))
    mine, other = found["notCarried"]
    assert (mine["policy"], mine["missingBps"], mine["reason"]) == (
        "backbone/gd",
        500 * 10**9 - found["gateways"][0]["byClass"]["gold"] - found["gateways"][1]["byClass"]["gold"],
        "GATEWAY_CAPACITY",
    )
    assert (other["policy"], other["from"], other["missingBps"]) == (None, "pe-sh", 10**9)
    table = trunkline("egress", "show", *coast("pe-gz,north-america,gold,500Gbps")).out
    assert "full, with traffic left that is not carried: igw-sh, igw-gz\n" in table
    assert "full" not in trunkline("egress", "show", *coast("pe-gz,north-america,gold,5Gbps")).out


def test_nothing_measured_is_nothing_to_carry(coast):
    found = shown("show", *coast("pe-gz,japan,bulk,0bps"))
    assert (found["gateways"], found["delayUs"], found["certifiedGap"]) == ([], None, None)
    assert [one["missingBps"] for one in found["notCarried"]] == [None]
    assert "no traffic is known: " in trunkline("egress", "show", *coast("pe-gz,japan,bulk,0bps")).out


def test_tables_and_yaml_say_the_same():
    table = trunkline("egress", "show", *BACKBONE_TRAFFIC)
    assert (table.code, table.err) == (0, "")
    found = yaml.safe_load(trunkline("egress", "show", *BACKBONE_TRAFFIC, "-o", "yaml").out)
    assert found == shown("show", *BACKBONE_TRAFFIC)
    rows = {line.split()[0]: line for line in table.out.splitlines() if "%" in line and line.startswith("igw-")}
    assert list(rows) == [gateway["gateway"] for gateway in found["gateways"]]
    for gateway in found["gateways"]:
        row = rows[gateway["gateway"]]
        assert row.count("#") == round(gateway["share"] * 24)
        assert f"{gateway['share']:.1%}" in row
        costs = f"{gateway['gateway']} costs {gateway['priceUs'] / 1000:.2f}ms"
        assert (costs in table.out) == (gateway["priceUs"] > 0)


def test_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    for name, begins in (("a.svg", b"<?xml"), ("a.png", b"\x89PNG")):
        answer = trunkline("egress", "show", *BACKBONE_TRAFFIC, "-o", "plot", "--to", tmp_path / name)
        assert (answer.code, answer.out, answer.err) == (0, "", f"drawn: {tmp_path / name}\n")
        assert (tmp_path / name).read_bytes().startswith(begins)


def test_without_matplotlib_a_picture_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    answer = trunkline("egress", "show", *BACKBONE_TRAFFIC, "-o", "plot", "--to", tmp_path / "a.svg")
    assert answer.code == 1
    assert "a picture needs matplotlib: pip install 'trunkline[bench]'" in answer.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "--demand", DEMAND), "-f and --demand go with -t TOPOLOGY"),
        (("why", "pe-gz", "europe", "-f", POLICIES), "-f and --demand go with -t TOPOLOGY"),
        (("simulate", "--fail", "igw-sh", "-f", POLICIES), "-f and --demand go with -t TOPOLOGY"),
        (("show", "--server", "unix:/nowhere"), "or work offline with -t TOPOLOGY"),
        (("why", "pe-gz", "europe", "--server", "unix:/nowhere"), "or work offline with -t TOPOLOGY"),
        (("simulate", "--fail", "igw-sh", "--server", "unix:/nowhere"), "or work offline with -t TOPOLOGY"),
        (("show", "-t", BACKBONE), "nothing says what traffic there is"),
        (("show", *BACKBONE_TRAFFIC, "-o", "plot"), "-o plot and --to FILE belong together"),
        (("show", *BACKBONE_TRAFFIC, "--to", "a.svg"), "-o plot and --to FILE belong together"),
        (("show", *BACKBONE_TRAFFIC, "-o", "plot", "--to", "a.gif"), "has to end in .svg or .png"),
        (("why", "pe-xx", "europe", *BACKBONE_TRAFFIC), "there is no node or region 'pe-xx'"),
        (("why", "pe-gz", "jap", *BACKBONE_TRAFFIC), "no gateway serves a region 'jap'; did you mean 'japan'?"),
        (("why", "guangdong", "north-america", "--class", "bulk", *BACKBONE_TRAFFIC), "no bulk traffic from guangdong"),
        (("why", "pe-gz", "europe", "--class", "x", *BACKBONE_TRAFFIC), "'gold', 'silver', 'bulk'"),
        (("simulate", *BACKBONE_TRAFFIC, "--fail", "igw-shh"), "fail[0]: there is no gateway, link, node or SRLG"),
        (("simulate", *BACKBONE_TRAFFIC, "--fail", "gateway/p-bj"), "there is no gateway 'p-bj'"),
        (("simulate", *BACKBONE_TRAFFIC, "--fail", "link/xx"), "there is no link 'xx'"),
        (("simulate", *BACKBONE_TRAFFIC, "--scale", "nan"), "--scale 'nan' is no factor"),
        (("simulate", *BACKBONE_TRAFFIC, "--scale", "-1"), "--scale '-1' is no factor"),
        (("simulate", *BACKBONE_TRAFFIC, "--scale", "1e3"), "--scale '1e3' is no factor"),
        (("simulate", *BACKBONE_TRAFFIC, "--scale", "0"), "it must be more than 0"),
        (("simulate", *BACKBONE_TRAFFIC, "--scale", "1001"), "at most 1000"),
        (("simulate", *BACKBONE_TRAFFIC, "--scale", "999"), "an aggregate of 300Gbps would be more than 10Tbps"),
    ],
)  # fmt: skip
def test_wrong_uses(arguments, words):
    answer = trunkline("egress", *arguments)
    assert (answer.code, answer.out) == (1, "")
    assert words in answer.err


def test_lines_alone_are_no_traffic():
    answer = trunkline("egress", "show", "-t", ROOT / "topologies" / "lab-small.yaml", "-f", EPL)
    assert answer.code == 1
    assert "there are only lines in these files" in answer.err


def test_lines_come_first_and_those_without_a_place_are_counted(coast, tmp_path):
    ends = {"a": {"site": "dc-gz", "vlan": 1}, "z": {"site": "dc-sh", "vlan": 1}}
    network = yaml.safe_load(COAST)
    network["spec"]["sites"] = [{"name": f"dc-{at}", "node": f"pe-{at}", "port": 11} for at in ("gz", "sh")]
    sites = write(tmp_path / "sites.yaml", network)
    order = {"apiVersion": "trunkline/v1", "kind": "PrivateLine", "metadata": {"tenant": "acme", "name": "wide"}}
    lines = write(tmp_path / "lines.yaml", order | {"spec": {**ends, "bandwidth": "180Gbps"}})
    options = ("-t", sites, "-f", lines, *coast("pe-gz,japan,bulk,30Gbps")[4:])
    found = shown("show", *options)
    assert found["carriedBps"] == 10 * 10**9  # 95% of 200 Gbps, less 180
    answer = trunkline("egress", "simulate", *options, "--fail", "gz-sh")
    assert answer.code == 2
    assert answer.err == "1 line without a place in the network that is left (trunkline whatif says which)\n"


def test_more_gateways_than_can_be_planned_for_are_refused(coast, tmp_path):
    network = yaml.safe_load(COAST)
    network["spec"]["gateways"] = [
        {
            "name": f"igw-{number}",
            "node": "pe-sh",
            "port": 100 + number,
            "capacity": "1Gbps",
            "delays": {"japan": "9ms"},
        }
        for number in range(65)
    ]
    many = write(tmp_path / "many.yaml", network)
    options = coast("pe-gz,japan,bulk,30Gbps")[4:]
    for command in ("show", "simulate"):
        answer = trunkline("egress", command, "-t", many, *options)
        assert (answer.code, answer.out) == (1, "")
        assert "65 gateways are more than egress is planned for: at most 64" in answer.err
