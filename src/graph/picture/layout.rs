//! Where every node stands: columns from left to right, neighbours at similar heights.

use super::layers::layers;
use super::pen::Point;
use crate::graph::links::Links;

/// The width of a picture, in drawing units: that of a report's plots.
pub const WIDTH: i32 = 1800;
/// The width of a picture for a phone, and how close its columns may be without hiding each other's labels.
const NARROW: (i32, i32) = (760, 160);
/// A node with its name and its figures below it.
pub const ROW: i32 = 140;
/// Above the middle of the topmost nodes, and below that of the lowest, with their names and figures.
const MARGIN: (i32, i32) = (56, 112);
/// Columns are no further apart: links that run almost level are hard to tell apart.
const WIDEST: i32 = 480;
/// Left and right of the middle of the outermost nodes: half a label.
const SIDE: i32 = 130;
/// More nodes than this in a column are set in several, side by side.
const MOST_ROWS: usize = 7;
/// How often columns are ordered by their neighbours; it settles sooner in all but tangled graphs.
const SWEEPS: usize = 8;

/// Where nodes stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The middle of every node, by number.
    pub places: Vec<Point>,
    /// The width and the height of all.
    pub width: i32,
    pub height: i32,
    /// From one column to the next.
    pub pitch: i32,
}

/// A column of the picture; every other one of a layer is set lower by half a row, so that links pass between nodes.
struct Column {
    nodes: Vec<usize>,
    lower: i32,
    /// The height of all columns of its layer.
    height: i32,
}

impl Layout {
    /// Places all nodes of a graph.
    pub fn of(links: &Links) -> Layout {
        Layout::on(WIDTH, links)
    }

    /// The same on a sheet for a phone; `None` where its columns would be too close.
    pub fn narrow(links: &Links) -> Option<Layout> {
        Some(Layout::on(NARROW.0, links)).filter(|layout| layout.pitch >= NARROW.1)
    }

    fn on(width: i32, links: &Links) -> Layout {
        let columns: Vec<Column> = ordered(links).iter().flat_map(|layer| side_by_side(layer)).collect();
        let inner = columns.iter().map(|column| column.height).max().unwrap_or(0);
        let gaps = (columns.len() as i32 - 1).max(1);
        let pitch = ((width - 2 * SIDE) / gaps).min(WIDEST);
        let left = (width - pitch * (columns.len() as i32 - 1)) / 2;
        let mut places = vec![(0, 0); links.lasting().len()];
        for (number, column) in columns.iter().enumerate() {
            let top = MARGIN.0 + (inner - column.height) / 2 + column.lower;
            for (row, node) in column.nodes.iter().enumerate() {
                places[*node] = (left + number as i32 * pitch, top + row as i32 * ROW);
            }
        }
        Layout { places, width, height: inner + MARGIN.0 + MARGIN.1, pitch }
    }
}

/// A layer as one column, or as several of about equal length.
fn side_by_side(layer: &[usize]) -> Vec<Column> {
    let columns = layer.len().div_ceil(MOST_ROWS).max(1);
    let rows = layer.len().div_ceil(columns).max(1);
    let lower = if columns > 1 { ROW / 2 } else { 0 };
    let height = (rows as i32 - 1) * ROW + lower;
    let column = |(number, nodes): (usize, &[usize])| Column {
        nodes: nodes.to_vec(),
        lower: if number % 2 == 1 { lower } else { 0 },
        height,
    };
    layer.chunks(rows).enumerate().map(column).collect()
}

/// The layers, each in such an order that neighbours stand at similar heights: by the mean height of a node's
/// neighbours, from left to right and back, until it settles. It begins with zones together, in natural order.
fn ordered(links: &Links) -> Vec<Vec<usize>> {
    let of = &layers(links);
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); of.iter().max().map_or(0, |last| last + 1)];
    of.iter().enumerate().for_each(|(node, layer)| layers[*layer].push(node));
    layers.retain(|layer| !layer.is_empty());
    let zone = |node: usize| links.servers().get(node).and_then(|server| server.zone.as_deref());
    layers.iter_mut().for_each(|layer| layer.sort_by_key(|node| (zone(*node), *node)));
    for sweep in 0..SWEEPS {
        let mut order: Vec<usize> = (0..layers.len()).collect();
        if sweep % 2 == 1 {
            order.reverse();
        }
        for number in order {
            let height = heights(&layers, of.len());
            let near = |node: usize| links.lasting().near(node).iter().filter(move |near| of[**near] != of[node]);
            let mean = |node: usize| {
                let (sum, count) = near(node).fold((0.0, 0.0), |(sum, count), near| (sum + height[*near], count + 1.0));
                if count > 0.0 { sum / count } else { height[node] }
            };
            // Means that differ by rounding only leave nodes in their order.
            layers[number].sort_by_key(|node| (mean(*node) * 1e6).round() as i64);
        }
    }
    layers
}

/// How far down its layer every node stands, from 0 to 1.
fn heights(layers: &[Vec<usize>], nodes: usize) -> Vec<f64> {
    let mut heights = vec![0.0; nodes];
    for layer in layers {
        for (row, node) in layer.iter().enumerate() {
            heights[*node] = (row as f64 + 0.5) / layer.len() as f64;
        }
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::tiers::Draft;

    fn placed(webservers: usize) -> (Links, Layout) {
        let mut draft = Draft::default();
        draft.behind_haproxy(webservers, "webserver").unwrap();
        let links = Links::of(&draft.build().unwrap(), None);
        let layout = Layout::of(&links);
        (links, layout)
    }

    #[test]
    fn requests_go_from_left_to_right() {
        let (links, layout) = placed(4);
        let x = |name: &str| layout.places[links.number(name).unwrap()].0;
        assert!(layout.places[links.clients().unwrap()].0 < x("lb-1") && x("lb-1") < x("web-1"));
        assert_eq!((x("lb-1"), x("web-1")), (x("lb-2"), x("web-4")));
    }

    #[test]
    fn a_phone_has_the_whole_of_a_site_of_few_tiers() {
        let (links, wide) = placed(4);
        let narrow = Layout::narrow(&links).unwrap();
        assert!(narrow.places.iter().all(|(x, _)| (SIDE..=narrow.width - SIDE).contains(x)));
        assert_eq!((narrow.width, narrow.height), (NARROW.0, wide.height));
        assert_eq!(Layout::narrow(&placed(58).0), None, "it has too many columns");
    }

    #[test]
    fn no_two_nodes_stand_in_one_place_and_all_are_on_the_sheet() {
        for webservers in 1..=58 {
            let (_, layout) = placed(webservers);
            let places: std::collections::BTreeSet<_> = layout.places.iter().collect();
            assert_eq!(places.len(), layout.places.len());
            assert!(places.iter().all(|(x, y)| (SIDE..=WIDTH - SIDE).contains(x) && *y > 0 && *y < layout.height));
        }
    }
}
