//! The same graph from every format, and what is told when a file is wrong.

use std::path::Path;

use super::*;
use crate::graph::Table;
use crate::infrastructure::tiers::Draft;

fn read(file: &str, text: &str) -> Result<GraphFile, GraphError> {
    let text = Text { path: Path::new(file), text: text.to_string() };
    match file.rsplit('.').next() {
        Some("json") => json::read(&text),
        Some("dot") => dot::read(&text),
        _ => graphml::read(&text),
    }
}

fn of(file: &str, text: &str) -> Result<Links, GraphError> {
    read(file, text).map(|read| read.links)
}

fn fixture(name: &str) -> Links {
    read_links(&Path::new("fixtures").join(name)).unwrap().links
}

fn names(links: &Links) -> Vec<&str> {
    links.servers().iter().map(|server| server.name.as_str()).collect()
}

/// Names, and links by the names of their ends.
fn shape(links: &Links) -> (Vec<&str>, Vec<String>) {
    let pairs = links.now().links().map(|(from, to)| format!("{}>{}", links.name(from), links.name(to)));
    (names(links), pairs.collect())
}

/// What is told of each text, one after the other.
fn told(file: &str, texts: &[&str]) -> String {
    let errors = texts.iter().map(|text| match of(file, text) {
        Ok(links) => format!("{text}\n=> read: {links:?}"),
        Err(why) => format!("{text}\n=> {why}"),
    });
    errors.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn the_same_graph_from_every_format_is_the_same() {
    let shop = fixture("graphs/shop.json");
    assert_eq!(shop, fixture("graphs/shop.dot"));
    assert_eq!(shop, fixture("graphs/shop.graphml"));
    assert_eq!(shop.servers().len(), 12);
}

#[test]
fn the_paper_as_json_is_the_paper_with_both_balancers_entered() {
    let json = fixture("attacks/graph.json");
    let mut draft = Draft::default();
    draft.behind_haproxy(4, "webserver").unwrap();
    let drafted = Links::of(&draft.build().unwrap(), None);
    assert_eq!(json.lasting(), drafted.lasting());
    assert_eq!(fixture("infrastructures/paper.yaml").lasting(), drafted.lasting());
}

#[test]
fn a_link_may_be_said_by_one_end_or_by_both() {
    let one = of("g.json", r#"[{"name": "a", "out": ["b"]}, {"name": "b"}]"#).unwrap();
    let other = of("g.json", r#"[{"name": "a"}, {"name": "b", "in": ["a"]}]"#).unwrap();
    let both = of("g.json", r#"[{"name": "a", "out": ["b"]}, {"name": "b", "in": ["a"]}]"#).unwrap();
    assert_eq!((&one, &one), (&other, &both));
    assert_eq!(one.now().links().collect::<Vec<_>>(), [(0, 1)]);
}

#[test]
fn what_is_wrong_with_json_is_one_error_with_its_place_and_a_hint() {
    insta::assert_snapshot!(told(
        "g.json",
        &[
            "",
            "{}",
            "[]",
            "[{\"name\": \"a\",]",
            "[{\"name\": \"a\"}, {\"in\": []}]",
            "[{\"name\": \"a\", \"outs\": []}]",
            "[{\"name\": \"a\", \"out\": \"b\"}]",
            "[{\"name\": 7}]",
            "[{\"name\": \"web-1\"},\n {\"name\": \"lb\", \"out\": [\"web-2\"]}]",
            "[{\"name\": \"web-1\"},\n {\"name\": \"web-1\"}]",
            "[{\"name\": \"a\", \"in\": [\"b\", \"b\"]}, {\"name\": \"b\"}]",
            "[{\"name\": \"a\", \"in\": [\"a\"]}]",
            "[{\"name\": \"client\"}]",
            "[{\"name\": \"\"}]",
            "[{\"name\": \"a\\nb\"}]",
            "null",
            "[{\"name\": \"a\\u0062\", \"out\": [\"nobody-knows-it\"]}]",
        ]
    ));
}

#[test]
fn what_is_wrong_with_dot_is_one_error_with_its_place_and_a_hint() {
    insta::assert_snapshot!(told(
        "g.dot",
        &[
            "",
            "digraph { }",
            "graf { a -- b }",
            "digraph {\n  a -> b\n  b -- c\n}",
            "graph { a -> b }",
            "digraph { a -> }",
            "digraph { a -> b",
            "digraph { \"a }",
            "digraph { web-1 -> b }",
            "digraph { a -> 2b }",
            "digraph { a [label=<b>x</b>] }",
            "digraph { a [label=<<b>x</b>] }",
            "digraph { <b>x</b> -> a }",
            "digraph { a -> node }",
            "digraph { { a b } [zone=north] }",
            "digraph { a + b }",
            "digraph { subgraph rack -> a }",
            "digraph { node; a }",
            "digraph { a \u{1} }",
            "digraph { \"\" -> a }",
            "digraph { a [label] ] }",
            "digraph { a } digraph { b }",
            "digraph { /* a }",
        ]
    ));
}

#[test]
fn what_is_wrong_with_graphml_is_one_error_with_its_place_and_a_hint() {
    let graph = |inner: &str| format!("<graphml><graph edgedefault=\"directed\">\n{inner}\n</graph></graphml>");
    let texts = [
        String::new(),
        "<graphml><graph></graphml>".into(),
        graph(""),
        graph("<node/>"),
        graph("<node id=\"a\"/><node id=\"a\"/>"),
        graph("<node id=\"a\"/>\n  <edge source=\"a\" target=\"b\"/>"),
        graph("<node id=\"a\"/><edge source=\"a\"/>"),
        graph("<node id=\"a\"/><hyperedge/>"),
        graph("<node id=\"a\"><locator/></node>"),
        graph("<vertex id=\"a\"/>"),
        graph("<nodes/>"),
        graph("<node id=\"a\"><node id=\"b\"/></node>"),
        graph("<edge source=\"a\" target=\"a\" directed=\"yes\"/>"),
        graph("<node id=\"a\"><data>x</data></node>"),
        graph("<node id=\"a\"/></graph><graph>"),
        graph("<node id=\"a\"/>") + "<graphml/>",
        graph("<node id=\"a\"/>") + "more",
        "<graphml><graph edgedefault=\"Directed\"/></graphml>".into(),
        "<graphml><graph><node id=\"a\"/>".into(),
        "<graphml><key id=\"a\" for=\"nodes\"/></graphml>".into(),
        "<graphml><key id=\"a\"/><key id=\"a\"/></graphml>".into(),
        "<gexf/>".into(),
        graph("<node id=\"a\"><data key=\"name\">&what;</data></node>"),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    insta::assert_snapshot!(told("g.graphml", &texts));
}

#[test]
fn an_unknown_extension_is_told_the_known_ones() {
    let why = read_links(Path::new("Cargo.toml")).unwrap_err().to_string();
    assert!(why.starts_with("Cargo.toml: `.toml` is not a known format\n  help: name it by its format"), "{why}");
    assert!(read_links(Path::new("fixtures/no.json")).unwrap_err().to_string().contains("can't be read"));
}

#[test]
fn hostile_names_go_through_unharmed() {
    let evil = "-rf; $(x) `y` 'z' <b>&\u{201c} | \\";
    let quoted = serde_json::to_string(evil).unwrap();
    let json = of("g.json", &format!("[{{\"name\": {quoted}}}, {{\"name\": \"b\", \"in\": [{quoted}]}}]")).unwrap();
    let xml = quick_xml::escape::escape(evil);
    let graphml = format!(
        "<graphml><graph edgedefault=\"directed\"><node id=\"n\"><data key=\"name\">{xml}</data></node><node id=\"b\"/>\
         <edge source=\"n\" target=\"b\"/></graph></graphml>"
    );
    // Graphviz has no escape for a backslash: it stands for itself.
    let dot = of("g.dot", "digraph { \"-rf; $(x) `y` 'z' <b>&\u{201c} | \\ \" -> b }").unwrap();
    assert_eq!(shape(&json), shape(&of("g.graphml", &graphml).unwrap()));
    assert!(json.number(evil).is_some() && dot.number(&format!("{evil} ")).is_some(), "{:?}", dot.servers());
    let drawn = crate::graph::picture::page(&json, &Table::of(&json)).unwrap();
    assert!(!drawn.contains("<b>") && drawn.contains("&lt;b&gt;"));
}

#[test]
fn a_file_with_everything_that_dot_has_is_read() {
    let text = "# cpp\nstrict digraph \"my site\" { // comment\n graph [size=\"1,1\"]; node [shape=box] edge [color=red]\n \
                rankdir=LR; a:port:n -> {b c} -> d [weight=2, label=\"x\\\"y\"][style=bold]; subgraph cluster_x { e; f } \
                \"g\" + \"h\" -> -1.5; a [role=web zone=\"z 1\"] /* end */ }";
    let links = of("g.dot", text).unwrap();
    let (names, pairs) = shape(&links);
    assert_eq!(names, ["-1.5", "a", "b", "c", "d", "e", "f", "gh"]);
    assert_eq!(pairs, ["a>b", "a>c", "b>d", "c>d", "gh>-1.5"]);
    assert_eq!(links.servers()[1].zone.as_deref(), Some("z 1"));
}

#[test]
fn an_edge_from_a_node_to_itself_is_left_out_with_a_note() {
    let machine = "digraph machine {\n  off -> on; on -> off\n  on -> on [label=\"still on\"]\n}";
    let read = read("g.dot", machine).unwrap();
    assert_eq!(shape(&read.links).1, ["off>on", "on>off"]);
    assert_eq!(read.notes, ["g.dot:3:6: the edge from `on` to itself is left out"]);
    let more = super::tests::read("g.dot", "graph { a -- a; b -- {b c}; c -- c }").unwrap();
    assert_eq!(more.notes, ["g.dot:1:11: 3 edges from a node to itself are left out, the first of them at `a`"]);
    let xml = "<graphml><graph edgedefault=\"undirected\"><node id=\"a\"/><edge source=\"a\" target=\"a\"/></graph></graphml>";
    assert_eq!(super::tests::read("g.graphml", xml).unwrap().notes.len(), 1);
}

#[test]
fn edges_that_join_the_same_nodes_count_as_one_link_with_a_note() {
    let read = |text| read("g.dot", text).unwrap();
    let two = read("graph { a -- b; b -- a }");
    assert_eq!(two.notes, ["g.dot:1:19: another edge joins `b` and `a` already; both count as one link"]);
    assert_eq!(two.links.now().pairs().count(), 1);
    assert!(read("digraph { a -> b; b -> a }").notes.is_empty(), "these are two links");
    assert!(read("strict graph { a -- b; b -- a }").notes.is_empty(), "Graphviz leaves them out as well");
    let more = read("digraph { a -> b; {a} -> {b c}; a -> c }").notes;
    assert_eq!(more.len(), 1, "{more:?}");
    assert!(more[0].starts_with("g.dot:1:23: 2 edges join nodes that other edges join already"), "{more:?}");
}

#[test]
fn html_texts_are_passed_over_as_other_texts_are() {
    let text = "graph lab { core [label=<<b>core <i>1</i></b> &gt; <!-- a -- b --> rack>, role=<router>]; \
                core:<port> -- leaf [label=<10 <u>Gbit/s</u>>]; leaf -- spare }";
    let links = of("g.dot", text).unwrap();
    assert_eq!(shape(&links).1, ["core>leaf", "leaf>core", "leaf>spare", "spare>leaf"]);
    assert_eq!(links.servers()[0].role.as_deref(), Some("<router>"));
}

#[test]
fn lists_and_subgraphs_of_dot_stand_for_all_their_nodes() {
    assert_eq!(shape(&of("g.dot", "digraph { a, b -> c, d }").unwrap()).1, ["a>c", "a>d", "b>c", "b>d"]);
    let again = "digraph { subgraph rack {a}; subgraph rack {{b}} -> c; subgraph {d} -> e; subgraph {f} -> g }";
    assert_eq!(shape(&of("g.dot", again).unwrap()).1, ["a>c", "b>c", "d>e", "f>g"]);
}

#[test]
fn a_default_of_dot_is_of_the_nodes_first_named_after_it_in_its_subgraph() {
    let text = "digraph { early; node [zone=a]; x; { node [zone=b, role=web]; early; x; y; { z } } w -> v; \
                subgraph s { node [zone=c] } subgraph s { u } NODE [zone=\"\"] t; r, q [role=db] }";
    let links = of("g.dot", text).unwrap();
    let zones: Vec<_> = links.servers().iter().map(|server| (server.name.as_str(), server.zone.as_deref())).collect();
    let (a, b, c) = (Some("a"), Some("b"), Some("c"));
    let none = [("early", None), ("q", None), ("r", None), ("t", None)];
    assert_eq!(zones, [&none[..], &[("u", c), ("v", a), ("w", a), ("x", a), ("y", b), ("z", b)]].concat());
    let roles: Vec<_> = links.servers().iter().filter_map(|server| server.role.as_deref()).collect();
    assert_eq!(roles, ["db", "db", "web", "web"]);
}

#[test]
fn labels_of_graphml_are_shown_and_ids_tell_nodes_apart() {
    let xml = r#"<graphml><key id="l" for="node" attr.name="label" attr.type="string"/>
        <graph edgedefault="undirected"><node id="7"><data key="l">Exchange</data></node>
        <node id="8"><data key="l">unnamed</data></node><node id="9"><data key="l">unnamed</data></node>
        <node id="10"><data key="l">8</data></node><node id="11"><data key="l"/></node>
        <edge source="7" target="8"/><edge source="9" target="7"/></graph></graphml>"#;
    let links = of("g.graphml", xml).unwrap();
    assert_eq!(names(&links), ["11", "8 (10)", "Exchange", "unnamed (8)", "unnamed (9)"]);
    assert_eq!(links.degree("Exchange"), Some(2));
    assert_eq!((links.degree("7"), links.number("8")), (Some(2), links.number("unnamed (8)")), "found by id as well");
    let table = serde_json::to_value(Table::of(&links)).unwrap();
    assert_eq!((&table["servers"][3]["name"], &table["servers"][3]["id"]), (&"unnamed (8)".into(), &"8".into()));
    let lookalike = xml.replace("Exchange", "unnamed (8)");
    assert_eq!(names(&of("g.graphml", &lookalike).unwrap()), ["7", "8", "9", "10", "11"], "no label is of one alone");
}

const YED: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:y="http://www.yworks.com/xml/graphml">
  <key attr.name="description" attr.type="string" for="node" id="d1"/>
  <key for="node" id="d2" yfiles.type="nodegraphics"/>
  <key for="port" id="d3" yfiles.type="portgraphics"/>
  <graph edgedefault="directed" id="G">
    <node id="n0"><data key="d1">where users come in</data>
      <data key="d2"><y:ShapeNode><y:NodeLabel>clients<y:LabelModel><y:SmartNodeLabelModel/></y:LabelModel></y:NodeLabel></y:ShapeNode></data></node>
    <node id="n1" yfiles.foldertype="group">
      <data key="d2"><y:ProxyAutoBoundsNode><y:Realizers active="0">
        <y:GroupNode><y:NodeLabel>rack A</y:NodeLabel></y:GroupNode><y:GroupNode><y:NodeLabel>closed</y:NodeLabel></y:GroupNode>
      </y:Realizers></y:ProxyAutoBoundsNode></data>
      <graph edgedefault="directed" id="n1:">
        <node id="n1::n0"><data key="d2"><y:ImageNode><y:NodeLabel hasText="false"/><y:NodeLabel>proxy
          10.0.0.1</y:NodeLabel></y:ImageNode></data><port name="p"><data key="d3"><y:ShapePort><y:NodeLabel>no</y:NodeLabel></y:ShapePort></data></port></node>
        <node id="n1::n1"/>
        <edge source="n1::n0" target="n1::n1"/>
      </graph>
    </node>
    <edge source="n0" target="n1::n0"/>
  </graph>
  <data key="d9"><y:Resources><node/></y:Resources></data>
</graphml>"#;

#[test]
fn what_yed_draws_on_a_node_is_its_label_and_a_group_is_no_server() {
    let read = read("g.graphml", YED).unwrap();
    assert_eq!(
        shape(&read.links),
        (vec!["n1::n1", "proxy 10.0.0.1"], vec!["proxy 10.0.0.1>n1::n1".into(), "clients>proxy 10.0.0.1".into()])
    );
    assert_eq!(
        read.notes,
        ["g.graphml:9:5: the group `rack A` has nodes inside and no edges: it is not a server, and is left out"]
    );
    let joined = YED.replace("target=\"n1::n0\"", "target=\"n1\"");
    assert_eq!(names(&of("g.graphml", &joined).unwrap()), ["n1::n1", "proxy 10.0.0.1", "rack A"], "an edge ends at it");
}

#[test]
fn defaults_types_and_directions_of_graphml_count() {
    let xml = r#"<g:graphml xmlns:g="http://graphml.graphdrawing.org/xmlns" xmlns:x="urn:x"><g:desc>a <b>lab</b></g:desc>
        <g:key id="z" for="node" attr.name="zone"><g:desc>where</g:desc><g:default> north <x:y>no</x:y></g:default></g:key>
        <g:key id="w" for="edge" attr.name="role"><g:default>cable</g:default></g:key>
        <x:node id="other"/>
        <g:graph edgedefault="directed" parse.nodes="3"><g:edge source="a" target="b" sourceport="p"/>
        <g:node id="a"><g:port name="p"><g:data key="z">none</g:data></g:port></g:node>
        <g:node id="b"><g:data key="z"><![CDATA[south & ]]>&#x65;ast</g:data></g:node>
        <g:node id="c"><g:data key="z"/></g:node><g:edge source="b" target="c" directed="0"/></g:graph></g:graphml>"#;
    let links = of("g.graphml", xml).unwrap();
    assert_eq!(shape(&links), (vec!["a", "b", "c"], vec!["a>b".into(), "b>c".into(), "c>b".into()]));
    let zones: Vec<_> = links.servers().iter().map(|server| server.zone.as_deref()).collect();
    assert_eq!(zones, [Some("north"), Some("south & east"), None]);
    assert!(links.servers().iter().all(|server| server.role.is_none()));
}

#[test]
fn a_byte_order_mark_is_skipped_and_other_encodings_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read_links(&path)
    };
    let mark = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for (name, text) in [
        ("g.dot", "graph { up -- down }"),
        ("g.json", r#"[{"name": "up"}, {"name": "down", "in": ["up"]}]"#),
        ("g.graphml", r#"<graphml><graph><node id="up"/><node id="down"/></graph></graphml>"#),
    ] {
        assert_eq!(names(&write(name, &mark(text)).unwrap().links), ["down", "up"], "{name}");
    }
    let why = write("latin.dot", b"graph {\n  caf\xe9 }").unwrap_err().to_string();
    assert!(why.contains("latin.dot:2:6: can't be read: this is not UTF-8") && why.contains("`iconv -f"), "{why}");
    let latin = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><graphml><graph><node id=\"é\"/></graph></graphml>";
    let why = write("latin.graphml", latin.as_bytes()).unwrap_err().to_string();
    assert!(why.contains("latin.graphml:1:1: the file declares the encoding `ISO-8859-1`"), "{why}");
}

#[test]
fn more_edges_than_memory_holds_are_refused() {
    let nodes: String = (0..1_100).map(|n| format!("n{n} ")).collect();
    let why = of("g.dot", &format!("graph {{ {{ {nodes} }} -- {{ {nodes} }} }}")).unwrap_err().to_string();
    assert!(why.contains("there are more than 1000000 edges"), "{why}");
    let deep = "<graphml>".to_string() + "<data key=\"k\">" + &"<y>".repeat(70_000);
    let why = of("g.graphml", &deep).unwrap_err().to_string();
    assert!(why.contains("elements more than 1000 deep"), "{why}");
}

proptest::proptest! {
    /// No text makes a reader panic, or go on for ever.
    #[test]
    fn any_text_is_read_or_refused(text in "(digraph|graph|strict| |\\{|\\}|\\[|\\]|->|--|a|b|\"|=|;|:|\\+|/\\*|\\\\|<|é|[0-9.-]){0,24}") {
        for file in ["g.dot", "g.json", "g.graphml"] {
            let _ = of(file, &text);
            let _ = of(file, &format!("digraph {{ {text} }}"));
            let _ = of(file, &format!("<graphml><graph><node id=\"{text}\">{text}</node></graph></graphml>"));
        }
    }

    #[test]
    fn what_is_written_in_all_formats_is_read_the_same(links in proptest::collection::btree_set((0_usize..8, 0_usize..8), 0..20)) {
        let links: Vec<_> = links.into_iter().filter(|(from, to)| from != to).collect();
        let out = |node: usize| links.iter().filter(|l| l.0 == node).map(|l| format!("\"s-{}\"", l.1)).collect::<Vec<_>>().join(", ");
        let json: Vec<_> = (0..8).map(|n| format!("{{\"name\": \"s-{n}\", \"out\": [{}]}}", out(n))).collect();
        let nodes: String = (0..8).map(|n| format!("\"s-{n}\";")).collect();
        let dot: String = links.iter().map(|(a, b)| format!("\"s-{a}\" -> \"s-{b}\"\n")).collect();
        let xml: String = links.iter().map(|(a, b)| format!("<edge source=\"{a}\" target=\"{b}\"/>")).collect();
        let xml_nodes: String = (0..8).map(|n| format!("<node id=\"{n}\"><data key=\"label\">s-{n}</data></node>")).collect();
        let json = of("g.json", &format!("[{}]", json.join(","))).unwrap();
        proptest::prop_assert_eq!(&json, &of("g.dot", &format!("digraph {{ {nodes}{dot} }}")).unwrap());
        let graphml = format!("<graphml><graph edgedefault=\"directed\">{xml_nodes}{xml}</graph></graphml>");
        let graphml = of("g.graphml", &graphml).unwrap();
        proptest::prop_assert_eq!(shape(&json), shape(&graphml));
    }
}
