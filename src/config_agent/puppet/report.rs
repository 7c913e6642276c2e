//! What Puppet's agent reports of a run: `last_run_report.yaml`, report format 12.
//!
//! A report stays until the next run ends, so one that was there before a run says nothing of it: each has the run's own number,
//! its `transaction_uuid`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// A run, as the agent reports it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    /// The run's own number.
    pub run: String,
    /// When everything was applied, by the server's clock.
    pub applied: Timestamp,
    /// The resources that were changed, in the order of their names.
    pub changed: Vec<String>,
    /// Why it is no success.
    pub failure: Option<String>,
}

/// Why a report can't be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::config_agent) enum ReportError {
    /// It is no report.
    #[error("Puppet's report can't be read: {0}")]
    Malformed(#[from] serde_yaml::Error),
    /// Its time is none.
    #[error("Puppet's report has the time `{time}`: {source}")]
    Time { time: String, source: jiff::Error },
}

#[derive(Deserialize)]
struct Document {
    time: String,
    transaction_uuid: String,
    status: Status,
    #[serde(default)]
    transaction_completed: bool,
    #[serde(default)]
    noop: bool,
    #[serde(default)]
    cached_catalog_status: Option<String>,
    #[serde(default)]
    logs: Vec<Log>,
    #[serde(default)]
    metrics: BTreeMap<String, Metric>,
    #[serde(default)]
    resource_statuses: BTreeMap<String, Resource>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Changed,
    Unchanged,
    Failed,
}

#[derive(Deserialize)]
struct Log {
    level: String,
    message: String,
    source: String,
}

/// Rows of name, label and value.
#[derive(Deserialize)]
struct Metric {
    values: Vec<(String, String, f64)>,
}

#[derive(Deserialize)]
struct Resource {
    failed: bool,
    #[serde(default)]
    failed_to_restart: bool,
    #[serde(default)]
    events: Vec<ResourceEvent>,
}

#[derive(Deserialize)]
struct ResourceEvent {
    name: Option<String>,
    status: String,
    message: Option<String>,
}

impl Report {
    /// Reads one.
    ///
    /// # Errors
    /// A text that is no report of Puppet's.
    pub(super) fn read(text: &str) -> Result<Report, ReportError> {
        let document: Document = serde_yaml::from_str(text)?;
        let time = &document.time;
        let started: Timestamp = time.parse().map_err(|source| ReportError::Time { time: time.clone(), source })?;
        let took = SignedDuration::try_from_secs_f64(document.took_s()).unwrap_or_default();
        let changed = document.resource_statuses.iter().filter(|(_, resource)| resource.is_changed());
        Ok(Report {
            applied: started.checked_add(took).unwrap_or(started),
            changed: changed.map(|(name, _)| name.clone()).collect(),
            failure: document.failure(),
            run: document.transaction_uuid,
        })
    }
}

impl Document {
    /// How long the run took in all; nothing where it ended too early to say.
    fn took_s(&self) -> f64 {
        let times = self.metrics.get("time").into_iter().flat_map(|metric| &metric.values);
        times.filter(|(name, ..)| name == "total").map(|(.., seconds)| *seconds).next().unwrap_or_default()
    }

    fn failure(&self) -> Option<String> {
        let failed: Vec<String> = self.resource_statuses.iter().filter_map(|(name, one)| one.failure(name)).collect();
        if let [first, others @ ..] = failed.as_slice() {
            let more = if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
            return Some(format!("{first}{more}"));
        }
        if self.noop {
            return Some("it ran with `noop`, so it changed nothing".into());
        }
        if self.cached_catalog_status.as_deref().is_some_and(|status| status != "not_used") {
            return Some("it got no catalog, and applied one that it remembered".into());
        }
        let is_whole = self.status != Status::Failed && self.transaction_completed;
        (!is_whole).then(|| self.error().unwrap_or_else(|| "it did not apply its catalog whole".into()))
    }

    /// The first error of the run itself: a fact that can't be found out keeps no run from being whole.
    fn error(&self) -> Option<String> {
        let errors = self.logs.iter().filter(|log| log.level == "err" && log.source != "Facter");
        errors.map(|log| log.message.lines().next().unwrap_or_default().to_string()).next()
    }
}

impl Resource {
    /// What is only asked to take in what changed elsewhere is reported as changed, whether it did anything or not.
    fn is_changed(&self) -> bool {
        self.events.iter().any(|event| event.status == "success" && event.name.as_deref() != Some("refresh"))
    }

    fn failure(&self, name: &str) -> Option<String> {
        if !self.failed && !self.failed_to_restart {
            return None;
        }
        let failed = self.events.iter().filter(|event| event.status == "failure");
        let message = failed.filter_map(|event| event.message.as_deref()).next();
        Some(match message {
            Some(message) => format!("{name}: {}", message.lines().next().unwrap_or_default()),
            None => format!("{name} failed"),
        })
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
