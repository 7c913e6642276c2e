//! An agent that answers one request after the other, on a channel of a session that is idle otherwise: its program starts
//! once, not for each request.
//!
//! What was sent may have been done, whatever becomes of the answer: no request is sent twice. Before each, the agent must
//! answer an empty line. One that has ended by itself, or whose host has gone, is found out by that and replaced.

use std::io::Write;
use std::time::{Duration, Instant};

use ssh2::Channel;
use tokio::runtime::Handle;

use super::Shared;
use super::link::{Link, Trouble, read_some, remaining};
use crate::instance::Output;
use crate::launch::{ASKED, SERVE, SERVES_WITHIN};

/// How long an agent may take to end, and how long after its end at the latest that is known.
const END: Duration = Duration::from_secs(1);
/// What is kept of what an agent complains, in bytes.
const COMPLAINT: usize = 4096;

/// One agent that listens.
pub(super) struct Conversation {
    /// The command that has started it.
    line: String,
    channel: Channel,
    /// What it has printed beyond the lines that were read.
    heard: Vec<u8>,
    complaint: Vec<u8>,
    /// When it answered last, or started.
    heard_at: Instant,
}

/// What an agent did with a line.
enum Heard {
    Line(Vec<u8>),
    /// It has ended, and how.
    Ended(Output),
}

/// The command that starts an agent of this program.
pub(super) fn argv(program: &str) -> [String; 3] {
    [program, ASKED, SERVE].map(str::to_string)
}

impl Shared {
    /// One request to the agent that this command starts, or has started.
    pub(super) fn ask(&self, line: &str, request: &str, deadline: Instant) -> Result<Output, Trouble> {
        let (mut link, mut conversation) = self.listening(line, deadline)?;
        // From here on the request counts as heard.
        match conversation.say(&link, request, deadline) {
            Ok(Heard::Line(answer)) => {
                let output = answered(&answer)?;
                link.conversation = Some(conversation);
                self.idle().push(link);
                Ok(output)
            }
            Ok(Heard::Ended(output)) => {
                drop(conversation);
                self.idle().push(link);
                if output.status == Some(0) {
                    Err(Trouble::Broken("it ended without an answer".into()))
                } else {
                    Ok(output)
                }
            }
            Err(trouble) => {
                link.abandon();
                Err(trouble)
            }
        }
    }

    /// An agent that listens: one that has answered just now, or a new one.
    fn listening(&self, line: &str, deadline: Instant) -> Result<(Link, Conversation), Trouble> {
        while let Some((link, mut conversation)) = self.take_conversation(line) {
            match conversation.say(&link, "", deadline) {
                Ok(Heard::Line(answer)) if answer.is_empty() => return Ok((link, conversation)),
                Ok(Heard::Ended(_)) => {
                    drop(conversation);
                    self.idle().push(link);
                }
                Err(Trouble::TimedOut) => {
                    link.abandon();
                    return Err(Trouble::TimedOut);
                }
                Ok(Heard::Line(_)) | Err(_) => link.abandon(),
            }
        }
        let (mut link, mut channel) = self.open(deadline)?;
        // Of another program.
        link.conversation = None;
        channel.exec(line)?;
        let line = line.to_string();
        Ok((link, Conversation { line, channel, heard: Vec::new(), complaint: Vec::new(), heard_at: Instant::now() }))
    }

    fn take_conversation(&self, line: &str) -> Option<(Link, Conversation)> {
        let mut idle = self.idle();
        idle.retain(|link| !link.has_lost_an_end());
        let at = idle.iter().rposition(|link| link.conversation.as_ref().is_some_and(|found| found.line == line))?;
        let mut link = idle.remove(at);
        let conversation = link.conversation.take()?;
        Some((link, conversation))
    }

    /// Ends every agent that is not asked anything now, and waits until they are gone.
    pub(super) fn rest(&self, deadline: Instant) {
        let ended = end_all(self.take_talking(), deadline);
        self.idle().extend(ended);
    }

    fn take_talking(&self) -> Vec<Link> {
        self.idle().extract_if(.., |link| link.conversation.is_some()).collect()
    }
}

impl Drop for Shared {
    /// Agents end before their sessions do, or else they would be orphans on the server for a moment. A thread that may
    /// block waits for them.
    fn drop(&mut self) {
        let talking = self.take_talking();
        if let Ok(runtime) = Handle::try_current()
            && !talking.is_empty()
        {
            runtime.spawn_blocking(move || drop(end_all(talking, Instant::now() + END)));
        }
    }
}

/// The sessions on which the agent has ended. Where it can't be asked to, its session goes.
fn end_all(talking: Vec<Link>, deadline: Instant) -> Vec<Link> {
    let end = |mut link: Link| {
        let conversation = link.conversation.take()?;
        conversation.end(&link, deadline).ok().map(|()| link)
    };
    talking.into_iter().filter_map(end).collect()
}

impl Link {
    /// Whether an agent must have ended on it by now, and nothing has come that says so: the path has lost it, and it is
    /// sent again only much later, before anything else.
    pub(super) fn has_lost_an_end(&self) -> bool {
        let silent = self.conversation.as_ref().map_or(Duration::ZERO, |conversation| conversation.heard_at.elapsed());
        silent > SERVES_WITHIN + END && self.is_silent()
    }
}

impl Conversation {
    /// Sends a line, and reads the one that answers it.
    fn say(&mut self, link: &Link, line: &str, deadline: Instant) -> Result<Heard, Trouble> {
        if !self.heard.is_empty() {
            return Err(Trouble::Broken("its agent speaks without being asked".into()));
        }
        link.limit(deadline)?;
        self.channel.write_all(format!("{line}\n").as_bytes())?;
        link.session.set_blocking(false);
        let heard = self.hear(link, deadline);
        link.session.set_blocking(true);
        match heard? {
            Some(answer) => Ok(Heard::Line(answer)),
            None => link.ended(&mut self.channel, &self.heard, &self.complaint, deadline).map(Heard::Ended),
        }
    }

    /// The next line; `None` once its output has ended.
    fn hear(&mut self, link: &Link, deadline: Instant) -> Result<Option<Vec<u8>>, Trouble> {
        loop {
            let some = read_some(&mut self.channel, &mut self.heard)?
                | read_some(&mut self.channel.stderr(), &mut self.complaint)?;
            self.complaint.drain(..self.complaint.len().saturating_sub(COMPLAINT));
            self.heard_at = Instant::now();
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let mut answer: Vec<u8> = self.heard.drain(..=end).collect();
                answer.pop();
                return Ok(Some(answer));
            }
            if !some && self.channel.eof() {
                return Ok(None);
            }
            remaining(deadline)?;
            // What reading one stream has read of the other won't wake a poll.
            if !some && self.channel.read_window().available == 0 {
                link.wait(deadline)?;
            }
        }
    }

    fn end(mut self, link: &Link, deadline: Instant) -> Result<(), Trouble> {
        link.limit(deadline)?;
        self.channel.send_eof()?;
        self.channel.wait_eof()?;
        link.limit(deadline)?;
        Ok(self.channel.wait_close()?)
    }
}

/// What the program would have printed, had it been started for this.
fn answered(line: &[u8]) -> Result<Output, Trouble> {
    let printed: Result<String, String> = serde_json::from_slice(line)
        .map_err(|why| Trouble::Broken(format!("its agent answers something else: {why}")))?;
    let (status, stdout, stderr) = match printed {
        Ok(answer) => (0, answer, String::new()),
        Err(why) => (1, String::new(), why),
    };
    Ok(Output { status: Some(status), stdout, stderr })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_the_program_would_have_printed() {
        let output = |status, stdout: &str, stderr: &str| Output {
            status: Some(status),
            stdout: stdout.into(),
            stderr: stderr.into(),
        };
        let read = |line: &str| answered(line.as_bytes()).map_err(Trouble::told);
        assert_eq!(read(r#"{"Ok":"null"}"#), Ok(output(0, "null", "")));
        assert_eq!(read(r#"{"Err":"it is not held here"}"#), Ok(output(1, "", "it is not held here")));
        assert!(read("hello").unwrap_err().contains("answers something else"));
    }
}
