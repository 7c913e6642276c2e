//! Reads workload files.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::call::CallSpec;
use super::check::Checker;
use super::database::DatabaseSpec;
use super::{Model, Workload, WorkloadSource};
use crate::document::yaml::{Source, at};
use crate::document::{DocumentError, Mistakes};
use crate::provider::secret::Secret;
use crate::units::{HumanDuration, Percent};

/// The share of reads where a file does not say it.
pub(super) const READS: Percent = Percent(20.0);
/// How long an application has until it is read for the last time, where a file does not say it.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a workload: a map with `set`, `register`, `counter` or `queue`")]
pub(super) struct Form {
    pub(super) database: Option<String>,
    pub(super) set: Option<SetForm>,
    pub(super) register: Option<RegisterForm>,
    pub(super) counter: Option<CounterForm>,
    pub(super) queue: Option<QueueForm>,
    pub(super) reads: Option<Percent>,
    settle: Option<HumanDuration>,
    #[serde(default)]
    pub(super) value_size: usize,
    served_by: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a set: a map with `add` and `read`")]
pub(super) struct SetForm {
    add: CallSpec,
    read: CallSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a register: a map with `write` and `read`")]
pub(super) struct RegisterForm {
    #[serde(default = "one")]
    keys: u32,
    write: CallSpec,
    read: CallSpec,
    compare_and_set: Option<CallSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a counter: a map with `increment` and `read`")]
pub(super) struct CounterForm {
    #[serde(default = "one")]
    keys: u32,
    increment: CallSpec,
    read: CallSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a queue: a map with `enqueue` and `dequeue`")]
pub(super) struct QueueForm {
    #[serde(default = "one")]
    keys: u32,
    enqueue: CallSpec,
    dequeue: CallSpec,
}

fn one() -> u32 {
    1
}

/// Reads and checks a workload file.
///
/// # Errors
/// Everything that is wrong with it, each with its line and column, and what to do.
pub fn read(path: &Path) -> Result<Workload, Mistakes> {
    let source = Source::read(path)?;
    let form: Form = source.parse()?;
    let mut checker = Checker::of(&source);
    checker.whole(&form);
    let database = checker.database(form.database.as_deref());
    let mut models = Vec::new();
    if let Some(SetForm { add, read }) = form.set {
        models.push(Model::Set { add, read });
    }
    if let Some(RegisterForm { keys, write, read, compare_and_set }) = form.register {
        models.push(Model::Register { keys, write, read, compare_and_set: compare_and_set.map(Box::new) });
    }
    if let Some(CounterForm { keys, increment, read }) = form.counter {
        models.push(Model::Counter { keys, increment, read });
    }
    if let Some(QueueForm { keys, enqueue, dequeue }) = form.queue {
        models.push(Model::Queue { keys, enqueue, dequeue });
    }
    models.iter().for_each(|model| checker.model(model));
    checker.none()?;
    Ok(Workload {
        source: WorkloadSource::File(path.into()),
        database,
        models,
        reads: form.reads.unwrap_or(READS),
        settle: form.settle.map_or(SETTLE, |settle| settle.0),
        value_size: form.value_size,
        served_by: form.served_by,
    })
}

/// The password that a file holds in its `database`.
///
/// # Errors
/// The file can't be read, or holds none any more.
pub(super) fn password(path: &Path) -> Result<Secret, DocumentError> {
    #[derive(Deserialize)]
    struct Url(String);
    let source = Source::read(path)?;
    let read = source.parse_at::<Url>(&at!["database"])?;
    let password = read.and_then(|Url(text)| DatabaseSpec::parse(&text).ok()).and_then(|(_, password)| password);
    password.ok_or_else(|| {
        let hint = "write it again, or have a run find it: `${NAME}` is taken from the environment";
        source.error(&at!["database"], "the password of the plan is not in it any more", Some(hint.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = r#"
set:
  add: { method: POST, path: /orders, json: { item: "{{ value }}" }, ok: [201] }
  read: { path: /orders, values: "$[*].item" }
"#;

    fn read_text(text: &str) -> Result<Workload, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.workload.yaml");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|why| why.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn a_file_of_three_lines_is_enough() {
        let workload = read_text(ORDERS).unwrap();
        assert_eq!((workload.models.len(), workload.reads, workload.value_size), (1, READS, 0));
        assert!(workload.has("set") && !workload.has("queue"));
    }

    #[test]
    fn every_mistake_is_reported_with_its_place() {
        let texts = [
            "reads: 120\n".to_string(),
            ORDERS.replace("/orders, values", "orders, values"),
            ORDERS.replace("{{ value }}", "{{ valeu }}"),
            ORDERS.replace("{{ value }}", "{{ value"),
            ORDERS.replace("$[*].item", "$[*"),
            ORDERS.replace("ok: [201]", "ok: [20]"),
            ORDERS.replace("values:", "value:"),
            ORDERS.replace("POST", "P OST"),
            ORDERS.replace("POST", "PSOT"),
            ORDERS.replace("ok: [201]", "body: x"),
            ORDERS.replace("ok: [201]", "ok: [201], fail: [409, 201], none: [404]"),
            ORDERS.replace("ok: [201]", "headers: { \"Bad Header\": x }"),
            ORDERS.replace("set:", "sets:"),
            "queue: { enqueue: { command: [a], json: 1 }, dequeue: {} }".into(),
            "register: { keys: 0, write: { path: / }, read: { path: /, value: $ } }".into(),
        ];
        let told: Vec<String> = texts.iter().map(|text| read_text(text).unwrap_err()).collect();
        insta::assert_snapshot!(told.join("\n\n"));
    }
}
