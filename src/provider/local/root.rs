//! An instance's file system: an overlay over the machine's root, and fresh mounts for what is the kernel's.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use sha2::{Digest, Sha256};

use super::made::Store;
use super::wire::BootOrder;
use super::{image, program};
use crate::instance::{FileContent, FileSpec};

const NONE: Option<&str> = None;

/// Parts of `/proc` that would reach the whole machine.
const READ_ONLY: [&str; 6] = ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi", "/proc/mtrr"];

/// Folders that programs expect under `/run`.
const RUN_FOLDERS: [&str; 3] = ["/run/sshd", "/run/haproxy", "/run/lock"];

/// Makes the disk's folders, with the identity of the server, and mounts the overlay. `/` stays as it is.
///
/// # Errors
/// Those of the file system.
pub(super) fn mount_disk(order: &BootOrder) -> io::Result<()> {
    let disk = image::disk(&order.disk);
    if order.first_boot {
        for folder in ["upper", "work", "root"] {
            fs::create_dir(disk.join(folder))?;
        }
        write_identity(&disk.join("upper/etc"), order)?;
        write_authorized_keys(&disk.join("upper/etc/ssh"), order)?;
    }
    let options = format!(
        "lowerdir={}:/,upperdir={},workdir={},index=off,xino=off",
        image::layer().display(),
        disk.join("upper").display(),
        disk.join("work").display()
    );
    mount(Some("chimp"), &disk.join("root"), Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
    Ok(())
}

/// Until a file of the boot order says otherwise, a server knows itself and nobody else.
fn write_identity(etc: &Path, order: &BootOrder) -> io::Result<()> {
    fs::create_dir_all(etc)?;
    let hosts = format!("127.0.0.1 localhost\n::1 localhost\n{} {}\n", order.address, order.identity.hostname);
    let machine: String = Sha256::digest(&order.name).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    fs::write(etc.join("hostname"), format!("{}\n", order.identity.hostname))?;
    fs::write(etc.join("hosts"), hosts)?;
    fs::write(etc.join("machine-id"), format!("{machine}\n"))
}

/// The keys of a server that a cloud made, in place of the sandbox's own.
fn write_authorized_keys(ssh: &Path, order: &BootOrder) -> io::Result<()> {
    let Some(keys) = &order.identity.authorized_keys else { return Ok(()) };
    fs::create_dir_all(ssh)?;
    fs::write(ssh.join("authorized_keys"), keys.iter().map(|key| format!("{key}\n")).collect::<String>())
}

/// Shows the machine's programs where the boot order wants them. To be called before [`enter_root`], at every boot.
///
/// # Errors
/// Names the program that can't be shared.
pub(super) fn share_programs(order: &BootOrder) -> Result<(), (String, io::Error)> {
    let root = image::disk(&order.disk).join("root");
    for file in &order.user_data.files {
        if let FileContent::Program(program) = &file.content {
            program::share(program, &root, &file.path).map_err(|why| (program.display().to_string(), why))?;
        }
    }
    Ok(())
}

/// Makes the mounted disk the root, with fresh kernel file systems. Nothing of the machine's mounts is left,
/// nor of the terminal.
///
/// # Errors
/// Those of `mount(2)` and `pivot_root(2)`.
pub(super) fn enter_root(order: &BootOrder) -> io::Result<()> {
    nix::unistd::chdir(&image::disk(&order.disk).join("root"))?;
    let guarded = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "proc", Some("proc"), guarded, NONE)?;
    mount(Some("sysfs"), "sys", Some("sysfs"), guarded | MsFlags::MS_RDONLY, NONE)?;
    mount(
        Some("devpts"),
        "dev/pts",
        Some("devpts"),
        MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
        Some("newinstance,ptmxmode=0666,mode=0620,gid=5"),
    )?;
    let memory = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("run"), "run", Some("tmpfs"), memory, Some("mode=755"))?;
    mount(Some("tmp"), "tmp", Some("tmpfs"), memory, Some("mode=1777"))?;
    program::mount_below(Path::new("."))?;
    nix::unistd::pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    nix::unistd::chdir("/")?;
    for folder in RUN_FOLDERS {
        fs::create_dir(folder)?;
    }
    fs::set_permissions("/run/lock", Permissions::from_mode(0o1777))?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    protect_kernel()
}

fn protect_kernel() -> io::Result<()> {
    for path in READ_ONLY.iter().filter(|path| Path::new(path).exists()) {
        mount(Some(*path), *path, NONE, MsFlags::MS_BIND, NONE)?;
        let locked = MsFlags::MS_BIND
            | MsFlags::MS_REMOUNT
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV
            | MsFlags::MS_NOEXEC;
        mount(NONE, *path, NONE, locked, NONE)?;
    }
    Ok(())
}

/// A file of the boot order, its source opened while the machine's own files could still be seen.
pub(super) struct PendingFile {
    spec: FileSpec,
    source: Source,
}

/// What a file's bytes come from, as far as it must be opened beforehand.
enum Source {
    None,
    File(File),
    Store(Store),
}

/// Opens the sources of files that are copied. To be called before [`enter_root`].
///
/// # Errors
/// Names the file that can't be read.
pub(super) fn open_sources(files: &[FileSpec]) -> Result<Vec<PendingFile>, (String, io::Error)> {
    let open = |spec: &FileSpec| {
        let source = match &spec.content {
            FileContent::Text(_) | FileContent::Bytes(_) | FileContent::Program(_) => Source::None,
            FileContent::CopyOf(path) => {
                Source::File(File::open(path).map_err(|why| (path.display().to_string(), why))?)
            }
            FileContent::MadeBy { key, .. } => {
                Source::Store(Store::open(key).map_err(|why| (spec.path.display().to_string(), why))?)
            }
        };
        Ok(PendingFile { spec: spec.clone(), source })
    };
    files.iter().map(open).collect()
}

/// Writes the files of the boot order, in order, replacing what is there.
///
/// # Errors
/// Names the file that can't be written.
pub(super) fn write_files(files: Vec<PendingFile>) -> Result<(), (String, io::Error)> {
    for file in files {
        let path = file.spec.path.clone();
        write_file(file).map_err(|why| (path.display().to_string(), why))?;
    }
    Ok(())
}

fn write_file(file: PendingFile) -> io::Result<()> {
    let path = &file.spec.path;
    if matches!(file.spec.content, FileContent::Program(_)) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    match (&file.spec.content, file.source) {
        (FileContent::MadeBy { command, .. }, Source::Store(store)) => store.put(path, command)?,
        (FileContent::Text(text), _) => fs::write(path, text)?,
        (FileContent::Bytes(bytes), _) => fs::write(path, bytes)?,
        (FileContent::CopyOf(_), Source::File(mut source)) => {
            io::copy(&mut source, &mut File::create_new(path)?)?;
        }
        _ => return Err(io::ErrorKind::NotFound.into()),
    }
    fs::set_permissions(path, Permissions::from_mode(file.spec.mode))
}
