//! A fault, a selector, an observer, a workload, two Thens and a report that are no part of anarcho-chimp.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anarcho_chimp::extend::{
    Chance, Commands, Effect, Ended, Event, Fault, FaultTarget, Gauge, Ground, History, Invocation, JudgedRun,
    Judgement, Member, Report, Response, Selection, Selector, Server, ServerStrike, Then, User, Value, View, Work,
    async_trait, json,
};
use anarcho_chimp::{Parameters, register};

fn main() -> std::process::ExitCode {
    anarcho_chimp::chaos("features")
}

register!(fault PageMissing);
register!(selector "last", Last);
register!(observers pages);
register!(then PagesMissing);
register!(workload "sign-ups", sign_up);
register!(then OneOwner);
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

/// A user who signs up under one name after the other. All others want the same names.
struct SignUp {
    token: String,
    nth: u32,
}

fn sign_up(member: &Member) -> Box<dyn User> {
    Box::new(SignUp { token: format!("user-{}", member.number), nth: 0 })
}

impl User for SignUp {
    fn next(&mut self, _: &mut Chance) -> Invocation {
        let asked = json!({ "name": format!("name-{}", self.nth), "token": self.token });
        Invocation::post("/signup", asked.clone(), asked)
    }

    fn means(&self, invocation: &Invocation, response: &Response) -> (Ended, Value) {
        match (invocation.changes, response.status) {
            (true, 201) => (Ended::Ok, Value::Null),
            (true, 409) => (Ended::Fail, Value::Null),
            (false, 200) => (Ended::Ok, response.json()["owner"].clone()),
            // Nothing is there: that is an answer, too.
            (false, 404) => (Ended::Ok, Value::Null),
            _ => (Ended::Info, Value::Null),
        }
    }

    fn ended(&mut self, work: &Work) {
        // Where it is not known whose the name is, the same user may ask again.
        if work.outcome != Ended::Info {
            self.nth += 1;
        }
    }

    fn last(&self) -> Vec<Invocation> {
        let names = (0..self.nth).map(|nth| format!("name-{nth}"));
        names.map(|name| Invocation::get(format!("/users/{name}"), json!({ "name": name }))).collect()
    }
}

/// Each name is the one user's that was told so, and is so still in the end.
struct OneOwner;

impl Then for OneOwner {
    fn name(&self) -> &'static str {
        "one-owner"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["every name has exactly one owner"]
    }

    fn workloads(&self) -> &'static [&'static str] {
        &["sign-ups"]
    }

    fn judge(&self, history: &History, _: &[String]) -> Judgement {
        let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for work in history.works.iter().filter(|work| work.is_acknowledged()) {
            let name = work.asked()["name"].as_str().unwrap_or_default();
            let owner = if work.is_last() { work.saw() } else { &work.asked()["token"] };
            owners.entry(name).or_default().insert(owner.as_str().unwrap_or("no user"));
        }
        let wrong = owners.iter().filter(|(_, owners)| owners.len() > 1);
        let wrong: Vec<String> = wrong.map(|(name, owners)| format!("{name} is {owners:?}'s")).collect();
        let observed = format!("{} of {} names have another number of owners", wrong.len(), owners.len());
        Judgement::told(wrong.is_empty(), "1", observed, (!wrong.is_empty()).then(|| wrong.join("; ")))
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
