//! Whether a virtual IP moved although nothing had struck the servers that share it.

use crate::history::{Event, History};
use crate::measure::moments::watched;
use crate::measure::timeline::Timeline;

/// Unprovoked moves since the baseline began. Once a server of the tier was struck, moves count as its consequence.
pub fn reasons(history: &History, timeline: &Timeline) -> Vec<String> {
    let Some(zero) = timeline.moments.zero_us else { return Vec::new() };
    let tiers = history.plan.infrastructure.virtual_ips.iter();
    tiers.filter_map(|tier| moved(history, &tier.name, zero, provoked_us(timeline, &tier.holders))).collect()
}

/// When the first strike on a tier began.
fn provoked_us(timeline: &Timeline, tier: &[String]) -> u64 {
    let on_tier = timeline.moments.strikes.iter().filter(|strike| strike.targets.iter().any(|hit| tier.contains(hit)));
    on_tier.filter_map(|strike| strike.injected_us).min().unwrap_or(u64::MAX)
}

fn moved(history: &History, virtual_ip: &str, zero_us: u64, provoked_us: u64) -> Option<String> {
    let mut before: Option<&[String]> = None;
    for record in watched(history).iter().take_while(|record| record.at_us < provoked_us) {
        let Event::VirtualIpHolders { name, holders } = &record.event else { continue };
        if name != virtual_ip {
            continue;
        }
        if let Some(before) = before.filter(|before| *before != holders.as_slice() && record.at_us >= zero_us) {
            let at = (record.at_us - zero_us) as f64 / 1e6;
            return Some(format!(
                "the virtual IP {virtual_ip} moved unprovoked, from {} to {}, {at:.1} s after the baseline began",
                people(before),
                people(holders)
            ));
        }
        before = Some(holders);
    }
    None
}

fn people(holders: &[String]) -> String {
    if holders.is_empty() { "nobody".into() } else { holders.join(" and ") }
}
