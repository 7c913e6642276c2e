#!/usr/bin/env python3
"""Writes the graphs of tests/graphs anew, and what networkx measures of them.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install networkx && apt-get install graphviz
    /tmp/v/bin/python scripts/graph_reference.py

The files are drawn with a fixed seed. GraphML is read by networkx, DOT by Graphviz' own gvpr; both become the simple
graph that src/graph/formats/mod.rs describes, which networkx measures. The answers are in tests/graphs/answers.json;
tests/graph_conformance.rs compares them with what `chimp graph` says.
"""

import json
import os
import random
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import networkx as nx

SEED = 20261128
EACH = 50
FOLDER = Path(__file__).resolve().parent.parent / "tests" / "graphs"
CLIENTS = {"client", "clients"}
WORDS = ["web", "db", "cache", "core", "rack", "größe", "сервер", "東京", "node b", "a&b", "x<y", 'say "hi"', "it's", "München Süd"]


# -- the simple graph and its measures ---------------------------------------------------------------------------

def answers(nodes, edges):
    """`nodes`: id -> (label or None, role, zone); `edges`: (from, to, directed)."""
    is_client = {id: id in CLIENTS or label in CLIENTS for id, (label, _, _) in nodes.items()}
    one = lambda id: "clients" if is_client[id] else id
    pairs = set()
    for a, b, directed in edges:
        a_client, b_client = is_client[a], is_client[b]
        if a_client and b_client or a == b:
            continue
        if a_client or b_client:
            pairs.add((one(a), one(b)) if a_client else (one(b), one(a)))
            continue
        pairs.add((a, b))
        if not directed:
            pairs.add((b, a))
    directed = nx.DiGraph()
    directed.add_nodes_from(id for id in nodes if not is_client[id])
    directed.add_edges_from(pairs)
    simple = nx.Graph(directed)
    betweenness = nx.betweenness_centrality(simple)
    points = set(nx.articulation_points(simple))
    names = shown(nodes, is_client)

    def cuts_off(node):
        rest = simple.subgraph(set(simple) - {node})
        return len(rest) - max((len(piece) for piece in nx.connected_components(rest)), default=0)

    return {
        "links": simple.number_of_edges(),
        "bridges": sorted(sorted(bridge) for bridge in nx.bridges(simple)),
        # Name, role, zone, degree, in-degree, out-degree, betweenness, articulation point, how many it cuts off.
        "servers": {
            id: [
                names[id],
                nodes[id][1] or None,
                nodes[id][2] or None,
                simple.degree(id),
                directed.in_degree(id),
                directed.out_degree(id),
                round(betweenness[id], 12),
                id in points,
                cuts_off(id),
            ]
            for id in nodes
            if not is_client[id]
        },
    }


def shown(nodes, is_client):
    """The label; with the id where another node has that label, or has it for its id."""
    names = {}
    for id, (label, _, _) in nodes.items():
        others = [other for other in nodes if other != id]
        shared = any(other == label or (nodes[other][0] or other) == label for other in others)
        names[id] = id if not label else f"{label} ({id})" if shared else label
    return names


# -- reading -----------------------------------------------------------------------------------------------------

def read_graphml(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = nx.read_graphml(path)
    tree = ElementTree.parse(path)
    local = lambda element: element.tag.rpartition("}")[2]
    defaults = {}
    for key in tree.iter():
        if local(key) == "key" and key.get("for", "all") in ("node", "all"):
            for child in key:
                if local(child) == "default":
                    defaults[key.get("attr.name", key.get("id"))] = child.text or ""
    groups = {
        node.get("id")
        for node in tree.iter()
        if local(node) == "node" and any(local(inner) == "node" for inner in node.iter() if inner is not node)
    }
    tidy = lambda value: " ".join(str(value).split())
    nodes = {}
    for id, data in graph.nodes(data=True):
        if id in groups and graph.degree(id) == 0:
            continue
        said = {**defaults, **data}
        label = tidy(said.get("name", "")) or tidy(said.get("label", ""))
        nodes[id] = (label if label != id else None, tidy(said.get("role", "")), tidy(said.get("zone", "")))
    return nodes, [(a, b, graph.is_directed()) for a, b in graph.edges()]


PROGRAM = r"""
BEG_G { printf("G\t%d\n", $G.directed); }
N { printf("N\t%s\t%s\t%s\n", $.name, isAttr($G, "N", "role") ? aget($, "role") : "",
                                      isAttr($G, "N", "zone") ? aget($, "zone") : ""); }
E { printf("E\t%s\t%s\n", $.tail.name, $.head.name); }
"""


def read_dot(path):
    # Graphviz takes a byte order mark for a part of the first word.
    text = path.read_text(encoding="utf-8-sig")
    ran = subprocess.run([os.environ.get("GVPR", "gvpr"), PROGRAM], input=text, capture_output=True, encoding="utf-8")
    if ran.returncode != 0 or ran.stderr:
        sys.exit(f"{path}: gvpr says {ran.stderr}\n{path.read_text()}")
    nodes, edges, directed = {}, [], False
    for line in ran.stdout.splitlines():
        kind, *fields = line.split("\t")
        if kind == "G":
            directed = fields[0] == "1"
        elif kind == "N":
            nodes[fields[0]] = (None, fields[1], fields[2])
        else:
            edges.append((fields[0], fields[1], directed))
    return nodes, edges


# -- what is written ---------------------------------------------------------------------------------------------

def drawn(rng):
    """A multigraph by numbers: how many nodes, and edges of which some repeat and some are loops."""
    count = rng.randint(2, 13)
    shape = rng.choice(["tree", "ring", "random", "sparse", "stars"])
    if shape == "tree":
        edges = [(rng.randrange(n), n) for n in range(1, count)]
    elif shape == "ring":
        edges = [(n, (n + 1) % count) for n in range(count)]
    elif shape == "stars":
        edges = [(n % 2, n) for n in range(2, count)] + [(0, 1)]
    else:
        edges = [tuple(rng.sample(range(count), 2)) for _ in range(count if shape == "sparse" else 2 * count)]
    if rng.random() < 0.5:
        edges += [rng.choice(edges) for _ in range(2)]
        edges += [(b, a) for a, b in rng.sample(edges, 1)]
    if rng.random() < 0.4:
        edges += [(n, n) for n in rng.sample(range(count), 1)]
    rng.shuffle(edges)
    return count, edges


def label_of(rng, number):
    style = rng.random()
    if style < 0.3:
        return rng.choice(WORDS)
    return "None" if style < 0.4 else f"{rng.choice(WORDS)} {number}"


def xml_text(rng, text):
    style = rng.random()
    if style < 0.2:
        return f"<![CDATA[{text}]]>"
    if style < 0.3:
        return "".join(f"&#x{ord(letter):x};" for letter in text)
    return escape(text)


def graphml(rng):
    return rng.choice([graphml_of_networkx, graphml_of_yed, graphml_by_hand, graphml_by_hand])(rng)


def graphml_of_networkx(rng):
    count, edges = drawn(rng)
    graph = rng.choice([nx.MultiGraph, nx.MultiDiGraph, nx.Graph, nx.DiGraph])()
    for n in range(count):
        data = {"load": rng.random(), "spare": rng.random() < 0.5, "slots": rng.randint(1, 9)}
        if rng.random() < 0.7:
            data["label"] = label_of(rng, n)
        if rng.random() < 0.5:
            data["zone"] = rng.choice("ab")
        graph.add_node(n if rng.random() < 0.5 else f"s-{n}", **data)
    ids = list(graph)
    for a, b in edges:
        graph.add_edge(ids[a], ids[b], name="cable", weight=rng.random())
    return "\n".join(nx.generate_graphml(graph)) + "\n"


def graphml_of_yed(rng):
    count, edges = drawn(rng)
    directed = rng.choice(["directed", "undirected"])
    y = rng.choice(["y", "yworks"])
    shapes = ["ShapeNode", "GenericNode", "ImageNode", "SVGNode"]

    def label(text, more=""):
        inner = f"<{y}:LabelModel><{y}:SmartNodeLabelModel distance='4.0'/></{y}:LabelModel>" if rng.random() < 0.5 else ""
        return f'<{y}:NodeLabel alignment="center" visible="true"{more}>{escape(text)}{inner}</{y}:NodeLabel>'

    def node(id, text):
        shape = rng.choice(shapes)
        drawn = f"<{y}:{shape}><{y}:Geometry height='30.0' width='30.0' x='0' y='0'/>{label(text)}</{y}:{shape}>"
        return f'<node id="{id}"><data key="d4"/><data key="d6">{drawn}</data></node>'

    ids, lines, inside = [], [], count // 3 if rng.random() < 0.5 else 0
    for n in range(count):
        ids.append(f"n0::n{n}" if n < inside else f"n{n + 1}")
    for n, id in enumerate(ids[inside:], inside):
        text = "clients" if n == count - 1 and rng.random() < 0.4 else label_of(rng, n)
        lines.append(node(id, text))
    if inside:
        group = (
            f"<{y}:ProxyAutoBoundsNode><{y}:Realizers active='0'><{y}:GroupNode>{label('Rack')}</{y}:GroupNode>"
            f"</{y}:Realizers></{y}:ProxyAutoBoundsNode>"
        )
        nodes = "".join(node(id, label_of(rng, n)) for n, id in enumerate(ids[:inside]))
        lines.insert(0, f'<node id="n0" yfiles.foldertype="group"><data key="d6">{group}</data>'
                        f'<graph edgedefault="{directed}" id="n0:">{nodes}</graph></node>')
    for n, (a, b) in enumerate(edges):
        arrow = f"<{y}:PolyLineEdge><{y}:Arrows source='none' target='standard'/><{y}:EdgeLabel>up</{y}:EdgeLabel></{y}:PolyLineEdge>"
        data = f'<data key="d9"/><data key="d10">{arrow}</data>' if rng.random() < 0.3 else ""
        lines.append(f'<edge id="e{n}" source="{ids[a]}" target="{ids[b]}">{data}</edge>')
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
        f'<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:{y}="http://www.yworks.com/xml/graphml">\n'
        '<!--Created by a tool-->\n<key attr.name="Description" attr.type="string" for="graph" id="d0"/>\n'
        '<key for="port" id="d1" yfiles.type="portgraphics"/>\n<key attr.name="description" attr.type="string" for="node" id="d4"/>\n'
        '<key for="node" id="d6" yfiles.type="nodegraphics"/>\n<key for="graphml" id="d7" yfiles.type="resources"/>\n'
        '<key attr.name="description" attr.type="string" for="edge" id="d9"/>\n<key for="edge" id="d10" yfiles.type="edgegraphics"/>\n'
        f'<graph edgedefault="{directed}" id="G">\n<data key="d0"/>\n' + "\n".join(lines) +
        f'\n</graph>\n<data key="d7"><{y}:Resources/></data>\n</graphml>\n'
    )


def graphml_by_hand(rng):
    """As igraph, Gephi and the Internet Topology Zoo write it, and with what the format has beside."""
    count, edges = drawn(rng)
    g = rng.choice(["", "", "g:"])
    xmlns = 'xmlns:g' if g else "xmlns"
    named = rng.choice(["name", "label"])
    ids = [rng.choice([f"n{n}", str(n), f"s.{n}", f"größe-{n}"]) for n in range(count)]
    default = f"<{g}default>{rng.choice('abc')}</{g}default>" if rng.random() < 0.5 else ""
    nodes = []
    for n, id in enumerate(ids):
        data = ""
        if rng.random() < 0.8:
            text = "clients" if n == 0 and rng.random() < 0.3 else label_of(rng, n)
            data += f'<{g}data key="v_name">{xml_text(rng, text)}</{g}data>'
        if rng.random() < 0.4:
            data += f'<{g}data key="v_zone">{rng.choice(["a", " b ", "north & south".replace("&", "&amp;")])}</{g}data>'
        if rng.random() < 0.3:
            data += f'<{g}data key="v_role">{rng.choice(["web", "db"])}</{g}data>'
        if rng.random() < 0.2:
            data += f'<{g}port name="p"><{g}desc>a port</{g}desc></{g}port>'
        if rng.random() < 0.3:
            data += f'<{g}data key="v_load">{rng.random():.3f}</{g}data>'
        nodes.append(f"<{g}node id={quoteattr(id)}>{data}</{g}node>")
    lines = []
    for n, (a, b) in enumerate(edges):
        ports = ' sourceport="p"' if rng.random() < 0.2 else ""
        data = f'<{g}data key="e_name">10 Gbit/s</{g}data>' if rng.random() < 0.3 else ""
        lines.append(f"<{g}edge source={quoteattr(ids[a])} target={quoteattr(ids[b])}{ports}>{data}</{g}edge>")
    body = nodes + lines
    if rng.random() < 0.3:
        body = lines + nodes
    edgedefault = rng.choice([' edgedefault="directed"', ' edgedefault="undirected"', ""])
    mark = "\ufeff" if rng.random() < 0.2 else ""
    return (
        f'{mark}<?xml version="1.0" encoding="UTF-8"?>\n<{g}graphml {xmlns}="http://graphml.graphdrawing.org/xmlns">\n'
        f'<{g}key id="v_name" for="node" attr.name="{named}" attr.type="string"/>\n'
        f'<{g}key id="v_zone" for="node" attr.name="zone" attr.type="string">{default}</{g}key>\n'
        f'<{g}key id="v_role" for="{rng.choice(["node", "all"])}" attr.name="role" attr.type="string"/>\n'
        f'<{g}key id="v_load" for="node" attr.name="load" attr.type="double"><{g}default>0.5</{g}default></{g}key>\n'
        f'<{g}key id="e_name" for="edge" attr.name="name" attr.type="string"><{g}default>cable</{g}default></{g}key>\n'
        f"<{g}graph id=\"G\"{edgedefault}>\n" + "\n".join(body) + f"\n</{g}graph>\n</{g}graphml>\n"
    )


class Dot:
    """A Graphviz file, statement after statement."""

    def __init__(self, rng):
        self.rng = rng
        self.directed = rng.random() < 0.5
        self.arrow = "->" if self.directed else "--"
        count, self.edges = drawn(rng)
        self.ids = [self.new_id(n) for n in range(count)]
        if rng.random() < 0.2:
            self.ids[0] = "clients"
        self.names = ["cluster_a", "rack 1", "r2", "7"]

    def new_id(self, n):
        return self.rng.choice([f"n{n}", f"_s{n}", f"{n}", f"-{n}.5", f".{n}", f"web-{n}", f"größe{n}", f"東{n}", f"a b {n}",
                                f'q"{n}', f"b\\\\{n}", f"Node{n}", f"x\\n{n}", f"{{{n}}}", f"a:{n}", f"node {n}", f"<b>{n}"])

    def id(self, id):
        bare = all(c.isalnum() and (c.isascii() or True) or c == "_" for c in id) and not id[0].isdigit()
        bare = bare and not id[0].isnumeric() and id.lower() not in {"node", "edge", "graph", "digraph", "subgraph", "strict"}
        numeral = id.lstrip("-").replace(".", "", 1).isdigit() and id.isascii()
        if (bare or numeral) and self.rng.random() < 0.6:
            return id
        quoted = id.replace('"', '\\"')
        style = self.rng.random()
        if style < 0.2 and len(id) > 1 and "\\" not in id and '"' not in id:
            return f'"{id[0]}" + "{id[1:]}"'
        if style < 0.3 and "\\" not in quoted and len(id) > 1:
            return f'"{quoted[0]}\\\n{quoted[1:]}"'
        return f'"{quoted}"'

    def node(self, number):
        port = self.rng.choice(["", "", "", ":p", ":p:n", ':"in 1"', ":sw", ":<f>"])
        return self.id(self.ids[number]) + port

    def attributes(self, of_node):
        rng = self.rng
        if rng.random() < 0.5:
            return ""
        choices = ["color=red", 'label="a \\"b\\" c"', "label=<<b>bold</b> <i>x</i>>", 'style="filled,bold"', "weight=2", "pos=\"1,2!\"",
                   "label=<a &amp; b<br/><!-- a -- b -->>", 'tooltip="two" + " parts"', "penwidth=.5", 'url="http://x//y"']
        if of_node:
            choices += ["zone=a", 'zone="b c"', "role=web", "role=db", 'zone=""']
        picked = rng.sample(choices, rng.randint(1, 3))
        separator = rng.choice([", ", "; ", " ", ",\n    "])
        if rng.random() < 0.2:
            return " [" + picked[0] + "][" + separator.join(picked[1:]) + "]"
        return " [" + separator.join(picked) + "]"

    def noise(self):
        return self.rng.choice([
            "", "", "", "// a -> b\n", "/* c -- d\n */ ", "\n# 1 \"file.c\"\n", "rankdir = LR;", "graph [size=\"4,4\"];", "EDGE [color=blue]\n",
            "node [shape=box];", "node [zone=c]\n", "Node [role=cache, zone=\"\"];", "label = <<u>title</u>>;", "edge [dir=none]; ",
        ])

    def some(self):
        """A side of an arrow: a node, a list of them, or a subgraph."""
        rng = self.rng
        style = rng.random()
        pick = lambda: self.node(rng.randrange(len(self.ids)))
        if style < 0.7:
            return pick()
        if style < 0.78:
            return f"{pick()}, {pick()}"
        return self.subgraph(2)

    def subgraph(self, depth):
        rng = self.rng
        head = rng.choice(["", "", "subgraph ", f"subgraph {self.id(rng.choice(self.names))} ", f"SubGraph {self.id(rng.choice(self.names))}"])
        inner = []
        for _ in range(rng.randint(1, 2)):
            style = rng.random()
            if style < 0.5:
                inner.append(self.id(self.ids[rng.randrange(len(self.ids))]) + self.attributes(True))
            elif style < 0.7:
                inner.append(rng.choice(["node [zone=d]", "node [role=inner]", "rank=same", "edge [style=dotted]"]))
            elif style < 0.85 and depth:
                inner.append(self.subgraph(depth - 1))
            else:
                inner.append(f"{self.node(rng.randrange(len(self.ids)))} {self.arrow} {self.node(rng.randrange(len(self.ids)))}")
        return head + "{ " + rng.choice(["; ", "\n    ", " ;\n"]).join(inner) + " }"

    def text(self):
        rng = self.rng
        statements = []
        for a, b in self.edges:
            arrow = rng.choice([f" {self.arrow} ", self.arrow]) if rng.random() < 0.8 else f"/* to */{self.arrow}\n  "
            if rng.random() < 0.15:
                sides = [self.some() for _ in range(rng.randint(2, 3))]
                statements.append(f" {self.arrow} ".join(sides) + self.attributes(False))
            left, right = self.node(a), self.node(b)
            # `a--.5` and `a ---5` are read, but hard to read.
            arrow = f" {self.arrow} " if right[0] in "-." else arrow
            statements.append(left + arrow + right + self.attributes(False))
        for n in range(len(self.ids)):
            if rng.random() < 0.5:
                statements.append(self.node(n) + self.attributes(True))
        statements += [self.subgraph(3) for _ in range(rng.randint(0, 3))]
        rng.shuffle(statements)
        kind = rng.choice(["digraph", "DiGraph"]) if self.directed else rng.choice(["graph", "GRAPH"])
        head = rng.choice(["", "", "strict ", "Strict\n"]) + kind + rng.choice(["", " G", ' "my site"', " 12", " site_é"])
        body = "".join("  " + self.noise() + statement + rng.choice([";", "\n", ";\n", " ;\n"]) + "\n" for statement in statements)
        return rng.choice(["", "", "\ufeff", "# of cpp\n", "// a site\n"]) + head + " {\n" + body + "}\n" + rng.choice(["", "// the end"])


def main():
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*"):
        old.unlink()
    found = {}
    for kind, write, read in [("graphml", graphml, read_graphml), ("dot", lambda rng: Dot(rng).text(), read_dot)]:
        for number in range(1, EACH + 1):
            rng = random.Random(f"{SEED} {kind} {number}")
            path = FOLDER / f"{number:02}.{kind}"
            path.write_text(write(rng), encoding="utf-8", newline="")
            found[path.name] = answers(*read(path))
    text = ",\n".join(f"  {json.dumps(name)}: {json.dumps(answer, ensure_ascii=False, separators=(',', ':'))}" for name, answer in found.items())
    (FOLDER / "answers.json").write_text("{\n" + text + "\n}\n", encoding="utf-8")
    edges = sum(answer["links"] for answer in found.values())
    print(f"{len(found)} files, {edges} links, {sum(len(answer['bridges']) for answer in found.values())} bridges; networkx {nx.__version__}")


if __name__ == "__main__":
    main()
