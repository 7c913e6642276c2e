//! Compose projects of a real Docker Engine, the one of `fixtures/docker`: `make docker` runs these tests beside it. What became of
//! a project is asked of Docker's own client.

mod attacks;
mod bare;
mod begun;
mod ended;
mod entered;
mod killed;
mod limited;
mod points;
mod refused;
mod reported;
mod scenarios;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use support::{Folder, Needs, chimp, named, run, stderr, stdout};

/// Far more than anything here takes, on a machine with other things to do.
const LIMIT: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    support::tests(&[(
        Needs::Asked("DOCKER_FOLDER", "make docker"),
        named![
            scenarios::a_container_that_dies_is_started_again_by_its_policy_and_stays_dead_without_one,
            scenarios::every_family_of_faults_strikes_containers_and_leaves_nothing,
            scenarios::a_balancer_s_view_is_of_the_container_that_has_the_address_whatever_it_is_called,
            scenarios::a_project_that_does_not_run_is_brought_up_and_down_again,
            bare::faults_need_nothing_in_the_image_and_no_capability_of_the_container,
            bare::a_static_address_and_a_second_network_are_reached_by_faults_too,
            begun::a_first_verdict_and_a_first_fault_come_with_what_init_writes,
            attacks::an_attack_strikes_what_was_opted_in_alone,
            attacks::an_attack_by_the_graph_knows_what_depends_on_what,
            attacks::of_two_projects_of_a_file_the_settings_say_which_is_meant,
            killed::a_killed_run_leaves_no_fault_after_its_lease,
            killed::the_lease_of_a_killed_attack_ends_no_later_fault,
            killed::what_a_killed_run_has_brought_up_goes_down_by_its_mark,
            limited::a_container_s_own_share_of_the_cpu_and_of_the_memory_is_taken,
            limited::what_a_container_could_not_live_without_and_the_machine_s_disk_are_refused,
            reported::exits_restarts_memory_health_and_what_nginx_counts_are_on_record_and_in_the_report,
            points::an_attacker_that_is_killed_at_any_stage_of_any_fault_leaves_nothing,
            points::a_run_that_is_killed_at_any_moment_leaves_nothing_of_what_it_brought_up,
            ended::a_container_that_ends_in_the_middle_of_its_fault_takes_the_fault_along,
            ended::a_container_that_ends_before_its_fault_makes_the_scenario_invalid_and_is_named,
            ended::a_pause_that_something_else_ends_makes_the_scenario_invalid,
            entered::an_entry_that_is_broken_off_leaves_nothing,
            refused::what_can_not_be_attached_to_is_one_error_and_nothing_is_touched,
            refused::a_project_that_can_not_be_brought_up_says_why_and_leaves_nothing,
            refused::two_projects_of_one_name_are_refused,
            refused::who_may_not_use_the_socket_is_refused,
        ],
    )])
}

/// A project of `fixtures/docker/projects`, which runs until this is dropped.
struct Project {
    file: PathBuf,
}

impl Project {
    /// It does not run yet.
    fn of(name: &str) -> Project {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/docker/projects/{name}/docker-compose.yml"));
        Project { file }
    }

    /// It runs.
    fn up(name: &str) -> Project {
        let project = Project::of(name);
        project.compose(&["up", "-d"]);
        project
    }

    fn compose(&self, words: &[&str]) {
        let mut command = Command::new("docker-compose");
        command.arg("-f").arg(&self.file).args(words).stdin(Stdio::null());
        let output = run(&mut command);
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// The step that names it.
    fn given(&self) -> String {
        format!("    Given the Compose project in \"{}\"\n", self.file.display())
    }

    /// `compose=FILE`.
    fn on(&self) -> String {
        format!("compose={}", self.file.display())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.compose(&["down", "-t", "0"]);
    }
}

/// What Docker's client prints.
fn docker(words: &[&str]) -> String {
    let output = run(Command::new("docker").args(words));
    assert!(output.status.success(), "docker {words:?}: {}", stderr(&output));
    stdout(&output).trim().into()
}

/// The containers that there are, with their states: `web_web_1 Up 3 seconds`.
fn containers() -> String {
    docker(&["ps", "-a", "--format", "{{.Names}} {{.State}}"])
}

/// The processes of this machine that end leases, which are known by their arguments.
fn watchdogs() -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains("anarcho-chimp-lease")).map(|line| line.replace('\0', " ")).collect()
}

/// Nothing of ours is in any container that runs: no folder, no rule, no queue, no process; and no lease runs.
fn is_clean() -> Result<(), String> {
    if let Some(left) = watchdogs().first() {
        return Err(left.clone());
    }
    for id in docker(&["ps", "-q"]).lines() {
        let pid = docker(&["inspect", "-f", "{{.State.Pid}}", id]);
        let dev = format!("/proc/{pid}/root/dev/.anarcho-chimp");
        if Path::new(&dev).symlink_metadata().is_ok() {
            return Err(format!("{id}: {dev}"));
        }
        for words in [&["iptables-save"][..], &["tc", "qdisc", "show"]] {
            let seen = stdout(&run(Command::new("nsenter").args(["-t", &pid, "-n"]).args(words)));
            if seen.contains("anarcho") || seen.contains("NFQUEUE") || seen.contains("tbf") || seen.contains(" DROP [")
            {
                return Err(format!("{id}: {words:?}: {seen}"));
            }
        }
        let processes = docker(&["top", id, "-eo", "pid,args"]);
        if processes.contains("__agent") || processes.contains("__enter") {
            return Err(format!("{id}: {processes}"));
        }
    }
    Ok(())
}

/// What a run has left is gone, or goes within the lease.
fn await_clean() {
    until("nothing of a fault is left", || is_clean().is_ok());
}

/// Settings that let services be attacked, with short waits, and more lines under `[compose]`.
fn settings(folder: &Folder, attack: &str, more: &str) -> String {
    let text = format!(
        "[compose]\nattack = [{attack}]\n{more}\n[load]\nrate = 100\nusers = 0\n[steady]\nbaseline = \"1s\"\nafter = \"1s\"\nlateness = \"2s\"\n\
         [nemesis]\nnetwork_delay = \"0s\"\nlease = \"5s\"\n"
    );
    folder.write("chimp.toml", &text).display().to_string()
}

/// A run of these scenarios on a project, to its end.
fn ended(folder: &Folder, project: &Project, attack: &str, scenarios: &str) -> Output {
    run(&mut run_on(folder, project, attack, scenarios))
}

fn run_on(folder: &Folder, project: &Project, attack: &str, scenarios: &str) -> Command {
    run_with(folder, project, (attack, ""), scenarios)
}

/// The same with more lines under `[compose]`.
fn run_with(folder: &Folder, project: &Project, (attack, more): (&str, &str), scenarios: &str) -> Command {
    let scenarios = scenarios.replace("    When ", &format!("{}    When ", project.given()));
    let feature = folder.write("any.feature", &format!("Feature: Any\n{scenarios}")).display().to_string();
    let (config, out) = (settings(folder, attack, more), folder.path().join("out").display().to_string());
    chimp(&["run", &feature, "--config", &config, "--out", &out, "--seed", "7"])
}

fn said(output: &Output) -> String {
    stdout(output) + &stderr(output)
}

/// Every event of a scenario, a line each.
fn events(folder: &Folder, scenario: u32) -> String {
    let path = folder.path().join(format!("out/latest/scenarios/{scenario:02}/events.ndjson"));
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Waits until a run in the background has come so far.
fn await_run(child: &mut Child, what: &str, mut is_so: impl FnMut() -> bool) {
    until(what, || {
        assert!(child.try_wait().unwrap().is_none(), "the run has ended before {what}");
        is_so()
    });
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
