//! What this machine's kernel can do of what faults need, tried out in network namespaces that are thrown away.
//!
//! Each try is one program that is started in a new network namespace of its own, which goes when it ends: nothing
//! that exists is touched, though the kernel may load a module for it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

use super::Need;
use super::queue::{Copy, Queue};

/// Where programs of the system are, whatever the caller's own `PATH` says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is used for a need, in words, or why it can't be had and what to do.
pub type Finding = Result<String, String>;

/// What delays packets on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Delays {
    /// The `netem` qdisc.
    Netem,
    /// NFQUEUE and a [`super::queue::delayer`].
    Queue,
}

/// Everything that faults need, tried out on this machine; takes some 50 ms. Needs root.
pub fn probe() -> Vec<(Need, Finding)> {
    let delays = delays().map(|how| match how {
        Delays::Netem => "netem".to_string(),
        Delays::Queue => "NFQUEUE (this kernel has no netem)".to_string(),
    });
    vec![
        (Need::Iptables, iptables()),
        (Need::DelayQueue, delays),
        (Need::TokenBucket, token_bucket()),
        (Need::Nat, nat()),
    ]
}

/// netem; NFQUEUE where there is none.
pub(super) fn delays() -> Result<Delays, String> {
    let Err(no_netem) = apart("tc qdisc add dev lo root netem delay 1ms", no_preparation) else {
        return Ok(Delays::Netem);
    };
    let rule = "iptables -w 5 -t mangle -A OUTPUT -o lo -m mark ! --mark 1 -j NFQUEUE --queue-num 1 --queue-bypass";
    apart(rule, || Queue::bind(1, Copy::All, 1).map(drop)).map(|()| Delays::Queue).map_err(|no_queue| {
        format!(
            "this kernel can't delay packets: neither netem ({no_netem}) nor NFQUEUE ({no_queue}); \
             load the module sch_netem, or install iptables on a kernel with nfnetlink_queue"
        )
    })
}

/// tbf.
pub(super) fn token_bucket() -> Finding {
    match apart("tc qdisc add dev lo root tbf rate 1mbit burst 4k limit 16k", no_preparation) {
        Ok(()) => Ok("tbf".into()),
        Err(why) => Err(format!("this kernel can't limit a rate: no tbf ({why}); load the module sch_tbf")),
    }
}

fn iptables() -> Finding {
    let rule = "iptables -w 5 -A INPUT -s 192.0.2.1 -m comment --comment probe -j DROP";
    match apart(rule, no_preparation) {
        Ok(()) => Ok("iptables".into()),
        Err(why) => Err(format!("this machine can't drop packets by iptables ({why}); install iptables")),
    }
}

fn nat() -> Finding {
    for target in ["CONNMARK --set-mark 1", "DNAT --to-destination 192.0.2.2"] {
        let rule = format!("iptables -w 5 -t nat -A OUTPUT -d 192.0.2.1 -j {target}");
        let no_nat = |why| format!("this machine can't translate addresses by iptables ({why}); install iptables");
        apart(&rule, no_preparation).map_err(no_nat)?;
    }
    Ok("iptables".into())
}

fn no_preparation() -> io::Result<()> {
    Ok(())
}

/// Runs a program in a network namespace of its own, after what `first` does there. `first` runs between fork and
/// exec, so it may allocate nothing.
fn apart(line: &str, first: fn() -> io::Result<()>) -> Result<(), String> {
    let mut words = line.split(' ');
    let program = words.next().unwrap_or_default();
    let mut command = Command::new(program);
    command.args(words).env_clear().env("PATH", PATH).env("LC_ALL", "C");
    // SAFETY: unshare is a bare system call, and `first` allocates nothing.
    unsafe {
        command.pre_exec(move || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            first()
        });
    }
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(said(&output.stderr).unwrap_or_else(|| format!("`{program}`: {}", output.status))),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Err(format!("`{program}` is not installed")),
        Err(why) => Err(why.to_string()),
    }
}

/// The first line of a complaint, without its word for error.
fn said(complaint: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(complaint);
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    Some(line.trim().trim_start_matches("Error: ").trim_end_matches('.').to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_need_is_answered_once_and_says_what_is_used_or_what_to_do() {
        let found = probe();
        let needs: Vec<_> = found.iter().map(|(need, _)| *need).collect();
        assert_eq!(needs, [Need::Iptables, Need::DelayQueue, Need::TokenBucket, Need::Nat]);
        for (need, finding) in found {
            println!("{need:?}: {finding:?}");
            match finding {
                Ok(used) => assert!(!used.is_empty()),
                Err(why) => assert!(why.contains("can't") && why.contains("; "), "{why}"),
            }
        }
    }
}

#[cfg(test)]
mod as_root {
    use super::*;

    #[test]
    #[ignore = "needs root"]
    fn a_try_leaves_nothing_on_this_machine() {
        let own = || std::fs::read_to_string("/proc/net/dev").map(|text| text.lines().count());
        let before = own().unwrap();
        apart("ip link add probed type bridge", no_preparation).unwrap();
        assert_eq!(own().unwrap(), before);
    }

    #[test]
    #[ignore = "needs root"]
    fn a_refusal_and_a_missing_program_are_told_in_words() {
        assert_eq!(
            apart("tc qdisc add dev lo root nosuch", no_preparation),
            Err("Specified qdisc kind is unknown".into())
        );
        assert_eq!(apart("no-such-program", no_preparation), Err("`no-such-program` is not installed".into()));
        let refused = apart("true", || Err(io::Error::from_raw_os_error(libc::EPERM)));
        assert!(refused.unwrap_err().contains("not permitted"));
    }
}
