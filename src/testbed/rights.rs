//! Lines over a unix stream socket, one of which may carry a descriptor.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
use serde::Serialize;
use tokio::io::{AsyncWriteExt, Interest};

/// Writes a line; blocks.
///
/// # Errors
/// Those of writing: `BrokenPipe` when nobody reads any more.
pub(super) fn write_line(mut stream: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    stream.write_all(&line(message)?)
}

fn line(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Writes a line; `carried` goes with its first byte.
///
/// # Errors
/// Those of writing: `BrokenPipe` when nobody reads any more.
pub(super) async fn send_line(
    stream: &mut tokio::net::UnixStream,
    message: &impl Serialize,
    carried: Option<OwnedFd>,
) -> io::Result<()> {
    let bytes = line(message)?;
    let Some(carried) = carried else { return stream.write_all(&bytes).await };
    let sent = stream.async_io(Interest::WRITABLE, || {
        let raw = [carried.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&raw)];
        let socket = stream.as_fd().as_raw_fd();
        Ok(sendmsg::<UnixAddr>(socket, &[IoSlice::new(&bytes)], &rights, MsgFlags::MSG_NOSIGNAL, None)?)
    });
    let sent = sent.await?;
    stream.write_all(&bytes[sent..]).await
}

/// Reads a line and the descriptor that came with it; blocks for as long as the socket's read timeout.
///
/// # Errors
/// `UnexpectedEof` when the other end closed before the line's end, `InvalidData` when it is longer than `longest`,
/// and those of `recvmsg(2)`.
pub(super) fn read_line(stream: &UnixStream, longest: usize) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let (mut read, mut carried) = (Vec::new(), None);
    while read.last() != Some(&b'\n') {
        if read.len() > longest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line longer than {longest} bytes")));
        }
        let mut buffer = [0_u8; 16 << 10];
        let mut space = nix::cmsg_space!(RawFd);
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let socket = stream.as_raw_fd();
        let packet = recvmsg::<UnixAddr>(socket, &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
        for control in packet.cmsgs()? {
            if let ControlMessageOwned::ScmRights(fds) = control {
                // SAFETY: the kernel has just made these descriptors for us.
                carried = fds.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).next_back().or(carried);
            }
        }
        let length = packet.bytes;
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended before it had answered"));
        }
        read.extend_from_slice(&buffer[..length]);
    }
    Ok((read, carried))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[tokio::test]
    async fn a_descriptor_travels_with_its_line() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut kept, passed) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut ours = tokio::net::UnixStream::from_std(ours).unwrap();
        let long = "x".repeat(40_000);
        let reader = tokio::task::spawn_blocking(move || read_line(&theirs, 1 << 20));
        send_line(&mut ours, &long, Some(passed.into())).await.unwrap();
        let (line, carried) = reader.await.unwrap().unwrap();
        assert_eq!(serde_json::from_slice::<String>(&line).unwrap(), long);
        UnixStream::from(carried.unwrap()).write_all(b"hello").unwrap();
        let mut said = [0; 5];
        kept.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"hello");
    }

    #[test]
    fn a_line_without_an_end_is_an_error() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (&ours).write_all(b"half").unwrap();
        drop(ours);
        assert_eq!(read_line(&theirs, 100).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let (ours, theirs) = UnixStream::pair().unwrap();
        (&ours).write_all(&[b'x'; 200]).unwrap();
        assert_eq!(read_line(&theirs, 100).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
