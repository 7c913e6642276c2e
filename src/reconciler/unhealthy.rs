//! What is there and does not do its work, because it is off, hangs or does not serve: seen for several looks, then left
//! alone or terminated, as declared.
//!
//! A short cut makes many unhealthy at once, and all of them well again: who replaces them all for that makes a storm of
//! an interruption. So a reconciler that backs off terminates one after another: those first on whom most others
//! depend, the next one not before the one before is replaced and serves, after a pause that doubles, and only if it
//! is unhealthy still.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use futures::future::join_all;
use tokio::time::Instant;

use super::compare::{Actual, stands_for};
use super::life::Reconciler;
use super::policy::stands_still;
use super::replace::runs;
use crate::database;
use crate::infrastructure::Infrastructure;
use crate::instance::{Instance, InstanceId};
use crate::settings::Policy;
use crate::site::Site;

/// Terminating what is unhealthy.
const UNHEALTHY: &str = "(unhealthy)";

impl Reconciler {
    /// `missing`: whether something is missing, which is replaced first.
    pub(super) async fn unhealthy(&mut self, found: &Actual, missing: bool) {
        let (policy, looks) = (self.settings().unhealthy, self.settings().unhealthy_after);
        let ill = self.ill(found, policy).await;
        if ill.is_empty() {
            self.backoff.succeeded(UNHEALTHY);
        }
        let mut busy = missing || !self.replacing.is_empty();
        for (server, id, why) in self.for_long(ill, found, looks) {
            let why = format!("unhealthy in {looks} looks: {why}");
            match policy {
                Policy::Leave => self.leave(&server, &id, &why),
                Policy::Terminate if self.holds_back(busy) => {}
                Policy::Terminate => {
                    self.terminate(&server, &id, &why).await;
                    self.backoff.failed(UNHEALTHY, Instant::now());
                    busy = true;
                }
            }
        }
    }

    fn holds_back(&self, busy: bool) -> bool {
        self.settings().back_off && (busy || !self.backoff.allows(UNHEALTHY, Instant::now()))
    }

    /// Those that were ill for long enough, with their servers: those first on whom most depend.
    fn for_long(
        &mut self,
        ill: Vec<(InstanceId, String)>,
        found: &Actual,
        looks: u32,
    ) -> Vec<(String, InstanceId, String)> {
        let named = |id: &InstanceId| found.instances.iter().find(|instance| instance.id == *id);
        let ill = self.health.look(ill, looks).into_iter();
        let mut ill: Vec<_> =
            ill.filter_map(|(id, why)| named(&id).map(|instance| (instance.name.clone(), id, why))).collect();
        let infrastructure = &self.context.declared.infrastructure;
        ill.sort_by_cached_key(|(server, ..)| Reverse(dependants(infrastructure, server)));
        ill
    }

    /// The instances that do not do their work. Whether they answer is asked only where something follows from it.
    async fn ill(&self, found: &Actual, policy: Policy) -> Vec<(InstanceId, String)> {
        let (site, ours) = (self.context.site(), self.ours());
        let servers = site.infrastructure.servers.keys().filter(|server| !self.replacing.contains(*server));
        let instances = servers.filter_map(|server| stands_for(&found.instances, server, &ours));
        let looks = instances.map(async |instance| {
            let why = match stands_still(instance) {
                None if policy == Policy::Terminate && runs(instance) => ails(&site, instance).await,
                still => still,
            };
            Some((instance.id.clone(), why?))
        });
        join_all(looks).await.into_iter().flatten().collect()
    }
}

/// Why an instance that runs does not do its work: it does not serve, or its database does not answer.
async fn ails(site: &Site, instance: &Instance) -> Option<String> {
    match site.serves(instance).await {
        Err(why) => Some(why),
        Ok(()) => database::is_silent(site, &instance.name).await,
    }
}

/// How many servers can't work without this one, or less well: those that reach it by their links.
fn dependants(infrastructure: &Infrastructure, server: &str) -> usize {
    let mut reached = BTreeSet::from([server]);
    let mut ahead = vec![server];
    while let Some(to) = ahead.pop() {
        let before = infrastructure.links.iter().filter(|link| link.1 == to).map(|link| link.0.as_str());
        ahead.extend(before.filter(|from| reached.insert(from)).collect::<Vec<_>>());
    }
    reached.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Draft;

    #[test]
    fn on_whom_most_depend_comes_of_the_links() {
        let mut draft = Draft::default();
        draft.behind(2, "webserver", 2, "load balancer").unwrap();
        let site = draft.build().unwrap();
        assert_eq!(["lb-1", "web-1", "nobody"].map(|server| dependants(&site, server)), [0, 2, 0]);
    }
}
