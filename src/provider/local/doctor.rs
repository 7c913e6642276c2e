//! Whether this machine and user can have a local cloud, and what fixes it where not.
//!
//! Everything is tried for real, in a child process whose namespaces, mounts and links end with it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::identity::HardwareAddress;
use super::link::Bridge;
use super::{image, instance, sandbox, sys};

/// One thing the local cloud needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// Whether it is there.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// The command, or the advice, that fixes it; `None` where nothing is amiss.
    pub fix: Option<String>,
}

/// The kinds of namespaces an instance has of its own.
const NAMESPACES: [(&str, CloneFlags); 5] = [
    ("mount namespaces", CloneFlags::CLONE_NEWNS),
    ("network namespaces", CloneFlags::CLONE_NEWNET),
    ("process namespaces", CloneFlags::CLONE_NEWPID),
    ("host name namespaces", CloneFlags::CLONE_NEWUTS),
    ("IPC namespaces", CloneFlags::CLONE_NEWIPC),
];

const KERNEL: &str = "use the kernel of your distribution; in a container, run it with --privileged";
const OPENSSH: &str = "sudo apt-get install openssh-server openssh-client";

/// Checks rights, kernel features and programs, in this order. Leaves nothing behind.
pub fn probe() -> Vec<Check> {
    let mut checks = vec![rights()];
    match checks[0].ok {
        true => checks.extend(in_a_child(features)),
        false => checks.push(Check {
            name: "kernel features".into(),
            ok: false,
            detail: "not tried: they need the rights".into(),
            fix: checks[0].fix.clone(),
        }),
    }
    checks.push(one_file_system());
    checks.push(program("sshd", &[instance::SSHD], OPENSSH));
    checks.push(program("ssh-keygen", &["/usr/bin/ssh-keygen", "/usr/local/bin/ssh-keygen"], OPENSSH));
    checks
}

fn check(name: &str, tried: io::Result<String>, fix: &str) -> Check {
    let name = name.to_string();
    match tried {
        Ok(detail) => Check { name, ok: true, detail, fix: None },
        Err(why) => Check { name, ok: false, detail: why.to_string(), fix: Some(fix.to_string()) },
    }
}

fn rights() -> Check {
    let tried = match sandbox::may_make_one() {
        true => Ok("root, with CAP_SYS_ADMIN".to_string()),
        false => Err(io::Error::other(format!(
            "user {} may not make a sandbox, which takes root's rights (CAP_SYS_ADMIN)",
            nix::unistd::geteuid()
        ))),
    };
    check(
        "rights",
        tried,
        &format!("run the same command with sudo; for tests, build as this user: {}", sandbox::SUDO_RUNNER),
    )
}

fn program(name: &str, places: &[&str], fix: &str) -> Check {
    let found = places.iter().find(|place| Path::new(place).is_file());
    let tried = found.map(|place| place.to_string());
    check(name, tried.ok_or_else(|| io::Error::other(format!("not found: {}", places.join(", ")))), fix)
}

/// Folders that hold what servers run; mounted apart, they would be empty in an instance.
const IMAGE_FOLDERS: [&str; 4] = ["/usr", "/etc", "/var", "/opt"];

fn one_file_system() -> Check {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &str| fs::metadata(path).map(|found| found.dev()).ok();
    let apart: Vec<&str> =
        IMAGE_FOLDERS.into_iter().filter(|path| device(path).is_some_and(|own| Some(own) != device("/"))).collect();
    let tried = match apart.is_empty() {
        true => Ok(format!("{} lie on the root file system", IMAGE_FOLDERS.join(", "))),
        false => Err(io::Error::other(format!("mounted apart: {}", apart.join(", ")))),
    };
    check("one root file system", tried, "use a machine or container whose root file system holds these folders")
}

fn features() -> Vec<Check> {
    let mut checks: Vec<Check> = NAMESPACES
        .iter()
        .map(|(name, flag)| check(name, unshare(*flag).map(|()| "made one".into()).map_err(Into::into), KERNEL))
        .collect();
    if checks.iter().all(|check| check.ok) {
        checks.push(check("overlay over /", overlay(), "sudo modprobe overlay"));
        checks.push(check("bridge and veth", links(), "sudo modprobe bridge veth"));
    }
    checks
}

fn overlay() -> io::Result<String> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    mount(Some("chimp"), image::MEMORY, Some("tmpfs"), MsFlags::empty(), none)?;
    let memory = Path::new(image::MEMORY);
    for folder in ["layer", "layer/home", "upper", "work", "root"] {
        fs::create_dir(memory.join(folder))?;
    }
    sys::set_attribute(&memory.join("layer/home"), c"trusted.overlay.opaque", b"y")?;
    let at = memory.display();
    let options = format!("lowerdir={at}/layer:/,upperdir={at}/upper,workdir={at}/work,index=off,xino=off");
    mount(Some("chimp"), &memory.join("root"), Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
    fs::write(memory.join("root/etc/chimp-probe"), "")?;
    Ok("mounted, written to".into())
}

fn links() -> io::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let bridge = Bridge::create(0).await?;
        bridge.plug("v0.0", HardwareAddress::of("probe"), std::process::id() as i32).await?;
        Ok("made a bridge with a link".into())
    })
}

/// Runs `work` in a forked child and returns what it found.
fn in_a_child(work: fn() -> Vec<Check>) -> Vec<Check> {
    run_child(work).unwrap_or_else(|why| vec![check("kernel features", Err(why), KERNEL)])
}

fn run_child(work: fn() -> Vec<Check>) -> io::Result<Vec<Check>> {
    let (from, to): (OwnedFd, OwnedFd) = nix::unistd::pipe()?;
    // SAFETY: `fork` readies the allocator in the child, which uses no lock that another thread may hold.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop(from);
            sys::die_with_parent();
            let found = std::panic::catch_unwind(|| serde_json::to_vec(&work()).unwrap_or_default());
            let _ = File::from(to).write_all(&found.unwrap_or_default());
            // SAFETY: ends the child without running what the parent registered for its own end.
            unsafe { libc::_exit(0) }
        }
        child => {
            drop(to);
            let mut found = Vec::new();
            let read = File::from(from).read_to_end(&mut found);
            let _ = waitpid(Pid::from_raw(child), None);
            read?;
            Ok(serde_json::from_slice(&found)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_its_fix() {
        for check in probe() {
            assert_eq!(check.ok, check.fix.is_none(), "{check:?}");
        }
    }

    #[test]
    fn probing_leaves_no_mount_behind() {
        let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("own mounts");
        let before = mounts();
        probe();
        assert_eq!(mounts(), before);
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let check = program("sshd", &["/nowhere/sshd"], OPENSSH);
        assert!(!check.ok && check.detail.contains("/nowhere/sshd"));
        assert_eq!(check.fix.as_deref(), Some(OPENSSH));
    }
}
