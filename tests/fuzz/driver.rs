//! Runs cases: mutates, reads, and watches for panics, hangs, memory, and errors that do not say which file.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::bundle::{self, Whole};
use crate::memory;
use crate::mutate::mutated;
use crate::target::{self, TARGETS, Target};

/// A case that takes longer hangs. On a machine where two others build, a case of milliseconds may take a second.
const HANGS_AFTER: Duration = Duration::from_secs(60);
/// What a case may take of the CPU: tests are not optimised, and no file is longer than 32 kB.
const SLOW_AFTER: Duration = Duration::from_secs(5);
/// What a case may take of memory.
const MEMORY: u64 = 256 << 20;
/// How often bundles are drawn, beside the weights of the other formats.
const BUNDLES: u32 = 15;

/// Something that must not be.
#[derive(Debug)]
pub struct Finding {
    pub target: String,
    pub number: u64,
    pub what: String,
    /// A copy of the file.
    pub file: PathBuf,
}

/// What became of the cases of a format.
#[derive(Debug, Default, Clone, Copy)]
pub struct Count {
    pub read: u64,
    pub refused: u64,
    /// Of the CPU, together.
    pub took: Duration,
}

#[derive(Debug, Default)]
pub struct Report {
    pub counts: BTreeMap<String, Count>,
    pub findings: Vec<Finding>,
}

pub struct Driver {
    folder: PathBuf,
    kept: PathBuf,
    corpora: Vec<Vec<Vec<u8>>>,
    bundles: Vec<Whole>,
    /// When the case that is under way began, in milliseconds since `started`, and 1 more; 0 between cases.
    began: AtomicU64,
    started: Instant,
    at: Mutex<(u64, PathBuf)>,
}

static PANIC: Mutex<String> = Mutex::new(String::new());

impl Driver {
    /// `folder` is emptied; copies of what is found go to `kept`.
    pub fn new(folder: &Path, kept: &Path) -> Driver {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).expect("a folder to work in");
        target::prepare(folder);
        let bytes = |target: &Target| target.corpus().into_iter().map(|(_, bytes)| bytes).collect();
        Driver {
            folder: folder.into(),
            kept: kept.into(),
            corpora: TARGETS.iter().map(bytes).collect(),
            bundles: bundle::all(&folder.join("bundles")),
            began: AtomicU64::new(0),
            started: Instant::now(),
            at: Mutex::default(),
        }
    }

    /// Runs the cases `from..to` of a seed. Each depends on the seed and its number alone.
    pub fn run(&self, seed: u64, cases: std::ops::Range<u64>) -> Report {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
            let payload = panic.payload();
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let what = text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
            *PANIC.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = format!("panics at {place}: {what}");
        }));
        let mut report = Report::default();
        std::thread::scope(|scope| {
            let (stop, stopped) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || self.watch(&stopped));
            for number in cases {
                self.case(seed, number, &mut report);
            }
            drop(stop);
        });
        std::panic::set_hook(hook);
        report
    }

    /// Ends the process where a case hangs: a thread can't be ended from outside.
    fn watch(&self, stopped: &std::sync::mpsc::Receiver<()>) {
        use std::sync::mpsc::RecvTimeoutError;
        while stopped.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
            let began = self.began.load(Ordering::Relaxed);
            let now = self.started.elapsed().as_millis() as u64 + 1;
            if began > 0 && now.saturating_sub(began) > HANGS_AFTER.as_millis() as u64 {
                let (number, file) = self.at.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
                let kept = self.keep(&file, "hang", number);
                eprintln!("case {number} hangs: {}", kept.display());
                std::process::exit(101);
            }
        }
    }

    fn case(&self, seed: u64, number: u64, report: &mut Report) {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        let weights: u32 = TARGETS.iter().map(|target| target.weight).sum();
        let mut drawn = rng.random_range(0..weights + BUNDLES);
        for (target, corpus) in TARGETS.iter().zip(&self.corpora) {
            if drawn < target.weight {
                let example = &corpus[rng.random_range(0..corpus.len())];
                let bytes = mutated(&mut rng, example, corpus, target.dictionary);
                let file = self.folder.join(target.file);
                target::write(&file, &bytes);
                self.judged(target.name, number, &file, || (target.read)(&file), report);
                // An infrastructure may name `./role.yaml`: it must not find the one that an earlier case wrote.
                return std::fs::remove_file(&file).expect("the file of this case");
            }
            drawn -= target.weight;
        }
        let whole = &self.bundles[rng.random_range(0..self.bundles.len())];
        let (file, bytes) = whole.damaged(&mut rng, &self.bundles);
        let path = whole.folder.join(file);
        target::write(&path, &bytes);
        self.judged(&format!("bundle {file}"), number, &path, || bundle::judge(&whole.folder, number as u32), report);
        whole.restore(file);
    }

    fn judged(
        &self,
        target: &str,
        number: u64,
        file: &Path,
        read: impl FnOnce() -> Result<(), String>,
        report: &mut Report,
    ) {
        *self.at.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = (number, file.into());
        self.began.store(self.started.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
        memory::start();
        let before = cpu_time();
        let end = catch_unwind(AssertUnwindSafe(read));
        let (took, peak) = (cpu_time() - before, memory::peak());
        self.began.store(0, Ordering::Relaxed);
        let count = report.counts.entry(target.into()).or_default();
        count.took += took;
        match end {
            Ok(Ok(())) => count.read += 1,
            _ => count.refused += 1,
        }
        if let Some(what) = complaint(file, end, took, peak) {
            let kept = self.keep(file, target, number);
            report.findings.push(Finding { target: target.into(), number, what, file: kept });
        }
    }

    fn keep(&self, file: &Path, target: &str, number: u64) -> PathBuf {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let script = if target.starts_with("bundle") { file.parent().and_then(Path::file_name) } else { None };
        let script = script.map(|script| script.to_string_lossy().into_owned() + ".").unwrap_or_default();
        let kept = self.kept.join(format!("{number}.{script}{name}"));
        let _ = std::fs::create_dir_all(&self.kept);
        let _ = std::fs::copy(file, &kept);
        kept
    }
}

/// Reads a file as it is. Whether it is read, and what is wrong, if something is.
pub fn unchanged(target: &Target, file: &Path) -> (bool, Option<String>) {
    memory::start();
    let before = cpu_time();
    let end = catch_unwind(AssertUnwindSafe(|| (target.read)(file)));
    let is_read = matches!(end, Ok(Ok(())));
    (is_read, complaint(file, end, cpu_time() - before, memory::peak()))
}

fn complaint(file: &Path, end: std::thread::Result<Result<(), String>>, took: Duration, peak: u64) -> Option<String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    match end {
        Err(_) => Some(PANIC.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()),
        Ok(Err(why)) if !why.contains(&*name) => Some(format!("the error does not name the file: {why}")),
        _ if took > SLOW_AFTER => Some(format!("takes {took:?} of the CPU")),
        _ if peak > MEMORY => Some(format!("takes {} MiB of memory", peak >> 20)),
        Ok(_) => None,
    }
}

/// What this thread has had of the CPU.
fn cpu_time() -> Duration {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock of the kernel");
    Duration::from(time)
}
