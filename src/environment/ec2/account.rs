//! An account as an environment: opened once for a run; a place for each scenario.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::Ec2;
use super::compute::Compute;
use super::groups::{Lets, OwnGroups};
use super::maker::ServerMaker;
use super::resolved::{Resolved, Wanted};
use super::scaling::ScalingGroups;
use crate::agent::upload::Source;
use crate::ec2;
use crate::ec2::error::Ec2Error;
use crate::ec2::query::Api;
use crate::environment::cloud::fleet::Fleet;
use crate::environment::cloud::made::Made;
use crate::environment::cloud::scenario::ScenarioServers;
use crate::environment::{EnterError, Environment, Opened};
use crate::journal::Place;
use crate::plan::{Plan, ScenarioPlan};
use crate::provider::ProviderError;
use crate::provider::key_pair::KeyPair;
use crate::render::Addresses;

/// An account that was opened.
pub(super) struct Account {
    /// As it was named on the command line.
    profile: String,
    api: Api,
    /// By the scenario's index.
    resolved: BTreeMap<u32, Resolved>,
    key: Arc<KeyPair>,
    source: Arc<Source>,
    made: Arc<Made>,
    groups: Arc<OwnGroups>,
    /// How many places were opened for each scenario.
    opened: Mutex<BTreeMap<u32, u32>>,
}

impl Account {
    /// Finds everything that the plan's settings name. Nothing is made.
    ///
    /// # Errors
    /// Nothing describes it, it can't be asked, or lacks something.
    pub async fn open(profile: &str, plan: &Plan) -> Result<Account, EnterError> {
        let first = plan.scenarios.first().map(|scenario| scenario.settings.ec2.clone()).unwrap_or_default();
        let api = ec2::open(profile, first.requests_per_minute).await.map_err(unopened)?;
        let (mut resolved, mut known) = (BTreeMap::new(), Vec::<(Wanted, Resolved)>::new());
        for scenario in &plan.scenarios {
            let wanted = Wanted::by(scenario);
            let before = known.iter().find(|(known, _)| *known == wanted).map(|(_, found)| found.clone());
            let found = match before {
                Some(found) => found,
                None => Resolved::find(&api, &wanted).await.map_err(|why| format!("{}: {why}", scenario.name))?,
            };
            known.push((wanted, found.clone()));
            resolved.insert(scenario.index, found);
        }
        let made = Arc::default();
        Ok(Account {
            profile: profile.into(),
            groups: Arc::new(OwnGroups::new(&api, &made)),
            api,
            resolved,
            key: Arc::new(KeyPair::make().map_err(|why| why.to_string())?),
            source: Arc::default(),
            made,
            opened: Mutex::default(),
        })
    }

    /// What a new place of a scenario has on its things: EC2 lists instances for an hour after their end, and those of an earlier attempt
    /// are none of its own.
    fn mark(&self, scenario: u32) -> String {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = opened.entry(scenario).or_default();
        *attempt += 1;
        match *attempt {
            1 => scenario.to_string(),
            attempt => format!("{scenario}.{attempt}"),
        }
    }

    /// The security groups of every server: those that the settings name, else one of the run's own, which lets everything pass. A VPC's
    /// default group would keep the prober out.
    async fn security_groups(&self, run: &str, resolved: &Resolved) -> Result<Vec<String>, ProviderError> {
        if let Some(named) = &resolved.security_groups {
            return Ok(named.clone());
        }
        Ok(vec![self.groups.get(run, resolved.vpc(), Lets::EverythingPass).await?])
    }
}

fn unopened(why: Ec2Error) -> EnterError {
    match why {
        Ec2Error::Described(why) => EnterError::Described(why.to_string()),
        why => EnterError::Failed(why.to_string()),
    }
}

#[async_trait]
impl Environment for Account {
    fn place(&self, run: &str) -> Place {
        Ec2::place(&self.profile, run)
    }

    fn farewell(&self) -> Option<&'static str> {
        None
    }

    async fn close(&self) -> Result<(), ProviderError> {
        self.groups.remove().await
    }

    fn told(&self) -> Vec<String> {
        let requests = format!("requests to the cloud's APIs: {}", self.api.count());
        self.made.told().into_iter().chain([requests]).collect()
    }

    async fn open(&self, run: &str, scenario: &ScenarioPlan, logs: PathBuf) -> Result<Opened, ProviderError> {
        let resolved = self.resolved[&scenario.index].clone();
        let infrastructure = &scenario.infrastructure;
        let (api, prefix) = (self.api.part(), resolved.subnet(None).prefix);
        let groups = self.security_groups(run, &resolved).await?;
        let mark = self.mark(scenario.index);
        let compute = Compute {
            profile: self.profile.clone(),
            api: api.clone(),
            run: run.into(),
            scenario: mark.clone(),
            vpc: resolved.vpc().into(),
            groups: groups.clone(),
            own_groups: Arc::clone(&self.groups),
        };
        let scaling = ScalingGroups {
            api: api.clone(),
            run: run.into(),
            scenario: mark.clone(),
            made: Arc::clone(&self.made),
            servers: scenario.settings.auto_scaling.servers(infrastructure),
            word: format!("{:08x}", rand::random::<u32>()),
            known: Mutex::default(),
        };
        let maker = Arc::new(ServerMaker {
            api,
            run: run.into(),
            scenario: mark,
            groups,
            resolved,
            infrastructure: infrastructure.clone(),
            interfaces: Mutex::default(),
            elastic_ips: Mutex::default(),
            made: Arc::clone(&self.made),
            scaling,
        });
        maker.make_addresses().await?;
        let [servers, virtual_ips] = maker.addresses();
        let addresses = Addresses { servers, virtual_ips, prefix, aliases: infrastructure.aliases.clone() };
        let servers = ScenarioServers {
            infrastructure: infrastructure.clone(),
            maker,
            fleet: Fleet::new(compute, scenario.settings.ec2.list_every),
            logs,
            key: Arc::clone(&self.key),
            source: Arc::clone(&self.source),
            known: Arc::default(),
        };
        Ok(servers.opened(addresses))
    }
}
