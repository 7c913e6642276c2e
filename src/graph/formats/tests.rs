//! The same graph from every format, and what is told when a file is wrong.

use std::path::Path;

use super::*;
use crate::graph::Table;
use crate::infrastructure::tiers::Draft;

fn of(file: &str, text: &str) -> Result<Links, GraphError> {
    let text = Text { path: Path::new(file), text: text.to_string() };
    match file.rsplit('.').next() {
        Some("json") => json::read(&text),
        Some("dot") => dot::read(&text),
        _ => graphml::read(&text),
    }
}

fn fixture(name: &str) -> Links {
    read_links(&Path::new("fixtures").join(name)).unwrap()
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
            "digraph { a -> a }",
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
        graph("<node id=\"a\"/><edge source=\"a\" target=\"a\"/>"),
        graph("<node id=\"a\"/><edge source=\"a\"/>"),
        graph("<node id=\"a\"/><hyperedge/>"),
        graph("<node id=\"a\"><graph/></node>"),
        graph("<node id=\"a\"><data key=\"name\">&what;</data></node>"),
        "<graphml><key id=\"d\" attr.name=\"name\"/><graph><node id=\"a\"><data key=\"d\">x</data></node><node id=\"b\"><data key=\"d\">x</data></node></graph></graphml>".into(),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    insta::assert_snapshot!(told("g.graphml", &texts));
}

#[test]
fn an_unknown_extension_is_told_the_known_ones() {
    let why = read_links(Path::new("Cargo.toml")).unwrap_err().to_string();
    assert!(why.starts_with("Cargo.toml: `.toml` is no known format\n  help: name it by its format"), "{why}");
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
    assert_eq!(json, of("g.graphml", &graphml).unwrap());
    assert!(json.number(evil).is_some() && dot.number(&format!("{evil} ")).is_some(), "{:?}", dot.servers());
    let drawn = crate::graph::picture::page(&json, &Table::of(&json)).unwrap();
    assert!(!drawn.contains("<b>") && drawn.contains("&lt;b&gt;"));
}

#[test]
fn the_common_part_of_dot_is_read() {
    let text = "# cpp\nstrict digraph \"my site\" { // comment\n graph [size=\"1,1\"]; node [shape=box] edge [color=red]\n \
                rankdir=LR; a:port:n -> {b c} -> d [weight=2, label=\"x\\\"y\"][style=bold]; subgraph cluster_x { e; f } \
                \"g\" + \"h\" -> -1.5; a [role=web zone=\"z 1\"] /* end */ }";
    let links = of("g.dot", text).unwrap();
    let names: Vec<&str> = links.servers().iter().map(|server| server.name.as_str()).collect();
    assert_eq!(names, ["-1.5", "a", "b", "c", "d", "e", "f", "gh"]);
    let pairs: Vec<_> =
        links.now().links().map(|(from, to)| format!("{}>{}", links.name(from), links.name(to))).collect();
    assert_eq!(pairs, ["a>b", "a>c", "b>d", "c>d", "gh>-1.5"]);
    assert_eq!(links.servers()[1].zone.as_deref(), Some("z 1"));
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
        proptest::prop_assert_eq!(&json, &of("g.graphml", &graphml).unwrap());
    }
}
