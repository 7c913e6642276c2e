//! A TCP connection on which it is noticed at once that the server closed it while it rested.
//!
//! The runtime learns that a socket can be read when it next asks the kernel. A request that is written before that goes
//! to a server which is no longer there, and fails, though the kernel knew better. So while no answer is awaited, the
//! kernel itself is asked, which costs one system call for each request.

use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// See the module.
pub(super) struct Stream {
    tcp: TcpStream,
    /// Something was read since the last write.
    answered: bool,
}

impl Stream {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Stream { tcp, answered: false }
    }

    /// Reads whatever the kernel has now; `Pending` when that is nothing, not even the connection's end.
    fn read_now(&self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match recv(self.tcp.as_raw_fd(), buffer.initialize_unfilled(), MsgFlags::MSG_DONTWAIT) {
            Ok(read) => {
                buffer.advance(read);
                Poll::Ready(Ok(()))
            }
            // The runtime was asked before, and wakes the task.
            Err(Errno::EAGAIN | Errno::EINTR) => Poll::Pending,
            Err(errno) => Poll::Ready(Err(errno.into())),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut read = Pin::new(&mut self.tcp).poll_read(cx, buffer);
        if read.is_pending() && self.answered {
            read = self.read_now(buffer);
        }
        self.answered |= read.is_ready();
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.answered = false;
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.answered = false;
        Pin::new(&mut self.tcp).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
