"""Writes ``china-backbone.yaml`` and ``lab-backbone.yaml``, the same network at two sizes.

``python topologies/make_backbones.py`` from the root of the repository; a test checks that both files are what it
writes. What is fact here and what is modelled, the header of the files says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, pairwise
from math import ceil
from pathlib import Path

from controller.documents import write_topology
from controller.domain.geography import ROUTE_FACTOR, fibre_delay_ns, great_circle_km
from controller.domain.otn import OduType
from controller.domain.topology import (
    Gateway,
    Link,
    Location,
    NetconfDevice,
    NextHop,
    Node,
    OpenFlowDevice,
    PerDirection,
    Role,
    Site,
    SiteService,
    Topology,
)

HERE = Path(__file__).parent
GBPS = 10**9
METRO_KM = 10.0
"""Of cable between two nodes in one city."""
SEA_FACTOR = 1.4
"""How much longer than the great circles between its landings a submarine cable is."""
DELAY_STEP_NS = 10_000
FIRST_SITE_PORT, FIRST_INTERNET_PORT, FIRST_GATEWAY_PORT = 101, 150, 201
CORE_DATAPATHS = 0x100
LAB_SCALE = 20_000
"""What of a rate of the backbone is a rate of the lab's: 8 Tbps become 400 Mbps."""

CITIES = {  # rounded to 0.01 degrees
    "bj": (39.90, 116.41), "tj": (39.13, 117.20), "sjz": (38.04, 114.51), "ty": (37.87, 112.55),
    "hhht": (40.84, 111.75), "sy": (41.80, 123.43), "cc": (43.82, 125.32), "hrb": (45.80, 126.53),
    "sh": (31.23, 121.47), "nj": (32.06, 118.80), "hz": (30.27, 120.16), "hf": (31.82, 117.23), "fz": (26.07, 119.30),
    "nc": (28.68, 115.86), "jn": (36.65, 117.12), "zz": (34.75, 113.63), "wh": (30.59, 114.31), "cs": (28.23, 112.94),
    "gz": (23.13, 113.26), "nn": (22.82, 108.37), "hk": (20.04, 110.20), "cq": (29.56, 106.55), "cd": (30.57, 104.07),
    "gy": (26.65, 106.63), "km": (24.88, 102.83), "lsa": (29.65, 91.14), "xa": (34.34, 108.94), "lz": (36.06, 103.83),
    "xn": (36.62, 101.78), "yc": (38.49, 106.23), "ur": (43.83, 87.62),
    # No node of ours, but a cable passes: Cangzhou, Xuzhou, Qingdao, Lianyungang, Yantai, Dalian, Qinhuangdao, ...
    "cz": (38.30, 116.84), "xuz": (34.21, 117.28), "qd": (36.07, 120.38), "lyg": (34.60, 119.22), "yt": (37.46, 121.45),
    "dl": (38.91, 121.61), "qhd": (39.94, 119.60), "zjk": (40.77, 114.89), "tl": (43.65, 122.24), "cf": (42.26, 118.89),
    "wx": (31.49, 120.31), "huz": (30.89, 120.09), "nb": (29.87, 121.54), "wz": (27.99, 120.70), "xm": (24.48, 118.09),
    "st": (23.35, 116.68), "jh": (29.08, 119.65), "jj": (29.71, 116.00), "gan": (25.83, 114.93), "hs": (37.74, 115.67),
    "fy": (32.89, 115.81), "shy": (32.63, 110.80), "ych": (30.69, 111.29), "bao": (34.36, 107.24),
    "tsh": (34.58, 105.72), "ln": (33.40, 104.92), "mek": (31.90, 102.22), "gl": (25.27, 110.29),
    "hec": (24.69, 108.09), "zj": (21.27, 110.36), "bh": (21.48, 109.12), "pzh": (26.58, 101.72), "bs": (23.90, 106.62),
    "lps": (26.59, 104.83), "cdo": (31.14, 97.17), "gol": (36.40, 94.90), "guy": (36.02, 106.24), "bt": (40.66, 109.84),
    "yl": (38.29, 109.73), "ham": (42.83, 93.51), "jyg": (39.77, 98.29), "blk": (43.60, 93.02), "ejn": (41.96, 101.06),
    # Abroad, where a region's delay is measured to, and where cables come ashore.
    "los-angeles": (34.05, -118.24), "tokyo": (35.68, 139.69), "seoul": (37.57, 126.98), "hong-kong": (22.32, 114.17),
    "singapore": (1.35, 103.82), "sydney": (-33.87, 151.21), "mumbai": (19.08, 72.88), "dubai": (25.20, 55.27),
    "cairo": (30.04, 31.24), "marseille": (43.30, 5.37), "frankfurt": (50.11, 8.68), "moscow": (55.76, 37.62),
    "almaty": (43.24, 76.89), "ulaanbaatar": (47.89, 106.91), "bangkok": (13.76, 100.50), "hanoi": (21.03, 105.85),
    "mandalay": (21.97, 96.08), "vladivostok": (43.12, 131.89), "chita": (52.03, 113.50), "guam": (13.44, 144.79),
    "novosibirsk": (55.03, 82.92),
}  # fmt: skip

CORES = ("bj", "sh", "gz", "cd", "wh", "xa", "sy", "nj", "cq", "zz")
CORE_REGIONS = {
    "bj": "beijing", "sh": "shanghai", "gz": "guangdong", "cd": "sichuan", "wh": "hubei", "xa": "shaanxi",
    "sy": "liaoning", "nj": "jiangsu", "cq": "chongqing", "zz": "henan",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Province:
    """``code``: of GB/T 2260. ``homes``: the ways of its two uplinks, from the capital to a core city."""

    code: int
    region: str
    city: str
    uplink_gbps: int
    data_centres: int
    homes: tuple[str, str]


PROVINCES = (
    Province(11, "beijing", "bj", 2000, 3, ("bj", "bj sjz zz")),
    Province(12, "tianjin", "tj", 1200, 1, ("tj bj", "tj jn xuz nj")),
    Province(13, "hebei", "sjz", 1200, 2, ("sjz bj", "sjz zz")),
    Province(14, "shanxi", "ty", 1200, 0, ("ty bj", "ty xa")),
    Province(15, "inner-mongolia", "hhht", 800, 2, ("hhht zjk bj", "hhht yl xa")),
    Province(21, "liaoning", "sy", 1200, 2, ("sy", "sy qhd bj")),
    Province(22, "jilin", "cc", 800, 0, ("cc sy", "cc tl cf bj")),
    Province(23, "heilongjiang", "hrb", 800, 0, ("hrb cc sy", "hrb tl cf bj")),
    Province(31, "shanghai", "sh", 2000, 3, ("sh", "sh wx nj")),
    Province(32, "jiangsu", "nj", 2000, 2, ("nj", "nj wx sh")),
    Province(33, "zhejiang", "hz", 2000, 2, ("hz sh", "hz huz nj")),
    Province(34, "anhui", "hf", 1200, 1, ("hf nj", "hf wh")),
    Province(35, "fujian", "fz", 1200, 1, ("fz wz nb sh", "fz xm st gz")),
    Province(36, "jiangxi", "nc", 800, 0, ("nc jj wh", "nc gan gz")),
    Province(37, "shandong", "jn", 1200, 2, ("jn tj bj", "jn xuz nj")),
    Province(41, "henan", "zz", 1200, 2, ("zz", "zz wh")),
    Province(42, "hubei", "wh", 1200, 2, ("wh", "wh zz")),
    Province(43, "hunan", "cs", 1200, 1, ("cs wh", "cs gz")),
    Province(44, "guangdong", "gz", 2000, 3, ("gz", "gz cs wh")),
    Province(45, "guangxi", "nn", 800, 0, ("nn gz", "nn hec gy cq")),
    Province(46, "hainan", "hk", 400, 0, ("hk zj gz", "hk bh nn hec gy cq")),
    Province(50, "chongqing", "cq", 1200, 1, ("cq", "cq cd")),
    Province(51, "sichuan", "cd", 1200, 2, ("cd", "cd bao xa")),
    Province(52, "guizhou", "gy", 800, 2, ("gy cq", "gy gl gz")),
    Province(53, "yunnan", "km", 800, 0, ("km pzh cd", "km lps gy cq")),
    Province(54, "tibet", "lsa", 400, 0, ("lsa cdo cd", "lsa gol xn lz tsh xa")),
    Province(61, "shaanxi", "xa", 1200, 2, ("xa", "xa zz")),
    Province(62, "gansu", "lz", 800, 1, ("lz tsh xa", "lz ln cd")),
    Province(63, "qinghai", "xn", 400, 0, ("xn lz tsh xa", "xn mek cd")),
    Province(64, "ningxia", "yc", 400, 1, ("yc guy xa", "yc bt hhht zjk bj")),
    Province(65, "xinjiang", "ur", 800, 0, ("ur ham jyg lz tsh xa", "ur blk ejn bt hhht zjk bj")),
)

# Gbps, and the cities that the cable passes.
CORE_LINKS = (
    (8000, "bj tj jn xuz nj wx sh"),
    (6000, "bj cz jn qd lyg sh"),
    (6000, "bj tj jn xuz nj"),
    (6000, "bj sjz zz"),
    (6000, "bj hs fy wh"),
    (8000, "bj sjz zz wh cs gz"),
    (6000, "bj hs fy nc gan gz"),
    (4000, "bj qhd sy"),
    (4000, "bj ty xa"),
    (3000, "sy dl yt qd lyg sh"),
    (8000, "nj wx sh"),
    (4000, "nj hf wh"),
    (3000, "nj xuz zz"),
    (6000, "sh hz jj wh"),
    (8000, "sh nb wz fz xm st gz"),
    (6000, "sh hz jh nc gan gz"),
    (6000, "zz wh"),
    (4000, "zz xa"),
    (6000, "wh cs gz"),
    (4000, "wh ych cq"),
    (3000, "xa shy wh"),
    (4000, "xa bao cd"),
    (6000, "cd cq"),
    (3000, "cd pzh km bs nn gz"),
    (4000, "cq gy gl gz"),
)

# Where it is, Gbps, and the way to each region; "~" before a city: the way there is through the sea.
GATEWAYS = (
    ("igw-bj", "p-bj", 520, {
        "north-america": "bj qd ~los-angeles", "europe": "bj ulaanbaatar moscow frankfurt", "japan": "bj qd ~tokyo",
        "korea": "bj qd ~seoul", "hong-kong": "bj wh gz hong-kong", "south-east-asia": "bj wh gz ~singapore",
        "oceania": "bj qd ~guam ~sydney", "south-asia": "bj wh gz ~singapore ~mumbai",
        "middle-east": "bj wh gz ~singapore ~mumbai ~dubai", "russia": "bj ulaanbaatar moscow",
        "central-asia": "bj lz ur almaty",
    }),
    ("igw-sh", "p-sh", 820, {
        "north-america": "sh ~los-angeles", "europe": "sh ~hong-kong ~singapore ~mumbai ~cairo ~marseille frankfurt",
        "japan": "sh ~tokyo", "korea": "sh ~seoul", "hong-kong": "sh ~hong-kong", "south-east-asia": "sh ~singapore",
        "oceania": "sh ~guam ~sydney", "south-asia": "sh ~singapore ~mumbai",
        "middle-east": "sh ~singapore ~mumbai ~dubai", "russia": "sh bj ulaanbaatar moscow",
        "central-asia": "sh xa lz ur almaty",
    }),
    ("igw-gz", "p-gz", 800, {
        "north-america": "gz ~guam ~los-angeles", "europe": "gz ~singapore ~mumbai ~cairo ~marseille frankfurt",
        "japan": "gz ~tokyo", "korea": "gz ~seoul", "hong-kong": "gz hong-kong", "south-east-asia": "gz ~singapore",
        "oceania": "gz ~guam ~sydney", "south-asia": "gz ~singapore ~mumbai",
        "middle-east": "gz ~singapore ~mumbai ~dubai", "russia": "gz wh bj ulaanbaatar moscow",
        "central-asia": "gz xa lz ur almaty",
    }),
    ("igw-km", "pe-km", 90, {"south-east-asia": "km bangkok singapore", "south-asia": "km mandalay mumbai"}),
    ("igw-nn", "pe-nn", 110, {"south-east-asia": "nn hanoi bangkok singapore"}),
    ("igw-ur", "pe-ur", 80, {
        "central-asia": "ur almaty", "europe": "ur almaty moscow frankfurt", "russia": "ur almaty novosibirsk moscow",
    }),
    ("igw-hrb", "pe-hrb", 40, {
        "russia": "hrb chita novosibirsk moscow", "japan": "hrb vladivostok ~tokyo",
        "europe": "hrb chita moscow frankfurt",
    }),
)  # fmt: skip

# The optical layer of the lab: its links, each a straight cable, and how many client ports its nodes have.
OTN_LINKS = (
    "bj jn", "jn nj", "nj sh", "nj hz", "sh hz", "bj zz", "jn zz", "zz wh", "zz xa", "nj wh", "wh cs", "cs gz", "hz cs",
    "hz gz", "xa nj", "xa cd", "cd cq", "cq wh", "cq cs",
)  # fmt: skip
OTN_CLIENTS = {"bj": 3, "sh": 4, "gz": 3} | dict.fromkeys(("jn", "nj", "hz", "zz", "wh", "cs", "xa", "cd", "cq"), 2)
OTN_NODE_DELAY_NS, FIRST_NETCONF_PORT, FIRST_LINE_PORT = 20_000, 18310, 101


def china_backbone() -> Topology:
    cores = [_core(number, city) for number, city in enumerate(CORES, start=1)]
    ports = {node.name: count(1) for node in cores} | {_edge(province).name: count(1) for province in PROVINCES}
    links = [*_core_links(ports), *_uplinks(PROVINCES, ports)]
    return Topology(
        name="china-backbone",
        nodes=(*cores, *map(_edge, PROVINCES)),
        links=tuple(links),
        sites=tuple(site for province in PROVINCES for site in (*_data_centres(province), _internet(province))),
        gateways=tuple(_gateways()),
    )


def lab_backbone() -> Topology:
    """The provinces with data centres, at 1 : ``LAB_SCALE``; delays as they are. Two ports in each data centre city."""
    provinces = [replace(province, data_centres=2) for province in PROVINCES if province.data_centres]
    cores = [_core(number, city) for number, city in enumerate(CORES, start=1)]
    ports = {node.name: count(1) for node in cores} | {_edge(province).name: count(1) for province in provinces}
    links = [*_core_links(ports), *_uplinks(provinces, ports)]
    scaled = [
        replace(link, capacity_bps=PerDirection(*(bps // LAB_SCALE for bps in link.capacity_bps))) for link in links
    ]
    return Topology(
        name="lab-backbone",
        nodes=(*cores, *map(_edge, provinces), *_otn_nodes()),
        links=tuple(replace(link, mtu_bytes=1600) for link in (*scaled, *_optical_links(ports))),
        otn_node_delay_ns=OTN_NODE_DELAY_NS,
        sites=tuple(site for province in provinces for site in _data_centres(province)),
    )


def _core(number: int, city: str) -> Node:
    device = OpenFlowDevice(datapath_id=CORE_DATAPATHS + number)
    return Node(name=f"p-{city}", role=Role.P, region=CORE_REGIONS[city], location=_place(city), device=device)


def _edge(province: Province) -> Node:
    """Its datapath's number reads as the province's code: ...44 is Guangdong."""
    device = OpenFlowDevice(datapath_id=int(str(province.code), 16))
    place = _place(province.city)
    return Node(name=f"pe-{province.city}", role=Role.PE, region=province.region, location=place, device=device)


def _otn_nodes() -> Iterator[Node]:
    regions = {province.city: province.region for province in PROVINCES}
    for port, city in enumerate(OTN_CLIENTS, start=FIRST_NETCONF_PORT):
        device = NetconfDevice(
            host="127.0.0.1", port=port, username="root", key_file="keys/id", known_hosts="keys/known_hosts"
        )
        yield Node(name=f"otn-{city}", role=Role.OTN, region=regions[city], location=_place(city), device=device)


def _optical_links(ports: dict[str, count[int]]) -> Iterator[Link]:
    """``ports`` of the PEs, where client links begin."""
    lines = {f"otn-{city}": count(FIRST_LINE_PORT) for city in OTN_CLIENTS}
    for way in OTN_LINKS:
        a, z = way.split()
        yield replace(_link(f"otn-{a}-{z}", f"otn-{a}", f"otn-{z}", 100, [a, z], lines), odu=OduType.ODU4)
    for city, clients in OTN_CLIENTS.items():
        numbers = count(1)
        for number in range(1, clients + 1):
            both = {**ports, f"otn-{city}": numbers}
            yield replace(_link(f"client-{city}-{number}", f"pe-{city}", f"otn-{city}", 1, [city], both), cost=1)


def _core_links(ports: dict[str, count[int]]) -> Iterator[Link]:
    pairs = Counter(_ends(way) for _, way in CORE_LINKS)
    seen: Counter[tuple[str, str]] = Counter()
    for gbps, way in CORE_LINKS:
        a, z = _ends(way)
        seen[a, z] += 1
        number = f"-{seen[a, z]}" if pairs[a, z] > 1 else ""
        yield _link(f"{a}-{z}{number}", f"p-{a}", f"p-{z}", gbps, way.split(), ports)


def _uplinks(provinces: Iterable[Province], ports: dict[str, count[int]]) -> Iterator[Link]:
    for province in provinces:
        for way in province.homes:
            a, z = _ends(way)
            yield _link(f"up-{a}-{z}", f"pe-{a}", f"p-{z}", province.uplink_gbps, way.split(), ports)


def _link(name: str, a: str, z: str, gbps: int, way: Sequence[str], ports: dict[str, count[int]]) -> Link:
    km = _cable_km(way)
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=next(ports[a]),
        z_port=next(ports[z]),
        capacity_bps=PerDirection.both(gbps * GBPS),
        delay_ns=PerDirection.both(_rounded(fibre_delay_ns(km))),
        srlgs=tuple(f"cable-{'-'.join(sorted(pair))}" for pair in pairwise(way)),
        cost=ceil(100 * km / gbps),  # a kilometre costs the less, the more its cable carries
        mtu_bytes=9216,
    )


def _data_centres(province: Province) -> Iterator[Site]:
    for number in range(1, province.data_centres + 1):
        port = FIRST_SITE_PORT + number - 1
        yield Site(name=f"dc-{province.city}-{number}", node=f"pe-{province.city}", port=port)


def _internet(province: Province) -> Site:
    return Site(
        name=f"prov-{province.region}",
        node=f"pe-{province.city}",
        port=FIRST_INTERNET_PORT,
        service=SiteService.INTERNET,
        prefixes=(f"10.{province.code}.0.0/16", f"fd00:{province.code}::/32"),
        next_hop=NextHop(mac=f"02:00:00:00:01:{province.code}", ip=f"10.{province.code}.0.2"),
    )


def _gateways() -> Iterator[Gateway]:
    for number, (name, node, gbps, ways) in enumerate(GATEWAYS, start=1):
        yield Gateway(
            name=name,
            node=node,
            port=FIRST_GATEWAY_PORT,
            capacity_bps=gbps * GBPS,
            delays_ns=tuple((region, _rounded(_abroad_ns(way.split()))) for region, way in ways.items()),
            # Addresses of the range for such links between networks (RFC 6598), and of that for documentation.
            next_hop=NextHop(mac=f"02:00:00:00:02:{number:02x}", ip=f"100.64.{number}.1"),
            addresses=(f"100.64.{number}.2", f"2001:db8:{number}::2"),
        )


def _abroad_ns(way: Sequence[str]) -> int:
    km = 0.0
    for here, there in pairwise(way):
        factor = SEA_FACTOR if there.startswith("~") else ROUTE_FACTOR
        km += factor * great_circle_km(_place(here.removeprefix("~")), _place(there.removeprefix("~")))
    return fibre_delay_ns(km)


def _cable_km(way: Sequence[str]) -> float:
    if len(way) == 1:
        return METRO_KM
    return ROUTE_FACTOR * sum(great_circle_km(_place(a), _place(z)) for a, z in pairwise(way))


def _ends(way: str) -> tuple[str, str]:
    cities = way.split()
    return cities[0], cities[-1]


def _place(city: str) -> Location:
    lat, lon = CITIES[city]
    return Location(lat=lat, lon=lon)


def _rounded(delay_ns: int) -> int:
    return ceil(delay_ns / DELAY_STEP_NS) * DELAY_STEP_NS


MODEL = """\
Fact:     the 31 provinces, municipalities and autonomous regions of mainland China with their capitals, and where these
          lie (rounded to 0.01 degrees). The ten core cities are the national backbone interconnection points of 2014
          (Ministry of Industry and Information Technology: Beijing, Shanghai, Guangzhou, and since then Chengdu, Wuhan,
          Xi'an, Shenyang, Nanjing, Chongqing, Zhengzhou).
Modelled: all the rest, also that these cities are the core; no operator's network looks like this. Cables follow
          railways and coasts from city to city: the SRLG cable-X-Y is what lies between X and Y, so that links share
          the fate of what they share. Delay: great circle from city to city x 1.3 (cables do not run straight)
          x 4.9 us/km (light in fibre), rounded up to 10 us; 10 km within a city. Cost: km of cable x 100 / Gbps, so
          that the wide links are the cheap ones. Each PE has two uplinks, to two core cities, that share no cable.
"""

CHINA_HEADER = f"""\
The backbone of a country: {{nodes}} nodes, {{links}} links, {{sites}} sites, {{gateways}} international gateways.
Written by topologies/make_backbones.py; change that, not this.

{MODEL.rstrip()}

Fact:     200 Tbps of domestic capacity, 2,460 Gbps abroad and data centre lines between 21 provinces are the figures
          given for China169 (AS4837). Beijing, Shanghai and Guangzhou have the country's international gateways for
          all the world. The codes in prefixes and datapath numbers are those of GB/T 2260.
Modelled: how these sums are distributed: {{tbps}} Tbps over all links (each counted once, in one direction);
          the regional gateways; which gateway reaches which region, and its delay: great circles over cities and
          landings, x 1.3 on land, x 1.4 at sea. Which 21 provinces have data centres: the eight hubs of the national
          computing network (2022) and the large cities.
          Routers of provinces and abroad, their addresses and ours.
Ports: 1-99 to other nodes, 101-149 data centres, 150 the province's internet users, 201 abroad.
"""

LAB_HEADER = f"""\
The backbone for the lab: {{nodes}} nodes, {{links}} links, {{sites}} sites.
Written by topologies/make_backbones.py; change that, not this.

The network of china-backbone.yaml with the same core, cables and delays, reduced to the 21 provinces with data centres
(two sites each), and its rates to 1 : {LAB_SCALE:,}: what one machine carries. No gateways. Below it an optical layer:
an OTN node beside each of {len(OTN_CLIENTS)} PEs, with two to four client ports of 1 Gbps; links of 100 Gbps (ODU4),
in straight cables. For each OTN node the lab starts a NETCONF server at the address that it has here.

{MODEL.rstrip()}
Ports of switches: 1-99 to other nodes, 101 and 102 to customers; of OTN nodes: 1-99 clients, from 101 on lines.
"""


def written(topology: Topology, header: str) -> str:
    counts = {kind: len(getattr(topology, kind)) for kind in ("nodes", "links", "sites", "gateways")}
    tbps = round(sum(link.capacity_bps.a_to_z for link in topology.links) / 10**12)
    return write_topology(topology, header=header.format(**counts, tbps=tbps).splitlines())


def files() -> dict[Path, str]:
    return {
        HERE / "china-backbone.yaml": written(china_backbone(), CHINA_HEADER),
        HERE / "lab-backbone.yaml": written(lab_backbone(), LAB_HEADER),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
