//! One point, carried out and judged.

use std::time::{Duration, Instant};

use anarcho_chimp::instance::PowerOp;
use anarcho_chimp::journal::{self, Stage};

use crate::attacker::{Attacker, entries, heal, was_killed, within};
use crate::cases::Kind;
use crate::host::{Host, strays};
use crate::kept::Kept;
use crate::point::{Death, Point};
use crate::snapshot::{SESSIONS, Snapshot};

/// The promise: a fault is gone this long after its lease.
const AFTER_LEASE: Duration = Duration::from_secs(5);
/// What looking may take on a machine with other things to do, beyond what it took.
const LOOKING: Duration = Duration::from_millis(500);
/// Sessions and processes of an attacker that is dead go within this time: TCP tries again at growing intervals.
const SETTLED: Duration = Duration::from_secs(60);

/// Why a point is red whose fault was not there, or did not go.
pub const DID_NOTHING: &str = "the fault was confirmed, and the victim is as it was before";
pub const NOT_CLEAN: &str = "not as it was before";

/// One point on one victim.
pub struct Trial<'a> {
    pub kept: &'a Kept,
    pub point: &'a Point,
    pub victim: &'a str,
    /// How the victim is when nothing was done to it.
    pub baseline: &'a Snapshot,
    pub host: &'a Host,
    pub lies: &'a [&'a str],
    /// Names the point among all of all testbeds.
    pub mark: String,
}

/// How long after its attacker's end (or the loss of its path) the victim was seen as it was before.
pub type Clean = Duration;

impl Trial<'_> {
    /// Strikes, lets the attacker come to its end, and waits until everything is as it was.
    ///
    /// # Errors
    /// What was wrong, in words: the point is red.
    pub fn run(&self) -> Result<Clean, String> {
        if self.point.case.kind != Kind::Dies
            && let Some(differs) = self.baseline.differs(&self.kept.look(self.victim), &[])
        {
            return Err(format!("the victim is not as it should be, before anything was done:\n{differs}"));
        }
        self.prepare()?;
        let before = self.kept.look(self.victim);
        let mut attacker = Attacker::start(self.kept, self.point, self.victim, self.lies, &self.mark)?;
        let outcome = self.strike(&mut attacker, &before);
        let said = attacker.said();
        attacker.kill();
        self.kept.path(self.victim, false)?;
        let outcome = outcome.and_then(|clean| self.settle(&attacker).map(|()| clean));
        self.kept.kill_inside(self.victim, "disposable");
        match outcome {
            Ok(clean) => {
                let _ = std::fs::remove_dir_all(&attacker.out);
                Ok(clean)
            }
            Err(why) => Err(format!("{why}\nthe attacker said:\n{said}")),
        }
    }

    fn prepare(&self) -> Result<(), String> {
        match self.point.case.kind {
            Kind::Disposable => self.kept.start_inside(self.victim, "/usr/local/bin/disposable"),
            Kind::PowerOn => self.kept.switch(self.victim, PowerOp::Stop),
            _ => Ok(()),
        }
    }

    fn strike(&self, attacker: &mut Attacker, before: &Snapshot) -> Result<Clean, String> {
        let end = self.end(attacker, before)?;
        if self.point.case.kind == Kind::PowerOn {
            self.kept.switch(self.victim, PowerOp::Start)?;
        }
        if self.point.heal {
            self.heal(attacker)?;
        }
        if self.point.case.kind == Kind::Dies {
            return Ok(end.elapsed());
        }
        self.clean(end)
    }

    /// Until the attacker has come to its end; returns when that was.
    fn end(&self, attacker: &mut Attacker, before: &Snapshot) -> Result<Instant, String> {
        match self.point.death {
            Death::At(stage) => {
                let status = attacker.ended()?;
                if !was_killed(status) {
                    return Err(format!("it ended with {status} and was never {stage:?}"));
                }
                self.cut_path()?;
                Ok(Instant::now())
            }
            Death::After(moment) => {
                std::thread::sleep(moment);
                self.cut_path()?;
                attacker.kill();
                Ok(Instant::now())
            }
            Death::Confirmed => {
                attacker.reached(Stage::Witnessed)?;
                self.see(before)?;
                self.cut_path()?;
                attacker.kill();
                Ok(Instant::now())
            }
            Death::PathLost => {
                attacker.reached(Stage::Injected)?;
                self.cut_path()?;
                Ok(Instant::now())
            }
            Death::Lives => match attacker.ended()?.code() {
                Some(0) => Ok(Instant::now()),
                code => Err(format!("it ended with {code:?}")),
            },
        }
    }

    /// A fault that was confirmed has changed something.
    fn see(&self, before: &Snapshot) -> Result<(), String> {
        match before.is_changed(&self.kept.look(self.victim)) {
            true => Ok(()),
            false => Err(DID_NOTHING.into()),
        }
    }

    fn cut_path(&self) -> Result<(), String> {
        if self.point.cut { self.kept.path(self.victim, true) } else { Ok(()) }
    }

    fn heal(&self, attacker: &Attacker) -> Result<(), String> {
        let (code, said) = heal(&attacker.out)?;
        if code != Some(0) {
            return Err(format!("`chimp heal` ended with {code:?}: {said}"));
        }
        match heal(&attacker.out)? {
            (Some(0), again) if again.contains("nothing is open") => Ok(()),
            (code, again) => Err(format!("a second `chimp heal` ended with {code:?}: {again}")),
        }
    }

    /// Waits until the victim is as it was before; says how long that took from `end` on.
    fn clean(&self, end: Instant) -> Result<Clean, String> {
        let lease = self.point.outlives();
        let mut looked = Duration::ZERO;
        loop {
            let begun = end.elapsed();
            let now = self.kept.look(self.victim);
            looked = looked.max(now.took);
            let Some(differs) = self.baseline.differs(&now, &[SESSIONS]) else { return Ok(begun) };
            if begun > lease + AFTER_LEASE + LOOKING + 2 * looked {
                return Err(format!("{NOT_CLEAN} {begun:.1?} after the attacker's end:\n{differs}"));
            }
            std::thread::sleep(crate::kept::LOOK_EVERY);
        }
    }

    /// What is not the fault's, but must go as well: sessions, processes, anything on the machine itself.
    fn settle(&self, attacker: &Attacker) -> Result<(), String> {
        let mut left = String::new();
        let settled = within(SETTLED, || {
            left = self.left(attacker);
            left.is_empty().then_some(())
        });
        settled.ok_or_else(|| format!("still there {SETTLED:?} after the attacker's end:\n{left}"))
    }

    fn left(&self, attacker: &Attacker) -> String {
        let mut left = String::new();
        if self.point.case.kind != Kind::Dies
            && let Some(differs) = self.baseline.differs(&self.kept.look(self.victim), &[])
        {
            left.push_str(&differs);
        }
        if let Some(differs) = self.host.differs(&Host::take()) {
            left.push_str(&differs);
        }
        left.extend(strays(&self.mark).into_iter().map(|stray| format!("a process of it: {stray}\n")));
        let entries = entries(&attacker.out);
        if !self.point.case.is_undone() && !journal::open_strikes(&entries).is_empty() {
            left.push_str("the journal holds open what nobody can undo\n");
        }
        left
    }
}
