"""Which links stand in the way: the fewest that every route has to choose among and none of which it may use."""

from __future__ import annotations

import networkx as nx

from controller.domain.topology import Link
from controller.paths.network import Network
from controller.paths.qualify import LinkFilter


def blocking_links(
    network: Network, start: str, end: str, *, wanted: LinkFilter, admits: LinkFilter
) -> tuple[Link, ...]:
    """A least set of links, by name, such that every route of ``wanted`` links crosses one that ``admits`` refuses.

    Empty when no route of wanted links exists at all. There must be no route of admitted links: then a minimum cut
    in which an admitted link weighs infinitely much and a refused one 1 holds refused links only. Of several
    minimum cuts it is the one nearest to ``end``, which is unique, whatever the order of the input.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from((start, end))
    refused: dict[tuple[str, str], list[Link]] = {}
    for node in network.graph:
        for link, direction in network.links_at(node):
            if not wanted(link, direction):
                continue
            tail, head = link.ends(direction)
            if admits(link, direction):
                graph.add_edge(tail, head, admitted=True)
            else:
                refused.setdefault((tail, head), []).append(link)
    for (tail, head), links in refused.items():
        if not graph.has_edge(tail, head):
            graph.add_edge(tail, head, capacity=len(links))
    # Edmonds-Karp: one short search for each link of the cut, and cuts are small. An edge without capacity is infinite.
    _, (near, far) = nx.minimum_cut(graph, start, end, flow_func=nx.algorithms.flow.edmonds_karp)
    crossing = [link for (tail, head), links in refused.items() if tail in near and head in far for link in links]
    return tuple(sorted(crossing, key=lambda link: link.name))
