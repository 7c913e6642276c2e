use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::history::data::DATA_FILE;
use crate::history::work::Call;
use crate::history::{EVENTS_FILE, REQUESTS_FILE, SCENARIOS_FOLDER, scenario_folder};
use crate::history::{History, Outcome, Watched, Work, read_events};
use crate::infrastructure::{Entry, Infrastructure};
use crate::plan::ScenarioPlan;
use crate::settings::Settings;

fn request(due_us: u64) -> Request {
    Request { due_us, late_us: 1, latency_us: 500, outcome: Outcome::Good }
}

fn plan(index: u32) -> ScenarioPlan {
    ScenarioPlan {
        index,
        name: String::new(),
        feature_name: String::new(),
        feature: PathBuf::new(),
        line: 1,
        tags: Vec::new(),
        steps: Vec::new(),
        seed: 7,
        infrastructure: Infrastructure {
            servers: Default::default(),
            links: Vec::new(),
            virtual_ips: Vec::new(),
            entry: Entry::at("www", 80),
            roles: Default::default(),
            databases: Default::default(),
            aliases: Default::default(),
            source: None,
        },
        acts: Vec::new(),
        act_lines: Vec::new(),
        hypotheses: Vec::new(),
        settings: Settings::default(),
        workload: None,
    }
}

fn started(attempt: u32) -> Event {
    Event::ScenarioStarted { attempt }
}

#[test]
fn each_scenario_reads_back_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
    let (first, second) = (run.scenario(0), run.scenario(1));
    first.record_at(10, 0, started(1));
    second.record_at(20, 5, Event::WatchEnded);
    first.record_at(40, 0, Event::WatchEnded);
    first.record_at(30, 0, Event::Recovered);
    first.requests(Source::Prober, vec![request(100), request(200)]);
    second.requests(Source::Prober, vec![request(150)]);
    first.requests(Source::User, vec![request(180), request(170)]);
    run.finish().unwrap();

    let history = History::read(dir.path(), &plan(0)).unwrap();
    assert_eq!(history.events.iter().map(|r| r.at_us).collect::<Vec<_>>(), [10, 30, 40]);
    assert_eq!(history.probes, [request(100), request(200)]);
    assert_eq!(history.users, [request(170), request(180)]);
    let other = History::read(dir.path(), &plan(1)).unwrap();
    assert_eq!(other.events, [Record { at_us: 20, scenario: 1, resolution_us: 5, event: Event::WatchEnded }]);
    assert_eq!(other.probes, [request(150)]);
}

#[test]
fn only_the_last_try_counts() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
    let recorder = run.scenario(0);
    recorder.record_at(10, 0, started(1));
    recorder.record_at(20, 0, Event::Recovered);
    recorder.requests(Source::Prober, vec![request(30)]);
    recorder.record_at(1000, 0, started(2));
    recorder.requests(Source::Prober, vec![request(2000)]);
    run.finish().unwrap();
    let history = History::read(dir.path(), &plan(0)).unwrap();
    assert_eq!(history.events.len(), 1);
    assert_eq!(history.events[0].event, started(2));
    assert_eq!(history.probes, [request(2000)]);
}

#[tokio::test]
async fn after_sync_everything_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
    let recorder = run.scenario(0);
    for k in 0..1000 {
        recorder.record_at(k, 0, Event::Recovered);
        recorder.requests(Source::Prober, vec![request(k)]);
    }
    recorder.sync().await.unwrap();
    let history = History::read(dir.path(), &plan(0)).unwrap();
    assert_eq!((history.events.len(), history.probes.len()), (1000, 1000));
}

#[test]
fn what_is_recorded_reaches_the_disk_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
    run.scenario(0).record(Event::Recovered);
    let deadline = Instant::now() + Duration::from_secs(10);
    while read_events(&dir.path().join(EVENTS_FILE)).unwrap().is_empty() {
        assert!(Instant::now() < deadline, "not on disk after 10 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_does_not_fit_is_counted_and_events_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::start(Place::create(dir.path(), Layout::Together).unwrap(), Clock::start(), 10).unwrap();
    let recorder = run.scenario(0);
    recorder.requests(Source::Prober, (0..11).map(request).collect());
    recorder.requests(Source::Prober, (0..10).map(request).collect());
    run.finish().unwrap();
    let history = History::read(dir.path(), &plan(0)).unwrap();
    assert_eq!(history.events.len(), 1);
    assert_eq!(history.events[0].event, Event::RecorderDropped { events: 11 });
    assert_eq!(history.probes.len(), 10);
}

#[test]
fn a_line_cut_by_a_crash_is_left_out_and_a_wrong_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
    run.scenario(0).record_at(10, 0, Event::WatchEnded);
    run.finish().unwrap();
    let path = dir.path().join(EVENTS_FILE);
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"at_us\":11,\"scen")).unwrap();
    assert_eq!(read_events(&path).unwrap().len(), 1);
    std::fs::write(&path, format!("{whole}{{\"at_us\":11}}\n{whole}")).unwrap();
    let why = read_events(&path).unwrap_err().to_string();
    assert!(why.contains("events.ndjson:2: not an event"), "{why}");
}

#[test]
fn recording_after_the_end_is_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
    let recorder = run.scenario(0);
    run.finish().unwrap();
    recorder.record(Event::Recovered);
    recorder.requests(Source::User, vec![request(1)]);
    assert!(recorder.flush().is_err());
}

#[test]
fn a_missing_folder_is_named() {
    let why = RunRecorder::create(Path::new("/nowhere/at/all"), Clock::start()).unwrap_err().to_string();
    assert!(why.contains("/nowhere/at/all/events.ndjson"), "{why}");
}

fn post(invoked_us: u64) -> DataRecord {
    let (call, outcome) = (Call::Add(invoked_us as u32), crate::history::Ended::Ok);
    DataRecord::Work(Work { process: 1, key: 0, call, invoked_us, ended_us: 9, outcome, detail: None, served_by: None })
}

#[test]
fn operations_read_back_in_order_and_only_those_of_the_last_try() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
    let recorder = run.scenario(0);
    recorder.record_at(10, 0, started(1));
    recorder.data(vec![post(20)]);
    recorder.record_at(1000, 0, started(2));
    recorder.data(vec![post(1200), post(1100)]);
    run.scenario(1).data(vec![post(1300)]);
    run.finish().unwrap();
    let history = History::read(dir.path(), &plan(0)).unwrap();
    assert_eq!(history.works.iter().map(|work| work.invoked_us).collect::<Vec<_>>(), [1100, 1200]);
    assert!(Watched::new(dir.path(), &plan(0)).read_on().unwrap().works.is_empty());
}

#[test]
fn a_run_without_operations_has_no_file_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
    run.scenario(0).record_at(10, 0, started(1));
    run.finish().unwrap();
    assert!(!dir.path().join(DATA_FILE).exists());
    assert!(History::read(dir.path(), &plan(0)).unwrap().works.is_empty());
}

#[test]
fn each_scenario_has_its_own_files_and_one_that_never_began_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunRecorder::create_by_scenario(dir.path(), Clock::start()).unwrap();
    let (first, second) = (run.scenario(0), run.scenario(11));
    first.record_at(10, 0, started(1));
    // Whatever has nothing to write is closed by a flush, and opened again by the next record.
    for at_us in 20..23 {
        second.record_at(at_us, 0, Event::Recovered);
        second.requests(Source::Prober, vec![request(at_us)]);
        second.data(vec![post(at_us)]);
        second.flush().unwrap();
    }
    first.requests(Source::Prober, vec![request(30)]);
    run.finish().unwrap();
    let files = |scenario| std::fs::read_dir(dir.path().join(scenario_folder(scenario))).unwrap().count();
    assert_eq!((files(0), files(11)), (2, 3), "only the second wrote operations");
    let read = |index| History::read(dir.path(), &plan(index)).unwrap();
    assert_eq!((read(0).events.len(), read(0).probes.len()), (1, 1));
    let (second, never) = (read(11), read(5));
    assert_eq!((second.events.len(), second.probes.len(), second.works.len()), (3, 3, 3));
    assert!(never.events.is_empty() && never.probes.is_empty() && never.works.is_empty());
    std::fs::remove_file(dir.path().join(scenario_folder(0)).join(REQUESTS_FILE)).unwrap();
    let why = History::read(dir.path(), &plan(0)).unwrap_err().to_string();
    assert!(why.contains("scenarios/00/requests.bin: can't be read: No such file"), "{why}");
    std::fs::remove_dir_all(dir.path().join(SCENARIOS_FOLDER)).unwrap();
    let why = History::read(dir.path(), &plan(5)).unwrap_err().to_string();
    assert!(why.contains("scenarios/05/events.ndjson: can't be read: No such file"), "{why}");
}
