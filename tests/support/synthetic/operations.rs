//! What users of the demonstration site wrote and read, and what databases hold.

use std::collections::BTreeMap;

use anarcho_chimp::history::entries::{Entries, Page};
use anarcho_chimp::history::final_state::{Content, DatabaseRead, Reading};
use anarcho_chimp::history::work::{Asked, Call};
use anarcho_chimp::history::{Ended, Work};
use anarcho_chimp::site_plugin::op::{Op, PageOf, What};
use serde_json::Value;

use super::Script;
use super::events::database_view;

impl Script {
    /// An operation of a user, which showed nothing. Its process is the last number of the user's name: 1 of `u-1`.
    pub fn operation(self, by: &str, what: What, invoked_ms: u64, ended_ms: u64, outcome: Ended) -> Self {
        self.work(by, what, Value::Null, (invoked_ms, ended_ms), outcome)
    }

    fn work(mut self, by: &str, what: What, saw: Value, (invoked_ms, ended_ms): (u64, u64), outcome: Ended) -> Self {
        let process = by.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let op = Op { by: by.into(), what };
        let call = Call::Registered(Box::new(Asked { asked: op.to_asked(), changes: op.is_write(), saw }));
        let (invoked_us, ended_us, key) = (invoked_ms * 1000, ended_ms * 1000, 0);
        let (detail, served_by) = (None, None);
        self.works.push(Work { process, key, call, invoked_us, ended_us, outcome, detail, served_by });
        self
    }

    /// A post that was acknowledged after 10 ms.
    pub fn posts(self, by: &str, number: u32, at_ms: u64) -> Self {
        self.operation(by, What::Post { number }, at_ms, at_ms + 10, Ended::Ok)
    }

    /// A user reads somebody's posts, all of them, and sees these.
    pub fn sees(self, by: &str, author: &str, numbers: &[u32], at_ms: u64) -> Self {
        let entries = Entries([(author.to_string(), numbers.iter().copied().collect())].into());
        let saw = serde_json::to_value(Page { entries, whole: true }).expect("plain data");
        let what = What::Read { page: PageOf::PostsOf(author.into()) };
        self.work(by, what, saw, (at_ms, at_ms + 5), Ended::Ok)
    }

    /// What a database held in the end, read a second after the watch ended.
    pub fn holds(self, server: &str, content: Content) -> Self {
        self.holds_with(server, content, BTreeMap::new())
    }

    /// The same, with the checksums of its tables.
    pub fn holds_with(mut self, server: &str, content: Content, checksums: BTreeMap<String, String>) -> Self {
        let (server, found) = (server.into(), Reading::Content(content));
        let at_us = (self.ends_ms.unwrap_or(0) + 1000) * 1000;
        self.final_state.databases.push(DatabaseRead { server, at_us, found, checksums });
        self
    }

    /// A database's own view of itself changed.
    pub fn database_view(self, at_ms: u64, server: &str, writable: bool) -> Self {
        self.event(at_ms, database_view(server, writable))
    }
}
