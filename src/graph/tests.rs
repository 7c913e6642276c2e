//! Known graphs with values computed by hand, and every measure against its definition.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::betweenness::betweenness;
use super::cut::{articulation_points, bridges, cut_off, cuts, largest_cut};
use super::net::Net;
use super::*;
use crate::infrastructure::tiers::Draft;

fn path(len: usize) -> Net {
    Net::new(len, (1..len).map(|node| (node - 1, node)))
}

fn cycle(len: usize) -> Net {
    Net::new(len, (0..len).map(|node| (node, (node + 1) % len)))
}

/// Node 0 is linked with all others.
fn star(len: usize) -> Net {
    Net::new(len, (1..len).map(|node| (0, node)))
}

/// Two triangles, 0 1 2 and 4 5 6, with 3 between them.
fn barbell() -> Net {
    Net::new(7, [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 5), (4, 6), (5, 6)])
}

/// Two balancers behind a shared address and four webservers, as the paper draws it.
fn paper() -> Links {
    let mut draft = Draft::default();
    draft.behind_haproxy(4, "webserver").unwrap();
    Links::of(&draft.build().unwrap(), None)
}

fn near(found: &[f64], expected: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(close), "{found:?} is not {expected:?}");
}

#[test]
fn betweenness_by_hand() {
    // Of 3 nodes in a row the middle one is between the only pair of others.
    near(&betweenness(&path(3)), &[0.0, 1.0, 0.0]);
    // In a row of 5, node 1 is between 3 of the 6 pairs of others, node 2 between 4.
    near(&betweenness(&path(5)), &[0.0, 3.0 / 6.0, 4.0 / 6.0, 3.0 / 6.0, 0.0]);
    near(&betweenness(&star(6)), &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    // In a ring of 4 each node is on one of the two ways between its neighbours: half of one of 3 pairs.
    near(&betweenness(&cycle(4)), &[1.0 / 6.0; 4]);
    near(&betweenness(&cycle(5)), &[1.0 / 6.0; 5]);
    // Of 15 pairs, node 2 is between {0, 1} and {3, 4, 5, 6}: 8; node 3 between the triangles: 9.
    near(&betweenness(&barbell()), &[0.0, 0.0, 8.0 / 15.0, 9.0 / 15.0, 8.0 / 15.0, 0.0, 0.0]);
    near(&betweenness(&path(2)), &[0.0, 0.0]);
    near(&betweenness(&Net::new(0, [])), &[]);
}

#[test]
fn the_active_balancer_is_most_central() {
    // Seven nodes with the clients, 15 pairs. lb-1: the clients to five others, and half of the ways between any two
    // of four webservers: 5 + 6/2. lb-2: the other half, 3. A webserver: a quarter of the ways to lb-2, from the
    // clients and from lb-1.
    let paper = paper();
    near(
        &paper.measured(Measure::Betweenness),
        &[8.0 / 15.0, 3.0 / 15.0, 0.5 / 15.0, 0.5 / 15.0, 0.5 / 15.0, 0.5 / 15.0],
    );
    assert_eq!(paper.rank(Measure::Betweenness)[0].0, "lb-1");
    assert_eq!(paper.rank(Measure::Degree)[..2], [("lb-1".to_string(), 5.0), ("lb-2".to_string(), 4.0)]);
    assert_eq!(paper.rank(Measure::InDegree)[0], ("web-1".to_string(), 2.0));
    assert_eq!(paper.rank(Measure::OutDegree)[0], ("lb-1".to_string(), 4.0));
}

#[test]
fn what_falls_apart_by_hand() {
    let points = |net: &Net| (0..net.len()).filter(|node| articulation_points(net)[*node]).collect::<Vec<_>>();
    assert_eq!((points(&path(5)), bridges(&path(5))), (vec![1, 2, 3], vec![(0, 1), (1, 2), (2, 3), (3, 4)]));
    assert_eq!((points(&star(5)), bridges(&star(5)).len()), (vec![0], 4));
    assert_eq!((points(&cycle(6)), bridges(&cycle(6))), (vec![], vec![]));
    assert_eq!((points(&barbell()), bridges(&barbell())), (vec![2, 3, 4], vec![(2, 3), (3, 4)]));
    assert_eq!(cuts(&barbell()), [0, 0, 2, 3, 2, 0, 0]);
    assert_eq!(cuts(&path(4)), [0, 1, 1, 0]);
    assert_eq!(cuts(&Net::new(3, [])), [1, 1, 1], "of two lone nodes one is outside the largest piece");
}

#[test]
fn the_site_of_the_paper_falls_apart_without_nobody() {
    let paper = paper();
    assert_eq!(articulation_points(paper.lasting()), [false; 7], "one balancer takes the address over of the other");
    assert_eq!(bridges(paper.lasting()), []);
    let mut rng = StdRng::seed_from_u64(1);
    assert!(paper.choose(Measure::ArticulationPoint, 1, &mut rng).unwrap_err().contains("of 6 servers 0 are"));
}

#[test]
fn the_two_balancers_are_the_largest_cut_of_two() {
    for seed in 0..20 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (names, why) = paper().choose(Measure::LargestCut, 2, &mut rng).unwrap();
        assert_eq!(names, ["lb-1", "lb-2"]);
        assert_eq!(why, "without lb-1 and lb-2 at most 1 of 5 stay together, the largest cut");
    }
}

#[test]
fn a_large_net_is_cut_one_after_the_other() {
    // Forty stars of forty in a ring of their middles: no choice of 20 can be tried through.
    let middles = (0..40).map(|middle| (middle * 40, (middle + 1) % 40 * 40));
    let net = Net::new(1600, middles.chain((0..1600).map(|node| (node / 40 * 40, node))));
    let all: Vec<usize> = (0..1600).collect();
    let cut = largest_cut(&net, &all, 20, &mut StdRng::seed_from_u64(1));
    assert_eq!(cut.as_large, None);
    assert!(cut.nodes.iter().all(|node| node % 40 == 0), "{:?}", cut.nodes);
    assert!(cut.cut_off >= 20 * 39, "{}", cut.cut_off);
}

#[test]
fn ties_are_drawn_with_the_seed_and_said() {
    let paper = paper();
    let drawn = |seed| {
        paper.choose_among(
            &["web-1", "web-2", "web-3", "web-4"],
            Measure::Betweenness,
            1,
            &mut StdRng::seed_from_u64(seed),
        )
    };
    assert_eq!(drawn(3), drawn(3));
    let all: BTreeSet<String> = (0..50).flat_map(|seed| drawn(seed).unwrap().0).collect();
    assert_eq!(all.len(), 4, "a tie in all but the last digits is a tie: {all:?}");
    let why = drawn(3).unwrap().1;
    assert!(
        why.ends_with("has betweenness 0.0333, the highest; 3 more with betweenness 0.0333 lost the draw"),
        "{why}"
    );
}

#[test]
fn more_than_there_are_can_not_be_chosen() {
    let mut rng = StdRng::seed_from_u64(1);
    for measure in [Measure::Degree, Measure::LargestCut, Measure::ArticulationPoint] {
        assert!(paper().choose(measure, 7, &mut rng).is_err());
    }
    assert_eq!(paper().choose(Measure::Degree, 6, &mut rng).unwrap().0.len(), 6);
}

#[test]
fn a_hundred_thousand_nodes_in_a_row_overflow_no_stack() {
    let net = path(100_000);
    assert_eq!(articulation_points(&net).iter().filter(|is| **is).count(), 99_998);
    assert_eq!(bridges(&net).len(), 99_999);
}

#[test]
fn sums_do_not_depend_on_threads() {
    // 1,300 nodes are shared out over several threads, where there are several cores.
    let net = Net::new(1300, (0..1300).flat_map(|node| [(node, node * 7 % 1300), (node, node * 31 % 1300)]));
    let once = betweenness(&net);
    assert!((0..3).all(|_| betweenness(&net) == once));
}

/// Distances and numbers of shortest paths between all pairs, by Floyd and Warshall.
fn all_pairs(net: &Net) -> (Vec<Vec<usize>>, Vec<Vec<f64>>) {
    let len = net.len();
    let mut distance = vec![vec![usize::MAX / 4; len]; len];
    for (node, row) in distance.iter_mut().enumerate() {
        row[node] = 0;
        net.near(node).iter().for_each(|near| row[*near] = 1);
    }
    for (via, a, b) in (0..len).flat_map(|via| (0..len).flat_map(move |a| (0..len).map(move |b| (via, a, b)))) {
        distance[a][b] = distance[a][b].min(distance[a][via] + distance[via][b]);
    }
    let mut paths = vec![vec![0.0; len]; len];
    for from in 0..len {
        paths[from][from] = 1.0;
        let mut by_distance: Vec<usize> = (0..len).filter(|to| distance[from][*to] < len && *to != from).collect();
        by_distance.sort_by_key(|to| distance[from][*to]);
        for to in by_distance {
            let before = net.near(to).iter().filter(|near| distance[from][**near] + 1 == distance[from][to]);
            paths[from][to] = before.map(|near| paths[from][*near]).sum();
        }
    }
    (distance, paths)
}

fn by_definition(net: &Net) -> Vec<f64> {
    let len = net.len();
    let (distance, paths) = all_pairs(net);
    let share = |node: usize, a: usize, b: usize| {
        let on_the_way = a != node && b != node && distance[a][node] + distance[node][b] == distance[a][b];
        if on_the_way && distance[a][b] < len { paths[a][node] * paths[node][b] / paths[a][b] } else { 0.0 }
    };
    let pairs = (len.saturating_sub(1) * len.saturating_sub(2) / 2).max(1) as f64;
    let sum =
        |node: usize| (0..len).flat_map(|b| (0..b).map(move |a| (a, b))).map(|(a, b)| share(node, a, b)).sum::<f64>();
    (0..len).map(|node| sum(node) / pairs).collect()
}

fn nets() -> impl Strategy<Value = Net> {
    (1_usize..14).prop_flat_map(|len| {
        proptest::collection::vec((0..len, 0..len), 0..len * 2).prop_map(move |links| Net::new(len, links))
    })
}

proptest! {
    #[test]
    fn betweenness_is_what_its_definition_says(net in nets()) {
        for (found, expected) in betweenness(&net).iter().zip(by_definition(&net)) {
            prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    #[test]
    fn an_articulation_point_is_a_node_whose_loss_makes_more_pieces(net in nets()) {
        let pieces = net.pieces(&vec![false; net.len()]).len();
        let points = articulation_points(&net);
        let sizes = cuts(&net);
        for node in 0..net.len() {
            let mut lost = vec![false; net.len()];
            lost[node] = true;
            prop_assert_eq!(points[node], net.pieces(&lost).len() > pieces);
            prop_assert_eq!(sizes[node], cut_off(&net, &lost));
        }
    }

    #[test]
    fn a_bridge_is_a_link_whose_loss_makes_one_more_piece(net in nets()) {
        let pieces = net.pieces(&vec![false; net.len()]).len();
        let found = bridges(&net);
        for pair in net.pairs() {
            let without = Net::new(net.len(), net.pairs().filter(|other| *other != pair));
            prop_assert_eq!(found.contains(&pair), without.pieces(&vec![false; net.len()]).len() > pieces);
        }
    }

    #[test]
    fn no_other_choice_cuts_off_more_than_the_largest_cut(net in nets(), seed: u64) {
        let all: Vec<usize> = (0..net.len()).collect();
        let cut = largest_cut(&net, &all, 2.min(net.len()), &mut StdRng::seed_from_u64(seed));
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))) {
            let lost: Vec<bool> = all.iter().map(|node| *node == a || *node == b).collect();
            prop_assert!(a == b || cut_off(&net, &lost) <= cut.cut_off);
        }
    }

    #[test]
    fn a_server_is_fatal_exactly_where_its_loss_leaves_a_role_unreached(net in nets(), roles in proptest::collection::vec(0..4, 14)) {
        let name = |node: usize| format!("s-{node}");
        let servers: Vec<Node> =
            (0..net.len()).map(|n| Node { name: name(n), role: Some(format!("r{}", roles[n])), ..Node::default() }).collect();
        let named: Vec<_> = net.links().map(|(from, to)| (name(from), name(to))).collect();
        let links = Links::new(servers, &named, &[name(0)]);
        let fatal = loss::single_points_of_failure(&links);
        for (number, why) in fatal.iter().enumerate() {
            let consequences = loss::consequences(&links, &[number]);
            let is_fatal = consequences.iter().any(|what| !matches!(what, loss::Consequence::CutOff(_)));
            prop_assert_eq!(why.is_some(), is_fatal, "{:?} {:?}", why, consequences);
        }
    }

    #[test]
    fn every_graph_is_drawn_whatever_its_shape(net in nets(), entered: bool) {
        let name = |node: usize| format!("s-{node}");
        let servers = (0..net.len()).map(|n| Node { name: name(n), ..Node::default() }).collect();
        let named: Vec<_> = net.links().map(|(from, to)| (name(from), name(to))).collect();
        let entries = if entered { vec![name(0)] } else { vec![] };
        let links = Links::new(servers, &named, &entries);
        let drawn = picture::page(&links, &Table::of(&links)).unwrap();
        prop_assert!(drawn.starts_with("<svg xmlns=") && drawn.ends_with("</svg>\n"));
        prop_assert_eq!(drawn.matches("<g>").count(), net.len());
    }
}

#[test]
fn a_graph_too_large_for_a_picture_is_refused() {
    let servers: Vec<Node> = (0..61).map(|n| Node { name: format!("s-{n}"), ..Node::default() }).collect();
    let links = Links::new(servers, &[], &[]);
    let why = picture::page(&links, &Table::of(&links)).unwrap_err().to_string();
    assert!(why.starts_with("61 servers are too many for a picture that can be read (at most 60)"), "{why}");
}

#[test]
fn the_table_of_a_shop_in_two_zones() {
    let links = read_links(std::path::Path::new("fixtures/graphs/shop.dot")).unwrap().links;
    insta::assert_snapshot!(Table::of(&links));
    insta::assert_json_snapshot!(Table::of(&links));
}
