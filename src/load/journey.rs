//! What a user who does more than browse does next: drawn with the scenario's seed, each user for itself.

use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use crate::draw::{Draw, Purpose};
use crate::history::Op;
use crate::history::operation::Page;
use crate::settings::Journey;

/// What the users of a scenario do beyond browsing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct JourneyConfig {
    /// How much of each.
    pub journey: Journey,
    /// The scenario's seed; users and their names follow from it.
    pub seed: u64,
}

/// How often, of 100 operations, a user does each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shares {
    post: u32,
    follow: u32,
    signup: u32,
    own_posts: u32,
    timeline: u32,
    /// Somebody else's posts: the rest of the hundred.
    others: u32,
}

/// `None` for who only browses.
fn shares(journey: Journey) -> Option<Shares> {
    let of = |post, follow, signup, own_posts, timeline, others| {
        Some(Shares { post, follow, signup, own_posts, timeline, others })
    };
    match journey {
        Journey::Browse => None,
        // Something must have been written to be read.
        Journey::Read => of(6, 2, 1, 31, 30, 30),
        Journey::Write => of(70, 10, 5, 5, 5, 5),
        Journey::Mixed => of(35, 10, 5, 20, 15, 15),
    }
}

/// One user.
#[derive(Debug)]
pub(super) struct Visitor {
    name: String,
    config: JourneyConfig,
    /// How many users there are.
    users: u32,
    number: u32,
    rng: StdRng,
    posts: u32,
    names: u32,
    /// Whom to follow next, the last first.
    to_follow: Vec<u32>,
}

impl Visitor {
    /// The user with this number, of `users`.
    pub(super) fn new(config: JourneyConfig, number: u32, users: u32) -> Visitor {
        let rng = Draw::of(config.seed).for_purpose(Purpose::User, number.into());
        let to_follow = (0..users).rev().filter(|other| *other != number).collect();
        let name = user_name(config.seed, number);
        Visitor { name, config, users, number, rng, posts: 0, names: 0, to_follow }
    }

    /// Its name, unique in the scenario.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it does first: it signs up under its own name.
    pub(super) fn arrival(&self) -> Op {
        Op::Signup { name: self.name.clone() }
    }

    /// What it does next.
    pub(super) fn next(&mut self) -> Op {
        let Some(shares) = shares(self.config.journey) else { return self.read_own() };
        let total = shares.post + shares.follow + shares.signup + shares.own_posts + shares.timeline + shares.others;
        let mut drawn = self.rng.random_range(0..total);
        let mut falls_to = |share: u32| {
            let hit = drawn < share;
            drawn = drawn.saturating_sub(share);
            hit
        };
        if falls_to(shares.post) {
            self.post()
        } else if falls_to(shares.follow) {
            self.follow()
        } else if falls_to(shares.signup) {
            self.ask_for_a_name()
        } else if falls_to(shares.own_posts) {
            self.read_own()
        } else if falls_to(shares.timeline) {
            Op::Read { page: Page::TimelineOf(self.name.clone()), saw: None }
        } else {
            self.read_other()
        }
    }

    fn post(&mut self) -> Op {
        self.posts += 1;
        Op::Post { seq: self.posts }
    }

    /// All users follow the same ones, one after another, so that each one's count is added to by many at once. From
    /// the beginning again after the last: to follow again changes nothing.
    fn follow(&mut self) -> Op {
        let Some(other) = self.to_follow.pop() else { return self.post() };
        self.to_follow.insert(0, other);
        Op::Follow { followee: user_name(self.config.seed, other) }
    }

    /// All users ask for the same names, one after another, so that each is asked for by many.
    fn ask_for_a_name(&mut self) -> Op {
        self.names += 1;
        Op::Signup { name: format!("n{}-{}", short(self.config.seed), self.names) }
    }

    fn read_own(&self) -> Op {
        Op::Read { page: Page::PostsOf(self.name.clone()), saw: None }
    }

    fn read_other(&mut self) -> Op {
        if self.users < 2 {
            return self.read_own();
        }
        let other = (self.number + self.rng.random_range(1..self.users)) % self.users;
        Op::Read { page: Page::PostsOf(user_name(self.config.seed, other)), saw: None }
    }
}

fn user_name(seed: u64, number: u32) -> String {
    format!("u{}-{number}", short(seed))
}

/// A scenario's seed has 20 digits; names are to be read.
fn short(seed: u64) -> u64 {
    seed % 1_000_000
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn visitor(journey: Journey, number: u32, users: u32) -> Visitor {
        Visitor::new(JourneyConfig { journey, seed: 7 }, number, users)
    }

    fn some(visitor: &mut Visitor, count: usize) -> Vec<Op> {
        (0..count).map(|_| visitor.next()).collect()
    }

    #[test]
    fn shares_are_of_a_hundred_and_are_kept() {
        for (journey, writes) in [(Journey::Read, 9), (Journey::Write, 85), (Journey::Mixed, 50)] {
            let of = shares(journey).unwrap();
            assert_eq!(of.post + of.follow + of.signup + of.own_posts + of.timeline + of.others, 100, "{journey:?}");
            let found = some(&mut visitor(journey, 0, 20), 10_000).iter().filter(|op| op.is_write()).count();
            assert!(found.abs_diff(writes * 100) < 150, "{journey:?}: {found} writes of 10,000");
        }
    }

    #[test]
    fn the_same_seed_and_number_do_the_same_and_others_do_not() {
        let first = some(&mut visitor(Journey::Mixed, 3, 20), 100);
        assert_eq!(first, some(&mut visitor(Journey::Mixed, 3, 20), 100));
        assert_ne!(first, some(&mut visitor(Journey::Mixed, 4, 20), 100));
    }

    #[test]
    fn a_user_never_posts_a_number_twice_and_never_follows_itself() {
        let ops = some(&mut visitor(Journey::Write, 3, 5), 2000);
        let numbers: Vec<u32> =
            ops.iter().filter_map(|op| if let Op::Post { seq } = op { Some(*seq) } else { None }).collect();
        assert!(numbers.iter().enumerate().all(|(at, seq)| *seq as usize == at + 1));
        let follows: BTreeSet<&str> = ops
            .iter()
            .filter_map(|op| if let Op::Follow { followee } = op { Some(followee.as_str()) } else { None })
            .collect();
        assert_eq!(follows, ["u7-0", "u7-1", "u7-2", "u7-4"].into());
    }

    #[test]
    fn users_ask_for_the_same_names() {
        let names = |number| -> BTreeSet<String> {
            let ops = some(&mut visitor(Journey::Write, number, 5), 500);
            ops.into_iter().filter_map(|op| if let Op::Signup { name } = op { Some(name) } else { None }).collect()
        };
        assert!(names(1).intersection(&names(2)).count() > 10);
        assert_eq!(visitor(Journey::Write, 1, 5).arrival(), Op::Signup { name: "u7-1".into() });
    }

    #[test]
    fn who_is_alone_reads_its_own() {
        assert!(some(&mut visitor(Journey::Read, 0, 1), 500).iter().all(|op| match op {
            Op::Read { page: Page::PostsOf(of) | Page::TimelineOf(of), .. } => of == "u7-0",
            _ => true,
        }));
    }
}
