//! What requests to any cloud's API have in common: how many are sent per minute, how long each is waited for, when it is sent
//! again, which certificates are trusted, how a look at a cloud is shown, and what a sweep of it is. What an answer means is not known here.

use std::fmt::Display;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Url};

use crate::document::DocumentError;
use crate::text;
use crate::units::show_duration;

pub(crate) mod failure;
pub(crate) mod findings;
mod pace;
pub(crate) mod sweep;
mod tally;
#[cfg(test)]
pub(crate) mod test_server;

pub(crate) use pace::Pace;
pub(crate) use tally::Tally;

/// How long a request is waited for, and how often it is sent again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How often it is sent at most.
    pub(crate) attempts: u32,
    /// The first pause; each further one is twice as long.
    pub(crate) first_pause: Duration,
    /// The longest pause that a service may ask for.
    pub(crate) longest_pause: Duration,
    /// How long a connection may take, with the handshake of TLS.
    pub(crate) connect_within: Duration,
    /// How long an answer may take, where nothing else says so.
    pub(crate) answer_within: Duration,
}

impl Default for Patience {
    /// 5 attempts with 7.5 s of pauses outlast a restart of an API behind a balancer.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Patience {
            attempts: 5,
            first_pause: Duration::from_millis(500),
            longest_pause: seconds(60),
            connect_within: seconds(10),
            answer_within: seconds(30),
        }
    }
}

impl Patience {
    /// Makes attempts, numbered from 1, until one succeeds or another one is no use. With an error comes the pause that the
    /// service asks for, at least, where another attempt can help.
    ///
    /// # Errors
    /// What the last attempt met.
    pub(crate) async fn outlast<T, E: Display, F>(&self, mut attempt: impl FnMut(u32) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, (E, Option<Duration>)>>,
    {
        let (mut pause, mut attempts) = (self.first_pause, 1);
        loop {
            let (why, after) = match attempt(attempts).await {
                Ok(answer) => return Ok(answer),
                Err(met) => met,
            };
            let Some(after) = after.filter(|_| attempts < self.attempts) else { return Err(why) };
            let after = after.max(pause);
            if after > self.longest_pause {
                return Err(why);
            }
            tracing::info!(%why, "asked again after {}", show_duration(after));
            tokio::time::sleep(after).await;
            pause *= 2;
            attempts += 1;
        }
    }
}

/// A client for the service at this address. It follows no redirect, because a secret would be sent along, and does not send a
/// request again by itself.
pub(crate) fn client(service: &Url, patience: Patience) -> ClientBuilder {
    let builder = Client::builder()
        .connect_timeout(patience.connect_within)
        .timeout(patience.answer_within)
        .redirect(Policy::none())
        .retry(reqwest::retry::never());
    // A proxy of the network can't lead to this machine's own loopback, nor to its link.
    let host = service.host_str().unwrap_or_default();
    let is_here = host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(is_near);
    if is_here { builder.no_proxy() } else { builder }
}

fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

/// The certificates in a PEM file.
///
/// # Errors
/// It can't be read or has none; what to do is that of `hint`.
pub(crate) fn authorities(path: &Path, hint: &str) -> Result<Vec<Certificate>, DocumentError> {
    let pem = text::read(path).map_err(|why| DocumentError::unreadable(path, &why).with_hint(hint))?;
    let none = || {
        DocumentError { file: Some(path.into()), ..DocumentError::new("there is no certificate in it") }.with_hint(hint)
    };
    let found = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| none())?;
    if found.is_empty() { Err(none()) } else { Ok(found) }
}
