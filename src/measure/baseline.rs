//! The steady baseline that must be seen before anything is broken.

use std::collections::BTreeMap;

use super::sight;
use crate::history::{Event, History, Record, Request};
use crate::instance::PowerState;
use crate::units::Percent;

/// Whether the site has been steady long enough, by what was recorded until now: the begin of the steady stretch
/// on the run's clock (µs).
///
/// # Errors
/// What is not steady yet, in words.
pub fn steady_since(history: &History) -> Result<u64, String> {
    let steady = &history.plan.settings.steady;
    let span_us = crate::clock::micros(steady.baseline);
    let last_us = history.probes.last().ok_or("no probe has been answered")?.due_us;
    let from_us = last_us.saturating_sub(span_us);
    if history.probes.first().is_none_or(|probe| probe.due_us > from_us) {
        return Err(format!("probed for less than {}", crate::units::show_duration(steady.baseline)));
    }
    let window = || history.probes.iter().filter(|probe| probe.due_us >= from_us);
    let availability = availability(window());
    if availability < steady.availability {
        return Err(format!("availability is {availability}, steady is {} or more", steady.availability));
    }
    users_browse(history, from_us)?;
    everything_is_up(history)?;
    nothing_flaps(history, from_us)?;
    nothing_comes_into_sight(history, from_us)?;
    Ok(from_us)
}

fn availability<'a>(probes: impl Iterator<Item = &'a Request>) -> Percent {
    let (mut due, mut good) = (0_u32, 0_u32);
    for probe in probes {
        due += 1;
        good += u32::from(probe.outcome.is_good());
    }
    Percent(if due == 0 { 0.0 } else { 100.0 * f64::from(good) / f64::from(due) })
}

fn users_browse(history: &History, from_us: u64) -> Result<(), String> {
    let wanted = history.plan.settings.load.users;
    if wanted == 0 {
        return Ok(());
    }
    if !history.users.iter().any(|request| request.due_us >= from_us) {
        return Err(format!("{wanted} users were asked for, but none has sent a request"));
    }
    let all = |record: &Record| matches!(record.event, Event::UsersStarted { .. }) && record.at_us <= from_us;
    if history.events.iter().any(all) { Ok(()) } else { Err(format!("not all of {wanted} users have come")) }
}

/// No balancer lost sight of a server within the stretch, not even for a moment.
fn nothing_flaps(history: &History, from_us: u64) -> Result<(), String> {
    let lost = history.events.iter().filter(|record| record.at_us >= from_us).find_map(|record| match &record.event {
        Event::BalancerView { balancer, server, status, up: false, standby: false, .. } => {
            Some((balancer, server, status))
        }
        _ => None,
    });
    match lost {
        Some((balancer, server, status)) => Err(format!("{balancer} saw {server} {status}")),
        None => Ok(()),
    }
}

/// No observer that a Then rests on began or ended to see within the stretch, as one whose watcher is still being started on its
/// server does. One that has been blind for all of it stays so: that is judged with what rests on it.
fn nothing_comes_into_sight(history: &History, from_us: u64) -> Result<(), String> {
    let mut blind = BTreeMap::new();
    for record in &history.events {
        match &record.event {
            Event::ObserverBlind { observer, of, .. } if sight::OF_THE_SITE.contains(&observer.as_str()) => {
                blind.entry((observer, of)).or_insert(record.at_us);
            }
            Event::ObserverSees { observer, of } => {
                let since_us = blind.remove(&(observer, of)).map(|since_us| since_us.max(from_us));
                if since_us.is_some_and(|since_us| record.at_us.saturating_sub(since_us) > sight::MISSED_US) {
                    return Err(format!("the observer “{observer}” has seen {of} for too short a time"));
                }
            }
            _ => {}
        }
    }
    match blind.into_iter().find(|(_, since_us)| *since_us > from_us) {
        Some(((observer, of), _)) => Err(format!("the observer “{observer}” does not see {of}")),
        None => Ok(()),
    }
}

/// Every instance runs, every balancer's every server is up, every virtual IP has one holder.
fn everything_is_up(history: &History) -> Result<(), String> {
    let mut problems: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
    let mut views = Views::default();
    for record in &history.events {
        let (key, problem) = match &record.event {
            Event::InstanceState { instance, state, .. } => {
                let problem = (*state != PowerState::Running).then(|| format!("{instance} is {state}"));
                (("instance", instance.clone()), problem)
            }
            Event::BalancerView { balancer, backend, server, status, up, standby, .. } => {
                views.entry((balancer, server)).or_default().insert(backend, (status, *up || *standby));
                continue;
            }
            Event::VirtualIpHolders { name, holders } => {
                let problem = (holders.len() != 1).then(|| format!("virtual IP {name} has {} holders", holders.len()));
                (("virtual ip", name.clone()), problem)
            }
            _ => continue,
        };
        problems.insert((key.0.to_string(), key.1), problem);
    }
    match problems.into_values().flatten().next().or_else(|| seen_down(history, &views)) {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// Balancer and server → backend → status, and whether it is in rotation there, or stands by as a backup.
type Views<'a> = BTreeMap<(&'a str, &'a str), BTreeMap<&'a str, (&'a str, bool)>>;

/// A server that a balancer has out of rotation. A database that follows is where it is read, and not where it is
/// written.
fn seen_down(history: &History, views: &Views<'_>) -> Option<String> {
    let is_database = |server: &str| history.plan.infrastructure.databases.all().any(|one| one.server == server);
    views.iter().find_map(|((balancer, server), backends)| {
        let somewhere = backends.values().any(|(_, up)| *up);
        let (status, _) = backends.values().find(|(_, up)| !up)?;
        (!(is_database(server) && somewhere)).then(|| format!("{balancer} sees {server} {status}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::{STEADY_MS, Script, ZERO_MS};

    /// What was recorded until the moment at which the baseline is found steady, all users having come at `come_ms`.
    fn looked_at(come_ms: u64) -> History {
        let mut history = Script::website(2, 1).event(come_ms, Event::UsersStarted { users: 20 }).history();
        history.events.retain(|record| record.at_us < STEADY_MS * 1000);
        history.probes.retain(|probe| probe.due_us <= STEADY_MS * 1000);
        history
    }

    #[test]
    fn five_good_seconds_with_all_users_are_steady() {
        let from_us = steady_since(&looked_at(ZERO_MS - 100)).unwrap();
        assert!(from_us.abs_diff(ZERO_MS * 1000) < 10_000, "{from_us}");
    }

    #[test]
    fn a_baseline_begins_when_every_observer_sees() {
        let looked_at = |script: Script| {
            let mut history = script.event(ZERO_MS - 100, Event::UsersStarted { users: 20 }).history();
            history.events.retain(|record| record.at_us < STEADY_MS * 1000);
            history.probes.retain(|probe| probe.due_us <= STEADY_MS * 1000);
            steady_since(&history).map(drop)
        };
        let blind_until = |sees_ms| {
            let script = Script::website(2, 1).blind(ZERO_MS - 900, sight::VIRTUAL_IP, "www");
            looked_at(script.sees_again(sees_ms, sight::VIRTUAL_IP, "www"))
        };
        assert_eq!(blind_until(ZERO_MS - 1), Ok(()));
        assert_eq!(blind_until(ZERO_MS + 240), Ok(()), "no more than a few missed looks");
        let why = "the observer “virtual ip” has seen www for too short a time";
        assert_eq!(blind_until(ZERO_MS + 400), Err(why.into()));
        let blind_since = |since_ms| looked_at(Script::website(2, 1).blind(since_ms, sight::BALANCER, "lb-1"));
        assert_eq!(blind_since(ZERO_MS - 1), Ok(()), "whatever rests on it is judged so");
        assert_eq!(blind_since(ZERO_MS + 400), Err("the observer “haproxy” does not see lb-1".into()));
        assert_eq!(looked_at(Script::website(2, 1).blind(ZERO_MS + 400, "pressure", "this machine")), Ok(()));
    }

    #[test]
    fn a_baseline_begins_when_the_last_user_has_come() {
        assert_eq!(steady_since(&looked_at(ZERO_MS + 500)).unwrap_err(), "not all of 20 users have come");
        let mut none = looked_at(ZERO_MS - 100);
        none.users.clear();
        assert!(steady_since(&none).unwrap_err().contains("none has sent a request"));
    }
}
