//! A point of the matrix: which fault, and how its attacker comes to its end. Derived from a seed and a number, so
//! that a run can be taken up where another one ended.

use std::fmt;
use std::time::Duration;

use anarcho_chimp::journal::Stage;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use crate::cases::{CASES, Case, Kind};

/// A whole attack takes about this long, so that a random moment may lie anywhere in it, or after it.
const WHOLE: Duration = Duration::from_millis(1600);

/// One point.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub number: usize,
    pub case: Case,
    pub death: Death,
    /// The path to the victim is cut just before the attacker dies.
    pub cut: bool,
    /// `chimp heal` is run, twice, instead of waiting for the lease.
    pub heal: bool,
}

/// How an attacker comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It kills itself there.
    At(Stage),
    /// It is killed this long after it was started.
    After(Duration),
    /// It is killed once its fault is confirmed and was seen from outside too.
    Confirmed,
    /// It lives on, and can't reach its victim any more.
    PathLost,
    /// It ends by itself.
    Lives,
}

/// The points of a seed.
pub struct Points {
    seed: u64,
    grid: Vec<Point>,
}

impl Points {
    /// All faults at all stages, in an order of the seed's own; what follows is drawn.
    pub fn of(seed: u64) -> Points {
        let mut grid: Vec<Point> = CASES.iter().flat_map(of_case).collect();
        grid.shuffle(&mut StdRng::seed_from_u64(seed));
        Points { seed, grid }
    }

    /// How many there are before the first that is drawn.
    pub fn systematic(&self) -> usize {
        self.grid.len()
    }

    /// The `number`-th point, the same for the same seed.
    pub fn point(&self, number: usize) -> Point {
        match self.grid.get(number) {
            Some(point) => Point { number, ..*point },
            None => drawn(number, &mut StdRng::seed_from_u64(self.seed ^ ((number as u64) << 20))),
        }
    }
}

/// Every stage; where it is confirmed while it is on, a confirmed fault whose attacker is killed, one whose path is lost too.
fn of_case(case: &Case) -> Vec<Point> {
    let point = |death, cut, heal| Point { number: 0, case: *case, death, cut, heal };
    let mut points: Vec<Point> = case.stages().iter().map(|stage| point(Death::At(*stage), false, false)).collect();
    if case.kind == Kind::ImpairsItself {
        return points;
    }
    points.push(point(Death::Confirmed, case.kind != Kind::Dies, false));
    if case.kind == Kind::Held {
        points.push(point(Death::PathLost, true, false));
    }
    if case.is_undone() {
        points.push(point(Death::Confirmed, false, true));
    }
    points
}

/// A fault whose victim lives on (those that die are few), a moment anywhere in its attack or one of its stages.
fn drawn(number: usize, rng: &mut StdRng) -> Point {
    let lasting: Vec<&Case> = CASES.iter().filter(|case| case.kind != Kind::Dies).collect();
    let case = **lasting.choose(rng).expect("there are some");
    let death = match rng.random_range(0..4) {
        0 => Death::At(*case.stages().choose(rng).expect("each has some")),
        _ => Death::After(WHOLE.mul_f64(rng.random_range(0.0..1.0))),
    };
    let heal = case.is_undone() && rng.random_range(0..6) == 0;
    let cut = !heal && rng.random_range(0..3) == 0;
    Point { number, case, death, cut, heal }
}

impl Point {
    /// For how long the fault is asked for: far longer than the lease, unless the attacker is to heal it itself.
    pub fn lasts(&self) -> Duration {
        let short = match self.death {
            Death::At(stage) => stage >= Stage::Healing,
            Death::After(_) | Death::Lives => true,
            Death::Confirmed | Death::PathLost => false,
        };
        match (self.case.kind, short) {
            (_, true) => Duration::from_millis(300),
            // Its lease is as long as itself.
            (Kind::CutsItself | Kind::ImpairsItself, false) => Duration::from_millis(1500),
            _ => Duration::from_secs(60),
        }
    }

    /// The lease that its attacker asks for: short, but long enough to fill a disk, or to be looked at meanwhile.
    pub fn lease(&self) -> Duration {
        match (self.case.fault, self.death) {
            ("disk-full", _) => Duration::from_secs(4),
            (_, Death::Confirmed | Death::PathLost) => Duration::from_secs(3),
            _ => Duration::from_secs(1),
        }
    }

    /// How long after the last sign of life of its attacker the fault may last at most.
    pub fn outlives(&self) -> Duration {
        let whole = self.lasts() + Duration::from_millis(200);
        let has_it_whole = matches!(self.case.kind, Kind::CutsItself | Kind::ImpairsItself);
        if has_it_whole { self.lease().max(whole) } else { self.lease() }
    }

    /// Where the fault is at its attacker's end, for the table.
    pub fn column(&self) -> String {
        match self.death {
            Death::At(stage) => serde_json::to_value(stage).expect("plain data").as_str().unwrap_or("?").into(),
            Death::After(_) => "at random".into(),
            Death::Confirmed => "confirmed".into(),
            Death::PathLost => "path lost".into(),
            Death::Lives => "lives".into(),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "point {}: {}, attacker's end: {}", self.number, self.case.fault, self.column())?;
        if let Death::After(moment) = self.death {
            write!(f, " ({} ms)", moment.as_millis())?;
        }
        f.write_str(if self.cut { ", path cut" } else { "" })?;
        f.write_str(if self.heal { ", chimp heal" } else { "" })
    }
}
