//! What is sent to the site, and who sends it.
//!
//! - [`prober`]: the judge. Open loop: requests are due at a constant rate whatever came before, so an outage is
//!   seen as long as it is. Verdicts rest on it alone.
//! - [`users`]: goose users who browse, in a child process of their own ([`worker`]): pressure, never evidence.
//! - [`work`]: users who work with the data of any application, as a workload file says, or another crate ([`registered`]); every operation is
//!   on record.
//!
//! All send what [`request`] prepared from `[request]` of the settings, and record every request through a
//! [`Recorder`](crate::history::Recorder).

use std::io;
use std::net::IpAddr;

use crate::infrastructure::EntryUrl;

mod client;
mod frames;
mod http;
mod ledger;
mod outbox;
pub mod prober;
pub mod registered;
pub mod request;
mod stream;
pub mod users;
pub mod work;
pub mod worker;

#[cfg(test)]
mod test_server;

pub use prober::{LiveStats, LiveView, Prober, ProberConfig};
pub use request::{PreparedRequest, RequestError};
pub use users::{Users, UsersConfig};
pub use worker::run_if_asked;

/// Where the load enters the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The address that is connected to.
    pub address: IpAddr,
    /// Its TCP port.
    pub port: u16,
    /// What the site is called: the Host header and the TLS server name, unless the settings name another.
    pub host: String,
}

/// A site whose name has no address.
#[derive(Debug, thiserror::Error)]
#[error("{url} can't be reached: {why}\n  help: look up the name by `getent hosts {}`", .url.host())]
pub struct NoAddress {
    /// The site.
    url: EntryUrl,
    /// Why.
    why: String,
}

impl Site {
    /// Looks a site's name up once: every request goes to the same address, so that a change of what the name means is no change of
    /// its figures. Of several addresses the first is taken, as a browser does.
    ///
    /// # Errors
    /// Its name has no address.
    pub async fn at(url: &EntryUrl) -> Result<Site, NoAddress> {
        let unknown = |why: String| NoAddress { url: url.clone(), why };
        let found = tokio::net::lookup_host((url.host(), url.port())).await;
        let mut found = found.map_err(|why| unknown(why.to_string()))?;
        let address = found.next().ok_or_else(|| unknown("its name has no address".into()))?.ip();
        Ok(Site { address, port: url.port(), host: url.host().into() })
    }
}

/// Why a load could not be started or ended.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The request cannot be made as it is set.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A setting that makes no sense.
    #[error("`{field}` is {found}: {expected}")]
    Setting { field: &'static str, found: String, expected: &'static str },
    /// The operating system refused.
    #[error("{action}: {source}")]
    System { action: &'static str, source: io::Error },
    /// A part of the load ended in a way it never should.
    #[error("{part} panicked")]
    Panicked { part: &'static str },
}

/// Lets this process open as many files as it may, at least `wanted` where it has the right to: each connection is
/// one, and the usual limit of 1,024 is less than a silent site holds up.
fn raise_open_files(wanted: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls only read or write the struct they are given.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < wanted {
            let more = libc::rlimit { rlim_cur: wanted, rlim_max: limit.rlim_max.max(wanted) };
            if libc::setrlimit(libc::RLIMIT_NOFILE, &more) != 0 {
                let most = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
                libc::setrlimit(libc::RLIMIT_NOFILE, &most);
            }
        }
    }
}
