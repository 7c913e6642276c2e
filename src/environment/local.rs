//! The sandbox of this machine: servers are Linux namespaces, and end with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{Access, Capabilities, Down, EnterError, Environment, Kind, Opened, ReopenError, Reopened, Work};
use crate::agent::{Need, probe};
use crate::fault;
use crate::instance::PowerOp;
use crate::journal::Place;
use crate::plan::{Act, Plan, ScenarioPlan};
use crate::provider::ProviderError;
use crate::provider::local::{LocalCloud, Zygote, doctor, sandbox};
use crate::provision::lead_floating_ips;
use crate::render::{self, Addresses, Secrets};
use crate::settings::Settings;

/// Networks there are; far more than scenarios may be under way at once.
const SLOTS: u32 = 128;
/// The first addresses of a scenario's network are the bridge's and the harness's.
const FIRST: u16 = 2;

/// The kind.
pub struct Local;

/// A sandbox that is there.
struct Sandbox {
    zygote: Zygote,
}

impl Kind for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            boots: true,
            attaches: false,
            logs_in: true,
            power: &PowerOp::ALL,
            floating_ips: true,
            auto_scaling: false,
            looks_up_names: false,
        }
    }

    fn reopen(&self, _: &Value, _: Option<&Path>) -> Result<Reopened, ReopenError> {
        let detail = "the sandbox ended with its run, and every fault with it".into();
        Err(ReopenError::Gone { detail, help: "keep servers up with `chimp up FILE`" })
    }

    fn down(&self, _: &str, _: &Access, _: &Settings, _: bool) -> Result<Down, ReopenError> {
        Ok(Down::Nothing("its servers end with the run that booted them, and every fault with them"))
    }

    fn unable(&self, plan: &Plan) -> Vec<(u32, String)> {
        let lacking: BTreeMap<u32, String> = missing_needs(plan).into_iter().chain(missing_programs(plan)).collect();
        if lacking.len() < plan.scenarios.len()
            && let Some(reason) = cannot_sandbox()
        {
            return plan.scenarios.iter().map(|scenario| (scenario.index, reason.clone())).collect();
        }
        lacking.into_iter().collect()
    }

    fn enter(&self, _: &str, _: &Access, _: &Plan, work: Work<'_>) -> Result<u8, EnterError> {
        sandbox::enter(|zygote| work(Arc::new(Sandbox { zygote }))).map_err(|why| EnterError::Failed(why.to_string()))
    }
}

#[async_trait]
impl Environment for Sandbox {
    fn place(&self, _: &str) -> Place {
        Place { environment: Local.name().into(), value: Value::Null }
    }

    fn farewell(&self) -> Option<&'static str> {
        Some("the sandbox ends with its run, and every fault with it")
    }

    async fn open(&self, _: &str, scenario: &ScenarioPlan, logs: PathBuf) -> Result<Opened, ProviderError> {
        let cloud = LocalCloud::create(&self.zygote, scenario.index % SLOTS, logs).await?;
        let address = |n| cloud.address(n + FIRST);
        let addresses = Addresses::assign(&scenario.infrastructure, address, cloud.prefix());
        lead_floating_ips(&cloud, &scenario.infrastructure, &addresses).await?;
        Ok(Opened {
            addresses,
            provider: Arc::new(cloud),
            entry: None,
            secrets: Secrets::of(&self.zygote.key()),
            attached: false,
            followed: BTreeMap::new(),
        })
    }
}

/// The scenarios whose roles need a program that is not there, each with the command that brings it.
fn missing_programs(plan: &Plan) -> Vec<(u32, String)> {
    let reason = |scenario: &ScenarioPlan| {
        let missing = render::missing_programs(&scenario.infrastructure);
        let first = missing.first()?;
        Some((scenario.index, first.to_string()))
    };
    plan.scenarios.iter().filter_map(reason).collect()
}

/// The scenarios with a fault that this machine's kernel can't make, or a floating IP that it can't lead; tried out once, and only
/// where something needs it.
fn missing_needs(plan: &Plan) -> Vec<(u32, String)> {
    let needs = |scenario: &ScenarioPlan| -> BTreeSet<Need> {
        let faults = scenario.acts.iter().flat_map(Act::orders).filter_map(|order| fault::named(&order.fault));
        let of_faults = faults.flat_map(|fault| fault.needs().iter().copied());
        let floats = scenario.infrastructure.virtual_ips.iter().any(|ip| ip.floating_ip);
        of_faults.chain(floats.then_some(Need::Nat)).collect()
    };
    if plan.scenarios.iter().all(|scenario| needs(scenario).is_empty()) || cannot_sandbox().is_some() {
        return Vec::new();
    }
    let lacking: Vec<(Need, String)> =
        probe::probe().into_iter().filter_map(|(need, finding)| Some((need, finding.err()?))).collect();
    let reason = |scenario: &ScenarioPlan| {
        let wanted = needs(scenario);
        let (_, why) = lacking.iter().find(|(need, _)| wanted.contains(need))?;
        Some((scenario.index, why.clone()))
    };
    plan.scenarios.iter().filter_map(reason).collect()
}

/// Why this machine can't make the sandbox, if it can't.
fn cannot_sandbox() -> Option<String> {
    let check = doctor::probe().into_iter().find(|check| !check.ok)?;
    let fix = check.fix.map(|fix| format!("; {fix}")).unwrap_or_default();
    Some(format!("{}: {}{fix}", check.name, check.detail))
}
