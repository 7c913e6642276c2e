//! Long runs: what rendering a bundle holds in memory does not grow with the number of its scenarios.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::{History, Request, RunRecorder, Source};
use anarcho_chimp::plan::expectation::{Expectation, Phase};
use anarcho_chimp::plan::{Plan, SCHEMA};
use anarcho_chimp::report::Provenance;
use anarcho_chimp::run::bundle::Bundle;
use anarcho_chimp::units::{Bound, Percent};

#[path = "support/synthetic/mod.rs"]
mod synthetic;

use synthetic::Script;

/// The system's allocator, which also counts what each thread has taken from it.
struct Counting;

thread_local! {
    /// Bytes in use, and the most that ever were.
    static IN_USE: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

fn counted(bytes: i64) {
    let _ = IN_USE.try_with(|in_use| {
        let (now, peak) = in_use.get();
        in_use.set((now + bytes, peak.max(now + bytes)));
    });
}

// SAFETY: every call is the system allocator's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        counted(layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        counted(-(layout.size() as i64));
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that an act has in use at once, beyond what was in use before.
fn peak_of(act: impl FnOnce()) -> i64 {
    let before = IN_USE.with(|in_use| {
        let (now, _) = in_use.get();
        in_use.set((now, now));
        now
    });
    act();
    IN_USE.with(|in_use| in_use.get().1) - before
}

/// Half a minute at 10,000 requests a second.
fn history() -> History {
    let mut script = Script::website(2, 1).until(30_000);
    script.settings.load.rate = 10_000.0;
    script.users_every_ms = 0;
    let bound = Bound::AtLeast(Percent(99.0));
    script.expects(Expectation::Availability { phase: Phase::Throughout, bound }).history()
}

fn provenance() -> Provenance {
    Provenance {
        run_id: "2026-01-01T00-00-00Z-7".into(),
        started_at: "2026-01-01T00:00:00Z".into(),
        chimp_version: "0.1.0".into(),
        git_sha: None,
        kernel: "6.1".into(),
        cpus: 2,
        programs: BTreeMap::new(),
        command: "chimp run".into(),
        reproduce: None,
        ci: false,
        folder: None,
    }
}

/// A bundle in which the same happened in so many scenarios.
fn bundle(out: &Path, history: &History, scenarios: u32) -> Bundle {
    let mut plan = Plan { schema: SCHEMA, seed: 7, environment: "local".into(), scenarios: Vec::new() };
    for index in 0..scenarios {
        let mut scenario = history.plan.clone();
        scenario.index = index;
        plan.scenarios.push(scenario);
    }
    let bundle = Bundle::create(out, provenance(), &plan).unwrap();
    let run = RunRecorder::create_by_scenario(bundle.folder(), Clock::start()).unwrap();
    for recorder in (0..scenarios).map(|index| run.scenario(index)) {
        for record in &history.events {
            recorder.record_at(record.at_us, record.resolution_us, record.event.clone());
        }
        recorder.requests(Source::Prober, history.probes.clone());
        recorder.flush().unwrap();
    }
    run.finish().unwrap();
    bundle
}

#[test]
fn rendering_many_scenarios_holds_one_history_at_a_time() {
    let out = tempfile::tempdir().unwrap();
    let history = history();
    let of_one_history = (history.probes.len() * size_of::<Request>()) as i64;
    let [one, five] = [1, 5].map(|scenarios| {
        let bundle = bundle(out.path(), &history, scenarios);
        peak_of(|| assert_eq!(bundle.render().unwrap().record.scenarios.len(), scenarios as usize))
    });
    assert!(one >= of_one_history, "{one} bytes: is this counted at all? A history has {of_one_history}");
    let more = five - one;
    assert!(more < of_one_history, "{more} bytes more for four scenarios more; a history has {of_one_history}");
}
