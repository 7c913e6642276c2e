//! What users wrote and read, and what databases hold.

use anarcho_chimp::history::final_state::{Content, DatabaseRead, Reading};
use anarcho_chimp::history::operation::{Page, Posts, Saw};
use anarcho_chimp::history::{Ended, Op, Operation};

use super::Script;
use super::events::database_view;

impl Script {
    /// An operation of a user.
    pub fn operation(mut self, process: &str, op: Op, invoked_ms: u64, ended_ms: u64, outcome: Ended) -> Self {
        let (process, invoked_us, ended_us) = (process.into(), invoked_ms * 1000, ended_ms * 1000);
        self.operations.push(Operation { process, op, invoked_us, ended_us, outcome, detail: None });
        self
    }

    /// A post that was acknowledged after 10 ms.
    pub fn posts(self, process: &str, seq: u32, at_ms: u64) -> Self {
        self.operation(process, Op::Post { seq }, at_ms, at_ms + 10, Ended::Ok)
    }

    /// A user reads somebody's posts, all of them, and sees these.
    pub fn sees(self, process: &str, author: &str, seqs: &[u32], at_ms: u64) -> Self {
        let posts = Posts([(author.to_string(), seqs.iter().copied().collect())].into());
        let op = Op::Read { page: Page::PostsOf(author.into()), saw: Some(Saw { posts, whole: true }) };
        self.operation(process, op, at_ms, at_ms + 5, Ended::Ok)
    }

    /// What a database held in the end, read a second after the watch ended.
    pub fn holds(mut self, server: &str, content: Content) -> Self {
        let (server, found) = (server.into(), Reading::Content(content));
        let at_us = (self.ends_ms.unwrap_or(0) + 1000) * 1000;
        self.final_state.databases.push(DatabaseRead { server, at_us, found });
        self
    }

    /// A database's own view of itself changed.
    pub fn database_view(self, at_ms: u64, server: &str, writable: bool) -> Self {
        self.event(at_ms, database_view(server, writable))
    }
}
