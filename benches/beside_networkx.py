"""Times networkx on a graph: python3 beside_networkx.py betweenness|articulation EDGES VALUES

EDGES has the number of nodes in its first line, then a pair of numbers a line. VALUES is written, a line a node: the
betweenness, or 1 for an articulation point and 0 for others. Prints the seconds that the measure alone took.
"""
import sys
import time

import networkx


def main(measure, edges, values):
    with open(edges, encoding="ascii") as file:
        graph = networkx.empty_graph(int(next(file)))
        graph.add_edges_from(tuple(map(int, line.split())) for line in file)
    begun = time.monotonic()
    if measure == "betweenness":
        found = networkx.betweenness_centrality(graph)
    else:
        points = set(networkx.articulation_points(graph))
        found = {node: int(node in points) for node in graph}
    took = time.monotonic() - begun
    with open(values, "w", encoding="ascii") as file:
        file.writelines(f"{found[node]!r}\n" for node in sorted(graph))
    print(f"{networkx.__version__} {took:.6f}")


main(*sys.argv[1:])
