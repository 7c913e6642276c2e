//! How users' requests are sent: what browsing users and those of a workload have in common.

use std::io;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Url};

use super::request::{PreparedRequest, outcome_of};
use crate::history::Outcome;
use crate::settings::Scheme;

/// The site, as the beginning of its URLs.
///
/// # Errors
/// Its name makes no URL.
pub(super) fn origin(request: &PreparedRequest) -> Result<Url, Box<dyn std::error::Error>> {
    let scheme = match request.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    // An address as the host's name means the entry itself: there is nothing to resolve.
    let literal = request.server_name.parse::<std::net::IpAddr>().is_ok();
    let name = if literal { request.address.ip().to_string() } else { request.server_name.clone() };
    let name = if name.contains(':') { format!("[{name}]") } else { name };
    Ok(Url::parse(&format!("{scheme}://{name}:{}/", request.address.port()))?)
}

/// A client that sends what it is given once, to the entry.
pub(super) fn builder(request: &PreparedRequest, deadline: Duration, tls: rustls::ClientConfig) -> ClientBuilder {
    Client::builder()
        .default_headers(request.header_map())
        .retry(reqwest::retry::never())
        .timeout(deadline)
        .tcp_nodelay(true)
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .resolve(&request.server_name, request.address)
}

/// What a request without a whole answer met.
pub(super) fn outcome_of_reqwest(error: &reqwest::Error) -> Outcome {
    if error.is_timeout() {
        return Outcome::Timeout;
    }
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).map(outcome_of).next().unwrap_or(Outcome::Broken)
}

/// The same in words.
pub(super) fn detail(met: Outcome, why: &reqwest::Error) -> String {
    match met {
        Outcome::Timeout => "no answer within the deadline".into(),
        Outcome::Refused => "no connection".into(),
        _ => format!("the connection broke: {why}"),
    }
}
