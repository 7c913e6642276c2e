//! EC2: the instances that it lists, what it is asked for, and what its words say.

use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;

use super::groups::{Lets, OwnGroups};
use crate::ec2::error::Ec2Error;
use crate::ec2::instances::{Action, Instance};
use crate::ec2::query::Api as Query;
use crate::ec2::{self, tags};
use crate::environment::ReopenError;
use crate::environment::cloud::marks::SCENARIO;
use crate::environment::cloud::{Api, CloudServer, lease, unsupported};
use crate::instance::{PowerOp, PowerState};
use crate::provider::ProviderError;
use crate::settings::Ec2Settings;

/// The first argument of a program that is to undo something.
const ASKED: &str = "__ec2";
/// What undoes a stop and an isolation.
const START: &str = "start";
const REJOIN: &str = "rejoin";

/// The instances of a scenario.
pub(super) struct Compute {
    /// The profile, as it was named on the command line.
    pub profile: String,
    pub api: Query,
    pub run: String,
    /// By its index, with the attempt at it.
    pub scenario: String,
    /// Of all of them.
    pub vpc: String,
    /// Ids of the security groups of each.
    pub groups: Vec<String>,
    pub own_groups: Arc<OwnGroups>,
}

impl Compute {
    /// Gives an instance's interface these security groups alone.
    async fn plug(&self, id: &str, groups: &[String]) -> Result<(), ProviderError> {
        swap(&self.api, id, groups).await.map_err(|why| between(&self.api, &why))
    }

    /// EC2 cuts open connections at once where the groups let everything pass before, because it tracks none then.
    async fn isolate(&self, id: &str) -> Result<(), ProviderError> {
        let closed = self.own_groups.get(&self.run, &self.vpc, Lets::NothingPass).await?;
        self.plug(id, &[closed]).await
    }
}

async fn swap(api: &Query, id: &str, groups: &[String]) -> Result<(), Ec2Error> {
    api.set_groups(&api.interface_of(id).await?, groups).await
}

#[async_trait]
impl Api for Compute {
    type Server = Instance;
    const NAME: &str = "EC2";
    /// EC2 has no word for a pause, and suspends only instances that were made to hibernate.
    const POWER: &[PowerOp] =
        &[PowerOp::Terminate, PowerOp::Stop, PowerOp::Start, PowerOp::SoftReboot, PowerOp::Isolate, PowerOp::Rejoin];

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        let all = self.api.instances(tags::RUN, Some(&self.run)).await.map_err(|why| between(&self.api, &why))?;
        Ok(all.into_iter().filter(|instance| instance.tags.get(SCENARIO) == Some(&self.scenario)).collect())
    }

    async fn delete(&self, id: &str) -> Result<(), ProviderError> {
        self.api.act(Action::Terminate, id).await.map_err(|why| between(&self.api, &why))
    }

    async fn switch(&self, server: &Instance, op: PowerOp) -> Result<(), ProviderError> {
        let action = match op {
            PowerOp::Start => Action::Start,
            PowerOp::Stop => Action::StopAtOnce,
            PowerOp::SoftReboot => Action::Reboot,
            PowerOp::Terminate => Action::Terminate,
            PowerOp::Isolate => return self.isolate(&server.id).await,
            PowerOp::Rejoin => return self.plug(&server.id, &self.groups).await,
            PowerOp::Freeze | PowerOp::Thaw | PowerOp::Suspend | PowerOp::Resume => {
                return Err(unsupported::<Self>(&server.id, op));
            }
        };
        self.api.act(action, &server.id).await.map_err(|why| between(&self.api, &why))
    }

    fn undo(&self, id: &str, op: PowerOp) -> Option<Vec<String>> {
        let undo = match op {
            PowerOp::Stop => START.to_owned(),
            PowerOp::Isolate => format!("{REJOIN} {}", self.groups.join(" ")),
            _ => return None,
        };
        Some(vec![ASKED.into(), self.profile.clone(), id.into(), undo])
    }
}

impl CloudServer for Instance {
    fn id(&self) -> &str {
        &self.id
    }

    fn state(&self) -> PowerState {
        match self.state.as_str() {
            "pending" | "running" => PowerState::Running,
            "terminated" => PowerState::Terminated,
            _ => PowerState::Stopped,
        }
    }

    fn evidence(&self) -> String {
        let reason = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        format!("EC2 says {}{reason}", self.state)
    }

    fn is_building(&self) -> bool {
        self.state == "pending"
    }

    fn is_busy(&self) -> bool {
        ["pending", "stopping", "shutting-down"].contains(&self.state.as_str())
    }

    /// One that EC2 could not run goes from `pending` to `terminated`.
    fn failure(&self) -> Option<ProviderError> {
        let is_over = ["shutting-down", "terminated"].contains(&self.state.as_str());
        is_over.then(|| ProviderError::Between(format!("{}: {}", self.id, self.evidence()).into()))
    }
}

/// Undoes what a lease was on, if this program was started for it.
pub fn run_if_asked() -> Option<ExitCode> {
    lease::undo_if_asked(ASKED, async |profile, id, undo| {
        let api =
            ec2::open(profile, Ec2Settings::default().requests_per_minute).await.map_err(|why| why.to_string())?;
        let mut words = undo.split(' ').map(String::from);
        let done = match words.next().as_deref() {
            Some(REJOIN) => swap(&api, id, &words.collect::<Vec<_>>()).await,
            _ => api.act(Action::Start, id).await,
        };
        done.map_err(|why| api.explained(&why))
    })
}

/// An error of the API.
pub(super) fn between(api: &Query, why: &Ec2Error) -> ProviderError {
    ProviderError::Between(api.explained(why).into())
}

/// Why an account can't be used at all.
pub(super) fn unopened(why: Ec2Error) -> ReopenError {
    match why {
        Ec2Error::Described(why) => why.into(),
        why => ProviderError::Between(why.to_string().into()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ec2_calls_it_says_what_it_does() {
        let instance = |state: &str| Instance {
            id: "i-1".into(),
            state: state.into(),
            reason: String::new(),
            tags: tags::Tags::new(),
        };
        let all = ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"].map(instance);
        let states = all.each_ref().map(CloudServer::state);
        let (on, off) = (PowerState::Running, PowerState::Stopped);
        assert_eq!(states, [on, on, off, off, off, PowerState::Terminated]);
        assert_eq!(all.each_ref().map(CloudServer::is_busy), [true, false, true, false, true, false]);
        assert_eq!(all.each_ref().map(|each| each.failure().is_some()), [false, false, false, false, true, true]);
        assert_eq!(all[2].evidence(), "EC2 says stopping");
    }
}
