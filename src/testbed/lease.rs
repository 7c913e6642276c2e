//! Faults of power that end by themselves: what is frozen can't thaw itself, and its attacker may be dead.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::console::complain;
use crate::instance::{InstanceId, Plug, PowerOp};
use crate::provider::{Provider, ProviderError};

/// How often an undoing that failed is tried again.
const TRIES: u32 = 10;
/// From one try to the next.
const TRY_EVERY: Duration = Duration::from_millis(500);

/// Switches the power of instances, and undoes by itself what is under a lease that nobody renewed.
pub(super) struct Power {
    provider: Arc<dyn Provider>,
    /// One switching at a time on each instance, so that the end of an old lease can't undo a new fault.
    switches: Mutex<BTreeMap<InstanceId, Arc<tokio::sync::Mutex<()>>>>,
    leases: Mutex<Leases>,
}

#[derive(Default)]
struct Leases {
    held: BTreeMap<(InstanceId, Plug), Lease>,
    /// The number of the latest one.
    count: u64,
}

impl Leases {
    /// The latest word counts: what was held on the plug that an operation switches ends; all of it with the instance.
    fn end(&mut self, id: &InstanceId, op: PowerOp) {
        self.held.retain(|(held, plug), _| held != id || (*plug != op.plug() && op != PowerOp::Terminate));
    }
}

struct Lease {
    number: u64,
    undo: PowerOp,
    term: Duration,
    until: Instant,
}

/// Why power was not switched.
#[derive(Debug, thiserror::Error)]
pub(super) enum PowerError {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error("{} can't be under a lease: no other operation undoes it", .0.word())]
    NotUndone(PowerOp),
    #[error("nothing is held on {0}: its lease is over, or there was none")]
    NoLease(InstanceId),
}

impl Power {
    pub fn new(provider: Arc<dyn Provider>) -> Arc<Self> {
        Arc::new(Power { provider, switches: Mutex::default(), leases: Mutex::default() })
    }

    /// Switches power. The lease runs before the effect does, and from when it was asked for.
    ///
    /// # Errors
    /// The provider's; the lease runs on then, since half of it may be done.
    pub async fn switch(
        self: &Arc<Self>,
        id: &InstanceId,
        op: PowerOp,
        lease: Option<Duration>,
    ) -> Result<(), PowerError> {
        let undo = match (op, lease) {
            (_, None) => None,
            (op, Some(term)) => Some((op.undone_by().ok_or(PowerError::NotUndone(op))?, term)),
        };
        let asked = Instant::now();
        let switch = self.switch_of(id);
        let _alone = switch.lock().await;
        match undo {
            Some((undo, term)) => self.arm(id, undo, term, asked),
            None => self.leases().end(id, op),
        }
        Ok(self.provider.power(id, op).await?)
    }

    /// The lease runs from now again.
    ///
    /// # Errors
    /// When there is none any more.
    pub fn renew(&self, id: &InstanceId, plug: Plug) -> Result<(), PowerError> {
        let mut leases = self.leases();
        let lease = leases.held.get_mut(&(id.clone(), plug)).ok_or_else(|| PowerError::NoLease(id.clone()))?;
        lease.until = Instant::now() + lease.term;
        Ok(())
    }

    fn arm(self: &Arc<Self>, id: &InstanceId, undo: PowerOp, term: Duration, from: Instant) {
        let mut leases = self.leases();
        leases.count += 1;
        let number = leases.count;
        let on = (id.clone(), undo.plug());
        leases.held.insert(on.clone(), Lease { number, undo, term, until: from + term });
        let power = Arc::clone(self);
        tokio::spawn(async move { power.watch(&on, number).await });
    }

    /// Waits for the end of a lease; ends as well when another word counts meanwhile.
    async fn watch(&self, on: &(InstanceId, Plug), number: u64) {
        while let Some(until) = self.ends(on, number) {
            sleep_until(until).await;
            let switch = self.switch_of(&on.0);
            let _alone = switch.lock().await;
            if let Some(undo) = self.take_expired(on, number) {
                self.undo(&on.0, undo).await;
            }
        }
    }

    fn ends(&self, on: &(InstanceId, Plug), number: u64) -> Option<Instant> {
        self.leases().held.get(on).filter(|lease| lease.number == number).map(|lease| lease.until)
    }

    fn take_expired(&self, on: &(InstanceId, Plug), number: u64) -> Option<PowerOp> {
        let mut leases = self.leases();
        let expired = |lease: &&Lease| lease.number == number && lease.until <= Instant::now();
        let undo = leases.held.get(on).filter(expired)?.undo;
        leases.held.remove(on);
        Some(undo)
    }

    async fn undo(&self, id: &InstanceId, op: PowerOp) {
        for _ in 0..TRIES {
            match self.provider.power(id, op).await {
                Ok(()) => return complain!("{id}: its lease is over: {}", done(op)),
                Err(why) => complain!("{id}: its lease is over, but it could not be undone: {why}"),
            }
            sleep(TRY_EVERY).await;
        }
    }

    fn switch_of(&self, id: &InstanceId) -> Arc<tokio::sync::Mutex<()>> {
        let mut switches = self.switches.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(switches.entry(id.clone()).or_default())
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn done(op: PowerOp) -> &'static str {
    match op {
        PowerOp::Start => "started again",
        PowerOp::Resume => "resumed",
        PowerOp::Rejoin => "its network is back",
        _ => "thawed",
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::instance::{Instance, InstanceSpec};
    use crate::provider::Remote;

    /// Remembers what it was told, and fails as often as it is told to.
    #[derive(Default)]
    struct Fake {
        told: Mutex<Vec<PowerOp>>,
        failures: Mutex<u32>,
    }

    #[async_trait]
    impl Provider for Fake {
        async fn boot(&self, _: &InstanceSpec) -> Result<Instance, ProviderError> {
            unreachable!("nothing boots here")
        }
        async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
            Ok(Vec::new())
        }
        async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
            let mut failures = self.failures.lock().unwrap();
            if op == PowerOp::Thaw && *failures > 0 {
                *failures -= 1;
                return Err(ProviderError::Unknown(id.clone()));
            }
            self.told.lock().unwrap().push(op);
            Ok(())
        }
        async fn connect(&self, _: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
            unreachable!("nothing connects here")
        }
    }

    const TERM: Duration = Duration::from_secs(1);
    const LONG: Duration = Duration::from_secs(2);

    fn web() -> InstanceId {
        InstanceId("web-1.1".into())
    }

    fn power() -> (Arc<Fake>, Arc<Power>) {
        let fake = Arc::new(Fake::default());
        (fake.clone(), Power::new(fake))
    }

    /// Waits until it was told this many times.
    async fn told(fake: &Fake, times: usize) -> Vec<PowerOp> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let told = fake.told.lock().unwrap().clone();
            if told.len() >= times || Instant::now() > deadline {
                return told;
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    #[tokio::test]
    async fn a_lease_that_nobody_renews_ends_the_fault() {
        let (fake, power) = power();
        let begun = Instant::now();
        power.switch(&web(), PowerOp::Freeze, Some(TERM)).await.unwrap();
        assert_eq!(told(&fake, 2).await, [PowerOp::Freeze, PowerOp::Thaw]);
        assert!(begun.elapsed() >= TERM);
        assert!(matches!(power.renew(&web(), Plug::Power), Err(PowerError::NoLease(_))));
    }

    #[tokio::test]
    async fn a_renewed_lease_runs_from_then() {
        let (fake, power) = power();
        power.switch(&web(), PowerOp::Stop, Some(LONG)).await.unwrap();
        let begun = Instant::now();
        while begun.elapsed() < TERM {
            sleep(TERM / 10).await;
        }
        let renewed = Instant::now();
        power.renew(&web(), Plug::Power).unwrap();
        assert_eq!(told(&fake, 2).await, [PowerOp::Stop, PowerOp::Start]);
        assert!(renewed.elapsed() >= LONG);
    }

    #[tokio::test]
    async fn the_latest_word_counts() {
        let (fake, power) = power();
        power.switch(&web(), PowerOp::Freeze, Some(TERM)).await.unwrap();
        power.switch(&web(), PowerOp::Thaw, None).await.unwrap();
        let begun = Instant::now();
        power.switch(&web(), PowerOp::Freeze, Some(LONG)).await.unwrap();
        let told = told(&fake, 4).await;
        assert_eq!(told, [PowerOp::Freeze, PowerOp::Thaw, PowerOp::Freeze, PowerOp::Thaw]);
        assert!(begun.elapsed() >= LONG, "the first lease is void");
    }

    #[tokio::test]
    async fn leases_on_the_power_and_on_the_network_of_a_server_end_each_for_itself() {
        let (fake, power) = power();
        power.switch(&web(), PowerOp::Isolate, Some(TERM)).await.unwrap();
        power.switch(&web(), PowerOp::Freeze, Some(LONG)).await.unwrap();
        power.renew(&web(), Plug::Power).unwrap();
        power.switch(&web(), PowerOp::Thaw, None).await.unwrap();
        assert_eq!(told(&fake, 4).await, [PowerOp::Isolate, PowerOp::Freeze, PowerOp::Thaw, PowerOp::Rejoin]);
        assert!(matches!(power.renew(&web(), Plug::Network), Err(PowerError::NoLease(_))));
        power.switch(&web(), PowerOp::Isolate, Some(LONG)).await.unwrap();
        power.switch(&web(), PowerOp::Terminate, None).await.unwrap();
        assert!(matches!(power.renew(&web(), Plug::Network), Err(PowerError::NoLease(_))), "it went with its server");
    }

    #[tokio::test]
    async fn an_undoing_that_fails_is_tried_again() {
        let (fake, power) = power();
        *fake.failures.lock().unwrap() = 1;
        power.switch(&web(), PowerOp::Freeze, Some(TERM)).await.unwrap();
        assert_eq!(told(&fake, 2).await, [PowerOp::Freeze, PowerOp::Thaw]);
    }

    #[tokio::test]
    async fn what_cannot_be_undone_takes_no_lease() {
        let (fake, power) = power();
        let refused = power.switch(&web(), PowerOp::Terminate, Some(TERM)).await;
        assert!(matches!(refused, Err(PowerError::NotUndone(PowerOp::Terminate))));
        assert_eq!(told(&fake, 0).await, []);
    }
}
