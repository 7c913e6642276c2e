//! What the page takes from a history itself, besides what the record says: the plots, and where its files lie. It is made
//! while the history is in memory, so that the page needs none.

use std::path::Path;

use minijinja::Value;
use serde::Serialize;

use super::judged::judged;
use super::logs::ServerLogs;
use super::plot::sheet::SheetSize;
use super::plot::{latency, outcomes, states, waterfall, writes};
use super::timeline::TimelinePlot;
use crate::history::{Event, History};
use crate::measure::entry::holder_before;
use crate::measure::moments::watched;
use crate::report::record::ScenarioRecord;

/// With more scenarios than this on a page, drawing every plot twice would make it too large.
const MOST_ON_BOTH: usize = 12;

/// What is shown of a history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawn {
    /// Whether anything was probed.
    pub probed: bool,
    /// Which server held the site's address when the first fault struck.
    pub entry_holder: Option<String>,
    pub plots: Plots,
    /// Servers that were there already, with their addresses.
    pub found: Vec<(String, String)>,
    /// The logs of servers that lie in the bundle.
    pub logs: Vec<ServerLogs>,
    /// The folder of the recorded files, in the bundle, with a slash; empty where that is the bundle itself.
    pub files: String,
}

/// The plots; `None` where nothing was probed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plots {
    pub latency: Option<Value>,
    pub around_t0: Option<Value>,
    pub outcomes: Option<Value>,
    pub waterfall: Option<Value>,
    pub states: Option<Value>,
    pub writes: Option<Value>,
}

impl Drawn {
    /// Draws a history that lies in this folder of its bundle, and that was judged so; without logs, which are no part of it. `share` is how many scenarios share
    /// the page.
    pub fn of(history: &History, record: &ScenarioRecord, folder: &Path, share: usize) -> Drawn {
        let folder = folder.to_string_lossy();
        Drawn {
            probed: !history.probes.is_empty(),
            entry_holder: holder_before(history, &history.plan.infrastructure.entry.host).map(String::from),
            plots: plots(history, record, share),
            found: found(history),
            logs: Vec::new(),
            files: if folder.is_empty() { String::new() } else { format!("{folder}/") },
        }
    }
}

fn plots(history: &History, record: &ScenarioRecord, share: usize) -> Plots {
    let (plan, judged) = (&history.plan, judged(&history.plan, record));
    let both = |plot: &dyn Fn(SheetSize) -> Option<String>| both(plot, share);
    let timelines = SheetSize::ALL.map(|(sheet, _)| TimelinePlot::coarser(history, record, share, sheet.coarser()));
    let [Some(wide), Some(narrow)] = &timelines else { return Plots::default() };
    let on = |sheet| if sheet == SheetSize::Wide { wide } else { narrow };
    let declared = waterfall::declared(plan, record);
    // Of a site that is known by its URL alone, no server is.
    let has_servers = !plan.infrastructure.servers.is_empty();
    Plots {
        latency: both(&|sheet| Some(latency::plot(on(sheet), &judged, sheet))),
        around_t0: both(&|sheet| latency::around_t0(on(sheet), &judged, sheet)),
        outcomes: both(&|sheet| Some(outcomes::plot(on(sheet), plan.settings.steady.availability, sheet))),
        writes: both(&|sheet| writes::plot(on(sheet), sheet)),
        waterfall: waterfall(record, &declared).map(|plot| Value::from_safe_string(chart("", &plot))),
        states: both(&|sheet| has_servers.then(|| states::plot(on(sheet), history, sheet))),
    }
}

/// A plot on the wide and on the narrow sheet; the page's style shows one of them. On a page of very many scenarios it is on
/// the wide one alone, and scrolls on a phone.
fn both(plot: &dyn Fn(SheetSize) -> Option<String>, share: usize) -> Option<Value> {
    if share > MOST_ON_BOTH {
        return plot(SheetSize::Wide).map(|plot| Value::from_safe_string(chart("scrolls", &plot)));
    }
    let drawn: Option<Vec<String>> =
        SheetSize::ALL.into_iter().map(|(sheet, class)| Some(chart(class, &plot(sheet)?))).collect();
    // plotters has escaped the texts in it.
    drawn.map(|drawn| Value::from_safe_string(drawn.join("\n")))
}

fn chart(class: &str, svg: &str) -> String {
    format!("<div class=\"plot chart {class}\">{svg}</div>")
}

/// In model time where there is one: declared delays stand beside it.
fn waterfall(record: &ScenarioRecord, declared: &[waterfall::Declared]) -> Option<String> {
    match &record.model {
        Some(model) => waterfall::plot(&model.milestones, declared, waterfall::Clock::Model),
        None => waterfall::plot(&record.milestones, declared, waterfall::Clock::Measured),
    }
}

fn found(history: &History) -> Vec<(String, String)> {
    let found = watched(history).iter().filter_map(|record| match &record.event {
        Event::InstanceFound { server, address, .. } => Some((server.clone(), address.clone())),
        _ => None,
    });
    found.collect()
}
