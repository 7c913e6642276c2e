//! What a witness sees at a victim: measured there and then, never believed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::boots::Boots;
use crate::agent::Order;
use crate::agent::client::Agent;
use crate::agent::process::instead;
use crate::fault::{Witness, process};
use crate::instance::{Between, Command, InstanceId, PowerState};
use crate::provider::{Provider, ProviderError, Remote};

/// How long a new connection may take where nothing is known of the way yet.
pub(super) const KNOCK: Duration = Duration::from_secs(2);
/// A victim counts as unreachable when a new connection takes so many times as long as it took before the strike…
const TIMES_AS_LONG: u32 = 8;
/// … and no less than this: a busy machine may take so long to answer.
const KNOCK_LEAST: Duration = Duration::from_millis(100);

/// What processes of this program are called where it was started by its link in `/proc`.
const LINK: &str = "exe";

/// The names in a list of how much memory each process has, and its name. Neither threads of the kernel nor what has ended already have memory; `ps` lists
/// itself, and this program's own processes, called `own`, are none of the server's.
fn programs<'l>(listed: &'l str, own: &'l str) -> impl Iterator<Item = String> + 'l {
    let lines = listed.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
    let named = lines.filter(|(memory, _)| *memory != "0").map(|(_, name)| name.trim());
    named.filter(move |name| !["ps", LINK, own].contains(name)).map(String::from)
}

/// How long to wait for a connection that took so long before the strike.
pub(super) fn patience(took: Duration) -> Duration {
    (took * TIMES_AS_LONG).clamp(KNOCK_LEAST, KNOCK)
}

/// What a witness said.
#[derive(Debug, Clone)]
pub(super) struct WitnessReport {
    /// Whether it saw what it was asked for.
    pub confirmed: bool,
    /// What it saw, in words.
    pub evidence: String,
    /// When that came about, where it is known more exactly than that it is so now.
    pub came: Option<Between>,
}

impl WitnessReport {
    pub fn new(confirmed: bool, evidence: impl Into<String>) -> WitnessReport {
        WitnessReport { confirmed, evidence: evidence.into(), came: None }
    }
}

/// One victim, as far as a witness needs to know it.
pub(super) struct WitnessContext<'a> {
    pub provider: &'a dyn Provider,
    pub server: &'a str,
    pub instance: Option<&'a InstanceId>,
    pub remote: Option<&'a dyn Remote>,
    pub order: Option<&'a Order>,
    /// How long a new connection is waited for.
    pub patience: Duration,
    /// The processes that ran before the strike, where that matters.
    pub pids_before: &'a BTreeSet<i32>,
    /// The boot before the strike, where that matters.
    pub boots: Option<&'a Boots>,
}

impl WitnessContext<'_> {
    /// Asks a witness once.
    pub async fn ask(&self, witness: &Witness) -> Result<WitnessReport, ProviderError> {
        match witness {
            Witness::State(expected) => self.state(*expected).await,
            Witness::ProcessRuns(pattern) => self.processes(pattern, true).await,
            Witness::NoProcess(pattern) => self.processes(pattern, false).await,
            Witness::ProcessRestarted(pattern) => self.restarted(pattern).await,
            Witness::Rebooted => Ok(self.boots.expect("it was looked for before").look(self.remote()?).await),
            Witness::InForce(wanted) => self.in_force(*wanted).await,
            Witness::Reachable(wanted) => Ok(self.reachable(*wanted).await),
        }
    }

    async fn state(&self, expected: PowerState) -> Result<WitnessReport, ProviderError> {
        let Some(id) = self.instance else { return Ok(WitnessReport::new(false, "it has no instance")) };
        let found = match self.provider.measured(id).await {
            Err(ProviderError::Unknown(_)) => return Ok(WitnessReport::new(false, "the provider does not list it")),
            found => found?,
        };
        let (confirmed, evidence) = (found.state == expected, format!("{}: {}", found.state, found.evidence));
        Ok(WitnessReport { confirmed, evidence, came: found.changed.filter(|_| confirmed) })
    }

    async fn processes(&self, pattern: &str, wanted: bool) -> Result<WitnessReport, ProviderError> {
        let (found, name) = (self.pids(pattern).await?, process::name_of(pattern));
        let evidence = match &found {
            Err(why) => why.clone(),
            Ok(pids) if pids.is_empty() => format!("no process “{name}” in {}", self.server),
            Ok(pids) => format!("{} processes “{name}” in {}", pids.len(), self.server),
        };
        Ok(WitnessReport::new(found.is_ok_and(|pids| pids.is_empty() != wanted), evidence))
    }

    async fn restarted(&self, pattern: &str) -> Result<WitnessReport, ProviderError> {
        let before = self.pids_before;
        Ok(match self.pids(pattern).await? {
            Err(evidence) => WitnessReport::new(false, evidence),
            Ok(now) => WitnessReport::new(
                !now.is_empty() && now.is_disjoint(before),
                format!("“{}” in {}: pids {before:?} before, {now:?} now", process::name_of(pattern), self.server),
            ),
        })
    }

    /// The processes of a name in the instance, or what `pgrep` said instead.
    pub async fn pids(&self, pattern: &str) -> Result<Result<BTreeSet<i32>, String>, ProviderError> {
        let [env, locale] = process::ANY_LETTER;
        let output = self.remote()?.exec(&Command::new([env, locale, "pgrep", "-x", "--", pattern])).await?;
        if !matches!(output.status, Some(0 | 1)) {
            return Ok(Err(format!("pgrep ended with {:?}: {}", output.status, output.stderr.trim())));
        }
        Ok(Ok(output.stdout.lines().filter_map(|line| line.trim().parse().ok()).collect()))
    }

    /// What runs in the instance, where this witness looked for a process in vain: to follow its evidence. An empty text where that can't be known.
    pub async fn instead(&self, witness: &Witness) -> String {
        let (Witness::ProcessRuns(pattern), Some(remote)) = (witness, self.remote) else { return String::new() };
        let [env, locale] = process::ANY_LETTER;
        match remote.exec(&Command::new([env, locale, "ps", "-e", "-o", "vsz=", "-o", "comm="])).await {
            Ok(listed) => {
                let own = std::fs::read_to_string("/proc/self/comm").unwrap_or_default();
                instead(&process::name_of(pattern), programs(&listed.stdout, own.trim_end()))
            }
            Err(_) => String::new(),
        }
    }

    async fn in_force(&self, wanted: bool) -> Result<WitnessReport, ProviderError> {
        let order = self.order.expect("what an agent holds has an order");
        let seen = Agent::new(self.remote()?).observe(order).await;
        Ok(match seen {
            Ok(seen) => WitnessReport::new(seen.in_force == wanted, seen.evidence),
            Err(why) => WitnessReport::new(false, why.to_string()),
        })
    }

    /// One lost packet is no cut: unreachable means twice in a row.
    async fn reachable(&self, wanted: bool) -> WitnessReport {
        let Some(remote) = self.remote else {
            return WitnessReport::new(false, "there is no way to it");
        };
        let mut answers = Vec::new();
        for _ in 0..2 {
            let knocked = remote.knock(self.patience).await;
            let reached = knocked.is_ok();
            answers.push(knocked.map_or_else(|why| why.to_string(), |()| "it answers".into()));
            if reached {
                break;
            }
        }
        let reached = answers.last().is_some_and(|answer| answer == "it answers");
        WitnessReport::new(reached == wanted, format!("a new connection: {}", answers.join("; again: ")))
    }

    fn remote(&self) -> Result<&dyn Remote, ProviderError> {
        let absent = || ProviderError::Unknown(self.instance.cloned().unwrap_or(InstanceId(self.server.into())));
        self.remote.ok_or_else(absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_the_kernel_and_processes_of_the_harness_are_not_listed() {
        let listed =
            "  0 kthreadd\n 2456 nginx\n  0 nginx <defunct>\n 9000 Web Content\n 7000 ps\n 900 exe\n 900 chimp\n\n";
        assert_eq!(programs(listed, "chimp").collect::<Vec<_>>(), ["nginx", "Web Content"]);
    }
}
