//! The site's own interface: an operation as a request, and what its answer means. Pure.
//!
//! | operation | request | applied | not applied |
//! |---|---|---|---|
//! | sign up | `POST /signup` `{name, token}` | 2xx | `"applied": "no"`: the name is taken, … |
//! | post | `POST /posts` `{author, text, key}` | 2xx | `"applied": "no"` |
//! | follow | `POST /follows` `{follower, followee}` | 2xx | `"applied": "no"` |
//! | read | `GET /users/{name}/posts`, `GET /timeline/{name}`: JSON `{keys}`, newest first, at most 100 | | |
//!
//! A refusal whose body says `"applied": "no"` has not been applied: the site answers for that. Of anything else (a
//! balancer's 503: the write may have been done before its answer was lost) nobody can tell.

use serde::Deserialize;

use crate::history::operation::{Page, Posts, Saw, key_of, post_of};
use crate::history::{Ended, Op};

/// How many posts a page shows at most.
const PAGE_LIMIT: usize = 100;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) path: String,
    /// A POST has one, a GET has none.
    pub(super) body: Option<String>,
}

/// How an operation ended, by its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    /// The operation, with what it saw.
    pub(super) op: Op,
    pub(super) outcome: Ended,
    pub(super) detail: Option<String>,
}

/// What is sent for an operation. Names are made of letters, digits and dashes, and need no escaping.
pub(super) fn call(process: &str, op: &Op) -> Call {
    let post = |path: &str, body: serde_json::Value| Call { path: path.into(), body: Some(body.to_string()) };
    let get = |path: String| Call { path, body: None };
    match op {
        Op::Signup { name } => post("/signup", serde_json::json!({ "name": name, "token": process })),
        Op::Post { seq } => {
            let key = key_of(process, *seq);
            post("/posts", serde_json::json!({ "author": process, "text": format!("This is {key}."), "key": key }))
        }
        Op::Follow { followee } => post("/follows", serde_json::json!({ "follower": process, "followee": followee })),
        Op::Read { page: Page::PostsOf(name), .. } => get(format!("/users/{name}/posts")),
        Op::Read { page: Page::TimelineOf(name), .. } => get(format!("/timeline/{name}")),
    }
}

/// What a whole answer means.
pub(super) fn answered(op: Op, status: u16, body: &[u8]) -> Answered {
    let applied = (200..300).contains(&status);
    let detail = (!applied).then(|| format!("status {status}"));
    match op {
        Op::Read { page, .. } => read(page, applied, body, detail),
        op if applied => Answered { op, outcome: Ended::Ok, detail },
        op => {
            let outcome = if is_guaranteed_unapplied(body) { Ended::Fail } else { Ended::Info };
            Answered { op, outcome, detail }
        }
    }
}

/// What it means that no whole answer came: `sent` is false where nothing can have reached the site.
pub(super) fn unanswered(op: Op, sent: bool, detail: String) -> Answered {
    let outcome = if sent && op.is_write() { Ended::Info } else { Ended::Fail };
    Answered { op, outcome, detail: Some(detail) }
}

/// Whether the site itself says that it did nothing, and will not.
fn is_guaranteed_unapplied(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        applied: String,
    }
    serde_json::from_slice::<Refusal>(body).is_ok_and(|refusal| refusal.applied == "no")
}

fn read(page: Page, came: bool, body: &[u8], detail: Option<String>) -> Answered {
    #[derive(Deserialize)]
    struct Shown {
        keys: Vec<String>,
    }
    let shown =
        if came { serde_json::from_slice::<Shown>(body).map_err(|why| why.to_string()) } else { Err(String::new()) };
    match shown {
        Ok(shown) => {
            let saw = Some(saw(&shown.keys));
            Answered { op: Op::Read { page, saw }, outcome: Ended::Ok, detail }
        }
        Err(why) => {
            let detail = detail.or_else(|| Some(format!("no list of keys: {why}")));
            Answered { op: Op::Read { page, saw: None }, outcome: Ended::Fail, detail }
        }
    }
}

/// Keys that no user of ours made are nobody's.
fn saw(keys: &[String]) -> Saw {
    let mut posts = Posts::default();
    for (author, seq) in keys.iter().filter_map(|key| post_of(key)) {
        posts.insert(author, seq);
    }
    Saw { posts, whole: keys.len() < PAGE_LIMIT }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signup() -> Op {
        Op::Signup { name: "ada".into() }
    }

    fn own() -> Op {
        Op::Read { page: Page::PostsOf("u-1".into()), saw: None }
    }

    #[test]
    fn operations_as_requests() {
        let ops = [
            signup(),
            Op::Post { seq: 3 },
            Op::Follow { followee: "u-2".into() },
            own(),
            Op::Read { page: Page::TimelineOf("u-1".into()), saw: None },
        ];
        let calls: Vec<String> = (ops.iter())
            .map(|op| call("u-1", op))
            .map(|call| format!("{} {}", call.path, call.body.unwrap_or_default()))
            .collect();
        insta::assert_snapshot!(calls.join("\n"), @r#"
        /signup {"name":"ada","token":"u-1"}
        /posts {"author":"u-1","key":"u-1-3","text":"This is u-1-3."}
        /follows {"followee":"u-2","follower":"u-1"}
        /users/u-1/posts 
        /timeline/u-1 
        "#);
    }

    #[test]
    fn only_what_is_certain_is_ok_or_fail() {
        let outcome = |op, status, body: &str| answered(op, status, body.as_bytes()).outcome;
        let post = || Op::Post { seq: 1 };
        let said = |applied: &str| format!(r#"{{"error":"the write side is away","applied":"{applied}"}}"#);
        assert_eq!([200, 201].map(|status| outcome(post(), status, "{}")), [Ended::Ok; 2]);
        assert_eq!([400, 409, 503].map(|status| outcome(post(), status, &said("no"))), [Ended::Fail; 3]);
        assert_eq!([409, 500, 503].map(|status| outcome(post(), status, &said("unknown"))), [Ended::Info; 3]);
        assert_eq!([302, 404, 408, 429, 502, 503].map(|s| outcome(post(), s, "<html>no</html>")), [Ended::Info; 6]);
        assert_eq!(outcome(signup(), 409, &said("no")), Ended::Fail);
        assert_eq!(unanswered(post(), true, "late".into()).outcome, Ended::Info);
        assert_eq!(unanswered(post(), false, "refused".into()).outcome, Ended::Fail);
        assert_eq!(answered(signup(), 503, b"").detail.as_deref(), Some("status 503"));
    }

    #[test]
    fn a_read_tells_what_was_shown_and_whether_that_was_all() {
        let read = answered(own(), 200, br#"{"keys":["u-1-5","u-1-4","hello","u-2-1"],"stale":false}"#);
        let Op::Read { saw: Some(saw), .. } = read.op else { panic!("{read:?}") };
        assert_eq!(saw.posts.iter().collect::<Vec<_>>(), [("u-1", 4), ("u-1", 5), ("u-2", 1)]);
        assert!(saw.whole);
        let keys: Vec<String> = (1..=100).map(|seq| key_of("u-1", seq)).collect();
        let full = answered(own(), 200, serde_json::json!({ "keys": keys }).to_string().as_bytes());
        assert!(matches!(full.op, Op::Read { saw: Some(Saw { whole: false, .. }), .. }));
    }

    #[test]
    fn a_read_without_a_list_of_keys_saw_nothing() {
        for (status, body) in [(503, "{}"), (200, "<html>"), (200, "{}")] {
            let read = answered(own(), status, body.as_bytes());
            assert!(read.outcome == Ended::Fail && matches!(read.op, Op::Read { saw: None, .. }), "{read:?}");
            assert!(read.detail.is_some());
        }
    }
}
