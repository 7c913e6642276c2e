//! What a user of a workload does next: drawn with the scenario's seed.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::draw::{self, Purpose};
use crate::history::work::{Call, Shown};
use crate::workload::{Model, Workload};

/// What one user knows and does.
pub(super) struct Drawer {
    rng: StdRng,
    /// The value that each register showed to this user last.
    shown: std::collections::HashMap<u32, u32>,
}

/// An operation to be sent: which model of the workload, which key, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    pub model: usize,
    pub key: u32,
    pub call: Call,
}

impl Drawer {
    pub fn new(seed: u64, user: u32) -> Drawer {
        Drawer { rng: draw::Draw::of(seed).for_purpose(Purpose::User, u64::from(user)), shown: Default::default() }
    }

    /// The next operation; `fresh` gives a value that was never sent.
    pub fn next(&mut self, workload: &Workload, fresh: impl FnOnce() -> u32) -> Next {
        let model = self.rng.random_range(0..workload.models.len());
        let key = self.rng.random_range(0..workload.models[model].keys());
        let reads = self.rng.random_bool(workload.reads.0 / 100.0);
        let call = match &workload.models[model] {
            Model::Set { .. } if reads => Call::ReadAll(None),
            Model::Set { .. } => Call::Add(fresh()),
            Model::Register { .. } if reads => Call::Read(None),
            Model::Register { compare_and_set, .. } => match self.shown.get(&key) {
                Some(from) if compare_and_set.is_some() && self.rng.random_bool(0.5) => {
                    Call::CompareAndSet(*from, fresh())
                }
                _ => Call::Write(fresh()),
            },
            Model::Counter { .. } if reads => Call::Count(None),
            Model::Counter { .. } => Call::Increment(1),
            // What is sent must be taken out, or the queue would only grow.
            Model::Queue { .. } if self.rng.random_bool(0.5) => Call::Dequeue(None),
            Model::Queue { .. } => Call::Enqueue(fresh()),
        };
        Next { model, key, call }
    }

    /// What a user of another crate draws with.
    pub fn chance(&mut self) -> &mut StdRng {
        &mut self.rng
    }

    /// A register showed this.
    pub fn saw(&mut self, key: u32, shown: Shown) {
        if let Some(value) = shown.value() {
            self.shown.insert(key, value);
        }
    }

    /// A pause, from the first to the second.
    pub fn pause(&mut self, from: std::time::Duration, to: std::time::Duration) -> std::time::Duration {
        from + to.saturating_sub(from).mul_f64(self.rng.random())
    }
}
