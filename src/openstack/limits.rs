//! The quotas of a project, and whether what is to be made fits in.

use std::fmt;

use serde_json::Value;

use super::client::{Client, Service};
use super::error::CloudError;

/// How much of each thing is to be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) instances: u64,
    pub(crate) cores: u64,
    pub(crate) ram_mib: u64,
    pub(crate) ports: u64,
    pub(crate) security_groups: u64,
    pub(crate) floating_ips: u64,
}

/// How much of a thing there may be, and is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    /// `None`: no limit.
    pub(super) most: Option<u64>,
    pub(super) used: u64,
}

/// A quota that is too small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shortage {
    what: &'static str,
    needed: u64,
    most: u64,
    used: u64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortage { what, needed, most, used } = self;
        write!(f, "{needed} {what} are needed, and {} of {most} are left ({used} used)", most.saturating_sub(*used))
    }
}

/// Nova's quotas: what they are of, and the names in its limits.
pub(super) const INSTANCES: [&str; 2] = ["maxTotalInstances", "totalInstancesUsed"];
pub(super) const CORES: [&str; 2] = ["maxTotalCores", "totalCoresUsed"];
const RAM: [&str; 2] = ["maxTotalRAMSize", "totalRAMUsed"];
/// Neutron's name of ports.
pub(super) const PORTS: &str = "port";

/// A quota of Nova's, by its answer to `limits`. A limit of -1 is none.
pub(super) fn of_nova(limits: &Value, [most, used]: [&str; 2]) -> Option<Quota> {
    let absolute = limits.get("limits")?.get("absolute")?;
    Some(Quota { most: u64::try_from(absolute.get(most)?.as_i64()?).ok(), used: absolute.get(used)?.as_u64()? })
}

/// A quota of Neutron's, by its answer to `quotas/PROJECT/details.json`.
pub(super) fn of_neutron(quotas: &Value, what: &str) -> Option<Quota> {
    let quota = quotas.get("quota")?.get(what)?;
    let taken = |name: &str| quota.get(name).and_then(Value::as_u64);
    let used = taken("used")? + taken("reserved").unwrap_or(0);
    Some(Quota { most: u64::try_from(quota.get("limit")?.as_i64()?).ok(), used })
}

/// Sees that the quotas leave room for all of this. A quota that the cloud does not tell is not judged.
///
/// # Errors
/// [`CloudError::NoRoom`] names every quota that is too small; else a service can't be asked.
pub(crate) async fn room(client: &Client, needed: &Needed) -> Result<(), CloudError> {
    let limits = client.get(Service::Nova, "limits").await?;
    let project = client.session.who().await.project_id;
    let quotas = match client.get(Service::Neutron, &format!("quotas/{project}/details.json")).await {
        Ok(quotas) => quotas,
        // Not every cloud tells them to its users.
        Err(why) if why.is_not_found() || why.is_forbidden() => Value::Null,
        Err(why) => return Err(why),
    };
    let rows = [
        ("instances", needed.instances, of_nova(&limits, INSTANCES)),
        ("cores", needed.cores, of_nova(&limits, CORES)),
        ("MiB of RAM", needed.ram_mib, of_nova(&limits, RAM)),
        ("ports", needed.ports, of_neutron(&quotas, PORTS)),
        ("security groups", needed.security_groups, of_neutron(&quotas, "security_group")),
        ("floating IPs", needed.floating_ips, of_neutron(&quotas, "floatingip")),
    ];
    let short: Vec<Shortage> =
        rows.into_iter().filter_map(|(what, needed, quota)| shortage(what, needed, quota?)).collect();
    if short.is_empty() { Ok(()) } else { Err(CloudError::NoRoom(short)) }
}

fn shortage(what: &'static str, needed: u64, Quota { most, used }: Quota) -> Option<Shortage> {
    let most = most?;
    (needed > most.saturating_sub(used)).then_some(Shortage { what, needed, most, used })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quota_of_minus_one_is_no_limit_and_what_is_reserved_is_used() {
        let limits = json!({ "limits": { "absolute": { "maxTotalCores": -1, "totalCoresUsed": 4 } } });
        assert_eq!(of_nova(&limits, CORES), Some(Quota { most: None, used: 4 }));
        assert_eq!(of_nova(&limits, INSTANCES), None);
        let quotas = json!({ "quota": { "port": { "limit": 500, "used": 10, "reserved": 2 } } });
        assert_eq!(of_neutron(&quotas, PORTS), Some(Quota { most: Some(500), used: 12 }));
    }

    #[test]
    fn the_last_one_that_is_left_may_be_used() {
        let quota = Quota { most: Some(10), used: 7 };
        assert_eq!(shortage("ports", 3, quota), None);
        let short = shortage("ports", 4, quota).unwrap();
        assert_eq!(short.to_string(), "4 ports are needed, and 3 of 10 are left (7 used)");
        assert_eq!(shortage("ports", 4, Quota { most: None, used: 7 }), None);
        assert_eq!(shortage("ports", 0, Quota { most: Some(5), used: 7 }), None, "nothing is needed");
    }
}
