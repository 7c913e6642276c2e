//! A fault, a selector, an observer, a Then and a report that are no part of anarcho-chimp.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anarcho_chimp::extend::{
    Chance, Commands, Effect, Event, Fault, FaultTarget, Gauge, Ground, History, JudgedRun, Judgement, Report,
    Selection, Selector, Server, ServerStrike, Then, Value, View, async_trait,
};
use anarcho_chimp::{Parameters, register};

fn main() -> std::process::ExitCode {
    anarcho_chimp::chaos("features")
}

register!(fault PageMissing);
register!(selector "last", Last);
register!(observers pages);
register!(then PagesMissing);
register!(report PagesReport);

/// A web server's page is moved away: it answers 403 until it is back.
struct PageMissing;

const PAGE: &str = "/srv/www/index.html";
const AWAY: &str = "/srv/www/index.html.away";

impl Fault for PageMissing {
    fn name(&self) -> &'static str {
        "page-missing"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["the page of {target} is missing{schedule}"]
    }

    fn strike(&self, victim: &FaultTarget<'_>, _: &Parameters) -> ServerStrike {
        let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
        let commands = Commands {
            make: words(&["mv", PAGE, AWAY]),
            see: words(&["test", "!", "-e", PAGE]),
            // It may run again where the page is back already.
            undo: words(&["sh", "-c", "test ! -e $1 || mv $1 $0", PAGE, AWAY]),
        };
        ServerStrike::held(victim.server, Effect::Command(commands))
    }
}

/// The last by name.
struct Last;

impl Selector for Last {
    fn select(&self, candidates: &[&Server], _: &View, _: &mut Chance) -> Result<Selection, String> {
        let last = candidates.iter().map(|server| &server.name).max().ok_or("there is none")?;
        Ok(Selection { servers: vec![last.clone()], why: "the last by name".into() })
    }
}

const PAGES: &str = "page";

/// Whether a web server has its page, once a second.
struct Page {
    server: String,
    address: Ipv4Addr,
}

/// One for each web server: balancers have no page of their own.
fn pages(ground: &Ground) -> Vec<Box<dyn Gauge>> {
    let servers = ground.servers.iter().filter(|(server, _)| server.starts_with("web"));
    servers
        .map(|(server, address)| Box::new(Page { server: server.clone(), address: *address }) as Box<dyn Gauge>)
        .collect()
}

#[async_trait]
impl Gauge for Page {
    fn watches(&self) -> (String, String) {
        (PAGES.into(), self.server.clone())
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn look(&mut self, _: &Ground) -> Result<Value, String> {
        status(self.address).map(|status| (status == "200").into()).map_err(|why| why.to_string())
    }
}

/// The status of `GET /`.
fn status(address: Ipv4Addr) -> io::Result<String> {
    let within = Duration::from_millis(500);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((address, 80)), within)?;
    stream.set_read_timeout(Some(within))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    answer.split(' ').nth(1).map(String::from).ok_or_else(|| io::Error::other("it is no answer"))
}

/// Servers whose page was seen to be missing.
fn missing(history: &History) -> Vec<&str> {
    let seen = history.events.iter().filter_map(|record| match &record.event {
        Event::Observed { observer, of, value } if observer == PAGES && *value == false => Some(of.as_str()),
        _ => None,
    });
    let mut servers: Vec<&str> = seen.collect();
    servers.sort_unstable();
    servers.dedup();
    servers
}

/// How many pages may have been missing.
struct PagesMissing;

impl Then for PagesMissing {
    fn name(&self) -> &'static str {
        "pages-missing"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["exactly {int} page(s) was/were missing"]
    }

    fn judge(&self, history: &History, said: &[String]) -> Judgement {
        let expected: usize = said[0].parse().unwrap_or_default();
        let was_seen = history
            .events
            .iter()
            .any(|record| matches!(&record.event, Event::Observed { observer, .. } if observer == PAGES));
        if !was_seen {
            return Judgement::not_told(expected.to_string(), "no page was ever looked at");
        }
        let missing = missing(history);
        Judgement::told(
            missing.len() == expected,
            expected.to_string(),
            missing.len().to_string(),
            Some(missing.join(", ")),
        )
    }
}

/// `verdicts.txt`: a line a scenario.
struct PagesReport;

impl Report for PagesReport {
    fn file_name(&self) -> &'static str {
        "verdicts.txt"
    }

    fn render(&self, run: &JudgedRun, out: &mut dyn Write) -> io::Result<()> {
        let all: BTreeMap<_, _> =
            run.record.scenarios.iter().map(|scenario| (&scenario.name, scenario.verdict)).collect();
        all.into_iter().try_for_each(|(name, verdict)| writeln!(out, "{name}: {verdict:?}"))
    }
}
