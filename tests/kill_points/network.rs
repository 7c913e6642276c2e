//! Canonical text of a network namespace: packet filters, qdiscs, links, addresses, routes.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, setns};

/// Fixed: nothing is ever put into it.
const SCRIPT: &str = "
echo '== iptables'; iptables-save 2>&1
echo '== ip6tables'; ip6tables-save 2>&1
echo '== nftables'; if command -v nft >/dev/null; then nft list ruleset; fi
echo '== qdiscs'; tc qdisc show
echo '== links'; ip -o link show
echo '== addresses'; ip -o address show
echo '== routes'; ip route show table all; ip -6 route show table all; ip rule show
";

/// Whether the bridge of the sandbox forwards what an instance sends and what is for it.
pub fn port(first: i32, harness: i32) -> String {
    let peer = std::fs::read_to_string(format!("/proc/{first}/root/sys/class/net/eth0/iflink")).unwrap_or_default();
    let ports = printed(&["bridge", "link", "show"], Some(harness));
    let own = ports.lines().find(|line| line.split(':').next() == Some(peer.trim()));
    let state = own.and_then(|line| line.split_once(" state ")).and_then(|(_, rest)| rest.split(' ').next());
    state.unwrap_or("none").into()
}

/// Of the namespace of this process, or of the machine's own.
pub fn sections(of: Option<i32>) -> Vec<(&'static str, String)> {
    let output = printed(&["sh", "-c", SCRIPT], of);
    let mut sections: Vec<(&'static str, String)> = Vec::new();
    for line in output.lines() {
        match line.strip_prefix("== ").and_then(known) {
            Some(name) => sections.push((name, String::new())),
            None => {
                if let Some((_, text)) = sections.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    sections.into_iter().map(|(name, text)| (name, canonical(name, &text))).collect()
}

/// What a command prints in the network namespace of this process, or in the machine's own.
fn printed(command: &[&str], of: Option<i32>) -> String {
    let mut program = Command::new(command[0]);
    program.args(&command[1..]).stdin(Stdio::null()).stderr(Stdio::null());
    if let Some(pid) = of {
        let Ok(namespace) = File::open(format!("/proc/{pid}/ns/net")) else { return String::new() };
        // SAFETY: one system call, which a signal handler may make.
        unsafe { program.pre_exec(move || Ok(setns(&namespace, CloneFlags::CLONE_NEWNET)?)) };
    }
    program.output().map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn known(name: &str) -> Option<&'static str> {
    ["iptables", "ip6tables", "nftables", "qdiscs", "links", "addresses", "routes"].into_iter().find(|one| *one == name)
}

/// Without times, counters and numbers that differ after each boot; tables in one order.
fn canonical(name: &str, text: &str) -> String {
    let replaced = |text: &str, pattern: &str, by: &str| {
        regex::Regex::new(pattern).expect("a constant").replace_all(text, by).into_owned()
    };
    match name {
        "iptables" | "ip6tables" => {
            let text = replaced(&replaced(text, r"(?m)^#.*\n", ""), r"\[\d+:\d+\]", "");
            let mut tables: Vec<&str> = text.split_inclusive("COMMIT\n").collect();
            tables.sort_unstable();
            tables.concat()
        }
        "nftables" => replaced(text, r"packets \d+ bytes \d+", ""),
        "links" => replaced(text, r"@if\d+", ""),
        _ => text.to_string(),
    }
}
