//! Which logs of servers lie in a bundle, for the links of its report.

use std::fs;
use std::path::Path;

use crate::report::{ServerLogs, logs_folder};

/// The logs of a scenario's servers, in the order of their names; a server without any is left out.
pub(super) fn in_bundle(bundle: &Path, scenario: u32) -> Vec<ServerLogs> {
    let folder = logs_folder(scenario);
    let of_server = |server: String| {
        let folder = format!("{folder}/{server}");
        let files = names(&bundle.join(&folder), |path| path.is_file());
        (!files.is_empty()).then(|| ServerLogs::of(&server, &folder, files))
    };
    names(&bundle.join(&folder), |path| path.is_dir()).into_iter().filter_map(of_server).collect()
}

/// What a folder holds, by name; nothing where it can't be read, since a report needs no log.
fn names(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let kept = entries.filter(|entry| wanted(&entry.path()));
    let mut names: Vec<String> = kept.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followed_logs_and_those_of_services_are_found_by_server() {
        let bundle = std::env::temp_dir().join(format!("chimp-logs-{}", std::process::id()));
        let write = |path: &str| {
            let path = bundle.join("nodes/03").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        ["web-1/nginx.log", "lb-1/keepalived.log", "lb-1/haproxy.log"].iter().for_each(|path| write(path));
        fs::create_dir_all(bundle.join("nodes/03/web-2")).unwrap();
        let logs = in_bundle(&bundle, 3);
        let none = in_bundle(&bundle, 4);
        fs::remove_dir_all(&bundle).unwrap();
        let lb = ServerLogs::of("lb-1", "nodes/03/lb-1", vec!["haproxy.log".into(), "keepalived.log".into()]);
        assert_eq!(logs, [lb, ServerLogs::of("web-1", "nodes/03/web-1", vec!["nginx.log".into()])]);
        assert_eq!(none, []);
    }
}
