//! Queueing disciplines of one interface: run `tc`, read what it shows as JSON.
//!
//! A root qdisc is only ever added where the kernel's own default is (handle `0:`), under a handle made of the
//! strike's id, and deleted by that handle: the kernel refuses to delete any other by it.

use std::io;
use std::process::{Command, Output};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StrikeId;

/// Where programs of the system are, whatever the caller's own `PATH` says.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why `tc` did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum TcError {
    /// It could not be run.
    #[error("`tc` of iproute2 does not run: {0}")]
    Program(#[from] io::Error),
    /// It refused.
    #[error("`tc {arguments}`: {detail}")]
    Refused { arguments: String, detail: String },
    /// What it showed is not what is expected of it.
    #[error("`tc {arguments}` shows no such JSON: {why}")]
    Unreadable { arguments: String, why: serde_json::Error },
}

/// A queueing discipline as `tc -j qdisc show` tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Qdisc {
    /// `netem`, `tbf`, `noqueue`, …
    pub kind: String,
    /// `4711:`, or `0:` for the kernel's default.
    pub handle: String,
    /// Whether it is the interface's root.
    #[serde(default)]
    pub root: bool,
    /// Its parameters, as each kind has them.
    #[serde(default)]
    pub options: serde_json::Value,
}

/// The handle of one strike's qdisc: `2f10:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Handle(String);

impl Handle {
    /// Made of the id alone. Between 1000: and 7fff:, above what people choose by hand, below what the kernel gives
    /// out by itself (8000: and up).
    pub fn of(strike: &StrikeId) -> Handle {
        let hash = Sha256::digest(&strike.0);
        let number = u16::from_be_bytes([hash[0], hash[1]]);
        Handle(format!("{:x}:", 0x1000 + number % 0x7000))
    }
}

/// The arguments that add a root qdisc of this kind.
pub(super) fn add(interface: &str, handle: &Handle, kind: &[String]) -> Vec<String> {
    let start = ["qdisc", "add", "dev", interface, "root", "handle", handle.0.as_str()];
    start.iter().map(ToString::to_string).chain(kind.iter().cloned()).collect()
}

/// The whole command that deletes a root qdisc if it has this handle.
pub(super) fn delete<'a>(interface: &'a str, handle: &'a Handle) -> [&'a str; 8] {
    ["tc", "qdisc", "del", "dev", interface, "root", "handle", &handle.0]
}

/// Runs `tc` with these arguments.
///
/// # Errors
/// When it does not run or refuses.
pub(super) fn run(arguments: &[String]) -> Result<(), TcError> {
    output(arguments).map(drop)
}

/// The root qdisc of an interface if it is not the kernel's own default.
///
/// # Errors
/// When it can't be read.
pub(super) fn root(interface: &str) -> Result<Option<Qdisc>, TcError> {
    let arguments = ["-j", "qdisc", "show", "dev", interface].map(str::to_string);
    let output = output(&arguments)?;
    parse(&output.stdout).map_err(|why| TcError::Unreadable { arguments: arguments.join(" "), why })
}

fn parse(shown: &[u8]) -> serde_json::Result<Option<Qdisc>> {
    let all: Vec<Qdisc> = serde_json::from_slice(shown)?;
    Ok(all.into_iter().find(|qdisc| qdisc.root && qdisc.handle != "0:"))
}

fn output(arguments: &[String]) -> Result<Output, TcError> {
    let output = Command::new("tc").args(arguments).env("PATH", PATH).output()?;
    if output.status.success() {
        return Ok(output);
    }
    let detail = String::from_utf8_lossy(&output.stderr).trim().to_string();
    Err(TcError::Refused { arguments: arguments.join(" "), detail })
}

impl Qdisc {
    /// Whether it has this handle.
    pub fn is(&self, handle: &Handle) -> bool {
        self.handle == handle.0
    }

    /// The number at this place of its parameters.
    pub fn number(&self, pointer: &str) -> Option<f64> {
        self.options.pointer(pointer).and_then(serde_json::Value::as_f64)
    }
}

impl std::fmt::Display for Qdisc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.handle)
    }
}

impl std::fmt::Display for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_root_is_none_and_anything_else_is_somebodys() {
        let noqueue = br#"[{"kind":"noqueue","handle":"0:","root":true,"refcnt":2,"options":{}}]"#;
        assert_eq!(parse(noqueue).unwrap(), None);
        assert_eq!(parse(b"[]").unwrap(), None);
        // A card with several queues: only the children differ from kernel to kernel.
        let multi = br#"[{"kind":"mq","handle":"0:","root":true,"options":{}},
            {"kind":"fq_codel","handle":"0:","parent":":1","options":{"limit":10240}}]"#;
        assert_eq!(parse(multi).unwrap(), None);
        let shaped = br#"[{"kind":"tbf","handle":"4242:","root":true,"refcnt":2,
            "options":{"rate":1250000,"burst":"12500b/1","mpu":0,"lat":50000,"linklayer":"ethernet"}}]"#;
        let root = parse(shaped).unwrap().unwrap();
        assert_eq!(root.to_string(), "tbf 4242:");
        assert_eq!(root.number("/rate"), Some(1_250_000.0));
    }

    #[test]
    fn a_handle_is_the_strikes_own_and_never_one_the_kernel_gives_out() {
        let handles: Vec<_> = (0..2_000).map(|n| Handle::of(&StrikeId(format!("run-{n}.1")))).collect();
        for handle in &handles {
            let number = u16::from_str_radix(handle.0.trim_end_matches(':'), 16).unwrap();
            assert!((0x1000..0x8000).contains(&number), "{handle}");
        }
        assert_eq!(handles[5], Handle::of(&StrikeId("run-5.1".into())));
        assert_ne!(handles[5], handles[6]);
    }
}
