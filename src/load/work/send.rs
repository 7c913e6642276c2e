//! Sends one operation of a workload, and says how it ended.

use std::process::Stdio;
use std::time::Duration;

use hyper::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use tokio::process::Command;

use super::answer::{Answer, Read, Rows};
use super::sql::{Access, Session, SqlError};
use super::{WorkConfig, spec};
use crate::history::work::Call;
use crate::history::{Ended, Outcome, Work};
use crate::load::{LoadError, http};
use crate::workload::{CallSpec, Filled, Model, Names, Templates, Values};

const JSON: &str = "application/json";

/// How an operation ended.
pub(super) struct Met {
    /// The operation, with what it saw.
    pub call: Call,
    pub outcome: Ended,
    pub detail: Option<String>,
    pub served_by: Option<String>,
    /// The same as a request of a user.
    pub request: Outcome,
}

/// What came back.
enum Came {
    Answer {
        code: u16,
        body: Vec<u8>,
        served_by: Option<String>,
    },
    Rows {
        rows: Rows,
        served_by: Option<String>,
    },
    /// Nothing whole; whether it can have been done, and what was met.
    Nothing {
        sent: bool,
        request: Outcome,
        detail: String,
    },
}

/// Sends operations to one application.
pub(super) struct Sender {
    /// How its database is reached, where there is one.
    pub(super) access: Option<Access>,
    pub(super) templates: Templates,
    client: Client,
    origin: Url,
    values: Values,
    served_by: Option<String>,
    deadline: Duration,
}

impl Sender {
    pub fn new(config: &WorkConfig) -> Result<Sender, LoadError> {
        let failed = |why: String| LoadError::Setting { field: "request", found: why, expected: "what makes a client" };
        let tls = config.request.trust().as_ref().clone();
        let client = http::builder(&config.request, config.deadline, tls).redirect(Policy::none()).build();
        Ok(Sender {
            client: client.map_err(|why| failed(why.to_string()))?,
            origin: http::origin(&config.request).map_err(|why| failed(why.to_string()))?,
            templates: Templates::of(
                config.workload.calls().map(|(_, _, call)| call),
                config.workload.database.as_ref().map(|database| database.kind),
                config.around(),
            ),
            access: Access::of(config),
            values: Values { size: config.workload.value_size },
            served_by: config.workload.served_by.clone(),
            deadline: config.deadline,
        })
    }

    /// Sends an operation once, a statement by its user's session, and waits for its end.
    pub async fn send(&self, session: &mut Session, model: &Model, work: &Work) -> Met {
        let call = spec(model, &work.call).expect("an operation is drawn from what the model has");
        let came = match self.templates.fill(call, &self.names(work)) {
            Ok(Filled::Request { method, path, headers, body, is_json }) => {
                self.request(&method, &path, &headers, body, is_json).await
            }
            Ok(Filled::Statement(statement, parameters)) => {
                let access = self.access.as_ref().expect("where there are statements there is a database");
                came_of(session.execute(access, &statement, &parameters).await, session)
            }
            Ok(Filled::Command(argv)) => run(&argv, self.deadline).await,
            Err(detail) => Came::Nothing { sent: false, request: Outcome::NotSent, detail },
        };
        self.met(call, work, came)
    }

    fn names(&self, work: &Work) -> Names {
        let text = |value: u32| Some(self.values.text(value));
        let names = Names { key: work.key, ..Names::default() };
        match work.call {
            Call::Add(value) | Call::Write(value) | Call::Enqueue(value) => Names { value: text(value), ..names },
            Call::CompareAndSet(from, to) => Names { from: text(from), to: text(to), ..names },
            Call::Increment(by) => Names { by: Some(by), ..names },
            Call::ReadAll(_) | Call::Read(_) | Call::Count(_) | Call::Dequeue(_) => names,
        }
    }

    async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<String>,
        is_json: bool,
    ) -> Came {
        let nothing = |why: String| Came::Nothing { sent: false, request: Outcome::Broken, detail: why };
        let (Ok(url), Ok(method)) = (self.origin.join(path), Method::from_bytes(method.as_bytes())) else {
            return nothing(format!("`{path}` makes no URL"));
        };
        let mut request = self.client.request(method, url).header(ACCEPT, JSON);
        if is_json {
            request = request.header(CONTENT_TYPE, JSON);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answered = async {
            let response = request.send().await?;
            let served_by = self.served_by.as_ref().and_then(|name| response.headers().get(name));
            let served_by = served_by.and_then(|value| value.to_str().ok()).map(String::from);
            let code = response.status().as_u16();
            Ok::<_, reqwest::Error>(Came::Answer { code, body: response.bytes().await?.to_vec(), served_by })
        };
        answered.await.unwrap_or_else(|why| {
            let met = http::outcome_of_reqwest(&why);
            // Where not even a connection came about, nothing can have been asked of the application.
            let sent = !why.is_connect() && !why.is_builder();
            Came::Nothing { sent, request: met, detail: http::detail(met, &why) }
        })
    }

    fn met(&self, call: &CallSpec, work: &Work, came: Came) -> Met {
        let asked = work.call.clone();
        let (answer, served_by, request) = match &came {
            Came::Answer { code, body, served_by } => {
                let request = if *code < 500 { Outcome::Good } else { Outcome::Status(*code) };
                (Answer::Coded { code: *code, body }, served_by.clone(), request)
            }
            Came::Rows { rows, served_by } => (Answer::Rows(rows), served_by.clone(), Outcome::Good),
            Came::Nothing { sent, request, detail } => {
                // A message that was taken out and not received is gone.
                let outcome = if *sent && asked.changes() { Ended::Info } else { Ended::Fail };
                let detail = Some(detail.clone());
                return Met { call: asked, outcome, detail, served_by: None, request: *request };
            }
        };
        let unread = answer.unread(call, asked.changes());
        let read = |call: Result<Call, String>| match call {
            Ok(call) => (call, Ended::Ok, None),
            Err(why) => (asked.clone(), unread, Some(why)),
        };
        let (call, outcome, detail) = match &asked {
            Call::ReadAll(_) => read(match answer.of_read(call, self.values) {
                Read::Saw(saw) => Ok(Call::ReadAll(Some(saw))),
                Read::Nothing => Ok(Call::ReadAll(Some(Default::default()))),
                Read::Failed(why) => Err(why),
            }),
            Call::Read(_) => read(one(answer, call, self.values).map(|shown| Call::Read(Some(shown)))),
            Call::Dequeue(_) => read(one(answer, call, self.values).map(|shown| Call::Dequeue(Some(shown)))),
            Call::Count(_) => read(answer.of_count(call).map(|count| Call::Count(Some(count)))),
            _ => {
                let (outcome, detail) = answer.of_change(call);
                (asked.clone(), outcome, detail)
            }
        };
        Met { call, outcome, detail, served_by, request }
    }
}

fn came_of(executed: Result<Rows, SqlError>, session: &Session) -> Came {
    match executed {
        Ok(rows) => Came::Rows { rows, served_by: session.served_by() },
        Err(why) => {
            let request = match &why {
                SqlError::NotSent(_) => Outcome::Refused,
                SqlError::Unknown(_) => Outcome::Broken,
                // It was answered.
                SqlError::Statement { .. } | SqlError::Refused(_) | SqlError::ReadOnly(_) => Outcome::Good,
            };
            Came::Nothing { sent: why.may_have_been_done(), request, detail: why.to_string() }
        }
    }
}

fn one(answer: Answer<'_>, call: &CallSpec, values: Values) -> Result<crate::history::work::Shown, String> {
    match answer.of_read(call, values) {
        Read::Saw(saw) => saw.one(),
        Read::Nothing => Ok(crate::history::work::Shown::Nothing),
        Read::Failed(why) => Err(why),
    }
}

/// A command, which is killed when the deadline is over, or when it is waited for no longer.
async fn run(argv: &[String], deadline: Duration) -> Came {
    let nothing = |sent, detail| {
        let request = if sent { Outcome::Broken } else { Outcome::NotSent };
        Came::Nothing { sent, request, detail }
    };
    let Some((program, arguments)) = argv.split_first() else { return nothing(false, "there is no command".into()) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = match command.spawn() {
        Ok(child) => child,
        Err(why) => return nothing(false, format!("`{program}` can't be started: {why}")),
    };
    match tokio::time::timeout(deadline, child.wait_with_output()).await {
        Err(_) => nothing(true, format!("`{program}` did not end within the deadline")),
        Ok(Err(why)) => nothing(true, format!("`{program}`: {why}")),
        Ok(Ok(output)) => match output.status.code().and_then(|code| u16::try_from(code).ok()) {
            // What it complained of says more than nothing.
            Some(code) if code != 0 && output.stdout.is_empty() => {
                Came::Answer { code, body: output.stderr, served_by: None }
            }
            Some(code) => Came::Answer { code, body: output.stdout, served_by: None },
            None => nothing(true, format!("`{program}` was ended by a signal: {}", output.status)),
        },
    }
}
