//! What Docker reports of containers while a scenario runs is on record, and in the report.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Folder, run};
use crate::{Project, await_clean, docker, run_with, said, until};

/// Long enough for all that is done meanwhile; it ends when that is over.
const PAUSED: &str =
    "  Scenario: Reported\n    When node \"spare-1\" hangs for 20 s\n    Then total downtime is under 60 s\n";

/// What has been recorded of containers so far: server, word of the change, and what is said beside it.
fn reported(folder: &Folder) -> Vec<(String, String, String)> {
    let Some(path) = std::fs::read_dir(folder.path().join("out")).into_iter().flatten().flatten().find_map(|run| {
        let path = run.path().join("scenarios/00/events.ndjson");
        (run.file_name() != "latest" && path.exists()).then_some(path)
    }) else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(path).unwrap();
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), String::from);
    events
        .filter(|event| event["event"] == "container_changed")
        .map(|event| {
            let beside = ["exit_code", "count", "healthy", "output"];
            let beside: Vec<String> =
                beside.iter().filter(|name| !event[**name].is_null()).map(|name| word(&event[*name])).collect();
            (word(&event["server"]), word(&event["change"]), beside.join(" "))
        })
        .collect()
}

fn folder_record(folder: &Folder) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.path().join("out/latest/run.json")).unwrap()).unwrap()
}

pub fn exits_restarts_memory_health_and_what_nginx_counts_are_on_record_and_in_the_report() {
    let (folder, project) = (Folder::new("compose-reported"), Project::up("ailing"));
    until("its health check passes", || docker(&["ps", "--format", "{{.Status}}"]).contains("(healthy)"));
    let status = "stub_status = { web = \"http://127.0.0.1:8081/nginx_status\" }";
    let mut chaos = run_with(&folder, &project, ("\"spare\"", status), PAUSED);
    let mut child = chaos.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    crate::await_run(&mut child, "the spare is paused", || docker(&["ps"]).contains("(Paused)"));
    let has = |server: &str, change: &str, beside: &str| {
        reported(&folder).contains(&(server.into(), change.into(), beside.into()))
    };
    docker(&["exec", "ailing_web_1", "touch", "/tmp/ill"]);
    crate::await_run(&mut child, "web-1 is ill", || has("web-1", "health", "false it is ill"));
    docker(&["exec", "ailing_web_1", "rm", "/tmp/ill"]);
    crate::await_run(&mut child, "web-1 is well", || has("web-1", "health", "true"));
    // What is killed is the process that is larger than the first one.
    let _ = run(Command::new("docker").args(["exec", "ailing_app_1", "python3", "-c", "b'x' * (200 << 20)"]));
    crate::await_run(&mut child, "app-1 is out of memory", || has("app-1", "out_of_memory", ""));
    docker(&["exec", "ailing_app_1", "touch", "/tmp/end"]);
    crate::await_run(&mut child, "app-1 is started again", || has("app-1", "restarted", "1"));
    assert!(has("app-1", "exited", "3"), "{:?}", reported(&folder));
    docker(&["restart", "-t", "0", "ailing_app_1"]);
    crate::await_run(&mut child, "app-1 is started by a command", || has("app-1", "started", ""));
    assert!(!has("app-1", "restarted", "2"), "a command's start is none of its policy's: {:?}", reported(&folder));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let counted = &folder_record(&folder)["scenarios"][0]["nginx"][0];
    let count = |name: &str| counted[name].as_u64().unwrap_or_default();
    assert_eq!((counted["server"].as_str(), count("dropped"), count("starts")), (Some("web-1"), 0, 0), "{counted}");
    assert!(count("requests") > 500 && count("active_most") > 0, "a hundred a second were sent: {counted}");
    let summary = std::fs::read_to_string(folder.path().join("out/latest/summary.md")).unwrap();
    let of_app = summary.lines().find(|line| line.contains("app-1: ran out of memory (")).unwrap_or_default();
    for expected in
        ["; exited with 3 (", "; restarted by its restart policy, restart 1 (", "; exited with 137, as after SIGKILL ("]
    {
        assert!(of_app.contains(expected), "{expected}: {summary}");
    }
    assert!(summary.contains("web-1: unhealthy: it is ill ("), "{summary}");
    let page = std::fs::read_to_string(folder.path().join("out/latest/report.html")).unwrap();
    assert!(page.contains("data-section=\"containers\""), "the page has them, too");
    await_clean();
}
