//! A site that a keeper (`chimp up`) keeps, seen from another process.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::instance::Question;
use crate::instance::{Instance, InstanceId, InstanceSpec, PowerOp, ServiceEnd};
use crate::keeper::protocol::{Answer, Kept, Request};
use crate::keeper::{Keeper, KeeperError};
use crate::provider::host_key::HostKey;
use crate::provider::passwords::Passwords;
use crate::provider::secret::Secret;
use crate::provider::ssh::{Login, Proof, Route, SshRemote};
use crate::provider::{Provider, ProviderError, Remote};
use crate::render::Secrets;

/// How long a boot may take beyond its declared time.
const BOOT: Duration = Duration::from_secs(60);

/// The instances of a keeper. Needs no sandbox: connections to them are made by the keeper.
pub struct KeeperCloud {
    keeper: Keeper,
    kept: Kept,
    user: String,
    key: Secret,
    passwords: Passwords,
}

impl KeeperCloud {
    /// Asks the keeper at this socket what it keeps, and how to log in; waits until its site is up. Blocks.
    ///
    /// # Errors
    /// When there is no keeper, or it does not answer.
    pub fn open(socket: &Path) -> Result<KeeperCloud, KeeperError> {
        let keeper = Keeper::at(socket);
        let kept = keeper.kept()?;
        match keeper.ask(&Request::Login)? {
            Answer::Login { user, key } => {
                let (key, passwords) = (Secret::new(key), Passwords::default());
                Ok(KeeperCloud { keeper, kept, user, key, passwords })
            }
            other => Err(keeper.unexpected(&other)),
        }
    }

    /// The passwords of what its servers run: the keeper's own.
    pub fn secrets(&self) -> Secrets {
        Secrets::of(self.key.reveal())
    }

    /// Logs in to the servers that have a password with it, instead of the keeper's key.
    pub fn with_passwords(self, passwords: Passwords) -> Self {
        KeeperCloud { passwords, ..self }
    }

    /// What is kept: the infrastructure and its addresses.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The keeper itself.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    async fn ask(&self, request: Request) -> Result<Answer, ProviderError> {
        let keeper = self.keeper.clone();
        let asked = tokio::task::spawn_blocking(move || keeper.ask(&request)).await;
        Ok(asked.expect("asking does not panic, and is not cancelled")?)
    }

    async fn tell(&self, request: Request) -> Result<(), ProviderError> {
        match self.ask(request).await? {
            Answer::Done => Ok(()),
            other => Err(self.keeper.unexpected(&other).into()),
        }
    }

    fn login(&self, instance: &Instance) -> Login {
        let password = self.passwords.of(&instance.name);
        Login {
            address: instance.address,
            port: 22,
            user: self.user.clone(),
            proof: password.map_or_else(|| Proof::Key(self.key.clone()), |password| Proof::Password(password.clone())),
            // The keeper made the servers and dials them in its own sandbox: nobody else can answer.
            host_key: HostKey::Unchecked,
            route: Route::Dialled(Arc::new(self.keeper.clone())),
        }
    }
}

#[async_trait]
impl Provider for KeeperCloud {
    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        let (keeper, request) = (self.keeper.clone(), Request::Boot(Box::new(spec.clone())));
        let within = spec.boot_delay + BOOT;
        let asked = tokio::task::spawn_blocking(move || keeper.ask_within(&request, within)).await;
        match asked.expect("asking does not panic, and is not cancelled")? {
            // The keeper counts processes in a namespace of its own.
            (Answer::Booted(instance), _) => Ok(Instance { first_process: None, ..instance }),
            (other, _) => Err(self.keeper.unexpected(&other).into()),
        }
    }

    async fn booting(&self) -> Result<BTreeSet<String>, ProviderError> {
        match self.ask(Request::Booting).await? {
            Answer::Booting(names) => Ok(names),
            other => Err(self.keeper.unexpected(&other).into()),
        }
    }

    async fn ended(&self, id: &InstanceId) -> Result<Vec<ServiceEnd>, ProviderError> {
        match self.ask(Request::Ended { id: id.clone() }).await? {
            Answer::Ended(ends) => Ok(ends),
            other => Err(self.keeper.unexpected(&other).into()),
        }
    }

    async fn look(&self, question: &Question) -> Option<Result<(), String>> {
        Some(match self.ask(Request::Look(question.clone())).await {
            Ok(Answer::Seen { otherwise }) => otherwise.map_or(Ok(()), Err),
            Ok(other) => Err(self.keeper.unexpected(&other).to_string()),
            Err(why) => Err(why.to_string()),
        })
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        match self.ask(Request::List).await? {
            // The keeper counts processes in a namespace of its own.
            Answer::Instances(listed) => {
                Ok(listed.into_iter().map(|instance| Instance { first_process: None, ..instance }).collect())
            }
            other => Err(self.keeper.unexpected(&other).into()),
        }
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        self.tell(Request::Power { id: id.clone(), op, lease: None }).await
    }

    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        self.tell(Request::Power { id: id.clone(), op, lease: Some(lease) }).await
    }

    async fn renew(&self, id: &InstanceId) -> Result<(), ProviderError> {
        self.tell(Request::Renew { id: id.clone() }).await
    }

    fn shares_kernel(&self) -> bool {
        true
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        Ok(Box::new(SshRemote::new(self.login(instance))))
    }
}
