//! A proxy of this machine that stands between prober and site, and plants outages: the site itself is not touched.

use std::io;
use std::net::SocketAddr;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::measure::Span;

/// A proxy at work; dropping it ends it with every connection.
pub(super) struct Proxy {
    address: SocketAddr,
    clock: Clock,
    down: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Listens on loopback, and leads every connection to `site`.
    ///
    /// # Errors
    /// When the kernel gives it no port.
    pub(super) async fn start(site: SocketAddr, clock: Clock) -> io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (down, is_down) = watch::channel(false);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(lead(client, site, is_down.clone()));
            }
        });
        Ok(Proxy { address, clock, down, accepting })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// For so long every connection is reset, those that are there and those that come. Returns from when until when that was so.
    pub(super) async fn outage(&self, lasts: std::time::Duration) -> Span {
        let from_us = self.clock.now_us();
        self.down.send_replace(true);
        tokio::time::sleep(lasts).await;
        self.down.send_replace(false);
        Span::new(from_us, self.clock.now_us())
    }
}

async fn lead(mut client: TcpStream, site: SocketAddr, mut is_down: watch::Receiver<bool>) {
    if *is_down.borrow_and_update() {
        return reset(client);
    }
    let Ok(mut server) = TcpStream::connect(site).await else { return reset(client) };
    // Small messages are not held back on either side.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    tokio::select! {
        ended = copy_bidirectional(&mut client, &mut server) => if ended.is_err() { reset(client) },
        _ = is_down.wait_for(|down| *down) => {
            reset(client);
            reset(server);
        }
    }
}

/// Closes a connection as a machine does that knows nothing of it.
fn reset(stream: TcpStream) {
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = setsockopt(&stream, sockopt::Linger, &at_once);
}
