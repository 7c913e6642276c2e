//! What users did to the site, operation by operation: the evidence of what was acknowledged.
//!
//! An operation is one request with a meaning. It ended in one of three ways, and the third is what makes a history
//! honest: what timed out or broke may have been applied or not, and both are legal ever after.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plausible;
use super::ranges::Ranges;

/// One operation of one user. A user does one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Who: the user's own name.
    pub process: String,
    /// What.
    pub op: Op,
    /// When it was sent, in microseconds on the run's clock.
    #[serde(deserialize_with = "plausible::us")]
    pub invoked_us: u64,
    /// When its end was known.
    #[serde(deserialize_with = "plausible::us")]
    pub ended_us: u64,
    /// How it ended.
    pub outcome: Ended,
    /// What the user met, where it was not a plain success: `status 503`, `no answer within the deadline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What an operation asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// To own a name.
    Signup { name: String },
    /// To publish; the post's key is `<process>-<seq>`, and a user never uses a number twice.
    Post { seq: u32 },
    /// To follow somebody.
    Follow { followee: String },
    /// To see posts; `saw` is there once it succeeded.
    Read {
        page: Page,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        saw: Option<Saw>,
    },
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// Somebody's posts.
    PostsOf(String),
    /// The posts of those whom somebody follows.
    TimelineOf(String),
}

/// What a page showed, newest first, cut off after the site's limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saw {
    /// The posts.
    pub posts: Posts,
    /// Nothing was cut off.
    pub whole: bool,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Acknowledged: it has been applied.
    Ok,
    /// Refused, or never sent: it has not been applied, and never will be.
    Fail,
    /// Nobody can tell: it may have been applied, or may yet be.
    Info,
}

/// Posts as the numbers of each author.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Posts(pub BTreeMap<String, Ranges>);

impl Operation {
    /// Whether it failed because the site could not serve it, or was not there to be asked: not if its answer was that
    /// this can't be done (a status of 4xx), as when a name is taken.
    pub fn was_not_served(&self) -> bool {
        let turned_down = self.detail.as_deref().is_some_and(|detail| detail.starts_with("status 4"));
        self.outcome == Ended::Fail && !turned_down
    }
}

impl Op {
    /// Whether it changes anything.
    pub fn is_write(&self) -> bool {
        !matches!(self, Op::Read { .. })
    }
}

impl Saw {
    /// Whether this post must be among what was shown, if it was visible at all: what is older than everything that
    /// was shown of its author may have been cut off.
    pub fn reaches(&self, author: &str, seq: u32) -> bool {
        self.whole || self.posts.0.get(author).and_then(Ranges::lowest).is_some_and(|lowest| seq > lowest)
    }
}

impl Posts {
    /// Whether a post is among them.
    pub fn contains(&self, author: &str, seq: u32) -> bool {
        self.0.get(author).is_some_and(|of_author| of_author.contains(seq))
    }

    /// Adds a post; whether it was new.
    pub fn insert(&mut self, author: &str, seq: u32) -> bool {
        match self.0.get_mut(author) {
            Some(of_author) => of_author.insert(seq),
            None => self.0.entry(author.into()).or_default().insert(seq),
        }
    }

    /// Every post: author and number.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().flat_map(|(author, numbers)| numbers.iter().map(move |seq| (author.as_str(), seq)))
    }
}

/// The key of a user's post.
pub fn key_of(author: &str, seq: u32) -> String {
    format!("{author}-{seq}")
}

/// Author and number of a key that [`key_of`] made; `None` for any other.
pub fn post_of(key: &str) -> Option<(&str, u32)> {
    let (author, number) = key.rsplit_once('-')?;
    let seq = number.parse().ok()?;
    (key_of(author, seq) == key).then_some((author, seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_its_author_and_number() {
        assert_eq!(post_of(&key_of("u7-3", 12)), Some(("u7-3", 12)));
        for other in ["", "hello", "u7-3-012", "u7-3-+1", "u7-3-"] {
            assert_eq!(post_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_older_than_all_that_was_shown_may_have_been_cut_off() {
        let mut saw = Saw { posts: Posts::default(), whole: false };
        assert!(!saw.reaches("u7-3", 5));
        assert!(saw.posts.insert("u7-3", 5) && !saw.posts.insert("u7-3", 5));
        assert!(saw.reaches("u7-3", 6) && !saw.reaches("u7-3", 4) && !saw.reaches("u7-4", 9));
        saw.whole = true;
        assert!(saw.reaches("u7-4", 9));
    }

    #[test]
    fn an_operation_is_a_short_line() {
        let operation = Operation {
            process: "u7-3".into(),
            op: Op::Post { seq: 12 },
            invoked_us: 1,
            ended_us: 2,
            outcome: Ended::Info,
            detail: Some("status 503".into()),
        };
        let line = serde_json::to_string(&operation).unwrap();
        assert_eq!(
            line,
            r#"{"process":"u7-3","op":{"post":{"seq":12}},"invoked_us":1,"ended_us":2,"outcome":"info","detail":"status 503"}"#
        );
        assert_eq!(serde_json::from_str::<Operation>(&line).unwrap(), operation);
    }
}
