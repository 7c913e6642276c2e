//! What is wrong with a workload file, as far as the file alone says it.

use hyper::header::HeaderName;
use serde_json_path::JsonPath;

use super::Model;
use super::call::{CallSpec, environment};
use super::database::DatabaseSpec;
use super::file::Form;
use super::method::wrong_method;
use super::statement::Statement;
use crate::document::error::one_of;
use crate::document::yaml::{PathSegment, Source, at};
use crate::document::{DocumentError, Mistakes};

/// A value is at most so long, in bytes.
const VALUE_MAX: usize = 1_000_000;
/// So many registers, counters or queues at most.
const KEYS_MAX: u32 = 100_000;

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

/// Collects what is wrong.
pub(super) struct Checker<'s> {
    source: &'s Source,
    has_database: bool,
    mistakes: Vec<DocumentError>,
}

impl<'s> Checker<'s> {
    /// Of this file, with nothing wrong yet.
    pub fn of(source: &'s Source) -> Checker<'s> {
        Checker { source, has_database: false, mistakes: Vec::new() }
    }

    /// Everything that is wrong.
    pub fn none(self) -> Result<(), Mistakes> {
        Mistakes::none(self.mistakes)
    }

    fn wrong(&mut self, path: &[PathSegment], detail: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(self.source.error(path, detail, Some(hint.into())));
    }

    pub fn whole(&mut self, form: &Form) {
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

    /// Which database statements are sent to.
    pub fn database(&mut self, url: Option<&str>) -> Option<DatabaseSpec> {
        let url = url?;
        self.has_database = true;
        match DatabaseSpec::parse(url) {
            Ok((spec, _)) => Some(spec),
            Err(why) => {
                self.wrong(&at!["database"], why.detail, why.hint);
                None
            }
        }
    }

    pub fn model(&mut self, model: &Model) {
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
        match (&call.path, call.is_command(), &call.sql) {
            (None, false, None) => {
                let hint =
                    "say `path:` for a request of the application, `sql:` for a statement, or `command:` for a program";
                self.wrong(&at![model, field], format!("`{field}` asks for nothing"), hint);
            }
            (Some(path), false, None) => self.request((model, field), call, path),
            (None, true, None) => self.only((model, field), call, "a command"),
            (None, false, Some(sql)) => return self.statement((model, field), (call, sql), use_, has_keys),
            (path, ..) => {
                let second = if path.is_some() && call.sql.is_some() { "sql" } else { "command" };
                let detail = "a call is a request, a statement or a command, and only one of them";
                self.wrong(&at(second), detail, "leave the others out");
            }
        }
        self.statuses((model, field), call, use_);
        // A name that is not understood may be the one that is needed.
        if let Some(names) = self.templates((model, field), call, use_) {
            self.needed((model, field), &names, use_, has_keys);
        }
        self.paths((model, field), call, use_);
    }

    /// Whether a call says what must be said.
    fn needed(&mut self, (model, field): (&str, &str), names: &[String], use_: Use, has_keys: bool) {
        let mut needed: Vec<&str> = if has_keys { vec!["key"] } else { Vec::new() };
        if let Use::Sends(values) = use_ {
            needed.extend(values);
        }
        for name in needed.into_iter().filter(|name| !names.iter().any(|used| used == name)) {
            let detail = format!("`{field}` does not say `{{{{ {name} }}}}`, so that all of its calls are the same");
            self.wrong(&at![model, field], detail, format!("put `{{{{ {name} }}}}` where the {name} belongs"));
        }
    }

    fn request(&mut self, (model, field): (&str, &str), call: &CallSpec, path: &str) {
        if !path.starts_with('/') {
            let hint = "write the path alone: requests go to the site's entry, as all others do";
            self.wrong(&at![model, field, "path"], format!("`{path}` does not begin with `/`"), hint);
        }
        if let Some((detail, hint)) = call.method.as_deref().and_then(wrong_method) {
            self.wrong(&at![model, field, "method"], detail, hint);
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

    /// What is not a request has nothing that only requests have.
    fn only(&mut self, (model, field): (&str, &str), call: &CallSpec, what: &str) {
        let of_requests = [
            ("method", call.method.is_some()),
            ("headers", !call.headers.is_empty()),
            ("json", call.json.is_some()),
            ("body", call.body.is_some()),
        ];
        for (name, _) in of_requests.into_iter().filter(|(_, is_there)| *is_there) {
            let hint = "leave it out, or say `path:` for a request";
            self.wrong(&at![model, field, name], format!("{what} has no `{name}`"), hint);
        }
    }

    fn statement(&mut self, (model, field): (&str, &str), (call, sql): (&CallSpec, &str), use_: Use, has_keys: bool) {
        let at_sql = at![model, field, "sql"];
        if cfg!(not(feature = "sql")) {
            let hint = "build anarcho-chimp with its feature `sql`, which is on by default";
            self.wrong(&at_sql, "this build sends no statements of SQL", hint);
        }
        if !self.has_database {
            let hint = "say at the top of the file which one: `database: postgresql://USER:${PASSWORD}@db-1/shop`, or `mysql://…`";
            self.wrong(&at_sql, "a statement needs a database, and the file has no `database`", hint);
        }
        self.only((model, field), call, "a statement");
        let of_answers = [
            ("ok", !call.ok.is_empty()),
            ("fail", !call.fail.is_empty()),
            ("none", !call.none.is_empty()),
            ("value", call.value.is_some()),
            ("values", call.values.is_some()),
        ];
        for (name, _) in of_answers.into_iter().filter(|(_, is_there)| *is_there) {
            let hint = "leave it out: the first column of the rows is read, and the database says what was done";
            self.wrong(&at![model, field, name], format!("a statement has no `{name}`"), hint);
        }
        let known = known(use_);
        match Statement::parse(sql, &known) {
            Ok(statement) => {
                let names: Vec<String> = statement.names().map(String::from).collect();
                self.needed((model, field), &names, use_, has_keys);
            }
            Err(why) => self.wrong(&at_sql, why.detail, why.hint),
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

    /// The names that its templates speak of; `None` where one of them is wrong.
    fn templates(&mut self, (model, field): (&str, &str), call: &CallSpec, use_: Use) -> Option<Vec<String>> {
        let mut known = known(use_);
        if call.is_command() {
            known.extend(["site", "servers"]);
        }
        let environment = environment();
        let (mut all, before) = (Vec::new(), self.mistakes.len());
        for (place, text) in call.templates() {
            let place = place.split('.').next().unwrap_or_default();
            match environment.template_from_str(text) {
                Err(why) => {
                    let detail = format!("`{text}` is no template: {}", why.detail().unwrap_or("it can't be read"));
                    self.wrong(
                        &at![model, field, place],
                        detail,
                        format!("write for example `{{{{ {} }}}}`", known[0]),
                    );
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
        (self.mistakes.len() == before).then_some(all)
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

/// The names that what is sent may speak of.
fn known(use_: Use) -> Vec<&'static str> {
    match use_ {
        Use::Sends(&[]) => vec!["by", "key"],
        Use::Sends(values) => values.iter().copied().chain(["key"]).collect(),
        Use::ReadsOne | Use::ReadsAll => vec!["key"],
    }
}
