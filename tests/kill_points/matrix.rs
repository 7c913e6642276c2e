//! All points, several victims side by side.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anarcho_chimp::instance::PowerOp;

use crate::cases::Kind;
use crate::host::Host;
use crate::kept::Kept;
use crate::point::{Point, Points};
use crate::record::{Line, Lines, table};
use crate::snapshot::Snapshot;
use crate::trial::Trial;

/// Victims side by side. On two cores more of them only wait for each other.
const WORKERS: usize = 8;
/// More than there are points whose victims die.
const MORTALS: usize = 6;
/// How often it is said how far it is.
const TELL_EVERY: usize = 25;

struct Matrix {
    kept: Kept,
    host: Host,
    seed: u64,
    waiting: Mutex<VecDeque<Point>>,
    mortals: Mutex<Vec<String>>,
    lines: Lines,
    all: usize,
    done: AtomicUsize,
    red: AtomicUsize,
}

/// Carries out the first `count` points of a seed that the file does not have yet, and writes the table beside it.
///
/// # Errors
/// How many were red, with the table; or why there could be none.
pub fn run(count: usize, seed: u64, file: &Path) -> Result<String, String> {
    let lines = Lines::open(file).map_err(|why| format!("{}: {why}", file.display()))?;
    let known = lines.of(seed).map_err(|why| why.to_string())?;
    let points = Points::of(seed);
    let waiting: VecDeque<Point> =
        (0..count).filter(|number| !known.contains_key(number)).map(|number| points.point(number)).collect();
    let (all, host) = (waiting.len(), Host::take());
    println!(
        "{count} points of seed {seed} ({} of them drawn), {all} to do",
        count.saturating_sub(points.systematic())
    );
    let kept = Kept::start("kill-points", WORKERS, MORTALS)?;
    let matrix = Matrix {
        kept,
        host,
        seed,
        waiting: Mutex::new(waiting),
        mortals: Mutex::new((1..=MORTALS).map(|number| format!("mortal-{number}")).collect()),
        lines,
        all,
        done: AtomicUsize::new(0),
        red: AtomicUsize::new(0),
    };
    let begun = Instant::now();
    let worked: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let matrix = &matrix;
        let workers: Vec<_> =
            (1..=WORKERS).map(|number| scope.spawn(move || matrix.work(&format!("victim-{number}")))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err("a worker panicked".into()))).collect()
    });
    let known = matrix.lines.of(seed).map_err(|why| why.to_string())?;
    let of_run = known.range(..count).map(|(_, line)| line);
    let red = of_run.clone().filter(|line| line.why.is_some()).count();
    let text = format!(
        "# Kill points\n\n{} points of seed {seed}, {red} red; {all} of them now, in {:.0} s. In each cell: points ≤ the \
         longest time from the attacker's end (or the loss of its path) until the victim was as before.\n\n{}",
        of_run.clone().count(),
        begun.elapsed().as_secs_f64(),
        table(of_run.clone()),
    );
    let summary = file.with_file_name("summary.md");
    std::fs::write(&summary, &text).map_err(|why| format!("{}: {why}", summary.display()))?;
    worked.into_iter().collect::<Result<Vec<()>, String>>()?;
    let reasons: Vec<&String> = of_run.filter_map(|line| line.why.as_ref()).take(5).collect();
    if red > 0 { Err(format!("{text}\n{red} points are red, such as {reasons:#?}")) } else { Ok(text) }
}

impl Matrix {
    /// One victim, point after point.
    fn work(&self, victim: &str) -> Result<(), String> {
        let baseline = self.kept.baseline(victim)?;
        while let Some(point) = self.next() {
            let mortal = match point.case.kind {
                Kind::Dies => self.mortals.lock().unwrap_or_else(PoisonError::into_inner).pop(),
                _ => None,
            };
            let struck = mortal.as_deref().unwrap_or(victim);
            let (kept, host, lies) = (&self.kept, &self.host, &[][..]);
            let mark = format!("{}-{}", std::process::id(), point.number);
            let trial = Trial { kept, point: &point, victim: struck, baseline: &baseline, host, lies, mark };
            let outcome = trial.run();
            self.note(&point, &outcome)?;
            if outcome.is_err() && mortal.is_none() {
                self.reset(victim, &baseline)?;
            }
        }
        Ok(())
    }

    fn next(&self) -> Option<Point> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn note(&self, point: &Point, outcome: &Result<std::time::Duration, String>) -> Result<(), String> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Err(why) = outcome {
            self.red.fetch_add(1, Ordering::Relaxed);
            println!("RED: {point}\n{why}");
        }
        if done.is_multiple_of(TELL_EVERY) || done == self.all {
            println!("{done} of {} points, {} red", self.all, self.red.load(Ordering::Relaxed));
        }
        let line = Line {
            seed: self.seed,
            number: point.number,
            fault: point.case.fault.into(),
            end: point.column(),
            path_cut: point.cut,
            healed: point.heal,
            clean_ms: outcome.as_ref().ok().map(|clean| clean.as_millis() as u64),
            why: outcome.as_ref().err().cloned(),
        };
        self.lines.write(&line).map_err(|why| why.to_string())
    }

    /// After a red point: another boot is a clean start for the next one.
    fn reset(&self, victim: &str, baseline: &Snapshot) -> Result<(), String> {
        self.kept.switch(victim, PowerOp::Stop)?;
        self.kept.switch(victim, PowerOp::Start)?;
        let now = self.kept.baseline(victim)?;
        match baseline.differs(&now, &[]) {
            None => Ok(()),
            Some(differs) => Err(format!("{victim} is not as it was, after another boot:\n{differs}")),
        }
    }
}
