//! What a wait for a server can be told before its time is over: that it can't come any more.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{BootError, Site};
use crate::instance::{Instance, PowerState, ServiceEnd};
use crate::render::monit;

/// Between two looks: short beside any time-out, long beside a look.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A replacement is struck as any other server is: what a strike ended may be started again by its heal.
const PERSISTS: Duration = Duration::from_secs(1);

impl Site {
    /// Waits for the first provisioning, in which nothing ends but by its own fault.
    pub(crate) async fn unless_lost<T, E: From<BootError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::select! {
            biased;
            done = work => done,
            lost = self.first_lost() => Err(lost.into()),
        }
    }

    /// Waits for one replacement, which may be struck meanwhile.
    pub(super) async fn unless_lost_for_long<T>(
        &self,
        server: &str,
        instance: &Instance,
        work: impl Future<Output = Result<T, BootError>>,
    ) -> Result<T, BootError> {
        tokio::select! {
            biased;
            done = work => done,
            lost = self.lost_for_long(server, instance) => Err(lost),
        }
    }

    async fn first_lost(&self) -> BootError {
        loop {
            // A provider that can't be asked now may be the next time; the wait itself has a time-out.
            for instance in self.provider.list().await.unwrap_or_default() {
                if !self.infrastructure.servers.contains_key(&instance.name) {
                    continue;
                }
                if matches!(instance.state, PowerState::Stopped | PowerState::Terminated) {
                    return gone(instance);
                }
                if let Some(lost) = self.ended(&instance.name, &instance).await {
                    return lost;
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn lost_for_long(&self, server: &str, instance: &Instance) -> BootError {
        let (mut since, mut listed) = (None, None::<Instant>);
        loop {
            if listed.is_none_or(|listed| listed.elapsed() >= PERSISTS) {
                listed = Some(Instant::now());
                if let Some(now) = self.now(instance).await.filter(|now| now.state == PowerState::Terminated) {
                    return gone(now);
                }
            }
            match self.ended(server, instance).await {
                None => since = None,
                Some(lost) => {
                    let since = *since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= PERSISTS {
                        return lost;
                    }
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn now(&self, instance: &Instance) -> Option<Instance> {
        self.provider.list().await.ok()?.into_iter().find(|found| found.id == instance.id)
    }

    /// The first of its services that ended for good: nothing on the server starts it again.
    async fn ended(&self, server: &str, instance: &Instance) -> Option<BootError> {
        let role = self.role(server);
        let starts_again = |end: &ServiceEnd| role.monit && end.service != monit::SERVICE;
        let ends = self.provider.ended(&instance.id).await.ok()?;
        let end = ends.into_iter().find(|end| end.is_final() && !starts_again(end))?;
        let (server, role) = (server.to_string(), role.name.clone());
        Some(BootError::ServiceEnded { server, role, end: Box::new(end) })
    }
}

fn gone(instance: Instance) -> BootError {
    BootError::InstanceGone { server: instance.name, evidence: instance.evidence }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::clock::Clock;
    use crate::history::Recorder;
    use crate::infrastructure::Draft;
    use crate::instance::{HowEnded, InstanceId, InstanceSpec, PowerOp};
    use crate::provider::{Provider, ProviderError, Remote};
    use crate::render::{Addresses, Secrets};
    use crate::settings::Settings;
    use crate::site::topology_lock::TopologyLock;

    /// One server, as the test wants it.
    struct Cloud {
        state: PowerState,
        ends: Vec<ServiceEnd>,
        /// After so many looks what ended was started again.
        started_again_after: usize,
        looks: AtomicUsize,
    }

    impl Cloud {
        fn new(state: PowerState, ends: Vec<ServiceEnd>) -> Self {
            Cloud { state, ends, started_again_after: usize::MAX, looks: AtomicUsize::new(0) }
        }

        fn instance(&self) -> Instance {
            Instance {
                id: InstanceId("web-1.1".into()),
                name: "web-1".into(),
                address: [192, 0, 2, 1].into(),
                state: self.state,
                evidence: "its first process 7 is gone".into(),
                first_process: None,
                changed: None,
            }
        }

        /// Work that is done once there were some looks.
        async fn looked_at(&self) -> Result<(), BootError> {
            while self.looks.load(Ordering::SeqCst) < 4 {
                sleep(Duration::from_millis(1)).await;
            }
            Ok(())
        }
    }

    fn site(cloud: &Arc<Cloud>) -> Site {
        let mut draft = Draft::default();
        draft.tier(1, "webserver").unwrap();
        let infrastructure = Arc::new(draft.build().unwrap());
        Site {
            addresses: Addresses::imagined(&infrastructure),
            infrastructure,
            entry: None,
            settings: Settings::default(),
            provider: Arc::clone(cloud) as Arc<dyn Provider>,
            recorder: Recorder::memory(Clock::start()).0,
            secrets: Secrets::imagined(),
            databases: TopologyLock::default(),
        }
    }

    #[async_trait]
    impl Provider for Cloud {
        async fn boot(&self, _: &InstanceSpec) -> Result<Instance, ProviderError> {
            Ok(self.instance())
        }

        async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
            Ok(vec![self.instance()])
        }

        async fn ended(&self, _: &InstanceId) -> Result<Vec<ServiceEnd>, ProviderError> {
            let looks = self.looks.fetch_add(1, Ordering::SeqCst);
            Ok(if looks < self.started_again_after { self.ends.clone() } else { Vec::new() })
        }

        async fn power(&self, _: &InstanceId, _: PowerOp) -> Result<(), ProviderError> {
            Ok(())
        }

        async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
            Err(ProviderError::Unknown(instance.id.clone()))
        }
    }

    fn end(status: i32, left: bool) -> ServiceEnd {
        let (how, after) = (HowEnded::Status(status), Duration::from_millis(5));
        ServiceEnd { service: "nginx".into(), how, after, left, last_lines: Vec::new(), log: None }
    }

    #[tokio::test]
    async fn a_server_whose_first_process_is_gone_is_not_waited_for() {
        for state in [PowerState::Stopped, PowerState::Terminated] {
            let site = site(&Arc::new(Cloud::new(state, Vec::new())));
            let lost = site.unless_lost(pending::<Result<(), BootError>>()).await.unwrap_err().to_string();
            assert_eq!(lost, "web-1 ended before it was ready: its first process 7 is gone");
        }
    }

    #[tokio::test]
    async fn a_service_that_ended_for_good_is_not_waited_for_and_a_daemon_is() {
        let cloud = Arc::new(Cloud::new(PowerState::Running, vec![end(0, true), end(1, false)]));
        let lost = site(&cloud).unless_lost(pending::<Result<(), BootError>>()).await.unwrap_err();
        assert!(matches!(lost, BootError::ServiceEnded { end, .. } if end.how == HowEnded::Status(1)));

        let cloud = Arc::new(Cloud::new(PowerState::Running, vec![end(0, true)]));
        site(&cloud).unless_lost(cloud.looked_at()).await.unwrap();
    }

    #[tokio::test]
    async fn what_monit_starts_again_is_waited_for() {
        let cloud = Arc::new(Cloud::new(PowerState::Running, vec![end(1, false)]));
        let mut site = site(&cloud);
        let mut infrastructure = (*site.infrastructure).clone();
        infrastructure.roles.values_mut().for_each(crate::role::Role::supervise);
        site.infrastructure = Arc::new(infrastructure);
        site.unless_lost(cloud.looked_at()).await.unwrap();
    }

    #[tokio::test]
    async fn a_replacement_that_is_struck_meanwhile_has_a_moment_to_be_healed() {
        let ends = vec![end(1, false)];
        let healed = Cloud { started_again_after: 1, ..Cloud::new(PowerState::Running, ends.clone()) };
        let cloud = Arc::new(healed);
        site(&cloud).unless_lost_for_long("web-1", &cloud.instance(), cloud.looked_at()).await.unwrap();

        let cloud = Arc::new(Cloud::new(PowerState::Running, ends));
        let never = pending::<Result<(), BootError>>();
        let lost = site(&cloud).unless_lost_for_long("web-1", &cloud.instance(), never).await;
        assert!(matches!(lost, Err(BootError::ServiceEnded { .. })));
    }
}
