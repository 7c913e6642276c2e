//! What an attack will do, wholly resolved: printed by `--dry-run`, hashed, executed, replayed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::document::error::{did_you_mean, one_of};
use crate::environment::{Closed, Ended};
use crate::fault::{self, Action, Witness};
use crate::infrastructure::Infrastructure;
use crate::instance::{Ability, PowerState};
use crate::journal::Place;
use crate::plan::seed_text;
use crate::plan::{Choice, Parameters, Partition, PlanError, Schedule, StepText, StrikeOrder, Target, read_plan};
use crate::units::{duration, show_duration};

/// The version of an attack plan's schema. It rises when fields change, and when the same seed draws something else: 2
/// since every decision has its own generator ([`crate::draw`]), 3 since faults have the field's names.
pub const SCHEMA: u32 = 3;

/// A whole attack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttackPlan {
    /// The version of this schema: [`SCHEMA`].
    pub schema: u32,
    /// What every choice was drawn with.
    #[serde(with = "seed_text")]
    pub seed: u64,
    /// Where the victims are.
    pub place: Place,
    /// The servers that were not chosen from, since they had ended for good when the plan was made; each with how that was
    /// known. They are no part of the hash.
    #[serde(default, skip_serializing_if = "Ended::is_empty")]
    pub skipped: Ended,
    /// One after the other; each is healed before the next begins, where it heals.
    pub rounds: Vec<Round>,
}

/// One strike of an attack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// The fault, by its name in the table.
    pub fault: String,
    /// What it needs to be told.
    pub with: Parameters,
    /// Whom, in the order in which they were chosen.
    pub servers: Vec<String>,
    /// The servers whose traffic no longer reaches them, for a partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// Why them.
    pub why: String,
    /// How long it lasts; `None`: for good.
    #[serde(with = "duration::optional")]
    pub lasts: Option<Duration>,
}

impl AttackPlan {
    /// Reads a recorded one.
    ///
    /// # Errors
    /// When it can't be read, is no plan of an attack, or has another schema; nothing was touched.
    pub fn read(path: &Path) -> Result<AttackPlan, PlanError> {
        read_plan(path, SCHEMA)
    }

    /// SHA-256 in hex over the rounds and the seed: the same choice among the same servers has the same hash,
    /// wherever it is carried out. A round says of how many living servers it was drawn, so a server that has ended changes
    /// the hash of a plan that could have chosen it.
    pub fn sha256(&self) -> String {
        let hashed = serde_json::to_vec(&(self.schema, self.seed, &self.rounds)).expect("a plan is plain data");
        Sha256::digest(hashed).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it makes sense for these servers, beside which there are those that are `closed` to attacks.
    ///
    /// # Errors
    /// What is wrong, and what to do; nothing was touched.
    pub fn check(&self, infrastructure: &Infrastructure, closed: &Closed) -> Result<(), String> {
        for round in &self.rounds {
            round.check()?;
            let mut named = round.servers.iter().chain(&round.from);
            if let Some((spared, why)) = named.clone().find_map(|name| closed.get_key_value(name)) {
                return Err(may_not_be_attacked(spared, why));
            }
            if let Some(unknown) = named.find(|name| !infrastructure.servers.contains_key(*name)) {
                let hint = one_of(unknown, "servers", infrastructure.servers.keys().map(String::as_str));
                return Err(format!("there is no server `{unknown}` that may be attacked\n  help: {hint}"));
            }
            round.check_zones(infrastructure)?;
        }
        Ok(())
    }

    /// What it asks of the provider: for each server and fault once.
    pub fn asks(&self) -> BTreeSet<(String, String, BTreeSet<Ability>)> {
        let asks = self.rounds.iter().filter_map(|round| {
            let fault = fault::named(&round.fault)?;
            let ask = move |server: &String| {
                let target = fault::FaultTarget { server, peers: &[], services: &[] };
                (server.clone(), round.fault.clone(), fault.strike(&target, &round.with).abilities())
            };
            Some(round.servers.iter().map(ask))
        });
        asks.flatten().collect()
    }

    /// Whether anything is held on this server by an agent.
    pub fn holds(&self, server: &str) -> bool {
        let target = fault::FaultTarget { server, peers: &[], services: &[] };
        let held = |round: &Round| {
            let fault = fault::named(&round.fault)?;
            let struck = round.servers.iter().any(|name| name == server);
            Some(struck && matches!(fault.strike(&target, &round.with).inject, Action::Hold(_)))
        };
        self.rounds.iter().any(|round| held(round).unwrap_or_default())
    }

    /// The whole plan for people: each round with its victims, the reason, what is done and how it heals.
    pub fn shown(&self) -> String {
        let mut text = format!("seed {} · plan {}\n", self.seed, &self.sha256()[..12]);
        for (server, how) in &self.skipped {
            text.push_str(&format!("skipped: {server}, which has ended ({how})\n"));
        }
        for (number, round) in self.rounds.iter().enumerate() {
            text.push_str(&format!("{:>3}. {}\n     {}\n", number + 1, round.shown(), round.why));
        }
        text
    }
}

impl Round {
    /// `web-1, web-2: power-off for 30 s`
    pub fn shown(&self) -> String {
        let lasts = self.lasts.map_or("for good".into(), |lasts| format!("for {}", show_duration(lasts)));
        let from = if self.from.is_empty() { String::new() } else { format!(" from {}", self.from.join(", ")) };
        format!("{}: {}{from}{} {lasts}", self.servers.join(", "), self.fault, self.with.shown())
    }

    /// The order that the nemesis executes.
    pub fn order(&self, number: usize) -> StrikeOrder {
        let step = StepText { keyword: "When".into(), text: self.shown(), line: number };
        let (target, with) = (listed(&self.servers), self.with.clone());
        let partition = (!self.from.is_empty()).then(|| Partition::From(listed(&self.from)));
        StrikeOrder { fault: self.fault.clone(), with, target, partition, step }
    }

    /// The state of power that this server must be in for it, where it is struck and its power is what counts.
    pub fn begins_at(&self, server: &str) -> Option<PowerState> {
        let target = fault::FaultTarget { server, peers: &[], services: &[] };
        let struck = self.servers.iter().any(|name| name == server);
        match fault::named(&self.fault).filter(|_| struck)?.strike(&target, &self.with).before {
            Witness::State(state) => Some(state),
            _ => None,
        }
    }

    /// A fault of whole zones strikes all servers of the zones that it strikes.
    fn check_zones(&self, infrastructure: &Infrastructure) -> Result<(), String> {
        if !fault::named(&self.fault).is_some_and(|fault| fault.strikes_zones()) {
            return Ok(());
        }
        for name in &self.servers {
            let Some(zone) = infrastructure.servers.get(name).and_then(|server| server.zone.as_ref()) else {
                let hint = "strike it with `power-off`";
                return Err(format!("`{}` strikes whole zones, and {name} is in none\n  help: {hint}", self.fault));
            };
            let in_zone = infrastructure.servers.values().filter(|server| server.zone.as_ref() == Some(zone));
            let all: Vec<&str> = in_zone.map(|server| server.name.as_str()).collect();
            let Some(spared) = all.iter().find(|server| !self.servers.iter().any(|struck| struck == *server)) else {
                continue;
            };
            let named: Vec<String> = all.iter().map(|server| format!("--server {server}")).collect();
            return Err(format!(
                "`{}` strikes whole zones, and {spared} of zone {zone} is not named\n  help: name all of them \
                 ({}), or strike these with `power-off`",
                self.fault,
                named.join(" ")
            ));
        }
        Ok(())
    }

    /// What is missing, as it is written on a command line, with values that make sense.
    fn example(&self, missing: &[(&str, fault::Parameter)], heals: bool) -> String {
        let values: Vec<&str> = missing.iter().filter_map(|(_, parameter)| parameter.example()).collect();
        let with = (!values.is_empty()).then(|| format!("--with '{{{}}}'", values.join(", ")));
        let from = missing.iter().any(|(_, parameter)| parameter.example().is_none()).then(|| "--from SERVER".into());
        let lasts = heals.then(|| "--for 30s".to_string());
        with.into_iter().chain(from).chain(lasts).collect::<Vec<_>>().join(" ")
    }

    /// Whether it makes sense: a fault that is known, with what it takes, and a time only where it heals.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn check(&self) -> Result<(), String> {
        let fault = fault::named(&self.fault).ok_or_else(|| {
            let names = || fault::all().map(|fault| fault.name());
            let said = self.fault.replace('-', " ");
            let as_steps = fault::all().find(|fault| fault::phrase::in_words(*fault) == said);
            let hint = as_steps
                .map(|fault| format!("did you mean `{}`?", fault.name()))
                .or_else(|| did_you_mean(&self.fault, names()))
                .unwrap_or_else(|| format!("known faults: {}", names().collect::<Vec<_>>().join(", ")));
            format!("there is no fault `{}`\n  help: {hint}", self.fault)
        })?;
        let target = fault::FaultTarget { server: "any", peers: &[], services: &[] };
        let heals = fault.strike(&target, &self.with).heal.is_some();
        let missing = fault::missing(fault, &self.order(0));
        if !missing.is_empty() {
            let mut needed: Vec<String> = missing.iter().map(|(word, _)| format!("{} {word}", article(word))).collect();
            needed.extend((heals && self.lasts.is_none()).then(|| "a time after which it is undone".to_string()));
            let example = self.example(&missing, heals);
            return Err(format!("`{}` needs {}\n  help: say for example: {example}", self.fault, needed.join(" and ")));
        }
        match (heals, self.lasts) {
            (true, Some(Duration::ZERO)) => {
                Err(format!("`{}` of no time changes nothing\n  help: say for example --for 30s", self.fault))
            }
            (false, Some(_)) => {
                Err(format!("`{}` can't be undone, so it can't last for a time\n  help: leave out --for", self.fault))
            }
            (true, None) => {
                Err(format!("`{}` must be undone\n  help: say after how long, for example --for 30s", self.fault))
            }
            _ => {
                let schedule = self.lasts.map_or(Schedule::Once, Schedule::For);
                fault::check(fault, &self.order(0), &schedule)
                    .map_err(|refusal| format!("{}\n  help: {}", refusal.detail, refusal.hint))
            }
        }
    }
}

/// A server that is there and is closed to attacks.
pub fn may_not_be_attacked(server: &str, why: &str) -> String {
    format!("{server} may not be attacked: {why}")
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// These servers.
fn listed(servers: &[String]) -> Target {
    let (choice, text) = (Choice::Listed(servers.to_vec()), servers.join(", "));
    Target { choice, role: "node".into(), zone: None, tag: None, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox() -> Place {
        Place { environment: "local".into(), value: serde_json::Value::Null }
    }

    fn plan(place: Place) -> AttackPlan {
        let round = Round {
            fault: "power-off".into(),
            with: Parameters::default(),
            servers: vec!["web-1".into(), "web-2".into()],
            from: Vec::new(),
            why: "drawn".into(),
            lasts: Some(Duration::from_secs(30)),
        };
        AttackPlan { schema: SCHEMA, seed: 7, place, skipped: Ended::new(), rounds: vec![round] }
    }

    #[test]
    fn the_hash_is_of_the_choice_and_not_of_the_place() {
        let at = |socket| Place { environment: "testbed".into(), value: serde_json::json!({ "socket": socket }) };
        let testbed = plan(at("/run/a.sock"));
        let mut other = plan(at("/run/b.sock"));
        assert_eq!(testbed.sha256(), other.sha256());
        other.rounds[0].servers.pop();
        assert_ne!(testbed.sha256(), other.sha256());
    }

    #[test]
    fn a_plan_reads_as_what_is_done_to_whom_and_why() {
        let shown = plan(sandbox()).shown();
        assert!(shown.contains("1. web-1, web-2: power-off for 30 s\n     drawn"), "{shown}");
    }

    #[test]
    fn a_partition_names_which_servers_its_victims_no_longer_hear() {
        let mut round = plan(sandbox()).rounds.remove(0);
        round.fault = "partition".into();
        assert!(round.check().unwrap_err().contains("--from"));
        round.from = vec!["web-3".into()];
        assert_eq!(round.check(), Ok(()));
        assert_eq!(round.shown(), "web-1, web-2: partition from web-3 for 30 s");
        let order = round.order(1);
        assert!(
            matches!(order.partition, Some(Partition::From(far)) if far.choice == Choice::Listed(vec!["web-3".into()]))
        );
        round.fault = "hangs".into();
        assert!(round.check().unwrap_err().contains("`hangs` takes no other side"));
    }

    #[test]
    fn what_a_fault_lacks_is_said_at_once_with_an_example_that_works() {
        for fault in fault::FAULTS {
            let mut round = Round { fault: fault.name().into(), lasts: None, ..plan(sandbox()).rounds.remove(0) };
            let Err(told) = round.check() else { continue };
            let Some((_, example)) = told.split_once("help: say for example: ") else { continue };
            round.lasts = example.contains("--for 30s").then(|| Duration::from_secs(30));
            if let Some(with) = example.split('\'').nth(1) {
                round.with = serde_json::from_str(with).unwrap();
            }
            if example.contains("--from") {
                round.from = vec!["web-3".into()];
            }
            assert_eq!(round.check(), Ok(()), "{told}");
        }
        let delayed = Round { fault: "gains-delay".into(), lasts: None, ..plan(sandbox()).rounds.remove(0) };
        let told = "`gains-delay` needs a delay and a time after which it is undone\n  help: say for example: \
                    --with '{\"delay\": \"100ms\"}' --for 30s";
        assert_eq!(delayed.check(), Err(told.into()));
    }

    #[test]
    fn what_can_t_last_and_what_must_end_are_told_apart() {
        let mut round = plan(sandbox()).rounds.remove(0);
        assert_eq!(round.check(), Ok(()));
        round.lasts = Some(Duration::ZERO);
        assert!(round.check().unwrap_err().contains("of no time changes nothing"));
        round.lasts = None;
        assert!(round.check().unwrap_err().contains("--for 30s"));
        round.fault = "dies".into();
        assert_eq!(round.check(), Ok(()));
        round.lasts = Some(Duration::from_secs(1));
        assert!(round.check().unwrap_err().contains("leave out --for"));
    }

    fn named(fault: &str, servers: &[&str]) -> Result<(), String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/infrastructures/two-zones.yaml");
        let mut plan = plan(sandbox());
        plan.rounds[0].fault = fault.into();
        plan.rounds[0].servers = servers.iter().map(|name| (*name).to_string()).collect();
        plan.check(
            &crate::infrastructure::file::read(&file).unwrap(),
            &[("jump".to_string(), "it was not opted in\n  help: write `attack: allowed` beside it".to_string())]
                .into(),
        )
    }

    #[test]
    fn a_misspelt_fault_or_server_is_answered_with_the_nearest() {
        let told = named("power-of", &["web-1"]).unwrap_err();
        assert_eq!(told, "there is no fault `power-of`\n  help: did you mean `power-off`?");
        let told = named("reboots-gracefully", &["web-1"]).unwrap_err();
        assert_eq!(told, "there is no fault `reboots-gracefully`\n  help: did you mean `soft-reboots`?");
        let told = named("flood", &["web-1"]).unwrap_err();
        assert!(told.starts_with("there is no fault `flood`\n  help: known faults: dies, "), "{told}");
        let told = named("power-off", &["wbe-1"]).unwrap_err();
        assert_eq!(told, "there is no server `wbe-1` that may be attacked\n  help: did you mean `web-1`?");
    }

    #[test]
    fn a_server_that_was_not_opted_in_is_named_and_no_other_is_suggested() {
        let told = named("power-off", &["web-1", "jump"]).unwrap_err();
        assert!(
            told.starts_with("jump may not be attacked: it was not opted in\n  help: write `attack: allowed`"),
            "{told}"
        );
        assert!(!told.contains("did you mean"), "{told}");
    }

    #[test]
    fn a_zone_is_lost_as_a_whole() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/infrastructures/two-zones.yaml");
        let site = crate::infrastructure::file::read(&file).unwrap();
        let zone = site.servers["web-1"].zone.clone();
        let all: Vec<&str> =
            site.servers.values().filter(|one| one.zone == zone).map(|one| one.name.as_str()).collect();
        assert!(all.len() > 1, "{all:?}");
        assert_eq!(named("zone-lost", &all), Ok(()));
        let told = named("zone-lost", &["web-1"]).unwrap_err();
        assert!(
            told.starts_with("`zone-lost` strikes whole zones, and ") && told.contains(" is not named\n"),
            "{told}"
        );
        assert!(all.iter().all(|server| told.contains(&format!("--server {server}"))), "{told}");
    }
}
