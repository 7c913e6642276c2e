//! Keys that an agent of SSH holds: it signs, and never gives them away.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ssh2::{Agent, PublicKey, Session};

/// How long an agent may take to answer. libssh2 would wait for one that hangs for ever.
const ANSWER: Duration = Duration::from_secs(2);
/// Asks which keys there are: `SSH_AGENTC_REQUEST_IDENTITIES` of the agent's protocol, after the length of the message.
const REQUEST_IDENTITIES: [u8; 5] = [0, 0, 0, 1, 11];

/// The longest answer of OpenSSH's agent, in bytes.
const LONGEST: u64 = 256 << 10;

/// The keys of an agent that a user may log in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAgentKeys {
    /// The agent's socket.
    pub socket: PathBuf,
    /// The only one that is tried. `None`: all, in the agent's order.
    pub only: Option<Identity>,
}

/// A key that an agent is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The file that it was read from.
    pub path: PathBuf,
    /// The public key, as it is sent.
    pub public: Vec<u8>,
}

impl SshAgentKeys {
    /// Logs the user in with the first key that the server accepts.
    ///
    /// # Errors
    /// In words: the agent can't be reached, does not hold the key, or the server accepts none of its keys.
    pub(super) fn prove(&self, session: &Session, user: &str) -> Result<(), String> {
        let unasked = |why: &str| {
            format!("the SSH agent at {} can't be asked: {why}; start it, then run: ssh-add", self.socket.display())
        };
        answers(&self.socket).map_err(|why| unasked(&why.to_string()))?;
        let agent = self.connect(session).map_err(|why| unasked(why.message()))?;
        let held = agent.identities().map_err(|why| why.message().to_string())?;
        let tried = self.chosen(&held)?;
        let mut why = String::new();
        for key in &tried {
            match agent.userauth(user, key) {
                Ok(()) => return Ok(()),
                Err(refused) => why = refused.message().to_string(),
            }
        }
        let (keys, socket) = (shown(&tried), self.socket.display());
        Err(format!("no key of the SSH agent at {socket} was accepted for user {user} (tried {keys}): {why}"))
    }

    fn connect(&self, session: &Session) -> Result<Agent, ssh2::Error> {
        let mut agent = session.agent()?;
        agent.set_identity_path(&self.socket)?;
        agent.connect()?;
        agent.list_identities()?;
        Ok(agent)
    }

    fn chosen<'k>(&self, held: &'k [PublicKey]) -> Result<Vec<&'k PublicKey>, String> {
        let socket = self.socket.display();
        let tried: Vec<&PublicKey> =
            held.iter().filter(|key| self.only.as_ref().is_none_or(|only| only.public == key.blob())).collect();
        match &self.only {
            Some(only) if tried.is_empty() => {
                let path = only.path.display();
                Err(format!("the SSH agent at {socket} does not hold the key {path}; run: ssh-add {path}"))
            }
            None if tried.is_empty() => Err(format!("the SSH agent at {socket} holds no key; run: ssh-add KEY")),
            _ => Ok(tried),
        }
    }
}

/// The kind of the answer: `SSH_AGENT_IDENTITIES_ANSWER`, before the number of keys.
const IDENTITIES_ANSWER: u8 = 12;

/// Whether the agent at this socket answers that it holds no key. One that can't be asked is not known to hold none.
pub fn holds_none(socket: &Path) -> bool {
    answers(socket).is_ok_and(|answer| answer == [IDENTITIES_ANSWER, 0, 0, 0, 0])
}

/// The answer of an agent to which keys there are. It is read to the end, else the agent complains of a client that hung up.
fn answers(socket: &Path) -> io::Result<Vec<u8>> {
    let mut agent = UnixStream::connect(socket)?;
    agent.set_read_timeout(Some(ANSWER))?;
    agent.set_write_timeout(Some(ANSWER))?;
    agent.write_all(&REQUEST_IDENTITIES)?;
    let mut length = [0; 4];
    let answered = agent.read_exact(&mut length).and_then(|()| {
        let length = u64::from(u32::from_be_bytes(length)).min(LONGEST);
        let mut answer = Vec::new();
        agent.take(length).read_to_end(&mut answer).map(|_| answer)
    });
    answered.map_err(|why| match why.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "it does not answer"),
        _ => why,
    })
}

/// Keys for people: their comments, where they have one.
fn shown(keys: &[&PublicKey]) -> String {
    let comments: Vec<&str> = keys.iter().map(|key| key.comment()).filter(|comment| !comment.is_empty()).collect();
    match comments.is_empty() {
        true => format!("{} of them", keys.len()),
        false => comments.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// An agent that gives one answer.
    fn agent(answer: &'static [u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            client.read_exact(&mut [0; 5]).unwrap();
            client.write_all(answer).unwrap();
        });
        (folder, socket)
    }

    #[test]
    fn only_an_agent_that_says_so_holds_no_key() {
        let (_folder, empty) = agent(&[0, 0, 0, 5, 12, 0, 0, 0, 0]);
        assert!(holds_none(&empty));
        let (_folder, full) = agent(&[0, 0, 0, 14, 12, 0, 0, 0, 1, 0, 0, 0, 1, 7, 0, 0, 0, 0]);
        assert!(!holds_none(&full));
        let (_folder, failing) = agent(&[0, 0, 0, 1, 5]);
        assert!(!holds_none(&failing) && !holds_none(Path::new("/nowhere/agent")));
    }
}
