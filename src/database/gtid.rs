//! Where a database is in the stream of changes: for each domain (each master that ever wrote) its last transaction.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// MariaDB's GTID position: `1-1-1200,2-2-7`, a domain, the server that wrote it and a number that grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    last: BTreeMap<u32, (u32, u64)>,
}

/// A text that is no GTID position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a GTID position: expected for example `1-1-1200,2-2-7`")]
pub struct NoPosition(String);

impl Position {
    /// Whether everything up to `other` is in it.
    pub fn contains(&self, other: &Position) -> bool {
        other.last.iter().all(|(domain, (_, number))| self.number(*domain) >= *number)
    }

    /// What `other` has beyond it, in words: `1-1-1200 (not 1-1-1150)`; `None` where it has nothing more.
    pub fn lacks(&self, other: &Position) -> Option<String> {
        let beyond = other.last.iter().filter(|(domain, (_, number))| self.number(**domain) < *number);
        let told = beyond.map(|(domain, (server, number))| match self.last.get(domain) {
            Some((own, last)) => format!("{domain}-{server}-{number} (not {domain}-{own}-{last})"),
            None => format!("{domain}-{server}-{number} (nothing of {domain})"),
        });
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// How many transactions it counts in all: to tell which of two is further where neither contains the other.
    pub fn length(&self) -> u64 {
        self.last.values().map(|(_, number)| number).sum()
    }

    /// The greatest number of a domain or a server in it; 0 where it is empty.
    pub fn greatest_id(&self) -> u32 {
        self.last.iter().map(|(domain, (server, _))| *domain.max(server)).max().unwrap_or(0)
    }

    fn number(&self, domain: u32) -> u64 {
        self.last.get(&domain).map_or(0, |(_, number)| *number)
    }
}

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let mut last = BTreeMap::new();
        for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            let numbers: Vec<u64> = one.split('-').map_while(|number| number.parse().ok()).collect();
            let [domain, server, number] = numbers[..] else { return Err(NoPosition(text.into())) };
            let small = |number: u64| u32::try_from(number).map_err(|_| NoPosition(text.into()));
            // A binary log's state names each server of a domain; the last one counts.
            let entry = last.entry(small(domain)?).or_insert((small(server)?, number));
            if entry.1 < number {
                *entry = (small(server)?, number);
            }
        }
        Ok(Position { last })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.last.iter().map(|(domain, (server, number))| format!("{domain}-{server}-{number}"));
        f.write_str(&shown.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> Position {
        text.parse().unwrap()
    }

    #[test]
    fn a_position_is_read_as_it_is_written() {
        for text in ["", "1-1-1200", "1-1-1200,2-7-3"] {
            assert_eq!(position(text).to_string(), text);
        }
        assert_eq!(position("1-1-5, 1-9-7,2-2-1").to_string(), "1-9-7,2-2-1");
        assert!("1-1".parse::<Position>().is_err() && "a-1-1".parse::<Position>().is_err());
    }

    #[test]
    fn one_contains_another_if_it_is_as_far_in_every_domain() {
        let (less, more, other) = (position("1-1-5"), position("1-1-5,2-2-1"), position("1-1-6"));
        assert!(more.contains(&less) && !less.contains(&more) && less.contains(&position("")));
        assert!(!more.contains(&other) && !other.contains(&more), "neither is ahead of the other");
        assert_eq!(less.lacks(&more).unwrap(), "2-2-1 (nothing of 2)");
        assert_eq!(more.lacks(&other).unwrap(), "1-1-6 (not 1-1-5)");
        assert_eq!(more.lacks(&less), None);
    }

    #[test]
    fn a_new_number_is_above_all_that_were_ever_used() {
        assert_eq!(position("1-1-900,5-12-3").greatest_id(), 12);
    }
}
