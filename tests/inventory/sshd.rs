//! Real servers of SSH on 127.0.0.1, Debian's, each in a mount and a process namespace of its own: it has its own names and
//! users, and nothing of it outlives the test.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Folder;

/// What these tests need of the machine.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("/usr/sbin/sshd", "openssh-server"),
    ("/usr/bin/ssh-agent", "openssh-client"),
    ("/usr/bin/ssh-keygen", "openssh-client"),
    ("/usr/bin/unshare", "util-linux"),
];

/// How long anything may take that is waited for.
const LIMIT: Duration = Duration::from_secs(30);

/// Its namespace has these instead of the machine's files, each line appended: names, and users. sshd needs `/run/sshd`.
const START: &str = r#"set -e
mount -t tmpfs none /run
mkdir -p /run/sshd
for file in hosts passwd; do cat /etc/$file "$1/$file" > "$1/$file.whole"; mount --bind "$1/$file.whole" /etc/$file; done
echo 'hosts: files' > "$1/nsswitch"
mount --bind "$1/nsswitch" /etc/nsswitch.conf
shift
exec "$@"
"#;

/// Runs a program that knows these names, and asks no other source of names.
pub fn knowing(hosts: &str, folder: &Folder, program: &Path) -> Command {
    let names = folder.path().join("names");
    fs::create_dir_all(&names).unwrap();
    fs::write(names.join("hosts"), hosts).unwrap();
    fs::write(names.join("passwd"), "").unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", START, "sh"]).arg(names).arg(program).stdin(Stdio::null());
    command
}

/// A running server. Dropping it ends it and its sessions.
pub struct Sshd {
    pub port: u16,
    folder: PathBuf,
    process: Child,
}

impl Sshd {
    /// One that lets in `user` (root, or `admin`, which has no rights) with the keys of this folder, and knows these names.
    pub fn start(folder: &Folder, name: &str, settings: &str, hosts: &str) -> Sshd {
        let place = folder.path().join(name);
        fs::create_dir_all(&place).unwrap();
        key(&place.join("host_key"), "");
        let started = Instant::now();
        loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut sshd = Sshd { port, process: spawn(&place, port, folder, settings, hosts), folder: place.clone() };
            while sshd.process.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return sshd;
                }
                assert!(started.elapsed() < LIMIT, "it does not listen: {}", sshd.log());
                std::thread::sleep(Duration::from_millis(10));
            }
            // Another process took the port meanwhile.
            assert!(started.elapsed() < LIMIT, "it ended: {}", sshd.log());
        }
    }

    /// What it said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Its line of a file of known hosts, for the host that is called so.
    pub fn known_as(&self, host: &str) -> String {
        let public = fs::read_to_string(self.folder.join("host_key.pub")).unwrap();
        format!("[{host}]:{} {public}", self.port)
    }

    /// The fingerprint of its host key.
    pub fn fingerprint(&self) -> String {
        let output = Command::new("ssh-keygen").arg("-lf").arg(self.folder.join("host_key.pub")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_string()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // The kernel ends what is in its namespace a moment later.
        let asked = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() && asked.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// From 9.8 on sshd refuses clients that failed before, and here all have one address.
fn no_penalties() -> &'static str {
    let output = Command::new("ssh").arg("-V").output().unwrap();
    let version = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = version.strip_prefix("OpenSSH_").and_then(|rest| rest.split(['p', ' ', ',']).next()?.split_once('.'));
    let (major, minor): (u32, u32) = version
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
        .expect("ssh tells its version");
    if (major, minor) >= (9, 8) { "PerSourcePenalties no" } else { "" }
}

fn spawn(place: &Path, port: u16, folder: &Folder, settings: &str, hosts: &str) -> Child {
    let authorized = folder.path().join("authorized_keys");
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n\
         PermitRootLogin yes\n{}\n{settings}\n",
        place.join("host_key").display(),
        authorized.display(),
        no_penalties()
    );
    fs::write(place.join("config"), config).unwrap();
    fs::write(place.join("hosts"), hosts).unwrap();
    fs::write(place.join("passwd"), "admin:*:65534:65534::/:/bin/sh\n").unwrap();
    let log = fs::File::create(place.join("log")).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", START, "sh"]).arg(place);
    command.args(["/usr/sbin/sshd", "-D", "-e", "-f"]).arg(place.join("config"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// Makes a key, with a passphrase or an empty one.
pub fn key(path: &Path, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-C", "of-the-test", "-N", passphrase, "-f"]).arg(path);
    if !path.exists() {
        assert!(command.status().unwrap().success());
    }
}

/// Makes a key of a user that every server of this folder lets in.
pub fn authorized(folder: &Folder, name: &str, passphrase: &str) -> PathBuf {
    let path = folder.path().join(name);
    key(&path, passphrase);
    let public = fs::read_to_string(format!("{}.pub", path.display())).unwrap();
    let file = folder.path().join("authorized_keys");
    fs::write(&file, fs::read_to_string(&file).unwrap_or_default() + &public).unwrap();
    path
}

/// A running agent. Dropping it ends it.
pub struct SshAgent {
    pub socket: PathBuf,
    process: Child,
}

impl SshAgent {
    pub fn start(folder: &Folder) -> SshAgent {
        let socket = folder.path().join("agent");
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a"]).arg(&socket).stdin(Stdio::null()).stdout(Stdio::null());
        let agent = SshAgent { process: command.spawn().unwrap(), socket };
        let started = Instant::now();
        while !agent.socket.exists() {
            assert!(started.elapsed() < LIMIT, "the agent does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        agent
    }

    /// Adds a key, whose passphrase is `secret` if it has one.
    pub fn add(&self, folder: &Folder, key: &Path) {
        let asked = folder.write("passphrase", "#!/bin/sh\necho secret\n");
        fs::set_permissions(&asked, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("ssh-add");
        command.arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket);
        command.env("SSH_ASKPASS", asked).env("SSH_ASKPASS_REQUIRE", "force").stdin(Stdio::null());
        assert!(command.status().unwrap().success());
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
