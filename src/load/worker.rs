//! goose users, from the inside of their process: one attack, with own transactions and own timestamps.
//!
//! goose's own figures are not used: its latency ends with the first byte. What a user met is measured here, from
//! sending to the last byte, and streamed to the harness.

use std::io::{self, BufRead, Read};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use goose::config::GooseConfiguration;
use goose::goose::GooseResponse;
use goose::prelude::*;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};

use crate::clock::{Clock, micros};
use crate::console::complain;
use crate::history::{Outcome, Request};

use super::http;
use super::outbox::Outbox;
use super::raise_open_files;
use super::request::{PreparedRequest, REDIRECTS_MAX};
use super::users::Job;

/// The hidden first argument that makes a program the users' process.
pub(super) const ARGUMENT: &str = "__goose-worker";

/// How long users may take to finish their page when asked to stop; the harness kills the process after 1 s.
const LEAVE_WITHIN: Duration = Duration::from_millis(700);
/// All users arrive within a quarter of a second, but not more than this many a second.
const ARRIVALS_MAX: u32 = 4_000;

/// Becomes the users' process if the program was started as one. Call it first in every `main` that may start users;
/// if it returns something, end with it.
pub fn run_if_asked() -> Option<ExitCode> {
    if std::env::args_os().nth(1)? != ARGUMENT {
        return None;
    }
    let Err(why) = run();
    complain!("{why}");
    Some(ExitCode::FAILURE)
}

/// Ends the process itself when its job ends; returns only on trouble.
fn run() -> Result<std::convert::Infallible, Box<dyn std::error::Error>> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let job: Job = serde_json::from_str(&line)?;
    raise_open_files(u64::from(job.config.users) * 2 + 1024);
    let crowd = Arc::new(Crowd::new(&job, Outbox::new()?)?);
    let (sender, stopper) = (crowd.clone(), crowd.clone());
    std::thread::Builder::new().name("outbox".into()).spawn(move || sender.outbox.send_regularly())?;
    std::thread::Builder::new().name("stop".into()).spawn(move || stopper.stop_when_told())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(attack(crowd, job.config.users, (job.config.pause_min, job.config.pause_max)))?;
    Err("goose ended by itself".into())
}

/// goose, doing nothing but what a crowd does; ends only on trouble.
async fn attack(crowd: Arc<Crowd>, users: u32, pause: (Duration, Duration)) -> Result<(), GooseError> {
    let rate = (users * 4).clamp(1, ARRIVALS_MAX).to_string();
    let users = users.to_string();
    let options = [
        "--host",
        crowd.origin.as_str(),
        "--users",
        &users,
        "--increase-rate",
        &rate,
        "--no-telnet",
        "--no-metrics",
        "--no-reset-metrics",
        "--no-print-metrics",
        "-qqq",
    ];
    let configuration = GooseConfiguration::parse_args_default(&options).map_err(|why| GooseError::InvalidOption {
        option: "the worker's options".into(),
        value: options.join(" "),
        detail: why.to_string(),
    })?;
    let scenario = Scenario::new("users").set_wait_time(pause.0, pause.1)?;
    let scenario = browsing(&crowd, scenario);
    // Without this goose builds a client for every user up front, trust store and all: 4.5 ms of CPU each.
    let shared = goose::client::GooseClientBuilder::new().without_cookies();
    GooseAttack::initialize_with_config(configuration)?
        .set_client_builder_without_cookies(shared)?
        .register_scenario(scenario)
        .execute()
        .await
        .map(drop)
}

/// A user arrives, then sees the pages in turn.
fn browsing(crowd: &Arc<Crowd>, mut scenario: Scenario) -> Scenario {
    let visitors = crowd.clone();
    let arrive = Transaction::new(Arc::new(move |user| {
        let crowd = visitors.clone();
        Box::pin(async move { crowd.arrive(user) })
    }));
    scenario = scenario.register_transaction(arrive.set_on_start());
    for page in 0..crowd.pages.len() {
        let visitors = crowd.clone();
        let visit = Transaction::new(Arc::new(move |user| {
            let crowd = visitors.clone();
            Box::pin(async move { crowd.visit(user, page).await })
        }));
        scenario = scenario.register_transaction(visit.set_sequence(page + 1));
    }
    scenario
}

/// Marks a user that has seen its first page.
#[derive(Clone)]
struct HasCome;

/// What all users of this process share.
struct Crowd {
    request: PreparedRequest,
    origin: Url,
    pages: Vec<Url>,
    method: Method,
    deadline: Duration,
    tls: rustls::ClientConfig,
    clock: Clock,
    outbox: Outbox,
    /// How many users' first requests have not ended yet.
    to_come: AtomicU32,
    stopping: AtomicBool,
    under_way: AtomicUsize,
}

impl Crowd {
    fn new(job: &Job, outbox: Outbox) -> Result<Crowd, Box<dyn std::error::Error>> {
        let request = job.config.request.clone();
        let origin = http::origin(&request)?;
        let pages = request.pages.iter().map(|page| origin.join(page)).collect::<Result<_, _>>()?;
        Ok(Crowd {
            origin,
            pages,
            method: Method::from_bytes(request.method.as_bytes())?,
            deadline: job.config.deadline,
            tls: request.trust().as_ref().clone(),
            request,
            clock: Clock::with_epoch(job.epoch_us),
            outbox,
            to_come: AtomicU32::new(job.config.users),
            stopping: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
        })
    }

    /// Gives a user a client, hence a connection, of its own, as a browser has.
    fn arrive(&self, user: &mut GooseUser) -> TransactionResult {
        user.client = self.client()?;
        Ok(())
    }

    fn client(&self) -> Result<Client, reqwest::Error> {
        http::builder(&self.request, self.deadline, self.tls.clone()).redirect(self.redirects()).build()
    }

    /// As the prober's: on this site only, and the last one is judged by its own status.
    fn redirects(&self) -> Policy {
        if !self.request.follow_redirects {
            return Policy::none();
        }
        let request = self.request.clone();
        Policy::custom(move |attempt| {
            let from = attempt.previous().last().map_or("/", Url::path).to_string();
            let here = request.on_this_site(&from, attempt.url().as_str()).is_some();
            let own = attempt.url().host_str() == attempt.previous().last().and_then(Url::host_str)
                && attempt.url().port() == attempt.previous().last().and_then(Url::port);
            if (here || own) && attempt.previous().len() <= REDIRECTS_MAX { attempt.follow() } else { attempt.stop() }
        })
    }

    /// One page, from sending to its last byte, as a sample.
    async fn visit(&self, user: &mut GooseUser, page: usize) -> TransactionResult {
        self.unless_stopping(async {
            let begun_us = self.clock.now_us();
            let outcome = self.ask(user, page).await;
            self.outbox.request(self.sample(begun_us, outcome));
        })
        .await;
        if user.get_session_data::<HasCome>().is_none() {
            user.set_session_data(HasCome);
            self.has_come();
        }
        Ok(())
    }

    /// A user's first request has ended.
    fn has_come(&self) {
        if self.to_come.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.outbox.arrived();
        }
    }

    /// Does something that the stop waits for; nothing once it has come.
    async fn unless_stopping(&self, work: impl Future<Output = ()>) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        if !self.stopping.load(Ordering::SeqCst) {
            work.await;
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    fn sample(&self, begun_us: u64, outcome: Outcome) -> Request {
        let (took_us, deadline_us) = (self.clock.now_us() - begun_us, micros(self.deadline));
        let late = outcome == Outcome::Timeout || took_us > deadline_us;
        let latency_us = u32::try_from(if late { took_us.max(deadline_us) } else { took_us }).unwrap_or(u32::MAX);
        Request { due_us: begun_us, late_us: 0, latency_us, outcome: if late { Outcome::Timeout } else { outcome } }
    }

    async fn ask(&self, user: &mut GooseUser, page: usize) -> Outcome {
        let mut builder = user.client.request(self.method.clone(), self.pages[page].clone());
        if let Some(body) = &self.request.body {
            builder = builder.body(body.clone());
        }
        let asked =
            GooseRequest::builder().set_request_builder(builder).name(self.request.pages[page].as_str()).build();
        let response = match user.request(asked).await {
            Ok(GooseResponse { response: Ok(response), .. }) => response,
            Ok(GooseResponse { response: Err(why), .. }) => return http::outcome_of_reqwest(&why),
            Err(_) => return Outcome::Broken,
        };
        let status = response.status().as_u16();
        match response.bytes().await {
            Ok(body) => self.request.judge(status, &body),
            Err(why) => http::outcome_of_reqwest(&why),
        }
    }

    /// The end of stdin is the end of the job: pages under way may end, then the process does, connections and all.
    fn stop_when_told(&self) {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        self.stopping.store(true, Ordering::SeqCst);
        let told = Instant::now();
        while self.under_way.load(Ordering::SeqCst) > 0 && told.elapsed() < LEAVE_WITHIN {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.outbox.send_last()
    }
}
