//! A [`Remote`] over SSH: libssh2, on threads that may block.
//!
//! Sessions stay open and are used again, one for each command that runs at the same time: a session serialises its
//! commands, and a login costs ten times a command. No keepalive: libssh2's breaks blocking reads.

mod conversation;
mod jump;
mod link;
mod login;
mod route;
pub mod ssh_agent;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ssh2::{Channel, Session};

pub use jump::{Jump, JumpError};
pub use login::{Login, Proof};
pub use route::{Dial, Route};
pub use ssh_agent::{Identity, SshAgentKeys};

use link::{Link, Trouble, is_timeout, remaining};

use super::host_key::fingerprint;
use super::{Lines, Remote, RemoteError, asking};
use crate::instance::{Command, FileContent, FileSpec, Output};

/// How long connecting and logging in may take; less when the command itself has less.
const LOGIN: Duration = Duration::from_secs(5);
/// How long the agents that are kept may take to end.
const REST: Duration = Duration::from_secs(2);
/// How long writing a whole file may take.
const UPLOAD: Duration = Duration::from_secs(60);
/// So many letters of a command are told in an error.
const MOST_SHOWN: usize = 400;

/// Writes beside the file, then renames, so that nobody ever reads half of it.
const UPLOAD_SCRIPT: &str =
    r#"set -e; mkdir -p "$(dirname "$1")"; umask 077; cat > "$1.new"; chmod "$2" "$1.new"; mv -f "$1.new" "$1""#;

/// Runs commands on one host. Clones share their sessions.
#[derive(Clone)]
pub struct SshRemote {
    shared: Arc<Shared>,
}

struct Shared {
    login: Login,
    idle: Mutex<Vec<Link>>,
}

impl SshRemote {
    /// A remote that has not connected yet: the first command does.
    pub fn new(login: Login) -> Self {
        SshRemote { shared: Arc::new(Shared { login, idle: Mutex::default() }) }
    }

    async fn run(&self, shown: &str, line: String, input: Arc<[u8]>, timeout: Duration) -> Result<Output, RemoteError> {
        self.blocking(shown, timeout, move |shared, deadline| shared.run(&line, &input, deadline)).await
    }

    async fn blocking(
        &self,
        shown: &str,
        timeout: Duration,
        work: impl FnOnce(&Shared, Instant) -> Result<Output, Trouble> + Send + 'static,
    ) -> Result<Output, RemoteError> {
        let shared = self.shared.clone();
        let done = tokio::task::spawn_blocking(move || work(&shared, Instant::now() + timeout)).await;
        let (host, command) = (self.host(), shown.to_string());
        match done.unwrap_or_else(|why| Err(Trouble::Broken(why.to_string()))) {
            Ok(output) => Ok(output),
            Err(Trouble::Connect(detail)) => Err(RemoteError::Connect { host, detail }),
            Err(Trouble::Broken(detail)) => Err(RemoteError::Broken { host, command, detail }),
            Err(Trouble::TimedOut) => Err(RemoteError::TimedOut { host, command, timeout }),
        }
    }

    fn broken(&self, command: String, detail: impl ToString) -> RemoteError {
        RemoteError::Broken { host: self.host(), command, detail: detail.to_string() }
    }

    fn host(&self) -> String {
        self.shared.login.shown()
    }
}

#[async_trait]
impl Remote for SshRemote {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        self.feed(command, Arc::default()).await
    }

    async fn feed(&self, command: &Command, input: Arc<[u8]>) -> Result<Output, RemoteError> {
        let shown = shown(&command.argv);
        let line = command_line(&command.argv).map_err(|why| self.broken(shown.clone(), why))?;
        self.run(&shown, line, input, command.timeout).await
    }

    async fn ask(&self, program: &str, words: &[String], timeout: Duration) -> Result<Output, RemoteError> {
        let shown = shown(&asking(program, words));
        let line = command_line(&conversation::argv(program)).map_err(|why| self.broken(shown.clone(), why))?;
        let request = serde_json::to_string(words).map_err(|why| self.broken(shown.clone(), why))?;
        self.blocking(&shown, timeout, move |shared, deadline| shared.ask(&line, &request, deadline)).await
    }

    async fn rest(&self) {
        let shared = self.shared.clone();
        let _ = tokio::task::spawn_blocking(move || shared.rest(Instant::now() + REST)).await;
    }

    async fn stream(&self, command: &Command) -> Result<Lines, RemoteError> {
        stream::start(self, command).await
    }

    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError> {
        let path = file.path.display().to_string();
        let shown = format!("upload {path}");
        let bytes = match &file.content {
            FileContent::Text(text) => text.clone().into_bytes(),
            FileContent::Bytes(bytes) => bytes.clone(),
            FileContent::MadeBy { .. } => {
                return Err(self.broken(shown, "what a command makes is made when an instance boots"));
            }
            FileContent::CopyOf(source) | FileContent::Program(source) => tokio::fs::read(source)
                .await
                .map_err(|why| self.broken(shown.clone(), format!("{}: {why}", source.display())))?,
        };
        let argv = ["sh", "-c", UPLOAD_SCRIPT, "sh", &path, &format!("{:o}", file.mode & 0o7777)];
        let line = command_line(&argv.map(str::to_string)).map_err(|why| self.broken(shown.clone(), why))?;
        match self.run(&shown, line, bytes.into(), UPLOAD).await? {
            Output { status: Some(0), .. } => Ok(()),
            output => Err(self.broken(shown, output.stderr.trim())),
        }
    }

    async fn knock(&self, timeout: Duration) -> Result<(), RemoteError> {
        let login = &self.shared.login;
        let knocked = login.route.knock(login.address, login.port, timeout).await;
        knocked.map_err(|why| RemoteError::Connect { host: self.host(), detail: why.to_string() })
    }

    fn anew(&self) -> Option<Box<dyn Remote>> {
        Some(Box::new(SshRemote::new(self.shared.login.clone())))
    }

    async fn host_key(&self) -> Result<Option<String>, RemoteError> {
        let shared = self.shared.clone();
        let shown = tokio::task::spawn_blocking(move || shared.host_key(Instant::now() + LOGIN)).await;
        let told = shown.unwrap_or_else(|why| Err(Trouble::Broken(why.to_string())));
        told.map_err(|trouble| RemoteError::Connect { host: self.host(), detail: trouble.told() })
    }
}

/// A command for people: its beginning, where it is long.
fn shown(argv: &[String]) -> String {
    let whole = argv.join(" ");
    match whole.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

/// The line that makes a POSIX shell become exactly this program: SSH knows no argument vector.
///
/// # Errors
/// When there is no word, or one holds a zero byte, which no command line can.
fn command_line(argv: &[String]) -> Result<String, &'static str> {
    if argv.is_empty() {
        return Err("no command was given");
    }
    if argv.iter().any(|word| word.contains('\0')) {
        return Err("an argument holds a zero byte");
    }
    Ok(format!("exec {}", quoted(argv)))
}

fn quoted(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    quoted.join(" ")
}

impl Shared {
    /// Of a session that is opened for it: an idle one may be of a host that was replaced since.
    fn host_key(&self, deadline: Instant) -> Result<Option<String>, Trouble> {
        let link = self.log_in(deadline)?;
        let shown = link.session.host_key().map(|(key, _)| fingerprint(key));
        self.idle().push(link);
        Ok(shown)
    }

    fn run(&self, line: &str, input: &[u8], deadline: Instant) -> Result<Output, Trouble> {
        let (link, mut channel) = self.open(deadline)?;
        let output = link.converse(&mut channel, line, input, deadline);
        match output {
            Ok(output) => {
                drop(channel);
                self.idle().push(link);
                Ok(output)
            }
            Err(trouble) => {
                link.abandon();
                Err(trouble)
            }
        }
    }

    /// A session that is idle, or a new one. An idle one whose host went away meanwhile is dropped.
    fn open(&self, deadline: Instant) -> Result<(Link, Channel), Trouble> {
        loop {
            let Some(link) = self.take_idle() else { break };
            link.limit(deadline)?;
            match link.session.channel_session() {
                Ok(channel) => return Ok((link, channel)),
                Err(why) if is_timeout(&why) => return Err(Trouble::TimedOut),
                Err(_) => {}
            }
        }
        let link = self.log_in(deadline)?;
        link.limit(deadline)?;
        let channel = link.session.channel_session().map_err(Trouble::from)?;
        Ok((link, channel))
    }

    /// One on which no agent listens is taken first.
    fn take_idle(&self) -> Option<Link> {
        let mut idle = self.idle();
        idle.retain(|link| !link.has_lost_an_end());
        let last = idle.iter().rposition(|link| link.conversation.is_none());
        last.map(|at| idle.remove(at)).or_else(|| idle.pop())
    }

    fn log_in(&self, deadline: Instant) -> Result<Link, Trouble> {
        let deadline = deadline.min(Instant::now() + LOGIN);
        let failed = |why: &dyn std::fmt::Display| Trouble::Connect(why.to_string());
        let socket = self.login.connect(remaining(deadline)?).map_err(|why| failed(&self.login.unreached(&why)))?;
        let mut session = Session::new().map_err(|why| failed(&why))?;
        session.set_tcp_stream(socket.try_clone().map_err(|why| failed(&why))?);
        let mut link = Link { session, socket, conversation: None };
        link.limit(deadline)?;
        self.login.host_key.prefer(&link.session, self.login.named()).map_err(|why| failed(&why))?;
        link.session.handshake().map_err(|why| failed(&self.login.no_handshake(&why)))?;
        self.login.host_key.check(&link.session, self.login.named()).map_err(|why| failed(&why))?;
        link.limit(deadline)?;
        self.login.prove(&link.session).map_err(|why| failed(&why))?;
        Ok(link)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Link>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn as_a_shell_reads(words: &[String]) -> Vec<String> {
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf '%s\\0' {}", quoted(words))])
            .output()
            .expect("a shell exists");
        let text = String::from_utf8(output.stdout).expect("what was UTF-8 stays UTF-8");
        text.split_terminator('\0').map(str::to_string).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn a_shell_reads_back_the_very_words(words in prop::collection::vec("[^\0]{0,12}", 1..5)) {
            prop_assert_eq!(as_a_shell_reads(&words), words);
        }

        #[test]
        fn what_a_shell_would_obey_stays_text(words in prop::collection::vec("['\"\\\\$`;&|<>(){}*?!# \n\t~-]{0,9}", 1..4)) {
            prop_assert_eq!(as_a_shell_reads(&words), words);
        }
    }

    #[test]
    fn a_zero_byte_or_no_command_is_refused() {
        assert!(command_line(&["a\0b".to_string()]).is_err());
        assert!(command_line(&[]).is_err());
    }
}
