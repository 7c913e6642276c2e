//! The infrastructure as a graph: who matters most, whose loss the site would not survive, and who was struck.

use minijinja::Value;
use serde::Serialize;

use crate::graph::{Links, Table, picture};
use crate::measure::moments::server_of;
use crate::plan::ScenarioPlan;
use crate::report::record::ScenarioRecord;
use crate::units::trimmed;
use crate::verdict::Verdict;

/// The table of servers, where there is no picture, is no longer than this.
const MOST_SERVERS: usize = 12;

/// What is shown of the infrastructure.
#[derive(Debug, Clone, Serialize)]
pub struct Redundancy {
    /// Drawn where the scenario ran and a picture can show it.
    pub picture: Option<Value>,
    /// The same for a phone, where it fits on one.
    pub narrow: Option<Value>,
    /// Label and value: what the graph says of losses.
    pub facts: Vec<(&'static str, String)>,
    /// The same figures as a table, where there is no picture.
    pub servers: Vec<ServerRow>,
    /// Whether any of them was placed in a zone.
    pub zones: bool,
    /// How many servers were left out of the table.
    pub more_servers: usize,
}

/// A server of the infrastructure.
#[derive(Debug, Clone, Serialize)]
pub struct ServerRow {
    pub name: String,
    pub role: String,
    pub zone: Option<String>,
    /// How many others it is linked with, the clients counted as one.
    pub degree: usize,
    pub betweenness: String,
    /// `single point of failure`, `articulation point` or nothing.
    pub mark: &'static str,
    pub struck: bool,
}

/// Of servers that are there already, and of which no link is declared.
const UNLINKED: &str = "none between servers is declared, so which of them the site can't lose is not known";

/// The graph of a scenario's infrastructure, as it was when the first fault struck, and this server held its address.
pub fn redundancy(plan: &ScenarioPlan, record: &ScenarioRecord, entry_holder: Option<&str>) -> Redundancy {
    let links = Links::of(&plan.infrastructure, entry_holder);
    let table = Table::of(&links);
    let struck: Vec<&str> = record.strikes.iter().map(|strike| server_of(&strike.target)).collect();
    let is_linked = table.servers.len() < 2 || !plan.infrastructure.links.is_empty();
    let drawn = (is_linked && record.verdict != Verdict::Skipped)
        .then(|| picture::element(&links, &table, &struck).ok())
        .flatten();
    let narrow = drawn.as_ref().and_then(|_| picture::narrow(&links, &table, &struck));
    let (servers, more_servers) = if drawn.is_some() { (Vec::new(), 0) } else { rows(&table, &struck, is_linked) };
    Redundancy {
        // The picture has escaped the texts in it.
        picture: drawn.map(Value::from_safe_string),
        narrow: narrow.map(Value::from_safe_string),
        facts: if is_linked { facts(&table) } else { vec![("links", UNLINKED.into())] },
        zones: servers.iter().any(|server| server.zone.is_some()),
        servers,
        more_servers,
    }
}

fn facts(table: &Table) -> Vec<(&'static str, String)> {
    let told = |items: Vec<String>| if items.is_empty() { "none".to_string() } else { items.join("; ") };
    let reason =
        |row: &crate::graph::table::NodeRow| Some(format!("{}: {}", row.name, row.single_point_of_failure.as_ref()?));
    let mut facts = vec![("single points of failure", told(table.servers.iter().filter_map(reason).collect()))];
    if !table.bridges.is_empty() {
        facts.push(("bridges", told(table.bridges.iter().map(|(a, b)| format!("{a} – {b}")).collect())));
    }
    if !table.zones.is_empty() {
        let zone = |zone: &crate::graph::table::Zone| format!("{}: {}", zone.zone, zone.disconnects.join(", "));
        facts.push(("zones that can’t be lost", told(table.zones_that_disconnect().map(zone).collect())));
    }
    facts
}

/// The servers, those that were struck first where there are too many to show; and how many are left out.
fn rows(table: &Table, struck: &[&str], is_linked: bool) -> (Vec<ServerRow>, usize) {
    let row = |row: &crate::graph::table::NodeRow| ServerRow {
        name: row.name.clone(),
        role: row.role.clone().unwrap_or_default(),
        zone: row.zone.clone(),
        degree: row.degree,
        betweenness: trimmed(row.betweenness, 4),
        mark: match (&row.single_point_of_failure, row.articulation_point) {
            _ if !is_linked => "",
            (Some(_), _) => "single point of failure",
            (None, true) => "articulation point",
            (None, false) => "",
        },
        struck: struck.contains(&row.name.as_str()),
    };
    let mut rows: Vec<ServerRow> = table.servers.iter().map(row).collect();
    let all = rows.len();
    if all > MOST_SERVERS {
        rows.sort_by_key(|server| !server.struck);
        rows.truncate(MOST_SERVERS);
    }
    (rows, all - all.min(MOST_SERVERS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_graph_is_of_the_moment_the_fault_struck() {
        let run = sample::run();
        let (plan, record, drawn) = (&run.plan.scenarios[0], &run.record.scenarios[0], &run.drawn[&0]);
        let shown = redundancy(plan, record, drawn.entry_holder.as_deref());
        let picture = shown.picture.unwrap().to_string();
        assert!(picture.contains("lb-1, role webhaproxy") && picture.contains(">struck<"), "{picture}");
        assert_eq!(shown.facts[0], ("single points of failure", "none".into()));
        assert!(shown.servers.is_empty());
    }

    #[test]
    fn a_scenario_that_did_not_run_has_a_table() {
        let run = sample::run();
        let shown = redundancy(&run.plan.scenarios[4], &run.record.scenarios[4], run.drawn[&4].entry_holder.as_deref());
        assert!(shown.picture.is_none());
        assert_eq!((shown.servers.len(), shown.more_servers), (6, 0));
    }

    #[test]
    fn a_site_too_large_for_a_picture_has_a_table_of_the_struck_first() {
        let mut run = sample::run();
        let plan = &mut run.plan.scenarios[0];
        let web = plan.infrastructure.servers["web-1"].clone();
        for number in 5..80 {
            let name = format!("web-{number}");
            plan.infrastructure.servers.insert(name.clone(), crate::infrastructure::Server { name, ..web.clone() });
        }
        let shown = redundancy(&run.plan.scenarios[0], &run.record.scenarios[0], run.drawn[&0].entry_holder.as_deref());
        assert!(shown.picture.is_none());
        assert!(shown.servers[0].struck && !shown.servers[1].struck);
        assert_eq!((shown.servers.len(), shown.more_servers), (12, 81 - 12));
    }

    #[test]
    fn what_the_site_can_not_lose_is_not_said_where_no_link_is_declared() {
        let mut run = sample::run();
        run.plan.scenarios[0].infrastructure.links.clear();
        let shown = redundancy(&run.plan.scenarios[0], &run.record.scenarios[0], run.drawn[&0].entry_holder.as_deref());
        assert!(shown.picture.is_none() && shown.servers.iter().all(|server| server.mark.is_empty()));
        assert_eq!(shown.facts, [("links", UNLINKED.to_string())]);
    }
}
