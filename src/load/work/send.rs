//! Sends one operation of a workload, and says how it ended.

use std::io::{self, ErrorKind};
use std::process::Stdio;
use std::time::Duration;

use hyper::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use tokio::process::Command;

use super::answer::{Answer, AnswerError, Read, Rows, one_line};
use super::obstacle::Obstacle;
use super::sql::{Access, Session, SqlError};
use super::{WorkConfig, spec};
use crate::history::work::{Call, Shown};
use crate::history::{Ended, Outcome, Work};
use crate::load::{LoadError, http};
use crate::workload::{CallSpec, Filled, Model, Names, Templates, Values};

const JSON: &str = "application/json";
/// How many characters of what is sent a message shows.
const SAID: usize = 160;

/// How an operation ended.
pub(super) struct Met {
    /// The operation, with what it saw.
    pub call: Call,
    pub outcome: Ended,
    /// What it met, where it did not end well.
    pub why: Option<Obstacle>,
    /// The status, or the exit code, and the body, where there was an answer of that kind.
    pub answer: Option<(u16, Vec<u8>)>,
    pub served_by: Option<String>,
    /// The same as a request of a user.
    pub request: Outcome,
}

/// What came back.
pub(super) enum Came {
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
        why: Obstacle,
    },
}

/// Sends operations to one application.
pub(super) struct Sender {
    /// How its database is reached, where there is one.
    pub(super) access: Option<Access>,
    pub(super) templates: Templates,
    client: Client,
    origin: Url,
    pub(super) values: Values,
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
            Err(why) => Came::Nothing { sent: false, request: Outcome::NotSent, why: Obstacle::NoCall(why) },
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
            Call::ReadAll(_) | Call::Read(_) | Call::Count(_) | Call::Dequeue(_) | Call::Registered(_) => names,
        }
    }

    pub(super) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<String>,
        is_json: bool,
    ) -> Came {
        let (Ok(url), Ok(method)) = (self.origin.join(path), Method::from_bytes(method.as_bytes())) else {
            let why = Obstacle::NoCall(format!("`{path}` makes no URL"));
            return Came::Nothing { sent: false, request: Outcome::Broken, why };
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
            let why = if why.is_builder() {
                Obstacle::NoCall(why.to_string())
            } else {
                Obstacle::NoAnswer(http::detail(met, &why))
            };
            Came::Nothing { sent, request: met, why }
        })
    }

    fn met(&self, call: &CallSpec, work: &Work, came: Came) -> Met {
        let asked = work.call.clone();
        let (answer, request) = match &came {
            Came::Answer { code, body, .. } => (Answer::Coded { code: *code, body }, as_a_request(*code)),
            Came::Rows { rows, .. } => (Answer::Rows(rows), Outcome::Good),
            Came::Nothing { .. } => return unanswered(asked, came),
        };
        let unread = answer.unread(call, asked.changes());
        let read = |call: Result<Call, AnswerError>| match call {
            Ok(call) => (call, Ended::Ok, None),
            Err(why) => (asked.clone(), unread, Some(why)),
        };
        let (call, outcome, why) = match &asked {
            Call::ReadAll(_) => read(match answer.of_read(call, self.values) {
                Read::Saw(saw) => Ok(Call::ReadAll(Some(saw))),
                Read::Nothing => Ok(Call::ReadAll(Some(Default::default()))),
                Read::Failed(why) => Err(why),
            }),
            Call::Read(_) => read(one(answer, call, self.values).map(|shown| Call::Read(Some(shown)))),
            Call::Dequeue(_) => read(one(answer, call, self.values).map(|shown| Call::Dequeue(Some(shown)))),
            Call::Count(_) => read(answer.of_count(call).map(|count| Call::Count(Some(count)))),
            _ => {
                let (outcome, why) = answer.of_change(call);
                (asked.clone(), outcome, why)
            }
        };
        let (answer, served_by) = match came {
            Came::Answer { code, body, served_by } => (Some((code, body)), served_by),
            Came::Rows { served_by, .. } => (None, served_by),
            Came::Nothing { .. } => (None, None),
        };
        Met { call, outcome, why: why.map(Obstacle::from), answer, served_by, request }
    }

    /// What an operation sends, in words: the method and the path, the statement, or the program and its arguments. Headers and bodies, which may
    /// hold a secret, are not among them.
    pub fn said(&self, call: &CallSpec, work: &Work) -> String {
        if let Some(sql) = &call.sql {
            return format!("`{}`", one_line(sql, SAID));
        }
        match self.templates.fill(call, &self.names(work)) {
            Ok(Filled::Request { method, path, .. }) => one_line(&format!("{method} {path}"), SAID),
            Ok(Filled::Command(argv)) => format!("`{}`", one_line(&argv.join(" "), SAID)),
            Ok(Filled::Statement(..)) | Err(_) => "the call".into(),
        }
    }
}

/// An operation without a whole answer.
pub(super) fn unanswered(asked: Call, came: Came) -> Met {
    let Came::Nothing { sent, request, why } = came else { unreachable!("an answer is looked at before") };
    // A message that was taken out and not received is gone.
    let outcome = if sent && asked.changes() { Ended::Info } else { Ended::Fail };
    Met { call: asked, outcome, why: Some(why), answer: None, served_by: None, request }
}

/// What a status is, as that of a user's request.
pub(super) fn as_a_request(status: u16) -> Outcome {
    if status < 500 { Outcome::Good } else { Outcome::Status(status) }
}

fn came_of(executed: Result<Rows, SqlError>, session: &Session) -> Came {
    match executed {
        Ok(rows) => Came::Rows { rows, served_by: session.served_by() },
        Err(why) => {
            let request = match &why {
                SqlError::NotSent(_) | SqlError::Login { .. } => Outcome::Refused,
                SqlError::Unknown(_) => Outcome::Broken,
                // It was answered.
                SqlError::Statement { .. } | SqlError::Refused(_) | SqlError::ReadOnly(_) => Outcome::Good,
            };
            Came::Nothing { sent: why.may_have_been_done(), request, why: why.into() }
        }
    }
}

fn one(answer: Answer<'_>, call: &CallSpec, values: Values) -> Result<Shown, AnswerError> {
    match answer.of_read(call, values) {
        Read::Saw(saw) => saw.one(),
        Read::Nothing => Ok(Shown::Nothing),
        Read::Failed(why) => Err(why),
    }
}

/// A command, which is killed when the deadline is over, or when it is waited for no longer.
async fn run(argv: &[String], deadline: Duration) -> Came {
    let unstarted = |why| Came::Nothing { sent: false, request: Outcome::NotSent, why };
    let nothing = |why| Came::Nothing { sent: true, request: Outcome::Broken, why: Obstacle::NoAnswer(why) };
    let Some((program, arguments)) = argv.split_first() else {
        return unstarted(Obstacle::NoCall("there is no command".into()));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = match command.spawn() {
        Ok(child) => child,
        Err(why) => return unstarted(not_started(program, &why)),
    };
    match tokio::time::timeout(deadline, child.wait_with_output()).await {
        Err(_) => nothing(format!("`{program}` did not end within the deadline")),
        Ok(Err(why)) => nothing(format!("`{program}`: {why}")),
        Ok(Ok(output)) => match output.status.code().and_then(|code| u16::try_from(code).ok()) {
            // What it complained of says more than nothing.
            Some(code) if code != 0 && output.stdout.is_empty() => {
                Came::Answer { code, body: output.stderr, served_by: None }
            }
            Some(code) => Came::Answer { code, body: output.stdout, served_by: None },
            None => nothing(format!("`{program}` was ended by a signal: {}", output.status)),
        },
    }
}

/// One that is not there will not come; a machine that has no room for another process may have some again.
fn not_started(program: &str, why: &io::Error) -> Obstacle {
    match why.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::NotADirectory => {
            Obstacle::NoProgram { program: program.into(), why: why.to_string() }
        }
        _ => Obstacle::NoAnswer(format!("`{program}` can't be started: {why}")),
    }
}
