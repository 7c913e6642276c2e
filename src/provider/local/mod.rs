//! The local cloud: instances as Linux namespaces over an overlay of this machine's own root.
//!
//! [`sandbox::enter`] gives the harness a world of its own; inside it, each scenario makes a [`LocalCloud`]. Start
//! with [`sandbox`] (who is who), then [`instance`] (a boot from within) and [`machine`] (the same from outside).
//! Nothing touches the machine's own network, clock or processes, and nothing outlives the sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;

use self::filter::Filter;
use self::floating::FloatingIps;
use self::link::Bridge;
use self::machine::{Machine, MachineContext};
use self::subnet::Subnet;
use super::{Provider, ProviderError, Remote};
use crate::instance::{Instance, InstanceId, InstanceSpec, PowerOp, ServiceEnd};

mod announce;
pub mod doctor;
mod ends;
mod filter;
mod floating;
mod identity;
mod image;
mod instance;
mod link;
mod machine;
mod made;
mod process;
mod program;
mod root;
pub mod sandbox;
mod services;
mod shut_down;
pub mod subnet;
mod sys;
mod wire;
mod zygote;

pub use self::filter::{Direction, Policy, Prefix, PrefixError, Rule};
pub use self::identity::{HardwareAddress, Identity};
pub use self::sys::DROPPED_CAPABILITIES;
pub use self::zygote::Zygote;

/// A folder in the sandbox's own memory, for what should go with it. There is none outside.
pub fn memory() -> PathBuf {
    image::MEMORY.into()
}

/// The instances of one scenario on a bridge of their own. Several clouds live side by side in one sandbox.
/// Dropping it kills its instances and removes their links and disks.
pub struct LocalCloud {
    context: Arc<MachineContext>,
    subnet: Subnet,
    census: Mutex<Census>,
    floating_ips: FloatingIps,
}

/// Which instances there are and were.
#[derive(Default)]
struct Census {
    machines: BTreeMap<InstanceId, Arc<Machine>>,
    booting: BTreeSet<String>,
    generations: BTreeMap<String, u32>,
}

/// A name that is being booted; free again when the boot ends, or is given up.
struct Booting<'a> {
    cloud: &'a LocalCloud,
    name: String,
}

impl Drop for Booting<'_> {
    fn drop(&mut self) {
        self.cloud.census().booting.remove(&self.name);
    }
}

impl LocalCloud {
    /// Makes the bridge of a scenario. `slot` (0 to 127) tells scenarios that run side by side apart; logs go to
    /// `log_root/<server>/<service>.log`. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// When the bridge can't be made; `AlreadyExists` when the slot is in use.
    pub async fn create(zygote: &Zygote, slot: u32, log_root: PathBuf) -> Result<LocalCloud, ProviderError> {
        let bridge = Bridge::create(slot).await.map_err(|source| ProviderError::System {
            server: format!("the bridge of slot {slot}"),
            action: "making it",
            source,
        })?;
        let context = MachineContext {
            zygote: zygote.clone(),
            bridge,
            slot,
            log_root,
            filter: OnceLock::new(),
            links: AtomicU32::new(0),
        };
        let (context, subnet) = (Arc::new(context), Subnet::of_slot(slot));
        Ok(LocalCloud { context, subnet, census: Mutex::default(), floating_ips: FloatingIps::default() })
    }

    /// The `n`-th address of the scenario, from 1; see [`Subnet::address`].
    pub fn address(&self, n: u16) -> Ipv4Addr {
        self.subnet.address(n)
    }

    /// The length of the network's prefix.
    pub fn prefix(&self) -> u8 {
        Subnet::PREFIX
    }

    /// The name of the scenario's bridge in the sandbox.
    pub fn bridge(&self) -> &str {
        self.context.bridge.name()
    }

    /// Links the bridge to another network namespace, where the link is called `name`; it is down there, and has no
    /// address.
    ///
    /// # Errors
    /// Those of netlink.
    pub async fn plug_outside(&self, name: &str, namespace: BorrowedFd<'_>) -> Result<(), ProviderError> {
        let plugged = self.context.bridge.plug_outside(&format!("u{}", self.context.slot), name, namespace).await;
        plugged.map(drop).map_err(|source| ProviderError::System {
            server: self.bridge().to_string(),
            action: "linking it to the network outside",
            source,
        })
    }

    /// Boots a server that is known to others as `identity` says, as [`Provider::boot`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn boot_as(&self, spec: &InstanceSpec, identity: Identity) -> Result<Instance, ProviderError> {
        let (_booting, id) = self.reserve(&spec.name)?;
        tokio::time::sleep(spec.boot_delay).await;
        let machine = Arc::new(Machine::new(self.context.clone(), id.clone(), spec.clone(), identity));
        machine.start(true).await?;
        let instance = machine.measure().ok_or(ProviderError::Unknown(id.clone()))?;
        self.census().machines.insert(id, machine);
        Ok(instance)
    }

    /// Terminates an instance and forgets it: it is not listed any more. Nothing to do where there is none.
    ///
    /// # Errors
    /// Those of [`PowerOp::Terminate`]; then it is not forgotten.
    pub async fn forget(&self, id: &InstanceId) -> Result<(), ProviderError> {
        match self.power(id, PowerOp::Terminate).await {
            Ok(()) => {}
            Err(ProviderError::Unknown(_)) => return Ok(()),
            Err(why) => return Err(why),
        }
        let Some(machine) = self.census().machines.remove(id) else { return Ok(()) };
        match self.context.filter.get().filter(|_| !self.is_replaced(&machine)) {
            Some(filter) => filter.forget(&machine.spec.name).await.map_err(|why| self.unfiltered(why)),
            None => Ok(()),
        }
    }

    /// From now on a cloud decides which packets pass to and from its instances; to be called before the first boot.
    ///
    /// # Errors
    /// Where the kernel or `iptables` can't do this.
    pub async fn start_filter(&self) -> Result<(), ProviderError> {
        let filter = Filter::start().await.map_err(|why| self.unfiltered(why))?;
        self.context.filter.set(filter).map_err(|_| self.unfiltered(io::ErrorKind::AlreadyExists.into()))
    }

    /// Decides which packets pass, for all instances at once, by name: those that are not named are closed.
    ///
    /// # Errors
    /// Those of `iptables`, or where no filter was started.
    pub async fn decide(&self, policies: BTreeMap<String, Policy>) -> Result<(), ProviderError> {
        self.filter()?.decide(policies).await.map_err(|why| self.unfiltered(why))
    }

    /// Lets nothing pass to and from an instance, or what was decided again.
    ///
    /// # Errors
    /// Those of `iptables`, or where no filter was started.
    pub async fn set_silent(&self, id: &InstanceId, is_silent: bool) -> Result<(), ProviderError> {
        let name = self.machine(id)?.spec.name.clone();
        self.filter()?.set_silent(&name, is_silent).await.map_err(|why| self.unfiltered(why))
    }

    /// Adds a floating IP, by its name and an address that no instance gets; `servers` are those that may hold it, of which
    /// it leads to `to`.
    ///
    /// # Errors
    /// Those of `iptables`.
    pub async fn float(
        &self,
        ip: (&str, Ipv4Addr),
        servers: BTreeMap<String, Ipv4Addr>,
        to: &str,
    ) -> Result<(), ProviderError> {
        let added = self.floating_ips.add(self.context.slot, ip, servers, to).await;
        added.map_err(|source| not_led(ip.0, source))
    }

    fn filter(&self) -> Result<&Filter, ProviderError> {
        self.context.filter.get().ok_or_else(|| self.unfiltered(io::ErrorKind::Unsupported.into()))
    }

    fn unfiltered(&self, source: io::Error) -> ProviderError {
        ProviderError::System { server: self.bridge().to_string(), action: "filtering packets", source }
    }

    fn census(&self) -> MutexGuard<'_, Census> {
        self.census.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves a name for a boot and says which generation it will be.
    fn reserve(&self, name: &str) -> Result<(Booting<'_>, InstanceId), ProviderError> {
        let mut census = self.census();
        let taken = census.machines.values().any(|machine| machine.spec.name == name && machine.is_alive());
        if taken || !census.booting.insert(name.to_string()) {
            return Err(ProviderError::System {
                server: name.to_string(),
                action: "booting",
                source: io::Error::new(io::ErrorKind::AlreadyExists, "a server of this name runs already"),
            });
        }
        let generation = census.generations.entry(name.to_string()).or_insert(0);
        *generation += 1;
        let id = InstanceId(format!("{name}.{generation}"));
        Ok((Booting { cloud: self, name: name.to_string() }, id))
    }

    fn machine(&self, id: &InstanceId) -> Result<Arc<Machine>, ProviderError> {
        self.census().machines.get(id).cloned().ok_or_else(|| ProviderError::Unknown(id.clone()))
    }

    /// Whether another instance has taken the place of this one.
    fn is_replaced(&self, machine: &Machine) -> bool {
        let census = self.census();
        let name = &machine.spec.name;
        let other = |other: &Arc<Machine>| other.id != machine.id && other.spec.name == *name && other.is_alive();
        census.booting.contains(name) || census.machines.values().any(other)
    }

    /// Nothing to do where it runs, has no disk any more, or was replaced.
    async fn start(&self, machine: &Machine) -> Result<(), ProviderError> {
        if machine.is_alive() || !machine.has_disk() || self.is_replaced(machine) {
            return Ok(());
        }
        machine.start(false).await
    }
}

fn not_led(floating_ip: &str, source: io::Error) -> ProviderError {
    ProviderError::System { server: floating_ip.into(), action: "leading it", source }
}

#[async_trait]
impl Provider for LocalCloud {
    /// Removes every link, kills every instance, waits until they are gone and removes their disks.
    async fn close(&self) -> Result<(), ProviderError> {
        let unlinked = self.context.bridge.delete().await.map_err(|source| ProviderError::System {
            server: self.bridge().to_string(),
            action: "removing the links",
            source,
        });
        let machines: Vec<_> = self.census().machines.values().cloned().collect();
        let killed = futures::future::join_all(machines.iter().map(|machine| machine.kill())).await;
        let removed = futures::future::join_all(machines.iter().map(|machine| machine.remove_disk())).await;
        let led = self.floating_ips.remove(self.context.slot).await.map_err(|why| not_led("every floating IP", why));
        [unlinked, led].into_iter().chain(killed).chain(removed).collect()
    }

    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        self.boot_as(spec, Identity::of(&spec.name)).await
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        let machines: Vec<_> = self.census().machines.values().cloned().collect();
        Ok(machines.iter().filter_map(|machine| machine.measure()).collect())
    }

    async fn booting(&self) -> Result<BTreeSet<String>, ProviderError> {
        Ok(self.census().booting.clone())
    }

    async fn ended(&self, id: &InstanceId) -> Result<Vec<ServiceEnd>, ProviderError> {
        Ok(self.machine(id)?.ended())
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        let machine = self.machine(id)?;
        let _switching = machine.switching.lock().await;
        match op {
            PowerOp::Terminate => {
                machine.cut_power().await?;
                machine.remove_disk().await
            }
            PowerOp::Stop => machine.cut_power().await,
            PowerOp::Start => self.start(&machine).await,
            PowerOp::SoftReboot if !machine.is_alive() => Ok(()),
            PowerOp::SoftReboot => {
                machine.shut_down().await?;
                self.start(&machine).await
            }
            PowerOp::Freeze => machine.freeze().await,
            PowerOp::Suspend => machine.suspend().await,
            PowerOp::Thaw | PowerOp::Resume => machine.thaw().await,
            PowerOp::Isolate => machine.isolate().await,
            PowerOp::Rejoin => machine.rejoin().await,
        }
    }

    async fn lead(&self, floating_ip: &str, to: &str) -> Result<(), ProviderError> {
        self.floating_ips.lead(self.context.slot, floating_ip, to).await.map_err(|why| not_led(floating_ip, why))
    }

    async fn leads_to(&self, floating_ip: &str) -> Result<Option<String>, ProviderError> {
        self.floating_ips.leads_to(floating_ip).await.map(Some).map_err(|why| not_led(floating_ip, why))
    }

    fn shares_kernel(&self) -> bool {
        true
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        let remote = self.machine(&instance.id)?.remote();
        remote.map(|remote| Box::new(remote) as Box<dyn Remote>).ok_or(ProviderError::Unknown(instance.id.clone()))
    }
}
