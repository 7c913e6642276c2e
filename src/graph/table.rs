//! Everything that is measured of a graph, as text to read and as JSON with the same figures.
//!
//! | field | means |
//! |---|---|
//! | `schema` | 1 |
//! | `summary` | one line |
//! | `links` | pairs of nodes that are linked, the clients counted as one node |
//! | `servers[]` | in the natural order of their names |
//! | `name`, `id`, `role`, `zone` | as in the file: what it shows, and its identity (often the same); the last two `null` where it does not say |
//! | `degree` | others that it is linked with, the clients counted as one |
//! | `in_degree`, `out_degree` | links that lead to it, and from it |
//! | `betweenness` | share of the shortest paths between others that lead through it, 0 to 1, links having no direction |
//! | `articulation_point` | its loss breaks the graph into more pieces |
//! | `cuts_off` | how many others its loss leaves outside the largest piece |
//! | `single_point_of_failure` | why no server of some role is reached without it, else `null` |
//! | `bridges[]` | pairs of names: the loss of this one link breaks the graph in two |
//! | `zones[]` | `zone`, `servers` (names), and `disconnects`: what its loss does to the rest, empty where nothing |
//! | `clients_known` | whether it is known where the clients enter; else there are no single points of failure |
//!
//! Degrees and betweenness are of the graph as it is now, with one holder of a shared address; all else is of what a
//! loss would leave, see [`crate::graph`].

use serde::Serialize;

use super::cut;
use super::links::Links;
use super::loss::{consequences, single_points_of_failure};
use super::measure::Measure;

/// Everything that is measured of a graph.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// The version of this form.
    pub schema: u32,
    /// One line.
    pub summary: String,
    /// Pairs of nodes that are linked.
    pub links: usize,
    /// In the natural order of their names.
    pub servers: Vec<NodeRow>,
    /// Links whose loss breaks the graph in two.
    pub bridges: Vec<(String, String)>,
    /// Every zone.
    pub zones: Vec<Zone>,
    /// Whether it is known where the clients enter.
    pub clients_known: bool,
}

/// What is measured of a server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// Its identity in the file.
    pub id: String,
    /// What it is.
    pub role: Option<String>,
    /// Where it is.
    pub zone: Option<String>,
    /// See [`Measure::Degree`].
    pub degree: usize,
    /// See [`Measure::InDegree`].
    pub in_degree: usize,
    /// See [`Measure::OutDegree`].
    pub out_degree: usize,
    /// See [`Measure::Betweenness`].
    pub betweenness: f64,
    /// See [`Measure::ArticulationPoint`].
    pub articulation_point: bool,
    /// See [`Measure::LargestCut`].
    pub cuts_off: usize,
    /// Why it alone is fatal.
    pub single_point_of_failure: Option<String>,
}

/// What the loss of a zone does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Zone {
    /// Its name.
    pub zone: String,
    /// The servers in it.
    pub servers: Vec<String>,
    /// What its loss does to the rest; empty where the rest stays whole.
    pub disconnects: Vec<String>,
}

impl Table {
    /// Measures everything. O(nodes · links), for the betweenness.
    pub fn of(links: &Links) -> Table {
        let mut table = Table {
            schema: 1,
            summary: String::new(),
            links: links.now().pairs().count(),
            servers: rows(links),
            bridges: cut::bridges(links.lasting())
                .into_iter()
                .map(|(a, b)| if Some(b) == links.clients() { (b, a) } else { (a, b) })
                .map(|(a, b)| (links.name(a).to_string(), links.name(b).to_string()))
                .collect(),
            zones: zones(links),
            clients_known: links.clients().is_some(),
        };
        table.summary = table.summed_up();
        table
    }

    /// The zones whose loss disconnects the site.
    pub fn zones_that_disconnect(&self) -> impl Iterator<Item = &Zone> {
        self.zones.iter().filter(|zone| !zone.disconnects.is_empty())
    }

    fn summed_up(&self) -> String {
        let articulation = self.servers.iter().filter(|row| row.articulation_point).count();
        let fatal = self.servers.iter().filter(|row| row.single_point_of_failure.is_some()).count();
        let mut parts = vec![format!("{}, {}", counted(self.servers.len(), "server"), counted(self.links, "link"))];
        parts.push(most("the highest degree", self.highest(|row| row.degree as f64), |degree| degree.to_string()));
        parts.push(most("the highest betweenness", self.highest(|row| row.betweenness), |share| format!("{share:.4}")));
        parts.push(format!(
            "{}, {}",
            counted(articulation, "articulation point"),
            counted(self.bridges.len(), "bridge")
        ));
        if self.clients_known {
            parts.push(format!("{} of failure", counted(fatal, "single point")));
        }
        if !self.zones.is_empty() {
            let broken = self.zones_that_disconnect().count();
            parts.push(format!("{broken} of {} can't be lost", counted(self.zones.len(), "zone")));
        }
        parts.join("; ")
    }

    /// The highest value, and who has it.
    fn highest(&self, value: impl Fn(&NodeRow) -> f64) -> (f64, Vec<&str>) {
        let highest = self.servers.iter().map(&value).fold(0.0, f64::max);
        let has = |row: &&NodeRow| highest - value(row) < 1e-9;
        (highest, self.servers.iter().filter(has).map(|row| row.name.as_str()).collect())
    }
}

fn rows(links: &Links) -> Vec<NodeRow> {
    let (betweenness, cuts) = (links.measured(Measure::Betweenness), links.measured(Measure::LargestCut));
    let articulation = links.measured(Measure::ArticulationPoint);
    let fatal = single_points_of_failure(links);
    let row = |(number, server): (usize, &super::Node)| NodeRow {
        name: server.name.clone(),
        id: server.id.clone().unwrap_or_else(|| server.name.clone()),
        role: server.role.clone(),
        zone: server.zone.clone(),
        degree: links.now().near(number).len(),
        in_degree: links.now().incoming(number).len(),
        out_degree: links.now().outgoing(number).len(),
        betweenness: betweenness[number],
        articulation_point: articulation[number] > 0.0,
        cuts_off: cuts[number] as usize,
        single_point_of_failure: fatal[number].clone(),
    };
    links.servers().iter().enumerate().map(row).collect()
}

fn zones(links: &Links) -> Vec<Zone> {
    let zone = |(zone, servers): (&str, Vec<usize>)| Zone {
        zone: zone.into(),
        disconnects: consequences(links, &servers).iter().map(ToString::to_string).collect(),
        servers: servers.iter().map(|number| links.name(*number).to_string()).collect(),
    };
    links.zones().into_iter().map(zone).collect()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `lb-1 has the highest degree, 5`
fn most(what: &str, (value, who): (f64, Vec<&str>), shown: impl Fn(f64) -> String) -> String {
    let value = shown(value);
    match who[..] {
        [one] => format!("{one} has {what}, {value}"),
        [one, other] => format!("{one} and {other} have {what}, {value}"),
        _ => format!("{} servers have {what}, {value}", who.len()),
    }
}

const YES: &str = "yes";

impl std::fmt::Display for Table {
    /// The servers as an aligned table, then bridges, single points of failure and zones, then the summary.
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        for line in aligned(&self.cells()) {
            writeln!(f, "{line}")?;
        }
        writeln!(f)?;
        let bridges: Vec<String> = self.bridges.iter().map(|(a, b)| format!("{a} – {b}")).collect();
        told(f, "bridges", &bridges, "none: no single link holds the graph together")?;
        let reason = |row: &NodeRow| row.single_point_of_failure.as_ref().map(|why| format!("{}: {why}", row.name));
        let fatal: Vec<String> = self.servers.iter().filter_map(reason).collect();
        let nobody = if self.clients_known { "none" } else { "unknown: the file does not say where clients enter" };
        told(f, "single points of failure", &fatal, nobody)?;
        let zones: Vec<String> = self
            .zones_that_disconnect()
            .map(|zone| format!("{} ({}): {}", zone.zone, zone.servers.join(", "), zone.disconnects.join("; ")))
            .collect();
        let none = match self.zones.len() {
            0 => "unknown: the file names no zones".into(),
            all => format!("none of {all}"),
        };
        told(f, "zones whose loss disconnects the site", &zones, &none)?;
        writeln!(f, "\n{}", self.summary)
    }
}

impl Table {
    /// The head and a line for each server; columns that nobody fills are left out.
    fn cells(&self) -> Vec<Vec<String>> {
        let (roles, zones) =
            (self.servers.iter().any(|row| row.role.is_some()), self.servers.iter().any(|row| row.zone.is_some()));
        let line = |name: &str, role: &str, zone: &str, figures: [&str; 6]| {
            let mut cells = vec![name.to_string()];
            cells.extend(roles.then(|| role.to_string()));
            cells.extend(zones.then(|| zone.to_string()));
            cells.extend(figures.map(String::from));
            cells
        };
        let head = ["degree", "in", "out", "betweenness", "cuts off", "articulation point"];
        let mut lines = vec![line("server", "role", "zone", head)];
        for row in &self.servers {
            let [degree, into, out, cut] =
                [row.degree, row.in_degree, row.out_degree, row.cuts_off].map(|count| count.to_string());
            let betweenness = format!("{:.4}", row.betweenness);
            let point = if row.articulation_point { YES } else { "" };
            let (role, zone) = (row.role.as_deref().unwrap_or(""), row.zone.as_deref().unwrap_or(""));
            lines.push(line(&row.name, role, zone, [&degree, &into, &out, &betweenness, &cut, point]));
        }
        lines
    }
}

/// Columns of equal width; those of figures to the right.
fn aligned(lines: &[Vec<String>]) -> Vec<String> {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let is_figure =
        |column: usize| lines.len() > 1 && lines[1..].iter().all(|line| line[column].parse::<f64>().is_ok());
    let figures: Vec<bool> = (0..columns).map(is_figure).collect();
    let cell = |column: usize, text: &String| {
        let width = widths[column];
        if figures[column] { format!("{text:>width$}") } else { format!("{text:<width$}") }
    };
    let line = |cells: &Vec<String>| cells.iter().enumerate().map(|(c, text)| cell(c, text)).collect::<Vec<_>>();
    lines.iter().map(|cells| line(cells).join("  ").trim_end().to_string()).collect()
}

fn told(f: &mut std::fmt::Formatter, what: &str, items: &[String], none: &str) -> std::fmt::Result {
    if items.is_empty() {
        return writeln!(f, "{what}: {none}");
    }
    writeln!(f, "{what}:")?;
    items.iter().try_for_each(|item| writeln!(f, "  {item}"))
}
