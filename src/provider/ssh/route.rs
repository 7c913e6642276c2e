//! How TCP connections to a host are made: from this process, or by something that reaches further.

use std::fmt;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How TCP connections to a host are made.
#[derive(Clone)]
pub enum Route {
    /// From this process, as always.
    Direct,
    /// By somebody who can reach the host from where this process can't.
    Dialled(Arc<dyn Dial>),
}

/// Makes TCP connections for others.
pub trait Dial: Send + Sync {
    /// A stream socket that leads to this address and port; blocks for as long as `timeout`, at most.
    ///
    /// # Errors
    /// As `connect(2)`'s, `TimedOut` among them; or that of reaching who dials.
    fn dial(&self, address: Ipv4Addr, port: u16, timeout: Duration) -> io::Result<TcpStream>;
}

impl Route {
    pub(super) fn connect(&self, address: Ipv4Addr, port: u16, timeout: Duration) -> io::Result<TcpStream> {
        let stream = match self {
            Route::Direct => TcpStream::connect_timeout(&SocketAddr::from((address, port)), timeout)?,
            Route::Dialled(by) => by.dial(address, port, timeout)?,
        };
        // What leads to a jump host is half of a socket pair on this side, which delays nothing.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// Whether a process answers at the port: servers of SSH speak first. A kernel accepts connections for a process that
    /// is frozen as well.
    ///
    /// # Errors
    /// As [`Dial::dial`]'s, or that nothing was said in time.
    pub async fn hear(&self, address: Ipv4Addr, port: u16, timeout: Duration) -> io::Result<()> {
        let route = self.clone();
        let hear = move || {
            let mut connection = route.connect(address, port, timeout)?;
            connection.set_read_timeout(Some(timeout))?;
            connection.read_exact(&mut [0])
        };
        tokio::task::spawn_blocking(hear).await.unwrap_or_else(|why| Err(io::Error::other(why)))
    }

    /// Whether the port accepts a connection; it is closed at once.
    ///
    /// # Errors
    /// As [`Dial::dial`]'s.
    pub async fn knock(&self, address: Ipv4Addr, port: u16, timeout: Duration) -> io::Result<()> {
        let route = self.clone();
        let knocked = tokio::task::spawn_blocking(move || route.connect(address, port, timeout)).await;
        knocked.unwrap_or_else(|why| Err(io::Error::other(why))).map(drop)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Route::Direct => "Direct",
            Route::Dialled(_) => "Dialled",
        })
    }
}
