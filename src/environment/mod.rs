//! Where a scenario runs: an [`Environment`] opens a place for each scenario, in which a provider makes its servers.
//!
//! | name | servers are | used by | after a crash |
//! |---|---|---|---|
//! | [`local`] | Linux namespaces in a sandbox on this machine | scenarios | gone, with every fault |
//! | [`testbed`] | kept by `chimp up`, in a sandbox of its own | attacks | found again by its socket, or gone |
//! | [`inventory`] | there already, reached over SSH | scenarios and attacks | found again by its file |
//! | [`compose`] | containers of a Compose project | scenarios and attacks | found again by its file |
//! | [`swarm`] | tasks of a Swarm's stack, on several machines | scenarios and attacks | found again by its name |
//! | [`openstack`] | made in a cloud for a scenario; there already, for an attack | scenarios and attacks | removed by `chimp down`, by the run's id; found again by their ids |
//! | [`ec2`] | run in Amazon's EC2 for a scenario | scenarios | removed by `chimp down`, by the run's id |
//! | [`site`] | not known: there is only its URL | scenarios without faults | not touched |
//!
//! A run knows this trait and [`Provider`], and nothing of sandboxes. An attack and its heal know what a [`Kind`] can
//! [`reopen`](Kind::reopen). A new environment is a file here and a row in [`ENVIRONMENTS`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::agent::sweep::Swept;
use crate::docker::enter;
use crate::document::error::one_of;
use crate::document::{DocumentError, Mistakes};
use crate::infrastructure::Infrastructure;
use crate::instance::Ability;
pub use crate::inventory::file::EntryAt;
use crate::journal::Place;
use crate::plan::{Plan, ScenarioPlan};
use crate::provider::{Provider, ProviderError};
use crate::render::{Addresses, Secrets};
pub use crate::requests::sweep::{Runs, Sweep};
use crate::settings::Settings;

mod capabilities;
mod cloud;
pub mod compose;
mod containers;
pub mod ec2;
pub mod inventory;
pub mod local;
pub mod openstack;
mod reopen;
mod required;
pub mod site;
pub mod swarm;
pub mod testbed;

pub use capabilities::{Capabilities, Refusal, abilities_of, needs, refusals, skips, unable};
pub use reopen::{Closed, Ended, ReopenError, Reopened};
pub use required::{WrongSetting, Zones, unused_zones, wrong_settings, zones_of};

/// Every environment, in the order in which they are listed.
pub const ENVIRONMENTS: &[&dyn Kind] = &[
    &local::Local,
    &testbed::Testbed,
    &inventory::Inventory,
    &compose::Compose,
    &swarm::Swarm,
    &openstack::OpenStack,
    &ec2::Ec2,
    &site::Site,
];

/// The environments that a step names: an inventory's servers, a Compose project, a Swarm's stack, a site's URL.
pub const INVENTORY: &str = "inventory";
pub const COMPOSE: &str = "compose";
pub const SWARM: &str = "swarm";
pub const SITE: &str = "site";

/// A kind of environment: what can be asked of it before anything runs there.
pub trait Kind: Sync {
    /// Its name on the command line and in plans.
    fn name(&self) -> &'static str;

    /// What it can do, at most, for servers of which nothing more is known.
    fn capabilities(&self) -> Capabilities;

    /// The same under a scenario's settings, which may say that a place has less; with what messages call it then.
    fn capabilities_under(&self, settings: &Settings) -> (String, Capabilities) {
        let _ = settings;
        (self.name().into(), self.capabilities())
    }

    /// Whether it leads the address at which users enter, under these settings, though servers share it by keepalived elsewhere.
    /// Then it is a floating IP: keepalived does not run, and the [failover](crate::failover) moves it.
    fn leads_entry(&self, settings: &Settings) -> bool {
        let _ = settings;
        false
    }

    /// What may follow its name (`inventory=FILE`); `None`: nothing.
    fn takes(&self) -> Option<&'static str> {
        None
    }

    /// The servers that are there already and stand for what a scenario declares, by what follows the environment's
    /// name; for a scenario that declares none, all of them. Asked only where it [attaches](Capabilities::attaches).
    /// Connects to nothing but a daemon of this machine.
    ///
    /// # Errors
    /// When there is no such site there: everything that is wrong with it, with what to do.
    fn adopt(&self, value: &str, declared: Option<&Infrastructure>, settings: &Settings) -> Result<Adopted, Mistakes> {
        let _ = (value, declared, settings);
        Err(DocumentError::new(format!("no scenario runs in the environment `{}`", self.name())).into())
    }

    /// What users should know of the servers there, though it is no mistake: each in words, with its place and what to do.
    /// Connects to nothing but a daemon of this machine.
    fn notes(&self, value: &str, settings: &Settings) -> Vec<String> {
        let _ = (value, settings);
        Vec::new()
    }

    /// What keeps a run from logging in: keys and passwords that can't be read, and those of these `victims` that have none.
    /// Connects to nothing.
    fn locked_out(&self, value: &str, access: &Access, victims: &BTreeSet<String>) -> Vec<DocumentError> {
        let _ = (value, access, victims);
        Vec::new()
    }

    /// What of all this can't be done to these servers, which were adopted: in words, each with what to do. That they can
    /// be logged in to is supposed. Connects to nothing.
    fn lacking(
        &self,
        value: &str,
        settings: &Settings,
        servers: &[String],
        abilities: &BTreeSet<Ability>,
    ) -> Vec<String> {
        let _ = (value, settings, servers, abilities);
        Vec::new()
    }

    /// Why servers can't be cut off from others by their addresses there, with what to do. Connects only to daemons of this machine.
    fn inseparable(&self, _value: &str, _: &Settings, _near: &[String], _far: &[String]) -> Option<String> {
        None
    }

    /// Why nothing there does this, and what does; `None` where there is no more to say than which environments can.
    fn instead(&self, _ability: Ability) -> Option<&'static str> {
        None
    }

    /// Whether the servers there run, as far as that is known without connecting to them.
    fn is_up(&self, value: &str, settings: &Settings) -> bool {
        let _ = (value, settings);
        true
    }

    /// How a server there, or one of several, is opted in to be attacked: what to write, and where.
    fn opt_in(&self, value: &str, server: &str) -> String {
        format!("write `attack: allowed` beside {server} in {value}")
    }

    /// The same place again, by what a journal or an attack's plan stored of it; servers that the file names a password
    /// for are logged in to with it. Blocks; changes nothing there.
    ///
    /// # Errors
    /// [`ReopenError::Gone`] where the place has ended; else why it can't be reached or read.
    fn reopen(&self, value: &Value, passwords: Option<&Path>) -> Result<Reopened, ReopenError>;

    /// Takes away what runs and attacks have left there, by what follows the environment's name; with `dry_run`, only looks
    /// for it. Idempotent. Blocks.
    ///
    /// # Errors
    /// When it can't be looked for at all. A single server that can't be reached is none.
    fn down(&self, value: &str, access: &Access, settings: &Settings, dry_run: bool) -> Result<Down, ReopenError>;

    /// Removes what these runs have made there, found by their marks; with `dry_run`, only looks for it. Idempotent. Blocks.
    ///
    /// # Errors
    /// What runs make there carries no mark, or can't be looked for. A thing that can't be removed is none.
    fn sweep(&self, value: &str, runs: &Runs, settings: &Settings, dry_run: bool) -> Result<Sweep, ReopenError> {
        let _ = (value, runs, settings, dry_run);
        Err(ReopenError::NoRuns { environment: self.name() })
    }

    /// The scenarios that can't run there, by index, each with the reason and the command or setting that changes it; without what it
    /// [lacks](capabilities::lacking) by its [capabilities](Self::capabilities). Touches nothing.
    fn unable(&self, plan: &Plan) -> Vec<(u32, String)> {
        let _ = plan;
        Vec::new()
    }

    /// What is missing or can't be right in the settings of a scenario that would run there, as far as nothing has to be asked for it.
    fn wrong_settings(&self, scenario: &ScenarioPlan) -> Vec<WrongSetting> {
        let _ = scenario;
        Vec::new()
    }

    /// Which of its zones stand for those of infrastructures; `None` where a zone is no place of its own there.
    fn zones<'s>(&self, settings: &'s Settings) -> Option<Zones<'s>> {
        let _ = settings;
        None
    }

    /// Makes an environment for a plan, does the work in it, and takes it down; returns the work's exit code. Called while
    /// the process has one thread: the work may be done in another process.
    ///
    /// # Errors
    /// When there can be no such environment, or it came to a bad end.
    fn enter(&self, value: &str, access: &Access, plan: &Plan, work: Work<'_>) -> Result<u8, EnterError> {
        let _ = (value, access, plan);
        drop(work);
        Err(EnterError::Described(format!("no scenario runs in the environment `{}`", self.name())))
    }
}

/// Becomes what undoes a fault in an environment when its lease is over, or enters a container, if the program was started as that.
pub fn run_if_asked() -> Option<ExitCode> {
    openstack::run_if_asked()
        .or_else(ec2::run_if_asked)
        .or_else(containers::lease::run_if_asked)
        .or_else(enter::run_if_asked)
}

/// Why an environment was not entered, in words, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnterError {
    /// What describes it, such as `clouds.yaml`, is not there or has a mistake. Nothing was touched.
    #[error("{0}")]
    Described(String),
    /// It can't be made or asked, lacks what the settings name, or came to a bad end.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for EnterError {
    fn from(why: String) -> Self {
        EnterError::Failed(why)
    }
}

/// What is done in an environment; returns an exit code.
pub type Work<'w> = Box<dyn FnOnce(Arc<dyn Environment>) -> u8 + 'w>;

/// What `chimp down` did, or found.
pub enum Down {
    /// Nothing can be left there; the reason in words.
    Nothing(&'static str),
    /// The whole place has ended, or would end; in words.
    Ended(String),
    /// Servers that live on, each with what was found on it, or why it could not be looked at.
    Servers(BTreeMap<String, Result<Swept, ProviderError>>),
}

/// How servers that are there already are logged in to, beyond what the environment knows itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// A file with passwords of servers, by name.
    pub passwords: Option<PathBuf>,
}

/// The servers that stand for what a scenario declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Adopted {
    /// All of them.
    pub infrastructure: Infrastructure,
    /// Those that may not be struck, by name.
    pub closed: BTreeSet<String>,
    /// Whether it is known at which of them users enter.
    pub entry_at: EntryAt,
}

/// An environment that is there.
#[async_trait]
pub trait Environment: Send + Sync {
    /// How the servers of the run of this id are found again after a crash; for the journal.
    fn place(&self, run: &str) -> Place;

    /// Why no fault is left when the run is over, in words, for the journal; `None` where servers outlive the run, so that
    /// whoever ends it must lift every fault.
    fn farewell(&self) -> Option<&'static str>;

    /// Opens a place for one scenario of the run of this id; its servers' logs go below `logs`, one folder for each server,
    /// unless they are to be [followed](Opened::followed).
    ///
    /// # Errors
    /// When it can't be made.
    async fn open(&self, run: &str, scenario: &ScenarioPlan, logs: PathBuf) -> Result<Opened, ProviderError>;

    /// What the run made there and removed, for the user, a line each. Asked for once all scenarios have ended.
    fn told(&self) -> Vec<String> {
        Vec::new()
    }

    /// Removes what scenarios have left there for the next one, such as the agent's program. Called once no scenario runs
    /// any more, on the runtime that they ran on.
    ///
    /// # Errors
    /// When something is left.
    async fn close(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

/// The place of one scenario.
pub struct Opened {
    /// Makes and lists its servers. [`Provider::close`] ends the place; what the next scenario needs as well may stay until
    /// [`Environment::close`].
    pub provider: Arc<dyn Provider>,
    /// Who will be where.
    pub addresses: Addresses,
    /// Where users enter, where that is none of these addresses.
    pub entry: Option<IpAddr>,
    /// The passwords of its servers.
    pub secrets: Secrets,
    /// Whether its servers are there already: they are not booted, and outlive the scenario.
    pub attached: bool,
    /// Logs on its servers, by server, that are to be followed: nothing else brings them here.
    pub followed: BTreeMap<String, Vec<PathBuf>>,
}

/// An environment with what follows its name.
#[derive(Clone)]
pub struct On {
    /// The environment.
    pub kind: &'static dyn Kind,
    /// What follows its name, such as an inventory's file; empty where nothing does.
    pub value: String,
}

/// Reads the name of an environment with what follows it: `local`, `inventory=staging.yaml`.
///
/// # Errors
/// Names the environments that there are; says where a value is missing or too many.
pub fn on(text: &str) -> Result<On, String> {
    let of = |part: &str| part.split('=').next().map(str::trim).map(String::from).unwrap_or_default();
    let known = |part: &str| ENVIRONMENTS.iter().any(|kind| kind.name() == of(part));
    let parts: Vec<&str> = text.split(',').collect();
    if parts.len() > 1 && (!known(text) || parts.iter().all(|part| known(part))) {
        let hint = "a command is carried out in one environment: give it once for each of them";
        return Err(format!("`{text}` names more than one environment\n  help: {hint}"));
    }
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let kind = named(name)?;
    match kind.takes() {
        None if text.contains('=') => {
            Err(format!("`{name}` takes no value, and `{value}` follows it\n  help: write `{name}` alone"))
        }
        Some(what) if text.contains('=') && value.is_empty() => {
            Err(format!("nothing follows `{name}=`\n  help: write `{name}={what}`"))
        }
        _ => Ok(On { kind, value: value.into() }),
    }
}

/// The environment of this name.
///
/// # Errors
/// Names those that there are.
pub fn named(name: &str) -> Result<&'static dyn Kind, String> {
    let found = ENVIRONMENTS.iter().copied().find(|kind| kind.name() == name);
    found.ok_or_else(|| {
        let is_file = ["yaml", "yml"].iter().any(|end| Path::new(name).extension().is_some_and(|found| found == *end));
        let hint = match is_file {
            true => format!("name the file of an inventory so: `inventory={name}`"),
            false => one_of(name, "environments", ENVIRONMENTS.iter().map(|kind| kind.name())),
        };
        format!("there is no environment `{name}`\n  help: {hint}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_followed_by_what_the_environment_takes() {
        let read = |text| on(text).map(|on| (on.kind.name(), on.value));
        assert_eq!(read("local"), Ok(("local", String::new())));
        assert_eq!(read("inventory"), Ok(("inventory", String::new())));
        assert_eq!(read("inventory=a=b.yaml"), Ok(("inventory", "a=b.yaml".into())));
        let help = "nothing follows `inventory=`\n  help: write `inventory=FILE`";
        assert_eq!(read("inventory="), Err(help.into()));
        assert!(read("local=x").unwrap_err().starts_with("`local` takes no value, and `x` follows it"));
        let several = |text: &str| {
            on(text).map(drop).unwrap_err().starts_with(&format!("`{text}` names more than one environment"))
        };
        assert!(several("local,inventory=a.yaml") && several("inventory=a.yaml,inventory=b.yaml") && several("a,b"));
        assert_eq!(read("inventory=a,b.yaml"), Ok(("inventory", "a,b.yaml".into())), "a file may be called so");
        assert!(read("locale=x").unwrap_err().starts_with("there is no environment `locale`"));
    }

    #[test]
    fn an_environment_that_there_is_not_is_refused_with_those_that_there_are() {
        assert_eq!(named("local").map(Kind::name), Ok("local"));
        let why = named("locale").map(Kind::name).unwrap_err();
        assert!(why.starts_with("there is no environment `locale`\n  help: did you mean `local`?"), "{why}");
        let why = named("sites/staging.yaml").map(Kind::name).unwrap_err();
        assert!(why.ends_with("help: name the file of an inventory so: `inventory=sites/staging.yaml`"), "{why}");
        assert!(named("mars").map(Kind::name).unwrap_err().contains("known environments: `local`, "));
    }
}
