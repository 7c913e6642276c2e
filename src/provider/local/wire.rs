//! Packets with descriptors, and what is said over an instance's control socket.
//!
//! The harness makes a socket pair for each boot and hands one end to the zygote, which gives it to the instance's
//! first process. So boots do not wait for each other.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, recvmsg, sendmsg,
    socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;

use super::identity::Identity;
use crate::instance::UserData;

/// The most descriptors in one packet (the kernel's `SCM_MAX_FD`).
pub(super) const MOST_DESCRIPTORS: usize = 253;
/// Larger than any packet that is sent; what may be longer travels in a memory file.
const PACKET_BYTES: usize = 16 * 1024;

/// What an instance's first process must know. Travels in a memory file, so it may be of any size.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BootOrder {
    /// Names the disk's folder.
    pub disk: String,
    /// What its machine id is made of.
    pub name: String,
    pub identity: Identity,
    pub address: Ipv4Addr,
    pub prefix: u8,
    /// Whether files are written and commands run; not when it starts again from a kept disk.
    pub first_boot: bool,
    pub user_data: UserData,
}

/// What is said over an instance's control socket, in this order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// The zygote made the first process; its pidfd is attached.
    Born { pid: i32 },
    /// The zygote could not.
    Unborn { errno: i32 },
    /// The instance: a link may be put into my network namespace.
    NetworkReady,
    /// The harness: `eth0` is there.
    Linked,
    /// The instance: my end of the link is up.
    LinkRaised,
    /// The instance: services started, port 22 open.
    Up,
    /// The harness: end all your processes in order, then yourself.
    ShutDown,
    /// The instance: it could not do this; it ends now.
    Failed { stage: BootStage, errno: i32, detail: String },
    /// The instance: this boot-time command begins.
    Runs { command: String },
    /// The instance: a boot-time command failed; it ends now.
    CommandFailed { command: String, status: String, stderr: String },
}

/// How far a boot got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum BootStage {
    Namespaces,
    Order,
    Disk,
    Root,
    Capabilities,
    Link,
    Files,
    Commands,
    Services,
    Listen,
}

impl BootStage {
    /// What was being done, for an error.
    pub fn action(self) -> &'static str {
        match self {
            BootStage::Namespaces => "making its namespaces",
            BootStage::Order => "reading its boot order",
            BootStage::Disk => "mounting its disk",
            BootStage::Root => "making its root",
            BootStage::Capabilities => "dropping capabilities",
            BootStage::Link => "raising its link",
            BootStage::Files => "writing its files",
            BootStage::Commands => "running its boot-time commands",
            BootStage::Services => "starting its services",
            BootStage::Listen => "listening on port 22",
        }
    }
}

/// A pair of connected sockets that keep packets apart.
///
/// # Errors
/// Those of `socketpair(2)`.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

/// Sends one message with descriptors.
///
/// # Errors
/// Those of `sendmsg(2)`: `EPIPE` when nobody is left at the other end.
pub(super) fn send<T: Serialize>(socket: BorrowedFd<'_>, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let raw: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let rights = if raw.is_empty() { &rights[..0] } else { &rights[..] };
    sendmsg::<UnixAddr>(socket.as_raw_fd(), &[IoSlice::new(&bytes)], rights, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// Receives one message with its descriptors; `None` when the other end is closed. What was sent before it closed is received first.
///
/// # Errors
/// Those of `recvmsg(2)`, and `InvalidData` for what is no such message.
pub(super) fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    match receive_once(socket) {
        // The other end closed with something unread, which the kernel reports once, ahead of what that end had sent.
        Err(why) if why.kind() == io::ErrorKind::ConnectionReset => receive_once(socket),
        received => received,
    }
}

fn receive_once<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    use std::os::fd::FromRawFd;
    let mut bytes = vec![0_u8; PACKET_BYTES];
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; MOST_DESCRIPTORS]);
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let packet = recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut fds = Vec::new();
    for control in packet.cmsgs()? {
        if let ControlMessageOwned::ScmRights(received) = control {
            // SAFETY: the kernel has just made these descriptors for us.
            fds.extend(received.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let length = packet.bytes;
    if length == 0 {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&bytes[..length])?, fds)))
}

/// Lets the runtime watch a descriptor.
///
/// # Errors
/// When the runtime cannot.
pub(super) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: it owns the descriptor, and nobody replaces or closes what is inside.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

/// The harness's end of an instance's control socket.
#[derive(Debug)]
pub(super) struct Control(AsyncFd<OwnedFd>);

impl Control {
    /// Takes over a socket; needs a tokio runtime.
    ///
    /// # Errors
    /// When the runtime cannot watch it.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        use nix::fcntl::{FcntlArg, OFlag, fcntl};
        fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Control(watch(socket)?))
    }

    /// Waits for the next word; `UnexpectedEof` when the instance is gone.
    pub async fn receive(&self) -> io::Result<(Word, Vec<OwnedFd>)> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(received) = ready.try_io(|socket| receive(socket.as_fd())) {
                return received?.ok_or_else(|| {
                    io::Error::new(io::ErrorKind::UnexpectedEof, "its first process ended while booting")
                });
            }
        }
    }

    /// Says a word; a few bytes into an empty socket, so it never waits.
    pub fn send(&self, word: &Word) -> io::Result<()> {
        send(self.0.get_ref().as_fd(), word, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_end_said_last_is_received_though_it_closed_with_something_unread() {
        let (ours, theirs) = pair().unwrap();
        send(ours.as_fd(), &Word::Linked, &[]).unwrap();
        send(theirs.as_fd(), &Word::Failed { stage: BootStage::Link, errno: 1, detail: "no link".into() }, &[])
            .unwrap();
        drop(theirs);
        let told = receive::<Word>(ours.as_fd()).unwrap();
        assert!(matches!(told, Some((Word::Failed { stage: BootStage::Link, .. }, _))), "{told:?}");
        assert!(receive::<Word>(ours.as_fd()).unwrap().is_none());
    }
}
