//! A site of which nothing is known but its URL: it is probed and loaded, and nothing can be struck.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{
    Access, Adopted, Capabilities, Down, EnterError, Environment, Kind, Opened, ReopenError, Reopened, SITE, Work,
};
use crate::document::{DocumentError, Mistakes};
use crate::infrastructure::{Entry, EntryUrl, Infrastructure};
use crate::instance::{Instance, InstanceId, InstanceSpec, PowerOp};
use crate::inventory::file::EntryAt;
use crate::journal::Place;
use crate::load;
use crate::plan::{Plan, ScenarioPlan};
use crate::provider::{Provider, ProviderError, Remote};
use crate::render::{Addresses, Secrets};
use crate::settings::Settings;

/// It is in no network that is known.
const ONE_HOST: u8 = 32;

/// The kind.
pub struct Site;

/// The site of a run.
struct There(EntryUrl);

/// It has no server that anything could be done to.
struct NoServers;

impl Kind for Site {
    fn name(&self) -> &'static str {
        SITE
    }

    fn takes(&self) -> Option<&'static str> {
        Some("URL")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            boots: false,
            attaches: true,
            logs_in: false,
            power: &[],
            floating_ips: false,
            auto_scaling: false,
            looks_up_names: true,
        }
    }

    fn adopt(&self, value: &str, declared: Option<&Infrastructure>, _: &Settings) -> Result<Adopted, Mistakes> {
        if declared.is_some_and(|declared| !declared.servers.is_empty()) {
            let hint = "list its servers in an inventory, and name `inventory=FILE`";
            return Err(DocumentError::new("nothing is known of the servers of a site but its URL")
                .with_hint(hint)
                .into());
        }
        Ok(Adopted {
            infrastructure: infrastructure(&url(value)?),
            closed: Default::default(),
            entry_at: EntryAt::Known,
        })
    }

    fn reopen(&self, _: &Value, _: Option<&Path>) -> Result<Reopened, ReopenError> {
        let detail = "nothing was done to the site but requests".into();
        Err(ReopenError::Gone { detail, help: "list its servers in an inventory to attack them" })
    }

    fn down(&self, _: &str, _: &Access, _: &Settings, _: bool) -> Result<Down, ReopenError> {
        Ok(Down::Nothing("nothing is done to a site but requests"))
    }

    fn enter(&self, value: &str, _: &Access, _: &Plan, work: Work<'_>) -> Result<u8, EnterError> {
        let url = url(value).map_err(|why| EnterError::Described(why.to_string()))?;
        Ok(work(Arc::new(There(url))))
    }
}

fn url(value: &str) -> Result<EntryUrl, DocumentError> {
    let hint = "write scheme and host, for example `https://www.example.org`";
    value.parse().map_err(|why| DocumentError::new(format!("the site {why}")).with_hint(hint))
}

fn infrastructure(url: &EntryUrl) -> Infrastructure {
    Infrastructure {
        servers: BTreeMap::new(),
        links: Vec::new(),
        virtual_ips: Vec::new(),
        entry: Entry { host: String::new(), port: url.port(), url: Some(url.clone()) },
        roles: BTreeMap::new(),
        databases: Default::default(),
        aliases: BTreeMap::new(),
        source: None,
    }
}

#[async_trait]
impl Environment for There {
    fn place(&self, _: &str) -> Place {
        Place { environment: SITE.into(), value: Value::String(self.0.to_string()) }
    }

    fn farewell(&self) -> Option<&'static str> {
        Some("nothing was done to the site but requests")
    }

    async fn open(&self, _: &str, _: &ScenarioPlan, _: PathBuf) -> Result<Opened, ProviderError> {
        let site = load::Site::at(&self.0).await.map_err(|why| ProviderError::Between(why.into()))?;
        Ok(Opened {
            provider: Arc::new(NoServers),
            addresses: Addresses {
                servers: BTreeMap::new(),
                virtual_ips: BTreeMap::new(),
                prefix: ONE_HOST,
                aliases: BTreeMap::new(),
            },
            entry: Some(site.address),
            secrets: Secrets::of(SITE),
            attached: true,
            followed: BTreeMap::new(),
        })
    }
}

#[async_trait]
impl Provider for NoServers {
    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        Err(ProviderError::Unknown(InstanceId(spec.name.clone())))
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        Ok(Vec::new())
    }

    async fn power(&self, id: &InstanceId, _: PowerOp) -> Result<(), ProviderError> {
        Err(ProviderError::Unknown(id.clone()))
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        Err(ProviderError::Unknown(instance.id.clone()))
    }
}
