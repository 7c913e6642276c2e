//! Chance, reproducible: every random decision draws from its own generator.
//!
//! A generator is seeded by SHA-256 over a seed, the purpose of the decision and a number (of the strike, the round, the
//! user…). So decisions do not depend on each other: which webserver is drawn says nothing about which database is,
//! when the next strike comes, or how a tier falls into halves. One more draw for one purpose changes no other. A
//! scenario's own seed comes from the run's seed, the feature's path and the scenario's name, so no two scenarios share
//! a generator either.
//!
//! What is drawn for a seed is part of the plan's meaning: whoever changes it raises [`crate::plan::SCHEMA`].

use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};

/// What a generator is for. The name is hashed, so renaming one changes what every seed draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The target of a strike; by the strike's number.
    Targets,
    /// The other side of a partition; by the strike's number.
    OtherSide,
    /// Which servers form which half, or follow each other on a ring of majorities; by the strike's number.
    Sides,
    /// Which of its processes each victim loses; by the strike's number.
    Processes,
    /// When random strikes come; by the number of the schedule in its scenario.
    Moments,
    /// Which fault of a table strikes at each of those moments; by the number of the schedule in its scenario.
    Faults,
    /// When the config agent's first run is.
    ConfigAgent,
    /// How far the reconciler's waits after failures stray.
    Backoff,
    /// What a user does; by the user's number.
    User,
    /// The servers of an attack's round; by the round's number.
    AttackServers,
    /// The process of an attack's round; by the round's number.
    AttackProcess,
    /// The resampling behind a confidence interval.
    Resampling,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::Targets => "targets",
            Purpose::OtherSide => "other side",
            Purpose::Sides => "sides",
            Purpose::Processes => "processes",
            Purpose::Moments => "moments",
            Purpose::Faults => "faults",
            Purpose::ConfigAgent => "config agent",
            Purpose::Backoff => "backoff",
            Purpose::User => "user",
            Purpose::AttackServers => "attack servers",
            Purpose::AttackProcess => "attack process",
            Purpose::Resampling => "resampling",
        }
    }
}

/// A seed to draw from: a scenario's, or an attack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    seed: u64,
}

impl Draw {
    /// Everything that is drawn with this seed.
    pub fn of(seed: u64) -> Draw {
        Draw { seed }
    }

    /// The generator of one decision. The same seed, purpose and number give the same generator.
    pub fn for_purpose(self, purpose: Purpose, number: u64) -> StdRng {
        let digest = Sha256::new()
            .chain_update(self.seed.to_le_bytes())
            .chain_update(purpose.name())
            .chain_update([0])
            .chain_update(number.to_le_bytes())
            .finalize();
        StdRng::from_seed(digest.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{Rng, RngExt};

    use super::*;

    const ALL: [Purpose; 12] = [
        Purpose::Targets,
        Purpose::OtherSide,
        Purpose::Sides,
        Purpose::Processes,
        Purpose::Moments,
        Purpose::Faults,
        Purpose::ConfigAgent,
        Purpose::Backoff,
        Purpose::User,
        Purpose::AttackServers,
        Purpose::AttackProcess,
        Purpose::Resampling,
    ];

    #[test]
    fn the_same_seed_purpose_and_number_draw_the_same() {
        let drawn = || Draw::of(7).for_purpose(Purpose::Targets, 3).next_u64();
        assert_eq!(drawn(), drawn());
    }

    #[test]
    fn another_seed_purpose_or_number_draws_something_else() {
        let first = |seed, purpose, number| Draw::of(seed).for_purpose(purpose, number).next_u64();
        let mut seen = BTreeSet::new();
        for purpose in ALL {
            for (seed, number) in (0..20).flat_map(|seed| (0..20).map(move |number| (seed, number))) {
                assert!(seen.insert(first(seed, purpose, number)), "{purpose:?}: seed {seed}, number {number}");
            }
        }
    }

    /// A recorded plan is carried out again by another build. If this fails, [`crate::plan::SCHEMA`] has to rise.
    #[test]
    fn what_a_seed_draws_is_fixed() {
        let drawn = ALL.map(|purpose| Draw::of(7).for_purpose(purpose, 0).random_range(0..1000));
        assert_eq!(drawn, [714, 192, 959, 207, 911, 927, 413, 45, 556, 682, 473, 741]);
    }
}
