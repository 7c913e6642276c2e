//! Commands in a container, run by programs of this machine in the container's namespaces.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::container::inspect;
use super::enter::{self, COMPLAINT, NOT_ENTERED};
use super::{Container, Docker, DockerError, knock};
use crate::instance::{Command, FileSpec, Output};
use crate::provider::lines::{MOST_LINE, PULSE};
use crate::provider::{HostProgram, Lines, Remote, RemoteError};

/// This very program, seen from a process of it.
const SELF: &str = "/proc/self/exe";
/// The kernel keeps signals from a first process that come from within and that it does not handle.
const FIRST: &str =
    "it is the first process of the container\n  help: `dies` ends it from outside, and `hangs` pauses the container";
/// Of a container that a daemon elsewhere runs.
const NOT_HERE: &str = "its first process is not on this machine, or has just ended\n  help: faults in a container are made from the machine that runs it";
/// Lines that may wait for their reader.
const WAITING: usize = 1024;
/// A way into a container, whichever process of it is the first one now. Clones are the same.
#[derive(Debug, Clone)]
pub struct ContainerRemote {
    docker: Docker,
    server: String,
    id: String,
}

impl ContainerRemote {
    /// Nothing is entered yet.
    pub fn new(docker: Docker, server: &str, id: &str) -> Self {
        ContainerRemote { docker, server: server.into(), id: id.into() }
    }

    async fn found(&self) -> Result<Container, RemoteError> {
        inspect(&self.docker, &self.id).await.map_err(|why: DockerError| self.closed(why.to_string()))
    }

    /// Starts a command in it, with all three streams piped. It ends with what is returned.
    async fn start(&self, argv: &[String]) -> Result<Child, RemoteError> {
        let container = self.found().await?;
        let first = container.first_process().ok_or_else(|| match container.runs() {
            true => self.closed(NOT_HERE.into()),
            false => self.closed(format!("it does not run: {}", container.end())),
        })?;
        let mut command = tokio::process::Command::new(SELF);
        command.args(enter::arguments(&self.id, first, argv)).env_clear().envs(enter::ENVIRONMENT);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A key that is pressed at a terminal is no signal to what heals.
        command.process_group(0).kill_on_drop(true);
        command.spawn().map_err(|why| self.closed(why.to_string()))
    }

    fn closed(&self, detail: String) -> RemoteError {
        RemoteError::Closed { server: self.server.clone(), detail }
    }

    fn broken(&self, argv: &[String], detail: impl ToString) -> RemoteError {
        RemoteError::Broken { host: self.server.clone(), command: argv.join(" "), detail: detail.to_string() }
    }

    /// What a command's end and its complaint say.
    fn output(&self, status: Option<i32>, stdout: String, stderr: String) -> Result<Output, RemoteError> {
        match stderr.strip_prefix(COMPLAINT) {
            Some(why) if status == Some(NOT_ENTERED) => {
                Err(self.closed(format!("it can't be entered: {}", why.trim())))
            }
            _ => Ok(Output { status, stdout, stderr }),
        }
    }
}

#[async_trait]
impl Remote for ContainerRemote {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        if let Some(pattern) = signalled(&command.argv) {
            let mut look = Command::new(["env", "LC_ALL=C.UTF-8", "pgrep", "-x", "--", pattern]);
            look.timeout = command.timeout;
            let found = self.feed(&look, Arc::default()).await?.stdout;
            if found.lines().any(|pid| pid.trim() == "1") {
                return Err(self.broken(&command.argv, FIRST));
            }
        }
        self.feed(command, Arc::default()).await
    }

    async fn feed(&self, command: &Command, input: Arc<[u8]>) -> Result<Output, RemoteError> {
        let Command { argv, timeout: within } = command;
        let run = async {
            let mut child = self.start(argv).await?;
            let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
            let (_, out, err) = tokio::join!(write(stdin, &input), read(stdout), read(stderr));
            let status = child.wait().await.map_err(|why| self.broken(argv, why))?;
            self.output(status.code(), out, err)
        };
        let late = RemoteError::TimedOut { host: self.server.clone(), command: argv.join(" "), timeout: *within };
        timeout(*within, run).await.unwrap_or(Err(late))
    }

    async fn stream(&self, command: &Command) -> Result<Lines, RemoteError> {
        let mut child = self.start(&command.argv).await?;
        let (out, lines) = mpsc::channel(WAITING);
        let (remote, argv) = (self.clone(), command.argv.clone());
        let mut running = JoinSet::new();
        running.spawn(async move {
            let stdin = child.stdin.take();
            let told = tokio::select! {
                told = remote.pass_on(&argv, &mut child, &out) => told,
                () = beat(stdin) => Ok(()),
            };
            if let Err(why) = told {
                let _ = out.send(Err(why)).await;
            }
        });
        Ok(Lines::new(lines, running))
    }

    /// An image's files are its own.
    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError> {
        let argv = ["write".to_string(), file.path.display().to_string()];
        Err(self.broken(&argv, "nothing is written to the files of a container"))
    }

    async fn program(&self, _absent: Option<&str>) -> Result<HostProgram, RemoteError> {
        Ok(HostProgram { path: SELF.into(), user: None })
    }

    /// A connection to its network: one that is refused came through.
    async fn knock(&self, within: Duration) -> Result<(), RemoteError> {
        let container = self.found().await?;
        knock::at(&self.docker, &container, within).await.map_err(|why| self.closed(why))
    }

    fn anew(&self) -> Option<Box<dyn Remote>> {
        Some(Box::new(self.clone()))
    }
}

/// The pattern of the names of processes that a command sends a signal to; `None`: it sends none by name.
fn signalled(argv: &[String]) -> Option<&str> {
    match argv.iter().position(|word| word.contains("pkill"))? {
        // A script, which has a name of its own before the pattern.
        script if argv[script].contains('\n') => argv.get(script + 2).map(String::as_str),
        _ => argv.last().map(String::as_str),
    }
}

async fn write(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        // A command need not read what it is given.
        let _ = stdin.write_all(input).await;
    }
}

async fn read(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        let _ = stream.read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Until the command reads no more.
async fn beat(stdin: Option<ChildStdin>) {
    let Some(mut stdin) = stdin else { return std::future::pending().await };
    while stdin.write_all(b"\n").await.is_ok() && stdin.flush().await.is_ok() {
        tokio::time::sleep(PULSE).await;
    }
    std::future::pending().await
}

impl ContainerRemote {
    async fn pass_on(
        &self,
        argv: &[String],
        child: &mut Child,
        out: &mpsc::Sender<Result<String, RemoteError>>,
    ) -> Result<(), RemoteError> {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut printed = BufReader::new(stdout.ok_or_else(|| self.broken(argv, "it has no output"))?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let most = (&mut printed).take(MOST_LINE as u64 + 1).read_until(b'\n', &mut line).await;
            match most.map_err(|why| self.broken(argv, why))? {
                0 => break,
                length if length > MOST_LINE => {
                    return Err(self.broken(argv, format!("it printed a line of more than {MOST_LINE} bytes")));
                }
                _ => {}
            }
            let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
            if out.send(Ok(text)).await.is_err() {
                return Ok(());
            }
        }
        let status = child.wait().await.map_err(|why| self.broken(argv, why))?;
        let output = self.output(status.code(), String::new(), read(stderr).await)?;
        match output.status {
            Some(0) => Ok(()),
            status => Err(self.broken(argv, format!("it ended with status {status:?}: {}", output.stderr.trim()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{self, Action, FaultTarget};
    use crate::plan::Parameters;

    #[test]
    fn faults_that_signal_processes_by_name_are_seen_to_do_so() {
        let target = FaultTarget { server: "web-1", peers: &[], services: &[] };
        let with = Parameters { process: Some("nginx".into()), ..Parameters::default() };
        for name in ["process-dies", "process-restarts"] {
            let strike = fault::named(name).unwrap().strike(&target, &with);
            let Action::Exec(command) = strike.inject else { panic!("{name} runs a command") };
            assert_eq!(signalled(&command.argv), Some(fault::process::pattern(&with).as_str()), "{name}");
        }
        assert_eq!(signalled(&Command::new(["cat", "/proc/1/stat"]).argv), None);
    }
}
