//! The HTTP client of a cloud: which certificates it trusts, and how long it waits.

use std::net::IpAddr;
use std::path::Path;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

use super::api::Patience;
use super::clouds::{Cloud, Trust};
use crate::document::DocumentError;
use crate::text;

/// Makes it. It follows no redirect, because a login would be sent along.
///
/// # Errors
/// The file of certificates can't be read or has none.
pub(super) fn client(cloud: &Cloud, patience: Patience) -> Result<Client, DocumentError> {
    let builder = Client::builder()
        .connect_timeout(patience.connect_within)
        .timeout(patience.answer_within)
        .redirect(Policy::none())
        .retry(reqwest::retry::never());
    // A proxy of the network can't lead to this machine's own loopback.
    let host = cloud.auth_url.host_str().unwrap_or_default();
    let is_here =
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let builder = if is_here { builder.no_proxy() } else { builder };
    let builder = match &cloud.trust {
        Trust::Machine => builder,
        Trust::File(path) => builder.tls_certs_only(authorities(path, cloud)?),
        Trust::Anything => builder.tls_danger_accept_invalid_certs(true),
    };
    builder.build().map_err(|why| DocumentError::new(format!("no HTTP client can be made: {why}")))
}

fn authorities(path: &Path, cloud: &Cloud) -> Result<Vec<Certificate>, DocumentError> {
    let hint = format!(
        "`cacert` at {} names it: name a PEM file with the certificates of the cloud's authority",
        cloud.place("cacert")
    );
    let pem = text::read(path).map_err(|why| DocumentError::unreadable(path, &why).with_hint(&hint))?;
    let none = || {
        DocumentError { file: Some(path.into()), ..DocumentError::new("there is no certificate in it") }
            .with_hint(&hint)
    };
    let found = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| none())?;
    if found.is_empty() { Err(none()) } else { Ok(found) }
}
