//! What the page takes from a history itself, besides what the record says: the plots, and where its files lie. It is made
//! while the history is in memory, so that the page needs none.

use std::path::Path;

use minijinja::Value;
use serde::Serialize;

use super::judged::judged;
use super::plot::{latency, outcomes, states, waterfall};
use super::timeline::Timeline;
use crate::history::{Event, History};
use crate::measure::entry::holder_before;
use crate::measure::moments::watched;
use crate::report::logs_folder;
use crate::report::record::ScenarioRecord;

/// What is shown of a history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawn {
    /// Whether anything was probed.
    pub probed: bool,
    /// Which server held the site's address when the first fault struck.
    pub entry_holder: Option<String>,
    pub plots: Plots,
    /// The folders of the servers' logs, in the bundle.
    pub logs: Vec<String>,
    /// The folder of the recorded files, in the bundle, with a slash; empty where that is the bundle itself.
    pub files: String,
    /// Servers that were there already, with their addresses.
    pub found: Vec<(String, String)>,
}

/// The plots; `None` where nothing was probed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plots {
    pub latency: Option<Value>,
    pub around_t0: Option<Value>,
    pub outcomes: Option<Value>,
    pub waterfall: Option<Value>,
    pub states: Option<Value>,
}

impl Drawn {
    /// Draws a history that lies in this folder of its bundle, and that was judged so. `share` is how many scenarios share
    /// the page.
    pub fn of(history: &History, record: &ScenarioRecord, folder: &Path, share: usize) -> Drawn {
        let folder = folder.to_string_lossy();
        Drawn {
            probed: !history.probes.is_empty(),
            entry_holder: holder_before(history, &history.plan.infrastructure.entry.host).map(String::from),
            plots: plots(history, record, share),
            logs: logs(history),
            files: if folder.is_empty() { String::new() } else { format!("{folder}/") },
        }
    }
            found: found(history),
}

fn plots(history: &History, record: &ScenarioRecord, share: usize) -> Plots {
    let Some(timeline) = Timeline::of(history, record, share) else { return Plots::default() };
    let (plan, judged) = (&history.plan, judged(&history.plan, record));
    // plotters has escaped the texts in it.
    let safe = |svg: String| Some(Value::from_safe_string(svg));
    Plots {
        latency: safe(latency::plot(&timeline, &judged)),
        around_t0: latency::around_t0(&timeline, &judged).and_then(safe),
        outcomes: safe(outcomes::plot(&timeline, plan.settings.steady.availability)),
        waterfall: waterfall(record, &waterfall::declared(plan, record)).and_then(safe),
        states: safe(states::plot(&timeline, history)),
    }
}

/// In model time where there is one: declared delays stand beside it.
fn waterfall(record: &ScenarioRecord, declared: &[waterfall::Declared]) -> Option<String> {
    match &record.model {
        Some(model) => waterfall::plot(&model.milestones, declared, waterfall::Clock::Model),
        None => waterfall::plot(&record.milestones, declared, waterfall::Clock::Measured),
    }
}

fn logs(history: &History) -> Vec<String> {
    let folder = logs_folder(history.plan.index);
    let mut names: Vec<String> = Vec::new();
    for record in watched(history) {
        if let Event::InstanceBooted { server, .. } = &record.event
            && !names.iter().any(|name| name.ends_with(&format!("/{server}")))
        {
            names.push(format!("{folder}/{server}"));
        }
    }
    names
}
fn found(history: &History) -> Vec<(String, String)> {
    let found = watched(history).iter().filter_map(|record| match &record.event {
        Event::InstanceFound { server, address, .. } => Some((server.clone(), address.clone())),
        _ => None,
    });
    found.collect()
}

