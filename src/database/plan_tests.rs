//! What is planned, situation by situation.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::plan::{Stuck, Tier};
use super::status::{Follows, Seen, Status};
use crate::infrastructure::Databases;
use crate::infrastructure::databases::Database;

fn declared() -> Databases {
    let database = |server: &str, id, source: &str| Database { server: server.into(), id, source: source.into() };
    Databases {
        masters: vec![database("db-1", 1, "db-2"), database("db-2", 2, "db-1")],
        slaves: vec![database("db-3", 3, "db-1"), database("db-4", 4, "db-2")],
    }
}

fn at() -> BTreeMap<String, Ipv4Addr> {
    (1..=4).map(|number| (format!("db-{number}"), Ipv4Addr::new(198, 18, 0, number))).collect()
}

fn lives(writable: bool, position: &str, follows: bool, source: &str) -> Seen {
    let source = at()[source].to_string();
    let follows = Follows { source, receives: follows, applies: true, ..Follows::default() };
    Seen::Lives(Status { writable, position: position.parse().unwrap(), greatest_id: 4, follows: Some(follows) })
}

/// `W` written to, `r` follows its own source and is read-only, `f` follows the other master, `o` knows that its source is
/// gone, `+` too and is ahead, `-` gone, `b` empty, `?` silent: db-1 to db-4.
fn seen(letters: &str) -> BTreeMap<String, Seen> {
    let one = |letter: char, server: &str| {
        let own = declared().of(server).unwrap().0.source.clone();
        let other = if own == "db-1" { "db-2" } else { "db-1" };
        match letter {
            'W' => lives(true, "1-1-9", true, &own),
            'r' => lives(false, "1-1-9", true, &own),
            'f' => lives(false, "1-1-9", true, other),
            'o' => lives(false, "1-1-9", false, &own),
            '+' => lives(false, "1-1-12", false, &own),
            'b' => Seen::Empty,
            '?' => Seen::Silent("no answer within 2 s".into()),
            _ => Seen::Gone,
        }
    };
    let servers = letters.chars().zip(1..).map(|(letter, number)| (letter, format!("db-{number}")));
    servers.map(|(letter, server)| (server.clone(), one(letter, &server))).collect()
}

fn told(steps: Result<Vec<super::TopologyStep>, Stuck>) -> String {
    match steps {
        Ok(steps) if steps.is_empty() => "nothing".into(),
        Ok(steps) => steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        Err(stuck) => stuck.to_string(),
    }
}

#[test]
fn failing_over() {
    let situations = [
        ("all is well", "Wrrr"),
        ("the standby is gone", "W-rr"),
        ("the active master is gone", "-oor"),
        ("the active master is gone, and nobody knows", "-rrr"),
        ("the active master and its slave are gone", "-o-r"),
        ("only the other master is left", "-o--"),
        ("both masters are gone", "--oo"),
        ("everything is gone", "----"),
        ("the active master hangs", "?oor"),
        ("a replacement is empty already", "boor"),
        ("nobody is written to, though both live", "rrrr"),
    ];
    let told = situations.map(|(name, letters)| {
        let (declared, seen) = (declared(), seen(letters));
        format!("[{name}]\n{}", told(Tier { declared: &declared, seen: &seen, at: &at() }.failover()))
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn restoring() {
    let situations = [
        ("the active master, after a failover", "bWfr", "db-1"),
        ("the active master, before a failover", "boor", "db-1"),
        ("the standby", "Wbrf", "db-2"),
        ("the standby, its slave an orphan", "Wbro", "db-2"),
        ("a slave", "Wrbr", "db-3"),
        ("a slave, its neighbour gone too", "Wrb-", "db-3"),
        ("a slave, its neighbour an orphan", "Wrbo", "db-3"),
        ("a slave whose master is gone", "-Wbr", "db-3"),
        ("the standby, its slave not knowing yet", "Wbrr", "db-2"),
        ("the master of a side that is gone", "bWbr", "db-1"),
        ("the slave of a side that is gone", "bWbr", "db-3"),
        ("a master, no slave left", "bW--", "db-1"),
        ("the first of both masters", "bboo", "db-1"),
        ("the first of both masters, one slave ahead", "bbo+", "db-2"),
        ("the second of both masters", "Wbrf", "db-2"),
        ("a master, nobody has data", "bb--", "db-1"),
        ("a slave, no master yet", "bbbo", "db-3"),
        ("a slave, nobody has data", "bbbb", "db-3"),
    ];
    let told = situations.map(|(name, letters, server)| {
        let (declared, seen) = (declared(), seen(letters));
        format!("[{name}]\n{}", told(Tier { declared: &declared, seen: &seen, at: &at() }.restore(server)))
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn nobody_is_promoted_before_the_others_are_fenced_and_salvaged() {
    for letters in ["-oor", "-o-r", "-o--", "boor", "bboo", "bbo+"] {
        let (declared, seen) = (declared(), seen(letters));
        let at = at();
        let tier = Tier { declared: &declared, seen: &seen, at: &at };
        let steps = if letters.starts_with("bb") { tier.restore("db-1") } else { tier.failover() }.unwrap();
        let names: Vec<&str> = steps.iter().map(super::TopologyStep::name).collect();
        let promoted = names.iter().position(|name| *name == "promote").unwrap();
        assert_eq!(names.iter().filter(|name| **name == "promote").count(), 1, "{letters}");
        assert!(!names[promoted..].iter().any(|name| matches!(*name, "fence" | "drain" | "salvage")), "{letters}");
        assert!(names[..promoted].contains(&"fence"), "{letters}");
    }
}

#[test]
fn a_master_that_is_rebuilt_is_never_writable_beside_another() {
    for letters in ["bWfr", "bW--", "Wbrf"] {
        let (declared, seen) = (declared(), seen(letters));
        let server = if letters.starts_with('b') { "db-1" } else { "db-2" };
        let steps = Tier { declared: &declared, seen: &seen, at: &at() }.restore(server).unwrap();
        assert!(!steps.iter().any(|step| step.name() == "promote"), "{letters}");
    }
}

/// Each database follows whom the number says; `s`: it stopped, `c`: it tries to connect, `w`: it is written to.
fn following(sources: [&str; 4]) -> BTreeMap<String, Seen> {
    let one = |(source, number): (&str, u8)| {
        let letters = |letter| source.contains(letter);
        let follows = source.chars().find(char::is_ascii_digit).map(|source| Follows {
            source: format!("198.18.0.{source}"),
            receives: !letters('s') && !letters('c'),
            applies: !letters('s'),
            stopped: letters('s'),
            ..Follows::default()
        });
        let position = "1-1-9".parse().unwrap();
        let seen = match follows {
            None => Seen::Gone,
            follows => Seen::Lives(Status { writable: letters('w'), position, greatest_id: 4, follows }),
        };
        (format!("db-{number}"), seen)
    };
    sources.into_iter().zip(1..).map(one).collect()
}

#[test]
fn tending() {
    let situations = [
        ("all is well", ["2w", "1", "1", "2"]),
        ("a slave was started again", ["2w", "1", "1s", "2"]),
        ("the standby was started again", ["2w", "1s", "1", "2"]),
        ("the old master was started again", ["2s", "1w", "2", "2"]),
        ("the old master goes on, its slave follows the other", ["2", "1w", "2", "2"]),
        ("the other salvaged from a slave, and the old master goes on", ["2", "3sw", "2", "2"]),
        ("the other salvaged from a slave, and is alone", ["-", "3sw", "2", "2"]),
        ("a slave, its own master being gone", ["-", "1w", "1c", "2"]),
        ("a slave follows the other, its own master being gone", ["-", "1w", "2", "2"]),
    ];
    let told = situations.map(|(name, sources)| {
        let (declared, seen) = (declared(), following(sources));
        format!("[{name}]\n{}", told(Ok(Tier { declared: &declared, seen: &seen, at: &at() }.maintain_once())))
    });
    insta::assert_snapshot!(told.join("\n"));
}
