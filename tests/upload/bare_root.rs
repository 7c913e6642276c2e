//! A server whose root file system holds nothing but Debian's busybox-static: no libc, no `/run`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anarcho_chimp::instance::{Command, FileSpec, Output};
use anarcho_chimp::provider::{Remote, RemoteError};
use async_trait::async_trait;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use tokio::io::AsyncWriteExt;

use crate::BUSYBOX;
use crate::kept::until;
use crate::support::Folder;

/// The first process mounts what a server has, and reaps.
const INIT: &str = "mount -t proc proc /proc; mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; ip link set lo up; \
                    : >/ready; while :; do sleep 3600 & wait $!; done";

/// The server; its processes end when it is dropped.
pub struct BareRoot {
    pub folder: Folder,
    outer: Child,
}

impl BareRoot {
    /// Boots it in namespaces of its own.
    pub fn boot(name: &str) -> BareRoot {
        let folder = Folder::new(name);
        let root = folder.path();
        for made in ["bin", "dev", "proc"] {
            fs::create_dir(root.join(made)).unwrap();
        }
        // A copy could not be run while another test starts a process, which inherits the descriptor that writes it.
        fs::hard_link(BUSYBOX, root.join("bin/busybox")).unwrap();
        let mut install = std::process::Command::new("/usr/sbin/chroot");
        install.arg(root).args(["/bin/busybox", "--install", "-s", "/bin"]);
        assert!(install.status().unwrap().success());
        let mut outer = std::process::Command::new("/usr/bin/unshare");
        outer.args(["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child", "/usr/sbin/chroot"]);
        outer.arg(root).args(["/bin/sh", "-c", INIT]).env_clear().env("PATH", "/bin:/usr/bin").stdin(Stdio::null());
        // SAFETY: it is one system call.
        let outer = unsafe { outer.pre_exec(|| Ok(set_pdeathsig(Signal::SIGKILL)?)) }.spawn().unwrap();
        until("it boots", || root.join("ready").exists().then_some(()));
        fs::remove_file(root.join("ready")).unwrap();
        BareRoot { folder, outer }
    }

    fn first_process(&self) -> String {
        let outer = self.outer.id();
        fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).unwrap().trim().to_string()
    }

    /// A way to run commands there.
    pub fn remote(&self) -> Inside {
        Inside { first_process: self.first_process() }
    }

    /// Every file and folder.
    pub fn files(&self) -> BTreeSet<String> {
        fn walk(folder: &Path, found: &mut BTreeSet<String>) {
            // A folder may go while we look.
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, found);
                }
                found.insert(path.display().to_string());
            }
        }
        let mut found = BTreeSet::new();
        walk(self.folder.path(), &mut found);
        found
    }
}

impl Drop for BareRoot {
    fn drop(&mut self) {
        let _ = self.outer.kill();
        let _ = self.outer.wait();
    }
}

/// Commands are run by whoever is root outside.
pub struct Inside {
    first_process: String,
}

#[async_trait]
impl Remote for Inside {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        self.feed(command, Arc::default()).await
    }

    async fn feed(&self, command: &Command, input: Arc<[u8]>) -> Result<Output, RemoteError> {
        let broken = |why: std::io::Error| RemoteError::Broken {
            host: "bare".into(),
            command: command.argv.join(" "),
            detail: why.to_string(),
        };
        let mut program = tokio::process::Command::new("/usr/bin/nsenter");
        program.args(["-t", &self.first_process, "-m", "-p", "-n", "-i", "-u", "-r", "-w", "--", "sh", "-c"]);
        program.args([r#"exec "$@""#, "sh"]).args(&command.argv).env_clear().env("PATH", "/bin").kill_on_drop(true);
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().map_err(broken)?;
        let mut stdin = child.stdin.take().expect("it is piped");
        // The status shows one that ends before it has read all.
        let _ = stdin.write_all(&input).await;
        drop(stdin);
        let output = child.wait_with_output().await.map_err(broken)?;
        Ok(Output {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError> {
        unimplemented!("{}", file.path.display())
    }

    async fn knock(&self, _: Duration) -> Result<(), RemoteError> {
        Ok(())
    }

    fn anew(&self) -> Option<Box<dyn Remote>> {
        Some(Box::new(Inside { first_process: self.first_process.clone() }))
    }
}
