//! A cloud as an environment: logged in once for a run; a place for each scenario.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::join_all;

use super::OpenStack;
use super::floating;
use super::groups::RunGroups;
use super::maker::ServerMaker;
use super::marks::Marks;
use super::nova::{Nova, RunsOwn, between};
use super::ports::{OwnPort, Ports};
use super::resolved::{Resolved, Wanted, isolates};
use crate::agent::upload::Source;
use crate::environment::cloud::fleet::Fleet;
use crate::environment::cloud::made::Made;
use crate::environment::cloud::scenario::ScenarioServers;
use crate::environment::{EnterError, Environment, Opened};
use crate::infrastructure::Infrastructure;
use crate::journal::Place;
use crate::openstack::client::Client;
use crate::openstack::clouds::{self, Surroundings};
use crate::openstack::error::CloudError;
use crate::openstack::ports::{self, NewPort};
use crate::openstack::servers::Server;
use crate::plan::{Plan, ScenarioPlan};
use crate::provider::ProviderError;
use crate::provider::key_pair::KeyPair;
use crate::render::Addresses;

/// A cloud that was logged in to.
pub(super) struct Account {
    /// As it was named on the command line.
    cloud: String,
    client: Arc<Client>,
    /// By the scenario's index.
    resolved: BTreeMap<u32, Resolved>,
    key: Arc<KeyPair>,
    source: Arc<Source>,
    made: Arc<Made>,
    groups: Arc<RunGroups>,
}

impl Account {
    /// Logs in, and finds everything that the plan's settings name. Nothing is made.
    ///
    /// # Errors
    /// Nothing describes it, it can't be logged in to, or lacks something.
    pub async fn open(cloud: &str, plan: &Plan) -> Result<Account, EnterError> {
        let first = plan.scenarios.first().map(|scenario| scenario.settings.openstack.clone()).unwrap_or_default();
        let client = log_in(cloud, first.requests_per_minute).await.map_err(unopened)?;
        let client = Arc::new(client);
        let (mut resolved, mut known) = (BTreeMap::new(), Vec::<(Wanted, Resolved)>::new());
        for scenario in &plan.scenarios {
            let wanted = Wanted::by(scenario);
            if !known.iter().any(|(known, _)| *known == wanted) {
                let found = Resolved::find(&client, &wanted).await;
                known.push((wanted.clone(), found.map_err(|why| format!("{}: {why}", scenario.name))?));
            }
            let (_, found) = known.iter().find(|(known, _)| *known == wanted).expect("it was found");
            resolved.insert(scenario.index, found.clone());
        }
        let made = Arc::<Made>::default();
        Ok(Account {
            cloud: cloud.into(),
            groups: Arc::new(RunGroups::new(Arc::clone(&client), Arc::clone(&made))),
            client,
            resolved,
            key: Arc::new(KeyPair::make().map_err(|why| why.to_string())?),
            source: Arc::default(),
            made,
        })
    }

    /// The security groups of every port: those that the settings name, else one of the run's own, which lets everything pass.
    async fn security_groups(&self, resolved: &Resolved, marks: &Marks) -> Result<Vec<String>, ProviderError> {
        if let Some(named) = &resolved.security_groups {
            return Ok(named.clone());
        }
        Ok(vec![self.groups.open(&marks.run).await?])
    }

    /// Makes the ports of a scenario, so that its addresses are known before anything boots.
    ///
    /// # Errors
    /// One can't be made; then none is left.
    async fn make_ports(
        &self,
        client: &Client,
        resolved: &Resolved,
        infrastructure: &Infrastructure,
        marks: &Marks,
    ) -> Result<Ports, ProviderError> {
        let mut ports = Ports::default();
        let made = async {
            let shared = || infrastructure.virtual_ips.iter().filter(|ip| !ip.floating_ip);
            let of_shared = shared().map(|ip| (ip.name.clone(), Vec::new())).collect();
            self.add_ports(&mut ports.shared, client, resolved, marks, of_shared).await?;
            let also = |server: &String| -> Vec<Ipv4Addr> {
                let held = shared().filter(|ip| ip.holders.contains(server));
                held.map(|ip| ports.shared[&ip.name].address).collect()
            };
            let servers = infrastructure.in_order().into_iter().map(|server| (server.name.clone(), also(&server.name)));
            self.add_ports(&mut ports.servers, client, resolved, marks, servers.collect()).await?;
            let Some(external) = &resolved.external else { return Ok(()) };
            floating::make((client, &self.made), &mut ports, external, marks, infrastructure).await.map_err(between)
        };
        let made: Result<(), ProviderError> = made.await;
        match made {
            Ok(()) => Ok(ports),
            Err(why) => ProviderError::of_all([why].into_iter().chain(ports.remove(client, &self.made).await.err()))
                .map(|()| ports),
        }
    }

    async fn add_ports(
        &self,
        to: &mut BTreeMap<String, OwnPort>,
        client: &Client,
        resolved: &Resolved,
        marks: &Marks,
        wanted: Vec<(String, Vec<Ipv4Addr>)>,
    ) -> Result<(), ProviderError> {
        let made = join_all(wanted.into_iter().map(async |(name, also)| {
            let new = NewPort {
                name: &name,
                network: &resolved.network,
                mark: &marks.run,
                security_groups: resolved.security_groups.as_deref(),
                fixed_ip: None,
                allowed_address_pairs: &also,
            };
            let port = ports::create(client, &new).await.map_err(between)?;
            self.made.port(&name, &port.id);
            let address = port.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
            Ok((name, OwnPort { address, id: port.id }))
        }))
        .await;
        let (made, failed): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
        to.extend(made.into_iter().filter_map(Result::ok));
        let none = to.iter().filter(|(_, port)| port.address.is_unspecified());
        let none = none.map(|(name, _)| ProviderError::Between(format!("{name}: its port has no IPv4 address").into()));
        ProviderError::of_all(failed.into_iter().filter_map(Result::err).chain(none))
    }
}

#[async_trait]
impl Environment for Account {
    fn place(&self, run: &str) -> Place {
        OpenStack::place(&self.cloud, run)
    }

    fn farewell(&self) -> Option<&'static str> {
        None
    }

    async fn close(&self) -> Result<(), ProviderError> {
        self.groups.remove().await
    }

    fn told(&self) -> Vec<String> {
        let requests = format!("requests to the cloud's APIs: {}", self.client.requests());
        self.made.told().into_iter().chain([requests]).collect()
    }

    async fn open(&self, run: &str, scenario: &ScenarioPlan, logs: PathBuf) -> Result<Opened, ProviderError> {
        let mut resolved = self.resolved[&scenario.index].clone();
        let marks = Marks::new(run, scenario.index);
        let infrastructure = &scenario.infrastructure;
        if scenario.settings.openstack.profile.is_full() {
            resolved.security_groups = Some(self.security_groups(&resolved, &marks).await?);
        }
        if isolates(scenario) {
            // Before anything strikes: making it takes a moment, and a strike counts from when it is asked for.
            self.groups.empty(&marks.run).await?;
        }
        let resolved = Arc::new(resolved);
        let client = Arc::new(self.client.part());
        let ports = self.make_ports(&client, &resolved, infrastructure, &marks).await?;
        let addresses_of = |ports: &BTreeMap<String, OwnPort>| -> BTreeMap<String, Ipv4Addr> {
            ports.iter().map(|(name, port)| (name.clone(), port.address)).collect()
        };
        let addresses = Addresses {
            servers: addresses_of(&ports.servers),
            virtual_ips: addresses_of(&ports.shared).into_iter().chain(addresses_of(&ports.floating)).collect(),
            prefix: resolved.prefix,
            aliases: infrastructure.aliases.clone(),
        };
        let ours = marks.clone();
        let own = Some(RunsOwn { groups: Arc::clone(&self.groups), mark: marks.run.clone(), outlived: false });
        let nova = Nova::new(&self.cloud, &client, own, move |server: &Server| ours.are_of(server));
        let maker = ServerMaker {
            client: Arc::clone(&client),
            resolved,
            infrastructure: infrastructure.clone(),
            marks,
            ports: Mutex::new(ports),
            made: Arc::clone(&self.made),
        };
        let servers = ScenarioServers {
            infrastructure: infrastructure.clone(),
            maker: Arc::new(maker),
            fleet: Fleet::new(nova, scenario.settings.openstack.list_every),
            logs,
            key: Arc::clone(&self.key),
            source: Arc::clone(&self.source),
            known: Arc::default(),
        };
        Ok(servers.opened(addresses))
    }
}

fn unopened(why: CloudError) -> EnterError {
    match why {
        CloudError::Described(why) => EnterError::Described(why.to_string()),
        why => EnterError::Failed(why.to_string()),
    }
}

/// Logs in to the cloud of this name; of none: to the one that the surroundings mean.
///
/// # Errors
/// It is not described, or can't be logged in to.
pub(super) async fn log_in(cloud: &str, per_minute: u32) -> Result<Client, CloudError> {
    let asked = Some(cloud).filter(|cloud| !cloud.is_empty());
    Client::log_in(clouds::read(asked, &Surroundings::here())?, per_minute).await
}
