//! CPU time that somebody else burns.
//!
//! `When 80 % of the CPU of … is taken`. A burner with a thread for each CPU that the victim sees works this share of
//! every 20 ms. Witness: the burner's own CPU time, as the kernel counts it, over a quarter of a second: half of what was
//! asked at least, for others want CPUs too. Heal: the burner is killed.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde_json::Value;

use super::{DriverError, EffectDriver, burner, percent};
use crate::agent::{Observation, StrikeId, contained};

/// One turn of work and rest: short beside what a user notices, long beside a switch of processes.
const TURN: Duration = Duration::from_millis(20);
/// How long the witness watches: a dozen turns.
const WATCH: Duration = Duration::from_millis(250);
/// What a burner is called on its command line.
pub(super) const KIND: &str = "cpu";

/// See the module.
pub(super) struct Cpu {
    id: StrikeId,
    percent: f64,
}

impl Cpu {
    /// So much of all CPUs.
    pub fn new(id: &StrikeId, percent: f64) -> Self {
        Cpu { id: id.clone(), percent }
    }
}

impl EffectDriver for Cpu {
    fn arm(&mut self) -> Result<Value, DriverError> {
        percent(self.percent).map(|_| Value::Null)
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        burner::start(KIND, &self.id, &self.percent.to_string())
    }

    fn heal(&mut self, _memo: &Value) -> Result<(), DriverError> {
        burner::kill(&self.id)
    }

    fn observe(&self, _memo: Option<&Value>) -> Result<Observation, DriverError> {
        let burners = burner::of(&self.id);
        let used = || burners.iter().filter_map(|burner| cpu_time(burner.pid)).sum::<Duration>();
        if burners.is_empty() {
            return Ok(Observation { in_force: false, evidence: "no burner".into() });
        }
        let (begun, before) = (Instant::now(), used());
        std::thread::sleep(WATCH);
        let (after, took) = (used(), begun.elapsed());
        let cpus = cpus();
        let share = after.saturating_sub(before).as_secs_f64() / took.as_secs_f64() / cpus * 100.0;
        let asked = self.percent;
        let evidence =
            format!("the burner took {share:.0} % of {cpus} CPUs over {} ms, of {asked} %", took.as_millis());
        Ok(Observation { in_force: share >= asked / 2.0, evidence })
    }
}

/// Those that the victim has, or whose time a container may have.
fn cpus() -> f64 {
    let all = std::thread::available_parallelism().map_or(1.0, |cpus| usize::from(cpus) as f64);
    contained::cpus().map_or(all, |limit| limit.min(all))
}

/// The CPU time of all threads of a process.
fn cpu_time(pid: i32) -> Option<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid)).ok()?;
    Some(clock_gettime(clock).ok()?.into())
}

/// Lives as the burner.
///
/// # Errors
/// When a thread can't be started; else it never ends by itself.
pub(super) fn burn(amount: f64) -> Result<(), DriverError> {
    let cpus = cpus();
    let threads = cpus.ceil().max(1.0);
    let work = TURN.mul_f64(percent(amount)? / 100.0 * cpus / threads);
    for _ in 1..threads as usize {
        let started = std::thread::Builder::new().spawn(move || turn(work));
        started.map_err(DriverError::at("starting a thread"))?;
    }
    burner::ready();
    turn(work)
}

/// Works until its own share of CPU time is burnt, then rests; where others take the CPU, it rests less.
fn turn(work: Duration) -> ! {
    loop {
        let (begun, before) = (Instant::now(), own_time());
        while own_time().saturating_sub(before) < work && begun.elapsed() < TURN {
            for number in 0..10_000_u64 {
                std::hint::black_box(number);
            }
        }
        std::thread::sleep(TURN.saturating_sub(begun.elapsed()));
    }
}

fn own_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Into::into)
}
