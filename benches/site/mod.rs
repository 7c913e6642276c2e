//! What the benchmarks measure against: an nginx of their own on 127.0.0.1.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// nginx with four workers, own configuration, own folder; it ends with the benchmark.
pub struct Nginx {
    master: Child,
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nginx {
    pub fn start() -> io::Result<Nginx> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let configuration = folder.path().join("nginx.conf");
        std::fs::write(&configuration, configuration_text(address, folder.path().display().to_string()))?;
        let mut command = Command::new(nginx_program());
        command.arg("-p").arg(folder.path()).arg("-c").arg(&configuration).arg("-e").arg("stderr");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: between fork and exec only one system call is made.
        unsafe {
            command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?));
        }
        let nginx = Nginx { master: command.spawn()?, address, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "nginx does not listen after 10 s"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(nginx)
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Sends a signal to the master and all workers.
    pub fn signal(&self, signal: Signal) {
        let master = self.master.id();
        let workers = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
        for pid in workers.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([master as i32]) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
        let _ = kill(Pid::from_raw(self.master.id() as i32), Signal::SIGTERM);
        let _ = self.master.wait();
    }
}

fn nginx_program() -> PathBuf {
    ["/usr/sbin/nginx", "/usr/local/sbin/nginx"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or("nginx".into())
}

fn configuration_text(address: SocketAddr, folder: String) -> String {
    let body = "<!doctype html><title>site</title>".repeat(18);
    format!(
        "daemon off; worker_processes 4; worker_rlimit_nofile 65536; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 1000000; keepalive_timeout 75s; default_type text/html;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen {address} backlog=4096; location / {{ return 200 '{body}'; }} }}
}}
"
    )
}

/// `cargo bench` says `--bench`; `cargo test --all-targets` does not, and is not made to wait for minutes.
pub fn asked_to_measure() -> bool {
    let asked = std::env::args().any(|argument| argument == "--bench");
    if !asked {
        println!("skipped: measures only under `cargo bench`");
    }
    asked
}

/// Runs a program to its end; what it printed, or `None` where it is not installed.
pub fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The number that a tool prints behind a label: `number_after(text, "Complete requests:")`.
pub fn number_after(text: &str, label: &str) -> Option<f64> {
    let rest = &text[text.find(label)? + label.len()..];
    let number: String = rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse().ok()
}
