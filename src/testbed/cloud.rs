//! A site that a testbed (`chimp up`) keeps, seen from another process.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::instance::Question;
use crate::instance::{Instance, InstanceId, InstanceSpec, Plug, PowerOp, ServiceEnd};
use crate::provider::host_key::HostKey;
use crate::provider::passwords::Passwords;
use crate::provider::secret::Secret;
use crate::provider::ssh::{Login, Proof, Route, SshRemote};
use crate::provider::{Provider, ProviderError, Remote};
use crate::render::Secrets;
use crate::testbed::protocol::{Kept, Request, Response};
use crate::testbed::{Testbed, TestbedError};

/// How long a boot may take beyond its declared time.
const BOOT: Duration = Duration::from_secs(60);

/// The instances of a testbed. Needs no sandbox: connections to them are made by the testbed.
pub struct TestbedCloud {
    testbed: Testbed,
    kept: Kept,
    user: String,
    key: Secret,
    passwords: Passwords,
}

impl TestbedCloud {
    /// Asks the testbed at this socket what it keeps, and how to log in; waits until its site is up. Blocks.
    ///
    /// # Errors
    /// When there is no testbed, or it does not answer.
    pub fn open(socket: &Path) -> Result<TestbedCloud, TestbedError> {
        let testbed = Testbed::at(socket);
        let kept = testbed.kept()?;
        match testbed.ask(&Request::Login)? {
            Response::Login { user, key } => {
                let (key, passwords) = (Secret::new(key), Passwords::default());
                Ok(TestbedCloud { testbed, kept, user, key, passwords })
            }
            other => Err(testbed.unexpected(&other)),
        }
    }

    /// The passwords of what its servers run: the testbed's own.
    pub fn secrets(&self) -> Secrets {
        Secrets::of(self.key.reveal())
    }

    /// Logs in to the servers that have a password with it, instead of the testbed's key.
    pub fn with_passwords(self, passwords: Passwords) -> Self {
        TestbedCloud { passwords, ..self }
    }

    /// What is kept: the infrastructure and its addresses.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The testbed itself.
    pub fn testbed(&self) -> &Testbed {
        &self.testbed
    }

    /// As [`Provider::list`]. Blocks.
    ///
    /// # Errors
    /// When the testbed does not answer.
    pub fn list_blocking(&self) -> Result<Vec<Instance>, TestbedError> {
        match self.testbed.ask(&Request::List)? {
            Response::Instances(listed) => Ok(listed),
            other => Err(self.testbed.unexpected(&other)),
        }
    }

    async fn ask(&self, request: Request) -> Result<Response, ProviderError> {
        let testbed = self.testbed.clone();
        let asked = tokio::task::spawn_blocking(move || testbed.ask(&request)).await;
        Ok(asked.expect("asking does not panic, and is not cancelled")?)
    }

    async fn tell(&self, request: Request) -> Result<(), ProviderError> {
        match self.ask(request).await? {
            Response::Done => Ok(()),
            other => Err(self.testbed.unexpected(&other).into()),
        }
    }

    fn login(&self, instance: &Instance) -> Login {
        let password = self.passwords.of(&instance.name);
        Login {
            name: None,
            address: instance.address,
            port: 22,
            user: self.user.clone(),
            proof: password.map_or_else(|| Proof::Key(self.key.clone()), |password| Proof::Password(password.clone())),
            // The testbed made the servers and dials them in its own sandbox: no other machine can answer.
            host_key: HostKey::Unchecked,
            route: Route::Dialled(Arc::new(self.testbed.clone())),
        }
    }
}

#[async_trait]
impl Provider for TestbedCloud {
    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        let (testbed, request) = (self.testbed.clone(), Request::Boot(Box::new(spec.clone())));
        let within = spec.boot_delay + BOOT;
        let asked = tokio::task::spawn_blocking(move || testbed.ask_within(&request, within)).await;
        match asked.expect("asking does not panic, and is not cancelled")? {
            // The testbed counts processes in a namespace of its own.
            (Response::Booted(instance), _) => Ok(Instance { first_process: None, ..instance }),
            (other, _) => Err(self.testbed.unexpected(&other).into()),
        }
    }

    async fn booting(&self) -> Result<BTreeSet<String>, ProviderError> {
        match self.ask(Request::Booting).await? {
            Response::Booting(names) => Ok(names),
            other => Err(self.testbed.unexpected(&other).into()),
        }
    }

    async fn ended(&self, id: &InstanceId) -> Result<Vec<ServiceEnd>, ProviderError> {
        match self.ask(Request::Ended { id: id.clone() }).await? {
            Response::Ended(ends) => Ok(ends),
            other => Err(self.testbed.unexpected(&other).into()),
        }
    }

    async fn look(&self, question: &Question) -> Option<Result<(), String>> {
        Some(match self.ask(Request::Look(question.clone())).await {
            Ok(Response::Seen { otherwise }) => otherwise.map_or(Ok(()), Err),
            Ok(other) => Err(self.testbed.unexpected(&other).to_string()),
            Err(why) => Err(why.to_string()),
        })
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        match self.ask(Request::List).await? {
            // The testbed counts processes in a namespace of its own.
            Response::Instances(listed) => {
                Ok(listed.into_iter().map(|instance| Instance { first_process: None, ..instance }).collect())
            }
            other => Err(self.testbed.unexpected(&other).into()),
        }
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        self.tell(Request::Power { id: id.clone(), op, lease: None }).await
    }

    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        self.tell(Request::Power { id: id.clone(), op, lease: Some(lease) }).await
    }

    async fn renew(&self, id: &InstanceId, plug: Plug) -> Result<(), ProviderError> {
        self.tell(Request::Renew { id: id.clone(), plug }).await
    }

    fn shares_kernel(&self) -> bool {
        true
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        Ok(Box::new(SshRemote::new(self.login(instance))))
    }
}
