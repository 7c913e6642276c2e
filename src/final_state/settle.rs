//! Waiting for the databases to agree: all positions equal, and standing still for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, MissedTickBehavior};

use super::Database;
use super::sql::{self, SqlError};
use crate::clock::{Clock, micros};
use crate::history::final_state::Settling;

/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What a database has written to its own log: its replicas' changes too, as every database logs what it applies.
const POSITION: &str = "SELECT @@gtid_binlog_pos";

/// Looks until they agree and have stood still for `still_for`, or `within` is over. The moment of agreement is the
/// first of the looks that found the final positions.
pub(super) async fn settled(databases: &[Database], clock: Clock, within: Duration, still_for: Duration) -> Settling {
    let (from_us, deadline) = (clock.now_us(), Instant::now() + within + still_for);
    let mut looks = Looks::default();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let positions = join_all(databases.iter().map(position)).await;
        let now_us = clock.now_us();
        looks.look(now_us, databases.iter().map(|database| database.server.clone()).zip(positions).collect());
        if looks.still_us(now_us).is_some_and(|still_us| still_us >= micros(still_for)) || Instant::now() >= deadline {
            return looks.over(from_us, now_us);
        }
    }
}

async fn position(database: &Database) -> Result<String, String> {
    let rows = sql::rows(database, POSITION).await.map_err(|why: SqlError| why.to_string())?;
    Ok(in_order(rows.first().and_then(|row| row.first()).map_or("", String::as_str)))
}

/// Domains in one order: databases list them as they came to know them.
fn in_order(position: &str) -> String {
    let mut domains: Vec<&str> = position.split(',').map(str::trim).filter(|domain| !domain.is_empty()).collect();
    domains.sort_unstable();
    domains.join(",")
}

/// What was seen until now.
#[derive(Debug, Default)]
struct Looks {
    last: BTreeMap<String, Result<String, String>>,
    /// Since when all are equal and nothing has moved.
    equal_since_us: Option<u64>,
    looked_us: Option<u64>,
    /// The longest from one look to the next.
    gap_us: u64,
}

impl Looks {
    fn look(&mut self, now_us: u64, positions: BTreeMap<String, Result<String, String>>) {
        self.gap_us = self.gap_us.max(self.looked_us.map_or(0, |before| now_us - before));
        self.looked_us = Some(now_us);
        let equal = {
            let mut all = positions.values();
            let first = all.next();
            first.is_some_and(Result::is_ok) && all.all(|other| Some(other) == first)
        };
        if !equal {
            self.equal_since_us = None;
        } else if positions != self.last || self.equal_since_us.is_none() {
            self.equal_since_us = Some(now_us);
        }
        self.last = positions;
    }

    fn still_us(&self, now_us: u64) -> Option<u64> {
        self.equal_since_us.map(|since_us| now_us - since_us)
    }

    fn over(self, from_us: u64, until_us: u64) -> Settling {
        let shown = |(server, position): (String, Result<String, String>)| {
            (server, position.unwrap_or_else(|why| format!("unknown: {why}")))
        };
        Settling {
            from_us,
            agreed_us: self.equal_since_us,
            until_us,
            resolution_us: self.gap_us.max(micros(LOOK_EVERY)),
            positions: self.last.into_iter().map(shown).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(positions: &[(&str, &str)]) -> BTreeMap<String, Result<String, String>> {
        positions.iter().map(|(server, at)| (server.to_string(), Ok(in_order(at)))).collect()
    }

    #[test]
    fn they_agree_from_the_first_look_at_the_last_position() {
        let mut looks = Looks::default();
        looks.look(100, seen(&[("db-1", "1-1-5"), ("db-2", "1-1-4")]));
        assert_eq!(looks.still_us(100), None);
        looks.look(200, seen(&[("db-1", "1-1-5"), ("db-2", "1-1-5")]));
        looks.look(300, seen(&[("db-1", "1-1-6"), ("db-2", "1-1-6")]));
        assert_eq!(looks.still_us(300), Some(0), "they moved on together");
        looks.look(450, seen(&[("db-1", "1-1-6"), ("db-2", "1-1-6")]));
        assert_eq!(looks.still_us(450), Some(150));
        let settling = looks.over(50, 460);
        assert_eq!((settling.from_us, settling.agreed_us, settling.until_us), (50, Some(300), 460));
    }

    #[test]
    fn one_that_cannot_be_asked_agrees_with_nobody() {
        let mut looks = Looks::default();
        let blind = || Err::<String, _>("no answer".to_string());
        looks.look(100, [("db-1".into(), Ok("1-1-5".into())), ("db-2".into(), blind())].into());
        assert_eq!(looks.still_us(200), None);
        looks.look(200, [("db-1".into(), blind()), ("db-2".into(), blind())].into());
        assert_eq!(looks.still_us(200), None);
        assert_eq!(looks.over(0, 300).positions["db-2"], "unknown: no answer");
        let mut nobody = Looks::default();
        nobody.look(100, BTreeMap::new());
        assert_eq!(nobody.still_us(200), None);
    }

    #[test]
    fn the_order_of_domains_means_nothing() {
        assert_eq!(in_order("2-2-7,1-1-1200"), in_order("1-1-1200, 2-2-7"));
        assert_eq!(in_order(""), "");
    }
}
