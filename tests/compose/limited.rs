//! Faults of resources in a container with limits: it is its own share that is taken.

use std::process::Stdio;

use crate::support::Folder;
use crate::{Project, await_clean, docker, ended, events, run_on, said};

/// What the container may have.
const MEMORY: u64 = 200 << 20;

const CPU: &str = "  Scenario: CPU\n    When 100% of the CPU of node \"web-1\" is taken for 4 s\n    Then total downtime is under 60 s\n";
const HALF: &str = "  Scenario: Memory\n    When 50% of the memory of node \"web-1\" is taken for 6 s\n    Then total downtime is under 60 s\n";

/// A number that a file of a control group of the container has, by the first version's path, or the second's.
fn of_group(id: &str, first: &str, second: &str) -> u64 {
    let pid = docker(&["inspect", "-f", "{{.State.Pid}}", id]);
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let (controller, file) = first.split_once('/').unwrap();
    let of_first = groups.lines().find_map(|line| {
        let (names, path) = line.split_once(':')?.1.split_once(':')?;
        names.split(',').any(|name| name == controller).then(|| format!("/sys/fs/cgroup/{controller}{path}/{file}"))
    });
    let of_second =
        || Some(format!("/sys/fs/cgroup{}/{second}", groups.lines().find_map(|line| line.strip_prefix("0::"))?));
    let path = of_first.or_else(of_second).unwrap();
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
    let number = text.lines().find_map(|line| line.rsplit(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{path}: {text}"))
}

pub fn a_container_s_own_share_of_the_cpu_and_of_the_memory_is_taken() {
    let (folder, project) = (Folder::new("compose-limited"), Project::up("limited"));
    let output = ended(&folder, &project, "\"web\"", CPU);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let seen = events(&folder, 0);
    assert!(seen.contains("\"fault_confirmed\"") && seen.contains("of 0.5 CPUs"), "{seen}");
    await_clean();

    let folder = Folder::new("compose-limited-memory");
    let id = docker(&["ps", "-q", "--no-trunc", "--filter", "name=limited_web_1"]);
    let used = || of_group(&id, "memory/memory.usage_in_bytes", "memory.current");
    assert!(used() < MEMORY / 2, "{}", used());
    let mut chaos = run_on(&folder, &project, "\"web\"", HALF);
    let mut child = chaos.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    crate::await_run(&mut child, "half of its memory is taken", || used() > MEMORY / 2);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let seen = events(&folder, 0);
    let taken = seen.split_once(" MiB of 100 MiB resident").and_then(|(before, _)| before.rsplit('"').next());
    let taken: u64 = taken.and_then(|taken| taken.parse().ok()).unwrap_or_default();
    assert!((95..110).contains(&taken), "the program itself does not count: {seen}");
    await_clean();
    assert_eq!(docker(&["inspect", "-f", "{{.State.OOMKilled}} {{.RestartCount}}", &id]), "false 0");
}

pub fn what_a_container_could_not_live_without_and_the_machine_s_disk_are_refused() {
    let project = Project::up("limited");
    let refused = [
        ("90% of the memory of node \"web-1\" is taken for 2 s", "and 20 MiB to live on"),
        ("node \"web-1\" gets a full disk for 2 s", "the machine's, which others use"),
    ];
    for (step, why) in refused {
        let folder = Folder::new("compose-limited-refused");
        let scenario = format!("  Scenario: Refused\n    When {step}\n    Then total downtime is under 60 s\n");
        let output = ended(&folder, &project, "\"web\"", &scenario);
        assert_eq!(output.status.code(), Some(3), "{step}: {}", said(&output));
        assert!(said(&output).contains(why), "{step}: {}", said(&output));
        await_clean();
    }
}
