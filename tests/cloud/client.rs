//! OpenStack's official client, started once for all that a test asks it: it needs seconds to start, and a tenth of one to answer.

use std::io::{PipeReader, Read, Write, pipe};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::Value;

/// The cloud's user, by the version of Nova's API from which a server gets its tags when it is made; and its operator.
static USER: LazyLock<Mutex<Client>> = LazyLock::new(|| Client::start("OS_COMPUTE_API_VERSION", "2.52").into());
static OPERATOR: LazyLock<Mutex<Client>> = LazyLock::new(|| Client::start("OS_CLOUD", "anarcho-chimp-admin").into());

/// What the client answers in JSON.
pub fn openstack(words: &[&str]) -> Value {
    in_json(&USER, words)
}

/// What it answers to an operator.
pub fn as_operator(words: &[&str]) -> Value {
    in_json(&OPERATOR, words)
}

/// Has it do something that has no answer, but for the end of what it waited for.
pub fn does(words: &[&str]) {
    let said = USER.lock().unwrap_or_else(PoisonError::into_inner).ask(words);
    assert!(said.is_empty() || said.ends_with("Complete"), "{words:?}: {said}");
}

fn in_json(client: &Mutex<Client>, words: &[&str]) -> Value {
    let words = [words, &["-f", "json"]].concat();
    let said = client.lock().unwrap_or_else(PoisonError::into_inner).ask(&words);
    let begin = said.find(['[', '{']).unwrap_or_else(|| panic!("{words:?}: {said}"));
    serde_json::from_str(&said[begin..]).unwrap_or_else(|why| panic!("{words:?}: {why}: {said}"))
}

/// A command that always succeeds, asks no cloud, and answers with an object that has this field: all before it is the answer to
/// the command before it.
const MARK: &str = "module list -f json\n";
const MARKED: &str = "\"openstackclient\":";

/// The client in a session of its own, which ends with this process.
struct Client {
    _process: Child,
    commands: ChildStdin,
    /// What it answers, and its errors.
    said: PipeReader,
}

impl Client {
    /// With a variable of the environment: it takes no options for a whole session.
    fn start(variable: &str, value: &str) -> Client {
        let (said, out) = pipe().unwrap();
        let errors = out.try_clone().unwrap();
        let mut command = Command::new("openstack");
        command.env(variable, value).env("PYTHONUNBUFFERED", "1").stdin(Stdio::piped()).stdout(out).stderr(errors);
        let mut process = command.spawn().unwrap();
        let commands = process.stdin.take().unwrap();
        Client { _process: process, commands, said }
    }

    fn ask(&mut self, words: &[&str]) -> String {
        assert!(!words.iter().any(|word| word.contains([' ', '\'', '"'])), "it would be split: {words:?}");
        write!(self.commands, "{}\n{MARK}", words.join(" ")).unwrap();
        let (mut said, mut some) = (String::new(), [0; 4096]);
        loop {
            let count = self.said.read(&mut some).unwrap();
            assert_ne!(count, 0, "the client has ended: {said}");
            said += &String::from_utf8_lossy(&some[..count]);
            let Some(at) = said.find(MARKED) else { continue };
            if said[at..].trim_end().ends_with('}') {
                return said[..said[..at].rfind('{').unwrap()].trim().to_string();
            }
        }
    }
}
