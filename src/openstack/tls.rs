//! The HTTP client of a cloud: which certificates it trusts, and how long it waits.

use reqwest::Client;

use super::clouds::{Cloud, Trust};
use crate::document::DocumentError;
use crate::requests::{self, Patience, authorities};

/// Makes it.
///
/// # Errors
/// The file of certificates can't be read or has none.
pub(super) fn client(cloud: &Cloud, patience: Patience) -> Result<Client, DocumentError> {
    let builder = requests::client(&cloud.auth_url, patience);
    let builder = match &cloud.trust {
        Trust::Machine => builder,
        Trust::File(path) => {
            let place = cloud.place("cacert");
            let hint =
                format!("`cacert` at {place} names it: name a PEM file with the certificates of the cloud's authority");
            builder.tls_certs_only(authorities(path, &hint)?)
        }
        Trust::Anything => builder.tls_danger_accept_invalid_certs(true),
    };
    builder.build().map_err(|why| DocumentError::new(format!("no HTTP client can be made: {why}")))
}
