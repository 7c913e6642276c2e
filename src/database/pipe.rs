//! Carries what one program prints to another on another server: this very program, started there with a hidden first
//! argument, is the two ends of a TCP connection.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::console::complain;

/// The hidden first argument. After it `in PORT`, which prints what comes, or `out ADDRESS:PORT`, which sends what it reads.
pub const ASKED: &str = "__pipe";

/// How long one end waits for the other.
const MEET: Duration = Duration::from_secs(15);
/// Between two attempts to connect.
const RETRY_EVERY: Duration = Duration::from_millis(20);

/// Is one end, if this program was started as one: to be called first in every `main`.
pub fn run_if_asked() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [ASKED, "in", port] => port.parse().map_err(io::Error::other).and_then(receive),
        [ASKED, "out", to] => to.parse().map_err(io::Error::other).and_then(send),
        [ASKED, ..] => Err(io::Error::other("a pipe is asked for `in PORT` or `out ADDRESS:PORT`")),
        _ => return None,
    };
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain!("{}: {why}", words.join(" "));
            ExitCode::FAILURE
        }
    })
}

fn receive(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    let mut watched = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    let wait = PollTimeout::try_from(MEET.as_millis()).unwrap_or(PollTimeout::MAX);
    if poll(&mut watched, wait)? == 0 {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "no connection came"));
    }
    let (mut from, _) = listener.accept()?;
    io::copy(&mut from, &mut own(std::io::stdout().as_fd())?).map(drop)
}

fn send(to: SocketAddr) -> io::Result<()> {
    let deadline = Instant::now() + MEET;
    let mut connection = loop {
        match TcpStream::connect_timeout(&to, MEET) {
            Ok(connection) => break connection,
            Err(why) if Instant::now() >= deadline => return Err(why),
            Err(_) => std::thread::sleep(RETRY_EVERY),
        }
    };
    io::copy(&mut own(std::io::stdin().as_fd())?, &mut connection)?;
    connection.shutdown(Shutdown::Write)
}

/// The same descriptor without the standard library's buffer.
fn own(standard: std::os::fd::BorrowedFd<'_>) -> io::Result<std::fs::File> {
    Ok(standard.try_clone_to_owned()?.into())
}
