//! What every instance's disk has in common: a thin layer over the machine's own root.
//!
//! The machine's root is the image: what is installed there is there in each instance. The layer, made once in the
//! sandbox's memory, hides what is nobody's business (homes, logs, sockets), and adds device nodes, the keys of the
//! run and a root account that only a key opens. Each instance writes to an upper layer of its own above both.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::sandbox::SandboxError;
use super::{instance, made, program, sys};
use crate::provider::key_pair;
use crate::text::naming;

/// Where the sandbox keeps its disks: a folder that every kernel has and nobody needs. A mount there is seen by the
/// sandbox alone.
pub(super) const MEMORY: &str = "/proc/fs";

/// Hidden folders, with their permission bits. Only those that the machine has are made.
const HIDDEN: [(&str, u32); 13] = [
    ("root", 0o700),
    ("home", 0o755),
    ("mnt", 0o755),
    ("media", 0o755),
    ("tmp", 0o1777),
    ("run", 0o755),
    ("dev", 0o755),
    ("proc", 0o555),
    ("sys", 0o555),
    ("etc/ssh", 0o755),
    ("var/tmp", 0o1777),
    ("var/log", 0o755),
    ("var/crash", 0o755),
];

/// Character devices every program expects: name, major and minor number.
const DEVICES: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Links in `/dev`.
const DEVICE_LINKS: [(&str, &str); 5] = [
    ("ptmx", "pts/ptmx"),
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Keys only; no PAM (its session set-up costs more than the command), no look-ups. Who has died while it logged in, with
/// its path cut, is waited for only so long (s).
const SSHD_CONFIG: &str = "\
Port 22
HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
PidFile none
MaxSessions 64
LoginGraceTime 20
LogLevel INFO
";

/// The folder of the common layer.
pub(super) fn layer() -> PathBuf {
    Path::new(MEMORY).join("image")
}

/// The folder of one instance's disk.
pub(super) fn disk(name: &str) -> PathBuf {
    Path::new(MEMORY).join("disks").join(name)
}

/// How much an instance may write: a gibibyte. Room for logs and a small database, and few enough that a disk which is
/// filled on purpose takes no more of the machine's memory than that.
const DISK: &str = "mode=755,size=1g";

/// Makes the disk of an instance, empty: a memory file system of its own, so that one that is full is full for it alone.
///
/// # Errors
/// Those of the file system and of `mount(2)`.
pub(super) fn make_disk(name: &str) -> io::Result<()> {
    fs::create_dir(disk(name))?;
    Ok(mount(Some("chimp"), &disk(name), Some("tmpfs"), MsFlags::empty(), Some(DISK))?)
}

/// Removes the disk of an instance that is no more. Nothing to do where there is none.
///
/// # Errors
/// Those of `umount(2)` and of the file system.
pub(super) fn remove_disk(name: &str) -> io::Result<()> {
    match umount2(&disk(name), MntFlags::MNT_DETACH) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    match fs::remove_dir(disk(name)) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    }
}

/// Makes the common layer. Returns the private key, in OpenSSH's form, that opens every instance.
///
/// # Errors
/// Names what is missing.
pub(super) fn build() -> Result<String, SandboxError> {
    let layer = layer();
    let failed = |what: &'static str| move |source| SandboxError::Setup { what, source };
    fs::create_dir(Path::new(MEMORY).join("disks")).map_err(failed("making the folder of disks"))?;
    made::make_store().map_err(failed("making the folder of what commands make"))?;
    fs::create_dir(&layer).map_err(failed("making the image"))?;
    hide(&layer).map_err(failed("hiding folders (overlay attributes on a memory file system)"))?;
    make_devices(&layer.join("dev")).map_err(failed("making device nodes"))?;
    keep_log_folders(&layer.join("var/log")).map_err(failed("making log folders"))?;
    mirror(Path::new("/var/lib"), &layer.join("var/lib")).map_err(failed("making the folder of the agent"))?;
    program::make_place(&layer).map_err(failed("making the place of the agent"))?;
    write_accounts(&layer.join("etc")).map_err(failed("writing accounts"))?;
    make_keys(&layer.join("etc/ssh"))
}

fn hide(layer: &Path) -> io::Result<()> {
    for parent in ["etc", "var"] {
        mirror(&Path::new("/").join(parent), &layer.join(parent))?;
    }
    for (folder, mode) in HIDDEN {
        let real = Path::new("/").join(folder).symlink_metadata().is_ok_and(|found| found.is_dir());
        if real || matches!(folder, "etc/ssh" | "root") {
            let path = layer.join(folder);
            fs::create_dir(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
            sys::set_attribute(&path, c"trusted.overlay.opaque", b"y")?;
        }
    }
    Ok(())
}

/// Makes a folder with the owner and permissions of another.
fn mirror(like: &Path, path: &Path) -> io::Result<()> {
    let like = like.metadata()?;
    fs::create_dir(path)?;
    chown(path, Some(like.uid()), Some(like.gid()))?;
    fs::set_permissions(path, Permissions::from_mode(like.mode()))
}

fn make_devices(dev: &Path) -> io::Result<()> {
    for (name, major, minor) in DEVICES {
        let path = dev.join(name);
        mknod(&path, SFlag::S_IFCHR, Mode::empty(), makedev(major, minor))?;
        fs::set_permissions(&path, Permissions::from_mode(0o666))?;
    }
    for (name, target) in DEVICE_LINKS {
        symlink(target, dev.join(name))?;
    }
    fs::create_dir(dev.join("pts"))?;
    fs::create_dir(dev.join("shm"))?;
    fs::set_permissions(dev.join("shm"), Permissions::from_mode(0o1777))
}

/// Programs expect their log folder with its owner, empty.
fn keep_log_folders(log: &Path) -> io::Result<()> {
    let Ok(folders) = fs::read_dir("/var/log") else { return Ok(()) };
    for folder in folders.flatten() {
        if folder.file_type().is_ok_and(|kind| kind.is_dir()) && log.is_dir() {
            mirror(&folder.path(), &log.join(folder.file_name()))?;
        }
    }
    Ok(())
}

/// Root without a password but not locked (sshd without PAM refuses `!`), with a plain shell; no name servers, for
/// there is no way out.
fn write_accounts(etc: &Path) -> io::Result<()> {
    let with_root = |file: &str, field: usize, value: &str| -> io::Result<String> {
        let text = fs::read_to_string(file).map_err(naming(Path::new(file)))?;
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        for line in lines.iter_mut().filter(|line| line.starts_with("root:")) {
            let mut fields: Vec<&str> = line.split(':').collect();
            if let Some(slot) = fields.get_mut(field) {
                *slot = value;
            }
            *line = fields.join(":");
        }
        Ok(lines.join("\n") + "\n")
    };
    let passwd = with_root("/etc/passwd", 6, "/bin/sh")?;
    let shadow = with_root("/etc/shadow", 1, "*").unwrap_or_else(|_| "root:*:19000:0:99999:7:::\n".into());
    fs::write(etc.join("passwd"), passwd)?;
    fs::write(etc.join("shadow"), shadow)?;
    fs::set_permissions(etc.join("shadow"), Permissions::from_mode(0o640))?;
    fs::write(etc.join("resolv.conf"), "")
}

fn make_keys(ssh: &Path) -> Result<String, SandboxError> {
    let missing_program = |program: &str| SandboxError::Missing {
        what: format!("the program `{program}`"),
        fix: "sudo apt-get install openssh-server openssh-client".into(),
    };
    if !Path::new(instance::SSHD).is_file() {
        return Err(missing_program(instance::SSHD));
    }
    let client = Path::new(MEMORY).join("key");
    let missing = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => missing_program("ssh-keygen"),
        _ => SandboxError::Setup { what: "running ssh-keygen", source },
    };
    let both = [key_pair::begin(&ssh.join("host_key")).map_err(missing)?, key_pair::begin(&client).map_err(missing)?];
    for mut child in both {
        let status = child.wait().map_err(|source| SandboxError::Setup { what: "waiting for ssh-keygen", source })?;
        if !status.success() {
            let source = io::Error::other(status.to_string());
            return Err(SandboxError::Setup { what: "making keys with ssh-keygen", source });
        }
    }
    let finish = || -> io::Result<String> {
        fs::write(ssh.join("sshd_config"), SSHD_CONFIG)?;
        fs::copy(client.with_extension("pub"), ssh.join("authorized_keys"))?;
        let private = fs::read_to_string(&client).map_err(naming(&client))?;
        fs::remove_file(&client)?;
        fs::remove_file(client.with_extension("pub"))?;
        Ok(private)
    };
    finish().map_err(|source| SandboxError::Setup { what: "making the keys of the run", source })
}
