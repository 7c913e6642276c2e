//! What users of a workload did.

use std::time::Duration;

use anarcho_chimp::history::Work;
use anarcho_chimp::history::work::Call;
use anarcho_chimp::site_plugin::op::Op;
use anarcho_chimp::units::Percent;
use anarcho_chimp::workload::{CallSpec, Model, Workload, WorkloadSource};

/// What the workload of the example of another crate is called; of the demonstration site's users it is `site`.
const EXAMPLE: &str = "sign-ups";

/// The workload of these operations: each kind of data that they speak of, once. Without any there is none.
pub(super) fn workload(works: &[Work]) -> Option<Workload> {
    let call = CallSpec::default;
    let speaks = |is_of: fn(&Call) -> bool| works.iter().any(|work| is_of(&work.call));
    if speaks(|call| matches!(call, Call::Registered(_))) {
        let is_of_the_site = works.iter().any(|work| Op::of_asked(work.asked()).is_some());
        return Some(Workload::registered(if is_of_the_site { "site" } else { EXAMPLE }));
    }
    let set = speaks(|call| matches!(call, Call::Add(_) | Call::ReadAll(_)));
    let register = speaks(|call| matches!(call, Call::Write(_) | Call::CompareAndSet(..) | Call::Read(_)));
    let counter = speaks(|call| matches!(call, Call::Increment(_) | Call::Count(_)));
    let queue = speaks(|call| matches!(call, Call::Enqueue(_) | Call::Dequeue(_)));
    let mut models = Vec::new();
    models.extend(set.then(|| Model::Set { add: call(), read: call() }));
    models.extend(register.then(|| Model::Register { keys: 1, write: call(), read: call(), compare_and_set: None }));
    models.extend(counter.then(|| Model::Counter { keys: 1, increment: call(), read: call() }));
    models.extend(queue.then(|| Model::Queue { keys: 1, enqueue: call(), dequeue: call() }));
    let (reads, settle) = (Percent(20.0), Duration::ZERO);
    let source = WorkloadSource::File("synthetic.workload.yaml".into());
    (!models.is_empty()).then_some(Workload {
        source,
        database: None,
        models,
        reads,
        settle,
        value_size: 0,
        served_by: None,
    })
}
