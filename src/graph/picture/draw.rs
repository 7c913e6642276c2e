//! Draws a graph: links below, nodes with their names and figures above, what it all means at the bottom.

use std::collections::BTreeMap;

use plotters::style::RGBColor;

use super::layout::Layout;
use super::pen::{Anchor, FONT, Pen, Point, SMALL, fitting, width_of};
use crate::graph::links::{CLIENTS, Links};
use crate::graph::table::{NodeRow, Table};
use crate::palette;

/// Colours of zones or roles; vermilion is kept for what is wrong.
const PALETTE: [RGBColor; 6] =
    [palette::SKY, palette::ORANGE, palette::GREEN, palette::PURPLE, RGBColor(0xf0, 0xe4, 0x42), palette::GREY];
/// The radius of a node on no shortest path, and how much the highest betweenness adds.
const RADIUS: (f64, f64) = (17.0, 17.0);
const BRIDGE_WIDTH: i32 = 8;
const LINK_WIDTH: i32 = 2;
/// The clients' card.
const CARD: (i32, i32) = (122, 52);
/// One line of what it all means.
const LEGEND_ROW: i32 = 40;

/// The whole picture as an `<svg>` element.
pub fn drawn(links: &Links, table: &Table, struck: &[&str], layout: Layout) -> String {
    let sheet = Sheet { links, table, struck, layout, colours: colours(table) };
    let mut pen = Pen::default();
    sheet.links(&mut pen);
    sheet.clients(&mut pen);
    table.servers.iter().enumerate().for_each(|(number, row)| sheet.server(&mut pen, number, row));
    let height = sheet.legend(&mut pen, sheet.layout.height + 10);
    pen.finish((sheet.layout.width, height), &table.summary)
}

struct Sheet<'a> {
    links: &'a Links,
    table: &'a Table,
    struck: &'a [&'a str],
    layout: Layout,
    colours: Colours,
}

/// A colour for each zone; for each role where there are no zones.
struct Colours {
    what: &'static str,
    of: BTreeMap<String, RGBColor>,
}

fn kind(row: &NodeRow, zones: bool) -> Option<&String> {
    if zones { row.zone.as_ref() } else { row.role.as_ref() }
}

fn colours(table: &Table) -> Colours {
    let zones = !table.zones.is_empty();
    let mut of: BTreeMap<String, RGBColor> =
        table.servers.iter().filter_map(|row| kind(row, zones)).map(|kind| (kind.clone(), palette::GREY)).collect();
    of.values_mut().zip(PALETTE.iter().cycle()).for_each(|(colour, next)| *colour = *next);
    Colours { what: if zones { "zone " } else { "" }, of }
}

impl Sheet<'_> {
    fn links(&self, pen: &mut Pen) {
        let bridge = |a: usize, b: usize| {
            let (a, b) = (self.links.name(a), self.links.name(b));
            self.table.bridges.iter().any(|(from, to)| (from == a && to == b) || (from == b && to == a))
        };
        let mut pairs: Vec<(usize, usize, bool)> =
            self.links.lasting().pairs().map(|(a, b)| (a, b, bridge(a, b))).collect();
        pairs.sort_by_key(|(_, _, is_bridge)| *is_bridge);
        for (a, b, is_bridge) in pairs {
            let spare = !self.links.now().near(a).contains(&b);
            let (from, to) = (self.place(a, b), self.place(b, a));
            let (from, to) = if from.0 <= to.0 { (from, to) } else { (to, from) };
            let (colour, width) = if is_bridge { (palette::MUTED, BRIDGE_WIDTH) } else { (palette::GREY, LINK_WIDTH) };
            if from.0 == to.0 {
                let bow = 30 + (from.1 - to.1).abs() / 4;
                pen.arc(from, to, bow.min(self.layout.pitch / 2), colour, width);
            } else {
                pen.link(from, to, colour, width, spare);
            }
        }
    }

    /// Where a link with another node begins: the clients are a card, and their links begin at its edge.
    fn place(&self, node: usize, other: usize) -> Point {
        let (x, y) = self.layout.places[node];
        let is_card = self.links.clients() == Some(node) && self.layout.places[other].0 > x;
        (if is_card { x + CARD.0 / 2 } else { x }, y)
    }

    fn clients(&self, pen: &mut Pen) {
        if let Some(clients) = self.links.clients() {
            let place = self.layout.places[clients];
            pen.card(place, CARD, palette::MUTED);
            pen.text(CLIENTS, place, Anchor::Middle, palette::INK, FONT, true);
        }
    }

    fn server(&self, pen: &mut Pen, number: usize, row: &NodeRow) {
        let place = self.layout.places[number];
        let highest = self.table.servers.iter().map(|row| row.betweenness).fold(0.0, f64::max);
        let share = if highest > 0.0 { (row.betweenness / highest).sqrt() } else { 0.0 };
        let radius = (RADIUS.0 + RADIUS.1 * share).round() as i32;
        let fill = kind(row, !self.table.zones.is_empty()).map_or(palette::GREY, |kind| self.colours.of[kind]);
        let struck = self.struck.contains(&row.name.as_str());
        pen.group(&told(row), |pen| {
            if let Some(ring) = ring(row) {
                pen.ring(place, radius + 7, ring, 5);
            }
            pen.disc(place, radius, fill);
            if struck {
                pen.cross(place, radius * 6 / 10);
            }
            self.label(pen, place, radius, row, struck);
        });
    }

    fn label(&self, pen: &mut Pen, (x, y): Point, radius: i32, row: &NodeRow, struck: bool) {
        let ink = if struck { palette::VERMILION } else { palette::INK };
        let below = y + radius.max(24) + 26;
        let name = fitting(&row.name, FONT, self.layout.pitch.min(420) - 12);
        pen.text(&name, (x, below), Anchor::Middle, ink, FONT, struck || row.single_point_of_failure.is_some());
        let figures = format!("{} · {:.3}", row.degree, row.betweenness);
        pen.text(&figures, (x, below + 26), Anchor::Middle, palette::MUTED, SMALL, false);
    }

    /// What it all means, as far as it occurs; the height of the whole picture.
    fn legend(&self, pen: &mut Pen, top: i32) -> i32 {
        let has = |is: &dyn Fn(&NodeRow) -> bool| self.table.servers.iter().any(is);
        let mut marks: Vec<(Mark, String)> = self
            .colours
            .of
            .iter()
            .map(|(kind, fill)| (Mark::Disc(*fill), format!("{}{kind}", self.colours.what)))
            .collect();
        if has(&|row| row.single_point_of_failure.is_some()) {
            marks.push((Mark::Ring(palette::VERMILION), "single point of failure".into()));
        }
        if has(&|row| row.articulation_point && row.single_point_of_failure.is_none()) {
            marks.push((Mark::Ring(palette::INK), "articulation point: the graph falls apart without it".into()));
        }
        if !self.table.bridges.is_empty() {
            marks.push((Mark::Line(palette::MUTED, BRIDGE_WIDTH, false), "bridge".into()));
        }
        if self.links.now() != self.links.lasting() {
            marks.push((Mark::Line(palette::GREY, LINK_WIDTH, true), "if it takes the address over".into()));
        }
        if has(&|row| self.struck.contains(&row.name.as_str())) {
            marks.push((Mark::Cross, "struck".into()));
        }
        marks.push((Mark::None, "below a name: degree · betweenness (the size)".into()));
        let mut at = (40, top + LEGEND_ROW / 2);
        for (mark, text) in marks {
            let text = fitting(&text, SMALL, self.layout.width - 120);
            let width = mark.width() + width_of(&text, SMALL) + 36;
            if at.0 + width > self.layout.width && at.0 > 40 {
                at = (40, at.1 + LEGEND_ROW);
            }
            mark.draw(pen, at);
            pen.text(&text, (at.0 + mark.width(), at.1), Anchor::Start, palette::MUTED, SMALL, false);
            at.0 += width;
        }
        at.1 + LEGEND_ROW / 2 + 6
    }
}

/// A ring where the graph falls apart without it, of the colour of what is wrong where that is fatal to the site.
fn ring(row: &NodeRow) -> Option<RGBColor> {
    match (&row.single_point_of_failure, row.articulation_point) {
        (Some(_), _) => Some(palette::VERMILION),
        (None, true) => Some(palette::INK),
        (None, false) => None,
    }
}

/// What is told of a server that is pointed at.
fn told(row: &NodeRow) -> String {
    let of = |what: &str, value: &Option<String>| value.as_ref().map(|value| format!(", {what} {value}"));
    let parts = [
        Some(row.name.clone()),
        of("role", &row.role),
        of("zone", &row.zone),
        Some(format!(", degree {} ({} in, {} out)", row.degree, row.in_degree, row.out_degree)),
        Some(format!(", betweenness {:.4}", row.betweenness)),
        (row.cuts_off > 0).then(|| format!(", cuts off {}", row.cuts_off)),
        of("a single point of failure:", &row.single_point_of_failure),
    ];
    parts.into_iter().flatten().collect()
}

/// A sign of the picture.
enum Mark {
    Disc(RGBColor),
    Ring(RGBColor),
    Line(RGBColor, i32, bool),
    Cross,
    None,
}

impl Mark {
    fn width(&self) -> i32 {
        match self {
            Mark::Line(..) => 62,
            Mark::None => 0,
            _ => 38,
        }
    }

    fn draw(&self, pen: &mut Pen, (x, y): Point) {
        let middle = (x + 14, y);
        match self {
            Mark::Disc(fill) => pen.disc(middle, 13, *fill),
            Mark::Ring(line) => pen.ring(middle, 12, *line, 5),
            Mark::Line(line, width, dashed) => pen.line((x, y), (x + 50, y), *line, *width, *dashed),
            Mark::Cross => {
                pen.disc(middle, 14, palette::GREY);
                pen.cross(middle, 8);
            }
            Mark::None => {}
        }
    }
}
