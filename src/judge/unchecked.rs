//! Data that was lost from sight: a server that kept some was replaced, and no step asks what became of it.

use std::collections::BTreeMap;

use crate::history::{Event, History};
use crate::measure::moments::watched;

/// Those servers, by name; none where a step asks for data.
pub(super) fn unchecked_data(history: &History) -> Vec<String> {
    let plan = &history.plan;
    if plan.hypotheses.iter().any(|hypothesis| hypothesis.expectation.may_ask_of_data()) {
        return Vec::new();
    }
    let mut boots: BTreeMap<&str, usize> = BTreeMap::new();
    for record in watched(history) {
        if let Event::InstanceBooted { server, .. } = &record.event {
            *boots.entry(server).or_default() += 1;
        }
    }
    let infrastructure = &plan.infrastructure;
    let keeps_data = |name: &str| {
        let server = infrastructure.servers.get(name);
        server.and_then(|server| infrastructure.roles.get(&server.role)).is_some_and(|role| role.is_data_store())
    };
    let replaced = boots.into_iter().filter(|(name, boots)| *boots > 1 && keeps_data(name));
    replaced.map(|(name, _)| name.to_string()).collect()
}
