//! Reads workload files, and says what is wrong with one.

use std::path::Path;
use std::time::Duration;

use hyper::Method;
use hyper::header::HeaderName;
use serde::Deserialize;
use serde_json_path::JsonPath;

use super::call::{CallSpec, environment};
use super::{Model, Workload};
use crate::document::error::one_of;
use crate::document::yaml::{PathSegment, Source, at};
use crate::document::{DocumentError, Mistakes};
use crate::units::{HumanDuration, Percent};

/// The share of reads where a file does not say it.
const READS: Percent = Percent(20.0);
/// How long an application has until it is read for the last time, where a file does not say it.
const SETTLE: Duration = Duration::from_secs(2);
/// A value is at most so long, in bytes.
const VALUE_MAX: usize = 1_000_000;
/// So many registers, counters or queues at most.
const KEYS_MAX: u32 = 100_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a workload: a map with `set`, `register`, `counter` or `queue`")]
struct Form {
    set: Option<SetForm>,
    register: Option<RegisterForm>,
    counter: Option<CounterForm>,
    queue: Option<QueueForm>,
    reads: Option<Percent>,
    settle: Option<HumanDuration>,
    #[serde(default)]
    value_size: usize,
    served_by: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a set: a map with `add` and `read`")]
struct SetForm {
    add: CallSpec,
    read: CallSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a register: a map with `write` and `read`")]
struct RegisterForm {
    #[serde(default = "one")]
    keys: u32,
    write: CallSpec,
    read: CallSpec,
    compare_and_set: Option<CallSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a counter: a map with `increment` and `read`")]
struct CounterForm {
    #[serde(default = "one")]
    keys: u32,
    increment: CallSpec,
    read: CallSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a queue: a map with `enqueue` and `dequeue`")]
struct QueueForm {
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
    let mut checker = Checker { source: &source, mistakes: Vec::new() };
    checker.whole(&form);
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
    Mistakes::none(checker.mistakes)?;
    Ok(Workload {
        file: path.into(),
        models,
        reads: form.reads.unwrap_or(READS),
        settle: form.settle.map_or(SETTLE, |settle| settle.0),
        value_size: form.value_size,
        served_by: form.served_by,
    })
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It sends these.
    Sends(&'static [&'static str]),
    /// It reads one value.
    ReadsOne,
    /// It reads all values.
    ReadsAll,
}

struct Checker<'s> {
    source: &'s Source,
    mistakes: Vec<DocumentError>,
}

impl Checker<'_> {
    fn wrong(&mut self, path: &[PathSegment], detail: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(self.source.error(path, detail, Some(hint.into())));
    }

    fn whole(&mut self, form: &Form) {
        if form.set.is_none() && form.register.is_none() && form.counter.is_none() && form.queue.is_none() {
            self.wrong(&at![], "the workload does nothing", "declare a `set`, a `register`, a `counter` or a `queue`");
        }
        if form.reads.is_some_and(|reads| !(0.0..100.0).contains(&reads.0)) {
            self.wrong(
                &at!["reads"],
                "`reads` is a share of the operations",
                "write a percentage from 0 to below 100, such as `20`",
            );
        }
        if form.value_size > VALUE_MAX {
            self.wrong(
                &at!["value_size"],
                format!("`value_size` is {}", form.value_size),
                format!("at most {VALUE_MAX}, in bytes"),
            );
        }
    }

    fn model(&mut self, model: &Model) {
        let name = model.name();
        let keys = model.keys();
        if !(1..=KEYS_MAX).contains(&keys) {
            self.wrong(&at![name, "keys"], format!("`keys` is {keys}"), format!("write 1 to {KEYS_MAX}"));
        }
        let mut call = |field: &str, call: &CallSpec, use_: Use| self.call((name, field), call, use_, keys > 1);
        match model {
            Model::Set { add, read } => {
                call("add", add, Use::Sends(&["value"]));
                call("read", read, Use::ReadsAll);
            }
            Model::Register { write, read, compare_and_set, .. } => {
                call("write", write, Use::Sends(&["value"]));
                call("read", read, Use::ReadsOne);
                if let Some(compare) = compare_and_set {
                    call("compare_and_set", compare, Use::Sends(&["from", "to"]));
                }
            }
            Model::Counter { increment, read, .. } => {
                // What is always raised by one need not be said to the application.
                call("increment", increment, Use::Sends(&[]));
                call("read", read, Use::ReadsOne);
            }
            Model::Queue { enqueue, dequeue, .. } => {
                call("enqueue", enqueue, Use::Sends(&["value"]));
                call("dequeue", dequeue, Use::ReadsOne);
            }
        }
    }

    fn call(&mut self, (model, field): (&str, &str), call: &CallSpec, use_: Use, has_keys: bool) {
        let at = |last: &str| at![model, field, last];
        match (&call.path, call.is_command()) {
            (None, false) => {
                let hint = "say `path:` for a request of the application, or `command:` for a program";
                self.wrong(&at![model, field], format!("`{field}` asks for nothing"), hint);
            }
            (Some(_), true) => {
                self.wrong(&at("command"), "a call is a request or a command, not both", "leave one of them out");
            }
            (Some(path), false) => self.request((model, field), call, path),
            (None, true) => self.command((model, field), call),
        }
        self.statuses((model, field), call, use_);
        let names = self.templates((model, field), call, use_);
        let mut needed: Vec<&str> = if has_keys { vec!["key"] } else { Vec::new() };
        if let Use::Sends(values) = use_ {
            needed.extend(values);
        }
        for name in needed.into_iter().filter(|name| !names.iter().any(|used| used == name)) {
            let detail = format!("`{field}` does not say `{{{{ {name} }}}}`, so that all of its calls are the same");
            self.wrong(&at![model, field], detail, format!("put `{{{{ {name} }}}}` where the {name} belongs"));
        }
        self.paths((model, field), call, use_);
    }

    fn request(&mut self, (model, field): (&str, &str), call: &CallSpec, path: &str) {
        if !path.starts_with('/') {
            let hint = "write the path alone: requests go to the site's entry, as all others do";
            self.wrong(&at![model, field, "path"], format!("`{path}` does not begin with `/`"), hint);
        }
        if let Some(method) = call.method.as_ref().filter(|method| Method::from_bytes(method.as_bytes()).is_err()) {
            self.wrong(
                &at![model, field, "method"],
                format!("`{method}` is not an HTTP method"),
                "write for example `POST`",
            );
        }
        let wrong_header = call.headers.keys().find(|name| HeaderName::from_bytes(name.as_bytes()).is_err());
        if let Some(name) = wrong_header {
            let hint = "write for example `Content-Type`";
            self.wrong(&at![model, field, "headers"], format!("`{name}` is not a header's name"), hint);
        }
        if call.json.is_some() && call.body.is_some() {
            self.wrong(&at![model, field, "body"], "a request has `json` or `body`, not both", "leave one of them out");
        }
    }

    fn command(&mut self, (model, field): (&str, &str), call: &CallSpec) {
        let of_requests = [
            ("method", call.method.is_some()),
            ("headers", !call.headers.is_empty()),
            ("json", call.json.is_some()),
            ("body", call.body.is_some()),
        ];
        for (name, _) in of_requests.into_iter().filter(|(_, is_there)| *is_there) {
            self.wrong(
                &at![model, field, name],
                format!("a command has no `{name}`"),
                "leave it out, or say `path:` for a request",
            );
        }
    }

    fn statuses(&mut self, (model, field): (&str, &str), call: &CallSpec, use_: Use) {
        if matches!(use_, Use::Sends(_)) && !call.none.is_empty() {
            let hint = "only what reads has no value; what says that nothing was done stands in `fail`";
            self.wrong(&at![model, field, "none"], format!("`{field}` of a {model} has no `none`"), hint);
        }
        let possible = if call.is_command() { 0..=255 } else { 100..=599 };
        let (kind, hint) = match call.is_command() {
            true => ("an exit code", "write a number from 0 to 255"),
            false => ("a status", "write a number from 100 to 599"),
        };
        let all: Vec<u16> = call.ok.iter().chain(&call.fail).chain(&call.none).copied().collect();
        if let Some(twice) = all.iter().find(|code| all.iter().filter(|other| other == code).count() > 1) {
            let hint = "a code means one thing: name it once, in `ok`, `fail` or `none`";
            self.wrong(&at![model, field], format!("`{field}` names {twice} twice"), hint);
        }
        for (name, codes) in [("ok", &call.ok), ("fail", &call.fail), ("none", &call.none)] {
            for (place, code) in codes.iter().enumerate().filter(|(_, code)| !possible.contains(*code)) {
                self.wrong(&at![model, field, name, place], format!("{code} is not {kind}"), hint);
            }
        }
    }

    /// The names that its templates speak of.
    fn templates(&mut self, (model, field): (&str, &str), call: &CallSpec, use_: Use) -> Vec<String> {
        let known: Vec<&str> = match use_ {
            Use::Sends(&[]) => vec!["by", "key"],
            Use::Sends(values) => values.iter().copied().chain(["key"]).collect(),
            Use::ReadsOne | Use::ReadsAll => vec!["key"],
        };
        let environment = environment();
        let mut all = Vec::new();
        for (place, text) in call.templates() {
            let place = place.split('.').next().unwrap_or_default();
            match environment.template_from_str(text) {
                Err(why) => {
                    let detail = format!("`{text}` is no template: {}", why.detail().unwrap_or("it can't be read"));
                    self.wrong(&at![model, field, place], detail, "write for example `{{ key }}`");
                }
                Ok(template) => {
                    for name in template.undeclared_variables(false) {
                        if !known.contains(&name.as_str()) {
                            let hint = one_of(&name, "names", known.iter().copied());
                            self.wrong(&at![model, field, place], format!("there is no `{name}` in `{field}`"), hint);
                        }
                        all.push(name);
                    }
                }
            }
        }
        all
    }

    fn paths(&mut self, (model, field): (&str, &str), call: &CallSpec, use_: Use) {
        for (name, path) in [("value", &call.value), ("values", &call.values)] {
            let Some(path) = path else { continue };
            if let Err(why) = JsonPath::parse(path) {
                let hint = "write a JSONPath such as `$.count` or `$[*].item`";
                self.wrong(&at![model, field, name], format!("`{path}` is no JSONPath: {why}"), hint);
            }
            let fits = matches!((name, use_), ("value", Use::ReadsOne) | ("values", Use::ReadsAll));
            if !fits {
                let detail = format!("`{field}` of a {model} has no `{name}`");
                let hint = match use_ {
                    Use::Sends(_) => "only what reads has a value",
                    Use::ReadsOne => "it reads one value: say `value:`",
                    Use::ReadsAll => "it reads all values: say `values:`",
                };
                self.wrong(&at![model, field, name], detail, hint);
            }
        }
    }
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
