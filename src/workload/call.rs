//! One call of a workload, and how it is filled in.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::around::Around;
use super::database::DatabaseKind;
use super::statement::{Parameter, Statement};

/// A request of the application, a statement of SQL, or a command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a call: a map with `path`, `sql` or `command`")]
pub struct CallSpec {
    /// Of a request: the path and query, a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `GET` where nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Values are templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What is sent, with templates for texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// The same as a text, a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A statement; each `{{ NAME }}` is a parameter of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// A program and its arguments, templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What acknowledges it; empty: 200 to 299, of a command 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ok: Vec<u16>,
    /// What says that nothing was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail: Vec<u16>,
    /// What says that there is no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub none: Vec<u16>,
    /// Where the value is in an answer's JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where all values are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<String>,
}

/// What a status, or an exit code, says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// It was done.
    Ok,
    /// It was not done, and will not be.
    Fail,
    /// There is no value.
    Nothing,
    /// It can't be known.
    Unknown,
}

impl CallSpec {
    /// Whether it is a command.
    pub fn is_command(&self) -> bool {
        !self.command.is_empty()
    }

    /// What a status, or an exit code, says.
    pub fn means(&self, code: u16) -> Means {
        let is_ok = match self.ok.as_slice() {
            [] if self.is_command() => code == 0,
            [] => (200..300).contains(&code),
            ok => ok.contains(&code),
        };
        match code {
            _ if self.none.contains(&code) => Means::Nothing,
            _ if self.fail.contains(&code) => Means::Fail,
            _ if is_ok => Means::Ok,
            _ => Means::Unknown,
        }
    }

    /// Every template, with the field that it stands in.
    pub(super) fn templates(&self) -> Vec<(String, &str)> {
        let mut all: Vec<(String, &str)> = Vec::new();
        all.extend(self.path.as_deref().map(|path| ("path".into(), path)));
        all.extend(self.body.as_deref().map(|body| ("body".into(), body)));
        all.extend(self.headers.iter().map(|(name, value)| (format!("headers.{name}"), value.as_str())));
        all.extend(self.command.iter().map(|word| ("command".into(), word.as_str())));
        let mut texts = Vec::new();
        self.json.iter().for_each(|json| texts_of(json, &mut texts));
        all.extend(texts.into_iter().map(|text| ("json".into(), text)));
        all
    }
}

fn texts_of<'v>(json: &'v Value, all: &mut Vec<&'v str>) {
    match json {
        Value::String(text) => all.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, all)),
        Value::Object(fields) => fields.values().for_each(|field| texts_of(field, all)),
        _ => {}
    }
}

/// What is sent, filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    /// An HTTP request.
    Request { method: String, path: String, headers: Vec<(String, String)>, body: Option<String>, is_json: bool },
    /// A statement of SQL.
    Statement(Arc<Prepared>, Vec<Parameter>),
    /// A program and its arguments.
    Command(Vec<String>),
}

/// A statement as one kind of database prepares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its text.
    pub text: String,
    /// How many parameters it has.
    pub parameters: usize,
    /// Whether the database says of it how many rows it changed.
    pub counts_rows: bool,
}

/// The names that templates may speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The value that is sent.
    pub value: Option<String>,
    /// Of a compare-and-set: what it must be, and what it becomes.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Of a counter: how much more.
    pub by: Option<i64>,
    /// Which register, counter or queue.
    pub key: u32,
}

/// All that a statement may speak of.
const NAMES: [&str; 5] = ["value", "from", "to", "by", "key"];

/// How templates are read: what a name is not known of is an error.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment
}

/// What the calls of a workload send, ready to be filled in.
pub struct Templates {
    environment: Environment<'static>,
    /// By the text of the file.
    statements: BTreeMap<String, (Statement, Arc<Prepared>)>,
    around: Around,
}

impl Templates {
    /// Of calls that were checked; statements are for this kind of database.
    pub fn of<'c>(
        calls: impl IntoIterator<Item = &'c CallSpec>,
        kind: Option<DatabaseKind>,
        around: Around,
    ) -> Templates {
        let mut environment = environment();
        let mut statements = BTreeMap::new();
        for call in calls {
            for (_, text) in call.templates() {
                // A template's name is its own text.
                environment
                    .add_template_owned(text.to_string(), text.to_string())
                    .expect("checked when the file was read");
            }
            if let (Some(sql), Some(kind)) = (&call.sql, kind) {
                let statement = Statement::parse(sql, &NAMES).expect("checked when the file was read");
                let (text, parameters) = (statement.text(kind), statement.names().count());
                let prepared = Prepared { text, parameters, counts_rows: statement.counts_rows() };
                statements.insert(sql.clone(), (statement, Arc::new(prepared)));
            }
        }
        Templates { environment, statements, around }
    }

    /// The statement that a call is, if it is one.
    pub fn statement(&self, call: &CallSpec) -> Option<Arc<Prepared>> {
        self.statements.get(call.sql.as_ref()?).map(|(_, prepared)| Arc::clone(prepared))
    }

    /// A call with everything filled in.
    ///
    /// # Errors
    /// What a template speaks of is not there.
    pub fn fill(&self, call: &CallSpec, names: &Names) -> Result<Filled, String> {
        let text = |template: &str| self.text(template, names);
        if let Some((statement, prepared)) = call.sql.as_ref().and_then(|sql| self.statements.get(sql)) {
            return Ok(Filled::Statement(Arc::clone(prepared), statement.parameters(names)));
        }
        if call.is_command() {
            return Ok(Filled::Command(call.command.iter().map(|word| text(word)).collect::<Result<_, _>>()?));
        }
        let json = call.json.as_ref().map(|json| self.json(json, names)).transpose()?;
        let is_json = json.is_some();
        let body = || call.body.as_deref().map(text).transpose();
        let header = |(name, value): (&String, &String)| Ok::<_, String>((name.clone(), text(value)?));
        Ok(Filled::Request {
            method: call.method.clone().unwrap_or_else(|| "GET".into()),
            path: text(call.path.as_deref().unwrap_or("/"))?,
            headers: call.headers.iter().map(header).collect::<Result<_, _>>()?,
            body: json.map_or_else(body, |json| Ok(Some(json.to_string())))?,
            is_json,
        })
    }

    fn text(&self, template: &str, names: &Names) -> Result<String, String> {
        let compiled = self.environment.get_template(template).expect("all are there");
        let Names { value, from, to, by, key } = names;
        let Around { site, servers } = &self.around;
        let filled = compiled.render(context! { value, from, to, by, key, site, servers });
        filled.map_err(|why| format!("`{template}` can't be filled in: {why}"))
    }

    fn json(&self, json: &Value, names: &Names) -> Result<Value, String> {
        Ok(match json {
            Value::String(text) => Value::String(self.text(text, names)?),
            Value::Array(items) => items.iter().map(|item| self.json(item, names)).collect::<Result<_, _>>()?,
            Value::Object(fields) => {
                let field = |(name, field): (&String, &Value)| Ok((name.clone(), self.json(field, names)?));
                Value::Object(fields.iter().map(field).collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }
}
