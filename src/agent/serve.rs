//! An agent that answers one request after the other, so that its program need not start for each.
//!
//! It speaks as [`SERVE`](crate::launch::SERVE) says. It ends with its standard input, and by itself when it was not asked
//! anything for [`SERVES_WITHIN`], or an answer was not taken for so long: where the path to whoever asks was cut, nothing else would end it. It ends instead of answering
//! an empty line where its program was removed or replaced: whatever it started would be of another program, or of none.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::verbs;
use crate::launch::SERVES_WITHIN;

/// The longest request, in bytes: no command line is longer.
const MOST_REQUEST: usize = 2 << 20;
/// Whatever a pipe takes without blocking once it takes anything.
const PART: usize = 4096;

/// Lives as one that answers, by its standard input and output.
///
/// # Errors
/// Those of its standard input and output; a request that is too long.
pub(super) fn serve() -> io::Result<()> {
    let program = std::env::current_exe()?;
    let is_current = || is_own(&program);
    answer_all(io::stdin().as_fd(), io::stdout().as_fd(), SERVES_WITHIN, is_current, |words| {
        verbs::answer(words).map_err(|why| why.to_string())
    })
}

/// Whether this very program lies there.
fn is_own(program: &Path) -> bool {
    let file = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let own = file(Path::new("/proc/self/exe"));
    own.is_some() && file(program) == own
}

fn answer_all(
    input: BorrowedFd<'_>,
    output: BorrowedFd<'_>,
    silent: Duration,
    is_current: impl Fn() -> bool,
    answer: impl Fn(&[String]) -> Result<String, String>,
) -> io::Result<()> {
    let mut read = Vec::new();
    while let Some(line) = next_line(input, &mut read, silent)? {
        let mut said = match line.as_slice() {
            [] if is_current() => Vec::new(),
            [] => return Ok(()),
            line => {
                let answered = serde_json::from_slice::<Vec<String>>(line);
                serde_json::to_vec(&answered.map_err(|why| why.to_string()).and_then(|words| answer(&words)))?
            }
        };
        said.push(b'\n');
        write(output, &said, silent)?;
    }
    Ok(())
}

/// The next whole line, without its line feed; `None` when there will be none, or none came in time.
fn next_line(input: BorrowedFd<'_>, read: &mut Vec<u8>, within: Duration) -> io::Result<Option<Vec<u8>>> {
    let deadline = Instant::now() + within;
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let mut line: Vec<u8> = read.drain(..=end).collect();
            line.pop();
            return Ok(Some(line));
        }
        if read.len() > MOST_REQUEST {
            return Err(io::Error::other("a request is too long"));
        }
        if !is_ready(input, PollFlags::POLLIN, deadline)? {
            return Ok(None);
        }
        match nix::unistd::read(input, &mut buffer)? {
            0 => return Ok(None),
            length => read.extend_from_slice(&buffer[..length]),
        }
    }
}

fn write(output: BorrowedFd<'_>, mut rest: &[u8], within: Duration) -> io::Result<()> {
    let deadline = Instant::now() + within;
    while !rest.is_empty() {
        if !is_ready(output, PollFlags::POLLOUT, deadline)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        rest = &rest[nix::unistd::write(output, &rest[..rest.len().min(PART)])?..];
    }
    Ok(())
}

/// Whether something can be read or written before the deadline.
fn is_ready(stream: BorrowedFd<'_>, how: PollFlags, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis();
        let mut watched = [PollFd::new(stream, how)];
        match poll(&mut watched, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(ready) => return Ok(ready > 0),
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Asks one that echoes its words, and refuses `no`.
    fn asked<T>(
        silent: Duration,
        is_current: &AtomicBool,
        ask: impl FnOnce(&mut UnixStream) -> T,
    ) -> (T, io::Result<()>) {
        let (mut near, far) = UnixStream::pair().unwrap();
        std::thread::scope(|scope| {
            let lives = scope.spawn(move || {
                let current = || is_current.load(Ordering::SeqCst);
                answer_all(far.as_fd(), far.as_fd(), silent, current, |words| match words {
                    [no] if no == "no" => Err("it says no".into()),
                    words => Ok(words.join("|")),
                })
            });
            let told = ask(&mut near);
            drop(near);
            (told, lives.join().unwrap())
        })
    }

    fn heard(stream: &UnixStream) -> String {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn each_request_is_answered_in_a_line_and_the_next_one_is_read() {
        let (told, ended) = asked(LONG, &true.into(), |stream| {
            let lines = ["", r#"["arm","{\"id\":\"1\"}"]"#, r#"["no"]"#, "hello", r#"["a\nb"]"#];
            lines.map(|line| {
                writeln!(stream, "{line}").unwrap();
                heard(stream)
            })
        });
        assert_eq!(told[..3], ["\n", "{\"Ok\":\"arm|{\\\"id\\\":\\\"1\\\"}\"}\n", "{\"Err\":\"it says no\"}\n"]);
        assert!(told[3].starts_with(r#"{"Err":"expected"#), "{}", told[3]);
        assert_eq!(told[4], "{\"Ok\":\"a\\nb\"}\n");
        assert!(ended.is_ok());
    }

    #[test]
    fn requests_that_come_in_pieces_or_together_are_told_apart() {
        let (told, _) = asked(LONG, &true.into(), |stream| {
            stream.write_all(b"[\"a").unwrap();
            stream.write_all(b"\"]\n[\"b\"]\n").unwrap();
            let mut lines = BufReader::new(&*stream).lines();
            [lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()]
        });
        assert_eq!(told, [r#"{"Ok":"a"}"#, r#"{"Ok":"b"}"#]);
    }

    #[test]
    fn one_that_is_not_asked_anything_ends_by_itself() {
        let (left, ended) = asked(Duration::from_millis(50), &true.into(), |stream| heard(stream));
        assert_eq!((left.as_str(), ended.is_ok()), ("", true));
    }

    #[test]
    fn one_whose_program_was_removed_ends_before_it_is_asked() {
        let is_current = AtomicBool::new(true);
        let (told, ended) = asked(LONG, &is_current, |stream| {
            writeln!(stream).unwrap();
            let before = heard(stream);
            is_current.store(false, Ordering::SeqCst);
            writeln!(stream).unwrap();
            (before, heard(stream))
        });
        assert_eq!((told.0.as_str(), told.1.as_str(), ended.is_ok()), ("\n", "", true));
    }

    #[test]
    fn one_whose_answers_are_not_taken_ends() {
        let (_, ended) = asked(Duration::from_secs(2), &true.into(), |stream| {
            let request = format!("[\"{}\"]\n", "x".repeat(1 << 20));
            // It stops reading when it has ended.
            while stream.write_all(request.as_bytes()).is_ok() {}
        });
        assert!(ended.is_err());
    }

    #[test]
    fn a_program_that_was_replaced_is_another() {
        let own = std::env::current_exe().unwrap();
        assert!(is_own(&own));
        assert!(!is_own(Path::new("/bin/sh")) && !is_own(Path::new("/nonexistent/agent")));
    }
}
