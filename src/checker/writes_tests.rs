use super::*;
use crate::history::Ended;
use crate::history::final_state::{DatabaseRead, Reading};
use crate::history::synthetic::Script;
use crate::plan::Expectation;
use crate::site_plugin::op::What;
use crate::verdict::Verdict;

fn content(posts: &[(&str, &[u32])]) -> Content {
    let entries = posts.iter().flat_map(|(author, numbers)| numbers.iter().map(|number| (*author, *number)));
    Content { entries: entries.collect(), ..Content::default() }
}

fn with(mut content: Content, change: impl FnOnce(&mut Content)) -> Content {
    change(&mut content);
    content
}

fn judged(script: &Script, expectation: Expectation) -> Judgement {
    crate::checker::of(&expectation).check(&script.history())
}

fn lost(script: &Script) -> Judgement {
    judged(script, Expectation::NoAcknowledgedWriteLost)
}

/// Two databases; u-1 posts twice, once after the death of db-1 at 6 s.
fn site() -> Script {
    Script::website(2, 2)
        .databases(2)
        .posts("u-1", 1, 2000)
        .posts("u-1", 2, 9000)
        .dies(6000, "db-1")
        .replaced(6500, 7000, 8000, "db-1")
}

fn whole() -> Content {
    content(&[("u-1", &[1, 2])])
}

#[test]
fn what_was_acknowledged_must_be_on_every_living_database() {
    let judgement = lost(&site().holds("db-1", whole()).holds("db-2", whole()));
    assert_eq!((judgement.verdict, judgement.observed.as_str(), judgement.n), (Verdict::Pass, "0", Some(2)));
    let judgement = lost(&site().holds("db-1", whole()).holds("db-2", content(&[("u-1", &[2])])));
    assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Fail, "1"));
    let reason = judgement.reason.unwrap();
    assert_eq!(reason, "post u-1-1 (acknowledged 3.99 s before t0) is not on db-2");
}

#[test]
fn names_and_follows_are_writes_too() {
    let signup = What::Signup { name: "ada".into() };
    let follow = What::Follow { followee: "u-2".into() };
    let script = site().operation("u-1", signup, 9100, 9110, Ended::Ok).operation("u-1", follow, 9200, 9210, Ended::Ok);
    let kept = with(whole(), |content| {
        content.rows = ["name ada for u-1", "follow of u-2 by u-1"].map(String::from).into();
    });
    assert_eq!(lost(&script.clone().holds("db-1", kept.clone()).holds("db-2", kept.clone())).verdict, Verdict::Pass);
    let stolen =
        with(kept, |content| content.rows = ["name ada for u-2", "follow of u-2 by u-1"].map(String::from).into());
    let judgement = lost(&script.holds("db-1", stolen.clone()).holds("db-2", stolen));
    assert!(judgement.reason.unwrap().ends_with("is not on db-1 and on db-2"));
}

#[test]
fn what_nobody_can_tell_may_be_there_or_not() {
    let script = site().operation("u-1", What::Post { number: 3 }, 9100, 14_100, Ended::Info);
    let there = content(&[("u-1", &[1, 2, 3])]);
    for content in [whole(), there] {
        let script = script.clone().holds("db-1", content.clone()).holds("db-2", content);
        assert_eq!(lost(&script).verdict, Verdict::Pass);
        assert_eq!(judged(&script, Expectation::NoWriteTwice).verdict, Verdict::Pass);
    }
}

#[test]
fn what_is_not_known_leaves_it_open() {
    let open = |script: &Script, why: &str| {
        for expectation in [Expectation::NoAcknowledgedWriteLost, Expectation::NoWriteTwice] {
            let judgement = judged(script, expectation);
            assert_eq!(judgement.verdict, Verdict::Invalid, "{judgement:?}");
            assert!(judgement.reason.as_ref().unwrap().contains(why), "{judgement:?}");
        }
    };
    let nobody = Script::website(2, 2).databases(2).holds("db-1", whole()).holds("db-2", whole());
    open(&nobody, "no write was ever acknowledged");
    open(&nobody.clone().operation("u-1", What::Post { number: 1 }, 1, 2, Ended::Info), "ever acknowledged");
    open(&site(), "db-1 runs, but what it held in the end is not on record");
    open(&site().holds("db-1", whole()), "db-2 runs, but");
    let early = Script { works: site().works[..1].to_vec(), ..site() };
    open(&early.holds("db-1", whole()).holds("db-2", whole()), "acknowledged after the fault");
    let mut unreadable = site().holds("db-1", whole());
    let found = Reading::Unreadable("no answer".into());
    unreadable.final_state.databases.push(DatabaseRead {
        server: "db-2".into(),
        at_us: 1,
        found,
        checksums: Default::default(),
    });
    open(&unreadable, "db-2 could not be read in the end: no answer");
}

#[test]
fn a_database_that_is_gone_need_not_tell() {
    let gone = Script::website(2, 2).databases(2).dies(6000, "db-1").posts("u-1", 1, 9000);
    assert_eq!(lost(&gone.holds("db-2", content(&[("u-1", &[1])]))).verdict, Verdict::Pass);
}

#[test]
fn rows_that_are_there_twice_or_unasked_are_found() {
    let twice = with(whole(), |content| content.twice.push("post u-1-2".into()));
    let judgement = judged(&site().holds("db-1", whole()).holds("db-2", twice), Expectation::NoWriteTwice);
    assert_eq!(judgement.reason.as_deref(), Some("on db-2: post u-1-2 twice"));
    let refused = site().operation("u-1", What::Post { number: 3 }, 9100, 9110, Ended::Fail);
    let applied = content(&[("u-1", &[1, 2, 3])]);
    let judgement = judged(&refused.holds("db-1", whole()).holds("db-2", applied), Expectation::NoWriteTwice);
    assert_eq!(judgement.reason.as_deref(), Some("on db-2: post u-1-3, which no user asked for"));
    let strange = with(whole(), |content| content.strange.push("post hello".into()));
    let judgement = judged(&site().holds("db-1", strange).holds("db-2", whole()), Expectation::NoWriteTwice);
    assert_eq!(judgement.reason.as_deref(), Some("on db-1: post hello, which no user asked for"));
}
